// Convolution over 1 and 3 axes, and the transposed ones. What all of them refuse is in conv.test.ts.
import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { given, rand } from '../support/random.ts';
import { conv, convTranspose } from '../support/reference/window.ts';

const few = ['contiguous', 'transposed', 'reversed'] as const;

checkOp('conv1d', ops.conv1d, {
  reference: conv(1),
  additive: true,
  ulps: 16,
  cases: [
    { name: 'with bias', args: [rand(2, 3, 7), rand(4, 3, 3), rand(4), { stride: 2, padding: 1 }] },
    { name: 'dilation', args: [rand(1, 2, 9), rand(2, 2, 3), null, { dilation: 3, padding: [2] }] },
    { name: 'groups', args: [rand(2, 4, 6), rand(6, 2, 2), rand(6), { groups: 2 }] },
    { name: 'depthwise', args: [rand(2, 3, 8), rand(3, 1, 3), rand(3), { groups: 3, padding: 'same' }] },
    { name: "'same' with an even kernel", args: [rand(1, 1, 5), rand(2, 1, 4), null, { padding: 'same' }] },
    { name: 'no batch', args: [rand(2, 5), rand(3, 2, 3), rand(3)] },
    { name: 'a kernel of one', args: [rand(2, 3, 4), rand(5, 3, 1), null] },
    { name: 'an empty batch', args: [rand(0, 2, 4), rand(3, 2, 3), rand(3)] },
    {
      name: 'a long signal',
      args: [rand(2, 8, 3000), rand(16, 8, 9), rand(16), { padding: 4 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'NaN reaches its window only',
      args: [given([1, Number.NaN, 3, 4, 5], [1, 1, 5]), rand(1, 1, 2), null],
      grad: false,
      layouts: ['contiguous'],
    },
  ],
  rejects: [
    { name: 'a plane', args: () => [rand(1, 1, 4, 4), rand(1, 1, 2), null], code: 'ERR_SHAPE', message: /\[N, C, L\]/ },
    { name: 'a weight of planes', args: () => [rand(1, 1, 4), rand(1, 1, 2, 2), null], code: 'ERR_SHAPE' },
    {
      name: 'two strides',
      args: () => [rand(1, 1, 4), rand(1, 1, 2), null, { stride: [1, 1] }],
      code: 'ERR_ARGUMENT',
      message: /^conv1d: stride must be an integer ≥ 1 or an array of one/,
    },
    { name: 'no filters', args: () => [rand(1, 1, 4), null, null], code: 'ERR_ARGUMENT' },
    { name: 'another dtype', args: () => [rand(1, 1, 4), { ...rand(1, 1, 2), dtype: 'float64' }], code: 'ERR_DTYPE' },
  ],
});

checkOp('conv3d', ops.conv3d, {
  reference: conv(3),
  additive: true,
  ulps: 16,
  cases: [
    {
      name: 'strides and paddings',
      args: [rand(2, 2, 4, 3, 4), rand(3, 2, 3, 2, 2), rand(3), { stride: [2, 1, 2], padding: [2, 1, 0] }],
    },
    { name: 'groups', args: [rand(1, 4, 3, 3, 3), rand(4, 2, 2, 2, 2), null, { groups: 2 }], layouts: few },
    { name: 'depthwise', args: [rand(1, 2, 3, 4, 4), rand(4, 1, 2, 3, 3), rand(4), { groups: 2 }], layouts: few },
    {
      name: 'dilation',
      args: [rand(1, 1, 6, 5, 4), rand(2, 1, 3, 2, 2), null, { dilation: [2, 3, 1], padding: [1, 0, 0] }],
      layouts: few,
    },
    { name: 'no batch', args: [rand(2, 2, 3, 3), rand(2, 2, 2, 2, 2), rand(2), { padding: 'same' }], layouts: few },
    {
      name: 'a depth of padding alone',
      args: [rand(1, 1, 1, 2, 2), rand(1, 1, 1, 2, 2), null, { padding: [2, 0, 0] }],
    },
    { name: 'an empty batch', args: [rand(0, 2, 3, 4, 4), rand(3, 2, 3, 3, 3), rand(3)], layouts: few },
    {
      name: 'more than one chunk',
      args: [rand(2, 5, 6, 10, 11), rand(9, 5, 3, 3, 3), rand(9), { padding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
  ],
  rejects: [
    { name: 'a plane', args: () => [rand(4, 4), rand(1, 1, 2, 2, 2), null], code: 'ERR_SHAPE', message: /D, H, W/ },
    { name: 'too deep a kernel', args: () => [rand(1, 1, 2, 4, 4), rand(1, 1, 3, 2, 2)], code: 'ERR_SHAPE' },
    { name: 'a kernel of size 0', args: () => [rand(1, 1, 2, 4, 4), rand(1, 1, 0, 2, 2)], code: 'ERR_SHAPE' },
  ],
});

checkOp('convTranspose1d', ops.convTranspose1d, {
  reference: convTranspose(1),
  additive: true,
  ulps: 16,
  cases: [
    { name: 'stride', args: [rand(2, 3, 4), rand(3, 2, 3), rand(2), { stride: 2, padding: 1, outputPadding: 1 }] },
    { name: 'dilation', args: [rand(1, 2, 4), rand(2, 2, 3), null, { dilation: 3, outputPadding: [2] }] },
    { name: 'groups', args: [rand(1, 4, 3), rand(4, 3, 2), rand(6), { groups: 2 }] },
    { name: 'no batch', args: [rand(2, 3), rand(2, 2, 2), rand(2), { stride: 3 }] },
    { name: 'an empty batch', args: [rand(0, 2, 3), rand(2, 2, 2), null] },
  ],
  rejects: [
    {
      name: 'too much output padding',
      args: () => [rand(1, 1, 4), rand(1, 1, 2), null, { stride: 2, outputPadding: 2 }],
      code: 'ERR_ARGUMENT',
      message: /outputPadding 2 must be smaller/,
    },
    { name: 'nothing left', args: () => [rand(1, 1, 1), rand(1, 1, 2), null, { padding: 2 }], code: 'ERR_SHAPE' },
    { name: 'an empty row', args: () => [rand(1, 1, 0), rand(1, 1, 3), null], code: 'ERR_SHAPE' },
    { name: 'other channels', args: () => [rand(1, 2, 4), rand(3, 1, 2), null], code: 'ERR_SHAPE', message: /wants 3/ },
    { name: "'same'", args: () => [rand(1, 1, 4), rand(1, 1, 2), null, { padding: 'same' }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('convTranspose2d', ops.convTranspose2d, {
  reference: convTranspose(2),
  additive: true,
  ulps: 16,
  cases: [
    {
      name: 'different strides',
      args: [rand(2, 2, 3, 2), rand(2, 3, 3, 2), rand(3), { stride: [2, 1], padding: [1, 0], outputPadding: [1, 0] }],
    },
    { name: 'a stride beyond the kernel', args: [rand(1, 2, 3, 3), rand(2, 2, 2, 2), rand(2), { stride: 3 }] },
    {
      name: 'output padding by dilation',
      args: [rand(1, 1, 3, 3), rand(1, 2, 2, 2), null, { dilation: 3, outputPadding: 2 }],
    },
    { name: 'depthwise', args: [rand(2, 3, 3, 4), rand(3, 1, 3, 3), rand(3), { groups: 3, stride: 2 }] },
    { name: 'groups', args: [rand(1, 4, 3, 3), rand(4, 2, 2, 3), rand(4), { groups: 2 }] },
    { name: 'no batch', args: [rand(2, 3, 3), rand(2, 2, 2, 2), null] },
    {
      name: 'few filters, stride 2, wide rows',
      args: [rand(2, 5, 9, 62), rand(5, 3, 7, 7), rand(3), { stride: 2, padding: 3, outputPadding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    // Up to three filters: phases of x lie beside each other (native/cpu/conv_lowered.h).
    {
      name: 'one filter, stride 3, more padding behind',
      args: [rand(2, 4, 5, 40), rand(4, 1, 5, 5), rand(1), { stride: 3, padding: 2, outputPadding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'two filters of each of two groups, stride 2, an even kernel',
      args: [rand(3, 6, 4, 35), rand(6, 2, 4, 4), rand(4), { groups: 2, stride: 2, padding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'three filters, strides 2 and 5, rows of less than a vector',
      args: [rand(2, 3, 3, 6), rand(3, 3, 3, 6), rand(3), { stride: [2, 5], padding: [0, 1] }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'two filters, kernel and stride of x alone',
      args: [rand(1, 3, 7, 33), rand(3, 2, 1, 2), rand(2), { stride: [1, 2], outputPadding: [0, 1] }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: 'two filters, more padding than half the kernel',
      args: [rand(2, 3, 9, 38), rand(3, 2, 7, 7), rand(2), { stride: 2, padding: 5 }],
      grad: false,
      layouts: ['contiguous'],
    },
    {
      name: 'two filters of more products than a block, stride 2',
      args: [rand(1, 70, 3, 37), rand(70, 2, 5, 5), rand(2), { stride: 2, padding: 2, outputPadding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: '1×1, stride 2',
      args: [rand(2, 11, 14, 17), rand(11, 16, 1, 1), rand(16), { stride: 2, outputPadding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    {
      name: '1×1, strides 3 and 2, padding',
      args: [rand(2, 5, 7, 33), rand(5, 7, 1, 1), rand(7), { stride: [3, 2], padding: [0, 1], outputPadding: [2, 0] }],
      grad: false,
      layouts: ['contiguous'],
    },
    {
      name: 'more than one chunk',
      args: [rand(2, 12, 12, 13), rand(12, 9, 4, 4), rand(9), { stride: 2, padding: 1 }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
  ],
  rejects: [
    { name: 'a bias of another size', args: () => [rand(1, 2, 3, 3), rand(2, 1, 2, 2), rand(2)], code: 'ERR_SHAPE' },
    { name: 'groups', args: () => [rand(1, 3, 3, 3), rand(3, 1, 2, 2), null, { groups: 2 }], code: 'ERR_SHAPE' },
  ],
});

checkOp('convTranspose3d', ops.convTranspose3d, {
  reference: convTranspose(3),
  additive: true,
  ulps: 16,
  cases: [
    {
      name: 'strides and paddings',
      args: [
        rand(2, 2, 2, 3, 2),
        rand(2, 2, 3, 2, 2),
        rand(2),
        { stride: [2, 1, 2], padding: [1, 0, 1], outputPadding: [1, 0, 0] },
      ],
    },
    { name: 'groups', args: [rand(1, 4, 2, 2, 2), rand(4, 1, 2, 2, 2), null, { groups: 2 }], layouts: few },
    { name: 'dilation', args: [rand(1, 1, 2, 2, 2), rand(1, 2, 2, 2, 2), null, { dilation: [3, 1, 2] }], layouts: few },
    { name: 'no batch', args: [rand(2, 2, 2, 2), rand(2, 2, 2, 2, 2), rand(2), { stride: 2 }], layouts: few },
  ],
  rejects: [{ name: 'a plane', args: () => [rand(1, 1), rand(1, 1, 2, 2, 2), null], code: 'ERR_SHAPE' }],
});

test.run();
