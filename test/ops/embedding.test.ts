import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { EmbeddingBagOptions, RopeOptions } from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, given, noGradient, rand, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/embedding.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['sinusoidalPositions'];

const ints = (
  values: readonly number[],
  shape?: readonly number[],
  dtype: 'int32' | 'int64' | 'uint8' = 'int32',
): TensorSpec => withDtype(given(values, shape), dtype);
const few = ['contiguous', 'transposed', 'sliced', 'reversed'] as const;

checkOp('embedding', ops.embedding, {
  reference: reference.embedding,
  ulps: 0,
  cases: [
    { name: 'a matrix of indices', args: [ints([1, 0, 3, 1, 1, 2], [2, 3]), rand(4, 3)], layouts: few },
    { name: 'int64 indices', args: [ints([2, 2, 0], [3], 'int64'), rand(3, 2)], layouts: few },
    { name: 'uint8 indices', args: [ints([2, 2, 0], [3], 'uint8'), rand(3, 2)], layouts: few },
    { name: 'one index', args: [ints([1], []), rand(3, 2)] },
    { name: 'no index', args: [ints([], [0]), rand(3, 2)] },
    { name: 'no features', args: [ints([1, 2]), rand(3, 0)] },
    { name: 'many rows', args: [randInt(0, 40, [300]), rand(41, 65)], grad: false, layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'a vector for a table', args: () => [ints([0]), rand(3)], code: 'ERR_SHAPE', message: /weight must be/ },
    { name: 'float indices', args: () => [rand(2), rand(3, 2)], code: 'ERR_DTYPE' },
    { name: 'an integer table', args: () => [ints([0]), withDtype(rand(3, 2), 'int32')], code: 'ERR_DTYPE' },
    { name: 'padding outside the table', args: () => [ints([0]), rand(3, 2), { paddingIdx: 3 }], code: 'ERR_ARGUMENT' },
    { name: 'half a row for padding', args: () => [ints([0]), rand(3, 2), { paddingIdx: 0.5 }], code: 'ERR_ARGUMENT' },
    { name: 'a negative norm', args: () => [ints([0]), rand(3, 2), { maxNorm: -1 }], code: 'ERR_ARGUMENT' },
    { name: 'null for indices', args: () => [null, rand(3, 2)], code: 'ERR_ARGUMENT' },
    { name: 'null for options', args: () => [ints([0]), rand(3, 2), null], code: 'ERR_ARGUMENT' },
  ],
});

const bag = (indices: Tensor, weight: Tensor, scales: Tensor | null, options: EmbeddingBagOptions): Tensor =>
  ops.embeddingBag(indices, weight, { ...options, perSampleWeights: scales });
const seven = [3, 0, 2, 2, 1, 3, 0];

checkOp('embeddingBag', bag, {
  reference: reference.embeddingBag,
  ulps: 16,
  additive: true,
  cases: [
    {
      name: 'weighted sums',
      args: [ints(seven), rand(4, 3), rand(7), { offsets: [0, 2, 2, 6], mode: 'sum' }],
      layouts: few,
    },
    { name: 'means', args: [ints(seven), rand(4, 3), null, { offsets: [0, 3] }], layouts: few },
    { name: 'maxima', args: [ints(seven), distinct(4, 3), null, { offsets: [0, 3, 3], mode: 'max' }], layouts: few },
    {
      name: 'a bag a row',
      args: [ints([1, 2, 0, 0, 3, 3], [2, 3]), rand(4, 3), rand(2, 3), { mode: 'sum' }],
      layouts: few,
    },
    {
      name: 'padding in means',
      args: [ints(seven), rand(4, 3), null, { offsets: [0, 1, 4], paddingIdx: 2 }],
      layouts: few,
    },
    {
      name: 'padding in sums',
      args: [ints(seven), rand(4, 3), rand(7), { offsets: [0, 1], paddingIdx: -1, mode: 'sum' }],
      layouts: few,
    },
    {
      name: 'padding in maxima',
      args: [ints(seven), distinct(4, 3), null, { offsets: [0, 1], paddingIdx: 3, mode: 'max' }],
      layouts: few,
    },
    {
      name: 'the end as last offset',
      args: [ints(seven), rand(4, 2), null, { offsets: [0, 3, 7], includeLastOffset: true }],
      layouts: few,
    },
    { name: 'no index', args: [ints([], [0]), rand(4, 2), null, { offsets: [0, 0] }] },
    { name: 'no features', args: [ints(seven), rand(4, 0), rand(7), { offsets: [0, 2], mode: 'sum' }] },
    { name: 'no features in maxima', args: [ints(seven), rand(4, 0), null, { offsets: [0, 2], mode: 'max' }] },
    { name: 'no bag', args: [ints([], [0]), rand(4, 2), null, { offsets: [] }] },
    {
      name: 'many bags',
      args: [
        randInt(0, 30, [900]),
        rand(31, 33),
        null,
        { offsets: Array.from({ length: 300 }, (_, i) => 3 * i), mode: 'sum' },
      ],
      grad: false,
      layouts: ['contiguous'],
    },
  ],
  rejects: [
    { name: 'no offsets', args: () => [ints(seven), rand(4, 2), null, {}], code: 'ERR_ARGUMENT', message: /offsets/ },
    {
      name: 'offsets with rows',
      args: () => [ints([0, 1], [1, 2]), rand(4, 2), null, { offsets: [0] }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'half an offset',
      args: () => [ints(seven), rand(4, 2), null, { offsets: [0, 0.5] }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'weights of a mean',
      args: () => [ints(seven), rand(4, 2), rand(7), { offsets: [0] }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'too few weights',
      args: () => [ints(seven), rand(4, 2), rand(6), { offsets: [0], mode: 'sum' }],
      code: 'ERR_SHAPE',
    },
    {
      name: 'an unknown mode',
      args: () => [ints(seven), rand(4, 2), null, { offsets: [0], mode: 'min' }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'indices of rank 3',
      args: () => [ints([0], [1, 1, 1]), rand(4, 2), null, { offsets: [0] }],
      code: 'ERR_SHAPE',
    },
  ],
});

const turn = (x: Tensor, positions: Tensor | null = null, options: RopeOptions = {}): Tensor =>
  ops.rope(x, { ...options, positions });

checkOp('rope', turn, {
  reference: reference.rope,
  // The two products of a rotation may cancel, and the angle of a far position, here 9, carries its speed's rounding.
  ulps: 64,
  magnitude: (x) => ({ ...x, data: x.data.map(() => 2) }),
  cases: [
    { name: 'heads', args: [rand(2, 3, 5, 6)] },
    { name: 'neighbours pair', args: [rand(3, 4), null, { interleaved: true }] },
    { name: 'another base', args: [rand(2, 3, 4), null, { base: 100 }] },
    { name: 'given positions', args: [rand(2, 3, 4), noGradient(given([5, 0, 900]))], layouts: few },
    {
      name: 'a position for each row of a batch',
      args: [rand(2, 3, 2), ints([1, 2, 3, 7, 8, 9], [2, 3])],
      layouts: few,
    },
    { name: 'one position for all', args: [rand(3, 2), ints([4], [1])], layouts: few },
    { name: 'long rows', args: [rand(3, 70)], grad: false },
    { name: 'no rows', args: [rand(2, 0, 4)] },
    { name: 'no columns', args: [rand(2, 0)] },
    { name: 'six axes', args: [rand(1, 2, 1, 2, 2, 2)], grad: false },
  ],
  rejects: [
    { name: 'an odd number of columns', args: () => [rand(2, 3)], code: 'ERR_SHAPE' },
    { name: 'a vector', args: () => [rand(4)], code: 'ERR_SHAPE' },
    { name: 'integers', args: () => [withDtype(rand(2, 4), 'int32')], code: 'ERR_DTYPE' },
    { name: 'positions of another shape', args: () => [rand(2, 4), rand(3)], code: 'ERR_SHAPE' },
    { name: 'a base of 0', args: () => [rand(2, 4), null, { base: 0 }], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`the padding row, frequencies and norms of embedding on ${device}`, async () => {
    const table = tensor([3, 4, 1, 0, 6, 8], { shape: [3, 2], device, dtype: 'float64', requiresGrad: true });
    const indices = tensor(new Int32Array([0, 2, 2, 1]), { device });
    ops.sum(ops.embedding(indices, table, { paddingIdx: -2 })).backward();
    assert.deepEqual([...elements(table.grad as Tensor)], [1, 1, 0, 0, 2, 2]);
    table.grad = null;
    ops.sum(ops.embedding(indices, table, { scaleGradByFreq: true })).backward();
    assert.deepEqual([...elements(table.grad as unknown as Tensor)], [1, 1, 1, 1, 1, 1]);
    table.grad = null;
    const one = tensor(new Int32Array([2]), { device });
    const short = ops.embedding(one, table, { maxNorm: 5 });
    assert.deepEqual(
      [...elements(short)].map((x) => Math.round(x * 1e6) / 1e6),
      [3, 4],
    );
    assert.deepEqual([...elements(table)].slice(0, 4), [3, 4, 1, 0], 'only rows looked up are shortened');
    const outside = ops.embedding(tensor(new Int32Array([3]), { device }), table);
    await assert.rejects(outside.data(), { code: 'ERR_INDEX' });
    const falling = ops.embeddingBag(indices, table, { offsets: [0, 3, 1] });
    await assert.rejects(falling.data(), { code: 'ERR_INDEX', message: /offset 1 of bag 2/ });
    const missing = ops.embeddingBag(tensor(new Int32Array([7]), { device }), table, { offsets: [0] });
    await assert.rejects(missing.data(), { code: 'ERR_INDEX' });
  });

  test(`sinusoidalPositions on ${device}`, () => {
    const table = ops.sinusoidalPositions(3, 4, { dtype: 'float64', device });
    const wanted = [0, 1, 2].flatMap((p) => [Math.sin(p), Math.cos(p), Math.sin(p / 100), Math.cos(p / 100)]);
    elements(table).forEach((value, i) => {
      assert.ok(Math.abs(value - (wanted[i] as number)) < 1e-15);
    });
    assert.throws(() => ops.sinusoidalPositions(3, 5), { code: 'ERR_SHAPE' });
    assert.throws(() => ops.sinusoidalPositions(-1, 4), { code: 'ERR_SHAPE' });
    assert.throws(() => ops.sinusoidalPositions(1, 4, { dtype: 'int32' }), { code: 'ERR_DTYPE' });
    table.dispose();
  });
}

test.run();
