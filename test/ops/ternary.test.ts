import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { integers } from '../support/pairs.ts';
import { constant, distinct, given, mask, rand, randAway, withDtype } from '../support/random.ts';
import { addcdiv, addcmul, clamp, lerp, maskedFill } from '../support/reference/pairs.ts';
import { map, NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const [NaNs, Inf] = [Number.NaN, Number.POSITIVE_INFINITY];
const special = [NaNs, 1, Inf, -Inf, 0, -0, 2];
const others = [1, NaNs, Inf, 1, 3, -1, Inf];
/** Magnitudes of arrays, numbers and factors. */
function positive(x: NDArray | number | { value?: number }): NDArray | number | { value: number } {
  if (typeof x === 'number') return Math.abs(x);
  return x instanceof NDArray ? map(x, Math.abs) : { value: Math.abs(x.value ?? 1) };
}

checkOp('lerp', ops.lerp, {
  reference: lerp,
  magnitude: (...args) => addcmul(...(args.map(positive) as [NDArray, NDArray, NDArray]), { value: 4 }),
  // A difference, a product and a sum, each rounded.
  ulps: 6,
  cases: [
    { name: 'everything broadcast', args: [rand(3, 1), rand(4), rand(2, 1, 1)] },
    { name: 'equal shapes', args: [rand(3, 5), rand(3, 5), rand(3, 5)] },
    { name: 'a number as weight', args: [rand(3, 5), rand(5), 0.75] },
    { name: 'a number as end', args: [rand(4), 2.5, rand(4)], layouts: ['contiguous'] },
    { name: 'weights outside of [0, 1]', args: [rand(6), rand(6), -1.5], layouts: ['contiguous'] },
    { name: 'rank 0', args: [rand(), rand(), rand()], layouts: ['contiguous'] },
    { name: 'empty', args: [rand(0, 2), rand(2), rand(1)] },
    {
      name: 'more than one chunk',
      args: [rand(133, 263), rand(263), rand(133, 1)],
      grad: false,
      layouts: ['contiguous'],
    },
  ],
  rejects: [
    { name: 'integers', args: () => [withDtype(rand(3), 'int32'), withDtype(rand(3), 'int32'), 1], code: 'ERR_DTYPE' },
    { name: 'shapes', args: () => [rand(3), rand(4), 0.5], code: 'ERR_SHAPE', message: /^lerp/ },
    { name: 'no weight', args: () => [rand(3), rand(3)], code: 'ERR_ARGUMENT' },
    { name: 'a number first', args: () => [1, rand(3), 1], code: 'ERR_ARGUMENT' },
  ],
});

for (const name of ['addcmul', 'addcdiv'] as const) {
  const reference = name === 'addcmul' ? addcmul : addcdiv;
  const last = name === 'addcmul' ? rand : (...shape: number[]) => randAway(0.4, ...shape);
  checkOp(name, ops[name], {
    reference,
    magnitude: (...args) => reference(...(args.map(positive) as [NDArray, NDArray, NDArray])),
    ulps: 4,
    cases: [
      { name: 'everything broadcast', args: [rand(3, 1), rand(4), last(2, 1, 1), { value: -1.5 }] },
      { name: 'equal shapes', args: [rand(3, 5), rand(3, 5), last(3, 5)] },
      { name: 'numbers', args: [rand(3, 5), 2.5, last(5), { value: 0.1 }] },
      { name: 'a number last', args: [rand(4), rand(4), 4, { value: 2 }], layouts: ['contiguous'] },
      { name: 'rank 0', args: [rand(), rand(), last(), { value: 3 }], layouts: ['contiguous'] },
      { name: 'empty', args: [rand(0, 2), rand(2), last(1), { value: 3 }] },
      {
        name: 'more than one chunk',
        args: [rand(133, 263), rand(263), last(133, 1), { value: 3 }],
        grad: false,
        layouts: ['contiguous'],
      },
      ...(name === 'addcmul'
        ? [
            {
              name: 'integers',
              args: [integers(-9, 9, 7), integers(-9, 9, 7), integers(-9, 9, 7), { value: 3 }],
              dtypes: ['int32' as const, 'int64' as const],
            },
          ]
        : []),
    ],
    rejects: [
      { name: 'shapes', args: () => [rand(3), rand(4), rand(3)], code: 'ERR_SHAPE', message: new RegExp(`^${name}`) },
      { name: 'a text value', args: () => [rand(3), rand(3), rand(3), { value: '1' }], code: 'ERR_ARGUMENT' },
      { name: 'options that are none', args: () => [rand(3), rand(3), rand(3), 2], code: 'ERR_ARGUMENT' },
      { name: 'null options', args: () => [rand(3), rand(3), rand(3), null], code: 'ERR_ARGUMENT' },
      { name: 'numbers alone', args: () => [1, 2, 3], code: 'ERR_ARGUMENT' },
      name === 'addcmul'
        ? {
            name: 'a fraction of integers',
            args: () => [withDtype(rand(3), 'int32'), 2, 3, { value: 0.5 }],
            code: 'ERR_ARGUMENT',
          }
        : { name: 'integers', args: () => [withDtype(rand(3), 'int32'), 2, 3], code: 'ERR_DTYPE' },
    ],
  });
}

const bounds = { min: -0.61, max: 0.63 };
checkOp('clamp', (x, min, max, ...rest) => ops.clamp(x, { min, max }, ...(rest as [])), {
  reference: (x, min, max) => clamp(x, { ...(min === null ? {} : { min }), ...(max === null ? {} : { max }) }),
  ulps: 0,
  cases: [
    {
      name: 'tensors that broadcast',
      args: [distinct(7, 3), given([-0.33, -0.24, -0.12]), given([0.22, 0.34, 0.11])],
    },
    { name: 'numbers', args: [distinct(5, 7), bounds.min, bounds.max] },
    { name: 'a least number', args: [distinct(5, 7), bounds.min, null], layouts: ['contiguous', 'sliced'] },
    { name: 'a largest tensor', args: [distinct(5, 7), null, constant(0.11, 7)], layouts: ['contiguous'] },
    { name: 'a least tensor', args: [distinct(5, 7), constant(0.13, 5, 1), null], layouts: ['contiguous'] },
    { name: 'a tensor and a number', args: [distinct(5, 7), -0.41, constant(0.13, 5, 1)], layouts: ['contiguous'] },
    { name: 'bounds that cross', args: [distinct(9), given([0.51]), given([-0.48])], layouts: ['contiguous'] },
    { name: 'numbers that cross', args: [distinct(9), 0.51, -0.48], layouts: ['contiguous'] },
    { name: 'rank 0', args: [rand(), -0.5, 0.5], grad: false, layouts: ['contiguous'] },
    { name: 'empty', args: [rand(0, 3), rand(3), 2] },
    { name: 'rank 6', args: [rand(2, 1, 2, 1, 2, 3), -0.5, rand(2, 1)], grad: false, layouts: ['transposed'] },
    { name: 'NaN and infinities', args: [given(special), given(others), 2], grad: false, layouts: ['contiguous'] },
    { name: 'NaN as a bound', args: [given(special), NaNs, null], grad: false, layouts: ['contiguous'] },
    { name: 'infinite bounds', args: [given(special), -Inf, Inf], grad: false, layouts: ['contiguous'] },
    { name: 'integers', args: [integers(-9, 9, 70), -3, 4], dtypes: ['int32', 'int64'] },
    { name: 'bytes', args: [integers(0, 200, 70), 3, 40], dtypes: ['uint8'] },
    { name: 'more than one chunk', args: [rand(133, 263), -0.5, 0.5], grad: false, layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'no bounds', args: () => [rand(3), null, undefined], code: 'ERR_ARGUMENT', message: /min, max/ },
    { name: 'text', args: () => [rand(3), '1', null], code: 'ERR_ARGUMENT' },
    { name: 'shapes', args: () => [rand(3), rand(4), null], code: 'ERR_SHAPE', message: /^clamp/ },
    { name: 'bools', args: () => [withDtype(rand(3), 'bool'), withDtype(rand(3), 'bool'), null], code: 'ERR_DTYPE' },
    { name: 'no tensor', args: () => [1, 0, 2], code: 'ERR_ARGUMENT' },
  ],
});

for (const name of ['clampMin', 'clampMax'] as const) {
  const key = name === 'clampMin' ? 'min' : 'max';
  checkOp(name, ops[name], {
    reference: (x, bound) => clamp(x, { [key]: bound }),
    ulps: 0,
    cases: [
      { name: 'a tensor', args: [distinct(5, 7), constant(0.11, 7)] },
      { name: 'a number', args: [distinct(5, 7), 0.11] },
      { name: 'empty', args: [rand(0), 0] },
      { name: 'NaN and infinities', args: [given(special), given(others)], grad: false, layouts: ['contiguous'] },
      { name: 'integers', args: [integers(-9, 9, 7), 2], dtypes: ['int32', 'int64'] },
    ],
    rejects: [
      { name: 'null', args: () => [rand(3), null], code: 'ERR_ARGUMENT' },
      { name: 'shapes', args: () => [rand(3), rand(4)], code: 'ERR_SHAPE', message: new RegExp(`^${name}`) },
    ],
  });
}

checkOp('maskedFill', ops.maskedFill, {
  reference: maskedFill,
  ulps: 0,
  cases: [
    { name: 'a tensor of rank 0', args: [rand(3, 5), mask(5), rand()] },
    { name: 'a number', args: [rand(3, 5), mask(3, 1), -1.5] },
    { name: 'a wider mask', args: [rand(5), mask(2, 5), 2], layouts: ['contiguous'] },
    { name: 'minus infinity', args: [rand(4), mask(4), -Inf], grad: false },
    { name: 'rank 0', args: [rand(), mask(), 1] },
    { name: 'empty', args: [rand(0), mask(0), 1] },
    { name: 'integers', args: [integers(-9, 9, 3, 5), mask(5), 7], dtypes: ['int32', 'int64'] },
    { name: 'bytes', args: [integers(0, 9, 3, 5), mask(5), 7], dtypes: ['uint8'] },
    { name: 'bools', args: [integers(0, 1, 3, 5), mask(5), 1], dtypes: ['bool'] },
  ],
  rejects: [
    { name: 'a float mask', args: () => [rand(3), rand(3), 1], code: 'ERR_DTYPE', message: /mask/ },
    { name: 'a value of rank 1', args: () => [rand(3), mask(3), rand(1)], code: 'ERR_ARGUMENT', message: /rank 0/ },
    { name: 'a fraction into integers', args: () => [withDtype(rand(3), 'int32'), mask(3), 0.5], code: 'ERR_DTYPE' },
    { name: 'a number into bools', args: () => [withDtype(rand(3), 'bool'), mask(3), 2], code: 'ERR_DTYPE' },
    { name: 'shapes', args: () => [rand(3), mask(4), 1], code: 'ERR_SHAPE' },
    { name: 'no value', args: () => [rand(3), mask(3)], code: 'ERR_ARGUMENT' },
    { name: 'no mask', args: () => [rand(3), null, 1], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`clamp promotes as PyTorch does on ${device}`, () => {
    const ints = tensor([-3, 1, 5], { dtype: 'int32', device });
    const halves = ops.clamp(ints, { min: 0.5 });
    assert.equal(halves.dtype, 'float32');
    assert.deepEqual([...elements(halves)], [0.5, 1, 5]);
    const wide = tensor([2], { dtype: 'float64', device });
    const doubles = ints.clamp({ max: wide, min: -1 });
    assert.equal(doubles.dtype, 'float64');
    assert.deepEqual([...elements(doubles)], [-1, 1, 2]);
    throwsCode(() => ops.clamp(ints, null as never), 'ERR_ARGUMENT', 'null options');
    throwsCode(() => ops.clamp(ints, {}), 'ERR_ARGUMENT', 'no bounds');
    for (const t of [ints, halves, wide, doubles]) t.dispose();
  });
}

test.run();
