import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { setThreads } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randIn, randInt, type TensorSpec } from '../support/random.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/scan.ts';
import { elements } from '../support/tensors.ts';

const cases = (values: (...shape: number[]) => TensorSpec): OpCase[] => [
  { name: 'the middle axis', args: [values(2, 5, 3), 1] },
  { name: 'a line', args: [values(7)] },
  { name: 'the first axis, by options', args: [values(4, 3), { axis: 0 }] },
  { name: 'one element', args: [values(3, 1), -1] },
  { name: 'rank 0', args: [values(), 0] },
  { name: 'rank 6', args: [values(2, 1, 2, 3, 1, 2), 3] },
  { name: 'nothing', args: [values(0)] },
  { name: 'an empty axis', args: [values(3, 0), 1] },
  { name: 'beside an empty axis', args: [values(3, 0), 0] },
  { name: 'more lines than go side by side', args: [values(3, 131), 0], grad: false },
  { name: 'more than one chunk', args: [values(9, 4001), 0], grad: false, layouts: ['contiguous', 'transposed'] },
];
const rejects = (name: string): Rejected[] => [
  { name: 'an axis out of range', args: () => [rand(2, 3), 2], code: 'ERR_SHAPE', message: new RegExp(`${name}: .*2`) },
  { name: 'half an axis', args: () => [rand(2, 3), 0.5], code: 'ERR_SHAPE' },
  { name: 'an axis of NaN', args: () => [rand(2, 3), Number.NaN], code: 'ERR_SHAPE' },
  { name: 'a list of axes', args: () => [rand(2, 3), [0, 1]], code: 'ERR_ARGUMENT' },
  { name: 'null for an axis', args: () => [rand(2, 3), null], code: 'ERR_ARGUMENT', message: /null/ },
  { name: 'text for an axis', args: () => [rand(2, 3), 'x'], code: 'ERR_ARGUMENT' },
  { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
];
const special = given([1, Number.NaN, 2, Infinity, 3, -Infinity, -Infinity, -Infinity, 5], [3, 3]);
const integers = { ...rand(4, 7), values: randInt(-5, 5, [4, 7]).values };

checkOp('cumsum', ops.cumsum, {
  reference: reference.cumsum,
  // The sums are added in float64: what is left is their rounding, relative to what was added.
  additive: true,
  ulps: 2,
  cases: [
    ...cases(rand),
    { name: 'NaN and infinities', args: [special, 1], grad: false },
    { name: 'cancelling magnitudes', args: [given([1e8, 1, -1e8, 1])], grad: false },
  ],
  rejects: rejects('cumsum'),
});
checkOp('cumprod', ops.cumprod, {
  reference: reference.cumprod,
  // Reference and kernel multiply in float64 in the same order; float64 results may differ by contraction.
  ulps: 4,
  cases: [
    // Zeros: a gradient that divides by the elements would be NaN here.
    { name: 'zeros in the lines', args: [given([1.5, 0, -2, 0.5, 3, 0, 0, 2, 1, 2, -1, 0.5], [3, 4]), 1] },
    ...cases(rand),
    { name: 'NaN and infinities', args: [special, 1], grad: false },
    { name: 'overflow', args: [given([1e30, 1e30, 1e-40])], grad: false },
  ],
  rejects: rejects('cumprod'),
});
for (const name of ['cumsum', 'cumprod'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    dtypes: ['int32', 'int64', 'uint8'],
    resultDtype: () => 'int64',
    differentiable: false,
    cases: [
      { name: 'integers', args: [{ ...integers, values: map(integers.values, Math.abs) }, 1] },
      { name: 'an integer of rank 0', args: [randInt(3, 3, [])], dtypes: ['int32'] },
    ],
  });
}
checkOp('logcumsumexp', ops.logcumsumexp, {
  reference: reference.logcumsumexp,
  // exp and log in float64; near 0 the error is relative to the terms, which are of order 1.
  ulps: 8,
  magnitude: (x: NDArray, axis: number) => map(reference.logcumsumexp(x, axis), (v) => Math.max(1, Math.abs(v))),
  cases: [
    ...cases(rand),
    { name: 'NaN and infinities', args: [special, 1], grad: false },
    { name: 'large and small exponents', args: [given([1000, -1000, 1000, 20, -1e30, 1e30])], grad: false },
    { name: 'falling by far', args: [given([300, 0, -300, 280])] },
  ],
  rejects: rejects('logcumsumexp'),
});

checkOp('diff', ops.diff, {
  reference: reference.diff,
  additive: true,
  cases: [
    { name: 'twice', args: [rand(3, 5), { n: 2 }] },
    { name: 'the first axis', args: [rand(4, 2, 3), { axis: 0 }] },
    { name: 'a plain axis', args: [rand(4, 2), 0] },
    { name: 'no times', args: [rand(4), { n: 0 }] },
    { name: 'more often than there are elements', args: [rand(2, 3), { n: 4 }], grad: false },
    { name: 'nothing', args: [rand(0)] },
    { name: 'integers', args: [integers], dtypes: ['int32', 'int64'] },
  ],
  rejects: [
    { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' },
    { name: 'a negative count', args: () => [rand(3), { n: -1 }], code: 'ERR_ARGUMENT' },
    { name: 'half a count', args: () => [rand(3), { n: 0.5 }], code: 'ERR_ARGUMENT' },
    { name: 'an axis out of range', args: () => [rand(3), { axis: 1 }], code: 'ERR_SHAPE' },
  ],
});

// `x` as a second tensor argument, so that checkOp makes it.
const between = (y: never, x: never, axis = -1): never => ops.trapezoid(y, { x, axis }) as never;
checkOp('trapezoid', ops.trapezoid, {
  reference: reference.trapezoid,
  additive: true,
  ulps: 8,
  cases: [
    { name: 'rows', args: [rand(3, 5), { dx: 0.5 }] },
    { name: 'the first axis', args: [rand(4, 2, 3), { axis: 0 }] },
    { name: 'one sample', args: [rand(2, 1)], grad: false },
    { name: 'no sample', args: [rand(2, 0)] },
  ],
  rejects: [
    { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' },
    { name: 'a distance of NaN', args: () => [rand(3), { dx: Number.NaN }], code: 'ERR_ARGUMENT' },
  ],
});
checkOp('trapezoid at places', between, {
  reference: (y: NDArray, x: NDArray, axis = -1) => reference.trapezoid(y, { x, axis }),
  ulps: 32,
  magnitude: (y: NDArray) =>
    reference.trapezoid(
      map(y, () => 4),
      { dx: 4 },
    ),
  cases: [{ name: 'rows', args: [rand(3, 5), randIn(0, 4, 5)], layouts: ['contiguous', 'reversed', 'sliced'] }],
  rejects: [{ name: 'too few places', args: () => [rand(3, 5), rand(4)], code: 'ERR_SHAPE' }],
});

checkOp('cumulativeTrapezoid', ops.cumulativeTrapezoid, {
  reference: reference.cumulativeTrapezoid,
  magnitude: (y: NDArray, o?: object) =>
    map(
      reference.cumulativeTrapezoid(
        map(y, () => 4),
        o,
      ),
      (v) => Math.max(4, v),
    ),
  ulps: 8,
  cases: [
    { name: 'rows', args: [rand(3, 5), { dx: 0.5 }] },
    { name: 'at places', args: [rand(3, 5), { x: randIn(0, 4, 5) }], layouts: ['contiguous', 'reversed', 'sliced'] },
    { name: 'the first axis', args: [rand(4, 2, 3), { axis: 0 }] },
    { name: 'one sample', args: [rand(2, 1)], grad: false },
    { name: 'no sample', args: [rand(2, 0)] },
  ],
  rejects: [
    { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' },
    { name: 'too few places', args: () => [rand(3, 5), { x: rand(4) }], code: 'ERR_SHAPE' },
    { name: 'an infinite distance', args: () => [rand(3), { dx: Infinity }], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`scans are the same for any number of threads on ${device}`, () => {
    const x = ops.rand([70, 1001], { device });
    const run = (threads: number): Float64Array => {
      setThreads(threads);
      const y = ops.cumsum(x, 0);
      const values = elements(y);
      y.dispose();
      return values;
    };
    const one = run(1);
    assert.deepEqual(run(4), one);
    setThreads(2);
    x.dispose();
  });

  test(`integer scans wrap and bools count on ${device}`, () => {
    const top = ops.full([2], 2n ** 63n - 1n, { dtype: 'int64', device });
    const sums = top.cumsum();
    assert.deepEqual([...(sums.dataSync() as BigInt64Array)], [2n ** 63n - 1n, -2n]);
    const yes = ops.ones([3], { dtype: 'bool', device });
    const counts = yes.cumsum(0);
    assert.deepEqual([...elements(counts)], [1, 2, 3]);
    for (const t of [top, sums, yes, counts]) t.dispose();
  });
}

test.run();
