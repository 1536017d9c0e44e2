// Dropout: elements, or whole channels, set to 0 or to what saturates a SELU network.
import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Generator } from '../core/generator.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul } from './binary.ts';
import { ones } from './creation.ts';
import { take } from './random-shared.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { reshape } from './view.ts';

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

interface Settings {
  readonly p: number;
  readonly training: boolean;
  readonly generator: Generator | undefined;
}

function settings(op: string, x: Tensor, options: number | DropoutOptions): Settings {
  if (typeof options !== 'number') checkOptions(op, options);
  const given: DropoutOptions = typeof options === 'number' ? { p: options } : options;
  const { p = 0.5, training = true, generator } = given;
  requireTensor(op, x);
  requireFloat(op, x);
  if (typeof p !== 'number' || !(p >= 0 && p <= 1))
    throw argumentError(op, `p must be in [0, 1], got ${formatValue(p)}`);
  return { p, training, generator };
}

/**
 * Sets each element to 0 with probability `p` and scales the others by 1 / (1 − p).
 * @returns shape of `x`
 * @example
 * dropout(ones([4]), { p: 0.5 }).shape; // [4]
 */
export function dropout(x: Tensor, options: number | DropoutOptions = {}): Tensor {
  const { p, training, generator } = settings('dropout', x, options);
  if (!training || p === 0) return reshape(x, x.shape);
  if (p === 1) return mul(x, 0);
  const used = take('dropout', generator, x);
  const result = dropoutOp(x, used, p);
  used.dispose();
  return result;
}

/** 1 / (1 − p) with chance 1 − p, else 0; what is of size 1 in `shape` falls together. */
function noise(op: string, x: Tensor, shape: Shape, p: number, generator: Generator | undefined): Tensor {
  const whole = ones(shape, { dtype: x.dtype, device: x.device });
  return p === 1 ? mul(whole, 0) : dropoutOp(whole, take(op, generator, whole), p);
}

/** One number for each channel of [N, C, ...]. */
function channels(op: string, x: Tensor): Shape {
  if (x.rank < 2) throw shapeError(op, `input must be [N, C, ...], got ${formatShape(x.shape)}`);
  return x.shape.map((size, axis) => (axis < 2 ? size : 1));
}

/**
 * Sets each channel of [N, C, ...] to 0 with probability `p` and scales the others by 1 / (1 − p): PyTorch's dropout1d, 2d
 * and 3d.
 * @returns shape of `x`
 * @example
 * featureDropout(ones([2, 3, 4, 4]), 0.5).shape; // [2, 3, 4, 4]
 */
export function featureDropout(x: Tensor, options: number | DropoutOptions = {}): Tensor {
  const { p, training, generator } = settings('featureDropout', x, options);
  const shape = channels('featureDropout', x);
  if (!training || p === 0) return reshape(x, x.shape);
  return tidy(() => mul(x, noise('featureDropout', x, shape, p, generator)));
}

/** SELU's scale times its alpha: what a unit saturates to is its negative. */
const saturation = 1.7580993408473766;

/** Keeps mean and variance of standard normal inputs: G. Klambauer et al., "Self-normalizing neural networks" (2017). */
function alpha(op: string, x: Tensor, shape: Shape, { p, generator }: Settings): Tensor {
  return tidy(() => {
    if (p === 1) return mul(x, 0);
    const a = 1 / Math.sqrt((saturation * saturation * p + 1) * (1 - p));
    // kept: a where a unit stays, 0 where it falls; those take −saturation a, and all are moved by saturation a p.
    const kept = mul(noise(op, x, shape, p, generator), a * (1 - p));
    return add(mul(x, kept), add(mul(kept, saturation), saturation * a * (p - 1)));
  });
}

/**
 * Sets elements to SELU's negative saturation with probability `p`, then scales and shifts so that mean 0 and variance 1
 * stay what they are.
 * @returns shape of `x`
 * @example
 * alphaDropout(ones([4]), 0.5).shape; // [4]
 */
export function alphaDropout(x: Tensor, options: number | DropoutOptions = {}): Tensor {
  const given = settings('alphaDropout', x, options);
  if (!given.training || given.p === 0) return reshape(x, x.shape);
  return alpha('alphaDropout', x, x.shape, given);
}

/**
 * `alphaDropout` of whole channels of [N, C, ...].
 * @returns shape of `x`
 * @example
 * featureAlphaDropout(ones([2, 3, 4]), 0.5).shape; // [2, 3, 4]
 */
export function featureAlphaDropout(x: Tensor, options: number | DropoutOptions = {}): Tensor {
  const given = settings('featureAlphaDropout', x, options);
  const shape = channels('featureAlphaDropout', x);
  if (!given.training || given.p === 0) return reshape(x, x.shape);
  return alpha('featureAlphaDropout', x, shape, given);
}
