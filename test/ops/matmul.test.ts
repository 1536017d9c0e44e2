import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { fullLevel, given, rand, randInt, withDtype } from '../support/random.ts';
import { linear, matmul } from '../support/reference/matrix.ts';

// Sizes around every register tile and the edges of the blocks.
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 7, 1],
  [1, 64, 33],
  [33, 64, 1],
  [5, 1, 9],
  [6, 16, 16],
  [7, 17, 15],
  [13, 65, 31],
  [31, 9, 97],
  [17, 300, 11],
  [64, 64, 64],
  [65, 129, 63],
  ...(fullLevel
    ? ([
        [127, 300, 129],
        [257, 513, 61],
        [96, 1030, 100],
      ] as const)
    : []),
];

checkOp('matmul', ops.matmul, {
  reference: matmul,
  additive: true,
  // K terms in any order: 16 epsilon of the sum of magnitudes is far above blocked summation's error.
  ulps: 16,
  cases: [
    { name: 'matrices', args: [rand(3, 4), rand(4, 2)] },
    { name: 'batches', args: [rand(2, 3, 4), rand(2, 4, 2)] },
    { name: 'a broadcast batch', args: [rand(3, 1, 2, 4), rand(2, 4, 3)] },
    { name: 'one matrix for every batch', args: [rand(2, 3, 4), rand(4, 2)] },
    { name: 'a matrix and a batch', args: [rand(3, 4), rand(2, 4, 2)] },
    { name: 'vectors', args: [rand(5), rand(5)] },
    { name: 'a vector and a matrix', args: [rand(4), rand(4, 3)] },
    { name: 'a matrix and a vector', args: [rand(3, 4), rand(4)] },
    { name: 'a vector and a batch', args: [rand(4), rand(2, 4, 3)] },
    { name: 'a batch and a vector', args: [rand(2, 3, 4), rand(4)] },
    { name: 'no inner axis', args: [rand(2, 0), rand(0, 3)] },
    { name: 'no rows', args: [rand(0, 2), rand(2, 3)] },
    { name: 'no columns', args: [rand(3, 2), rand(2, 0)] },
    { name: 'no batch', args: [rand(0, 3, 2), rand(0, 2, 4)] },
    { name: 'rank 6', args: [rand(1, 2, 1, 2, 2, 3), rand(2, 1, 1, 2, 3, 2)], grad: false },
    {
      name: 'NaN and infinities',
      args: [given([1, Number.NaN, 2, Infinity], [2, 2]), given([1, 0, 0, 1], [2, 2])],
      grad: false,
    },
    ...sizes.map(([m, k, n]): OpCase => ({ name: `${m}×${k}×${n}`, args: [rand(m, k), rand(k, n)], grad: false })),
  ],
  rejects: [
    {
      name: 'inner sizes that differ',
      args: () => [rand(2, 3), rand(4, 2)],
      code: 'ERR_SHAPE',
      message: /^matmul: .*\[2, 3\].*\[4, 2\]/,
    },
    { name: 'batches that do not broadcast', args: () => [rand(2, 3, 4), rand(3, 4, 2)], code: 'ERR_SHAPE' },
    { name: 'rank 0', args: () => [rand(), rand(2, 2)], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(2, 2), 3], code: 'ERR_ARGUMENT' },
    { name: 'integers', args: () => [randInt(0, 3, [2, 2]), randInt(0, 3, [2, 2])], code: 'ERR_DTYPE' },
    { name: 'two dtypes', args: () => [rand(2, 2), withDtype(rand(2, 2), 'float64')], code: 'ERR_DTYPE' },
  ],
});

checkOp('linear', ops.linear, {
  reference: linear,
  additive: true,
  ulps: 16,
  cases: [
    { name: 'with bias', args: [rand(4, 3), rand(2, 3), rand(2)] },
    { name: 'without bias', args: [rand(4, 3), rand(2, 3)] },
    { name: 'a vector', args: [rand(3), rand(2, 3), rand(2)] },
    { name: 'more axes', args: [rand(2, 3, 4), rand(5, 4), rand(5)] },
    { name: 'an empty batch', args: [rand(0, 3), rand(2, 3), rand(2)] },
    { name: 'sizes beyond a tile', args: [rand(33, 70), rand(37, 70), rand(37)], grad: false },
  ],
  rejects: [
    { name: 'features that differ', args: () => [rand(4, 3), rand(2, 5)], code: 'ERR_SHAPE', message: /^linear: / },
    { name: 'a bias of another size', args: () => [rand(4, 3), rand(2, 3), rand(3)], code: 'ERR_SHAPE' },
    { name: 'a weight of rank 1', args: () => [rand(4, 3), rand(3)], code: 'ERR_SHAPE' },
  ],
});

test.run();
