// Random integers, choices and orders.
import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { create } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { checkDtype } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape } from '../core/shape.ts';
import { checkLive, emptyTensor, queueOf } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { zerosLike } from './creation.ts';
import { rand } from './random.ts';
import { exponential } from './random-distributions.ts';
import type { GeneratorOptions, RandomOptions } from './random-shared.ts';
import { checkGenerator, take } from './random-shared.ts';
import { searchsorted } from './search.ts';
import { fillWith, requireFloat, requireTensor } from './shared.ts';
import { argsort, topk } from './sort.ts';
import { narrow } from './view.ts';

export interface RandintOptions<D extends DType = DType> extends RandomOptions<D> {
  /** The least integer, 0 when omitted. */
  readonly low?: number | undefined;
  /** One more than the greatest. */
  readonly high: number;
}

/**
 * Integers drawn evenly from [low, high).
 * @param options - `{ low, high }`, and `dtype`: int32 when omitted, int64 for bounds beyond it
 * @example
 * randint([2, 3], { high: 10 }).dtype; // 'int32'
 */
export function randint<D extends DType = 'int32' | 'int64'>(shape: Shape, options: RandintOptions<D>): Tensor<D> {
  checkOptions('randint', options);
  const { low = 0, high, generator, ...rest } = options;
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low >= high) {
    throw argumentError('randint', `wants integers low < high, got ${formatValue(low)} and ${formatValue(high)}`);
  }
  const small = low >= -(2 ** 31) && high <= 2 ** 31;
  const dtype = (options.dtype ?? (small ? 'int32' : 'int64')) as D;
  if (dtype === 'bool') throw argumentError('randint', 'wants a number dtype, got bool');
  checkGenerator('randint', generator, rest.device);
  const out = create<D>('randint', shape, { ...rest, dtype });
  return draw(out, generator, low, high - low);
}

function draw<D extends DType>(
  out: Tensor<D>,
  generator: GeneratorOptions['generator'],
  low: number,
  range: number,
): Tensor<D> {
  const used = take('randint', generator, out, Math.ceil(out.size / 2));
  fillWith(out, (numbers) => kernels.randint(numbers, used, low, range));
  used.dispose();
  return out;
}

/**
 * Integers drawn evenly from [low, high), with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * randintLike(zeros([2, 3]), { high: 10 }).shape; // [2, 3]
 */
export function randintLike<D extends DType>(x: Tensor<D>, options: RandintOptions<D>): Tensor<D> {
  requireTensor('randintLike', x);
  checkOptions('randintLike', options);
  return randint(x.shape, { ...options, dtype: options.dtype ?? x.dtype, device: options.device ?? x.device });
}

/**
 * The integers below `n` in random order.
 * @returns int32 [n] (int64 if asked for)
 * @example
 * randperm(4).shape; // [4]
 */
export function randperm<D extends DType = 'int32'>(n: number, options: RandomOptions<D> = {}): Tensor<D> {
  checkOptions('randperm', options);
  if (!Number.isSafeInteger(n) || n < 0 || n >= 2 ** 31)
    throw argumentError('randperm', `n must be an integer in [0, 2^31), got ${formatValue(n)}`);
  const { generator, ...rest } = options;
  const dtype = options.dtype === undefined ? 'int32' : checkDtype('randperm', options.dtype);
  return tidy(() => {
    // 64 random bits each: that two are equal, and keep their order, has a chance of n² / 2^65.
    const keys = create('randperm', [n], { ...rest, dtype: 'int64' });
    return castTo(argsort(draw(keys, generator, -(2 ** 63), 2 ** 64)), dtype);
  }) as Tensor<D>;
}

const bernoulliOp = defineOp({
  name: 'bernoulli',
  infer: (p: Spec, _used: Spec): Spec => p,
  forward: (ctx, p, used) => kernels.bernoulli(ctx.out, p, used),
  backward: (_ctx, dy) => [zerosLike(dy), null],
  saves: [],
});

/**
 * 1 with the chance that each element of `p` gives, else 0. Its gradient is 0, as in PyTorch.
 * @param p - chances in [0, 1]; another value is ERR_ARGUMENT when the result is read
 * @returns shape and dtype of `p`
 * @example
 * bernoulli(tensor([0, 1])); // [0, 1]
 */
export function bernoulli<D extends DType>(p: Tensor<D>, options: GeneratorOptions = {}): Tensor<D> {
  requireTensor('bernoulli', p);
  checkLive('bernoulli', p);
  requireFloat('bernoulli', p);
  checkOptions('bernoulli', options);
  return tidy(() => bernoulliOp(p, take('bernoulli', options.generator, p))) as Tensor<D>;
}

export interface MultinomialOptions extends GeneratorOptions {
  /** Whether a category may be drawn again. */
  readonly replacement?: boolean | undefined;
}

/**
 * Categories drawn by weights that need not add up to 1.
 * @param weights - [categories] or [rows, categories]; negative or infinite weights, and rows of zeros, are ERR_ARGUMENT when
 * the result is read
 * @returns int32 [count] or [rows, count]
 * @example
 * multinomial(tensor([0, 3, 0]), 2, { replacement: true }); // [1, 1]
 */
export function multinomial(
  weights: Tensor,
  count: number,
  options: MultinomialOptions = {},
): Tensor<'int32' | 'int64'> {
  requireTensor('multinomial', weights, 'weights');
  checkLive('multinomial', weights);
  requireFloat('multinomial', weights, 'weights');
  checkOptions('multinomial', options);
  const { replacement = false, generator } = options;
  if (weights.rank !== 1 && weights.rank !== 2)
    throw shapeError(
      'multinomial',
      `weights must be [categories] or [rows, categories], got ${formatShape(weights.shape)}`,
    );
  const categories = weights.shape[weights.rank - 1] as number;
  if (!Number.isSafeInteger(count) || count < 1 || categories === 0 || (!replacement && count > categories)) {
    throw argumentError(
      'multinomial',
      `cannot draw ${formatValue(count)} of ${categories} categories with${replacement ? '' : 'out'} replacement`,
    );
  }
  return tidy(() => {
    const chances = emptyTensor(weights.shape, 'float64', queueOf(weights));
    kernels.cumulativeChances(chances, weights);
    const { device } = weights;
    const source = { dtype: 'float64', device, generator } as const;
    if (replacement) {
      // Uniform numbers below the total, looked up in the running sums: u < 1 in float64, so u · total < total.
      const total = narrow(chances, weights.rank - 1, categories - 1, 1);
      const u = mul(rand([...weights.shape.slice(0, -1), count], source), total);
      return searchsorted(chances, u, { right: true });
    }
    // The least of exponential times over the weights wins: the largest weight over an exponential number. Chances whose
    // check failed fail this too.
    const check = mul(narrow(chances, weights.rank - 1, 0, 1), 0);
    const keys = div(castTo(weights.detach(), 'float64'), exponential(weights.shape, source));
    return topk(keys.add(check), count)[1];
  });
}
