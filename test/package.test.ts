// What the published package promises, as far as it can be seen without packing it (tools/ci.mjs `pack` does that).
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from './support/package-root.ts';
import { withFolder } from './support/temporary.ts';

const root = packageRoot(import.meta.url);
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Manifest {
  type: string;
  files: string[];
  scripts: Record<string, string>;
  bin: Record<string, string>;
  binary: { napi_versions: number[] };
  gypfile: boolean;
  engines: { node: string };
  version: string;
  peerDependencies: Record<string, string>;
}
const manifest = JSON.parse(read('package.json')) as Manifest;

test('npm runs nothing at install', () => {
  for (const script of ['preinstall', 'install', 'postinstall']) assert.not.ok(script in manifest.scripts);
  assert.is(manifest.gypfile, false);
  // With binding.gyp in the tarball, npm would run node-gyp on its own.
  assert.not.ok(manifest.files.includes('binding.gyp'));
});

test('every command the package offers exists', () => {
  for (const file of Object.values(manifest.bin)) {
    assert.ok(existsSync(join(root, file)), file);
    assert.match(read(file), /^#!\/usr\/bin\/env node\n/);
  }
});

test('no test or secret is packed', () => {
  for (const file of manifest.files) assert.not.match(file, /^(test|bench|\.)/);
});

test('the lock file names no host for packages', () => {
  assert.not.match(read('package-lock.json'), /"resolved"/);
});

test('one N-API version everywhere', () => {
  assert.equal(manifest.binary.napi_versions, [8]);
  assert.match(read('CMakeLists.txt'), /NAPI_VERSION=8\b/);
  assert.match(read('binding.gyp'), /NAPI_VERSION=8"/);
});

test('it can be imported and required', () => {
  const run = (type: string, code: string): string =>
    execFileSync(process.execPath, [`--input-type=${type}`, '-e', code], { cwd: root, encoding: 'utf8' }).trim();
  const imported = run('module', "import { tensor } from 'warpgrad'; console.log(tensor([1, 2]).shape.join())");
  const required = run('commonjs', "console.log(require('warpgrad').tensor([1, 2]).shape.join())");
  assert.is(imported, '2');
  assert.is(required, '2');
});

test('it is a few files, and what they say of themselves holds there', async () => {
  const code = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  );
  assert.ok(code.length < 20, code.join(' '));
  await withFolder(async (folder) => {
    const program = join(folder, 'program.mjs');
    const index = JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href);
    writeFileSync(
      program,
      `import { detectAnomaly, nn, tensor, zeros } from ${index};
      try { zeros([2, 3]).matmul(zeros([2, 3])); } catch (error) { console.log(error.stack); }
      try {
        detectAnomaly(() => tensor([0], { requiresGrad: true }).sqrt().mul(0).sum().backward());
      } catch (error) { console.log(error.message); }
      console.log(String(new nn.Linear(1, 1)));`,
    );
    const run = (...options: string[]): string =>
      execFileSync(process.execPath, [...options, program], { encoding: 'utf8' });
    const plain = run();
    const mapped = run('--enable-source-maps');
    assert.match(plain, /at Object\.infer .*\/dist\/\w+\.js:\d+/);
    // The map leads to the sources that are packed, at the line that throws.
    const [, line = ''] = /at Object\.infer \(.*\/lib\/ops\/matmul\.ts:(\d+):\d+\)/.exec(mapped) ?? [];
    assert.match(read('lib/ops/matmul.ts').split('\n')[Number(line) - 1] ?? '', /shapeError/);
    for (const output of [plain, mapped]) assert.match(output, /the op was called at .*program\.mjs:4/);
    assert.match(plain, /^Linear\(/m);
  });
});

test('an addon that is missing or broken: the error says where it looked, what it found and what to do', async () => {
  await withFolder(async (folder) => {
    const complaint = (): string =>
      spawnSync(process.execPath, ['-e', "require('warpgrad')"], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, WARPGRAD_PREBUILD: folder },
      }).stderr;
    const release = join(folder, 'build/Release');
    const missing = complaint();
    assert.match(missing, /no native addon for .*; build it with `npx warpgrad-build`/);
    assert.ok(missing.includes(`looked in\n  ${release}: not there`), missing);
    mkdirSync(release, { recursive: true });
    writeFileSync(join(release, 'warpgrad.node'), 'not a binary '.repeat(100));
    const broken = complaint();
    assert.match(broken, /warpgrad\.node does not load; .*`npx warpgrad-build`/);
    assert.ok(broken.includes(`${release}: warpgrad.node`), broken);
    // Loading this one would end the process.
    const real = readFileSync(join(root, 'build/Release/warpgrad.node'));
    writeFileSync(join(release, 'warpgrad.node'), real.subarray(0, real.length / 2));
    assert.match(complaint(), /does not load; the file is damaged: reinstall the package\nthe file ends early/);
  });
});

test('the CUDA library is found in the package of its own, of the same version alone', async () => {
  const companion = JSON.parse(read('packages/warpgrad-cuda/package.json')) as Manifest;
  assert.is(companion.version, manifest.version);
  assert.is(companion.peerDependencies['warpgrad'], manifest.version);
  assert.is(manifest.peerDependencies['warpgrad-cuda'], manifest.version);
  await withFolder(async (folder) => {
    // An addon without a library beside it.
    mkdirSync(join(folder, 'build/Release'), { recursive: true });
    cpSync(join(root, 'build/Release/warpgrad.node'), join(folder, 'build/Release/warpgrad.node'));
    const program = `
      const { device } = await import(${JSON.stringify(pathToFileURL(join(root, 'dist/index.js')).href)});
      try { device('cuda'); } catch (error) { console.log(error.code, error.message); }`;
    const complaint = (): string =>
      execFileSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, WARPGRAD_PREBUILD: folder, WARPGRAD_CUDA_LIB: '', WARPGRAD_CUDA_PROBE: '0' },
      });
    const remedy = new RegExp(`npm install warpgrad-cuda@${manifest.version}.*npx warpgrad-build --cuda`);
    assert.match(complaint(), /ERR_DEVICE device: libwarpgrad_cuda\.so is not installed; /);
    assert.match(complaint(), remedy);
    const installed = join(folder, 'node_modules/warpgrad-cuda');
    mkdirSync(installed, { recursive: true });
    const install = (version: string): void =>
      writeFileSync(join(installed, 'package.json'), JSON.stringify({ ...companion, version }));
    writeFileSync(join(installed, 'libwarpgrad_cuda.so'), 'no library');
    install('99.0.0');
    assert.match(complaint(), new RegExp(`warpgrad-cuda is 99\\.0\\.0 and warpgrad ${manifest.version}; `));
    assert.match(complaint(), remedy);
    install(manifest.version);
    assert.match(complaint(), /node_modules\/warpgrad-cuda\/libwarpgrad_cuda\.so/);
  });
});

test.run();
