// Images read at arbitrary points. The sample is bilinear in image and weights, so the gradients by the image and by the
// grid are kernels; the derivative of the latter, which bends the weights once more, is written in ops.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape, sameShape } from '../core/shape.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import type { KernelView } from '../native/kernels.ts';
import { add, mul } from './binary.ts';
import { arange } from './creation.ts';
import { curvature } from './grid-curvature.ts';
import { stack } from './join.ts';
import { matmul } from './matmul.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { broadcastTo, reshape, transpose } from './view.ts';

const modes = ['bilinear', 'nearest', 'bicubic'] as const;
const paddings = ['zeros', 'border', 'reflection'] as const;

export interface GridSampleOptions {
  /** Default 'bilinear', which samples volumes trilinearly. */
  readonly mode?: (typeof modes)[number] | undefined;
  /** What lies outside: zeros, the nearest border, or the image mirrored. Default 'zeros'. */
  readonly paddingMode?: (typeof paddings)[number] | undefined;
  /** Whether -1 and 1 are the outermost elements' centres, instead of their outer edges. Default false. */
  readonly alignCorners?: boolean | undefined;
}

/** A checked `GridSampleOptions`. */
export interface Sampling {
  readonly mode: (typeof modes)[number];
  readonly padding: (typeof paddings)[number];
  readonly alignCorners: boolean;
}

const params = (s: Sampling): { mode: number; padding: number; alignCorners: number } => ({
  mode: modes.indexOf(s.mode),
  padding: paddings.indexOf(s.padding),
  alignCorners: s.alignCorners ? 1 : 0,
});

/** A plane's tensor with a depth of 1 at axis `at`; volumes as they are. */
function deep(t: Tensor, at: number): KernelView {
  if (t.rank === 5) return t;
  const { storage, offset, dtype } = t;
  return { storage, offset, dtype, shape: t.shape.toSpliced(at, 0, 1), strides: t.strides.toSpliced(at, 0, 0) };
}

const sampleOp = defineOp({
  name: 'gridSample',
  infer: (x: Spec, grid: Tensor, _s: Sampling): Spec => {
    return { shape: [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)], dtype: x.dtype };
  },
  forward: (ctx, x, grid, s) => kernels.gridSample(deep(ctx.out, 2), deep(x as Tensor, 2), deep(grid, 1), params(s)),
  backward: (ctx, dy): Gradients => {
    const [x, grid, s] = ctx.args;
    return [
      ctx.needs(0) ? gradInput(dy, grid, x.shape, s) : null,
      ctx.needs(1) ? gradGrid(dy, x as Tensor, grid, s) : null,
      null,
    ];
  },
});

const gradInput = defineOp({
  name: 'gridSampleGradInput',
  infer: (dy: Tensor, _grid: Tensor, shape: Shape, _s: Sampling): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, grid, _shape, s) =>
    kernels.gridSampleGradInput(deep(ctx.out, 2), deep(dy, 2), deep(grid, 1), params(s)),
  backward: (ctx, ddx): Gradients => {
    const [dy, grid, , s] = ctx.args;
    return [ctx.needs(0) ? sampleOp(ddx, grid, s) : null, ctx.needs(1) ? gradGrid(dy, ddx, grid, s) : null, null, null];
  },
});

const gradGrid = defineOp({
  name: 'gridSampleGradGrid',
  infer: (_dy: Tensor, _x: Tensor, grid: Tensor, _s: Sampling): Spec => ({ shape: grid.shape, dtype: grid.dtype }),
  forward: (ctx, dy, x, grid, s) =>
    kernels.gridSampleGradGrid(deep(ctx.out, 1), deep(dy, 2), deep(x, 2), deep(grid, 1), params(s)),
  backward: (ctx, dd): Gradients => {
    const [dy, x, grid, s] = ctx.args;
    return s.mode === 'nearest' ? [null, null, null, null] : [...curvature(dd, dy, x, grid, s), null];
  },
});

/**
 * `x` read at the points of `grid`, whose coordinates (x, y[, z]) run from -1 to 1 over each axis (Jaderberg et al. 2015,
 * Spatial Transformer Networks).
 * @param x - [N, C, H, W] or [N, C, D, H, W]
 * @param grid - [N, OH, OW, 2] or [N, OD, OH, OW, 3]
 * @returns [N, C, OH, OW] or [N, C, OD, OH, OW]
 * @example
 * gridSample(tensor([[[[1, 3]]]]), zeros([1, 1, 1, 2])); // [[[[2]]]]
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const op = 'gridSample';
  checkOptions(op, options);
  requireTensor(op, x);
  requireTensor(op, grid, 'grid');
  checkArguments(op, [x, grid]);
  requireFloat(op, x);
  requireSameDtype(op, x, grid);
  const { mode = 'bilinear', paddingMode: padding = 'zeros', alignCorners = false } = options;
  if (!modes.includes(mode))
    throw argumentError(op, `mode must be one of ${modes.join(', ')}, got ${formatValue(mode)}`);
  if (!paddings.includes(padding))
    throw argumentError(op, `paddingMode must be one of ${paddings.join(', ')}, got ${formatValue(padding)}`);
  const axes = x.rank - 2;
  if (axes !== 2 && axes !== 3)
    throw shapeError(op, `input must be [N, C, H, W] or [N, C, D, H, W], got ${formatShape(x.shape)}`);
  if (grid.rank !== x.rank || grid.shape.at(-1) !== axes || grid.shape[0] !== x.shape[0])
    throw shapeError(
      op,
      `grid for ${formatShape(x.shape)} must be [${x.shape[0]}, …, ${axes}] of rank ${x.rank}, got ${formatShape(grid.shape)}`,
    );
  if (axes === 3 && mode === 'bicubic') throw argumentError(op, "mode 'bicubic' is for planes [N, C, H, W]");
  if (x.shape.slice(2).includes(0)) throw shapeError(op, `spatial sizes must be ≥ 1, got ${formatShape(x.shape)}`);
  return sampleOp(x, grid, { mode, padding, alignCorners: alignCorners === true });
}

/**
 * The grid for `gridSample` that looks through affine maps: output point (x, y[, z]) shows input point theta · (x, y[, z], 1).
 * @param theta - [N, 2, 3] or [N, 3, 4]
 * @param size - of the output, [N, C, H, W] or [N, C, D, H, W]
 * @returns [N, H, W, 2] or [N, D, H, W, 3]
 * @example
 * affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 1, 1, 2]); // [[[[-0.5, 0], [0.5, 0]]]]
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  options: { readonly alignCorners?: boolean | undefined } = {},
): Tensor {
  const op = 'affineGrid';
  checkOptions(op, options);
  requireTensor(op, theta, 'theta');
  checkLive(op, theta);
  requireFloat(op, theta, 'theta');
  if (!Array.isArray(size) || (size.length !== 4 && size.length !== 5))
    throw argumentError(op, `size must be [N, C, H, W] or [N, C, D, H, W], got ${formatValue(size)}`);
  checkedNumel(op, size);
  const [n, , ...space] = size as [number, number, ...number[]];
  const axes = space.length;
  if (!sameShape(theta.shape, [n, axes, axes + 1]))
    throw shapeError(op, `theta must be ${formatShape([n, axes, axes + 1])}, got ${formatShape(theta.shape)}`);
  return tidy(() => {
    const { dtype, device } = theta;
    const place = { dtype: dtype as 'float32' | 'float64', device };
    const axis = (m: number, at: number): Tensor => {
      const numbers = arange(m, place);
      const scale = options.alignCorners === true ? (m > 1 ? 2 / (m - 1) : 0) : 2 / m;
      const first = options.alignCorners === true ? (m > 1 ? -1 : 0) : 1 / m - 1;
      const line = add(mul(numbers, scale), first);
      return broadcastTo(
        reshape(
          line,
          space.map((_, i) => (i === at ? m : 1)),
        ),
        space,
      );
    };
    // x runs along the last axis.
    const columns = space.map((m, i) => axis(m, i)).reverse();
    const one = add(mul(columns[0] as Tensor, 0), 1);
    const points = space.reduce((a, b) => a * b, 1);
    const base = reshape(stack([...columns, one], -1), [points, axes + 1]);
    return reshape(matmul(base, transpose(theta, -2, -1)), [n, ...space, axes]);
  });
}
