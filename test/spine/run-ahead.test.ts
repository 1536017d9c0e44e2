// How far JavaScript may run ahead of a slow device, and two queues on it at once.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { capture, empty, inference, memory, noGrad, resetPeakMemory, scope, stats, tensor } from '../../lib/index.ts';
import { faultyDevices, injectFault } from '../support/devices.ts';

const device = faultyDevices[0] ?? 'cpu';
const faulty = faultyDevices.length > 0 ? test : test.skip;

/** Runs `fn` with every command late by up to `us` microseconds; gives the milliseconds spent blocked. */
async function delayed(us: number, fn: () => unknown): Promise<number> {
  const before = stats().blockedMs;
  injectFault('delayUs', us, device);
  try {
    await fn();
  } finally {
    injectFault('delayUs', 0, device);
  }
  return stats().blockedMs - before;
}

faulty('a loop without awaits blocks at 4,096 ops', async () => {
  const x = tensor([0], { device });
  const ops = 6000;
  const blocked = await delayed(20, () => {
    for (let i = 0; i < ops; i++) x.add_(1);
  });
  // At least ops - 4096 commands ran inside of the loop; a pause takes 10 µs on average.
  assert.ok(blocked > 10, `blocked for ${blocked} ms`);
  assert.equal(await x.item(), ops);
  x.dispose();
});

faulty('fresh memory taken while running ahead is bounded', async () => {
  resetPeakMemory();
  const before = memory()[device]?.live ?? 0;
  const held: Tensor[] = [];
  const mebibyte = 2 ** 20;
  const blocked = await delayed(2000, () => {
    // More than 256 MiB: what is made before the device has got anywhere cannot all be new.
    for (let i = 0; i < 20; i++) held.push(empty([8 * mebibyte], { device, dtype: 'int32' }).fill_(i));
  });
  assert.ok(blocked > 0, 'never blocked');
  for (const [i, t] of held.entries()) scope(() => assert.equal(t.select(0, 5).itemSync(), i));
  for (const t of held) t.dispose();
  assert.equal(memory()[device]?.live ?? 0, before);
});

faulty('replays run ahead by little', async () => {
  const x = tensor([0], { device });
  const step = capture((by: Tensor) => noGrad(() => void x.add_(by)));
  const one = tensor([1], { device });
  const calls = 1200; // small steps may run ahead by 500
  const blocked = await delayed(60, () => {
    for (let i = 0; i < calls; i++) step(one);
  });
  assert.ok(blocked > 1, `blocked for ${blocked} ms`);
  assert.equal(await x.item(), calls);
  step.dispose();
  for (const t of [x, one]) t.dispose();
});

faulty('a captured step on one queue and reads on the other, all late, keep their order', async () => {
  const w = tensor([0], { device });
  const step = capture((by: Tensor) => noGrad(() => scope(() => w.add_(by).mul(3))));
  await delayed(60, async () => {
    let wanted = 0;
    const seen: Promise<unknown>[] = [];
    for (let i = 1; i <= 60; i++) {
      const by = tensor([i], { device });
      const tripled = step(by);
      wanted += i;
      const now = wanted;
      seen.push(tripled.item().then((value) => assert.equal(value, 3 * now)));
      const served = inference(() => w.mul(2), { queue: 'serve' });
      seen.push(served.item().then((value) => assert.equal(value, 2 * now)));
      for (const t of [by, tripled, served]) t.dispose();
    }
    await Promise.all(seen);
  });
  step.dispose();
  w.dispose();
});

test.run();
