// Every wrapper of native/cuda/wg compiles for sm_80 and sm_90a, warns of nothing and spills nothing: nvcc takes the same
// tests that the emulator runs. Skipped without nvcc; not repeated while nothing has changed.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/package-root.ts';

const root = packageRoot(import.meta.url);
const nvcc = ['nvcc', '/usr/local/cuda/bin/nvcc'].find((command) => spawnSync(command, ['--version']).status === 0);
const launcher = spawnSync('ccache', ['--version']).status === 0 ? ['ccache'] : [];
const folder = join(root, '.cache/cuda-wrappers');
mkdirSync(folder, { recursive: true });

const filesOf = (directory: string): string[] =>
  readdirSync(join(root, directory)).map((name) => join(directory, name));
const headers = [...filesOf('native/cuda/wg'), 'native/core/view.h', 'test/native/emu/harness.h'];

/** What the compiler said, from this run or from one on the same sources. */
async function compile(source: string, architecture: string): Promise<string> {
  const hash = createHash('sha256').update(architecture);
  for (const file of [source, ...headers]) hash.update(readFileSync(join(root, file)));
  const kept = join(folder, hash.digest('hex'));
  if (existsSync(kept)) return readFileSync(kept, 'utf8');
  const target = `arch=compute_${architecture},code=sm_${architecture}`;
  const output = `${kept}.o`;
  const options = [
    '-x',
    'cu',
    '-std=c++20',
    '-O3',
    '-Xcudafe',
    '--diag_error=177',
    '-gencode',
    target,
    '-Xptxas',
    '-v',
  ];
  const [command = '', ...argv] = [...launcher, nvcc ?? '', ...options, '-c', source, '-o', output];
  // A sanitizer that is loaded for Node's sake is not for the compiler, which crashes under it.
  const env = { ...process.env, LD_PRELOAD: '' };
  const { stdout, stderr } = await promisify(execFile)(command, argv, { cwd: root, env, maxBuffer: 1 << 26 });
  writeFileSync(kept, stdout + stderr);
  return stdout + stderr;
}

/** The same, with at most one compiler a core: all are asked for at once, before the tests that wait for them. */
const waiting: (() => void)[] = [];
let free = availableParallelism();
async function compiled(source: string, architecture: string): Promise<string> {
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await compile(source, architecture);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

/** Not of the emulator's tests that hold nothing for nvcc. */
const forDevices = (source: string): boolean => !/^(\/\/.*\n)*#ifndef __CUDACC__\n/.test(readFileSync(source, 'utf8'));

for (const source of filesOf('test/native/emu').filter((f) => f.endsWith('_test.cc') && forDevices(join(root, f)))) {
  for (const architecture of ['80', '90a']) {
    const label = `${source} for sm_${architecture}`;
    if (!nvcc) {
      test.skip(label);
      continue;
    }
    const said = compiled(source, architecture);
    said.catch(() => {}); // the test tells
    test(label, async () => {
      const output = await said;
      assert.not.match(output, /warning|Potential Performance Loss/);
      const spills = [...output.matchAll(/(\d+) bytes spill/g)].map((m) => Number(m[1]));
      assert.ok(spills.length > 0 && spills.every((bytes) => bytes === 0), 'a kernel spills registers');
    });
  }
}

test.run();
