// Special functions of one number, by plain series and recurrences, and values of 45-digit arithmetic.
import { map, type NDArray } from './ndarray.ts';
import { erfOf } from './elementwise.ts';

/** e^(−x²) with the digits x² has beyond one number. */
function expMinusSquare(x: number): number {
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
}

export function erfcOf(x: number): number {
  if (x < 0.5) return 1 - erfOf(x);
  if (Number.isNaN(x) || x > 28) return Number.isNaN(x) ? x : 0;
  let fraction = 0;
  for (let k = 1500; k >= 1; k--) fraction = k / 2 / (x + fraction);
  return expMinusSquare(x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** The standard normal distribution function, left of 0 by its continued fraction. */
export function normalCdfOf(x: number): number {
  if (x > -0.7 || x < -40) return x < -40 ? 0 : erfcOf(-x * Math.SQRT1_2) / 2;
  let fraction = 0;
  for (let k = 3000; k >= 1; k--) fraction = k / (-x + fraction);
  const high = Math.fround(x);
  const density = Math.exp((-high * high) / 2) * Math.exp((-(x - high) * (x + high)) / 2);
  return density / Math.sqrt(2 * Math.PI) / (-x + fraction);
}

/** Newton's method on erf, or on log erfc in the tail. */
export function erfinvOf(x: number): number {
  const a = Math.abs(x);
  if (a === 1) return x * Number.POSITIVE_INFINITY;
  if (!(a < 1) || a === 0) return a === 0 ? x : Number.NaN;
  let y = a < 0.9 ? (a * Math.sqrt(Math.PI)) / 2 : Math.sqrt(-Math.log((1 - a) * (1 + a)));
  for (let i = 0; i < 60; i++) {
    const slope = (2 / Math.sqrt(Math.PI)) * expMinusSquare(y);
    const step = a < 0.5 ? (a - erfOf(y)) / slope : (Math.log(erfcOf(y) / (1 - a)) * erfcOf(y)) / slope;
    y += step;
    if (Math.abs(step) < 1e-16 * y) break;
  }
  return Math.sign(x) * y;
}

const wholeBelowOne = (x: number): boolean => x <= 0 && x === Math.floor(x);

export function lgammaOf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (wholeBelowOne(x) || Math.abs(x) === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (x < 0) return Math.log(Math.PI / Math.abs(x * Math.sin(Math.PI * (x - 2 * Math.round(x / 2))))) - lgammaOf(-x);
  let [z, product] = [x, 1];
  for (; z < 12; z++) product *= z;
  const w = 1 / (z * z);
  const series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - (w * 691) / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - Math.log(product);
}

export function digammaOf(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (wholeBelowOne(x) || Number.isNaN(x)) return Number.NaN;
  if (x < 0) return digammaOf(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  let [z, total] = [x, 0];
  for (; z < 12; z++) total -= 1 / z;
  const w = 1 / (z * z);
  return (
    total +
    Math.log(z) -
    0.5 / z -
    w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - (w * 691) / 32760)))))
  );
}

/** For n ≥ 1, by the sum itself and the integral of its rest. */
export function polygammaOf(n: number, x: number): number {
  if (n === 0) return digammaOf(x);
  if (wholeBelowOne(x)) return n % 2 === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const s = n + 1;
  let [total, at] = [0, x];
  for (let i = 0; i < 40 || at < 40; i++, at++) total += at ** -s;
  total += at ** (1 - s) / (s - 1) + at ** -s / 2 + (s * at ** (-s - 1)) / 12;
  total -= (s * (s + 1) * (s + 2) * at ** (-s - 3)) / 720;
  total += (s * (s + 1) * (s + 2) * (s + 3) * (s + 4) * at ** (-s - 5)) / 30240;
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return (n % 2 === 0 ? -1 : 1) * factorial * total;
}

/** sin(πx) with the whole turns taken off first. */
export function sincOf(x: number): number {
  if (x === 0) return 1;
  const r = x - 2 * Math.round(x / 2);
  const sine = Math.abs(r) > 0.5 ? Math.sign(r) * Math.sin(Math.PI * (1 - Math.abs(r))) : Math.sin(Math.PI * r);
  return sine / (Math.PI * x);
}

export function logitOf(x: number, eps: number | null): number {
  const p = eps === null ? x : Math.min(Math.max(x, eps), 1 - eps);
  if (p < 0.25 || p > 0.75) return Math.log(p / (1 - p));
  return Math.log1p((2 * p - 1) / (1 - p));
}

/** e^(−|x|) times the modified Bessel function of order `n`: the mean of e^(x cos t) cos nt over a period, by equal steps. */
export function besselOf(n: 0 | 1, x: number, scaled: boolean): number {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? x : scaled ? 0 : n === 0 ? Math.abs(x) : x;
  const a = Math.abs(x);
  const steps = 64 + 16 * Math.ceil(Math.sqrt(a));
  let total = 0;
  for (let k = 0; k < steps; k++) {
    const t = (2 * Math.PI * (k + 0.5)) / steps;
    total += Math.exp(a * (Math.cos(t) - 1)) * (n === 0 ? 1 : Math.cos(t));
  }
  const value = total / steps;
  return (n === 1 && x < 0 ? -1 : 1) * (scaled ? value : value * Math.exp(a / 2) * Math.exp(a / 2));
}

export const special = {
  erfc: erfcOf,
  erfinv: erfinvOf,
  lgamma: lgammaOf,
  digamma: digammaOf,
  sinc: sincOf,
  i0: (x: number) => besselOf(0, x, false),
  i0e: (x: number) => besselOf(0, x, true),
  i1: (x: number) => besselOf(1, x, false),
  i1e: (x: number) => besselOf(1, x, true),
} as const;

export const mapSpecial =
  (name: keyof typeof special) =>
  (x: NDArray): NDArray =>
    map(x, special[name]);

/** [x, f(x)] from 45-digit arithmetic. */
export const digits: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  erfc: [
    [-3.0, 1.9999779095030015],
    [0.1, 0.887537083981715],
    [0.6, 0.3961439091520741],
    [1.0, 0.15729920705028513],
    [2.0, 0.004677734981047266],
    [3.5, 7.430983723414128e-7],
    [5.0, 1.537459794428035e-12],
    [9.0, 4.13703174651381e-37],
    [20.0, 5.395865611607901e-176],
    [26.5, 2.2109076642637343e-307],
  ],
  erfinv: [
    [1e-10, 8.862269254527581e-11],
    [0.1, 0.08885599049425769],
    [-0.5, -0.4769362762044699],
    [0.7, 0.7328690779592167],
    [0.9, 1.1630871536766743],
    [-0.99, -1.8213863677184494],
    [0.9999, 2.75106390571208],
    [0.99999999, 4.052237243268763],
    [-0.9999999999999, -5.261483331372676],
  ],
  lgamma: [
    [1e-20, 46.051701859880914],
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247001],
    [0.99, 0.005854806764709781],
    [1.0001, -5.771334222047127e-5],
    [1.5, -0.12078223763524522],
    [1.99999, -4.227811104241674e-6],
    [2.7, 0.4348205536551047],
    [5.5, 3.9578139676187165],
    [7.99, 8.50501160608848],
    [8.0, 8.525161361065415],
    [20.25, 40.08411059791735],
    [100000.0, 1051287.7089736569],
    [1e100, 2.2925850929940456e102],
    [-0.5, 1.2655121234846454],
    [-1.5, 0.860047015376481],
    [-3.25, -0.6231534513209986],
  ],
  digamma: [
    [1e-5, -100000.57719921567],
    [0.1, -10.423754940411076],
    [0.5, -1.9635100260214235],
    [1.0, -0.5772156649015329],
    [1.46, -0.0015805619870834522],
    [1.4616321449683622, -9.241265521729427e-17],
    [1.9, 0.35618416116405965],
    [2.5, 0.7031566406452432],
    [6.0, 1.7061176684318005],
    [9.99, 2.250700372831201],
    [10.0, 2.251752589066721],
    [123.0, 4.808113806573255],
    [10000000000.0, 23.025850929890456],
    [-0.5, 0.03648997397857652],
    [-3.3, 3.620353460592126],
  ],
  trigamma: [
    [1e-5, 10000000001.644909],
    [0.1, 101.43329915079275],
    [0.5, 4.934802200544679],
    [1.0, 1.6449340668482264],
    [1.46, 0.9691196215098878],
    [2.5, 0.49035775610023485],
    [6.0, 0.18132295573711532],
    [123.0, 0.008163219974594368],
    [10000000000.0, 1.00000000005e-10],
    [-0.5, 8.934802200544679],
    [-3.3, 14.817739525515929],
  ],
};
