// The package as users meet it: packed, installed by every package manager and run by every Node at hand.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, root } from './stages.mjs';

/** @typedef {import('./stages.mjs').Stage} Stage */
/** @typedef {{ name: string, size: number, unpackedSize: number, files: readonly string[] }} Tarball */

/** Packs the package, with the binary of this machine, or the one in another folder, into `folder`.
 * @param {string} folder @param {string} [from] @returns {Promise<Tarball>} */
export async function packInto(folder, from = root) {
  const { output } = await execute('npm', ['pack', from, '--json', '--ignore-scripts', '--pack-destination', folder]);
  const [info] = JSON.parse(output.slice(output.indexOf('[')));
  const files = info.files.map((/** @type {{ path: string }} */ file) => file.path);
  return { name: info.filename, size: info.size, unpackedSize: info.unpackedSize, files };
}

/** A folder on the PATH with one node in it and nothing else: no compiler, no make, no Python. @param {string} folder @param {string} node */
export function onlyNode(folder, node = process.execPath) {
  const path = join(folder, 'bin');
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  symlinkSync(node, join(path, 'node'));
  return { PATH: path };
}

/** A user's empty project. @param {string} folder @param {object} [more] */
function project(folder, more = {}) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module', ...more }));
  cpSync(join(root, 'tools/install-step.mjs'), join(folder, 'step.mjs'));
}

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
const nodes = ['20', '22', '24', 'latest'];

/** @param {Stage} stage */
export async function installStage(stage) {
  if (!(await stage.node('prebuilt binary', ['tools/prebuilds.mjs']))) return;
  const base = mkdtempSync(join(tmpdir(), 'warpgrad-install-'));
  chmodSync(base, 0o755);
  try {
    const { name } = await packInto(base);
    const tarball = join(base, name);
    const npm = join(base, 'npm');
    project(npm);
    const env = onlyNode(npm);
    if (!(await stage.run('npm install in an empty folder', 'npm', ['install', ...quiet, tarball], { cwd: npm })))
      return;
    await stage.run('npm: runs with nothing but node on the PATH', 'node', ['step.mjs'], { cwd: npm, env });
    await cost(stage, npm);
    await brokenBinaries(stage, npm);
    await readOnly(stage, npm);
    const tools = await runtimes(stage, base, npm);
    await npmOfToday(stage, base, tarball, tools);
    await pnpm(stage, base, tarball, tools);
    await yarn(stage, base, tarball, tools);
    await bun(stage, base, tarball, tools);
    await twoVersions(stage, base, tarball);
    await commands(stage, npm);
  } finally {
    await execute('chmod', ['-R', 'u+w', base]);
    rmSync(base, { recursive: true, force: true });
  }
}

/** Import time and resident memory, each in a process of its own; the best of nine, as other work only adds. @param {Stage} stage @param {string} cwd */
async function cost(stage, cwd) {
  const script = `
    const before = process.memoryUsage.rss(), start = performance.now();
    await import('warpgrad');
    console.log(JSON.stringify({ ms: performance.now() - start, rss: process.memoryUsage.rss(), before }));`;
  /** @type {{ ms: number, rss: number, before: number }[]} */
  const runs = [];
  for (let i = 0; i < 9; i++) {
    const { output } = await execute(process.execPath, ['--input-type=module', '-e', script], { cwd });
    runs.push(JSON.parse(output));
  }
  /** @param {'ms' | 'rss' | 'before'} key */
  const least = (key) => Math.min(...runs.map((each) => each[key]));
  const mebibytes = (/** @type {'rss' | 'before'} */ key) => (least(key) / 2 ** 20).toFixed(0);
  // Figures, not gates: a loaded machine tells little about time.
  const label = `import takes ${least('ms').toFixed(0)} ms; ${mebibytes('rss')} MiB resident after it, ${mebibytes('before')} before`;
  stage.check(label, runs.length === 9);
}

/** What the error says when the binary is absent, cut off, or something else. @param {Stage} stage @param {string} cwd */
async function brokenBinaries(stage, cwd) {
  const prebuilds = join(cwd, 'node_modules/warpgrad/prebuilds');
  const folder = join(prebuilds, `${process.platform}-${process.arch}`);
  const [file = ''] = readdirSync(folder).filter((each) => each.endsWith('.node'));
  const whole = readFileSync(join(folder, file));
  /** @param {string} what @param {RegExp} wanted @param {readonly string[]} [options] */
  const fails = async (what, wanted, options = []) => {
    const { code, output } = await execute(process.execPath, [...options, '-e', "require('warpgrad')"], { cwd });
    stage.check(`${what}: the error says what was tried and what to do`, code !== 0 && wanted.test(output), output);
  };
  rmSync(folder, { recursive: true });
  await fails(
    'binary missing',
    /no native addon for .*npx warpgrad-build[\s\S]*looked in\n.*build\/Release: not there[\s\S]*prebuilds\/\S+: not there/,
  );
  mkdirSync(folder);
  writeFileSync(join(folder, file), whole.subarray(0, 1000));
  await fails('binary cut off', /does not load; the file is damaged: reinstall[\s\S]*looked in/);
  writeFileSync(join(folder, file), 'not a binary'.repeat(100));
  await fails(
    'something else in its place',
    /does not load; the binary is for another platform[\s\S]*npx warpgrad-build[\s\S]*looked in/,
  );
  writeFileSync(join(folder, file), whole);
  await fails('--no-addons', /node was started with --no-addons/, ['--no-addons']);
}

/** What the package installs to be run: the doctor, and the build for platforms without a binary. @param {Stage} stage @param {string} cwd */
async function commands(stage, cwd) {
  const { code, output } = await execute('npx', ['--no-install', 'warpgrad', 'doctor', '--json'], { cwd });
  stage.check('npx warpgrad doctor finds nothing wrong', code === 0, output);
  const prebuilds = join(cwd, 'node_modules/warpgrad/prebuilds');
  rmSync(prebuilds, { recursive: true });
  // One instruction set shows as much as three, in a third of the time.
  const build = ['--no-install', 'warpgrad-build', '--isas', 'base'];
  if (await stage.run('npx warpgrad-build: from the sources in the tarball', 'npx', build, { cwd }))
    await stage.run('its binary runs', process.execPath, ['step.mjs'], { cwd });
}

/** @param {Stage} stage @param {string} cwd */
async function readOnly(stage, cwd) {
  await execute('chmod', ['-R', 'a-w', cwd]);
  // Root writes where it may not; so another user runs it.
  const other = process.getuid?.() === 0 ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : null;
  const command = [process.execPath, 'step.mjs'];
  if (other === null) await stage.run('on a read-only file system', process.execPath, ['step.mjs'], { cwd });
  else await stage.run('on a read-only file system', 'setpriv', [...other, ...command], { cwd });
  await execute('chmod', ['-R', 'u+w', cwd]);
}

/** Installs other runtimes and package managers, and runs the step on each Node. @param {Stage} stage @param {string} base @param {string} installed */
async function runtimes(stage, base, installed) {
  const tools = join(base, 'tools');
  project(tools);
  const platform = `${process.platform}-${process.arch}`;
  const wanted = [
    ...nodes.map((version) => `node${version}@npm:node-${platform}@${version}`),
    'npm12@npm:npm@12',
    'pnpm',
    '@yarnpkg/cli-dist',
    `@oven/bun-${platform}`,
  ];
  for (const each of wanted) {
    const { code, output } = await execute('npm', ['install', ...quiet, each], { cwd: tools });
    if (code !== 0)
      stage.skip(each, `not installable here: ${output.split('\n').find((line) => /error/i.test(line)) ?? ''}`);
  }
  for (const version of nodes) {
    const node = join(tools, `node_modules/node${version}/bin/node`);
    const found = await execute(node, ['--version']);
    if (found.code !== 0) continue;
    const env = onlyNode(installed, node);
    await stage.run(`Node ${found.output.trim()}`, 'node', ['step.mjs'], { cwd: installed, env });
  }
  return tools;
}

/** npm 12 runs no dependency's scripts and warns of those it finds. @param {Stage} stage @param {string} base @param {string} tarball @param {string} tools */
async function npmOfToday(stage, base, tarball, tools) {
  const node = join(tools, 'node_modules/node22/bin/node');
  const cli = join(tools, 'node_modules/npm12/bin/npm-cli.js');
  const { code, output } = await execute(node, [cli, '--version']);
  if (code !== 0) return stage.skip('npm 12', 'not installed');
  const cwd = join(base, 'npm12');
  project(cwd);
  for (const command of [['install', tarball], ['ci']]) {
    const found = await execute(node, [cli, ...command], { cwd });
    // A tarball's own `prepare` is named, unlike that of a package from the registry; nothing else may be.
    const silent = !/\((?!prepare:)\w+: |node-gyp/i.test(found.output);
    stage.check(`npm ${output.trim()} ${command[0]} has no script to block`, found.code === 0 && silent, found.output);
  }
  await stage.run('npm 12: runs', 'node', ['step.mjs'], { cwd, env: onlyNode(cwd, node) });
}

/** @param {Stage} stage @param {string} base @param {string} tarball @param {string} tools */
async function pnpm(stage, base, tarball, tools) {
  const program = join(tools, 'node_modules/.bin/pnpm');
  const { code, output } = await execute(program, ['--version']);
  if (code !== 0) return stage.skip('pnpm', `does not run here: ${output.trim().split('\n')[0]}`);
  const cwd = join(base, 'pnpm');
  project(cwd);
  const env = { npm_config_store_dir: join(base, 'pnpm-store') };
  if (await stage.run(`pnpm ${output.trim()} add`, program, ['add', tarball], { cwd, env }))
    await stage.run('pnpm: runs', 'node', ['step.mjs'], { cwd, env: onlyNode(cwd) });
}

/** Without node_modules: Yarn keeps packages in archives and unpacks those with binaries. @param {Stage} stage @param {string} base @param {string} tarball @param {string} tools */
async function yarn(stage, base, tarball, tools) {
  const program = join(tools, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
  const { code, output } = await execute(process.execPath, [program, '--version'], { cwd: base });
  if (code !== 0) return stage.skip('Yarn', `does not run here: ${output.trim().split('\n')[0]}`);
  const cwd = join(base, 'yarn');
  project(cwd, { dependencies: { warpgrad: `file:${tarball}` } });
  const registry = (await execute('npm', ['config', 'get', 'registry'])).output.trim().split('\n').at(-1) ?? '';
  writeFileSync(join(cwd, 'yarn.lock'), '');
  writeFileSync(
    join(cwd, '.yarnrc.yml'),
    [
      'nodeLinker: pnp',
      'enableTelemetry: false',
      'enableGlobalCache: false',
      'enableScripts: false',
      `npmRegistryServer: ${registry}`,
      'unsafeHttpWhitelist: ["*"]',
      '',
    ].join('\n'),
  );
  if (
    await stage.run(`Yarn ${output.trim()} PnP install`, process.execPath, [program, 'install', '--no-immutable'], {
      cwd,
    })
  )
    await stage.run('Yarn PnP: runs', process.execPath, [program, 'node', 'step.mjs'], { cwd });
}

/** @param {Stage} stage @param {string} base @param {string} tarball @param {string} tools */
async function bun(stage, base, tarball, tools) {
  const program = join(tools, `node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`);
  const { code, output } = await execute(program, ['--version']);
  if (code !== 0) return stage.skip('Bun', `does not run here: ${output.trim().split('\n')[0]}`);
  const cwd = join(base, 'bun');
  project(cwd);
  if (!(await stage.run(`Bun ${output.trim()} add`, program, ['add', tarball], { cwd }))) return;
  await stage.run('Bun: installed, runs with Node', 'node', ['step.mjs'], { cwd, env: onlyNode(cwd) });
  await stage.run('Bun: runs with Bun', program, ['step.mjs'], { cwd });
}

/** Both load their own addon into one process. @param {Stage} stage @param {string} base @param {string} tarball */
async function twoVersions(stage, base, tarball) {
  const cwd = join(base, 'two');
  project(cwd);
  const other = join(base, 'other');
  mkdirSync(other);
  await execute('tar', ['xzf', tarball, '-C', other]);
  const manifest = join(other, 'package/package.json');
  const parsed = JSON.parse(readFileSync(manifest, 'utf8'));
  writeFileSync(manifest, JSON.stringify({ ...parsed, version: `${parsed.version}-other` }));
  await execute('tar', ['czf', join(base, 'other.tgz'), '-C', other, 'package']);
  const both = [`one@file:${tarball}`, `other@file:${join(base, 'other.tgz')}`];
  if (!(await stage.run('two versions installed', 'npm', ['install', ...quiet, ...both], { cwd }))) return;
  const script = `
    import * as one from 'one';
    import * as other from 'other';
    if (one.Tensor === other.Tensor) throw new Error('they are the same');
    const sum = async (wg) => wg.randn([100, 100], { generator: new wg.Generator(1) }).matmul(wg.ones([100, 1])).sum().item();
    const [a, b] = await Promise.all([sum(one), sum(other)]);
    if (a !== b) throw new Error(a + ' is not ' + b);
    let message = '';
    try { one.ones([1]).add(other.ones([1])); } catch (error) { message = error.code; }
    if (message !== 'ERR_ARGUMENT') throw new Error('tensors of two versions were mixed: ' + message);`;
  await stage.run(
    'two versions in one process, side by side',
    process.execPath,
    ['--input-type=module', '-e', script],
    { cwd },
  );
}
