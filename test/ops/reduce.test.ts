import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import {
  distinct,
  given,
  mask,
  rand,
  randAway,
  randIn,
  randInt,
  type TensorSpec,
  withDtype,
} from '../support/random.ts';
import { map, NDArray } from '../support/reference/ndarray.ts';
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
    { name: 'wide columns', args: [values(13, 1301), { axis: 0 }], grad: false },
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
  { name: 'nothing', args: [rand(0)] },
  { name: 'an empty axis', args: [rand(3, 0), { axis: 1 }] },
  { name: 'an axis beside an empty one', args: [rand(3, 0), { axis: 0 }] },
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
      { name: 'an axis beside an empty one', args: [rand(0, 3), { axis: 1 }] },
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

// Floats multiply in float64. Every factor adds its rounding, in float64 results with the number of factors: long lines are
// compared in float32.
checkOp('prod', ops.prod, {
  reference: reference.prod,
  ulps: 8,
  cases: [
    { name: 'zeros among the factors', args: [given([2, 0, 3, 0, 0.5, 0, 1.5, 2, -1], [3, 3]), { axis: 1 }] },
    ...casesFor((...shape) => randAway(0.5, ...shape)).filter((each) => each.grad !== false),
    { name: 'rank 6', args: [randAway(0.5, 2, 1, 3, 1, 2, 2), { axis: [1, 2, 5] }], grad: false },
    ...[[3, 1031], [1031, 3], [140003]].map(
      (shape, i): OpCase => ({
        name: `many factors ${shape}`,
        args: [randIn(0.999, 1.001, ...shape), i < 2 ? { axis: 1 - i } : {}],
        grad: false,
        dtypes: ['float32'],
        layouts: ['contiguous', 'transposed'],
      }),
    ),
    ...emptyCases,
    { name: 'integers', args: [whole(4, 3), { axis: 1 }], dtypes: ['float64'] },
    {
      name: 'NaN and infinities',
      args: [given([1, Number.NaN, 2, Infinity, 3, 4, Infinity, -Infinity, 0], [3, 3]), { axis: 1 }],
      grad: false,
    },
  ],
  rejects: rejects('prod'),
});
checkOp('prod', ops.prod, {
  reference: reference.prod,
  dtypes: ['int32', 'int64'],
  resultDtype: () => 'int64',
  differentiable: false,
  cases: [
    { name: 'integers by rows', args: [whole(4, 7), { axis: 1 }] },
    { name: 'integers by columns', args: [whole(4, 7), { axis: 0 }] },
  ],
});

const flags: OpCase[] = [
  { name: 'everything', args: [given([0, 1, 0, 0, 0, 2], [2, 3])] },
  { name: 'rows', args: [given([0, 1, 0, 0, 1, 2], [2, 3]), { axis: 1 }] },
  { name: 'columns, kept', args: [given([0, 1, 0, 0, 1, 2], [2, 3]), { axis: 0, keepdim: true }] },
  {
    name: 'NaN holds',
    args: [given([0, Number.NaN, Number.NaN, 1], [2, 2]), { axis: 1 }],
    dtypes: ['float32', 'float64'],
  },
  { name: 'bools', args: [mask(5, 7), { axis: 1 }], dtypes: ['bool'] },
  ...emptyCases,
];
for (const name of ['all', 'any'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    dtypes: ['float32', 'int32', 'int64', 'uint8'],
    resultDtype: () => 'bool',
    differentiable: false,
    cases: flags,
    rejects: rejects(name),
  });
}
checkOp('countNonzero', ops.countNonzero, {
  reference: reference.countNonzero,
  dtypes: ['float32', 'int32', 'int64', 'uint8'],
  resultDtype: () => 'int64',
  differentiable: false,
  cases: flags,
  rejects: rejects('countNonzero'),
});

const gaps = (): TensorSpec => given([1, Number.NaN, 2, 0.5, 3, 4, Number.NaN, Number.NaN, -5], [3, 3]);
for (const name of ['nansum', 'nanmean'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    additive: true,
    ulps: 8,
    cases: [
      ...casesFor(rand).slice(0, 8),
      ...emptyCases,
      { name: 'NaN is left out', args: [gaps(), { axis: 1 }], grad: false },
      { name: 'nothing but NaN', args: [given([Number.NaN, Number.NaN])], grad: false },
    ],
    rejects: rejects(name),
  });
}

const squares = (x: NDArray, options: reference.ReduceOptions): NDArray =>
  reference.mean(
    map(x, (v) => v * v),
    options,
  );
for (const name of ['variance', 'std', 'varMean', 'stdMean'] as const) {
  checkOp(name, ops[name], {
    reference: reference[name],
    // Deviations are as exact as the values, so errors are relative to the values' squares. A root takes them to their
    // own root near 0, which the cases keep away from.
    ulps: 16,
    magnitude: (x: NDArray, options: reference.ReduceOptions) => {
      const size = squares(x, options);
      return reference[name](x, options) instanceof NDArray ? size : [size, map(size, Math.sqrt)];
    },
    cases: [
      ...casesFor(rand).filter((each) => each.name !== 'one element'),
      { name: 'no correction', args: [rand(3, 5), { axis: 0, correction: 0 }] },
      { name: 'one element has no spread', args: [rand(3, 1), { axis: 1 }], grad: false },
      { name: 'no elements', args: [rand(3, 0), { axis: 1 }] },
      { name: 'far from 0', args: [randIn(1000, 1001, 3, 2051), { axis: 1 }], grad: false },
      {
        name: 'NaN and infinities',
        args: [given([1, Number.NaN, 2, Infinity, 3, 4, Infinity, -Infinity, 0], [3, 3]), { axis: 1 }],
        grad: false,
      },
    ],
    rejects: [
      ...rejects(name),
      { name: 'integers', args: () => [whole(3)].map((t) => ({ ...t, dtype: 'int32' })), code: 'ERR_DTYPE' },
      { name: 'a correction of NaN', args: () => [rand(3), { correction: Number.NaN }], code: 'ERR_ARGUMENT' },
    ],
  });
}

/** Of either sign and none of them 0: at 0, and where two extremes meet, norms have no second derivative. */
function distinctMagnitudes(...shape: [number, number]): TensorSpec {
  const size = shape[0] * shape[1];
  return given(
    Array.from({ length: size }, (_, i) => (((i * 7) % size) + 2) * (i % 2 === 0 ? 0.1 : -0.1)),
    shape,
  );
}

checkOp('norm', ops.norm, {
  reference: reference.norm,
  // pow of float32 elements: a few units each, and the root.
  ulps: 16,
  cases: [
    ...casesFor((...shape) => randAway(0.1, ...shape)),
    ...([0, 0.5, 1, 1.5, 2, 3, 'fro', -1, Infinity, -Infinity] as const).flatMap((p) => [
      { name: `p = ${p}, rows`, args: [distinctMagnitudes(3, 5), { p, axis: 1 }], ...(p === 0 ? { grad: false } : {}) },
      {
        name: `p = ${p}, all`,
        args: [distinctMagnitudes(3, 2), { p, keepdim: true }],
        ...(p === 0 ? { grad: false } : {}),
      },
    ]),
    ...emptyCases,
    { name: 'zeros', args: [given([0, 0, 0, 3], [2, 2]), { axis: 1 }], grad: false },
    { name: 'infinities', args: [given([1, Infinity, -Infinity, Number.NaN], [2, 2]), { axis: 1 }], grad: false },
  ],
  rejects: [
    ...rejects('norm').filter((each) => each.name !== 'no tensor'),
    { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
    { name: 'a plain axis', args: () => [rand(2), 0], code: 'ERR_ARGUMENT' },
    { name: 'an unknown power', args: () => [rand(2), { p: 'nuc' }], code: 'ERR_ARGUMENT' },
    { name: 'a power of NaN', args: () => [rand(2), { p: Number.NaN }], code: 'ERR_ARGUMENT' },
    { name: 'the largest of nothing', args: () => [rand(0), { p: Infinity }], code: 'ERR_SHAPE' },
    { name: 'integers', args: () => [withDtype(rand(2), 'int32')], code: 'ERR_DTYPE' },
  ],
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

for (const device of testDevices) {
  test(`norms and deviations of equal elements pass no gradient on ${device}`, () => {
    for (const op of [
      ops.std,
      ops.norm,
      (x: Tensor) => ops.norm(x, { p: 3 }),
      (x: Tensor) => ops.norm(x, { p: 0.5 }),
    ]) {
      const x = ops.zeros([3], { device, requiresGrad: true });
      const y = op(x);
      y.backward();
      assert.deepEqual([...elements(x.grad as Tensor)], [0, 0, 0]);
      x.dispose();
      y.dispose();
    }
  });
}

test.run();
