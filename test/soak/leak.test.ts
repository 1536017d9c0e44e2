// Thousands of steps leave nothing behind.
import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { crossEntropy, manualSeed, nn, optim, randn, scope, stats, tensor } from '../../lib/index.ts';
import { liveBytes } from '../support/devices.ts';
import { fullLevel } from '../support/random.ts';
import { memorySlack } from '../support/sanitizer.ts';

const steps = fullLevel ? 20_000 : 4_000;

test(`${steps} training steps keep memory and slots flat`, async () => {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(16, 32), new nn.ReLU(), new nn.Dropout(0.1), new nn.Linear(32, 4));
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
  const step = (): Tensor =>
    scope(() => {
      const x = randn([32, 16]);
      const labels = tensor(Int32Array.from({ length: 32 }, (_, i) => i % 4));
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(x) as Tensor, labels);
      loss.backward();
      optimizer.step();
      return loss;
    });
  const some = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const loss = step();
      if (i % 50 === 0) {
        const value = await loss.item();
        assert.ok(Number.isFinite(value));
        await turn();
      }
      loss.dispose();
    }
  };
  await some(steps / 4);
  globalThis.gc?.();
  await turn();
  const [slots, bytes, rss] = [stats().slots, liveBytes(), process.memoryUsage.rss()];
  await some(steps);
  globalThis.gc?.();
  await turn();
  const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
  console.log(
    `# ${steps} steps: ${stats().slots - slots} slots, ${liveBytes() - bytes} bytes, memory ${grown.toFixed(1)} MiB more`,
  );
  assert.equal(liveBytes(), bytes);
  assert.ok(Math.abs(stats().slots - slots) <= 1);
  assert.ok(grown < 40 * memorySlack, `memory grew by ${grown.toFixed(1)} MiB`);
  optimizer.dispose();
  model.dispose();
});

test.run();
