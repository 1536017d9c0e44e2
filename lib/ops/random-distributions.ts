// Continuous and counting distributions, made of uniform and normal numbers or drawn by rejection.
import { argumentError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, maximum, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { full, zerosLike } from './creation.ts';
import { normal, uniform } from './random.ts';
import type { GeneratorOptions, RandomOptions } from './random-shared.ts';
import { take } from './random-shared.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { erfinv } from './special.ts';
import { clamp } from './ternary.ts';
import { cos, erf, exp, floor, log, neg, sin } from './unary.ts';

function finite(op: string, name: string, value: unknown, above = Number.NEGATIVE_INFINITY): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > above) return value;
  const bound = above === Number.NEGATIVE_INFINITY ? 'a finite number' : `a finite number > ${above}`;
  throw argumentError(op, `${name} must be ${bound}, got ${formatValue(value)}`);
}

/** The options of `uniform` alone. */
function plain<D extends DType>({ dtype, device, generator, requiresGrad }: RandomOptions<D>): RandomOptions<D> {
  return { dtype, device, generator, requiresGrad } as RandomOptions<D>;
}

export interface TruncNormalOptions {
  readonly mean?: number | undefined;
  readonly std?: number | undefined;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** −log of a uniform number in (0, 1]: 0 with a chance of 2^-24. */
const waiting = <D extends DType>(shape: Shape, options: RandomOptions<D>): Tensor =>
  neg(log(sub(1, uniform(shape, plain(options)))));

/**
 * Exponentially distributed numbers: waiting times between events that come `rate` a unit of time.
 * @example
 * exponential([2, 3], { rate: 2 }).shape; // [2, 3]
 */
export function exponential<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly rate?: number | undefined } = {},
): Tensor<D> {
  checkOptions('exponential', options);
  const rate = finite('exponential', 'rate', options.rate ?? 1, 0);
  return tidy(() => div(waiting(shape, options), rate)) as Tensor<D>;
}

/** 2 Φ(x) − 1 for the standard normal distribution, of rank 0. */
const central = (x: number, device: Tensor['device']): Tensor =>
  erf(full([], x * Math.SQRT1_2, { dtype: 'float64', device }));

/**
 * Normally distributed numbers, those outside [low, high] drawn anew: by the inverse of the distribution function.
 * @param options - `low` and `high` are bounds of the numbers themselves, −2 and 2 when omitted
 * @example
 * truncNormal([2, 3], { std: 0.02, low: -0.04, high: 0.04 }).shape; // [2, 3]
 */
export function truncNormal<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & TruncNormalOptions = {},
): Tensor<D> {
  checkOptions('truncNormal', options);
  const mean = finite('truncNormal', 'mean', options.mean ?? 0);
  const std = finite('truncNormal', 'std', options.std ?? 1, 0);
  const low = finite('truncNormal', 'low', options.low ?? -2);
  const high = finite('truncNormal', 'high', options.high ?? 2);
  if (low > high) throw argumentError('truncNormal', `low must be at most high, got ${low} and ${high}`);
  return tidy(() => {
    const share = uniform(shape, plain(options));
    const { dtype, device } = share;
    const wide = dtype === 'float64' ? dtype : 'float32';
    const [from, to] = [low, high].map((bound) => castTo(central((bound - mean) / std, device), wide)) as [
      Tensor,
      Tensor,
    ];
    const place = erfinv(add(mul(castTo(share, wide), sub(to, from)), from));
    return castTo(clamp(add(mul(place, std * Math.SQRT2), mean), { min: low, max: high }), dtype);
  }) as Tensor<D>;
}

/**
 * Numbers of the standard Gumbel distribution, −log(−log u), times `scale`, plus `loc`.
 * @example
 * gumbel([2, 3]).shape; // [2, 3]
 */
export function gumbel<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly loc?: number | undefined; readonly scale?: number | undefined } = {},
): Tensor<D> {
  checkOptions('gumbel', options);
  const loc = finite('gumbel', 'loc', options.loc ?? 0);
  const scale = finite('gumbel', 'scale', options.scale ?? 1, 0);
  // A waiting time of 0 would give infinity.
  return tidy(() => add(mul(neg(log(maximum(waiting(shape, options), 2 ** -25))), scale), loc)) as Tensor<D>;
}

/**
 * Numbers of the Cauchy distribution around `median`; half of them lie within `sigma`.
 * @example
 * cauchy([2, 3]).shape; // [2, 3]
 */
export function cauchy<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly median?: number | undefined; readonly sigma?: number | undefined } = {},
): Tensor<D> {
  checkOptions('cauchy', options);
  const median = finite('cauchy', 'median', options.median ?? 0);
  const sigma = finite('cauchy', 'sigma', options.sigma ?? 1, 0);
  return tidy(() => {
    const angle = uniform(shape, { ...plain(options), low: -Math.PI / 2, high: Math.PI / 2 });
    return add(mul(div(sin(angle), cos(angle)), sigma), median);
  }) as Tensor<D>;
}

/**
 * Numbers whose logarithm is normally distributed with `mean` and `std`.
 * @example
 * logNormal([2, 3]).shape; // [2, 3]
 */
export function logNormal<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly mean?: number | undefined; readonly std?: number | undefined } = {},
): Tensor<D> {
  checkOptions('logNormal', options);
  return tidy(() => exp(normal(shape, options))) as Tensor<D>;
}

/**
 * How many trials with chance `p` it takes to the first success: 1, 2, 3 …
 * @example
 * geometric([3], { p: 1 }); // [1, 1, 1]
 */
export function geometric<D extends DType = 'float32'>(
  shape: Shape,
  options: RandomOptions<D> & { readonly p: number },
): Tensor<D> {
  checkOptions('geometric', options);
  const { p } = options;
  if (typeof p !== 'number' || !(p > 0 && p <= 1))
    throw argumentError('geometric', `p must be in (0, 1], got ${formatValue(p)}`);
  return tidy(() => maximum(neg(floor(div(waiting(shape, options), Math.log1p(-p)))), 1)) as Tensor<D>;
}

function perElement(
  name: 'poisson' | 'standardGamma',
  kernel: (out: KernelView, parameter: KernelView, used: KernelView) => void,
): <D extends DType>(parameter: Tensor<D>, options?: GeneratorOptions) => Tensor<D> {
  const op = defineOp({
    name,
    infer: (parameter: Spec, _used: Spec): Spec => parameter,
    forward: (ctx, parameter, used) => kernel(ctx.out, parameter, used),
    backward: name === 'poisson' ? (_ctx, dy) => [zerosLike(dy), null] : undefined,
    saves: [],
  });
  return (<D extends DType>(parameter: Tensor<D>, options: GeneratorOptions = {}): Tensor<D> => {
    requireTensor(name, parameter);
    checkLive(name, parameter);
    requireFloat(name, parameter);
    checkOptions(name, options);
    return tidy(() => op(parameter, take(name, options.generator, parameter, parameter.size))) as Tensor<D>;
  }) as <D extends DType>(parameter: Tensor<D>, options?: GeneratorOptions) => Tensor<D>;
}

/**
 * Counts of events of which `rate` are expected, one for each element. Its gradient is 0, as in PyTorch.
 * @param rate - ≥ 0 and finite, else ERR_ARGUMENT when the result is read
 * @returns shape and dtype of `rate`
 * @example
 * poisson(tensor([0, 5])).shape; // [2]
 */
export const poisson: <D extends DType>(rate: Tensor<D>, options?: GeneratorOptions) => Tensor<D> = perElement(
  'poisson',
  (out, rate, used) => kernels.poisson(out, rate, used),
);

/**
 * Numbers of the gamma distribution with the given shape parameters and scale 1. No gradient flows to them.
 * @param shape - ≥ 0 and finite, else ERR_ARGUMENT when the result is read
 * @returns shape and dtype of the parameters
 * @example
 * standardGamma(tensor([0.5, 2])).shape; // [2]
 */
export const standardGamma: <D extends DType>(shape: Tensor<D>, options?: GeneratorOptions) => Tensor<D> = perElement(
  'standardGamma',
  (out, shape, used) => kernels.standardGamma(out, shape, used),
);
