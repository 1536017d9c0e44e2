// `warpgrad doctor` names what is wrong with a machine and its remedy, and a driver that crashes takes no program with it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backendPath } from '../../lib/native/load.ts';
import { packageRoot } from '../support/package-root.ts';
import { sanitizer } from '../support/sanitizer.ts';

const root = packageRoot(import.meta.url);
const built = backendPath('cuda') !== null;
const hasDriver = spawnSync('nvidia-smi', ['-L']).status === 0;
const compiles = spawnSync('g++', ['--version']).status === 0 && sanitizer === '';
const when = (condition: boolean): typeof test | typeof test.skip => (condition ? test : test.skip);

interface Answer {
  code: number | null;
  output: string;
}
const program = (args: readonly string[], env: Record<string, string> = {}): Answer => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: status, output: stdout + stderr };
};
const doctor = (env?: Record<string, string>): Answer => program([join(root, '.test/lib/cli/main.js'), 'doctor'], env);

/** Asks for the CUDA device, then computes on the CPU. */
const host = `import { device, tensor } from ${JSON.stringify(join(root, '.test/lib/index.js'))};
  try { device('cuda'); console.log('usable'); } catch (error) { console.log(error.code + ' ' + error.message); }
  console.log('cpu ' + tensor([1, 2]).sum().itemSync());`;

/** A folder with a library made of this C++ in it. */
function withLibrary(name: string, source: string, body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-driver-'));
  try {
    const file = join(folder, 'driver.cc');
    writeFileSync(file, source);
    const { status } = spawnSync('g++', ['-shared', '-fPIC', file, '-o', join(folder, name)]);
    assert.is(status, 0);
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a sound machine', () => {
  const { code, output } = doctor();
  assert.match(output, /^ok {4}node {5}v\d+/m);
  assert.match(output, /^ok {4}addon .*warpgrad.*\.node, loads in \d+ ms$/m);
  assert.match(output, /^ok {4}cpu .* kernels, \d+ threads/m);
  assert.match(output, /^ok {4}test {5}cpu: values and gradients are right; \d+ GFLOP\/s$/m);
  if (built) assert.match(output, /^\w+ +cuda .*needs glibc 2\.\d\d$/m);
  if (!hasDriver) assert.is(code, 0, output);
  const { output: json } = program([join(root, '.test/lib/cli/main.js'), 'doctor', '--json']);
  const rows = JSON.parse(json) as { state: string; what: string; found: string }[];
  assert.equal(rows.map(({ what }) => what).slice(0, 4), ['node', 'libc', 'addon', 'cpu']);
});

test('without an addon it says how to make one', () => {
  const { code, output } = doctor({ WARPGRAD_PREBUILD: join(root, 'nowhere') });
  assert.is(code, 1);
  assert.match(output, /^FAIL {2}addon .*\n +→ build it with `npx warpgrad-build`/m);
});

test('what is no backend is named', () => {
  const { code, output } = doctor({ WARPGRAD_CUDA_LIB: join(root, 'package.json') });
  assert.is(code, 1);
  assert.match(output, /^FAIL {2}cuda .*\n +→ WARPGRAD_CUDA_LIB names .*: unset it/m);
});

when(compiles)('a driver that crashes when loaded ends neither the doctor nor the program', () => {
  withLibrary('libcuda.so.1', '__attribute__((constructor)) void start() { __builtin_trap(); }\n', (folder) => {
    // Standing for a backend that loads it.
    const env = { LD_LIBRARY_PATH: folder, WARPGRAD_CUDA_LIB: join(folder, 'libcuda.so.1') };
    const { code, output } = doctor(env);
    assert.is(code, 1);
    assert.match(output, /^FAIL {2}driver .*ended it with SIG(ILL|TRAP)\n +→ the NVIDIA driver is broken/m);
    const told = program(['--input-type=module', '-e', host], env);
    assert.is(told.code, 0, told.output);
    assert.match(told.output, /^ERR_DEVICE .*ended it with SIG(ILL|TRAP); run `npx warpgrad doctor`\ncpu 3$/m);
  });
});

when(built && compiles && !hasDriver)('a driver that crashes when asked, and an old one', () => {
  const asked = (body: string): string => `extern "C" int cuDriverGetVersion(int* version) { ${body} }\n`;
  withLibrary('libcuda.so.1', asked('__builtin_trap(); return 0;'), (folder) => {
    assert.match(doctor({ LD_LIBRARY_PATH: folder }).output, /^FAIL {2}driver .*\n +→ the NVIDIA driver is broken/m);
  });
  withLibrary('libcuda.so.1', asked('*version = 12040; return 0;'), (folder) => {
    const { output } = doctor({ LD_LIBRARY_PATH: folder });
    assert.match(output, /^FAIL {2}driver .*supports CUDA 12\.4.*\n +→ update to NVIDIA's driver 580 or newer/m);
  });
});

when(built && !hasDriver)('without a driver the CPU computes', () => {
  const { code, output } = program(['--input-type=module', '-e', host]);
  assert.is(code, 0);
  assert.match(output, /^ERR_DEVICE .*no NVIDIA driver.*\ncpu 3$/m);
});

test.run();
