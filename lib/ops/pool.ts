import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Shape } from '../core/shape.ts';
import { checkPair, formatShape } from '../core/shape.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import type { Pool2dParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import { requireFloat, requireTensor } from './shared.ts';
import type { Pair } from './window.ts';
import { outputSize } from './window.ts';

function pooled(op: string, x: Spec, p: Pool2dParams): Shape {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const oh = outputSize(op, h, p.kernelH, p.strideH, p.padH, p.dilationH);
  const ow = outputSize(op, w, p.kernelW, p.strideW, p.padW, p.dilationW);
  return [n, c, oh, ow];
}

const maxPool2dOp = defineOp({
  name: 'maxPool2d',
  infer: (x: Spec, p: Pool2dParams): readonly [Spec, Spec] => {
    const shape = pooled('maxPool2d', x, p);
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: 'int32' },
    ];
  },
  forward: (ctx, x, p) => kernels.maxPool2d(ctx.out, ctx.outputs[1] as Tensor, x, p),
  backward: (ctx, dy): Gradients => [maxPool2dGrad(dy, ctx.outputs[1] as Tensor, ctx.args[0].shape), null],
  saves: [],
  savesOutputs: [1],
});

/** Zeros of `shape` [N, C, H, W] with each element of `dy` added where its maximum stood. */
const maxPool2dGrad = defineOp({
  name: 'maxPool2dGrad',
  infer: (dy: Spec, _indices: Spec, shape: Shape): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, indices) => kernels.maxPool2dGrad(ctx.out, indices, dy),
  backward: (ctx, ddx): Gradients => [maxPool2dGather(ddx, ctx.args[1]), null, null],
  saves: [1],
});

/** The elements of `x` at the places where the maxima stood. */
const maxPool2dGather = defineOp({
  name: 'maxPool2dGather',
  infer: (x: Spec, indices: Spec): Spec => ({ shape: indices.shape, dtype: x.dtype }),
  forward: (ctx, x, indices) => kernels.maxPool2dGather(ctx.out, indices, x),
  backward: (ctx, dy): Gradients => [maxPool2dGrad(dy, ctx.args[1], ctx.args[0].shape), null],
  saves: [1],
});

const avgPool2dOp = defineOp({
  name: 'avgPool2d',
  infer: (x: Spec, p: Pool2dParams): Spec => ({ shape: pooled('avgPool2d', x, p), dtype: x.dtype }),
  forward: (ctx, x, p) => kernels.avgPool2d(ctx.out, x, p),
  backward: (ctx, dy): Gradients => [avgPool2dGrad(dy, ctx.args[0].shape, ctx.args[1]), null],
  saves: [],
});

const avgPool2dGrad = defineOp({
  name: 'avgPool2dGrad',
  infer: (dy: Spec, shape: Shape, _p: Pool2dParams): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, _shape, p) => kernels.avgPool2dGrad(ctx.out, dy, p),
  backward: (ctx, ddx): Gradients => [avgPool2dOp(ddx, ctx.args[2]), null, null],
  saves: [],
});

export interface MaxPoolOptions {
  /** Distance between windows; the window's size when omitted. */
  readonly stride?: Pair | undefined;
  readonly padding?: Pair | undefined;
  readonly dilation?: Pair | undefined;
}

export interface AvgPoolOptions {
  /** Distance between windows; the window's size when omitted. */
  readonly stride?: Pair | undefined;
  readonly padding?: Pair | undefined;
  /** Whether padded zeros count in the divisor. */
  readonly countIncludePad?: boolean | undefined;
}

function parameters(op: string, x: Tensor, size: Pair, options: MaxPoolOptions & AvgPoolOptions): Pool2dParams {
  checkOptions(op, options);
  requireTensor(op, x);
  checkLive(op, x);
  if (x.rank !== 4) throw shapeError(op, `input must be [N, C, H, W], got ${formatShape(x.shape)}`);
  requireFloat(op, x);
  const [kernelH, kernelW] = checkPair(op, 'size', size, 1);
  const [strideH, strideW] = checkPair(op, 'stride', options.stride ?? [kernelH, kernelW], 1);
  const [padH, padW] = checkPair(op, 'padding', options.padding ?? 0, 0);
  const [dilationH, dilationW] = checkPair(op, 'dilation', options.dilation ?? 1, 1);
  // A window that lies in the padding alone would have no maximum.
  if (padH > kernelH / 2 || padW > kernelW / 2) {
    throw argumentError(
      op,
      `padding must be at most half the window, got ${formatShape([padH, padW])} for ${formatShape([kernelH, kernelW])}`,
    );
  }
  const countIncludePad = (options.countIncludePad ?? true) ? 1 : 0;
  return { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, countIncludePad };
}

/**
 * The largest element of each window of each channel.
 * @param x - [N, C, H, W]
 * @param size - of the window
 * @returns [N, C, OH, OW]
 * @example
 * maxPool2d(arange(16).reshape([1, 1, 4, 4]), 2); // [[[[5, 7], [13, 15]]]]
 */
export function maxPool2d(x: Tensor, size: Pair, options: MaxPoolOptions = {}): Tensor {
  const [out, indices] = maxPool2dOp(x, parameters('maxPool2d', x, size, options)) as [Tensor, Tensor];
  indices.dispose();
  return out;
}

/**
 * The mean of each window of each channel.
 * @param x - [N, C, H, W]
 * @param size - of the window
 * @returns [N, C, OH, OW]
 * @example
 * avgPool2d(arange(16).reshape([1, 1, 4, 4]), 2); // [[[[2.5, 4.5], [10.5, 12.5]]]]
 */
export function avgPool2d(x: Tensor, size: Pair, options: AvgPoolOptions = {}): Tensor {
  return avgPool2dOp(x, parameters('avgPool2d', x, size, options));
}
