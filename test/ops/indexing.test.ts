import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType } from '../../lib/index.ts';
import { setThreads, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, given, mask, rand, randAway, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/index.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const ints = (
  values: readonly number[],
  shape: readonly number[] = [values.length],
  dtype: DType = 'int32',
): TensorSpec => withDtype(given(values, shape), dtype);

const meeting = ints([0, 1, 2, 2, 0, 1, 0, 1], [2, 4]);

checkOp('scatterReduce', ops.scatterReduce, {
  reference: reference.scatterReduce,
  ulps: 8,
  magnitude: (x, axis, index, src, options) =>
    reference.scatterReduce(
      absolute(x),
      axis,
      index,
      absolute(src),
      options.reduce === 'mean' || options.reduce === 'sum' ? { ...options, reduce: 'sum' } : options,
    ),
  cases: [
    { name: 'products', args: [randAway(0.3, 3, 4), 0, meeting, randAway(0.3, 2, 4), { reduce: 'prod' }] },
    { name: 'sums', args: [rand(3, 4), 1, randInt(0, 3, [3, 5]), rand(3, 5), { reduce: 'sum' }] },
    {
      name: 'sums of src alone',
      args: [rand(3, 4), 1, randInt(0, 3, [3, 2]), rand(3, 2), { reduce: 'sum', includeSelf: false }],
    },
    { name: 'means', args: [rand(3, 4), 1, randInt(0, 3, [3, 5]), rand(3, 5), { reduce: 'mean' }] },
    {
      name: 'means of src alone',
      args: [rand(3, 4), 1, randInt(0, 3, [3, 2]), rand(3, 2), { reduce: 'mean', includeSelf: false }],
    },
    {
      name: 'products of src alone',
      args: [randAway(0.3, 4), 0, ints([0, 0, 2]), randAway(0.3, 3), { reduce: 'prod', includeSelf: false }],
    },
    {
      name: 'products with zeros',
      args: [given([0, 2, 3, 4]), 0, ints([0, 1, 1, 3]), given([5, 0, 4, 1]), { reduce: 'prod' }],
    },
    { name: 'the largest', args: [distinct(3, 4), 0, meeting, rand(2, 4), { reduce: 'amax' }] },
    { name: 'the smallest', args: [distinct(3, 4), 0, meeting, rand(2, 4), { reduce: 'amin' }] },
    {
      name: 'the largest of src alone',
      args: [distinct(5), 0, ints([1, 1, 4]), rand(3), { reduce: 'amax', includeSelf: false }],
    },
    {
      name: 'NaN wins',
      args: [given([1, Number.NaN, 3]), 0, ints([0, 1, 2]), given([Number.NaN, 1, 2]), { reduce: 'amax' }],
      grad: false,
    },
    { name: 'nothing', args: [rand(3), 0, ints([], [0]), rand(0), { reduce: 'amin' }] },
    {
      name: 'integers',
      args: [randInt(1, 9, [4]), 0, ints([0, 0, 3]), randInt(1, 9, [3]), { reduce: 'amin', includeSelf: false }],
      dtypes: ['int32'],
    },
  ],
  rejects: [
    {
      name: 'another rule',
      args: () => [rand(3), 0, ints([0]), rand(1), { reduce: 'max' }],
      code: 'ERR_ARGUMENT',
      message: /reduce/,
    },
    { name: 'no rule', args: () => [rand(3), 0, ints([0]), rand(1), {}], code: 'ERR_ARGUMENT' },
    { name: 'no options', args: () => [rand(3), 0, ints([0]), rand(1)], code: 'ERR_ARGUMENT' },
    { name: 'another dtype', args: () => [rand(3), 0, ints([0]), ints([0]), { reduce: 'sum' }], code: 'ERR_DTYPE' },
  ],
});

function absolute(x: NDArray): NDArray {
  return map(x, Math.abs);
}

checkOp('take', ops.take, {
  reference: reference.take,
  ulps: 0,
  cases: [
    { name: 'from both ends, repeated', args: [rand(3, 4), ints([0, -1, 11, 5, 5, -12], [2, 3])] },
    { name: 'rank 0', args: [rand(), ints([0], [])] },
    { name: 'int64', args: [rand(5), ints([4, -5], [2], 'int64')] },
    { name: 'uint8', args: [rand(5), ints([4, 1], [2], 'uint8')] },
    { name: 'no index', args: [rand(5), ints([], [0, 2])] },
    { name: 'rank 6', args: [rand(1, 2, 1, 2, 2, 1), randInt(-8, 7, [3])] },
    { name: 'bool', args: [mask(5), ints([4, 1])], dtypes: ['bool'], grad: false },
  ],
  rejects: [
    { name: 'float indices', args: () => [rand(3), rand(2)], code: 'ERR_DTYPE' },
    { name: 'an array', args: () => [rand(3), [0]], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('put', ops.put, {
  reference: reference.put,
  ulps: 1,
  cases: [
    { name: 'sums', args: [rand(3, 4), ints([0, -1, 5, 5], [2, 2]), rand(4), { accumulate: true }] },
    { name: 'the last stays', args: [rand(3, 4), ints([0, -1, 5, 5], [2, 2]), rand(2, 2)] },
    { name: 'rank 0', args: [rand(), ints([-1], []), rand()] },
    { name: 'nothing', args: [rand(2), ints([], [0]), rand(0)] },
  ],
  rejects: [
    { name: 'another number of values', args: () => [rand(3), ints([0]), rand(2)], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(3), ints([0]), 1], code: 'ERR_ARGUMENT' },
    { name: 'another dtype', args: () => [rand(3), ints([0]), ints([0])], code: 'ERR_DTYPE' },
    {
      name: 'accumulate that is no boolean',
      args: () => [rand(3), ints([0]), rand(1), { accumulate: 1 }],
      code: 'ERR_ARGUMENT',
    },
  ],
});

checkOp('takeAlongDim', ops.takeAlongDim, {
  reference: reference.takeAlongDim,
  ulps: 0,
  cases: [
    { name: 'columns', args: [rand(3, 4), randInt(0, 3, [3, 2]), 1] },
    { name: 'an index for all rows', args: [rand(3, 4), randInt(0, 3, [1, 6]), 1] },
    { name: 'a row for all indices', args: [rand(1, 4), randInt(0, 3, [3, 2]), -1] },
    { name: 'flat', args: [rand(3, 4), randInt(0, 11, [2, 2])] },
    { name: 'rank 0', args: [rand(), ints([0], []), 0] },
  ],
  rejects: [
    { name: 'another rank', args: () => [rand(3, 4), ints([0]), 1], code: 'ERR_SHAPE' },
    { name: 'sizes that do not broadcast', args: () => [rand(3, 4), ints([0, 0], [2, 1]), 1], code: 'ERR_SHAPE' },
    { name: 'float indices', args: () => [rand(3), rand(3), 0], code: 'ERR_DTYPE' },
  ],
});

const badRows = (value: () => unknown) => [
  { name: 'a matrix of indices', args: () => [rand(3, 2), 0, ints([0], [1, 1]), value()], code: 'ERR_SHAPE' },
  { name: 'float indices', args: () => [rand(3, 2), 0, rand(1), value()], code: 'ERR_DTYPE' },
  { name: 'half an index', args: () => [rand(3, 2), 0, [0.5], value()], code: 'ERR_ARGUMENT' },
  { name: 'an axis out of range', args: () => [rand(3, 2), 2, [0], value()], code: 'ERR_SHAPE' },
];
const badSlices = [
  ...badRows(() => rand(1, 2)),
  { name: 'slices of another shape', args: () => [rand(3, 2), 0, [0], rand(1, 3)], code: 'ERR_SHAPE' },
  { name: 'a broadcast slice', args: () => [rand(3, 2), 0, [0], rand(2)], code: 'ERR_SHAPE' },
  { name: 'another dtype', args: () => [rand(3), 0, [0], ints([0])], code: 'ERR_DTYPE' },
];

checkOp('indexAdd', ops.indexAdd, {
  reference: reference.indexAdd,
  additive: true,
  cases: [
    { name: 'columns that meet', args: [rand(2, 3, 2), 1, [2, 0, 2], rand(2, 3, 2), { alpha: -0.5 }] },
    { name: 'rows', args: [rand(4, 3), 0, ints([3, 3, 1], [3], 'int64'), rand(3, 3)] },
    { name: 'a rank-0 index', args: [rand(4, 3), 0, ints([3], []), rand(1, 3)] },
    { name: 'nothing', args: [rand(4), 0, [], rand(0)] },
    { name: 'integers', args: [rand(4), 0, [1, 1], rand(2)], dtypes: ['int32', 'int64'] },
    { name: 'wide rows', args: [rand(3, 600), 0, [2, 0, 2], rand(3, 600)], grad: false },
    {
      name: 'two chunks of narrow rows',
      args: [rand(20, 2), 0, randInt(0, 19, [20000]), rand(20000, 2)],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
  ],
  rejects: [
    ...badSlices,
    { name: 'an alpha that is text', args: () => [rand(3), 0, [0], rand(1), { alpha: '2' }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('indexCopy', ops.indexCopy, {
  reference: reference.indexCopy,
  ulps: 0,
  cases: [
    { name: 'the last stays', args: [rand(2, 4), 1, [3, 0, 3], rand(2, 3)] },
    { name: 'rows', args: [rand(4, 3), 0, [1], rand(1, 3)] },
    { name: 'rank 0', args: [rand(), 0, [0], rand()] },
    { name: 'bool', args: [mask(4), 0, [1], mask(1)], dtypes: ['bool'], grad: false },
  ],
  rejects: badSlices,
});

checkOp('indexFill', ops.indexFill, {
  reference: reference.indexFill,
  ulps: 0,
  cases: [
    { name: 'a tensor', args: [rand(3, 4), 1, [0, -1, 0], rand()] },
    { name: 'a number', args: [rand(3, 4), 0, ints([1, -3]), -1] },
    { name: 'rank 0', args: [rand(), 0, [-1], 3] },
    { name: 'integers', args: [rand(3), 0, [0], 7], dtypes: ['int32', 'int64', 'uint8'] },
  ],
  rejects: [
    ...badRows(() => 1),
    { name: 'a vector as value', args: () => [rand(3), 0, [0], rand(1)], code: 'ERR_SHAPE' },
    { name: 'text as value', args: () => [rand(3), 0, [0], '1'], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('indexPut', ops.indexPut, {
  reference: reference.indexPut,
  ulps: 1,
  cases: [
    {
      name: 'sums at broadcast indices',
      args: [rand(3, 4, 2), [ints([0, 2, 2], [3, 1]), ints([1, -1])], rand(3, 2, 2), { accumulate: true }],
    },
    { name: 'the last stays', args: [rand(4, 3), [ints([0, 3, 0])], rand(3, 3)] },
    { name: 'a broadcast source', args: [rand(4, 3), [ints([0, 3])], rand(3)] },
    { name: 'a number', args: [rand(4, 3), [ints([0, -4]), ints([2, 1])], 1.5] },
    { name: 'a number added', args: [rand(4, 3), [ints([0, 0]), ints([2, 2])], 1.5, { accumulate: true }] },
    { name: 'nothing', args: [rand(4), [ints([], [0])], rand(0)] },
    { name: 'integers', args: [rand(4), [ints([1, -1])], rand(2)], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
  ],
  rejects: [
    { name: 'too many indices', args: () => [rand(3), [ints([0]), ints([0])], 1], code: 'ERR_SHAPE' },
    { name: 'no index', args: () => [rand(3), [], 1], code: 'ERR_ARGUMENT' },
    {
      name: 'indices that do not broadcast',
      args: () => [rand(3, 3), [ints([0, 1]), ints([0, 1, 2])], 1],
      code: 'ERR_SHAPE',
    },
    { name: 'a source that does not broadcast', args: () => [rand(3), [ints([0, 1])], rand(3)], code: 'ERR_SHAPE' },
    { name: 'an array among them', args: () => [rand(3), [[0]], 1], code: 'ERR_ARGUMENT' },
    { name: 'text', args: () => [rand(3), [ints([0])], '1'], code: 'ERR_ARGUMENT' },
  ],
});

const threads = (): void => {
  const index = tensor(Int32Array.from({ length: 60000 }, (_, i) => (i * 7919) % 97));
  const src = tensor(Float32Array.from({ length: 60000 }, (_, i) => Math.sin(i)));
  const x = ops.zeros([97]);
  const sums = [1, 2, 5].map((count) => {
    setThreads(count);
    const y = ops.indexAdd(x, 0, index, src);
    const values = elements(y);
    y.dispose();
    return values;
  });
  assert.deepEqual(sums[1], sums[0]);
  assert.deepEqual(sums[2], sums[0]);
  for (const t of [index, src, x]) t.dispose();
};
test('indexAdd gives the same bits for any number of threads', threads);

for (const device of testDevices) {
  test(`a product with two zeros has slope 0 on ${device}`, () => {
    const x = tensor([0, 3], { device, requiresGrad: true });
    const src = tensor([0, 5], { device, requiresGrad: true });
    const y = ops.scatterReduce(x, 0, tensor([0, 0], { dtype: 'int32', device }), src, { reduce: 'prod' });
    y.sum().backward();
    assert.deepEqual([...elements(x.grad as never)], [0, 1]);
    assert.deepEqual([...elements(src.grad as never)], [0, 0]);
  });

  test(`rows out of range fail what reads them on ${device}`, async () => {
    const x = tensor([1, 2, 3], { device });
    const src = tensor([5], { device });
    const at = (i: number) => tensor([i], { dtype: 'int32', device });
    const bad = [
      ops.take(x, at(3)),
      ops.take(x, at(-4)),
      ops.put(x, at(3), src),
      ops.indexAdd(x, 0, at(-1), src),
      ops.indexCopy(x, 0, [3], src),
      ops.indexCopy(x, 0, [2 ** 40], src),
      ops.indexFill(x, 0, [-4], 1),
      ops.indexPut(x, [at(3)], src, { accumulate: true }),
      ops.takeAlongDim(x, at(-1), 0),
      ops.scatterReduce(x, 0, at(3), src, { reduce: 'amax' }),
    ];
    for (const y of bad) await assert.rejects(y.data(), { code: 'ERR_INDEX' });
    assert.deepEqual([...(await x.data())], [1, 2, 3]);
    for (const t of [x, src, ...bad]) t.dispose();
  });
}

test.run();
