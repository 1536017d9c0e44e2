import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, mask, rand, randAway, randIn, randInt, type TensorSpec } from '../support/random.ts';
import { mapUnary, unary } from '../support/reference/elementwise.ts';
import { make } from '../support/tensors.ts';

type Name = keyof typeof unary;

/** Values where the function is smooth and tame enough for finite differences. */
const domain: Partial<Record<Name, (...shape: number[]) => TensorSpec>> = {
  abs: (...shape) => randAway(0.1, ...shape),
  sign: (...shape) => randAway(0.1, ...shape),
  relu: (...shape) => randAway(0.1, ...shape),
  reciprocal: (...shape) => randAway(0.4, ...shape),
  rsqrt: (...shape) => randIn(0.2, 3, ...shape),
  log: (...shape) => randIn(0.2, 3, ...shape),
  sqrt: (...shape) => randIn(0.2, 3, ...shape),
  floor: (...shape) => randIn(0.1, 0.9, ...shape),
};

const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1, 0.5, -0.5];
/** Extremes of float32, and of float64 where the dtype under test has them. */
const extremes = [
  3.4e38,
  -3.4e38,
  1.2e-38,
  -1.2e-38,
  88.5,
  -88.5,
  90,
  -104,
  700,
  -700,
  1e-20,
  -1e-20,
  2 ** 24,
  2 ** 24 + 2,
  1e5,
  -12345.678,
  1e-7,
];
const integers: readonly Name[] = ['neg', 'abs', 'sign', 'square', 'relu', 'floor'];
/** Elementary functions are polynomials with an error of a few units; the rest are exact or rounded once. */
const loose: Partial<Record<Name, number>> = {
  exp: 4,
  log: 4,
  sin: 4,
  cos: 4,
  tanh: 6,
  sigmoid: 6,
  erf: 8,
};

for (const name of Object.keys(unary) as Name[]) {
  const values = domain[name] ?? rand;
  const cases: OpCase[] = [
    { name: 'a matrix', args: [values(3, 5)] },
    { name: 'rank 0', args: [values()] },
    { name: 'one element', args: [values(1)] },
    { name: 'no element', args: [values(0)] },
    { name: 'empty with axes', args: [values(2, 0, 3)] },
    { name: 'odd sizes of rank 4', args: [values(3, 1, 7, 5)], grad: false },
    { name: 'rank 6', args: [values(2, 1, 3, 1, 2, 3)], grad: false },
    { name: 'rank 8', args: [values(1, 2, 1, 2, 1, 2, 1, 3)], grad: false },
    { name: 'a full vector and a rest', args: [values(67)], grad: false },
    { name: 'more than one chunk', args: [values(70001)], grad: false, layouts: ['contiguous', 'reversed'] },
    { name: 'NaN, infinities and zeros', args: [given(special)], grad: false },
    // sin and cos of large float32 arguments hang on every bit of the argument reduction; see below.
    {
      name: 'extreme magnitudes',
      args: [given(name === 'sin' || name === 'cos' ? extremes.filter((v) => Math.abs(v) < 1e6) : extremes)],
      grad: false,
    },
  ];
  if (integers.includes(name)) {
    const positive = randInt(0, 12, [4, 3]).values;
    cases.push({
      name: 'signed integers',
      args: [{ ...rand(5, 3), values: randInt(-9, 9, [5, 3]).values }],
      dtypes: ['int32', 'int64'],
    });
    if (name !== 'neg') cases.push({ name: 'bytes', args: [{ ...rand(4, 3), values: positive }], dtypes: ['uint8'] });
  }
  checkOp(name, ops[name], {
    reference: mapUnary(name),
    ulps: loose[name] ?? 1,
    cases,
    rejects: [
      { name: 'a string', args: () => ['3'], code: 'ERR_ARGUMENT' },
      { name: 'nothing', args: () => [undefined], code: 'ERR_ARGUMENT' },
    ],
  });
}

for (const device of testDevices) {
  test(`fractional functions of integers and bools give float32 on ${device}`, () => {
    for (const name of ['exp', 'log', 'sqrt', 'sin', 'cos', 'tanh', 'sigmoid', 'erf', 'reciprocal'] as const) {
      for (const spec of [randInt(1, 3, [4]), mask(3)]) {
        const x = make(spec, { device, dtype: 'int32', layout: 'contiguous' });
        const y = ops[name](x);
        if (y.dtype !== 'float32') throw new Error(`${name} of ${x.dtype} gives ${y.dtype}`);
        x.dispose();
        y.dispose();
      }
    }
  });

  test(`a disposed tensor is refused on ${device}`, () => {
    for (const name of Object.keys(unary) as Name[]) {
      const x = ops.ones([2], { device });
      x.dispose();
      throwsCode(() => ops[name](x), 'ERR_DISPOSED', name);
    }
  });
}

test.run();
