import { withContextSync } from '../core/context.ts';
import type { Generator } from '../core/generator.ts';
import { tidy } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { argumentError, shapeError } from '../errors.ts';
import * as ops from '../ops/index.ts';

/** The activation that follows a layer; its gain keeps the variance of the activations from layer to layer. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu';

/** Options of the Kaiming initialisations. */
export interface KaimingOptions {
  /** Negative slope of the leaky ReLU. */
  readonly a?: number;
  readonly mode?: 'fanIn' | 'fanOut';
  readonly nonlinearity?: Nonlinearity;
  readonly generator?: Generator | undefined;
}

/** Options of the Xavier initialisations. */
export interface XavierOptions {
  readonly gain?: number;
  readonly generator?: Generator | undefined;
}

/**
 * PyTorch's recommended gain of `nonlinearity`; `a` is the slope of a leaky ReLU.
 * @example
 * gain('relu'); // 1.4142135623730951
 */
export function gain(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a * a));
    default:
      throw argumentError('init.gain', `unknown nonlinearity ${formatValue(nonlinearity satisfies never)}`);
  }
}

/**
 * Inputs and outputs of one unit of a weight [out, in, ...kernel].
 * @throws ERR_SHAPE below rank 2.
 */
export function fans(t: Tensor): { fanIn: number; fanOut: number } {
  requireTensor('init', t);
  const [out, into, ...kernel] = t.shape;
  if (out === undefined || into === undefined) {
    throw shapeError('init', `fan-in and fan-out want a tensor of rank 2 or more, got [${t.shape.join(', ')}]`);
  }
  const field = kernel.reduce((product, n) => product * n, 1);
  return { fanIn: into * field, fanOut: out * field };
}

/** Fills `t` with draws from the uniform distribution on [low, high) and returns it. */
export function uniform<T extends Tensor>(
  t: T,
  low = 0,
  high = 1,
  { generator }: { readonly generator?: Generator | undefined } = {},
): T {
  return fill(t, () => ops.uniform(t.shape, { low, high, dtype: t.dtype, device: t.device, generator }));
}

/** Fills `t` with draws from the normal distribution and returns it. */
export function normal<T extends Tensor>(
  t: T,
  mean = 0,
  std = 1,
  { generator }: { readonly generator?: Generator | undefined } = {},
): T {
  return fill(t, () => ops.normal(t.shape, { mean, std, dtype: t.dtype, device: t.device, generator }));
}

/**
 * Fills `t` with draws from the normal distribution that lie within [low, high], −2 and 2 when omitted, and returns it.
 * @example
 * nn.init.truncNormal(layer.weight, { std: 0.02, low: -0.04, high: 0.04 });
 */
export function truncNormal<T extends Tensor>(
  t: T,
  options: ops.TruncNormalOptions & { readonly generator?: Generator | undefined } = {},
): T {
  withContextSync({ gradMode: false }, () => ops.truncNormal_(t, options));
  return t;
}

/** Fills `t` with one value and returns it. */
export function constant<T extends Tensor>(t: T, value: number): T {
  withContextSync({ gradMode: false }, () => t.fill_(value));
  return t;
}

/** Fills `t` with 0 and returns it. */
export function zeros<T extends Tensor>(t: T): T {
  return constant(t, 0);
}

/** Fills `t` with 1 and returns it. */
export function ones<T extends Tensor>(t: T): T {
  return constant(t, 1);
}

/**
 * He's initialisation from a uniform distribution: variance gain² / fan.
 * @example
 * nn.init.kaimingUniform(layer.weight, { nonlinearity: 'relu', generator: new Generator(1) });
 */
export function kaimingUniform<T extends Tensor>(t: T, options: KaimingOptions = {}): T {
  const bound = Math.sqrt(3) * kaimingStd(t, options);
  return uniform(t, -bound, bound, options);
}

/** He's initialisation from a normal distribution: variance gain² / fan. */
export function kaimingNormal<T extends Tensor>(t: T, options: KaimingOptions = {}): T {
  return normal(t, 0, kaimingStd(t, options), options);
}

/** Glorot's initialisation from a uniform distribution: variance 2 gain² / (fanIn + fanOut). */
export function xavierUniform<T extends Tensor>(t: T, options: XavierOptions = {}): T {
  const bound = Math.sqrt(3) * xavierStd(t, options);
  return uniform(t, -bound, bound, options);
}

/** Glorot's initialisation from a normal distribution: variance 2 gain² / (fanIn + fanOut). */
export function xavierNormal<T extends Tensor>(t: T, options: XavierOptions = {}): T {
  return normal(t, 0, xavierStd(t, options), options);
}

/**
 * Fills `t` with a random matrix [out, in · kernel] whose rows, or columns where those are fewer, are orthogonal and of
 * length `gain` (Saxe et al. 2013, arXiv:1312.6120), and returns it.
 * @throws ERR_SHAPE below rank 2.
 */
export function orthogonal<T extends Tensor>(t: T, options: XavierOptions = {}): T {
  const { fanIn } = fans(t);
  const { gain: factor = 1, generator } = options;
  const rows = t.shape[0] as number;
  return fill(t, () =>
    tidy(() => {
      const tall = rows >= fanIn;
      const shape = tall ? [rows, fanIn] : [fanIn, rows];
      const dtype = t.dtype === 'float64' ? 'float64' : 'float32';
      const [q, r] = ops.qr(ops.normal(shape, { dtype, device: t.device, generator })) as [Tensor, Tensor];
      // The signs of the diagonal make the draw an even one.
      const even = ops.mul(q, ops.sign(ops.diagonal(r)));
      return ops.mul(ops.reshape(tall ? even : ops.transpose(even), t.shape), factor);
    }),
  );
}

/**
 * Makes the weight [out, in, …kernel] of a convolution hand its channels through, and returns it.
 * @throws ERR_SHAPE unless of rank 3 to 5.
 */
export function dirac<T extends Tensor>(t: T, { groups = 1 }: { readonly groups?: number } = {}): T {
  requireTensor('init.dirac', t);
  if (t.rank < 3 || t.rank > 5) throw shapeError('init', `dirac wants rank 3 to 5, got [${t.shape.join(', ')}]`);
  const [out, into, ...kernel] = t.shape as [number, number, ...number[]];
  if (!Number.isSafeInteger(groups) || groups < 1 || out % groups !== 0)
    throw argumentError('init.dirac', `groups must divide ${out} channels, got ${formatValue(groups)}`);
  return fill(t, () =>
    tidy(() => {
      const own = ops.remainder(ops.arange(out, { dtype: 'int32', device: t.device }), out / groups);
      const channels = ops.eq(ops.unsqueeze(own, 1), ops.arange(into, { dtype: 'int32', device: t.device }));
      const centre = kernel.map((size) => ops.eq(ops.arange(size, { device: t.device }), Math.floor(size / 2)));
      const whole = centre.reduce((mask, line) => ops.logicalAnd(ops.unsqueeze(mask, -1), line), channels);
      return ops.cast(whole, t.dtype);
    }),
  );
}

/** Makes a matrix the identity, as far as it goes, and returns it. */
export function eye<T extends Tensor>(t: T): T {
  requireTensor('init.eye', t);
  if (t.rank !== 2) throw shapeError('init', `eye wants a matrix, got [${t.shape.join(', ')}]`);
  return fill(t, () =>
    ops.eye(t.shape[0] as number, { columns: t.shape[1] as number, dtype: t.dtype, device: t.device }),
  );
}

function kaimingStd(t: Tensor, { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions): number {
  const fan = fans(t)[mode];
  return fan === 0 ? 0 : gain(nonlinearity, a) / Math.sqrt(fan);
}

function xavierStd(t: Tensor, { gain: factor = 1 }: XavierOptions): number {
  const { fanIn, fanOut } = fans(t);
  return fanIn + fanOut === 0 ? 0 : factor * Math.sqrt(2 / (fanIn + fanOut));
}

function fill<T extends Tensor>(t: T, draw: () => Tensor): T {
  withContextSync({ gradMode: false }, () => {
    const values = draw();
    t.copy_(values);
    values.dispose();
  });
  return t;
}
