// Two and three numbers, as PyTorch defines the ops on them.
import { asArray, type NDArray, zip } from './ndarray.ts';

const negative = (x: number): boolean => x < 0 || Object.is(x, -0);

/** The larger plus the logarithm of one and the ratio, in the base that `exp` and `log` have. */
function addExponents(a: number, b: number, ratio: (d: number) => number, log: (e: number) => number): number {
  if (a === b && !Number.isFinite(a)) return a;
  return Math.max(a, b) + log(ratio(-Math.abs(a - b)));
}

function floorDivide(a: number, b: number): number {
  if (b === 0) return a / b;
  const rest = a % b;
  // A multiple of b up to rounding, so the quotient is whole up to rounding.
  const quotient = (a - rest) / b;
  return (Number.isFinite(quotient) ? Math.round(quotient) : quotient) - Number(rest !== 0 && rest < 0 !== b < 0);
}

function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

const euclid = (a: number, b: number): number => (b === 0 ? Math.abs(a) : euclid(b, a % b));

export const pairs = {
  floorDivide,
  remainder,
  fmod: (a: number, b: number): number => a % b,
  truncDivide: (a: number, b: number): number => Math.trunc(a / b),
  fmax: (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)),
  fmin: (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)),
  atan2: Math.atan2,
  hypot: (a: number, b: number): number => Math.hypot(a, b),
  logaddexp: (a: number, b: number): number => addExponents(a, b, Math.exp, Math.log1p),
  logaddexp2: (a: number, b: number): number =>
    addExponents(
      a,
      b,
      (d) => 2 ** d,
      (e) => Math.log1p(e) / Math.LN2,
    ),
  xlogy: (a: number, b: number): number => (Number.isNaN(b) ? b : a === 0 ? 0 : a * Math.log(b)),
  copysign: (a: number, b: number): number => (negative(b) ? -Math.abs(a) : Math.abs(a)),
  heaviside: (x: number, atZero: number): number => (x === 0 ? atZero : Number(x > 0)),
  ldexp: (a: number, b: number): number => a * 2 ** b,
  logicalAnd: (a: number, b: number): number => Number(a !== 0 && b !== 0),
  logicalOr: (a: number, b: number): number => Number(a !== 0 || b !== 0),
  logicalXor: (a: number, b: number): number => Number((a !== 0) !== (b !== 0)),
  bitwiseAnd: (a: number, b: number): number => a & b,
  bitwiseOr: (a: number, b: number): number => a | b,
  bitwiseXor: (a: number, b: number): number => a ^ b,
  gcd: euclid,
  lcm: (a: number, b: number): number => (a === 0 || b === 0 ? 0 : Math.abs(a * b) / euclid(a, b)),
} as const;

export function mapPairs(name: keyof typeof pairs): (a: NDArray | number, b: NDArray | number) => NDArray {
  return (a, b) => zip(pairs[name], asArray(a), asArray(b));
}

type Operand = NDArray | number;

export function lerp(a: Operand, b: Operand, weight: Operand): NDArray {
  return zip((x, y, w) => x + w * (y - x), asArray(a), asArray(b), asArray(weight));
}

export function addcmul(a: Operand, b: Operand, c: Operand, { value = 1 } = {}): NDArray {
  return zip((x, y, z) => x + value * y * z, asArray(a), asArray(b), asArray(c));
}

export function addcdiv(a: Operand, b: Operand, c: Operand, { value = 1 } = {}): NDArray {
  return zip((x, y, z) => x + (value * y) / z, asArray(a), asArray(b), asArray(c));
}

/** Math.max and Math.min let NaN win, as PyTorch does. */
export function clamp(
  x: NDArray,
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: { min?: Operand; max?: Operand },
): NDArray {
  return zip((v, low, high) => Math.min(Math.max(v, low), high), x, asArray(min), asArray(max));
}

export function maskedFill(x: NDArray, mask: NDArray, value: Operand): NDArray {
  return zip((v, hidden, filling) => (hidden !== 0 ? filling : v), x, mask, asArray(value));
}
