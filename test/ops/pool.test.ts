import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { distinct, given, rand, randInt, type TensorSpec } from '../support/random.ts';
import { avgPool, maxPool } from '../support/reference/window.ts';

const poolings = (values: (...shape: number[]) => TensorSpec): OpCase[] => [
  { name: '2×2', args: [values(2, 3, 4, 6), 2] },
  { name: 'overlapping windows', args: [values(1, 2, 5, 6), 3, { stride: 1 }] },
  { name: 'different sizes', args: [values(1, 2, 7, 5), [3, 2], { stride: [2, 1] }] },
  { name: 'padding', args: [values(1, 2, 5, 4), 3, { stride: 2, padding: 1 }] },
  { name: 'a rest that is left out', args: [values(1, 1, 5, 5), 2] },
  { name: 'the whole image', args: [values(2, 2, 3, 3), 3] },
  { name: '1×1', args: [values(1, 2, 3, 3), 1] },
  { name: 'an empty batch', args: [values(0, 2, 4, 4), 2], grad: false },
  { name: 'many images', args: [values(17, 6, 12, 12), 2], grad: false, layouts: ['contiguous', 'transposed'] },
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

test.run();
