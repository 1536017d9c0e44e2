import { argumentError } from '../errors.ts';
import { create } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import type { RandomOptions } from './random-shared.ts';
import { checkGenerator, take } from './random-shared.ts';
import { fillWith, requireFloatDtype, requireTensor } from './shared.ts';

export type { GeneratorOptions, RandomOptions } from './random-shared.ts';

function drawn<D extends DType>(
  op: string,
  kernel: (out: Tensor, used: Tensor, a: number, b: number) => void,
  shape: Shape,
  [a, b]: readonly [number, number],
  { generator, ...options }: RandomOptions<D>,
): Tensor<D> {
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw argumentError(op, `wants finite parameters, got ${formatValue(a)} and ${formatValue(b)}`);
  requireFloatDtype(op, options.dtype);
  checkGenerator(op, generator, options.device);
  const out = create<D>(op, shape, options);
  const used = take(op, generator, out);
  // Numbers of float16 and bfloat16 are those of float32, rounded.
  fillWith(out, (numbers) => kernel(numbers, used, a, b));
  used.dispose();
  return out;
}

/**
 * Numbers drawn evenly from [low, high).
 * @example
 * uniform([2, 3], { low: -1, high: 1 }).shape; // [2, 3]
 */
export function uniform<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly low?: number | undefined; readonly high?: number | undefined } = {},
): Tensor<D> {
  checkOptions('uniform', options);
  const { low = 0, high = 1, ...rest } = options;
  return drawn<D>(
    'uniform',
    (out, used, a, b) => kernels.uniform(out, used, a, b),
    shape,
    [low, high],
    rest as RandomOptions<D>,
  );
}

/**
 * Normally distributed numbers.
 * @example
 * normal([2, 3], { mean: 5, std: 2 }).shape; // [2, 3]
 */
export function normal<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly mean?: number | undefined; readonly std?: number | undefined } = {},
): Tensor<D> {
  checkOptions('normal', options);
  const { mean = 0, std = 1, ...rest } = options;
  if (typeof std !== 'number' || std < 0) throw argumentError('normal', `std must be ≥ 0, got ${formatValue(std)}`);
  return drawn<D>(
    'normal',
    (out, used, a, b) => kernels.normal(out, used, a, b),
    shape,
    [mean, std],
    rest as RandomOptions<D>,
  );
}

/**
 * Numbers drawn evenly from [0, 1).
 * @example
 * manualSeed(1); rand([3]).shape; // [3]
 */
export function rand<D extends DType = 'float32'>(shape: Shape, options: RandomOptions<D> = {}): Tensor<D> {
  return uniform<D>(shape, options);
}

/**
 * Numbers from the standard normal distribution.
 * @example
 * manualSeed(1); randn([3]).shape; // [3]
 */
export function randn<D extends DType = 'float32'>(shape: Shape, options: RandomOptions<D> = {}): Tensor<D> {
  return normal<D>(shape, options);
}

/**
 * Numbers drawn evenly from [0, 1), with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * randLike(zeros([2, 3])).shape; // [2, 3]
 */
export function randLike<D extends DType>(x: Tensor<D>, options: RandomOptions<D> = {}): Tensor<D> {
  return rand<D>(shapeOf('randLike', x, options), {
    ...options,
    dtype: options.dtype ?? x.dtype,
    device: options.device ?? x.device,
  });
}

/**
 * Numbers from the standard normal distribution, with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * randnLike(zeros([2, 3])).shape; // [2, 3]
 */
export function randnLike<D extends DType>(x: Tensor<D>, options: RandomOptions<D> = {}): Tensor<D> {
  return randn<D>(shapeOf('randnLike', x, options), {
    ...options,
    dtype: options.dtype ?? x.dtype,
    device: options.device ?? x.device,
  });
}

function shapeOf(op: string, x: Tensor, options: unknown): Shape {
  requireTensor(op, x);
  checkOptions(op, options);
  return x.shape;
}
