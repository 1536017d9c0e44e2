// The same bits for any number of threads, any run and any batch of commands.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import {
  crossEntropy,
  getThreads,
  manualSeed,
  nn,
  ones,
  optim,
  randn,
  scope,
  setThreads,
  tensor,
} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { elements } from '../support/tensors.ts';

/** Ops with work for several chunks each. */
const cases: Record<string, () => Tensor> = {
  sum: () => ops.sum(randn([1000003])),
  'sum of columns': () => ops.sum(randn([3001, 101]), 0),
  'mean of rows': () => ops.mean(randn([501, 1003]), 1),
  matmul: () => ops.matmul(randn([301, 513]), randn([513, 257])),
  'thin matmul': () => ops.matmul(randn([3, 4099]), randn([4099, 7])),
  exp: () => ops.exp(randn([300000])),
  softmax: () => ops.softmax(randn([4001, 37])),
  conv2d: () => ops.conv2d(randn([9, 3, 33, 31]), randn([8, 3, 3, 3]), null, { padding: 1 }),
  variance: () => ops.variance(randn([70, 1001]), { axis: 1 }),
  maxPool2d: () => ops.maxPool2d(randn([16, 8, 34, 34]), 2),
};

for (const [name, run] of Object.entries(cases)) {
  test(`${name} gives the same bits for 1, 2 and 4 threads`, () => {
    const results = [1, 2, 4, 2].map((threads) => {
      setThreads(threads);
      manualSeed(7);
      return scope(() => elements(run()));
    });
    for (const each of results) assert.deepEqual(each, results[0]);
  });
}

test('a training run gives the same bits for 1, 2 and 4 threads', () => {
  const train = (threads: number): number[] => {
    setThreads(threads);
    manualSeed(1);
    const model = new nn.Sequential(
      new nn.Conv2d(1, 6, 5, { padding: 2 }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Dropout(0.2),
      new nn.Flatten(),
      new nn.Linear(6 * 14 * 14, 10),
    );
    const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
    for (let i = 0; i < 5; i++) {
      scope(() => {
        const x = randn([32, 1, 28, 28]);
        const labels = tensor(Int32Array.from({ length: 32 }, (_, k) => (k * 7 + i) % 10));
        optimizer.zeroGrad();
        crossEntropy(model.forward(x) as Tensor, labels).backward();
        optimizer.step();
      });
    }
    const weights = model.parameters().flatMap((p) => [...elements(p)]);
    optimizer.dispose();
    model.dispose();
    return weights;
  };
  const one = train(1);
  assert.deepEqual(train(2), one);
  assert.deepEqual(train(4), one);
});

// Workers on their caller's core move to another, and may go everywhere again behind that.
if (process.platform === 'linux') {
  test('all threads may use all of the cores that the process may, behind products on more threads than cores', () => {
    setThreads(4);
    for (let i = 0; i < 50; i++) scope(() => elements(ops.matmul(ones([256, 256]), ones([256, 256]))));
    const cores = (task: string): string | undefined =>
      /^Cpus_allowed_list:.*/m.exec(readFileSync(`/proc/self/${task}status`, 'utf8'))?.[0];
    const own = cores('');
    for (const task of readdirSync('/proc/self/task')) assert.equal(cores(`task/${task}/`), own, task);
  });
}

test('setThreads takes 1 to 256', () => {
  setThreads(3);
  assert.equal(getThreads(), 3);
  for (const bad of [0, -1, 1.5, Number.NaN, 257, '2', null])
    throwsCode(() => setThreads(bad as number), 'ERR_ARGUMENT', `${bad} threads`);
  setThreads(2);
  ones([1]).dispose();
});

test.run();
