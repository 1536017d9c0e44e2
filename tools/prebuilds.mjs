// Puts the binaries that travel in the tarball into prebuilds/<platform>-<arch>/: node tools/prebuilds.mjs [--cuda]
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

const products = [{ file: 'warpgrad.node', args: /** @type {string[]} */ ([]) }];
if (process.argv.includes('--cuda')) products.push({ file: 'libwarpgrad_cuda.so', args: ['--cuda', '--arch', 'all'] });
for (const { file, args } of products) {
  execFileSync(process.execPath, [join(root, 'tools/build-native.mjs'), ...args], { cwd: root, stdio: 'inherit' });
  cpSync(join(root, 'build/Release', file), join(release, file));
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
