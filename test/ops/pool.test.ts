import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { distinct, given, rand, randIn, randInt, type TensorSpec } from '../support/random.ts';
import { avgPool, lpPool, maxPool, maxPoolIndices } from '../support/reference/window.ts';

const poolings = (values: (...shape: number[]) => TensorSpec): OpCase[] => [
  { name: '2×2', args: [values(2, 3, 4, 6), 2] },
  { name: 'overlapping windows', args: [values(1, 2, 5, 6), 3, { stride: 1 }] },
  { name: 'different sizes', args: [values(1, 2, 7, 5), [3, 2], { stride: [2, 1] }] },
  { name: 'padding', args: [values(1, 2, 5, 4), 3, { stride: 2, padding: 1 }] },
  { name: 'a rest that is left out', args: [values(1, 1, 5, 5), 2] },
  { name: 'the whole image', args: [values(2, 2, 3, 3), 3] },
  { name: '1×1', args: [values(1, 2, 3, 3), 1] },
  { name: 'no batch', args: [values(2, 5, 4), [2, 3]] },
  { name: 'a last window that is cut', args: [values(1, 2, 6, 5), 3, { stride: 2, padding: 1, ceilMode: true }] },
  { name: 'no window beyond the end', args: [values(1, 1, 3, 2), 2, { stride: 3, padding: 1, ceilMode: true }] },
  { name: 'an empty batch', args: [values(0, 2, 4, 4), 2] },
  { name: 'many images', args: [values(17, 6, 12, 12), 2], grad: false, layouts: ['contiguous', 'transposed'] },
  { name: 'pairs beyond a register, odd sizes', args: [values(1, 2, 5, 37), 2], dtypes: ['float32'] },
  { name: 'tall windows', args: [values(1, 2, 12, 9), [7, 3], { stride: [2, 1], padding: [3, 1] }], grad: false },
  // Kernels take rows in strips.
  { name: 'wide rows', args: [values(1, 1, 4, 601), 3, { stride: 2, padding: 1 }], grad: false, dtypes: ['float32'] },
  { name: 'wide rows, every place', args: [values(1, 1, 3, 290), [2, 5]], grad: false, dtypes: ['float32'] },
  { name: 'wide rows, steps of 1', args: [values(1, 1, 3, 290), 3, { stride: 1 }], grad: false, dtypes: ['float32'] },
];
const badPooling = (name: string) => [
  {
    name: 'a window larger than the image',
    args: () => [rand(1, 1, 2, 2), 3],
    code: 'ERR_SHAPE',
    message: new RegExp(`^${name}: `),
  },
  { name: 'size 0', args: () => [rand(1, 1, 4, 4), 0], code: 'ERR_ARGUMENT' },
  { name: 'stride 0', args: () => [rand(1, 1, 4, 4), 2, { stride: 0 }], code: 'ERR_ARGUMENT' },
  { name: 'a negative padding', args: () => [rand(1, 1, 4, 4), 2, { padding: -1 }], code: 'ERR_ARGUMENT' },
  {
    name: 'more padding than half the window',
    args: () => [rand(1, 1, 4, 4), 2, { padding: 2 }],
    code: 'ERR_ARGUMENT',
  },
  { name: 'rank 2', args: () => [rand(4, 4), 2], code: 'ERR_SHAPE' },
  { name: 'integers', args: () => [randInt(0, 3, [1, 1, 4, 4]), 2], code: 'ERR_DTYPE' },
];

checkOp('maxPool2d', ops.maxPool2d, {
  reference: maxPool(2),
  ulps: 0,
  cases: [
    ...poolings(distinct),
    { name: 'dilation', args: [distinct(1, 2, 7, 7), 2, { dilation: 2, stride: 1 }] },
    { name: 'NaN wins its window', args: [given([1, Number.NaN, 3, 4], [1, 1, 2, 2]), 2], grad: false },
    {
      name: 'NaN and minus infinity beside padding',
      args: [
        given([-Infinity, Number.NaN, -Infinity, 4, -Infinity, -Infinity], [1, 1, 2, 3]),
        3,
        { stride: 2, padding: 1 },
      ],
      grad: false,
    },
    {
      name: 'minus infinity',
      args: [given([-Infinity, -Infinity, -Infinity, -Infinity], [1, 1, 2, 2]), 2],
      grad: false,
    },
  ],
  rejects: badPooling('maxPool2d'),
});

checkOp('avgPool2d', ops.avgPool2d, {
  reference: avgPool(2),
  additive: true,
  ulps: 8,
  cases: [
    ...poolings(rand),
    {
      name: 'padding that does not count',
      args: [rand(1, 2, 5, 4), 3, { stride: 2, padding: 1, countIncludePad: false }],
    },
  ],
  rejects: badPooling('avgPool2d'),
});

const volumes = (values: (...shape: number[]) => TensorSpec): OpCase[] => [
  { name: 'overlap', args: [values(2, 2, 4, 5, 3), [3, 2, 2], { stride: [1, 2, 1] }] },
  { name: 'padding', args: [values(1, 2, 3, 4, 5), [2, 3, 2], { padding: 1, stride: 2 }] },
  { name: 'cut windows', args: [values(1, 1, 4, 3, 4), 3, { stride: 2, padding: 1, ceilMode: true }] },
  { name: 'no batch', args: [values(1, 2, 3, 4), 2] },
  { name: 'an empty batch', args: [values(0, 2, 4, 4, 4), 2] },
];
const signals = (values: (...shape: number[]) => TensorSpec): OpCase[] => [
  { name: 'overlap', args: [values(2, 3, 7), 3, { stride: 2 }] },
  { name: 'padding', args: [values(1, 2, 6), [3], { stride: [2], padding: 1 }] },
  { name: 'cut windows', args: [values(1, 2, 7), 2, { stride: 3, ceilMode: true }] },
  { name: 'a window larger than the signal', args: [values(1, 1, 2), 3, { stride: 2, ceilMode: true }] },
  { name: 'no batch', args: [values(2, 6), 2] },
  { name: 'an empty batch', args: [values(0, 2, 4), 2] },
];
const badRank = (name: string, ...shape: number[]) => [
  { name: 'rank 1', args: () => [rand(4), 2], code: 'ERR_SHAPE', message: new RegExp(`^${name}: input must be`) },
  { name: 'too many sizes', args: () => [rand(...shape), [2, 2, 2, 2]], code: 'ERR_ARGUMENT' },
  { name: 'no size', args: () => [rand(...shape), null], code: 'ERR_ARGUMENT' },
];

checkOp('maxPool1d', ops.maxPool1d, {
  reference: maxPool(1),
  ulps: 0,
  cases: [
    ...signals(distinct),
    { name: 'dilation', args: [distinct(1, 2, 7), 3, { dilation: 2, stride: 1 }] },
    { name: 'NaN', args: [given([1, Number.NaN, 3, 4], [1, 4]), 2], grad: false },
  ],
  rejects: badRank('maxPool1d', 1, 2, 4),
});

checkOp('maxPool3d', ops.maxPool3d, {
  reference: maxPool(3),
  ulps: 0,
  cases: [
    ...volumes(distinct),
    { name: 'dilation', args: [distinct(1, 1, 5, 5, 4), 2, { dilation: [2, 3, 1], stride: 1 }] },
    { name: 'NaN', args: [given([1, 2, 3, Number.NaN, 5, 6, 7, 8], [1, 2, 2, 2]), 2], grad: false },
  ],
  rejects: badRank('maxPool3d', 1, 2, 4, 4, 4),
});

// Ties, NaN and infinities decide by their order: the first of equals, the last NaN.
const ties = (...shape: number[]): TensorSpec => randInt(0, 2, shape, 'float32');
for (const [rank, pool] of [
  [1, ops.maxPool1d],
  [2, ops.maxPool2d],
  [3, ops.maxPool3d],
] as const) {
  const shape = [2, 2, ...[5, 4, 6].slice(0, rank)];
  checkOp(`indices of maxPool${rank}d`, (x, size, o = {}) => pool(x, size, { ...o, returnIndices: true })[1], {
    reference: maxPoolIndices(rank),
    resultDtype: () => 'int32',
    differentiable: false,
    cases: [
      { name: 'distinct', args: [distinct(...shape), 2] },
      { name: 'ties', args: [ties(...shape), 3, { stride: 1, padding: 1 }] },
      {
        name: 'NaN',
        args: [given([Number.NaN, 1, Number.NaN, 0], [1, ...shape.slice(2).fill(1, 1).fill(4, 0, 1)]), 1],
      },
      { name: 'no batch', args: [distinct(...shape.slice(1)), 2] },
    ],
  });
}

const averages = (shape: number[]): OpCase[] => [
  { name: 'padding that does not count', args: [rand(...shape), 3, { stride: 2, padding: 1, countIncludePad: false }] },
  { name: 'a divisor', args: [rand(...shape), 2, { stride: 1, divisorOverride: 3 }] },
  {
    name: 'cut windows with padding that counts',
    args: [rand(...shape), 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: true }],
  },
];

checkOp('avgPool1d', ops.avgPool1d, {
  reference: avgPool(1),
  additive: true,
  ulps: 8,
  cases: [...signals(rand), ...averages([2, 2, 6])],
  rejects: [
    ...badRank('avgPool1d', 1, 2, 4),
    {
      name: 'divisor 0',
      args: () => [rand(1, 4), 2, { divisorOverride: 0 }],
      code: 'ERR_ARGUMENT',
      message: /other than 0/,
    },
  ],
});

checkOp('avgPool3d', ops.avgPool3d, {
  reference: avgPool(3),
  additive: true,
  ulps: 8,
  cases: [...volumes(rand), ...averages([1, 2, 4, 5, 4])],
  rejects: badRank('avgPool3d', 1, 2, 4, 4, 4),
});

// A power, a mean and a root: each rounds, and the root of a sum near zero is steep.
const norms = (values: (...shape: number[]) => TensorSpec, shape: number[]): OpCase[] => [
  { name: 'Euclid', args: [values(...shape), 2, 2] },
  { name: 'a power of 3', args: [values(...shape), 3, 3, { stride: 1 }] },
  { name: 'cut windows', args: [values(...shape), 1.5, 2, { stride: 3, ceilMode: true }] },
];
const positive = (...shape: number[]): TensorSpec => randIn(0.5, 2, ...shape);

checkOp('lpPool1d', ops.lpPool1d, {
  reference: lpPool(1),
  ulps: 16,
  cases: [...norms(positive, [2, 2, 7]), { name: 'no batch', args: [positive(2, 5), 2, 2] }],
  rejects: [
    { name: 'power 0', args: () => [rand(1, 4), 0, 2], code: 'ERR_ARGUMENT', message: /power/ },
    { name: 'rank 1', args: () => [rand(4), 2, 2], code: 'ERR_SHAPE' },
    { name: 'null options', args: () => [rand(1, 4), 2, 2, null], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('lpPool2d', ops.lpPool2d, {
  reference: lpPool(2),
  ulps: 16,
  cases: [...norms(positive, [2, 2, 7, 5]), { name: 'no batch', args: [positive(2, 5, 4), 2, [2, 1]] }],
  rejects: [{ name: 'an infinite power', args: () => [rand(1, 4, 4), Infinity, 2], code: 'ERR_ARGUMENT' }],
});

checkOp('lpPool3d', ops.lpPool3d, {
  reference: lpPool(3),
  ulps: 24,
  cases: [
    { name: 'Euclid', args: [positive(1, 2, 4, 3, 4), 2, 2] },
    {
      name: 'a power of 3, no batch',
      args: [positive(2, 3, 4, 3), 3, [2, 1, 2], { stride: 1 }],
      layouts: ['contiguous'],
    },
  ],
  rejects: [{ name: 'planes', args: () => [rand(4, 4, 4), 2, 2], code: 'ERR_SHAPE' }],
});

test.run();
