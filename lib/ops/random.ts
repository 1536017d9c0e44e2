import { argumentError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { CreateOptions } from '../core/create.ts';
import { create } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { Generator, defaultGenerator } from '../core/generator.ts';
import type { Shape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { reshape } from './view.ts';

export interface RandomOptions<D extends DType = DType> extends CreateOptions<D> {
  /** Where the numbers come from; the device's default generator when omitted. */
  readonly generator?: Generator | undefined;
}

/**
 * Reserves the numbers for `size` elements and gives where they start. The state advances on the device, in order with
 * everything else, so a captured step draws fresh numbers at each replay.
 */
function take(op: string, generator: Generator | undefined, beside: Tensor): Tensor {
  if (generator !== undefined && !(generator instanceof Generator))
    throw argumentError(op, 'generator must be a Generator');
  const { state } = generator ?? defaultGenerator(beside.device);
  if (state.device !== beside.device) {
    throw argumentError(op, `the generator is on ${state.device.name}, the tensor on ${beside.device.name}`);
  }
  const used = emptyTensor([2], 'int64', beside.storage.queue);
  // One counter gives four float32 or two float64 numbers.
  state.storage.version++;
  state.storage.lastWriter = 'rngTake';
  kernels.rngTake(used, state, Math.ceil(beside.size / (beside.dtype === 'float64' ? 2 : 4)));
  return used;
}

function drawn<D extends DType>(
  op: string,
  kernel: (out: Tensor, used: Tensor, a: number, b: number) => void,
  shape: Shape,
  [a, b]: readonly [number, number],
  { generator, ...options }: RandomOptions<D>,
): Tensor<D> {
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw argumentError(op, `wants finite parameters, got ${formatValue(a)} and ${formatValue(b)}`);
  const out = create<D>(op, shape, options);
  requireFloat(op, out, 'dtype');
  const used = take(op, generator, out);
  kernel(out, used, a, b);
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

/** The same `used` gives the same mask, so this op is its own gradient. */
const dropoutOp = defineOp({
  name: 'dropout',
  infer: (x: Spec, _used: Spec, _p: number): Spec => x,
  forward: (ctx, x, used, p) => kernels.dropout(ctx.out, x, used, p),
  backward: (ctx, dy): Gradients => [dropoutOp(dy, ctx.args[1], ctx.args[2]), null, null],
  saves: [1],
});

export interface DropoutOptions {
  /** Probability of an element to become 0. */
  readonly p?: number | undefined;
  /** When false the input is handed through. */
  readonly training?: boolean | undefined;
  readonly generator?: Generator | undefined;
}

/**
 * Sets each element to 0 with probability `p` and scales the others by 1 / (1 − p).
 * @returns shape of `x`
 * @example
 * dropout(ones([4]), { p: 0.5 }).shape; // [4]
 */
export function dropout(x: Tensor, options: number | DropoutOptions = {}): Tensor {
  if (typeof options !== 'number') checkOptions('dropout', options);
  const {
    p = 0.5,
    training = true,
    generator,
  }: DropoutOptions = typeof options === 'number' ? { p: options } : options;
  requireTensor('dropout', x);
  requireFloat('dropout', x);
  if (typeof p !== 'number' || !(p >= 0 && p <= 1))
    throw argumentError('dropout', `p must be in [0, 1], got ${formatValue(p)}`);
  if (!training || p === 0) return reshape(x, x.shape);
  if (p === 1) return mul(x, 0);
  const used = take('dropout', generator, x);
  const result = dropoutOp(x, used, p);
  used.dispose();
  return result;
}
