// Tensors larger than the caches on the CPU, which are written past them and asked for ahead of folds: the bits of the same
// rows a few at a time.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/index.ts';
import { elements, sameElements } from '../support/tensors.ts';

/** Rows as a softmax takes them: several at a time, one by one, and too long to wait for their sum. */
const cases = [
  { dtype: 'float32', rows: 240_007, columns: 37 },
  { dtype: 'float32', rows: 8400, columns: 1009 },
  { dtype: 'float32', rows: 1900, columns: 9001 },
  { dtype: 'float32', rows: 125, columns: 70_001 },
  { dtype: 'float64', rows: 4200, columns: 1009 },
] as const;

const gradient =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const leaf = x.detach();
    leaf.requiresGrad = true;
    const y = f(leaf);
    return ops.grad(y, [leaf], { gradOutputs: ops.sin(y.detach()) })[0] as Tensor;
  };

const rowwise: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  softmax: (x) => ops.softmax(x, -1),
  logSoftmax: (x) => ops.logSoftmax(x, -1),
  "softmax's gradient": gradient((x) => ops.softmax(x, -1)),
  "logSoftmax's gradient": gradient((x) => ops.logSoftmax(x, -1)),
  sum: (x) => ops.sum(x, -1),
  amax: (x) => ops.amax(x, -1),
  argmin: (x) => ops.argmin(x, -1),
  variance: (x) => ops.variance(x, -1),
};

for (const { dtype, rows, columns } of cases) {
  test(`${rows} rows of ${columns}, ${dtype}: the bits of a few rows at a time`, () =>
    ops.scope(() => {
      ops.manualSeed(5);
      const x = ops.randn([rows, columns], { dtype });
      for (const [name, f] of Object.entries(rowwise))
        ops.scope(() => {
          const whole = f(x);
          for (const first of [0, 1, Math.floor(rows / 3), rows - 5]) {
            const wanted = elements(f(ops.narrow(x, 0, first, 5).contiguous()));
            sameElements(ops.narrow(whole, 0, first, 5), wanted, `${name}, row ${first}`);
          }
        });
    }));
}

test('everything at once: sums, extremes and their places', () => {
  const n = 2 ** 23 + 77;
  const only = (t: Tensor): number => elements(t)[0] as number;
  for (const dtype of ['float32', 'int32'] as const)
    ops.scope(() => {
      const ones = ops.ones([n], { dtype });
      assert.is(only(ops.sum(ones)), n);
      ops.fill_(ops.narrow(ones, 0, n - 3, 1), 7);
      ops.fill_(ops.narrow(ones, 0, 1_234_567, 1), -7);
      assert.equal([ops.amax(ones), ops.amin(ones), ops.argmax(ones), ops.argmin(ones)].map(only), [
        7,
        -7,
        n - 3,
        1_234_567,
      ]);
    });
});

test.run();
