#!/usr/bin/env node
// Builds the native addon unless build/ already holds the one made from these sources.
//   node tools/build-native.mjs [--fake] [--cuda] [--emu] [--emu-tests] [--arch LIST] [--report] [--sanitize=address,undefined|thread] [--isas base] [--force] [--gyp]
// CMake (through cmake-js when it is installed) is preferred; node-gyp is the fallback. Nothing is downloaded.
// Also installed as `warpgrad-build`, for platforms without a prebuilt binary.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(join(root, 'package.json'));
const args = process.argv.slice(2);
const flag = (/** @type {string} */ name) => args.includes(`--${name}`);
/** @returns {string} */
const option = (/** @type {string} */ name) => {
  const at = args.findIndex((a) => a === `--${name}` || a.startsWith(`--${name}=`));
  if (at < 0) return '';
  return args[at]?.split('=')[1] ?? args[at + 1] ?? '';
};

const target = flag('fake')
  ? 'warpgrad_fake'
  : flag('cuda')
    ? 'warpgrad_cuda'
    : flag('emu')
      ? 'warpgrad_emu'
      : flag('emu-tests')
        ? 'emu_tests'
        : 'warpgrad';
const product = {
  warpgrad: 'warpgrad.node',
  warpgrad_fake: 'libwarpgrad_fake.so',
  warpgrad_cuda: 'libwarpgrad_cuda.so',
  warpgrad_emu: 'libwarpgrad_emu.so',
  emu_tests: 'emu_tests',
}[target];
const sanitize = option('sanitize');
const cross = option('cross'); // what a GNU compiler for another processor is called before its -g++
const useGyp = flag('gyp') || process.env['WARPGRAD_NODE_GYP'] === '1';
// A sanitizer's or another processor's build stands in its own tree, laid out so that WARPGRAD_PREBUILD=<tree> makes
// node-gyp-build load it.
// The CUDA library has one too: what goes wrong there must not touch the CPU build.
const trees = { address: 'build-asan', thread: 'build-tsan', undefined: 'build-ubsan', cuda: 'build-cuda' };
const tree = Object.entries(trees).find(([name]) => sanitize.split(',')[0] === name || flag(name))?.[1];
const apart = sanitize ? tree : cross ? `build-${cross}` : '';
const buildDir = apart ? join(root, apart, 'build') : join(root, tree ?? 'build');
const outDir = apart ? join(buildDir, 'Release') : join(root, 'build', 'Release');
const stamp = join(outDir, `${product}.hash`);

/** @returns {string[]} */
function filesUnder(/** @type {string} */ dir) {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesUnder(join(dir, e.name)) : [join(dir, e.name)]))
    .sort();
}

/** A digest of everything the product is made from. */
function sourceHash() {
  const hash = createHash('sha256');
  // Folders of native/ that only some products are made from.
  const parts = { cuda: ['warpgrad_cuda', 'warpgrad_emu', 'emu_tests'], emu: ['warpgrad_emu', 'emu_tests'] };
  const foreign = Object.entries(parts).filter(([, products]) => !products.includes(target));
  const inputs = filesUnder(join(root, 'native')).filter(
    (f) => !foreign.some(([folder]) => f.startsWith(join(root, 'native', folder, '/'))),
  );
  if (target === 'emu_tests') inputs.push(...filesUnder(join(root, 'test/native/emu')));
  for (const file of [...inputs, join(root, 'CMakeLists.txt'), join(root, 'binding.gyp')]) {
    if (!existsSync(file)) continue; // binding.gyp is not in the published package
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash
    .update(
      [
        process.platform,
        process.arch,
        sanitize,
        option('isas'),
        option('arch'),
        flag('report'),
        process.env['WARPGRAD_WERROR'],
      ].join(),
    )
    .digest('hex');
}

function run(
  /** @type {string} */ command,
  /** @type {string[]} */ argv,
  /** @type {Record<string, string>} */ env = {},
) {
  const { status } = spawnSync(command, argv, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  return status ?? 1;
}

const has = (/** @type {string} */ command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

function find(/** @type {string} */ id) {
  try {
    return require.resolve(id);
  } catch {
    return null;
  }
}

function buildWithCMake() {
  const jobs = process.env['WARPGRAD_JOBS'] || String(availableParallelism());
  const defines = [`-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${outDir}`];
  if (sanitize) defines.push(`-DWG_SANITIZE=${sanitize}`);
  if (cross) {
    const processor = cross.split('-')[0];
    defines.push('-DCMAKE_SYSTEM_NAME=Linux', `-DCMAKE_SYSTEM_PROCESSOR=${processor}`);
    defines.push(`-DCMAKE_C_COMPILER=${cross}-gcc`, `-DCMAKE_CXX_COMPILER=${cross}-g++`);
  }
  defines.push(`-DWG_ISAS=${option('isas')}`); // said even when empty: the tree remembers an earlier build's
  if (target === 'warpgrad_cuda') {
    const report = flag('report') ? 'ON' : 'OFF';
    defines.push('-DWG_CUDA=ON', `-DWG_CUDA_ARCH=${cudaArchitectures()}`, `-DWG_CUDA_REPORT=${report}`);
  }
  defines.push(`-DWG_WERROR=${process.env['WARPGRAD_WERROR'] === '1' ? 'ON' : 'OFF'}`);
  /** @type {Record<string, string>} */
  const env = process.platform === 'win32' ? { CC: 'clang-cl', CXX: 'clang-cl' } : {};
  const cmakeJs = find('cmake-js/bin/cmake-js');
  if (cmakeJs) {
    const config = sanitize ? 'RelWithDebInfo' : 'Release';
    const cd = defines.map((d) => `--CD${d.slice(2)}`);
    // Visual Studio's own generator would not take another compiler.
    const generator = process.platform === 'win32' ? ['--generator', 'Ninja'] : [];
    const common = ['--out', buildDir, '--config', config, '--log-level', 'warn', ...generator, ...cd];
    const step = (/** @type {string[]} */ ...argv) => run(process.execPath, [cmakeJs, ...argv, ...common], env);
    return step('configure') || step('build', '--target', target, '--parallel', jobs);
  }
  const addonApi = find('node-addon-api/package.json');
  const apiHeaders = find('node-api-headers/package.json');
  if (!addonApi || !apiHeaders)
    throw new Error('warpgrad: node-addon-api and node-api-headers are not installed; run npm install');
  const include = `${dirname(addonApi)};${join(dirname(apiHeaders), 'include')}`;
  const generator = has('ninja') ? ['-G', 'Ninja'] : [];
  return (
    run(
      'cmake',
      [
        '-S',
        root,
        '-B',
        buildDir,
        ...generator,
        `-DCMAKE_BUILD_TYPE=${sanitize ? 'RelWithDebInfo' : 'Release'}`,
        `-DCMAKE_JS_INC=${include}`,
        ...defines,
      ],
      env,
    ) || run('cmake', ['--build', buildDir, '--target', target, '--parallel', jobs])
  );
}

function buildWithGyp() {
  if (target === 'warpgrad_cuda' || target === 'warpgrad_emu' || target === 'emu_tests' || sanitize || cross)
    throw new Error('warpgrad: the CUDA library, the emulator, sanitizers and other processors need CMake');
  // The headers that came with this node save node-gyp a download.
  const prefix = dirname(dirname(process.execPath));
  /** @type {Record<string, string>} */
  const env = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
  const globalRoot = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const gyp = process.env['npm_config_node_gyp'] || join(globalRoot, 'npm/node_modules/node-gyp/bin/node-gyp.js');
  const configured = existsSync(join(root, 'build', 'config.gypi'));
  return run(process.execPath, [gyp, ...(configured ? ['configure', 'build'] : ['rebuild']), '--jobs', 'max'], env);
}

/** CMake's names of the architectures asked for with --arch: a list, `all`, or those of the cards in this machine. */
function cudaArchitectures() {
  const released = '80-real;86-real;89-real;90a-real;90-virtual';
  const asked = option('arch');
  if (asked === 'all') return released;
  if (asked) return asked.replaceAll(/sm_(\w+)/g, '$1-real').replaceAll(',', ';');
  const query = spawnSync('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader'], { encoding: 'utf8' });
  const present =
    query.status === 0
      ? query.stdout
          .trim()
          .split('\n')
          .map((line) => line.trim().replace('.', ''))
      : [];
  const names = [...new Set(present)].filter((n) => /^\d+$/.test(n)).map((n) => (n === '90' ? '90a' : n));
  return names.length > 0 ? names.join(';') : released;
}

/** Two builds in one tree would spoil each other: the second waits until the first is done or dead. */
function lock() {
  const file = join(buildDir, '.lock');
  mkdirSync(buildDir, { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(file, { force: true }));
      return;
    } catch {
      const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
      if (owner > 0 && !alive(owner)) rmSync(file, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

function alive(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const isCurrent = () =>
  existsSync(join(outDir, product)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash();

if (!flag('force') && isCurrent()) {
  console.log(`warpgrad: ${relative(root, join(outDir, product))} is current`);
} else {
  lock();
  const hash = sourceHash(); // of the sources as the build begins: a change meanwhile makes the result stale
  const status = has('cmake') && !useGyp ? buildWithCMake() : buildWithGyp();
  if (status !== 0) {
    console.error(
      '\nwarpgrad: building the native addon failed. It needs a C++20 compiler and CMake (with ninja or make), or Python 3 and make.\n' +
        '  Debian, Ubuntu: apt-get install g++ cmake make',
    );
    process.exit(status);
  }
  mkdirSync(outDir, { recursive: true });
  writeFileSync(stamp, hash);
}
