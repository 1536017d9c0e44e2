import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import * as ops from '../../lib/ops/index.ts';
import { test } from 'uvu';
import { distinct, given, rand, randInt, type TensorSpec } from '../support/random.ts';
import * as reference from '../support/reference/reduce.ts';
import * as scans from '../support/reference/scan.ts';

const whole = (...shape: number[]): TensorSpec => ({ ...rand(...shape), values: randInt(-9, 9, shape).values });
const strange = given([1, Number.NaN, Infinity, Number.NaN, 5, 4, -Infinity, 7, 7], [3, 3]);
/** Rows whose sum is not a number: of opposite infinities, of a NaN far behind, of two. */
const wild = given(
  Array.from({ length: 3 * 701 }, (_, i) => {
    if (i === 3 || i === 701 + 690) return Infinity;
    if (i === 650) return -Infinity;
    if (i === 701 + 200 || i === 1402 + 130 || i === 1402 + 666) return Number.NaN;
    return (i * 7919) % 503;
  }),
  [3, 701],
);
const rejects: Rejected[] = [
  { name: 'an axis out of range', args: () => [rand(2, 3), { axis: 2 }], code: 'ERR_SHAPE' },
  { name: 'half an axis', args: () => [rand(2, 3), { axis: 0.5 }], code: 'ERR_SHAPE' },
  { name: 'an empty axis', args: () => [rand(3, 0), { axis: 1 }], code: 'ERR_SHAPE' },
  { name: 'nothing', args: () => [rand(0), {}], code: 'ERR_SHAPE' },
  { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
  { name: 'text for an axis', args: () => [rand(2, 3), 'first'], code: 'ERR_ARGUMENT' },
];
const twoAxes: Rejected = { name: 'two axes', args: () => [rand(3, 2), { axis: [0, 1] }], code: 'ERR_SHAPE' };
const cases: OpCase[] = [
  { name: 'the last axis', args: [distinct(2, 5, 3), { axis: -1 }] },
  { name: 'everything', args: [distinct(3, 5)] },
  { name: 'the first axis', args: [distinct(3, 5), { axis: 0 }] },
  { name: 'the last axis, kept', args: [distinct(3, 5), { axis: -1, keepdim: true }] },
  { name: 'the middle axis', args: [distinct(2, 5, 3), { axis: 1 }] },
  { name: 'long rows', args: [distinct(3, 1031), { axis: 1 }], grad: false },
  { name: 'a long column', args: [distinct(1031, 2), { axis: 0 }], grad: false },
  { name: 'the first of equals', args: [given([1, 3, 3, 2, 2, 2], [2, 3]), { axis: 1 }], grad: false },
  { name: 'NaN wins', args: [strange, { axis: 1 }], grad: false },
  { name: 'NaN and infinities in long rows', args: [wild, { axis: 1 }], grad: false },
  { name: 'NaN wins along columns', args: [strange, { axis: 0 }], grad: false },
  {
    name: 'only infinities',
    args: [given([-Infinity, -Infinity, Infinity, Infinity], [2, 2]), { axis: 1 }],
    grad: false,
  },
  { name: 'integers', args: [whole(4, 7), { axis: 1 }], dtypes: ['int32', 'int64'] },
  { name: 'an axis beside an empty one', args: [rand(0, 3), { axis: 1 }] },
  { name: 'rank 0', args: [rand(), { axis: 0 }], grad: false },
];

for (const name of ['argmax', 'argmin'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    resultDtype: () => 'int32',
    differentiable: false,
    ulps: 0,
    cases,
    rejects: [...rejects, twoAxes],
  });
}
for (const name of ['max', 'min'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    resultDtype: (dtype) => [dtype, 'int32'],
    ulps: 0,
    cases: [...cases, { name: 'a plain axis', args: [distinct(3, 4), 1] }],
    rejects: [...rejects, twoAxes],
  });
}
checkOp('aminmax', ops.aminmax, {
  reference: reference.aminmax,
  ulps: 0,
  cases: cases.filter((each) => each.name !== 'rank 0'),
  rejects,
});

for (const name of ['cummax', 'cummin'] as const) {
  checkOp(name, ops[name], {
    reference: scans[name],
    resultDtype: (dtype) => [dtype, 'int32'],
    ulps: 0,
    cases: [
      { name: 'the middle axis', args: [distinct(2, 5, 3), 1] },
      { name: 'a line', args: [distinct(7)] },
      { name: 'the first axis, by options', args: [distinct(4, 3), { axis: 0 }] },
      { name: 'the last of equals', args: [given([1, 3, 3, 2, 3, 1])], grad: false },
      { name: 'NaN stays', args: [strange, 1], grad: false },
      { name: 'integers', args: [whole(4, 7), 1], dtypes: ['int32', 'int64', 'uint8'] },
      { name: 'rank 0', args: [rand(), 0] },
      { name: 'an empty axis', args: [rand(3, 0), 1] },
    ],
    rejects: [
      { name: 'an axis out of range', args: () => [rand(2, 3), 2], code: 'ERR_SHAPE' },
      { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
    ],
  });
}

test.run();
