// The three sides of a convolution. sum(dy · conv(x, weight)) is linear in x, weight and dy; its derivative by each is
// an op of the other two, so each op's gradients are the other ops: for every order of derivative.
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { BackwardContext, Gradients } from '../autograd/tape.ts';
import { precisionCode } from '../core/float32-precision.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Conv2dParams, Conv3dParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import type { KernelView } from '../native/kernels.ts';
import { sumOver } from './reduce.ts';
import { asPlanes, spatial } from './window.ts';

/** How a window moves, one number for each spatial axis; `padding` is what stands before each axis. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

interface Rows {
  conv(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | null, g: Geometry): void;
  gradInput(dx: Tensor, dy: Tensor, weight: Tensor, bias: Tensor | null, g: Geometry): void;
  gradWeight(dWeight: Tensor, x: Tensor, dy: Tensor, g: Geometry): void;
}

/** Images, filters, a bias or null, and the spatial sizes of the result. */
type Convolution = (x: Tensor, weight: Tensor, bias: Tensor | null, size: Shape, g: Geometry) => Tensor;

interface Forms {
  readonly conv: Convolution;
  /** The gradient of `conv` by its input, which is the transposed convolution. */
  readonly transposed: Convolution;
}

type Side = (() => Tensor) | null;

function sides(ctx: BackwardContext, ...each: readonly Side[]): Gradients {
  return each.map((side, i) => (side !== null && ctx.needs(i) ? side() : null));
}

function formsOf(rank: number, rows: Rows): Forms {
  const axes = Math.max(rank, 2); // a row of pixels is a plane of height 1
  const pixels = [0, ...Array.from({ length: rank }, (_, i) => i + 2)];
  const biasOf = (bias: Tensor | null, dy: Tensor): Side => (bias === null ? null : () => sumOver(dy, pixels, false));

  const conv = defineOp({
    name: `conv${rank}d`,
    autocast: 'lower',
    row: `conv${axes}d`,
    infer: (x: Tensor, weight: Tensor, _bias: Tensor | null, size: Shape, _g: Geometry): Spec => {
      return { shape: [x.shape[0] as number, weight.shape[0] as number, ...size], dtype: x.dtype };
    },
    forward: (ctx, x, weight, bias, _size, g) => rows.conv(ctx.out, x, weight, bias, g),
    backward: (ctx, dy): Gradients => {
      const [x, weight, bias, , g] = ctx.args;
      return sides(
        ctx,
        () => transposed(dy, weight, null, spatial(x), g),
        () => gradWeight(x, dy, spatial(weight), g),
        biasOf(bias, dy),
      );
    },
    saves: 'others',
  });

  const transposed = defineOp({
    name: `convTranspose${rank}d`,
    autocast: 'lower',
    row: `conv${axes}dGradInput`,
    infer: (dy: Tensor, weight: Tensor, _bias: Tensor | null, size: Shape, g: Geometry): Spec => {
      return { shape: [dy.shape[0] as number, (weight.shape[1] as number) * g.groups, ...size], dtype: dy.dtype };
    },
    forward: (ctx, dy, weight, bias, _size, g) => rows.gradInput(ctx.out, dy, weight, bias, g),
    backward: (ctx, ddx): Gradients => {
      const [dy, weight, bias, , g] = ctx.args;
      return sides(
        ctx,
        () => conv(ddx, weight, null, spatial(dy), g),
        () => gradWeight(ddx, dy, spatial(weight), g),
        biasOf(bias, ddx),
      );
    },
    saves: 'others',
  });

  const gradWeight = defineOp({
    name: `conv${rank}dGradWeight`,
    row: `conv${axes}dGradWeight`,
    infer: (x: Tensor, dy: Tensor, size: Shape, g: Geometry): Spec => {
      return { shape: [dy.shape[1] as number, (x.shape[1] as number) / g.groups, ...size], dtype: x.dtype };
    },
    forward: (ctx, x, dy, _size, g) => rows.gradWeight(ctx.out, x, dy, g),
    backward: (ctx, ddw): Gradients => {
      const [x, dy, , g] = ctx.args;
      return sides(
        ctx,
        () => transposed(dy, ddw, null, spatial(x), g),
        () => conv(x, ddw, null, spatial(dy), g),
      );
    },
    saves: 'others',
  });

  return { conv, transposed };
}

/** The last two axes of a geometry; of a row, those of a plane of height 1. */
function params2d(g: Geometry): Conv2dParams {
  const at = (values: readonly number[], axis: number, usual: number): number => values.at(axis) ?? usual;
  const { stride, padding, dilation, groups } = g;
  return {
    strideH: at(stride, -2, 1),
    strideW: at(stride, -1, 1),
    padH: at(padding, -2, 0),
    padW: at(padding, -1, 0),
    dilationH: at(dilation, -2, 1),
    dilationW: at(dilation, -1, 1),
    groups,
    precision: precisionCode(),
  };
}

function params3d(g: Geometry): Conv3dParams {
  const [strideD, padD, dilationD] = [g.stride[0] as number, g.padding[0] as number, g.dilation[0] as number];
  return { ...params2d(g), strideD, padD, dilationD };
}

interface Kernels<P> {
  conv(out: KernelView, x: KernelView, weight: KernelView, bias: KernelView | null, p: P): void;
  gradInput(dx: KernelView, dy: KernelView, weight: KernelView, bias: KernelView | null, p: P): void;
  gradWeight(dWeight: KernelView, x: KernelView, dy: KernelView, p: P): void;
}

function rowsOf<P>(k: Kernels<P>, params: (g: Geometry) => P, see: (t: Tensor) => KernelView): Rows {
  return {
    conv: (out, x, weight, bias, g) => k.conv(see(out), see(x), see(weight), bias, params(g)),
    gradInput: (dx, dy, weight, bias, g) => k.gradInput(see(dx), see(dy), see(weight), bias, params(g)),
    gradWeight: (dWeight, x, dy, g) => k.gradWeight(see(dWeight), see(x), see(dy), params(g)),
  };
}

const planes: Kernels<Conv2dParams> = {
  conv: (...args) => kernels.conv2d(...args),
  gradInput: (...args) => kernels.conv2dGradInput(...args),
  gradWeight: (...args) => kernels.conv2dGradWeight(...args),
};
const volumes: Kernels<Conv3dParams> = {
  conv: (...args) => kernels.conv3d(...args),
  gradInput: (...args) => kernels.conv3dGradInput(...args),
  gradWeight: (...args) => kernels.conv3dGradWeight(...args),
};
const itself = (t: Tensor): KernelView => t;

/** By the number of spatial axes less one. */
export const convolutions: readonly [Forms, Forms, Forms] = [
  formsOf(1, rowsOf(planes, params2d, asPlanes)),
  formsOf(2, rowsOf(planes, params2d, itself)),
  formsOf(3, rowsOf(volumes, params3d, itself)),
];
