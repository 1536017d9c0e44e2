import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { setThreads, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, given, mask, rand, randIn, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/sort.ts';
import { elements } from '../support/tensors.ts';

const N = Number.NaN;
const whole = (low: number, high: number, ...shape: number[]): TensorSpec => ({
  ...rand(...shape),
  values: randInt(low, high, shape).values,
});
const strange = given([1, N, Infinity, -0, 0, -Infinity, N, 7, 7, -1], [2, 5]);
const axisRejects: Rejected[] = [
  { name: 'an axis out of range', args: () => [rand(2, 3), { axis: 2 }], code: 'ERR_SHAPE' },
  { name: 'half an axis', args: () => [rand(2, 3), { axis: 0.5 }], code: 'ERR_SHAPE' },
  { name: 'text for an axis', args: () => [rand(2, 3), { axis: 'x' }], code: 'ERR_ARGUMENT' },
  { name: 'null for an axis', args: () => [rand(2, 3), null], code: 'ERR_ARGUMENT' },
  { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
];
/** Rows short, middling and long: the ways to sort one. */
const rows: OpCase[] = [
  { name: 'the middle axis', args: [distinct(2, 5, 3), { axis: 1 }] },
  { name: 'a line', args: [distinct(7)] },
  { name: 'the first axis', args: [distinct(6, 2), { axis: 0 }] },
  { name: 'rows of 300', args: [distinct(3, 300)], grad: false },
  { name: 'equals keep their order', args: [whole(0, 3, 3, 60), { axis: 1 }], grad: false },
  { name: 'NaN, infinities and zeros of both signs', args: [strange], grad: false },
  { name: 'integers', args: [whole(-1000, 1000, 3, 70)], dtypes: ['int32', 'int64'] },
  { name: 'bytes', args: [whole(0, 255, 3, 70)], dtypes: ['uint8'] },
  { name: 'bools', args: [mask(3, 50)], dtypes: ['bool'] },
  { name: 'rank 0', args: [rand()] },
  { name: 'one element', args: [rand(2, 1)] },
];
const empties: OpCase[] = [
  { name: 'nothing', args: [rand(0)] },
  { name: 'an empty axis', args: [rand(3, 0)] },
  { name: 'beside an empty axis', args: [rand(0, 3)] },
];
const pair = (dtype: string): never => [dtype, 'int32'] as never;

checkOp('sort', ops.sort, {
  reference: reference.sort,
  resultDtype: pair,
  ulps: 0,
  cases: [
    { name: 'falling', args: [distinct(3, 5), { descending: true }] },
    ...rows,
    ...empties,
    { name: 'falling, strange', args: [strange, { descending: true }], grad: false },
    { name: 'falling, equals keep their order', args: [whole(0, 3, 2, 90), { descending: true }], grad: false },
    { name: 'an axis alone', args: [distinct(3, 4), 0] },
    { name: 'a row for all threads', args: [randIn(-1, 1, 140001)], grad: false, layouts: ['contiguous', 'sliced'] },
  ],
  rejects: [...axisRejects, { name: 'a wrong option', args: () => [rand(3), null], code: 'ERR_ARGUMENT' }],
});
checkOp('argsort', ops.argsort, {
  reference: reference.argsort,
  resultDtype: () => 'int32',
  differentiable: false,
  ulps: 0,
  cases: [...rows, ...empties],
  rejects: axisRejects,
});
checkOp('msort', ops.msort, {
  reference: reference.msort,
  ulps: 0,
  cases: [
    { name: 'columns', args: [distinct(5, 3)] },
    { name: 'a line', args: [distinct(5)] },
    { name: 'nothing', args: [rand(0, 2)] },
  ],
});

const withCount = (each: OpCase, k: number): OpCase => ({
  ...each,
  args: [each.args[0], k, ...each.args.slice(1)],
});
checkOp('topk', ops.topk, {
  reference: reference.topk,
  resultDtype: pair,
  ulps: 0,
  cases: [
    { name: 'the smallest', args: [distinct(3, 6), 4, { largest: false }] },
    ...rows.filter((each) => each.name !== 'one element' && each.name !== 'rank 0').map((each) => withCount(each, 2)),
    { name: 'all of it', args: [distinct(3, 6), 6] },
    { name: 'none', args: [distinct(3, 6), 0], grad: false },
    { name: 'rank 0', args: [rand(), 1] },
    { name: 'many of many', args: [randIn(-1, 1, 2, 5000), 1700], grad: false, layouts: ['contiguous', 'transposed'] },
    { name: 'of a row for all threads', args: [randIn(-1, 1, 140001), 90000], grad: false, layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'more than there are', args: () => [rand(2, 3), 4], code: 'ERR_ARGUMENT', message: /k must be .*3/ },
    { name: 'fewer than none', args: () => [rand(2, 3), -1], code: 'ERR_ARGUMENT' },
    { name: 'NaN', args: () => [rand(2, 3), N], code: 'ERR_ARGUMENT' },
    { name: 'an axis out of range', args: () => [rand(2, 3), 1, { axis: 2 }], code: 'ERR_SHAPE' },
  ],
});
checkOp('kthvalue', ops.kthvalue, {
  reference: reference.kthvalue,
  resultDtype: pair,
  ulps: 0,
  cases: [
    { name: 'kept', args: [distinct(3, 6), 4, { keepdim: true }] },
    ...rows.filter((each) => each.name !== 'one element' && each.name !== 'rank 0').map((each) => withCount(each, 2)),
    { name: 'rank 0', args: [rand(), 1] },
  ],
  rejects: [
    { name: 'more than there are', args: () => [rand(2, 3), 4], code: 'ERR_ARGUMENT' },
    { name: 'none', args: () => [rand(2, 3), 0], code: 'ERR_ARGUMENT' },
    { name: 'null for an axis', args: () => [rand(2, 3), 1, null], code: 'ERR_ARGUMENT' },
    { name: 'an empty axis', args: () => [rand(2, 0), 1], code: 'ERR_ARGUMENT' },
  ],
});
const emptyReject: Rejected = { name: 'an empty axis', args: () => [rand(2, 0), { axis: 1 }], code: 'ERR_SHAPE' };
for (const name of ['median', 'nanmedian'] as const) {
  const op = ops[name] as unknown as (x: never, o?: never) => never;
  checkOp(name, op, {
    reference: reference[name],
    resultDtype: pair,
    ulps: 0,
    cases: [
      { name: 'rows, kept', args: [distinct(3, 6), { axis: 1, keepdim: true }] },
      { name: 'everything', args: [distinct(3, 5)] },
      { name: 'everything, kept', args: [distinct(3, 4), { keepdim: true }] },
      ...rows.filter((each) => each.args.length > 1),
      { name: 'rows with NaN', args: [strange, { axis: 1 }], grad: false },
      {
        name: 'long rows with NaN',
        args: [
          given(
            Array.from({ length: 90 }, (_, i) => (i % 7 ? i % 11 : N)),
            [2, 45],
          ),
          1,
        ],
        grad: false,
      },
      { name: 'nothing but NaN', args: [given([N, N])], grad: false },
    ],
    rejects: [...axisRejects.filter((each) => !each.name.startsWith('text')), emptyReject],
  });
}
checkOp('mode', ops.mode, {
  reference: reference.mode,
  resultDtype: pair,
  ulps: 0,
  cases: [...rows, { name: 'kept', args: [whole(0, 4, 3, 9), { keepdim: true }], grad: false }],
  rejects: [...axisRejects, emptyReject],
});

for (const name of ['quantile', 'nanquantile'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    // One interpolation, its weight rounded to the dtype.
    ulps: 8,
    magnitude: (x: NDArray, q: number, o = {}) => {
      const size = reference.nanquantile(x, q, o);
      return { ...size, data: size.data.map(() => 2) } as NDArray;
    },
    cases: [
      { name: 'several, along the first axis', args: [distinct(5, 3), [0.1, 0.5, 1], { axis: 0 }] },
      { name: 'everything', args: [distinct(3, 4), 0.3] },
      { name: 'everything, kept', args: [distinct(3, 4), 0.3, { keepdim: true }] },
      { name: 'the middle axis, kept', args: [distinct(2, 4, 3), [0.25, 0.6], { axis: 1, keepdim: true }] },
      { name: 'the last axis', args: [distinct(2, 4, 3), 0.9, { axis: -1 }] },
      ...['lower', 'higher', 'midpoint', 'nearest', 'linear'].map((interpolation) => ({
        name: interpolation,
        args: [distinct(3, 6), [0, 0.1, 0.5, 0.7, 1], { axis: 1, interpolation }],
      })),
      { name: 'NaN', args: [given([1, N, 4, 2, 3, 5], [2, 3]), [0.5, 0.25], { axis: 1 }], grad: false },
      { name: 'infinities', args: [given([1, Infinity, -Infinity, 2, 3]), [0, 0.25, 0.5, 1]], grad: false },
      { name: 'rank 0', args: [rand(), 0.5], grad: false },
      { name: 'beside an empty axis', args: [rand(0, 3), 0.5, { axis: 1 }] },
    ],
    rejects: [
      { name: 'beyond 1', args: () => [rand(3), 1.5], code: 'ERR_ARGUMENT' },
      { name: 'NaN', args: () => [rand(3), [0.5, N]], code: 'ERR_ARGUMENT' },
      { name: 'no quantile', args: () => [rand(3)], code: 'ERR_ARGUMENT' },
      {
        name: 'an unknown interpolation',
        args: () => [rand(3), 0.5, { interpolation: 'cubic' }],
        code: 'ERR_ARGUMENT',
      },
      { name: 'integers', args: () => [withDtype(rand(3), 'int32'), 0.5], code: 'ERR_DTYPE' },
      { name: 'no elements', args: () => [rand(0), 0.5], code: 'ERR_SHAPE' },
      { name: 'two axes', args: () => [rand(2, 2), 0.5, { axis: [0, 1] }], code: 'ERR_SHAPE' },
    ],
  });
}

for (const device of testDevices) {
  test(`sorting is the same for any number of threads on ${device}`, () => {
    const x = ops.rand([200003], { device });
    const run = (threads: number): Float64Array => {
      setThreads(threads);
      const places = ops.argsort(x);
      const values = elements(places);
      places.dispose();
      return values;
    };
    const one = run(1);
    assert.deepEqual(run(4), one);
    setThreads(2);
    x.dispose();
  });

  test(`-0 and 0 are equal and keep their signs on ${device}`, () => {
    const x = tensor([0, -0, -1, -0], { device });
    const [values, places] = ops.sort(x);
    assert.deepEqual([...elements(values)], [-1, 0, -0, -0]);
    assert.deepEqual([...elements(places)], [2, 0, 1, 3]);
    for (const t of [x, values, places]) t.dispose();
  });
}

test.run();
