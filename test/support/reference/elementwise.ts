// Unary, binary and comparing ops, as PyTorch defines them.
import { asArray, map, type NDArray, zip } from './ndarray.ts';

/** erf by Kummer's series (all terms of one sign, so nothing cancels) below 3, by a continued fraction above. */
export function erfOf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x) || a === 0) return x;
  if (a > 6) return Math.sign(x);
  let result: number;
  if (a < 3) {
    let term = a;
    let total = a;
    for (let n = 1; term > total * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      total += term;
    }
    result = (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * total;
  } else {
    let fraction = 0;
    for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
    result = 1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction);
  }
  return Math.sign(x) * result;
}

const sigmoidOf = (x: number): number => {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
};

export const unary = {
  neg: (x: number): number => -x,
  abs: Math.abs,
  sign: (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : Number.isNaN(x) ? Number.NaN : 0),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  square: (x: number): number => x * x,
  reciprocal: (x: number): number => 1 / x,
  rsqrt: (x: number): number => 1 / Math.sqrt(x),
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: sigmoidOf,
  relu: (x: number): number => (x > 0 || Number.isNaN(x) ? x : 0),
  erf: erfOf,
  floor: Math.floor,
} as const;

const eitherNaN = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b);
/** C's pow, which PyTorch keeps: 1 to any power and anything to the zero are 1, where JavaScript says NaN. */
const powOf = (a: number, b: number): number =>
  a === 1 ? 1 : Math.abs(a) === 1 && Math.abs(b) === Number.POSITIVE_INFINITY ? 1 : a ** b;

export const binary = {
  add: (a: number, b: number): number => a + b,
  sub: (a: number, b: number): number => a - b,
  mul: (a: number, b: number): number => a * b,
  div: (a: number, b: number): number => a / b,
  pow: powOf,
  maximum: (a: number, b: number): number => (eitherNaN(a, b) ? Number.NaN : Math.max(a, b)),
  minimum: (a: number, b: number): number => (eitherNaN(a, b) ? Number.NaN : Math.min(a, b)),
  eq: (a: number, b: number): number => Number(a === b),
  ne: (a: number, b: number): number => Number(a !== b),
  lt: (a: number, b: number): number => Number(a < b),
  le: (a: number, b: number): number => Number(a <= b),
  gt: (a: number, b: number): number => Number(a > b),
  ge: (a: number, b: number): number => Number(a >= b),
} as const;

export function mapUnary(name: keyof typeof unary): (x: NDArray) => NDArray {
  return (x) => map(x, unary[name]);
}

export function mapBinary(name: keyof typeof binary): (a: NDArray | number, b: NDArray | number) => NDArray {
  return (a, b) => zip(binary[name], asArray(a), asArray(b));
}

export function where(condition: NDArray, a: NDArray | number, b: NDArray | number): NDArray {
  return zip((c, x, y) => (c !== 0 ? x : y), condition, asArray(a), asArray(b));
}
