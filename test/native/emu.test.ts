// The emulator and every wrapper of native/cuda/wg, by test/native/emu/*.cc: built on demand, one test here for each there.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/package-root.ts';
import { sanitizer } from '../support/sanitizer.ts';

const root = packageRoot(import.meta.url);
const run = (command: string, argv: readonly string[]): { code: number; output: string } => {
  // A sanitizer's runtime is for node here, not for the compilers: CMake has hung with one.
  const env = { ...process.env, LD_PRELOAD: '' };
  const { status, stdout, stderr } = spawnSync(command, argv, { cwd: root, encoding: 'utf8', env });
  return { code: status ?? 1, output: stdout + stderr };
};
const available = run('cmake', ['--version']).code === 0 && run('g++', ['--version']).code === 0;

if (!available) {
  test.skip('the emulator needs CMake and g++', () => {});
} else {
  const options = sanitizer === '' ? [] : [`--sanitize=${sanitizer}`, '--isas', 'base'];
  const build = run(process.execPath, ['tools/build-native.mjs', '--emu-tests', ...options]);
  test('the tests of the emulator are built', () => assert.is(build.code, 0, build.output));
  if (build.code === 0) {
    const folder = join(process.env['WARPGRAD_PREBUILD'] ?? root, 'build/Release');
    const { code, output } = run(join(folder, 'emu_tests'), []);
    const verdicts = [...output.matchAll(/^(ok {2}|FAIL) (\w+)$/gm)];
    for (const [, verdict, name = ''] of verdicts) {
      const what = output.slice(0, output.indexOf(`FAIL ${name}`)).split(/^(?:ok {2}|FAIL) \w+$/m);
      test(name.replaceAll('_', ' '), () => assert.is(verdict, 'ok  ', what.at(-1)));
    }
    test('they end with their count', () => {
      assert.match(output, new RegExp(`^${verdicts.length} passed, 0 failed$`, 'm'));
      assert.is(code, 0);
    });
  }
}

test.run();
