import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Shape } from '../core/shape.ts';
import { checkPair, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { Conv2dParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import { sumOver } from './reduce.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';

/** One size for height and width, or [height, width]. */
export type Pair = number | readonly [number, number];

export interface Conv2dOptions {
  readonly stride?: Pair | undefined;
  readonly padding?: Pair | undefined;
  readonly dilation?: Pair | undefined;
  readonly groups?: number | undefined;
}

/** Positions of a window of `kernel` taps over a padded axis; ERR_SHAPE when it does not fit once. */
export function outputSize(
  op: string,
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number {
  const span = dilation * (kernel - 1) + 1;
  if (size + 2 * padding < span) {
    throw shapeError(op, `a window of ${span} does not fit into ${size} elements with padding ${padding}`);
  }
  return Math.floor((size + 2 * padding - span) / stride) + 1;
}

const conv2dOp = defineOp({
  name: 'conv2d',
  infer: (x: Tensor, weight: Tensor, _bias: Tensor | null, p: Conv2dParams): Spec => {
    const [n, , h, w] = x.shape as [number, number, number, number];
    const [o, , kh, kw] = weight.shape as [number, number, number, number];
    const oh = outputSize('conv2d', h, kh, p.strideH, p.padH, p.dilationH);
    const ow = outputSize('conv2d', w, kw, p.strideW, p.padW, p.dilationW);
    return { shape: [n, o, oh, ow], dtype: x.dtype };
  },
  forward: (ctx, x, weight, bias, p) => kernels.conv2d(ctx.out, x, weight, bias, p),
  backward: (ctx, dy): Gradients => {
    const [x, weight, bias, p] = ctx.args;
    return [
      ctx.needs(0) ? conv2dGradInput(dy, weight, x.shape, p) : null,
      ctx.needs(1) ? conv2dGradWeight(x, dy, weight.shape, p) : null,
      bias !== null && ctx.needs(2) ? sumOver(dy, [0, 2, 3], false) : null,
      null,
    ];
  },
  saves: 'others',
});

// The three are one trilinear form in x, weight and dy seen from its three sides, so each is the others' gradient.
const conv2dGradInput = defineOp({
  name: 'conv2dGradInput',
  infer: (dy: Spec, _weight: Spec, shape: Shape, _p: Conv2dParams): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, weight, _shape, p) => kernels.conv2dGradInput(ctx.out, dy, weight, p),
  backward: (ctx, ddx): Gradients => {
    const [dy, weight, , p] = ctx.args;
    return [
      ctx.needs(0) ? conv2dOp(ddx, weight, null, p) : null,
      ctx.needs(1) ? conv2dGradWeight(ddx, dy, weight.shape, p) : null,
      null,
      null,
    ];
  },
  saves: 'others',
});

const conv2dGradWeight = defineOp({
  name: 'conv2dGradWeight',
  infer: (x: Spec, _dy: Spec, shape: Shape, _p: Conv2dParams): Spec => ({ shape, dtype: x.dtype }),
  forward: (ctx, x, dy, _shape, p) => kernels.conv2dGradWeight(ctx.out, x, dy, p),
  backward: (ctx, ddw): Gradients => {
    const [x, dy, , p] = ctx.args;
    return [
      ctx.needs(0) ? conv2dGradInput(dy, ddw, x.shape, p) : null,
      ctx.needs(1) ? conv2dOp(x, ddw, null, p) : null,
      null,
      null,
    ];
  },
  saves: 'others',
});

/**
 * 2-D convolution (cross-correlation) of images with filters.
 * @param x - [N, C, H, W]
 * @param weight - [O, C / groups, KH, KW]
 * @param bias - [O], or null
 * @returns [N, O, OH, OW]
 * @example
 * conv2d(ones([1, 1, 4, 4]), ones([2, 1, 3, 3]), null, { padding: 1 }).shape; // [1, 2, 4, 4]
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: Conv2dOptions): Tensor;
export function conv2d(
  x: Tensor,
  weight: Tensor,
  options: Conv2dOptions & { readonly bias?: Tensor | null | undefined },
): Tensor;
export function conv2d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | (Conv2dOptions & { readonly bias?: Tensor | null | undefined }) = null,
  fourth: Conv2dOptions = {},
): Tensor {
  const inline = third !== null && !(third instanceof Tensor);
  checkOptions('conv2d', inline ? third : fourth);
  const bias = inline ? (third.bias ?? null) : third;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = inline ? third : fourth;
  requireTensor('conv2d', x);
  requireTensor('conv2d', weight, 'weight');
  checkArguments('conv2d', [x, weight, bias]);
  if (x.rank !== 4) throw shapeError('conv2d', `input must be [N, C, H, W], got ${formatShape(x.shape)}`);
  if (weight.rank !== 4)
    throw shapeError('conv2d', `weight must be [O, C / groups, KH, KW], got ${formatShape(weight.shape)}`);
  requireFloat('conv2d', x);
  requireSameDtype('conv2d', x, weight);
  if (!Number.isInteger(groups) || groups < 1 || groups >= 2 ** 31)
    throw argumentError('conv2d', `groups must be an integer ≥ 1, got ${formatValue(groups)}`);
  const channels = x.shape[1] as number;
  const [outputs, perGroup, kh, kw] = weight.shape as [number, number, number, number];
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw shapeError('conv2d', `groups ${groups} must divide ${channels} input and ${outputs} output channels`);
  }
  if (channels / groups !== perGroup) {
    throw shapeError(
      'conv2d',
      `input has ${channels} channels in ${groups} group(s), weight ${formatShape(weight.shape)} wants ${perGroup * groups}`,
    );
  }
  if (kh === 0 || kw === 0)
    throw shapeError('conv2d', `kernel sizes must be ≥ 1, got weight ${formatShape(weight.shape)}`);
  if (bias !== null) {
    requireTensor('conv2d', bias, 'bias');
    requireSameDtype('conv2d', x, bias);
    if (bias.rank !== 1 || bias.shape[0] !== outputs) {
      throw shapeError('conv2d', `bias must be [${outputs}], got ${formatShape(bias.shape)}`);
    }
  }
  const [strideH, strideW] = checkPair('conv2d', 'stride', stride, 1);
  const [padH, padW] = checkPair('conv2d', 'padding', padding, 0);
  const [dilationH, dilationW] = checkPair('conv2d', 'dilation', dilation, 1);
  return conv2dOp(x, weight, bias, { strideH, strideW, padH, padW, dilationH, dilationW, groups });
}
