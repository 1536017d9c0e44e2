// The checks that take too long for every change: node tools/full.mjs [stage …]. The last record of each stage is kept in
// test/full.md, which is committed.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arm64Long } from './arm64.mjs';
import { installStage, packInto } from './install.mjs';
import { sanitizerCommand, sanitizerEnv } from './sanitizers.mjs';
import { execute, findTool, root, runStages, summary } from './stages.mjs';

/** @typedef {import('./stages.mjs').Stage} Stage */

const long = { WARPGRAD_TEST_LEVEL: 'full', WARPGRAD_TEST_TIMEOUT: '7200' };

/** The whole suite with these variables. @param {Record<string, string>} env */
const suite = (env) => async (/** @type {Stage} */ stage) =>
  void (await stage.tests([], { WARPGRAD_TEST_TIMEOUT: '3600', ...env }));

/** The tests whose path has this in it, at their full length. @param {string} filter */
const longTests = (filter) => async (/** @type {Stage} */ stage) => void (await stage.tests([filter], long));

/** @param {string} sanitize */
const sanitized = (sanitize) => async (/** @type {Stage} */ stage) => {
  for (const target of [[], ['--fake']]) {
    if (!(await stage.node('build', ['tools/build-native.mjs', `--sanitize=${sanitize}`, ...target]))) return;
  }
  const { env, wrapper } = sanitizerCommand(sanitize, sanitizerEnv(sanitize));
  await stage.tests([], { WARPGRAD_TEST_TIMEOUT: '3600', ...env }, wrapper);
};

/** Every architecture of a release, compressed as there, in the package of its own beside the other. @param {Stage} stage */
async function cudaAll(stage) {
  if (!(await stage.node('build', ['tools/prebuilds.mjs', '--cuda']))) return;
  const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-cuda-'));
  const tarballs = [await packInto(folder), await packInto(folder, join(root, 'packages/warpgrad-cuda'))];
  const { name = '', size = 0, unpackedSize = 0 } = tarballs[1] ?? {};
  const label = `${name}, sm_80, sm_86, sm_89, sm_90a and PTX: ${megabytes(size)}, ${megabytes(unpackedSize)} unpacked`;
  stage.check(label, unpackedSize <= 60e6, 'more than 60 MB');
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
  const files = tarballs.map((each) => `./${each.name}`);
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...files];
  if (await stage.run('both packages install together', 'npm', install, { cwd: folder })) {
    const program =
      "try { console.log((await import('warpgrad')).device('cuda').name) } catch (e) { console.log(e.message) }";
    const { output } = await execute(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
    stage.check("device('cuda') loads the library", /^cuda|no cuda device/m.test(output), output);
  }
  rmSync(folder, { recursive: true, force: true });
  await stage.tests(['native/cuda']);
}

/** @param {string} label @param {string} program of test/native/kernels */
const emulated = (label, program) => async (/** @type {Stage} */ stage) => {
  if (!(await stage.node('build', ['tools/build-native.mjs', '--emu']))) return;
  await stage.node(label, [`.test/test/native/kernels/${program}.js`], { show: true });
};

/** float32 functions over every float32, compiled as the addon's kernels of each instruction set are. @param {Stage} stage */
async function ulp(stage) {
  if (!(await stage.node('build', ['tools/build-native.mjs']))) return;
  const folder = join(root, '.cache/ulp');
  mkdirSync(folder, { recursive: true });
  /** @type {{ directory: string, command: string, file: string }[]} */
  const all = JSON.parse(readFileSync(join(root, 'build/compile_commands.json'), 'utf8'));
  const objects = [];
  let compiler = '';
  for (const { directory, command } of all.filter(({ file }) => file.endsWith('native/cpu/unary.cc'))) {
    const object = join(folder, `${/-DWG_ISA=(\w+)/.exec(command)?.[1]}.o`);
    const source = join(root, 'test/native/ulp/functions.cc');
    const own = command.replace(/ -o \S+/, ` -o ${object}`).replace(/ \S*native\/cpu\/unary\.cc/, ` ${source}`);
    if (!(await stage.run(object.slice(root.length + 1), 'sh', ['-c', own], { cwd: directory }))) return;
    compiler = command.slice(0, command.indexOf(' -'));
    objects.push(object);
  }
  const program = join(folder, 'ulp');
  const link = `${compiler} -std=c++20 -O2 test/native/ulp/ulp.cc ${objects.join(' ')} -o ${program} -pthread`;
  if (!(await stage.run('link', 'sh', ['-c', link]))) return;
  await stage.run('errors over every float32 stay within their bounds', program, [], { show: true });
}

/** @param {Stage} stage */
async function reportInBrowser(stage) {
  const browser = await findTool(['chromium', 'chromium-browser', 'google-chrome']);
  if (!browser) return stage.skip('the report in a browser', 'no Chromium is installed');
  const picture = join(root, '.cache/report.png');
  const program = ['.test/test/bench/browser.js', browser, picture];
  await stage.node('the report of the benchmark in a browser', program, { show: true });
}

/** @param {Stage} stage */
const benchGate = async (stage) =>
  void (await stage.node('slowdowns are seen beside a busy neighbour', ['.test/test/bench/gate.js', '16', '0.6'], {
    show: true,
  }));

const stages = {
  'isa-base': suite({ WARPGRAD_ISA: 'base' }),
  'isa-avx2': suite({ WARPGRAD_ISA: 'avx2' }),
  'isa-avx512': suite({ WARPGRAD_ISA: 'avx512' }),
  asan: sanitized('address,undefined'),
  ubsan: sanitized('undefined'),
  tsan: sanitized('thread'),
  'second-order': longTests('ops/'),
  'fuzz-long': longTests('fuzz'),
  defects: async (/** @type {Stage} */ stage) =>
    void (await stage.node('the fuzzer finds every planted defect', ['.test/test/fuzz/defects.js'], { show: true })),
  ulp,
  'cuda-all': cudaAll,
  'bench-gate': benchGate,
  report: reportInBrowser,
  schedules: emulated('every kernel under every schedule of the emulator', 'schedules'),
  'seeded-bugs': emulated('every bug planted in a kernel is noticed', 'defects'),
  install: installStage,
  arm64: arm64Long,
  soak: longTests('soak'),
  'kill-loop': longTests('kill'),
  workers: longTests('workers'),
};

const recordFile = join(root, 'test/full.md');
const head = `# Last record of each long stage

Written by \`npm run test:full -- [stage …]\`; a commit marked + had uncommitted changes.

| stage | commit | result | minutes |
| --- | --- | --- | --- |
`;

/** @param {string} name @param {import('./stages.mjs').Counts} counts @param {number} minutes */
function record(name, counts, minutes) {
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', '.', ':!test/full.md') !== '';
  const commit = `${git('rev-parse', '--short=9', 'HEAD')}${changed ? '+' : ''}`;
  const old = existsSync(recordFile) ? readFileSync(recordFile, 'utf8') : '';
  const rows = new Map([...old.matchAll(/^\| ([a-z0-9-]+) \| .*$/gm)].map((m) => [m[1], m[0]]));
  rows.delete('stage');
  rows.set(name, `| ${name} | ${commit} | ${summary(counts)} | ${minutes.toFixed(1)} |`);
  const order = Object.keys(stages).filter((n) => rows.has(n));
  writeFileSync(recordFile, `${head}${order.map((n) => rows.get(n)).join('\n')}\n`);
}

const built = spawnSync('npm', ['run', '--silent', 'build:test'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);
await runStages(stages, process.argv.slice(2), record);
