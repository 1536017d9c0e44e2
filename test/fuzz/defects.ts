// Shows that the fuzzer would notice: plants one defect at a time in a copy of the built tree and runs the fuzzer on it, which
// must fail. The stage `defects` of npm run test:full: node .test/test/fuzz/defects.js
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Defect {
  readonly name: string;
  /** In the compiled tree for .js, in native/ for .cc. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export const defects: readonly Defect[] = [
  {
    name: 'a host write into a busy block',
    file: 'native/binding/transfers.cc',
    find: 'const bool idle = !slot.block->snapshots && environment.isDone(*slot.block);',
    put: 'const bool idle = true;',
  },
  {
    name: 'a wrong version check',
    file: '.test/lib/autograd/tape.js',
    find: 'storage.version !== this.#version',
    put: 'storage.version < this.#version',
  },
  {
    name: 'a leaked count',
    file: '.test/lib/autograd/tape.js',
    find: 'if (arg instanceof SavedTensor)\n                arg.release();',
    put: 'if (arg instanceof SavedTensor && this.savedOutputs.length > 0)\n                arg.release();',
  },
];

const root = fileURLToPath(new URL('../../..', import.meta.url));

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
  });
  return { status, text: `${stdout}${stderr}` };
}

/** Compiles the one changed file and links it with the objects of the present build. */
function rebuild(copy: string, file: string): void {
  const build = realpathSync(join(root, 'build'));
  const source = realpathSync(join(root, file));
  const { text } = run('ninja', ['-t', 'commands'], build);
  const lines = text.split('\n');
  const compile = lines.find((line) => line.includes(` -c ${source}`));
  const link = lines.find((line) => line.includes('-o Release/warpgrad.node'));
  const object = /-o (\S+\.o)/.exec(compile ?? '')?.[1];
  if (!compile || !link || !object) throw new Error('the build directory does not say how it was built');
  const made = join(copy, 'defect.o');
  const steps = [
    compile
      .replace(`-o ${object}`, `-o ${made}`)
      .replace(`-c ${source}`, `-I${dirname(source)} -c ${join(copy, 'defect.cc')}`),
    link.replace('-o Release/warpgrad.node', `-o ${join(copy, 'build/Release/warpgrad.node')}`).replace(object, made),
  ];
  for (const step of steps) {
    const { status, text: output } = run('sh', ['-c', step], build);
    if (status !== 0) throw new Error(output);
  }
}

/** The file a defect goes into, with it. Throws where the place is no longer found. */
export function defective({ file, find, put }: Defect): string {
  const source = readFileSync(join(root, file), 'utf8');
  if (!source.includes(find)) throw new Error(`${file} no longer holds: ${find}`);
  return source.replace(find, put);
}

/** A copy of everything the fuzzer needs, with the defect in it. */
function plant(defect: Defect): string {
  const copy = mkdtempSync(join(tmpdir(), 'warpgrad-defect-'));
  cpSync(join(root, '.test'), join(copy, '.test'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  mkdirSync(join(copy, 'build/Release'), { recursive: true });
  cpSync(join(root, 'build/Release'), join(copy, 'build/Release'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const { file } = defect;
  const changed = defective(defect);
  if (!file.startsWith('native/')) writeFileSync(join(copy, file), changed);
  else {
    // Includes are relative to the file's own folder.
    writeFileSync(join(copy, 'defect.cc'), changed.replace(/#include "\.\.\//g, `#include "${join(root, 'native')}/`));
    rebuild(copy, file);
  }
  return copy;
}

function main(): void {
  let found = 0;
  for (const defect of defects) {
    const copy = plant(defect);
    const start = performance.now();
    const { status, text } = run(process.execPath, ['--expose-gc', '.test/test/fuzz/fuzz.test.js'], copy, {
      WARPGRAD_FUZZ_RUNS: '4000',
    });
    const after = /Property failed after (\d+) tests/.exec(text)?.[1];
    const caught = status !== 0 && after !== undefined;
    found += Number(caught);
    console.log(
      `${defect.name}: ${caught ? `found after ${after} programs` : 'NOT FOUND'} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
    );
    rmSync(copy, { recursive: true, force: true });
  }
  console.log(`${found} of ${defects.length} seeded defects found`);
  process.exitCode = found === defects.length ? 0 : 1;
}

if (process.argv[1]?.endsWith('defects.js')) main();
