import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, given, rand, randInt, type TensorSpec } from '../support/random.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/reduce.ts';
import { elements } from '../support/tensors.ts';

function casesFor(values: (...shape: number[]) => TensorSpec): OpCase[] {
  return [
    { name: 'everything', args: [values(3, 5)] },
    { name: 'the first axis', args: [values(3, 5), { axis: 0 }] },
    { name: 'the last axis, kept', args: [values(3, 5), { axis: -1, keepdim: true }] },
    { name: 'the middle axis', args: [values(2, 5, 3), { axis: 1 }] },
    { name: 'the outer axes', args: [values(2, 3, 4), { axis: [0, 2] }] },
    { name: 'axes in any order, kept', args: [values(2, 3, 2, 2), { axis: [-1, 0], keepdim: true }] },
    { name: 'one element', args: [values(2, 1), { axis: 1 }] },
    { name: 'long rows', args: [values(3, 1031), { axis: 1 }], grad: false },
    { name: 'long columns', args: [values(1031, 3), { axis: 0 }], grad: false },
    { name: 'more than one chunk', args: [values(70003)], grad: false, layouts: ['contiguous', 'reversed'] },
    {
      name: 'many rows in chunks',
      args: [values(40, 30, 61), { axis: [0, 2] }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    { name: 'rank 6', args: [values(2, 1, 3, 1, 2, 2), { axis: [1, 2, 5] }], grad: false },
  ];
}

const rejects = (name: string): Rejected[] => [
  {
    name: 'an axis out of range',
    args: () => [rand(2, 3), { axis: 2 }],
    code: 'ERR_SHAPE',
    message: new RegExp(`${name}: .*2`),
  },
  { name: 'an axis before the first', args: () => [rand(2, 3), { axis: -3 }], code: 'ERR_SHAPE' },
  { name: 'half an axis', args: () => [rand(2, 3), { axis: 0.5 }], code: 'ERR_SHAPE' },
  { name: 'the same axis twice', args: () => [rand(2, 3), { axis: [1, -1] }], code: 'ERR_SHAPE' },
  { name: 'an axis of rank 0', args: () => [rand(), { axis: 1 }], code: 'ERR_SHAPE' },
  { name: 'no tensor', args: () => [[1, 2]], code: 'ERR_ARGUMENT' },
];

const whole = (...shape: number[]): TensorSpec => ({ ...rand(...shape), values: randInt(-9, 9, shape).values });
const emptyCases: OpCase[] = [
  { name: 'nothing', args: [rand(0)], grad: false },
  { name: 'an empty axis', args: [rand(3, 0), { axis: 1 }], grad: false },
  { name: 'an axis beside an empty one', args: [rand(3, 0), { axis: 0 }], grad: false },
  { name: 'rank 0', args: [rand()], grad: false },
];

// Blocked sums: the error stays below a small multiple of epsilon times the sum of magnitudes.
for (const name of ['sum', 'mean'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    additive: true,
    ulps: 8,
    cases: [
      ...casesFor(rand),
      ...emptyCases,
      {
        name: 'NaN and infinities',
        args: [given([1, Number.NaN, 2, Infinity, 3, 4, Infinity, -Infinity, 5], [3, 3]), { axis: 1 }],
        grad: false,
      },
      { name: 'cancelling magnitudes', args: [given([1e8, 1, -1e8, 1])], grad: false },
    ],
    rejects: rejects(name),
  });
}

checkOp('sum', ops.sum, {
  reference: reference.sum,
  dtypes: ['int32', 'int64'],
  resultDtype: () => 'int64',
  differentiable: false,
  cases: [
    { name: 'integers by rows', args: [whole(4, 7), { axis: 1 }] },
    { name: 'all integers', args: [whole(4, 7)] },
  ],
});

for (const name of ['amax', 'amin'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    ulps: 0,
    cases: [
      ...casesFor(distinct),
      { name: 'rank 0', args: [rand()], grad: false },
      { name: 'an axis beside an empty one', args: [rand(0, 3), { axis: 1 }], grad: false },
      { name: 'integers', args: [whole(4, 7), { axis: 1 }], dtypes: ['int32', 'int64'] },
      {
        name: 'NaN wins',
        args: [given([1, Number.NaN, 2, Infinity, 3, 4, -Infinity, 5, 6], [3, 3]), { axis: 1 }],
        grad: false,
      },
      {
        name: 'only infinities',
        args: [given([-Infinity, -Infinity, Infinity, Infinity], [2, 2]), { axis: 1 }],
        grad: false,
      },
    ],
    rejects: [
      ...rejects(name),
      { name: 'an empty axis', args: () => [rand(3, 0), { axis: 1 }], code: 'ERR_SHAPE' },
      { name: 'nothing', args: () => [rand(0)], code: 'ERR_SHAPE' },
    ],
  });
}

checkOp('argmax', ops.argmax, {
  reference: reference.argmax,
  resultDtype: () => 'int32',
  differentiable: false,
  ulps: 0,
  cases: [
    { name: 'everything', args: [distinct(3, 5)] },
    { name: 'the first axis', args: [distinct(3, 5), { axis: 0 }] },
    { name: 'the last axis, kept', args: [distinct(3, 5), { axis: -1, keepdim: true }] },
    { name: 'the middle axis', args: [distinct(2, 5, 3), { axis: 1 }] },
    { name: 'long rows', args: [distinct(3, 1031), { axis: 1 }] },
    { name: 'a long column', args: [distinct(1031, 2), { axis: 0 }] },
    { name: 'the first of equals', args: [given([1, 3, 3, 2, 2, 2], [2, 3]), { axis: 1 }] },
    {
      name: 'NaN wins',
      args: [given([1, Number.NaN, Infinity, Number.NaN, 5, 4, -Infinity, 7, 7], [3, 3]), { axis: 1 }],
    },
    { name: 'only minus infinity', args: [given([-Infinity, -Infinity])] },
    { name: 'integers', args: [whole(4, 7), { axis: 1 }], dtypes: ['int32', 'int64'] },
    { name: 'an axis beside an empty one', args: [rand(0, 3), { axis: 1 }] },
  ],
  rejects: [
    { name: 'an axis out of range', args: () => [rand(2, 3), { axis: 2 }], code: 'ERR_SHAPE' },
    { name: 'an empty axis', args: () => [rand(3, 0), { axis: 1 }], code: 'ERR_SHAPE' },
    { name: 'two axes', args: () => [rand(3, 2), { axis: [0, 1] }], code: 'ERR_SHAPE' },
  ],
});

checkOp('variance', ops.variance, {
  reference: reference.variance,
  // Two passes; the deviations are as exact as the values, so errors are relative to the values' squares.
  ulps: 16,
  magnitude: (x: NDArray, options: reference.ReduceOptions) =>
    reference.mean(
      map(x, (v) => v * v),
      options,
    ),
  cases: [
    ...casesFor(rand).filter((each) => each.name !== 'one element'),
    { name: 'no correction', args: [rand(3, 5), { axis: 0, correction: 0 }] },
  ],
  rejects: rejects('variance'),
});

for (const device of testDevices) {
  test(`a plain axis or a list works like the option on ${device}`, () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { device },
    );
    for (const [y, wanted] of [
      [ops.sum(x, 0), [4, 6]],
      [ops.sum(x, [1]), [3, 7]],
      [ops.mean(x, -1), [1.5, 3.5]],
      [x.amax(0), [3, 4]],
    ] as const) {
      assert.deepEqual([...elements(y)], wanted);
      y.dispose();
    }
    x.dispose();
  });

  test(`bools are counted on ${device}`, () => {
    const x = tensor([true, false, true, true], { device });
    const n = ops.sum(x);
    assert.equal(n.dtype, 'int64');
    assert.deepEqual([...elements(n)], [3]);
    x.dispose();
    n.dispose();
  });
}

test.run();
