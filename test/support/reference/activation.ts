// Activations of one number, as PyTorch defines them, and gated linear units.
import { build, map, type NDArray, read } from './ndarray.ts';
import { normalCdfOf } from './special.ts';

const sigmoidOf = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const siluOf = (x: number): number => x * sigmoidOf(x);
const geluOf = (x: number): number => x * normalCdfOf(x);
const softplusOf = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clip = (x: number, min: number, max: number): number => Math.min(Math.max(x, min), max);

/** x − tanh(x) = (x cosh(x) − sinh(x)) / cosh(x), whose series has terms of one sign. */
function tanhshrinkOf(x: number): number {
  if (Math.abs(x) > 2) return x - Math.tanh(x);
  let [term, total] = [x, 0];
  for (let k = 1; k < 20; k++) {
    term *= (x * x) / (2 * k * (2 * k + 1));
    total += term * 2 * k;
  }
  return Number.isNaN(x) ? x : total / Math.cosh(x);
}

type Activation = (x: number, ...numbers: readonly number[]) => number;

export const activations = {
  silu: siluOf,
  mish: (x) => x * Math.tanh(softplusOf(x)),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanhshrink: tanhshrinkOf,
  hardsigmoid: (x) => clip(x + 3, 0, 6) / 6,
  hardswish: (x) => (x * clip(x + 3, 0, 6)) / 6,
  logSigmoid: (x) => -softplusOf(-x),
  relu6: (x) => clip(x, 0, 6),
  leakyRelu: (x, slope = 0.01) => (x > 0 ? x : slope * x),
  elu: (x, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x)),
  celu: (x, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
  softshrink: (x, lambda = 0.5) => (x > lambda ? x - lambda : x < -lambda ? x + lambda : x * 0),
  hardshrink: (x, lambda = 0.5) => (Math.abs(x) <= lambda ? 0 : x),
  hardtanh: (x, min = -1, max = 1) => clip(x, min, max),
  threshold: (x, limit = 0, value = 0) => (x <= limit ? value : x),
} satisfies Record<string, Activation>;

export const mapActivation =
  (name: keyof typeof activations) =>
  (x: NDArray, ...numbers: readonly number[]): NDArray =>
    map(x, (value) => (activations[name] as Activation)(value, ...numbers));

export function gelu(x: NDArray, options: { approximate?: string } = {}): NDArray {
  if (options.approximate !== 'tanh') return map(x, geluOf);
  return map(x, (v) => v * sigmoidOf(2 * Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
}

export function softplus(x: NDArray, { beta = 1, threshold = 20 } = {}): NDArray {
  return map(x, (v) => (v * beta > threshold ? v : softplusOf(v * beta) / beta));
}

export function prelu(x: NDArray, weight: NDArray): NDArray {
  return build(x.shape, (index) => {
    const value = x.at(...index);
    return value > 0 ? value : value * read(weight.data, weight.size === 1 ? 0 : read(index, 1));
  });
}

/** a · f(gate) with the halves of one axis. */
function gated(x: NDArray, axis: number, gateFirst: boolean, f: (x: number) => number): NDArray {
  const at = axis < 0 ? axis + x.rank : axis;
  const half = read(x.shape, at) / 2;
  return build(
    x.shape.map((size, i) => (i === at ? half : size)),
    (index) => {
      const other = x.at(...index.map((i, k) => (k === at ? i + half : i)));
      const own = x.at(...index);
      return gateFirst ? f(own) * other : own * f(other);
    },
  );
}

const axisOf = (argument: number | { axis?: number } = -1): number =>
  typeof argument === 'number' ? argument : (argument.axis ?? -1);

export const gates = {
  glu: (x: NDArray, axis?: number | { axis?: number }): NDArray => gated(x, axisOf(axis), false, sigmoidOf),
  swiglu: (x: NDArray, axis?: number | { axis?: number }): NDArray => gated(x, axisOf(axis), true, siluOf),
  geglu: (x: NDArray, axis?: number | { axis?: number }): NDArray => gated(x, axisOf(axis), false, geluOf),
} as const;
