import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, mask, rand, randIn, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import { mapElementary, mapPredicate, roundTo } from '../support/reference/elementary.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import { make } from '../support/tensors.ts';

type Values = (...shape: number[]) => TensorSpec;

/** Values where the function is smooth and tame enough for finite differences; the rest take [-2, 2). */
const domain: Readonly<Record<string, Values>> = {
  log2: (...shape) => randIn(0.2, 3, ...shape),
  log10: (...shape) => randIn(0.2, 3, ...shape),
  log1p: (...shape) => randIn(-0.7, 3, ...shape),
  tan: (...shape) => randIn(-1.1, 1.1, ...shape),
  asin: (...shape) => randIn(-0.8, 0.8, ...shape),
  acos: (...shape) => randIn(-0.8, 0.8, ...shape),
  atanh: (...shape) => randIn(-0.8, 0.8, ...shape),
  acosh: (...shape) => randIn(1.3, 4, ...shape),
  ceil: (...shape) => randIn(0.1, 0.9, ...shape),
  round: (...shape) => randIn(0.6, 1.4, ...shape),
  trunc: (...shape) => randIn(0.1, 0.9, ...shape),
  frac: (...shape) => randIn(-0.9, -0.1, ...shape),
};

const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
];
const extremes = [
  3.4e38, -3.4e38, 1.2e-38, -1.2e-38, 88.5, -88.5, 89.3, -104, 127.9, 700, -700, 710.3, 1e-20, -1e-20, 1e5,
];
const large = [
  1e300,
  -1e300,
  5e-324,
  -5e-324,
  2 ** 52 + 0.5,
  2 ** 53,
  -4503599627370495.5,
  0.49999999999999994,
  1.0000000001,
];

function shapes(values: Values): OpCase[] {
  return [
    { name: 'a matrix', args: [values(3, 5)] },
    { name: 'rank 0', args: [values()] },
    { name: 'empty with axes', args: [values(2, 0, 3)] },
    { name: 'rank 6', args: [values(2, 1, 3, 1, 2, 3)], grad: false },
    { name: 'a full vector and a rest', args: [values(67)], grad: false },
    { name: 'NaN, infinities, zeros and halves', args: [given(special)], grad: false },
    { name: 'extreme magnitudes', args: [given(extremes)], grad: false },
    { name: 'extremes of float64', args: [given(large)], grad: false, dtypes: ['float64'] },
  ];
}

const rejects = [
  { name: 'a string', args: () => ['3'], code: 'ERR_ARGUMENT' },
  { name: 'nothing', args: () => [null], code: 'ERR_ARGUMENT' },
];

for (const name of [
  'exp2',
  'expm1',
  'log2',
  'log10',
  'log1p',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
] as const) {
  const cases = shapes(domain[name] ?? rand);
  if (name === 'expm1') {
    cases.push({ name: 'more than one chunk', args: [rand(70001)], grad: false, layouts: ['contiguous', 'reversed'] });
  }
  checkOp(name, ops[name], { reference: mapElementary(name), cases, rejects });
}

for (const name of ['deg2rad', 'rad2deg', 'positive'] as const) {
  checkOp(name, ops[name], { reference: mapElementary(name), ulps: 2, cases: shapes(rand), rejects });
}

for (const name of ['ceil', 'round', 'trunc', 'frac'] as const) {
  const cases = shapes(domain[name] ?? rand);
  if (name !== 'frac') {
    cases.push({ name: 'integers', args: [randInt(-9, 9, [3, 2])], dtypes: ['int32'] });
    cases.push({ name: 'bytes', args: [{ ...randInt(0, 9, [5]), dtype: 'uint8' as const }], dtypes: ['uint8'] });
  }
  checkOp(name, ops[name], { reference: mapElementary(name), ulps: 0, cases, rejects });
}

checkOp('round', ops.round, {
  reference: roundTo,
  dtypes: ['float64'],
  ulps: 0,
  cases: [
    { name: 'two digits', args: [given([1.2341, -2.7189, 3.1477, 0.111], [2, 2]), { decimals: 2 }] },
    { name: 'hundreds', args: [given([123.4, -271.89, 50, 950]), { decimals: -2 }], grad: false },
  ],
  rejects: [
    { name: 'half a digit', args: () => [rand(2), { decimals: 0.5 }], code: 'ERR_ARGUMENT', message: /decimals/ },
    { name: 'digits of integers', args: () => [randInt(0, 3, [2]), { decimals: 1 }], code: 'ERR_DTYPE' },
  ],
});

for (const name of ['isnan', 'isinf', 'isfinite', 'isposinf', 'isneginf', 'signbit'] as const) {
  const cases: OpCase[] = shapes(rand);
  cases.push({ name: 'integers', args: [randInt(-3, 3, [4, 3])] });
  cases.push({ name: 'bytes', args: [withDtype(randInt(0, 3, [4]), 'uint8')] });
  cases.push({ name: 'int64', args: [withDtype(randInt(-3, 3, [4]), 'int64')] });
  cases.push({ name: 'bools', args: [mask(5)] });
  checkOp(name, ops[name], {
    reference: mapPredicate(name),
    differentiable: false,
    resultDtype: () => 'bool',
    ulps: 0,
    cases,
    rejects,
  });
}

const replaced = (x: NDArray, options: { nan?: number; posinf?: number; neginf?: number } = {}): NDArray =>
  map(x, (value) =>
    Number.isNaN(value)
      ? (options.nan ?? 0)
      : value === Number.POSITIVE_INFINITY
        ? (options.posinf ?? Number.NaN)
        : value === Number.NEGATIVE_INFINITY
          ? (options.neginf ?? Number.NaN)
          : value,
  );

checkOp('nanToNum', ops.nanToNum, {
  reference: replaced,
  ulps: 0,
  cases: [
    { name: 'finite', args: [rand(3, 4)] },
    { name: 'all three', args: [given(special), { nan: -7, posinf: 9, neginf: 2.5 }], grad: false },
    { name: 'rank 0', args: [rand(), { nan: 2 }] },
    { name: 'empty', args: [rand(0, 3)] },
  ],
  rejects: [
    ...rejects,
    {
      name: 'a string for NaN',
      args: () => [rand(2), { nan: '0' }],
      code: 'ERR_ARGUMENT',
      message: /nan must be a number/,
    },
    { name: 'options that are none', args: () => [rand(2), 3], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`nanToNum puts the dtype’s largest numbers for infinities, with no gradient there, on ${device}`, () => {
    const x = tensor([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3], { device, requiresGrad: true });
    const y = ops.nanToNum(x);
    const most = 2 ** 128 - 2 ** 104;
    assert.deepEqual(y.toArraySync(), [most, -most, 3]);
    y.sum().backward();
    assert.deepEqual(x.grad?.toArraySync(), [0, 0, 1]);
    const d = tensor([Number.POSITIVE_INFINITY], { device, dtype: 'float64' });
    assert.deepEqual(ops.nanToNum(d).toArraySync(), [Number.MAX_VALUE]);
    assert.deepEqual(ops.nanToNum(tensor([1, 2], { dtype: 'int32', device })).toArraySync(), [1, 2]);
  });

  test(`aliases, integers and refusals on ${device}`, () => {
    assert.equal(ops.sgn, ops.sign);
    assert.equal(ops.fix, ops.trunc);
    const whole = make(randInt(1, 1, [3]), { device, dtype: 'int32', layout: 'contiguous' });
    for (const name of ['exp2', 'log1p', 'atan', 'deg2rad'] as const) assert.equal(ops[name](whole).dtype, 'float32');
    throwsCode(() => ops.frac(whole), 'ERR_DTYPE', 'frac of integers');
    throwsCode(
      () => ops.positive(make(mask(3), { device, dtype: 'bool', layout: 'contiguous' })),
      'ERR_DTYPE',
      'positive',
    );
    const gone = ops.ones([2], { device });
    gone.dispose();
    for (const name of ['tan', 'round', 'isnan', 'nanToNum', 'positive', 'deg2rad'] as const)
      throwsCode(() => ops[name](gone), 'ERR_DISPOSED', name);
  });
}

/** Aliases that are tested as what they stand for. */
export const covers = ['sgn', 'fix'];

test.run();
