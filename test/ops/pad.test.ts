import { test } from 'uvu';
import type { DType } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { rand, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/pad.ts';

const every: DType[] = ['int32', 'int64', 'uint8', 'bool'];

checkOp('pad', ops.pad, {
  reference: reference.pad,
  ulps: 0,
  cases: [
    { name: 'reflected, cropped at one end', args: [rand(2, 3, 4, 5), [3, -1, 1, 2], { mode: 'reflect' }] },
    { name: 'a constant', args: [rand(2, 3), [1, 0, 0, 2], { value: 1.5 }] },
    { name: 'zeros around every axis', args: [rand(2, 1, 3), [1, 1, 0, 2, 1, 0]] },
    { name: 'a crop alone', args: [rand(4, 5), [-1, -2, 0, -1]] },
    { name: 'a crop that eats into the other border', args: [rand(3), [-4, 5], { value: 2 }], grad: false },
    { name: 'no padding', args: [rand(3), []] },
    { name: 'rank 0', args: [rand(), []] },
    { name: 'empty', args: [rand(0, 2), [1, 1]] },
    { name: 'around nothing', args: [rand(0), [1, 2], { value: 3 }] },
    { name: 'reflected in three axes', args: [rand(2, 3, 3, 3), [1, 2, 2, 0, 1, 1], { mode: 'reflect' }] },
    { name: 'a vector reflected', args: [rand(4), [3, 2], { mode: 'reflect' }] },
    { name: 'replicated', args: [rand(2, 3, 2), [4, 1, 0, 3], { mode: 'replicate' }] },
    { name: 'from the other side', args: [rand(2, 3, 4), [4, 1, 3, 2], { mode: 'circular' }] },
    { name: 'rank 6', args: [rand(1, 2, 1, 2, 2, 2), [1, 0, 0, 1, 1, 0], { mode: 'replicate' }] },
    { name: 'integers', args: [rand(3), [1, 1], { value: 7 }], dtypes: ['int32', 'int64', 'uint8'] },
    { name: 'integers replicated', args: [rand(3), [1, 1], { mode: 'replicate' }], dtypes: ['int32', 'uint8'] },
    { name: 'bool', args: [rand(3), [1, 1], { value: 1 }], dtypes: every.slice(3) },
    {
      name: 'two chunks',
      args: [rand(3, 100, 120), [1, 1, 1, 1], { mode: 'reflect' }],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
  ],
  rejects: [
    { name: 'an odd number of borders', args: () => [rand(3), [1]], code: 'ERR_ARGUMENT' },
    { name: 'more axes than there are', args: () => [rand(3), [1, 1, 1, 1]], code: 'ERR_SHAPE' },
    { name: 'half a border', args: () => [rand(3), [0.5, 1]], code: 'ERR_ARGUMENT' },
    { name: 'a crop of everything and more', args: () => [rand(3), [-2, -2]], code: 'ERR_SHAPE' },
    { name: 'a reflection as wide as the axis', args: () => [rand(3), [3, 0], { mode: 'reflect' }], code: 'ERR_SHAPE' },
    { name: 'a turn wider than the axis', args: () => [rand(3), [4, 0], { mode: 'circular' }], code: 'ERR_SHAPE' },
    { name: 'a replica of nothing', args: () => [rand(0), [1, 0], { mode: 'replicate' }], code: 'ERR_SHAPE' },
    {
      name: 'a reflection of a fourth axis',
      args: () => [rand(2, 2, 2, 2), [0, 0, 0, 0, 0, 0, 1, 0], { mode: 'reflect' }],
      code: 'ERR_SHAPE',
    },
    { name: 'another mode', args: () => [rand(3), [1, 1], { mode: 'edge' }], code: 'ERR_ARGUMENT' },
    { name: 'a value that is text', args: () => [rand(3), [1, 1], { value: '0' }], code: 'ERR_ARGUMENT' },
    { name: 'a border beyond all memory', args: () => [rand(3), [2 ** 53 - 1, 0]], code: 'ERR_SHAPE' },
    {
      name: 'bools reflected',
      args: () => [withDtype(rand(3), 'bool'), [1, 1], { mode: 'reflect' }],
      code: 'ERR_DTYPE',
    },
    { name: 'no padding', args: () => [rand(3)], code: 'ERR_ARGUMENT' },
    { name: 'no tensor', args: () => [[1], [1, 1]], code: 'ERR_ARGUMENT' },
  ],
});

const badWindows = (make: () => unknown[]) => [
  { name: 'a kernel of size 0', args: () => [...make(), 0], code: 'ERR_ARGUMENT' },
  { name: 'stride 0', args: () => [...make(), 2, { stride: 0 }], code: 'ERR_ARGUMENT' },
  { name: 'half a padding', args: () => [...make(), 2, { padding: 0.5 }], code: 'ERR_ARGUMENT' },
  { name: 'three dilations', args: () => [...make(), 2, { dilation: [1, 1, 1] }], code: 'ERR_ARGUMENT' },
  { name: 'a kernel larger than the image', args: () => [...make(), 9], code: 'ERR_SHAPE' },
];

checkOp('im2col', ops.im2col, {
  reference: reference.im2col,
  ulps: 0,
  cases: [
    {
      name: 'everything uneven',
      args: [rand(2, 3, 6, 5), [2, 3], { stride: [2, 1], padding: [1, 2], dilation: [2, 1] }],
    },
    { name: 'one image', args: [rand(2, 4, 4), 3] },
    { name: 'windows apart', args: [rand(1, 1, 7, 7), 2, { stride: 3 }] },
    { name: 'wide padding', args: [rand(1, 1, 2, 2), 2, { padding: 3, dilation: 2 }] },
    { name: 'no image', args: [rand(0, 2, 4, 4), 2] },
  ],
  rejects: [
    ...badWindows(() => [rand(1, 1, 4, 4)]),
    { name: 'a matrix', args: () => [rand(4, 4), 2], code: 'ERR_SHAPE' },
    { name: 'integers', args: () => [withDtype(rand(1, 1, 4, 4), 'int32'), 2], code: 'ERR_DTYPE' },
    { name: 'no tensor', args: () => [null, 2], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('col2im', ops.col2im, {
  reference: reference.col2im,
  additive: true,
  cases: [
    {
      name: 'everything uneven',
      args: [rand(2, 12, 21), [6, 5], [2, 3], { stride: [2, 1], padding: [1, 2], dilation: [2, 1] }],
    },
    { name: 'one image', args: [rand(18, 4), 4, 3] },
    { name: 'windows apart', args: [rand(1, 4, 4), 7, 2, { stride: 3 }] },
  ],
  rejects: [
    ...badWindows(() => [rand(1, 4, 9), 4]),
    { name: 'other columns', args: () => [rand(1, 4, 8), 4, 2], code: 'ERR_SHAPE' },
    { name: 'other rows', args: () => [rand(1, 3, 9), 4, 2], code: 'ERR_SHAPE' },
    { name: 'a vector', args: () => [rand(4), 4, 2], code: 'ERR_SHAPE' },
  ],
});

/** col2im by another name. */
export const covers = ['fold'];

test.run();
