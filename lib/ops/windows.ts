// Window functions and the frequencies of transforms: small tensors computed here, in double.
import { argumentError, dtypeError } from '../errors.ts';
import type { CreateOptions } from '../core/create.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';

export interface WindowFunctionOptions<D extends DType = DType> extends CreateOptions<D> {
  /** One period of a periodic function (true, for spectra) or symmetric (false, for filters). */
  readonly periodic?: boolean | undefined;
}

// The host computes them one by one: half a second, and 512 MiB, at this length.
const mostElements = 2 ** 26;

function checkLength(op: string, length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > mostElements) {
    throw argumentError(op, `length must be an integer in [0, 2^26], got ${formatValue(length)}`);
  }
}

function made<D extends DType>(
  op: string,
  length: number,
  options: CreateOptions<D>,
  value: (i: number) => number,
): Tensor<D> {
  const { dtype = 'float32' as D, device, requiresGrad } = options;
  if (!isFloat(dtype)) throw dtypeError(op, `dtype must be float32 or float64, got ${formatValue(dtype)}`);
  return tensor(
    Float64Array.from({ length }, (_, i) => value(i)),
    { dtype, device, requiresGrad },
  );
}

/** A window whose element i is f(i / (intervals)), intervals counted as `periodic` says. */
function window<D extends DType>(
  op: string,
  length: number,
  options: WindowFunctionOptions<D>,
  f: (at: number) => number,
): Tensor<D> {
  checkOptions(op, options);
  const { periodic = true, ...rest } = options;
  if (typeof periodic !== 'boolean') {
    throw argumentError(op, `periodic must be true or false, got ${formatValue(periodic)}`);
  }
  checkLength(op, length);
  const intervals = periodic ? length : length - 1;
  return made(op, length, rest as CreateOptions<D>, (i) => (length === 1 ? 1 : f(i / intervals)));
}

/** a₀ − a₁ cos 2πt + a₂ cos 4πt. */
const cosines =
  (a0: number, a1: number, a2 = 0) =>
  (t: number): number =>
    a0 - a1 * Math.cos(2 * Math.PI * t) + a2 * Math.cos(4 * Math.PI * t);

/**
 * Hann's window ½ − ½ cos(2πi / N).
 * @returns [length]
 * @example
 * hannWindow(4); // [0, 0.5, 1, 0.5]
 */
export function hannWindow<D extends DType = 'float32'>(
  length: number,
  options: WindowFunctionOptions<D> = {},
): Tensor<D> {
  return window('hannWindow', length, options, cosines(0.5, 0.5));
}

/**
 * Hamming's window 0.54 − 0.46 cos(2πi / N).
 * @returns [length]
 * @example
 * hammingWindow(4).shape; // [4]
 */
export function hammingWindow<D extends DType = 'float32'>(
  length: number,
  options: WindowFunctionOptions<D> = {},
): Tensor<D> {
  return window('hammingWindow', length, options, cosines(0.54, 0.46));
}

/**
 * Blackman's window 0.42 − 0.5 cos(2πi / N) + 0.08 cos(4πi / N).
 * @returns [length]
 * @example
 * blackmanWindow(4).shape; // [4]
 */
export function blackmanWindow<D extends DType = 'float32'>(
  length: number,
  options: WindowFunctionOptions<D> = {},
): Tensor<D> {
  return window('blackmanWindow', length, options, cosines(0.42, 0.5, 0.08));
}

/**
 * Bartlett's window, a triangle: 1 − |2i / N − 1|.
 * @returns [length]
 * @example
 * bartlettWindow(4); // [0, 0.5, 1, 0.5]
 */
export function bartlettWindow<D extends DType = 'float32'>(
  length: number,
  options: WindowFunctionOptions<D> = {},
): Tensor<D> {
  return window('bartlettWindow', length, options, (t) => 1 - Math.abs(2 * t - 1));
}

export interface KaiserOptions<D extends DType = DType> extends WindowFunctionOptions<D> {
  /** Width of the main lobe, 12 by default. */
  readonly beta?: number | undefined;
}

/** The modified Bessel function of order 0: Σ (x / 2)²ᵏ / k!². */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 2 ** -54; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * Kaiser's window I₀(β √(1 − (2i / N − 1)²)) / I₀(β).
 * @returns [length]
 * @example
 * kaiserWindow(4).shape; // [4]
 */
export function kaiserWindow<D extends DType = 'float32'>(length: number, options: KaiserOptions<D> = {}): Tensor<D> {
  checkOptions('kaiserWindow', options);
  const { beta = 12, ...rest } = options;
  if (typeof beta !== 'number' || !(Math.abs(beta) < 700)) {
    throw argumentError('kaiserWindow', `beta must be a number below 700, got ${formatValue(beta)}`);
  }
  return window('kaiserWindow', length, rest as WindowFunctionOptions<D>, (t) => {
    return bessel(beta * Math.sqrt(Math.max(0, 1 - (2 * t - 1) ** 2))) / bessel(beta);
  });
}

export interface FrequencyOptions<D extends DType = DType> extends CreateOptions<D> {
  /** Distance between samples, 1 by default. */
  readonly d?: number | undefined;
}

function frequencies<D extends DType>(
  op: string,
  n: number,
  options: FrequencyOptions<D>,
  negative: 'with negative' | 'positive only',
): Tensor<D> {
  checkOptions(op, options);
  const { d = 1, ...rest } = options;
  if (!Number.isInteger(n) || n < 1) throw argumentError(op, `n must be an integer ≥ 1, got ${formatValue(n)}`);
  if (typeof d !== 'number' || d === 0) throw argumentError(op, `d must be a number but 0, got ${formatValue(d)}`);
  const all = negative === 'with negative';
  const count = all ? n : Math.floor(n / 2) + 1;
  checkLength(op, count);
  return made(op, count, rest as CreateOptions<D>, (i) => (all && i >= n / 2 ? i - n : i) / (n * d));
}

/**
 * The frequencies of `fft`'s results: 0, 1, … and then the negative ones, over n · d.
 * @returns [n]
 * @example
 * fftfreq(4); // [0, 0.25, -0.5, -0.25]
 */
export function fftfreq<D extends DType = 'float32'>(n: number, options: FrequencyOptions<D> = {}): Tensor<D> {
  return frequencies('fftfreq', n, options, 'with negative');
}

/**
 * The frequencies of `rfft`'s results.
 * @returns [⌊n / 2⌋ + 1]
 * @example
 * rfftfreq(4); // [0, 0.25, 0.5]
 */
export function rfftfreq<D extends DType = 'float32'>(n: number, options: FrequencyOptions<D> = {}): Tensor<D> {
  return frequencies('rfftfreq', n, options, 'positive only');
}
