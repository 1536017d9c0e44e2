// What the compiler made of every CUDA kernel: node tools/cuda/report.mjs [--write] reads the tree that
// `tools/build-native.mjs --cuda --report --arch sm_80,sm_90a` leaves. Prints faults, or writes docs/cuda-kernels.md.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filesUnder, root } from '../stages.mjs';
import { kernelsIn } from './cubin.mjs';
import { instructions, localMemory } from './expected.mjs';
import { occupancy, parsePtxas } from './ptxas.mjs';

/** @typedef {import('./ptxas.mjs').Usage & import('./cubin.mjs').Kernel & { file: string, label: string }} Compiled */

export const tableFile = join(root, 'docs/cuda-kernels.md');
const objects = join(root, 'build-cuda/CMakeFiles/warpgrad_cuda.dir');

/** Of everything that kernels are compiled from. */
export function sourceHash() {
  const hash = createHash('sha256');
  const files = ['native/cuda', 'native/ops', 'native/core'].flatMap((dir) => filesUnder(dir, ['.cu', '.cuh', '.h']));
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** @returns {{ kernels: Compiled[], complaints: string[] }} */
export function readBuild() {
  /** @type {Compiled[]} */
  const kernels = [];
  /** @type {string[]} */
  const complaints = [];
  const { cuda } = JSON.parse(readFileSync(join(root, 'native/sources.json'), 'utf8'));
  for (const file of cuda.filter((/** @type {string} */ name) => name.endsWith('.cu'))) {
    const object = join(objects, `${file}.o`);
    if (!existsSync(`${object}.ptxas`)) {
      complaints.push(`${file}: no report; build with --cuda --report`);
      continue;
    }
    const said = parsePtxas(readFileSync(`${object}.ptxas`, 'utf8'));
    complaints.push(...said.complaints.map((line) => `${file}: ${line}`));
    const code = new Map(kernelsIn(readFileSync(object)).map((k) => [`${k.name} ${k.architecture}`, k]));
    for (const usage of said.kernels) {
      const instructionsOf = code.get(`${usage.name} ${usage.architecture}`);
      if (instructionsOf)
        kernels.push({ ...instructionsOf, ...usage, file: file.replace('native/cuda/', ''), label: '' });
      else complaints.push(`${file}: the object holds no ${usage.name} for sm_${usage.architecture}`);
    }
  }
  const plain = spawnSync('c++filt', ['-p'], { input: kernels.map(({ name }) => name).join('\n'), encoding: 'utf8' });
  const names = (plain.stdout ?? '').split('\n');
  kernels.forEach((kernel, i) => {
    kernel.label = (names[i] || kernel.name).replaceAll(/\(anonymous namespace\)::|wg::cuda::|wg::/g, '');
  });
  return { kernels, complaints };
}

/** A label without its template's arguments. @param {string} label */
const family = (label) => label.replace(/<.*/, '');

/** Everything that is wrong with a build. @param {ReturnType<typeof readBuild>} build @returns {string[]} */
export function faults({ kernels, complaints }) {
  const found = [...complaints];
  const excused = new Set();
  for (const kernel of kernels) {
    const where = `${kernel.file}: ${kernel.label} for sm_${kernel.architecture}`;
    if (kernel.spills > 0) found.push(`${where} spills ${kernel.spills} bytes`);
    if (kernel.threads === 0) found.push(`${where} has no launch bounds`);
    if (kernel.counts.has('LDL') || kernel.counts.has('STL')) {
      const name = `${kernel.file} ${family(kernel.label)}`;
      excused.add(name);
      if (!(name in localMemory)) found.push(`${where} uses local memory (a stack frame of ${kernel.stack} bytes)`);
    }
  }
  for (const name of Object.keys(localMemory)) {
    if (!excused.has(name)) found.push(`tools/cuda/expected.mjs excuses ${name}, which uses no local memory`);
  }
  for (const { file, kernel, not, has, architecture } of instructions) {
    const chosen = kernels.filter(
      (k) =>
        k.file === file &&
        kernel.test(k.label) &&
        !not?.test(k.label) &&
        (architecture ?? k.architecture) === k.architecture,
    );
    if (chosen.length === 0) found.push(`tools/cuda/expected.mjs names ${kernel} of ${file}, which there is not`);
    for (const each of chosen) {
      for (const name of has) {
        if (!each.counts.has(name)) {
          found.push(`${each.file}: ${each.label} for sm_${each.architecture} has no ${name} instruction`);
        }
      }
    }
  }
  return found;
}

/** The committed table. @param {Compiled[]} kernels */
export function table(kernels) {
  /** @type {Map<string, Compiled[]>} */
  const groups = new Map();
  for (const kernel of kernels) {
    const key = `${kernel.file} | ${family(kernel.label)}`;
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  }
  const range = (/** @type {number[]} */ values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? `${low}` : `${low}–${high}`;
  };
  const rows = [...groups].map(([key, all]) => {
    const of = (/** @type {number} */ architecture) => all.filter((k) => k.architecture === architecture);
    const cells = [80, 90].map((architecture) => {
      const some = of(architecture);
      if (some.length === 0) return ' | ';
      return `${range(some.map((k) => k.registers))} | ${range(some.map((k) => occupancy(k, k.threads)))}`;
    });
    const shared = range(all.map((k) => k.shared));
    const spills = range(all.map((k) => k.spills));
    const tensor = ['HMMA', 'IMMA', 'HGMMA'].filter((name) => all.some((k) => k.counts.has(name)));
    const vector = all.some((k) => k.counts.has('LDG.128') || k.counts.has('LDGSTS.128')) ? ['128-bit loads'] : [];
    const copies = all.some((k) => k.counts.has('LDGSTS')) ? ['cp.async'] : [];
    const local = all.some((k) => k.counts.has('LDL') || k.counts.has('STL')) ? ['local memory'] : [];
    const notes = [...tensor, ...copies, ...vector, ...local].join(', ');
    const instances = new Set(all.map((k) => k.label)).size;
    return `| ${key} | ${instances} | ${range(all.map((k) => k.threads))} | ${cells.join(' | ')} | ${shared} | ${spills} | ${notes} |`;
  });
  const excuses = Object.entries(localMemory).map(([name, why]) => `- ${name}: ${why}`);
  return `# CUDA kernels as compiled

Written by \`npm run cuda:report\` from what ptxas (${version()}) says for sm_80 and sm_90a and from the machine code; CI fails when it is
stale. Ranges span the instances of a kernel. Occupancy: the share of an SM's warps in per cent, before dynamic shared memory.

${kernels.length / 2} kernels in ${new Set(kernels.map((k) => k.file)).size} files, ${kernels.filter((k) => k.spills > 0).length} spill; \
at most ${Math.max(...kernels.map((k) => k.registers))} registers.
Sources: \`${sourceHash()}\`

| file | kernel | instances | threads | registers sm_80 | % | registers sm_90a | % | static shared bytes | spilled bytes | has |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.sort().join('\n')}
${excuses.length > 0 ? `\nLocal memory is used where an index is known only at run time:\n\n${excuses.join('\n')}\n` : ''}`;
}

function version() {
  const { stdout = '' } = spawnSync('nvcc', ['--version'], { encoding: 'utf8' });
  return /release [\d.]+, V([\d.]+)/.exec(stdout)?.[1] ?? 'unknown';
}

/** '' when the committed table is that of these sources. */
export function staleness() {
  if (!existsSync(tableFile)) return 'docs/cuda-kernels.md is missing';
  const text = readFileSync(tableFile, 'utf8');
  return text.includes(`Sources: \`${sourceHash()}\``)
    ? ''
    : 'docs/cuda-kernels.md is of other sources; run: npm run cuda:report';
}

/** The checks of a build with --report. @param {import('../stages.mjs').Stage} stage */
export async function kernelGates(stage) {
  const build = readBuild();
  const found = faults(build);
  const wanted = instructions.length;
  const label = `${build.kernels.length} kernels spill nothing, keep out of local memory, and ${wanted} rules on their instructions hold`;
  stage.check(label, build.kernels.length > 0 && found.length === 0, found.join('\n'));
  const stale = staleness();
  stage.check('docs/cuda-kernels.md is of these sources', stale === '', stale);
  // Here for two architectures, not compressed; the stage cuda-all holds what is shipped, compressed for all, to 60 MB.
  const size = `libwarpgrad_cuda.so, uncompressed: ${(librarySize() / 1e6).toFixed(1)} MB`;
  stage.check(size, librarySize() <= 80e6, 'more than 80 MB');
}

const librarySize = () => statSync(join(root, 'build/Release/libwarpgrad_cuda.so')).size;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const build = readBuild();
  const found = faults(build);
  for (const line of found) console.error(line);
  if (process.argv.includes('--write')) writeFileSync(tableFile, table(build.kernels));
  console.log(`${build.kernels.length} kernels (sm_80 and sm_90a together), ${found.length} faults`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
