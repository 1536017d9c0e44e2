import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randIn, type TensorSpec } from '../support/random.ts';
import { map, NDArray } from '../support/reference/ndarray.ts';
import { digits, logitOf, mapSpecial, polygammaOf, special } from '../support/reference/special.ts';
import { assertClose, make } from '../support/tensors.ts';

type Values = (...shape: number[]) => TensorSpec;

const domain: Readonly<Record<string, Values>> = {
  erfinv: (...shape) => randIn(-0.95, 0.95, ...shape),
  lgamma: (...shape) => randIn(0.2, 12, ...shape),
  digamma: (...shape) => randIn(0.2, 12, ...shape),
};
const unusual = [Number.NaN, Number.POSITIVE_INFINITY, 0, -0, 1, -1, 0.5, -0.5, 2, 3, -2];
const rejects = [
  { name: 'a string', args: () => ['3'], code: 'ERR_ARGUMENT' },
  { name: 'nothing', args: () => [null], code: 'ERR_ARGUMENT' },
];

/** The references' own errors: their sums cancel near the zeros, so errors count against what was added up. */
const atLeastOne = (f: (x: NDArray) => NDArray) => (x: NDArray) => map(f(x), (v) => Math.max(16, Math.abs(v)));

function casesOf(values: Values, ...more: OpCase[]): OpCase[] {
  return [
    { name: 'a matrix', args: [values(3, 4)] },
    { name: 'rank 0', args: [values()] },
    { name: 'empty with axes', args: [values(2, 0, 3)] },
    { name: 'rank 5', args: [values(2, 1, 3, 1, 2)], grad: false },
    { name: 'a full vector and a rest', args: [values(37)], grad: false },
    ...more,
  ];
}

for (const name of ['erfc', 'erfinv', 'lgamma', 'digamma', 'sinc', 'i0', 'i0e', 'i1', 'i1e'] as const) {
  const finite =
    name === 'sinc' || name === 'digamma' ? unusual.filter((v) => v !== Number.POSITIVE_INFINITY) : unusual;
  const negative = randIn(-4.9, -0.1, 12);
  checkOp(name, ops[name], {
    reference: mapSpecial(name),
    magnitude: atLeastOne(mapSpecial(name)),
    ulps: 8,
    cases: casesOf(
      domain[name] ?? rand,
      { name: 'NaN, infinity, zeros and whole numbers', args: [given(finite)], grad: false },
      ...(name.startsWith('i') ? [{ name: 'beyond the series', args: [given([-30, -8.5, 7.9, 8, 8.1, 20, 85])] }] : []),
      ...(name === 'erfinv' ? [] : [{ name: 'negative', args: [negative], grad: false, dtypes: ['float64' as const] }]),
    ),
    rejects,
  });
}

/** n! times the sum of 40 and more powers; the powers and the sum round. */
checkOp('polygamma', ops.polygamma, {
  reference: (n: number, x: NDArray) => map(x, (value) => polygammaOf(n, value)),
  ulps: 32,
  cases: [
    { name: 'trigamma', args: [1, randIn(0.3, 6, 3, 4)] },
    { name: 'n = 0', args: [0, randIn(2, 6, 3)] },
    { name: 'n = 2', args: [2, randIn(0.5, 6, 5)] },
    { name: 'n = 3, left of zero', args: [3, randIn(-0.8, -0.2, 4)], dtypes: ['float64'] },
    { name: 'n = 4, left of zero', args: [4, given([-0.2, -1.3, -2.75])], dtypes: ['float64'] },
    { name: 'n = 7', args: [7, randIn(0.8, 3, 2, 2)] },
    { name: 'whole numbers', args: [1, given([0, -1, -2, 1, Number.NaN])], grad: false },
    { name: 'empty', args: [2, rand(0, 2)] },
  ],
  rejects: [
    { name: 'a negative n', args: () => [-1, rand(2)], code: 'ERR_ARGUMENT', message: /n must be an integer/ },
    { name: 'half an n', args: () => [0.5, rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'no tensor', args: () => [1, 3], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('logit', ops.logit, {
  reference: (x: NDArray, eps: number | null = null) => map(x, (value) => logitOf(value, eps)),
  ulps: 6,
  cases: [
    ...casesOf((...shape) => randIn(0.05, 0.95, ...shape)),
    { name: 'clamped', args: [given([-1, 0.05, 0.1, 0.5, 0.95, 2, 0.3, 0.88]), 0.2] },
    { name: 'beyond 0 and 1', args: [given([0, 1, -0.5, 1.5, Number.NaN])], grad: false },
    { name: 'around one half', args: [given([0.5, 0.5000001, 0.4999999, 0.25, 0.75])], dtypes: ['float64'] },
  ],
  rejects: [
    ...rejects,
    {
      name: 'an eps of 2',
      args: () => [rand(2), 2],
      code: 'ERR_ARGUMENT',
      message: /eps must be a number from 0 to 1/,
    },
    { name: 'a symbol', args: () => [rand(2), Symbol('eps')], code: 'ERR_ARGUMENT' },
  ],
});

const named: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  erfc: ops.erfc,
  erfinv: ops.erfinv,
  lgamma: ops.lgamma,
  digamma: ops.digamma,
  trigamma: (x) => ops.polygamma(1, x),
};

for (const device of testDevices) {
  test(`values to the last digits on ${device}`, () => {
    for (const [name, table] of Object.entries(digits)) {
      const expected = new NDArray(
        [table.length],
        table.map(([, y]) => y),
      );
      const x = make(given(table.map(([at]) => at)), { device, dtype: 'float64', layout: 'contiguous' });
      const y = (named[name] as (x: Tensor) => Tensor)(x);
      // Left of zero lgamma and digamma hold against 1, not against a value near a zero.
      const scale = map(expected, (v, i = 0) => ((table[i]?.[0] ?? 0) < 0 ? Math.max(1, Math.abs(v)) : Math.abs(v)));
      assertClose(y, expected, { ulps: 4, scale }, `${name} on ${device}`);
      x.dispose();
      y.dispose();
    }
  });

  test(`special functions refuse what is disposed on ${device}`, () => {
    for (const name of Object.keys(special) as (keyof typeof special)[]) {
      const x = ops.ones([2], { device });
      x.dispose();
      throwsCode(() => ops[name](x), 'ERR_DISPOSED', name);
      throwsCode(() => ops.polygamma(1, x), 'ERR_DISPOSED', name);
      throwsCode(() => ops.logit(x), 'ERR_DISPOSED', name);
    }
  });
}

checkOp('mvlgamma', ops.mvlgamma, {
  reference: (x: NDArray, p: number) =>
    map(x, (value) => {
      let total = ((p * (p - 1)) / 4) * Math.log(Math.PI);
      for (let j = 0; j < p; j++) total += special.lgamma(value - j / 2);
      return total;
    }),
  magnitude: (x: NDArray, p: number) => map(x, (v) => 16 * p * Math.max(1, v)),
  ulps: 8,
  cases: [
    { name: 'of three dimensions', args: [randIn(1.2, 8, 3, 4), 3] },
    { name: 'of one', args: [randIn(0.2, 8, 5), 1] },
    { name: 'of six, rank 0', args: [randIn(3, 8), 6] },
    { name: 'nothing', args: [rand(0, 2), 2] },
  ],
  rejects: [
    { name: 'no dimension', args: () => [rand(2), 0], code: 'ERR_ARGUMENT' },
    { name: 'nothing', args: () => [null, 2], code: 'ERR_ARGUMENT' },
  ],
});

test.run();
