import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType } from '../../lib/index.ts';
import { setThreads, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/index.ts';
import { elements } from '../support/tensors.ts';

const ints = (
  values: readonly number[],
  shape: readonly number[] = [values.length],
  dtype: DType = 'int32',
): TensorSpec => withDtype(given(values, shape), dtype);

const badIndices = [
  { name: 'float indices', args: () => [rand(3, 2), 0, rand(2, 2), rand(2, 2)], code: 'ERR_DTYPE' },
  { name: 'another rank', args: () => [rand(3, 2), 0, ints([0, 1]), rand(2)], code: 'ERR_SHAPE' },
  {
    name: 'a larger index',
    args: () => [rand(3, 2), 0, ints([0, 0, 0], [1, 3]), rand(1, 3)],
    code: 'ERR_SHAPE',
    message: /axis 1/,
  },
  { name: 'an axis out of range', args: () => [rand(3, 2), 2, ints([0], [1, 1]), rand(1, 1)], code: 'ERR_SHAPE' },
  { name: 'no tensor', args: () => [null, 0, ints([0], [1, 1]), rand(1, 1)], code: 'ERR_ARGUMENT' },
  { name: 'an array of indices', args: () => [rand(3), 0, [0], rand(1)], code: 'ERR_ARGUMENT' },
];
const badSources = [
  { name: 'a smaller source', args: () => [rand(3), 0, ints([0, 1]), rand(1)], code: 'ERR_SHAPE' },
  { name: 'another dtype', args: () => [rand(3), 0, ints([0]), withDtype(rand(1), 'int32')], code: 'ERR_DTYPE' },
  { name: 'a string', args: () => [rand(3), 0, ints([0]), '1'], code: 'ERR_ARGUMENT' },
];

checkOp('gather', ops.gather, {
  reference: reference.gather,
  ulps: 0,
  cases: [
    { name: 'repeated columns', args: [rand(3, 4), 1, randInt(0, 3, [3, 6])] },
    { name: 'rows', args: [rand(5, 3), 0, randInt(0, 4, [2, 3])] },
    { name: 'a smaller index', args: [rand(4, 5), -1, randInt(0, 4, [2, 3])] },
    { name: 'int64', args: [rand(4), 0, ints([3, 3, 0], [3], 'int64')] },
    { name: 'uint8', args: [rand(4), 0, ints([3, 1], [2], 'uint8')] },
    { name: 'the middle axis', args: [rand(2, 3, 4), 1, randInt(0, 2, [2, 2, 4])] },
    { name: 'rank 6', args: [rand(2, 1, 2, 3, 1, 2), 3, randInt(0, 2, [2, 1, 2, 2, 1, 2])] },
    { name: 'rank 0', args: [rand(), 0, ints([0], [])] },
    { name: 'no index', args: [rand(3, 2), 0, ints([], [0, 2])] },
    { name: 'NaN and Inf', args: [given([Number.NaN, Number.POSITIVE_INFINITY, -0]), 0, ints([2, 1, 0])], grad: false },
    { name: 'integers', args: [rand(3, 3), 0, randInt(0, 2, [3, 3])], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
    {
      name: 'two chunks',
      args: [rand(40000), 0, randInt(0, 39999, [40000])],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
  ],
  rejects: badIndices,
});

checkOp('scatterAdd', ops.scatterAdd, {
  reference: reference.scatterAdd,
  additive: true,
  cases: [
    { name: 'rows that meet', args: [rand(3, 4), 0, randInt(0, 2, [5, 4]), rand(5, 4)] },
    { name: 'columns', args: [rand(3, 4), 1, randInt(0, 3, [2, 6]), rand(2, 6)] },
    { name: 'a larger source', args: [rand(3, 4), 1, randInt(0, 3, [2, 2]), rand(3, 5)] },
    { name: 'the middle axis', args: [rand(2, 3, 4), 1, randInt(0, 2, [2, 4, 3]), rand(2, 4, 3)] },
    { name: 'wide inner axes', args: [rand(2, 3, 70), 1, randInt(0, 2, [2, 4, 70]), rand(2, 4, 70)], grad: false },
    { name: 'rank 0', args: [rand(), 0, ints([0], []), rand()] },
    { name: 'nothing', args: [rand(3), 0, ints([], [0]), rand(0)] },
    { name: 'integers', args: [rand(4), 0, randInt(0, 3, [9]), rand(9)], dtypes: ['int32', 'int64'] },
    {
      name: 'two chunks on one line',
      args: [rand(50), 0, randInt(0, 49, [40000]), rand(40000)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
  ],
  rejects: [
    ...badIndices,
    ...badSources,
    { name: 'a number', args: () => [rand(3), 0, ints([0]), 1], code: 'ERR_ARGUMENT' },
    {
      name: 'bool',
      args: () => [withDtype(rand(3), 'bool'), 0, ints([0]), withDtype(rand(1), 'bool')],
      code: 'ERR_DTYPE',
    },
  ],
});

checkOp('scatter', ops.scatter, {
  reference: reference.scatter,
  ulps: 0,
  cases: [
    { name: 'the last of several stays', args: [rand(3, 4), 0, ints([0, 1, 2, 2, 0, 1, 0, 1], [2, 4]), rand(2, 4)] },
    { name: 'columns', args: [rand(3, 4), 1, randInt(0, 3, [2, 6]), rand(2, 6)] },
    { name: 'a number', args: [rand(3, 4), 1, randInt(0, 3, [3, 2]), 2.5] },
    { name: 'a larger source', args: [rand(3), 0, ints([1]), rand(4)] },
    { name: 'rank 0', args: [rand(), 0, ints([0], []), rand()] },
    { name: 'nothing', args: [rand(3), 0, ints([], [0]), rand(0)] },
    { name: 'integers', args: [rand(3, 3), 0, randInt(0, 2, [3, 3]), 1], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
  ],
  rejects: [...badIndices, ...badSources],
});

for (const device of testDevices) {
  test(`an index out of range fails what reads it and changes nothing on ${device}`, async () => {
    const x = tensor([1, 2, 3], { device });
    for (const bad of [3, -1]) {
      const index = tensor([0, bad], { dtype: 'int32', device });
      const src = tensor([5, 6], { device });
      for (const y of [
        ops.gather(x, 0, index),
        ops.scatter(x, 0, index, src),
        ops.scatter(x, 0, index, 7),
        ops.scatterAdd(x, 0, index, src),
      ]) {
        await assert.rejects(
          y.data(),
          (error: { code?: string; message: string }) =>
            error.code === 'ERR_INDEX' && error.message.includes(`index ${bad}`),
        );
        y.dispose();
      }
      index.dispose();
      src.dispose();
    }
    assert.deepEqual([...(await x.data())], [1, 2, 3]);
    x.dispose();
  });
}

test('sums are the same bits for any number of threads', () => {
  const index = tensor(
    Int32Array.from({ length: 100000 }, (_, i) => (i * 7919) % 97),
    {},
  );
  const src = tensor(
    Float32Array.from({ length: 100000 }, (_, i) => Math.sin(i)),
    {},
  );
  const x = ops.zeros([97]);
  const sums = [1, 2, 5].map((threads) => {
    setThreads(threads);
    const y = ops.scatterAdd(x, 0, index, src);
    const values = elements(y);
    y.dispose();
    return values;
  });
  assert.deepEqual(sums[1], sums[0]);
  assert.deepEqual(sums[2], sums[0]);
  for (const t of [index, src, x]) t.dispose();
});

test.run();
