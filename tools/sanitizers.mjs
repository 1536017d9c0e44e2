// How the tests run against a sanitized addon: node itself is not instrumented, so the runtime has to be loaded before it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './stages.mjs';

/** The tree that tools/build-native.mjs --sanitize=… builds. @param {string} sanitize */
export const sanitizerTree = (sanitize) =>
  sanitize.startsWith('thread') ? 'build-tsan' : sanitize.startsWith('address') ? 'build-asan' : 'build-ubsan';

/** ThreadSanitizer's shadow memory collides with randomized addresses; `setarch` must start before its runtime is loaded.
 * @param {string} sanitize @param {Record<string, string>} env what sanitizerEnv gave
 * @returns {{ env: Record<string, string>, wrapper: string[] }} */
export function sanitizerCommand(sanitize, env) {
  if (!sanitize.startsWith('thread')) return { env, wrapper: [] };
  const { LD_PRELOAD = '', ...rest } = env;
  return { env: rest, wrapper: ['setarch', '-R', 'env', `LD_PRELOAD=${LD_PRELOAD}`] };
}

/** @param {string} sanitize @returns {Record<string, string>} */
export function sanitizerEnv(sanitize) {
  const tree = sanitizerTree(sanitize);
  const runtime = { 'build-asan': 'libasan.so', 'build-tsan': 'libtsan.so', 'build-ubsan': 'libubsan.so' }[tree] ?? '';
  const found = spawnSync('g++', [`-print-file-name=${runtime}`], { encoding: 'utf8' }).stdout.trim();
  return {
    WARPGRAD_PREBUILD: join(root, tree), // node-gyp-build looks below it for build/Release/*.node
    WARPGRAD_TEST_SANITIZER: sanitize,
    LD_PRELOAD: found,
    // Node itself keeps memory to its end; the tests count what the library keeps.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    TSAN_OPTIONS: `halt_on_error=1:second_deadlock_stack=1:atexit_sleep_ms=0:suppressions=${join(root, 'test/support/tsan.supp')}`,
  };
}
