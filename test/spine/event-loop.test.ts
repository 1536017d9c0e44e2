// Training leaves the event loop free.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { crossEntropy, manualSeed, nn, optim, randn, scope, tensor } from '../../lib/index.ts';

/** Processor time that the host of a virtual machine gave to others, where Linux counts it in hundredths of a second. */
function stolenMs(): number {
  if (process.platform !== 'linux') return 0;
  return 10 * Number(readFileSync('/proc/stat', 'utf8').split(/\s+/, 9)[8] ?? 0);
}

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
  /** The lateness, in milliseconds, that all but a hundredth of the loop's turns stay below. */
  const watch = async (milliseconds: number): Promise<number> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const end = performance.now() + milliseconds;
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
    const [p50, p99, most] = [delay.percentile(50), delay.percentile(99), delay.max].map((ns) => ns / 1e6 - 1);
    console.log(
      `# event loop, ${count} steps: p50 ${p50?.toFixed(2)} ms, p99 ${p99?.toFixed(2)} ms, most ${most?.toFixed(2)} ms`,
    );
    return p99 as number;
  };
  // What the host took from us says nothing about our steps: such a run is watched again.
  let p99 = Infinity;
  for (let attempt = 0, disturbed = true; attempt < 3 && p99 >= 20 && disturbed; attempt++) {
    const before = stolenMs();
    p99 = await watch(3000);
    disturbed = stolenMs() - before > 100;
  }
  assert.ok(p99 < 20, `p99 is ${p99.toFixed(1)} ms`);
  for (const t of [x, labels]) t.dispose();
  optimizer.dispose();
  model.dispose();
});

test.run();
