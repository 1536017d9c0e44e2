import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { given, rand, randInt } from '../support/random.ts';
import { conv } from '../support/reference/window.ts';

const odd = rand(2, 3, 7, 5);

checkOp('conv2d', ops.conv2d, {
  reference: conv(2),
  additive: true,
  ulps: 16,
  cases: [
    { name: 'with bias', args: [rand(2, 2, 4, 5), rand(3, 2, 3, 3), rand(3)] },
    { name: 'padding', args: [odd, rand(4, 3, 3, 3), null, { padding: 1 }] },
    { name: 'stride', args: [odd, rand(2, 3, 3, 3), null, { stride: 2 }] },
    {
      name: 'different strides and paddings',
      args: [odd, rand(2, 3, 2, 3), rand(2), { stride: [2, 1], padding: [1, 2] }],
    },
    { name: 'no filters', args: [rand(1, 2, 4, 4), rand(0, 2, 3, 3)] },
    { name: 'dilation', args: [rand(1, 2, 8, 7), rand(2, 2, 3, 2), null, { dilation: [2, 3] }] },
    {
      name: 'dilation, stride and padding',
      args: [rand(1, 2, 8, 7), rand(2, 2, 3, 3), rand(2), { dilation: 2, stride: 2, padding: 2 }],
    },
    { name: 'groups, stride 2', args: [rand(1, 4, 6, 6), rand(6, 2, 3, 3), rand(6), { groups: 2, stride: 2 }] },
    { name: 'depthwise', args: [rand(2, 3, 5, 5), rand(3, 1, 3, 3), rand(3), { groups: 3, padding: 1 }] },
    { name: 'depthwise with a multiplier', args: [rand(1, 2, 5, 5), rand(4, 1, 2, 2), null, { groups: 2 }] },
    { name: '1×1', args: [rand(2, 3, 4, 4), rand(5, 3, 1, 1), rand(5)] },
    { name: 'a kernel as large as the image', args: [rand(2, 2, 3, 4), rand(2, 2, 3, 4), null] },
    { name: 'padding larger than the kernel', args: [rand(1, 1, 2, 2), rand(1, 1, 2, 2), null, { padding: 3 }] },
    { name: 'an even kernel and a rest', args: [rand(1, 1, 5, 6), rand(1, 1, 2, 4), null, { stride: 3 }] },
    {
      name: 'few pixels, whose gradients are one product each',
      args: [rand(2, 3, 4, 5), rand(65, 3, 2, 2), rand(65), { stride: [1, 2], padding: [2, 1], dilation: [2, 1] }],
    },
    { name: 'no batch', args: [rand(2, 4, 5), rand(3, 2, 3, 3), rand(3), { padding: 1 }] },
    { name: "'same' with an even kernel", args: [rand(1, 2, 5, 4), rand(3, 2, 2, 4), rand(3), { padding: 'same' }] },
    {
      name: "'same' with dilation",
      args: [rand(1, 2, 6, 5), rand(2, 2, 2, 3), null, { padding: 'same', dilation: [3, 2] }],
    },
    { name: "'valid'", args: [rand(1, 2, 4, 4), rand(2, 2, 3, 3), null, { padding: 'valid' }], grad: false },
    { name: 'an empty batch', args: [rand(0, 2, 4, 4), rand(3, 2, 3, 3), rand(3)] },
    {
      name: 'LeNet first layer',
      args: [rand(3, 1, 28, 28), rand(6, 1, 5, 5), rand(6), { padding: 2 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'LeNet second layer',
      args: [rand(3, 6, 14, 14), rand(16, 6, 5, 5), rand(16)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
    {
      name: 'many channels',
      args: [rand(1, 33, 6, 6), rand(35, 33, 3, 3), rand(35), { padding: 1 }],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
    {
      name: 'few pixels and many weights, which stay unpacked',
      args: [rand(1, 58, 4, 4), rand(33, 58, 3, 3), rand(33), { padding: 1, stride: [1, 2] }],
      grad: false,
    },
    {
      name: '1×1, stride 2, images of few pixels together',
      args: [rand(19, 21, 7, 6), rand(34, 21, 1, 1), null, { stride: 2 }],
      grad: false,
    },
    {
      name: '1×1 of planes that are no whole vectors',
      args: [rand(3, 18, 9, 13), rand(29, 18, 1, 1), rand(29)],
      grad: false,
      layouts: ['contiguous', 'sliced', 'transposed'],
    },
    {
      name: '1×1 of small planes, images together',
      args: [rand(5, 40, 3, 3), rand(15, 40, 1, 1)],
      grad: false,
      layouts: ['contiguous'],
    },
    {
      name: '1×1, stride 2',
      args: [rand(2, 9, 33, 38), rand(18, 9, 1, 1), rand(18), { stride: 2 }],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
    {
      name: '1×1, different strides, padding',
      args: [rand(2, 5, 18, 31), rand(7, 5, 1, 1), rand(7), { stride: [3, 2], padding: [1, 2] }],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
    {
      name: 'first layer of a residual net',
      args: [rand(1, 3, 25, 66), rand(20, 3, 7, 7), rand(20), { stride: 2, padding: 3 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'stride 3 and dilation along wide rows',
      args: [rand(1, 4, 13, 101), rand(5, 4, 3, 3), null, { stride: [2, 3], dilation: [1, 2], padding: 2 }],
      grad: false,
      layouts: ['contiguous'],
    },
    {
      name: 'NaN reaches its window only',
      args: [given([1, 2, 3, Number.NaN, 5, 6, 7, 8, 9], [1, 1, 3, 3]), rand(1, 1, 2, 2), null],
      grad: false,
      layouts: ['contiguous'],
    },
  ],
  rejects: [
    {
      name: 'other channels',
      args: () => [rand(1, 3, 8, 8), rand(4, 2, 3, 3), null],
      code: 'ERR_SHAPE',
      message: /^conv2d: .*3.*2/,
    },
    {
      name: 'a kernel larger than the image',
      args: () => [rand(1, 1, 2, 2), rand(1, 1, 3, 3), null],
      code: 'ERR_SHAPE',
    },
    {
      name: 'stride 0',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { stride: 0 }],
      code: 'ERR_ARGUMENT',
      message: /stride/,
    },
    {
      name: 'a negative padding',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { padding: -1 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'dilation 0',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { dilation: [1, 0] }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'half a stride',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { stride: 1.5 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a stride beyond 2^31',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { stride: 2 ** 31 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a padding beyond 2^31',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { padding: 2 ** 31 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: "'same' with a stride",
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { stride: 2, padding: 'same' }],
      code: 'ERR_ARGUMENT',
      message: /stride 1/,
    },
    {
      name: 'an unknown padding',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { padding: 'full' }],
      code: 'ERR_ARGUMENT',
      message: /'valid' or 'same'/,
    },
    { name: 'no groups', args: () => [rand(1, 2, 4, 4), rand(2, 2, 2, 2), null, { groups: 0 }], code: 'ERR_ARGUMENT' },
    {
      name: 'groups that do not divide',
      args: () => [rand(1, 4, 4, 4), rand(3, 2, 2, 2), null, { groups: 2 }],
      code: 'ERR_SHAPE',
    },
    {
      name: 'three strides',
      args: () => [rand(1, 1, 4, 4), rand(1, 1, 2, 2), null, { stride: [1, 1, 1] }],
      code: 'ERR_ARGUMENT',
    },
    { name: 'an image of rank 2', args: () => [rand(4, 4), rand(1, 1, 2, 2), null], code: 'ERR_SHAPE' },
    { name: 'a weight of rank 3', args: () => [rand(1, 1, 4, 4), rand(1, 2, 2), null], code: 'ERR_SHAPE' },
    { name: 'a bias of another size', args: () => [rand(1, 1, 4, 4), rand(2, 1, 2, 2), rand(3)], code: 'ERR_SHAPE' },
    {
      name: 'integers',
      args: () => [randInt(0, 3, [1, 1, 4, 4]), randInt(0, 3, [1, 1, 2, 2]), null],
      code: 'ERR_DTYPE',
    },
  ],
});

test.run();
