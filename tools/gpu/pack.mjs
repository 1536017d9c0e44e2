// npm run gpu:pack: fills .gpu/ with what a machine with a card, nvcc, CMake and a C++ compiler needs to build and verify, with
// neither Node nor a network there: the sources, the compiled tests, the few packages they import, and this Node. Then, there:
//   sh .gpu/verify.sh [stage …] [--quick]        (stages: tools/gpu/verify.mjs)
//   sh .gpu/verify.sh bench [--only gemm,…]      (npm run gpu:bench)
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from '../stages.mjs';

const folder = join(root, '.gpu');
const staging = join(folder, 'files');
const most = 60 * 2 ** 20;

/** Packages that run there, and what they need. */
const packages = ['node-addon-api', 'node-api-headers', 'node-gyp-build', 'uvu', 'fast-check', 'mnist'];

rmSync(folder, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter(Boolean);
for (const file of tracked) put(file);
for (const file of ['dist', '.test']) put(file);
for (const name of closure(packages)) put(join('node_modules', name));

/** @param {string} file */
function put(file) {
  mkdirSync(dirname(join(staging, file)), { recursive: true });
  cpSync(join(root, file), join(staging, file), { recursive: true, dereference: true });
}

/** These packages and all that they depend on. @param {readonly string[]} names @returns {Set<string>} */
function closure(names) {
  const found = new Set(names);
  for (const name of found) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
    for (const each of Object.keys(dependencies)) found.add(each);
  }
  return found;
}

writeFileSync(join(folder, 'node.gz'), gzipSync(readFileSync(process.execPath), { level: 9 }));
execFileSync('tar', ['-C', staging, '-czf', join(folder, 'files.tar.gz'), '.']);
rmSync(staging, { recursive: true });
cpSync(join(root, 'tools/gpu/verify.sh'), join(folder, 'verify.sh'));
const sizes = ['node.gz', 'files.tar.gz'].map((name) => statSync(join(folder, name)).size);
const text = sizes.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`).join(' + ');
console.log(`.gpu/: Node ${process.version} and everything else, ${text}; run there: sh .gpu/verify.sh`);
if (sizes.reduce((a, b) => a + b) > most) throw new Error('more than 60 MiB');
