// Exponentials, logarithms, trigonometric and hyperbolic functions, rounding and predicates of one number.
import { map, type NDArray } from './ndarray.ts';

/** Halves to even. */
export const roundOf = (x: number): number => {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Object.is(Math.round(x), -0) ? -0 : Math.round(x);
  return low % 2 === 0 ? low : low + 1;
};

export const elementary = {
  exp2: (x: number): number => 2 ** x,
  expm1: Math.expm1,
  log2: Math.log2,
  log10: Math.log10,
  log1p: Math.log1p,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  // V8's formulas for these lose digits near 0; these do not.
  asinh: (x: number): number => {
    const a = Math.abs(x);
    const y = a > 1e150 ? Math.log(a) + Math.LN2 : Math.log1p(a + (a * a) / (1 + Math.sqrt(a * a + 1)));
    return x < 0 || Object.is(x, -0) ? -y : y;
  },
  acosh: (x: number): number =>
    x > 1e150 ? Math.log(x) + Math.LN2 : x < 1 ? Number.NaN : Math.log1p(x - 1 + Math.sqrt((x - 1) * (x + 1))),
  atanh: (x: number): number => Math.log1p((2 * x) / (1 - x)) / 2,
  deg2rad: (x: number): number => x * (Math.PI / 180),
  rad2deg: (x: number): number => x * (180 / Math.PI),
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundOf,
  frac: (x: number): number => x - Math.trunc(x),
  positive: (x: number): number => x,
} as const;

export const predicates = {
  isnan: (x: number): boolean => Number.isNaN(x),
  isinf: (x: number): boolean => Math.abs(x) === Number.POSITIVE_INFINITY,
  isfinite: (x: number): boolean => Number.isFinite(x),
  isposinf: (x: number): boolean => x === Number.POSITIVE_INFINITY,
  isneginf: (x: number): boolean => x === Number.NEGATIVE_INFINITY,
  signbit: (x: number): boolean => x < 0 || Object.is(x, -0),
} as const;

export const mapElementary =
  (name: keyof typeof elementary) =>
  (x: NDArray): NDArray =>
    map(x, elementary[name]);

export const mapPredicate =
  (name: keyof typeof predicates) =>
  (x: NDArray): NDArray =>
    map(x, (value) => Number(predicates[name](value)));

/** round(x · 10^decimals) / 10^decimals, negative powers by the reciprocal operation. */
export function roundTo(x: NDArray, { decimals }: { decimals: number }): NDArray {
  const scale = 10 ** Math.abs(decimals);
  return map(x, (value) => (decimals > 0 ? roundOf(value * scale) / scale : roundOf(value / scale) * scale));
}
