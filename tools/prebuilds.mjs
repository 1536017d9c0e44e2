// Puts the binary that travels in the tarball into prebuilds/<platform>-<arch>/: node tools/prebuilds.mjs [--cuda]
// With --cuda also the CUDA library into packages/warpgrad-cuda, which is published beside the package: it is larger than all else.
// The build itself is the usual one; prebuildify strips, names and tags it. It moves what it finds, so it gets copies.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './stages.mjs';

const prebuildify = promisify(
  /** @type {(options: object, done: (error?: Error) => void) => void} */ (
    createRequire(import.meta.url)('prebuildify')
  ),
);
const staging = join(root, '.cache/prebuild');
const release = join(staging, 'build/Release');
rmSync(staging, { recursive: true, force: true });
rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
mkdirSync(release, { recursive: true });

const build = (/** @type {string[]} */ ...args) =>
  execFileSync(process.execPath, [join(root, 'tools/build-native.mjs'), ...args], { cwd: root, stdio: 'inherit' });
build();
cpSync(join(root, 'build/Release/warpgrad.node'), join(release, 'warpgrad.node'));
if (process.argv.includes('--cuda')) {
  build('--cuda', '--arch', 'all');
  const library = join(root, 'packages/warpgrad-cuda/libwarpgrad_cuda.so');
  cpSync(join(root, 'build/Release/libwarpgrad_cuda.so'), library);
  execFileSync('strip', ['--strip-unneeded', library]);
}
// libc is in the name because an untagged Linux binary would be offered on Alpine too.
await prebuildify({
  name: 'warpgrad',
  napi: true,
  strip: true,
  tagLibc: true,
  cwd: staging,
  out: root,
  nodeGyp: 'true',
});
