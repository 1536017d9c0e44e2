// libwarpgrad_cuda.so says plainly why a machine cannot use it, and computes where it can. Skipped where it is not built.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device, devices, full, WarpgradError } from '../../lib/index.ts';
import { backendPath } from '../../lib/native/load.ts';
import { packageRoot } from '../support/package-root.ts';

const root = packageRoot(import.meta.url);
const built = backendPath('cuda') !== null;
const usable = built && devices().some((d) => d.device === 'cuda');
const hasDriver = built && spawnSync('nvidia-smi', ['-L']).status === 0;
const when = (condition: boolean): typeof test | typeof test.skip => (condition ? test : test.skip);

/** What device('cuda') throws in a process of its own, with `libraryPath` searched first. */
function complaint(libraryPath: string): string {
  const code = `import { device } from ${JSON.stringify(join(root, '.test/lib/index.js'))};
    try { device('cuda'); console.log('usable'); } catch (error) { console.log(error.code + ' ' + error.message); }`;
  const env = { ...process.env, LD_LIBRARY_PATH: libraryPath };
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', env }).trim();
}

when(built && !hasDriver)('without a driver it loads and says so', () => {
  assert.throws(
    () => device('cuda'),
    (error: unknown) =>
      error instanceof WarpgradError && error.code === 'ERR_DEVICE' && /no NVIDIA driver/.test(error.message),
  );
});

when(built && !hasDriver && spawnSync('g++', ['--version']).status === 0)(
  'an old driver is named with its version',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'warpgrad-driver-'));
    const source = join(folder, 'cuda.cc');
    writeFileSync(source, 'extern "C" int cuDriverGetVersion(int* version) { *version = 12040; return 0; }\n');
    execFileSync('g++', ['-shared', '-fPIC', source, '-o', join(folder, 'libcuda.so.1')]);
    assert.match(complaint(folder), /^ERR_DEVICE .*driver supports CUDA 12\.4.*update the driver/);
    rmSync(folder, { recursive: true });
  },
);

when(usable)('fill runs on the device', async () => {
  const x = full([3, 5], 2.5, { device: 'cuda' });
  assert.equal([...(await x.data())], Array<number>(15).fill(2.5));
});

when(usable)('an op without a CUDA kernel rejects the read', async () => {
  const y = full([2], 1, { device: 'cuda' }).exp();
  try {
    await y.data();
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof WarpgradError && error.code === 'ERR_UNSUPPORTED');
  }
});

test('the list of devices begins with the CPU', () => {
  assert.is(devices()[0]?.device, 'cpu');
});

test.run();
