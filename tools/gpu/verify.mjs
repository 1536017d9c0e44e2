// npm run gpu:verify -- [stage …] [--quick] [--device cuda]: everything that wants a card, and with `--device cuda-emu --quick`
// the same on the emulator, to show that it runs. On a machine without Node: npm run gpu:pack.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execute, findTool, parallel, root, runStages } from '../stages.mjs';

/** @typedef {import('../stages.mjs').Stage} Stage */

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const at = args.indexOf('--device');
const device = at < 0 ? 'cuda' : (args[at + 1] ?? '');
const names = args.filter((each, i) => !each.startsWith('--') && i !== at + 1);
const emulated = device === 'cuda-emu';
const suites = quick
  ? ['ops/softmax', 'ops/reduce', 'ops/matmul', 'spine/capture']
  : ['ops/', 'optim/', 'nn/', 'spine/'];

/** @param {Stage} stage */
async function build(stage) {
  await stage.node('the addon', ['tools/build-native.mjs']);
  await stage.node('the library', ['tools/build-native.mjs', emulated ? '--emu' : '--cuda'], { show: true });
}

/** @param {Stage} stage */
async function doctor(stage) {
  await stage.node('warpgrad doctor finds nothing wrong', ['dist/cli/main.js', 'doctor'], { show: true });
}

/** A program that prints figures and `N passed, N failed`. @param {readonly string[]} argv */
const program =
  (...argv) =>
  async (/** @type {Stage} */ stage) => {
    const { output } = await execute(process.execPath, argv, { show: true });
    count(stage, output);
  };

/** @param {Stage} stage @param {string} output */
function count(stage, output) {
  const last = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(output);
  if (!last) {
    stage.check('the program ended with a summary', false, output.slice(-2000));
    return;
  }
  stage.counts.passed += Number(last[1]);
  stage.counts.failed += Number(last[2]);
  stage.counts.skipped += Number(last[3] ?? 0);
}

/** The table of cases of every op, values and gradients: files in turns on half the cores. @param {Stage} stage */
async function cases(stage) {
  const runner = join(root, '.test/test/support/run.js');
  const { output } = await execute(process.execPath, [runner, '--list', ...suites]);
  const files = output
    .trim()
    .split('\n')
    .filter((line) => line.endsWith('.test.js'));
  await parallel(files, Math.max(1, availableParallelism() >> 1), async (file) => {
    const result = await execute(process.execPath, [runner, '--devices', device, '--timeout', '900', file]);
    console.log(result.output.split('\n').slice(0, -2).join('\n'));
    count(stage, result.output);
  });
}

const perform = join(root, '.test/test/native/kernels/perform.js');

/** @param {Stage} stage @param {string} output */
function verdicts(stage, output) {
  const lines = output.split('\n').filter((line) => line.startsWith('{"name"'));
  stage.check('cases ran', lines.length > 0, output.slice(-2000));
  for (const { name, verdict, detail } of lines.map((line) => JSON.parse(line))) {
    if (verdict === 'unported') stage.skip(name, detail);
    else stage.check(name, verdict === 'right', detail);
  }
}

/** Kernels with barriers and asynchronous copies, on shapes at their cuts. @param {Stage} stage */
async function kernels(stage) {
  const { output } = await execute(process.execPath, [perform], { env: { WARPGRAD_KERNELS_ON: device } });
  verdicts(stage, output);
}

/** @param {Stage} stage */
async function sanitizer(stage) {
  const tool = await findTool(['compute-sanitizer', '/usr/local/cuda/bin/compute-sanitizer']);
  if (!tool) return stage.skip('compute-sanitizer', 'it is not installed');
  for (const check of ['memcheck', 'racecheck', 'synccheck']) {
    const options = ['--tool', check, '--error-exitcode', '9', '--print-limit', '20'];
    const env = { WARPGRAD_KERNELS_ON: device, WARPGRAD_CUDA_PROBE: '0' };
    const { code, output } = await execute(tool, [...options, process.execPath, perform], { env });
    stage.check(`${check}: no error in any kernel`, code === 0, output.slice(-4000));
  }
}

const probe = (/** @type {string} */ name) => program(join(root, '.test/test/gpu/probes.js'), name, '--device', device);

/** @type {Record<string, (stage: Stage) => Promise<void>>} */
const stages = {
  build,
  doctor,
  kernels,
  rounding: probe('rounding'),
  capture: probe('capture'),
  memory: probe('memory'),
  loop: probe('loop'),
  lenet: async (stage) => {
    const demo = ['.test/examples/mnist.js', '--device', device, ...(quick ? ['--quick'] : [])];
    await stage.node('LeNet learns handwritten digits', demo, { show: true });
  },
  sanitizer,
  cases,
};
// What is not built cannot be verified; a build that is current takes no time.
await runStages(stages, names.length > 0 ? ['build', ...names] : []);
