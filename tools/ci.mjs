// The gates besides the tests themselves: node tools/ci.mjs [stage …]; `--fix` makes `format` write. Stages need what
// `npm test` builds; one run alone builds it first.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execute, filesUnder, findTool, parallel, root, runStages } from './stages.mjs';
import { arm64Short } from './arm64.mjs';
import { kernelGates } from './cuda/report.mjs';
import { buildSite, checkSite } from './docs.mjs';
import { onlyNode, packInto } from './install.mjs';
import { sanitizerEnv } from './sanitizers.mjs';

/** @typedef {import('./stages.mjs').Stage} Stage */
/** @typedef {{ directory: string, command: string, file: string }} CompileCommand */

const arguments_ = process.argv.slice(2);
const fix = arguments_.includes('--fix');
const bin = (/** @type {string} */ name) => join(root, 'node_modules/.bin', name);
const cores = availableParallelism();
const nativeFiles = () => filesUnder('native', ['.h', '.cc', '.cu', '.cuh']);

/** @returns {CompileCommand[]} */
const compileCommands = () => JSON.parse(readFileSync(join(root, 'build/compile_commands.json'), 'utf8'));

/** @param {Stage} stage */
async function format(stage) {
  await stage.run('biome format', bin('biome'), ['format', ...(fix ? ['--write'] : [])]);
  // Another version formats otherwise.
  const clangFormat = await findTool(['clang-format-14']);
  if (clangFormat)
    await stage.run('clang-format', clangFormat, [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...nativeFiles()]);
  else stage.skip('clang-format', 'clang-format-14 is not installed');
}

/** @param {Stage} stage */
async function lint(stage) {
  await stage.run('biome lint', bin('biome'), ['lint', '--error-on-warnings']);
  await stage.run('nothing is unused (knip)', bin('knip'), []);
  const clangTidy = await findTool(['clang-tidy-14', 'clang-tidy']);
  if (!clangTidy) return stage.skip('clang-tidy', 'clang-tidy is not installed');
  // clang refuses two of g++'s options.
  const commands = compileCommands().filter(({ file }) => /native\/(core|binding)\//.test(file));
  const folder = join(root, '.cache/tidy');
  mkdirSync(folder, { recursive: true });
  const database = commands.map((c) => ({
    ...c,
    command: c.command.replaceAll(/ -fno-(gnu-unique|version-loops-for-strides)/g, ''),
  }));
  writeFileSync(join(folder, 'compile_commands.json'), JSON.stringify(database));
  await parallel(commands, cores, async ({ file }) => {
    await stage.run(`clang-tidy ${file.slice(root.length + 1)}`, clangTidy, ['-p', folder, '--quiet', file]);
  });
}

/** @param {Stage} stage */
async function types(stage) {
  for (const project of ['tsconfig.json', 'tsconfig.test.json', 'tsconfig.tools.json']) {
    await stage.run(`tsc -p ${project}`, bin('tsc'), ['-p', project]);
  }
}

/** @param {Stage} stage */
async function warnings(stage) {
  const label = '-Wall -Wextra -Wconversion -Werror';
  // Where WARPGRAD_WERROR is set from the start (as in .ci/run) the builds themselves have been the check.
  if (process.env['WARPGRAD_WERROR'] === '1') {
    for (const target of ['', '--fake', '--emu']) {
      await stage.node(`${label} ${target}`, ['tools/build-native.mjs', ...(target ? [target] : [])]);
    }
    return;
  }
  // Else a tree of its own, the baseline ISA only, never linked: the warnings are the same and the release objects stay untouched.
  const tree = join(root, 'build-werror');
  const generator = (await findTool(['ninja'])) ? ['-G', 'Ninja'] : [];
  const options = ['-DWG_WERROR=ON', '-DWG_ISAS=base', '-DCMAKE_BUILD_TYPE=MinSizeRel'];
  if (await stage.run('configure', 'cmake', ['-S', root, '-B', tree, ...generator, ...options])) {
    await stage.run(label, 'cmake', ['--build', tree, '--target', 'objects', '--parallel', String(cores)]);
  }
}

/**
 * An inline function that an AVX-512 file shares with a baseline one is a SIGILL elsewhere: the linker keeps either copy.
 * So every symbol that more than one object may define has to be inside the namespace of its ISA.
 * @param {Stage} stage
 */
async function weakSymbols(stage) {
  const folder = join(root, '.cache/weak');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const commands = compileCommands().filter(({ command }) => command.includes('-DWG_ISA='));
  if (!stage.check('there are ISA-specific objects', commands.length > 0)) return;
  /** @type {string[]} */
  const found = [];
  await parallel(commands, cores, async ({ directory, command, file }) => {
    const isa = /-DWG_ISA=(\w+)/.exec(command)?.[1] ?? '';
    // nm prints a generic lambda within a generic lambda as it is mangled: _ZZN2wg3cpu4base…
    const own = new RegExp(`\\b${isa}::| _Z+N2wg3cpu${isa.length}${isa}\\d`);
    const released = / -o (\S+)/.exec(command)?.[1] ?? '';
    const plain = join(folder, `${isa}-${basename(file)}.o`);
    const compile = command
      .replace(/ -o \S+/, ` -o ${plain}`)
      .replaceAll(/ -O[23]/g, ' -O0')
      .replaceAll(/ -[UD]_FORTIFY_SOURCE(=2)?/g, '');
    const compiled = await execute('sh', ['-c', compile], { cwd: directory });
    if (compiled.code !== 0) found.push(`${file}: does not compile at -O0\n${compiled.output}`);
    for (const object of [join(directory, released), plain]) {
      const { output } = await execute('nm', ['-C', '--defined-only', object]);
      for (const line of output.split('\n')) {
        // A name of the standard's <new>, or one in the ISA's own namespace, cannot be mistaken for another ISA's.
        if (/ [WVu] /.test(line) && !own.test(line)) found.push(`${basename(object)}: ${line}`);
      }
    }
  });
  stage.check(`${2 * commands.length} objects share no inline code`, found.length === 0, found.slice(0, 40).join('\n'));
}

/** @param {Stage} stage */
async function exports_(stage) {
  for (const name of ['libwarpgrad_fake.so', 'libwarpgrad_emu.so', 'libwarpgrad_cuda.so']) {
    const file = join(root, 'build/Release', name);
    if (!existsSync(file)) {
      if (name.includes('cuda')) stage.skip(name, 'not built here');
      else stage.check(`${name} is built`, false);
      continue;
    }
    const { output } = await execute('nm', ['-D', '--defined-only', file]);
    const names = output
      .trim()
      .split('\n')
      .map((line) => line.split(' ').at(-1));
    stage.check(
      `${name} exports wg_backend and nothing else`,
      names.join() === 'wg_backend',
      names.slice(0, 20).join('\n'),
    );
  }
  const floor = ['tools/check-floor.mjs', 'build/Release/warpgrad.node'];
  await stage.node('the addon needs no newer C and C++ library than Node does', floor);
}

/** @param {Stage} stage */
async function cuda(stage) {
  const nvcc = await findTool(['nvcc', '/usr/local/cuda/bin/nvcc']);
  if (!nvcc) return stage.skip('libwarpgrad_cuda.so', 'nvcc is not installed');
  const start = performance.now();
  if (!(await stage.node('build', ['tools/build-native.mjs', '--cuda', '--report', '--arch', 'sm_80,sm_90a']))) return;
  console.log(`  sm_80 and sm_90a in ${((performance.now() - start) / 60_000).toFixed(1)} min`);
  await kernelGates(stage);
  await stage.tests(['native/cuda']);
}

/** Every op's table on the emulated device, and how it fails; `npm run test:emu` is the whole. @param {Stage} stage */
async function emulator(stage) {
  if (!(await stage.node('build', ['tools/build-native.mjs', '--emu']))) return;
  const spine = ['capture', 'errors', 'lost', 'two-devices'].map((name) => `spine/${name}`);
  await stage.tests(['ops/', 'optim/fused', 'train/lenet', ...spine], { WARPGRAD_TEST_DEVICES: 'cuda-emu' });
}

/** A few of the twelve; all of them are a stage of tools/full.mjs. @param {Stage} stage */
async function schedules(stage) {
  if (!(await stage.node('build', ['tools/build-native.mjs', '--emu']))) return;
  const few = ['--only', 'forward-lockstep-early,reverse-greedy-late,random-greedy-late'];
  const label = 'every kernel with barriers or asynchronous copies, the same bits under 3 schedules';
  await stage.node(label, ['.test/test/native/kernels/schedules.js', ...few], { show: true });
}

/** @param {Stage} stage */
async function asan(stage) {
  for (const target of [[], ['--fake'], ['--emu-tests']]) {
    // The baseline kernels stand for all: they are the same source. `test:full asan` has every instruction set.
    const options = ['--sanitize=address,undefined', '--isas', 'base', ...target];
    if (!(await stage.node('build', ['tools/build-native.mjs', ...options]))) return;
  }
  const spine = ['sharing', 'errors', 'memory', 'threads', 'uploads'].map((name) => `spine/${name}`);
  const ops = ['view', 'inplace', 'join', 'binary'].map((name) => `ops/${name}`);
  const chosen = ['native/schema', 'native/emu', 'core/', 'autograd/', 'fuzz/calls', ...spine, ...ops];
  await stage.tests(chosen, { WARPGRAD_TEST_TIMEOUT: '900', ...sanitizerEnv('address,undefined') });
}

/** `npm test` has run every op's table with one seed; here the laws over random shapes meet numbers new to this commit. @param {Stage} stage */
async function gradcheck(stage) {
  const { output } = await execute('git', ['rev-parse', '--short=7', 'HEAD']);
  const seed = Number.parseInt(output, 16) || 1;
  console.log(`  WARPGRAD_TEST_SEED=${seed}`);
  await stage.tests(['ops/coverage', 'ops/properties', 'autograd/'], { WARPGRAD_TEST_SEED: String(seed) });
}

/** The site; `npm test` has run the examples (test/docs.test.ts). @param {Stage} stage */
async function docs(stage) {
  const start = performance.now();
  const complaint = await buildSite();
  const label = `the site builds, in ${((performance.now() - start) / 1000).toFixed(0)} s`;
  if (!stage.check(label, complaint === '', complaint)) return;
  const { pages, links, broken } = checkSite();
  stage.check(`${links} links of ${pages} pages lead somewhere`, broken.length === 0, broken.join('\n'));
}

/** The tarball, looked at and installed the way a user's machine without a compiler does it. @param {Stage} stage */
async function pack(stage) {
  if (!(await stage.node('prebuilt binary', ['tools/prebuilds.mjs']))) return;
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-pack-'));
  const { name, size, unpackedSize, files } = await packInto(folder);
  const sizes = `${(size / 1e6).toFixed(2)} MB packed, ${(unpackedSize / 1e6).toFixed(2)} MB unpacked, ${files.length} files`;
  stage.check(`${name}: ${sizes}`, size < 5e6);
  const unwanted = files.filter((n) => /^(test|tools\/(?!build-native|peers\/)|\.)|binding\.gyp|fake\.so/.test(n));
  stage.check('nothing is packed that must not be', unwanted.length === 0, unwanted.join('\n'));
  await stage.run('publint', bin('publint'), [join(folder, name), '--strict']);
  await stage.run('types resolve (attw)', bin('attw'), [join(folder, name), '--profile', 'esm-only']);

  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${name}`];
  if (await stage.run('npm install --ignore-scripts', 'npm', install, { cwd: folder })) {
    writeFileSync(join(folder, 'step.mjs'), readFileSync(join(root, 'tools/install-step.mjs')));
    await stage.run('training without a compiler', 'node', ['step.mjs'], { cwd: folder, env: onlyNode(folder) });
  }
  rmSync(folder, { recursive: true, force: true });
}

/** @param {readonly string[]} filters */
const testStage = (filters) => async (/** @type {Stage} */ stage) => void (await stage.tests(filters));

/** @type {Record<string, (stage: Stage) => Promise<void> | void>} */
const stages = {
  build: async (stage) => void (await stage.run('npm run build:test', 'npm', ['run', '--silent', 'build:test'])),
  format,
  lint,
  types,
  layers: testStage(['layers']),
  'gen-current': async (stage) =>
    void (await stage.node('lib/native/kernels.gen.ts is what the addon prints', ['tools/gen.mjs', '--check'])),
  'native-warnings': warnings,
  'weak-symbols': weakSymbols,
  'op-table': testStage(['native/schema']),
  gradcheck,
  cuda,
  emulator,
  exports: exports_,
  schedules,
  'asan-ubsan': asan,
  arm64: arm64Short,
  docs,
  pack,
};

const names = arguments_.filter((a) => !a.startsWith('--'));
// The other stages look at what is built; a build that fails is a failure of its own and does not hide theirs.
const needBuild = names.length > 0 && !names.every((n) => n === 'format' || n === 'build');
await runStages(stages, needBuild ? ['build', ...names] : names);
