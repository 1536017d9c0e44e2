// Windows of images as the columns of matrices, and back: PyTorch's F.unfold and F.fold.
import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel, checkPair, formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import type { Im2colParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import type { Pair } from './window.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { select, unsqueeze } from './view.ts';

export interface WindowOptions {
  /** From one window to the next. Default 1. */
  readonly stride?: Pair | undefined;
  /** Zeros around the image. Default 0. */
  readonly padding?: Pair | undefined;
  /** From one element of a window to the next. Default 1. */
  readonly dilation?: Pair | undefined;
}

function parametersOf(op: string, kernelSize: Pair, options: WindowOptions): Im2colParams {
  checkOptions(op, options);
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const [kernelH, kernelW] = checkPair(op, 'kernelSize', kernelSize, 1);
  const [strideH, strideW] = checkPair(op, 'stride', stride, 1);
  const [padH, padW] = checkPair(op, 'padding', padding, 0);
  const [dilationH, dilationW] = checkPair(op, 'dilation', dilation, 1);
  return { kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW };
}

/** Windows down and across an image. */
function windowsOf(op: string, height: number, width: number, q: Im2colParams): [number, number] {
  const along = (size: number, kernel: number, stride: number, pad: number, dilation: number): number =>
    Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;
  const down = along(height, q.kernelH, q.strideH, q.padH, q.dilationH);
  const across = along(width, q.kernelW, q.strideW, q.padW, q.dilationW);
  if (down < 1 || across < 1) {
    throw shapeError(
      op,
      `the window is larger than the padded image: ${height} × ${width} gives ${down} × ${across} windows`,
    );
  }
  return [down, across];
}

const im2colOp: (x: Tensor, q: Im2colParams) => Tensor = defineOp({
  name: 'im2col',
  infer: (x: Spec, q: Im2colParams): Spec => {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [down, across] = windowsOf('im2col', h, w, q);
    const shape = [n, c * q.kernelH * q.kernelW, down * across];
    checkedNumel('im2col', shape);
    return { shape, dtype: x.dtype };
  },
  forward: (ctx, x, q) => kernels.im2col(ctx.out, x, q),
  backward: (ctx, dy): Gradients => {
    const [x, q] = ctx.args;
    return [col2imOp(dy, [x.shape[2] as number, x.shape[3] as number], q), null];
  },
  saves: [],
});

const col2imOp: (x: Tensor, size: readonly [number, number], q: Im2colParams) => Tensor = defineOp({
  name: 'col2im',
  infer: (x: Spec, [h, w]: readonly [number, number], q: Im2colParams): Spec => {
    const shape = [x.shape[0] as number, (x.shape[1] as number) / (q.kernelH * q.kernelW), h, w];
    checkedNumel('col2im', shape);
    return { shape, dtype: x.dtype };
  },
  forward: (ctx, x, _size, q) => kernels.col2im(ctx.out, x, q),
  backward: (ctx, dy): Gradients => [im2colOp(dy, ctx.args[2]), null, null],
  saves: [],
});

/**
 * The windows of images as columns: [N, C, H, W] becomes [N, C · kernel elements, windows], [C, H, W] likewise. PyTorch calls
 * it F.unfold; `unfold` here is the view of windows along one axis.
 * @param kernelSize - height and width of a window, or one number for both
 * @example
 * im2col(ones([1, 1, 3, 3]), 2).shape; // [1, 4, 4]
 */
export function im2col(x: Tensor, kernelSize: Pair, options: WindowOptions = {}): Tensor {
  requireTensor('im2col', x);
  requireFloat('im2col', x);
  if (x.rank !== 4 && x.rank !== 3) {
    throw shapeError('im2col', `wants [N, C, H, W] or [C, H, W], got shape ${formatShape(x.shape)}`);
  }
  const q = parametersOf('im2col', kernelSize, options);
  if (x.rank === 4) return im2colOp(x, q);
  return tidy(() => select(im2colOp(unsqueeze(x, 0), q), 0, 0));
}

/**
 * The way back from im2col: columns laid into images of `size`, what meets in one pixel added up. PyTorch calls it F.fold.
 * @param size - height and width of the images, or one number for both
 * @param kernelSize - height and width of a window, or one number for both
 * @example
 * col2im(ones([1, 4, 4]), 3, 2); // [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
 */
export function col2im(x: Tensor, size: Pair, kernelSize: Pair, options: WindowOptions = {}): Tensor {
  requireTensor('col2im', x);
  requireFloat('col2im', x);
  if (x.rank !== 3 && x.rank !== 2) {
    throw shapeError('col2im', `wants [N, C · kernel, windows] or [C · kernel, windows], got ${formatShape(x.shape)}`);
  }
  const [h, w] = checkPair('col2im', 'size', size, 1);
  const q = parametersOf('col2im', kernelSize, options);
  const [down, across] = windowsOf('col2im', h, w, q);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  if (rows % (q.kernelH * q.kernelW) !== 0 || columns !== down * across) {
    throw shapeError(
      'col2im',
      `wants a multiple of ${q.kernelH * q.kernelW} rows and ${down * across} columns, got shape ${formatShape(x.shape)}`,
    );
  }
  if (x.rank === 3) return col2imOp(x, [h, w], q);
  return tidy(() => select(col2imOp(unsqueeze(x, 0), [h, w], q), 0, 0));
}

export { col2im as fold };
