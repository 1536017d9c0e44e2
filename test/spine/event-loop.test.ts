// Training leaves the event loop free.
import { strict as assert } from 'node:assert';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { crossEntropy, manualSeed, nn, optim, randn, scope, tensor } from '../../lib/index.ts';

test('the event loop is late by little while a network trains', async () => {
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(400, 10),
  );
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const x = randn([64, 1, 28, 28]);
  const labels = tensor(Int32Array.from({ length: 64 }, (_, i) => i % 10));
  const step = (): Tensor =>
    scope(() => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(x) as Tensor, labels);
      loss.backward();
      optimizer.step();
      return loss;
    });
  for (let i = 0; i < 3; i++) await step().item();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + 3000;
  let count = 0;
  while (performance.now() < end) {
    const loss = step();
    await loss.item();
    loss.dispose();
    await turn();
    count++;
  }
  delay.disable();
  // The timer behind the histogram ticks every millisecond, which it counts as delay.
  const p99 = delay.percentile(99) / 1e6 - 1;
  console.log(
    `# event loop while training (${count} steps): p50 ${(delay.percentile(50) / 1e6 - 1).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, most ${(delay.max / 1e6 - 1).toFixed(2)} ms`,
  );
  assert.ok(p99 < 20, `p99 is ${p99.toFixed(1)} ms`);
  for (const t of [x, labels]) t.dispose();
  optimizer.dispose();
  model.dispose();
});

test.run();
