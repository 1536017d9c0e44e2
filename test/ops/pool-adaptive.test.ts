import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { ones, tensor, type WarpgradError } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { distinct, given, rand, randInt, type TensorSpec } from '../support/random.ts';
import { adaptiveAvgPool, adaptiveMaxPool, adaptiveMaxPoolIndices, maxUnpool } from '../support/reference/window.ts';

const sizes = [5, 4, 7];
const few = ['contiguous', 'transposed', 'reversed'] as const;

for (const name of [
  'adaptiveAvgPool1d',
  'adaptiveAvgPool2d',
  'adaptiveAvgPool3d',
  'adaptiveMaxPool1d',
  'adaptiveMaxPool2d',
  'adaptiveMaxPool3d',
] as const) {
  const rank = Number(name.at(-2));
  const max = name.startsWith('adaptiveMax');
  const values: (...shape: number[]) => TensorSpec = max ? distinct : rand;
  const shape = [2, 2, ...sizes.slice(0, rank)];
  const mixed = [3, null, 2].slice(0, rank);
  const cases: OpCase[] = [
    { name: 'uneven windows', args: [values(...shape), 3] },
    { name: 'a size each', args: [values(...shape), mixed] },
    { name: 'one window', args: [values(...shape), 1], layouts: few },
    { name: 'more windows than elements', args: [values(...shape), 6], layouts: few },
    { name: 'as it is', args: [values(...shape), null], layouts: few },
    { name: 'no batch', args: [values(...shape.slice(1)), 2], layouts: few },
    { name: 'no windows', args: [values(...shape), 0], layouts: few },
    { name: 'an empty batch', args: [values(0, ...shape.slice(1)), 2], layouts: few },
  ];
  checkOp(name, ops[name] as (...args: never[]) => unknown, {
    reference: (max ? adaptiveMaxPool : adaptiveAvgPool)(rank),
    ulps: max ? 0 : 8,
    additive: !max,
    cases: max
      ? [
          ...cases,
          { name: 'NaN', args: [given([1, Number.NaN, 2], [1, 3, ...sizes.slice(1, rank).fill(1)]), 1], grad: false },
        ]
      : cases,
    rejects: [
      { name: 'rank 1', args: () => [rand(4), 2], code: 'ERR_SHAPE', message: new RegExp(`^${name}: input must be`) },
      { name: 'a negative size', args: () => [rand(...shape), -1], code: 'ERR_ARGUMENT' },
      { name: 'too many sizes', args: () => [rand(...shape), [1, 1, 1, 1]], code: 'ERR_ARGUMENT' },
      { name: 'an empty image', args: () => [rand(2, ...sizes.slice(0, rank).fill(0)), 1], code: 'ERR_SHAPE' },
      { name: 'integers', args: () => [randInt(0, 3, shape), 1], code: 'ERR_DTYPE' },
    ],
  });
}

for (const [rank, pool] of [
  [1, ops.adaptiveMaxPool1d],
  [2, ops.adaptiveMaxPool2d],
  [3, ops.adaptiveMaxPool3d],
] as const) {
  checkOp(`indices of adaptiveMaxPool${rank}d`, (x, size) => pool(x, size, { returnIndices: true })[1], {
    reference: adaptiveMaxPoolIndices(rank),
    resultDtype: () => 'int32',
    differentiable: false,
    cases: [
      { name: 'distinct', args: [distinct(2, 2, ...sizes.slice(0, rank)), 3] },
      { name: 'ties', args: [randInt(0, 2, [2, ...sizes.slice(0, rank)], 'float32'), 2] },
    ],
  });
}

const places = (values: readonly number[], ...shape: number[]): TensorSpec => ({
  ...given(values, shape),
  dtype: 'int32',
  grad: false,
});

checkOp('maxUnpool1d', ops.maxUnpool1d, {
  reference: maxUnpool(1),
  ulps: 0,
  cases: [
    { name: 'pairs', args: [rand(2, 1, 3), places([0, 3, 5, 1, 2, 4], 2, 1, 3), 2] },
    { name: 'another size', args: [rand(1, 3), places([6, 3, 0], 1, 3), 2, { outputSize: [7] }] },
    { name: 'padding', args: [rand(1, 3), places([2, 3, 0], 1, 3), 3, { stride: 2, padding: 1 }] },
    { name: 'an empty batch', args: [rand(0, 1, 3), places([], 0, 1, 3), 2] },
  ],
  rejects: [
    { name: 'other indices', args: () => [rand(1, 3), places([0, 1], 1, 2), 2], code: 'ERR_SHAPE' },
    { name: 'fractions', args: () => [rand(1, 3), rand(1, 3), 2], code: 'ERR_ARGUMENT', message: /int32 or int64/ },
    {
      name: 'a size that never pooled to this',
      args: () => [rand(1, 3), places([0, 1, 2], 1, 3), 2, { outputSize: [9] }],
      code: 'ERR_ARGUMENT',
      message: /within/,
    },
    { name: 'no indices', args: () => [rand(1, 3), null, 2], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('maxUnpool2d', ops.maxUnpool2d, {
  reference: maxUnpool(2),
  ulps: 0,
  cases: [
    { name: 'quarters', args: [rand(1, 2, 2, 2), places([0, 3, 9, 14, 5, 2, 8, 15], 1, 2, 2, 2), 2] },
    { name: 'no batch', args: [rand(1, 2, 1), places([0, 5], 1, 2, 1), [2, 1], { stride: [4, 1] }] },
  ],
  rejects: [{ name: 'rank 2', args: () => [rand(4, 4), places([], 4, 0), 2], code: 'ERR_SHAPE' }],
});

checkOp('maxUnpool3d', ops.maxUnpool3d, {
  reference: maxUnpool(3),
  ulps: 0,
  cases: [{ name: 'eighths', args: [rand(2, 1, 1, 1, 2), places([3, 12, 9, 6], 2, 1, 1, 1, 2), 2] }],
  rejects: [{ name: 'a plane', args: () => [rand(4, 4), places([], 4, 0), 2], code: 'ERR_SHAPE' }],
});

test('maxUnpool2d undoes maxPool2d and fails on an index outside', async () => {
  const x = ops.arange(16).reshape([1, 4, 4]);
  const [values, indices] = ops.maxPool2d(x, 2, { returnIndices: true });
  assert.deepEqual(await ops.maxUnpool2d(values, indices, 2).toArray(), [
    [
      [0, 0, 0, 0],
      [0, 5, 0, 7],
      [0, 0, 0, 0],
      [0, 13, 0, 15],
    ],
  ]);
  const wrong = ops.maxUnpool2d(ones([1, 1, 1]), tensor(new Int32Array([4]), { shape: [1, 1, 1] }), 2);
  await assert.rejects(wrong.data(), (error: WarpgradError) => error.code === 'ERR_INDEX');
});

test.run();
