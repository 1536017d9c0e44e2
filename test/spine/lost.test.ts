// A device that is gone for good: everything on it fails with ERR_DEVICE_LOST, saying what it was doing; the rest of the
// program goes on. In processes of their own, because nothing brings such a device back.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import { testDevices } from '../support/devices.ts';

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
const start = `
  import { add, capture, crossEntropy, device, matmul, memory, nn, noGrad, ones, optim, scope, tensor } from ${url('../../lib/index.js')};
  import { injectFault } from ${url('../support/devices.js')};
  const lose = (after) => injectFault('loseDevice', after, 'cuda-emu');
  const gpu = { device: 'cuda-emu' };
  const outcome = async (promise) => { try { await promise; return 'done'; } catch (error) { return error.code + ': ' + error.message + ' | ' + (error.cause?.message ?? ''); } };
`;

function run(body: string): { lines: string[]; ms: number } {
  const begin = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', start + body], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, WARPGRAD_TEST_DEVICES: 'cuda-emu' },
  });
  assert.equal(status, 0, stdout + stderr);
  return { lines: stdout.trim().split('\n'), ms: performance.now() - begin };
}

const emulated = testDevices.includes('cuda-emu') ? test : test.skip;

emulated('whatever is read afterwards rejects and names the last ops issued', () => {
  const { lines } = run(`
    const x = ones([4, 4], gpu);
    await x.data();
    lose(2);
    const y = scope(() => matmul(add(x, 1), x).exp());
    console.log(await outcome(y.data()));
    console.log(await outcome(add(x, 1).data()));
    console.log(await outcome(device('cuda-emu').synchronize()));
    try { x.dataSync(); console.log('read'); } catch (error) { console.log(error.code); }
    const cpu = ones([2]);
    console.log((await add(cpu, 1).data()).join());
  `);
  assert.match(lines[0] ?? '', /^ERR_DEVICE_LOST: .*the last ops issued:.* \w+/);
  assert.match(lines[0] ?? '', /cudaErrorIllegalAddress/);
  assert.match(lines[1] ?? '', /^ERR_DEVICE_LOST/);
  assert.match(lines[2] ?? '', /^(ERR_DEVICE_LOST|done)/);
  assert.equal(lines[3], 'ERR_DEVICE_LOST');
  assert.equal(lines[4], '2,2', 'the CPU goes on');
});

emulated('the other device works on', () => {
  const { lines } = run(`
    const x = ones([4], gpu), y = ones([4], { device: 'cuda-emu:1' });
    await Promise.all([x.data(), y.data()]);
    lose(1);
    console.log(await outcome(add(x, 1).data()));
    console.log((await add(y, 1).data()).join());
    console.log(await outcome(x.to('cpu').data()));
    console.log((await y.to('cpu').data()).join());
  `);
  assert.match(lines[0] ?? '', /^ERR_DEVICE_LOST/);
  assert.equal(lines[1], '2,2,2,2');
  assert.match(lines[2] ?? '', /^ERR_DEVICE_LOST/);
  assert.equal(lines[3], '1,1,1,1');
});

emulated('many reads that wait all reject, and the process ends by itself', () => {
  const { lines, ms } = run(`
    const x = ones([64, 64], gpu);
    await x.data();
    lose(40);
    const codes = await Promise.all(Array.from({ length: 200 }, (_, i) => add(x, i).data().then(() => 'done', (error) => error.code)));
    const lost = codes.indexOf('ERR_DEVICE_LOST');
    console.log(lost >= 0, new Set(codes.slice(0, lost)).size <= 1, new Set(codes.slice(lost)).size);
  `);
  assert.equal(lines[0], 'true true 1');
  assert.ok(ms < 20_000, `took ${ms} ms`);
});

emulated('a captured training step on a lost device rejects at every later read', () => {
  const { lines } = run(`
    const model = new nn.Linear(3, 2, gpu);
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
    const step = capture((x, labels) => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(x), labels);
      loss.backward();
      optimizer.step();
      return loss;
    }, { modules: [model] });
    const x = ones([2, 3], gpu), labels = tensor([0, 1], { dtype: 'int32', ...gpu });
    for (let i = 0; i < 4; i++) await step(x, labels).item();
    lose(1);
    console.log(await outcome(step(x, labels).item()));
    console.log(await outcome(step(x, labels).item()));
    console.log(await outcome(model.parameters()[0].data()));
  `);
  for (const line of lines) assert.match(line, /^ERR_DEVICE_LOST/);
});

emulated('memory of a lost device can be given back and new tensors are refused or fail, without a crash', () => {
  const { lines } = run(`
    const held = Array.from({ length: 50 }, (_, i) => ones([1000 + i], gpu));
    await device('cuda-emu').synchronize();
    lose(1);
    console.log(await outcome(add(held[0], 1).data()));
    for (const t of held) t.dispose();
    console.log(memory()['cuda-emu'].live);
    console.log(await outcome((async () => ones([5_000_000], gpu).data())()));
    console.log(await outcome((async () => tensor(new Float32Array(3), gpu).data())()));
  `);
  assert.match(lines[0] ?? '', /^ERR_DEVICE_LOST/);
  assert.ok(Number(lines[1]) < 4 * 1000 * 50, lines[1]);
  for (const line of lines.slice(2)) assert.match(line, /^ERR_(DEVICE_LOST|OUT_OF_MEMORY)/);
});

test.run();
