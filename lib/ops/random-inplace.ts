// Random numbers written over the elements of a tensor. What was there before gets no gradient.
import { argumentError, dtypeError } from '../errors.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { full } from './creation.ts';
import { copy_ } from './inplace.ts';
import { normal, uniform } from './random.ts';
import type { TruncNormalOptions } from './random-distributions.ts';
import { exponential, truncNormal } from './random-distributions.ts';
import { bernoulli } from './random-integers.ts';
import type { GeneratorOptions } from './random-shared.ts';
import { requireTensor } from './shared.ts';

function fill<T extends Tensor>(
  op: string,
  target: T,
  options: GeneratorOptions,
  make: (source: {
    readonly dtype: 'float32' | 'float64';
    readonly device: Tensor['device'];
    readonly generator: GeneratorOptions['generator'];
  }) => Tensor,
): T {
  requireTensor(op, target);
  checkLive(op, target);
  checkOptions(op, options);
  if (!isFloat(target.dtype) && op !== 'bernoulli_')
    throw dtypeError(op, `the target must be a float tensor, got ${target.dtype}`);
  const dtype = target.dtype === 'float64' ? 'float64' : 'float32';
  const values = tidy(() => make({ dtype, device: target.device, generator: options.generator }));
  try {
    return copy_(target, values);
  } finally {
    values.dispose();
  }
}

/**
 * Overwrites `target` with numbers drawn evenly from [low, high).
 * @returns the target
 * @example
 * uniform_(zeros([3]), { low: -1 }).shape; // [3]
 */
export function uniform_<T extends Tensor>(
  target: T,
  options: GeneratorOptions & { readonly low?: number | undefined; readonly high?: number | undefined } = {},
): T {
  return fill('uniform_', target, options, (source) =>
    uniform(target.shape, { ...source, low: options.low, high: options.high }),
  );
}

/**
 * Overwrites `target` with normally distributed numbers.
 * @returns the target
 * @example
 * normal_(zeros([3]), { std: 0.02 }).shape; // [3]
 */
export function normal_<T extends Tensor>(
  target: T,
  options: GeneratorOptions & { readonly mean?: number | undefined; readonly std?: number | undefined } = {},
): T {
  return fill('normal_', target, options, (source) =>
    normal(target.shape, { ...source, mean: options.mean, std: options.std }),
  );
}

/**
 * Overwrites `target` with exponentially distributed numbers.
 * @returns the target
 * @example
 * exponential_(zeros([3]), { rate: 2 }).shape; // [3]
 */
export function exponential_<T extends Tensor>(
  target: T,
  options: GeneratorOptions & { readonly rate?: number | undefined } = {},
): T {
  return fill('exponential_', target, options, (source) =>
    exponential(target.shape, { ...source, rate: options.rate }),
  );
}

/**
 * Overwrites `target`, of any dtype, with ones drawn with chance `p` and zeros.
 * @returns the target
 * @example
 * bernoulli_(zeros([3]), { p: 1 }); // [1, 1, 1]
 */
export function bernoulli_<T extends Tensor>(
  target: T,
  options: GeneratorOptions & { readonly p?: number | undefined } = {},
): T {
  return fill('bernoulli_', target, options, ({ generator, ...source }) => {
    const { p = 0.5 } = options;
    if (typeof p !== 'number' || !(p >= 0 && p <= 1))
      throw argumentError('bernoulli_', `p must be in [0, 1], got ${formatValue(p)}`);
    return bernoulli(full(target.shape, p, source), { generator });
  });
}

/**
 * Overwrites `target` with normally distributed numbers between `low` and `high`; see `truncNormal`.
 * @returns the target
 * @example
 * truncNormal_(zeros([3]), { std: 0.02 }).shape; // [3]
 */
export function truncNormal_<T extends Tensor>(target: T, options: GeneratorOptions & TruncNormalOptions = {}): T {
  return fill('truncNormal_', target, options, (source) => truncNormal(target.shape, { ...options, ...source }));
}
