import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { given, noGradient, rand, randIn, type TensorSpec } from '../support/random.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/reduce.ts';

const shapes: OpCase[] = [
  { name: 'rows', args: [rand(3, 5)] },
  { name: 'columns', args: [rand(3, 5), 0] },
  { name: 'the middle axis', args: [rand(2, 4, 3), 1] },
  { name: 'one class', args: [rand(3, 1)] },
  { name: 'a vector', args: [rand(7)] },
  { name: 'long rows', args: [rand(3, 1031)], grad: false },
  { name: 'many rows', args: [rand(1031, 10)], grad: false, layouts: ['contiguous', 'transposed'] },
  { name: 'an empty batch', args: [rand(0, 5)] },
  { name: 'large logits', args: [given([1000, 1001, 999, -1000, 0, 1000], [2, 3])], grad: false },
  { name: 'minus infinity has no share', args: [given([1, -Infinity, 2])], grad: false },
  {
    name: 'NaN spreads over its row',
    args: [given([1, Number.NaN, 2, 1, 2, 3], [2, 3])],
    grad: false,
    layouts: ['contiguous', 'transposed', 'sliced'],
  },
];
const rejects = [{ name: 'an axis out of range', args: () => [rand(2, 3), 2], code: 'ERR_SHAPE' }];

checkOp('softmax', ops.softmax, { reference: reference.softmax, ulps: 16, cases: shapes, rejects });
checkOp('softmin', ops.softmin, {
  reference: (x: NDArray, axis?: number) =>
    reference.softmax(
      map(x, (v) => -v),
      axis,
    ),
  ulps: 16,
  cases: shapes,
  rejects,
});
// log-probabilities near zero are differences of logits: errors are relative to the logits, at most a few units here.
checkOp('logSoftmax', ops.logSoftmax, { reference: reference.logSoftmax, ulps: 32, cases: shapes, rejects });

checkOp('logsumexp', ops.logsumexp, {
  reference: reference.logsumexp,
  ulps: 16,
  cases: [
    ...shapes,
    { name: 'nothing but minus infinity', args: [given([-Infinity, -Infinity])], grad: false },
    { name: 'plus infinity', args: [given([1, Infinity, 2])], grad: false },
    { name: 'NaN beside infinity', args: [given([NaN, Infinity])], grad: false },
    { name: 'nothing but NaN', args: [given([NaN, NaN])], grad: false },
    { name: 'several axes', args: [rand(2, 3, 4), { axis: [0, 2] }] },
    { name: 'trailing axes, kept', args: [rand(2, 3, 4), { axis: [1, 2], keepdim: true }] },
    { name: 'beside an empty axis', args: [rand(0, 3), 1] },
  ],
  rejects: [...rejects, { name: 'an empty axis', args: () => [rand(2, 0)], code: 'ERR_SHAPE' }],
});

const labels = (values: readonly number[]): TensorSpec => ({ ...noGradient(given(values)), dtype: 'int32' });

const losses = (name: string): OpCase[] => [
  { name: 'the mean', args: [randIn(-3, 1, 4, 5), labels([1, 0, 4, 2])] },
  { name: 'the sum', args: [randIn(-3, 1, 4, 5), labels([1, 0, 4, 2]), { reduction: 'sum' }] },
  { name: 'no reduction', args: [randIn(-3, 1, 4, 5), labels([1, 0, 4, 2]), { reduction: 'none' }] },
  { name: 'ignored rows', args: [randIn(-3, 1, 4, 5), labels([1, -100, 4, -100])] },
  {
    name: 'another ignored label',
    args: [randIn(-3, 1, 3, 4), labels([2, 0, 2]), { ignoreIndex: 2, reduction: 'none' }],
  },
  { name: 'int64 labels', args: [randIn(-3, 1, 3, 4), { ...labels([3, 0, 2]), dtype: 'int64' }] },
  { name: 'uint8 labels', args: [randIn(-3, 1, 3, 4), { ...labels([3, 0, 2]), dtype: 'uint8' }] },
  { name: 'one row', args: [randIn(-3, 1, 1, 3), labels([2])] },
  {
    name: 'many rows',
    args: [randIn(-3, 1, 517, 10), { ...labels(Array.from({ length: 517 }, (_, i) => (i * 7) % 10)) }],
    grad: false,
  },
  ...(name === 'crossEntropy'
    ? [
        { name: 'smoothed labels', args: [rand(4, 5), labels([1, 0, 4, 2]), { labelSmoothing: 0.1 }] },
        {
          name: 'smoothed labels with ignored rows',
          args: [rand(4, 5), labels([1, -100, 4, 2]), { labelSmoothing: 0.3 }],
        },
        {
          name: 'large logits',
          args: [given([1000, -1000, 0, 30, 30, 30], [2, 3]), labels([0, 1]), { reduction: 'none' }],
          grad: false,
        },
      ]
    : []),
];

for (const name of ['crossEntropy', 'nllLoss'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    ulps: 32,
    // The broadcast layout would change the labels with the logits; rows of labels are covered by the others.
    cases: losses(name).map((each) => ({
      ...each,
      layouts: ['contiguous', 'transposed', 'sliced', 'reversed'] as const,
    })),
    rejects: [
      { name: 'a row without a label', args: () => [rand(4, 5), labels([1, 0, 4])], code: 'ERR_SHAPE' },
      { name: 'float labels', args: () => [rand(2, 5), rand(2)], code: 'ERR_DTYPE' },
      {
        name: 'an unknown reduction',
        args: () => [rand(2, 5), labels([0, 1]), { reduction: 'median' }],
        code: 'ERR_ARGUMENT',
      },
    ],
  });
}

checkOp('mseLoss', ops.mseLoss, {
  reference: reference.mseLoss,
  ulps: 16,
  cases: [
    { name: 'the mean', args: [rand(3, 4), rand(3, 4)] },
    { name: 'the sum', args: [rand(3, 4), rand(3, 4), { reduction: 'sum' }] },
    { name: 'no reduction', args: [rand(3, 4), rand(3, 4), { reduction: 'none' }] },
    { name: 'rank 0', args: [rand(), rand()] },
  ],
  rejects: [{ name: 'other shapes', args: () => [rand(3), rand(4)], code: 'ERR_SHAPE' }],
});

test.run();
