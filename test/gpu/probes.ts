// What a card has to show beyond the tests: node .test/test/gpu/probes.js rounding|capture|memory|loop [--device cuda]. Prints
// figures behind `# ` and `N passed, N failed`.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { lenet5, type Net } from '../../lib/bench/models.ts';
import * as wg from '../../lib/index.ts';
import type { Tensor } from '../../lib/index.ts';

const { optim } = wg;
const { values, positionals } = parseArgs({
  options: { device: { type: 'string', default: 'cuda' } },
  allowPositionals: true,
});
const on = values.device;
let passed = 0;
let failed = 0;
function check(what: string, ok: boolean): void {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
}
const figure = (text: string): void => console.log(`# ${text}`);

/** How tensor cores round what they add up: float32 products by way of TF32, whose factors here are exact in it. */
async function rounding(): Promise<void> {
  wg.setFloat32Precision('high');
  const n = 128;
  // 1 in the first k-step and a value in the second that is lost or counts, by how the sum is rounded.
  const sum = async (sign: number, ulps: number): Promise<number> => {
    const [a, b] = [new Float32Array(n * 32), new Float32Array(32 * n)];
    for (let i = 0; i < n; i++) {
      a[i * 32] = 1;
      b[i] = sign;
      a[i * 32 + 16] = ulps * 2 ** -12;
      b[16 * n + i] = sign * 2 ** -11;
    }
    const [left, right] = [wg.tensor(a, { shape: [n, 32], device: on }), wg.tensor(b, { shape: [32, n], device: on })];
    const product = wg.matmul(left, right);
    const [first = 0] = await product.data();
    for (const t of [left, right, product]) t.dispose();
    return (Number(first) - sign) / 2 ** -23;
  };
  const shares = [0.25, 0.5, 0.75, 1, 1.5, 1.75];
  const up = [];
  const down = [];
  for (const share of shares) {
    up.push(await sum(1, share));
    down.push(await sum(-1, share));
  }
  figure(`1 + s ulps, s = ${shares.join(' ')}: ${up.join(' ')} ulps; −1 − s ulps: ${down.join(' ')}`);
  const towardZero = up[2] === 0 && up[4] === 1 && up[5] === 1;
  const nearest = up[2] === 1 && up[4] === 2 && up[5] === 2;
  figure(`accumulators round ${towardZero ? 'toward zero' : nearest ? 'to nearest' : 'in another way'}`);
  check('whole units count', up[3] === 1 && down[3] === -1);
  for (const k of [512, 4096]) {
    wg.manualSeed(3);
    // Factors with 8 bits: exact in TF32, so that what is left is the accumulation's error.
    const exact = (shape: number[]): Tensor => wg.randn(shape).to('bfloat16').to('float32') as Tensor;
    const [a, b] = [exact([n, k]), exact([k, n])];
    const wanted = await wg.matmul(a.to('float64'), b.to('float64')).data();
    for (const mode of ['strict', 'highest', 'high'] as const) {
      wg.setFloat32Precision(mode);
      const got = await wg.matmul(a.to(on), b.to(on)).data();
      let [error, norm] = [0, 0];
      for (let i = 0; i < wanted.length; i++) {
        error += (Number(got[i]) - Number(wanted[i])) ** 2;
        norm += Number(wanted[i]) ** 2;
      }
      const relative = Math.sqrt(error / norm);
      figure(`K=${k}, '${mode}': relative error ${relative.toExponential(2)}`);
      check(
        `K=${k}, '${mode}' is within what truncating accumulators explain`,
        relative < (mode === 'high' ? 1e-4 : 5e-6),
      );
    }
  }
  wg.setFloat32Precision('highest');
}

function lenet(device: string): { model: Net; step: (x: Tensor, y: Tensor) => Tensor } {
  wg.manualSeed(5);
  const model = lenet5();
  model.to(device);
  const adam = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const step = (x: Tensor, y: Tensor): Tensor => {
    adam.zeroGrad();
    const loss = wg.crossEntropy(model.forward(x), y);
    loss.backward();
    adam.step();
    return loss.detach();
  };
  return { model, step };
}

function batch(device: string, seed: number): [Tensor, Tensor] {
  wg.manualSeed(seed);
  return [wg.randn([64, 1, 28, 28]).to(device), wg.randint([64], { high: 10 }).to(device)];
}

async function losses(device: string, captured: boolean): Promise<number[]> {
  const { step } = lenet(device);
  const run = captured ? wg.capture(step) : step;
  const list: number[] = [];
  for (let i = 0; i < 20; i++) {
    const [x, y] = batch(device, 100 + i);
    list.push(await wg.scope(() => run(x, y)).item());
    x.dispose();
    y.dispose();
  }
  return list;
}

/** LeNet, 20 steps: captured equals eager bit for bit, and both the CPU's within float32's rounding. */
async function capture(): Promise<void> {
  const [cpu, eager, graph] = [await losses('cpu', false), await losses(on, false), await losses(on, true)];
  const most = Math.max(...cpu.map((loss, i) => Math.abs(loss - (eager[i] ?? Number.NaN)) / loss));
  figure(
    `LeNet, losses ${cpu[0]} … ${cpu[19]}; the largest relative difference to the CPU in 20 steps is ${most.toExponential(2)}`,
  );
  check('20 steps of LeNet on the device and on the CPU have the same losses', most < 2e-4);
  check(
    'captured and eager steps have the same bits',
    eager.every((loss, i) => Object.is(loss, graph[i])),
  );
}

/** Asking for more than there is fails alone, and what comes after works. */
async function memory(): Promise<void> {
  const { memoryBytes = 0 } = wg.devices().find(({ device }) => device === on) ?? {};
  const before = wg.full([1000], 3, { device: on });
  for (let round = 0; round < 3; round++) {
    let code = 'none';
    try {
      const huge = wg.zeros([Math.max(2 ** 42, 2 * memoryBytes)], { device: on });
      await huge.device.synchronize();
    } catch (error) {
      code = (error as { code?: string }).code ?? String(error);
    }
    check(`too much memory is ERR_OUT_OF_MEMORY (${code})`, code === 'ERR_OUT_OF_MEMORY');
  }
  // Filled to its limit and freed, over and over.
  wg.setMemoryLimit(1 << 28, on);
  let refused = 0;
  const kept: Tensor[] = [];
  try {
    for (let i = 0; i < 64; i++) kept.push(wg.zeros([1 << 22], { device: on }));
    await before.device.synchronize();
  } catch {
    refused++;
  }
  for (const t of kept) t.dispose();
  check('a limit is kept', refused === 1);
  const sum = await wg.sum(before.add(wg.ones([1000], { device: on }))).item();
  check(`and the device computes on (${sum})`, sum === 4000);
}

async function loop(): Promise<void> {
  const { step } = lenet(on);
  const captured = wg.capture(step);
  const [x, y] = batch(on, 1);
  for (let i = 0; i < 5; i++) await wg.scope(() => captured(x, y)).item();
  for (const [name, run] of [
    ['eager', step],
    ['captured', captured],
  ] as const) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const end = performance.now() + 5000;
    let count = 0;
    while (performance.now() < end) {
      const loss = wg.scope(() => run(x, y));
      await loss.item();
      loss.dispose();
      await turn();
      count++;
    }
    delay.disable();
    const p99 = delay.percentile(99) / 1e6 - 1; // the timer's own millisecond
    const perStep = (5000 / count).toFixed(2);
    figure(
      `${name}: ${perStep} ms a step; event loop late by p50 ${(delay.percentile(50) / 1e6 - 1).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
    );
    check(`${name} training leaves the event loop free (p99 below 20 ms)`, p99 < 20);
  }
}

const probes: Readonly<Record<string, () => Promise<void>>> = { rounding, capture, memory, loop };
for (const name of positionals.length > 0 ? positionals : Object.keys(probes)) {
  const probe = probes[name];
  if (probe === undefined) throw new Error(`one of ${Object.keys(probes).join(', ')}`);
  await probe();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
