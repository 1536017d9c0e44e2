import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import { reducedShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import type { ReduceArgument, Reduction } from './reduce-shared.ts';
import { inferReduced, keptView, reducedCount, requireElements, resolveReduction, spread } from './reduce-shared.ts';
import { floatOf } from './shared.ts';
import { reshape } from './view.ts';

const sumOp = defineOp({
  name: 'sum',
  autocast: 'float32',
  // Kernels add integers and bools as int64 without a copy.
  infer: (x: Spec, r: Reduction): Spec => ({
    shape: reducedShape(x.shape, r.axes, r.keepdim),
    dtype: isFloat(x.dtype) ? x.dtype : 'int64',
  }),
  forward: (ctx, x: Tensor, r: Reduction) => kernels.sum(keptView(ctx.out, x, r), x),
  backward: (ctx, dy) => [spread(dy, ctx.args[0].shape, ctx.args[1]), null],
  saves: [],
});

/**
 * Sum over axes; integers and bools are summed as int64.
 * @returns shape of `x` without the reduced axes
 * @example
 * sum(tensor([[1, 2], [3, 4]]), { axis: 0 }); // [4, 6]
 */
export function sum(x: Tensor, reduce?: ReduceArgument): Tensor {
  return sumOp(x, resolveReduction('sum', x, reduce));
}

/** Sums a broadcast gradient back to `shape`; `x` itself when nothing was broadcast. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes: number[] = [];
  for (let i = 0; i < x.rank; i++) {
    if (i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1)) axes.push(i);
  }
  const kept = sumOp(x, { axes, keepdim: true });
  return lead === 0 ? kept : reshape(kept, shape);
}

/** The column sums of a matrix: the gradient of a bias. */
export function reduceRows(x: Tensor): Tensor {
  return sumOp(x, { axes: [0], keepdim: false });
}

/** The sum over axes, for ops' own use: everything checked. */
export function sumOver(x: Tensor, axes: number[], keepdim: boolean): Tensor {
  return sumOp(x, { axes, keepdim });
}

const meanOp = defineOp({
  name: 'mean',
  infer: inferReduced,
  forward: (ctx, x: Tensor, r: Reduction) => kernels.mean(keptView(ctx.out, x, r), x),
  backward: (ctx, dy) => {
    const [x, r] = ctx.args;
    return [spread(div(dy, reducedCount(x.shape, r)), x.shape, r), null];
  },
  saves: [],
});

/**
 * Mean of `x` over `axis`; integers give float32.
 * @returns shape of `x` without the reduced axes
 * @example
 * mean(tensor([[1, 2], [3, 4]]), { axis: 0 }); // [2, 3]
 */
export function mean(x: Tensor, reduce?: ReduceArgument): Tensor {
  const r = resolveReduction('mean', x, reduce);
  const wide = castTo(x, floatOf(x.dtype));
  const result = meanOp(wide, r);
  if (wide !== x) wide.dispose();
  return result;
}

function extremum(name: 'amax' | 'amin'): (x: Tensor, r: Reduction) => Tensor {
  return defineOp({
    name,
    infer: inferReduced,
    forward: (ctx, x: Tensor, r: Reduction) => kernels[name](keptView(ctx.out, x, r), x),
    // Equal extremes share the gradient evenly.
    backward: (ctx, dy) => {
      const [x, r] = ctx.args;
      const mask = castTo(eq(x, spread(ctx.out, x.shape, r)), dy.dtype);
      const ties = sumOp(mask, { axes: r.axes, keepdim: true });
      return [div(mul(mask, spread(dy, x.shape, r)), ties), null];
    },
    saves: [0],
    savesOutputs: [0],
  });
}

const amaxOp = extremum('amax');
const aminOp = extremum('amin');

/**
 * Largest element over axes; NaN wins.
 * @returns shape of `x` without the reduced axes; ERR_SHAPE for an empty axis
 * @example
 * amax(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [5, 4]
 */
export function amax<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> {
  const r = resolveReduction('amax', x, reduce);
  requireElements('amax', x, r.axes);
  return amaxOp(x, r) as Tensor<D>;
}

/**
 * Smallest element over axes; NaN wins.
 * @returns shape of `x` without the reduced axes; ERR_SHAPE for an empty axis
 * @example
 * amin(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [1, 3]
 */
export function amin<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> {
  const r = resolveReduction('amin', x, reduce);
  requireElements('amin', x, r.axes);
  return aminOp(x, r) as Tensor<D>;
}

/** The mean over axes, for ops' own use: everything checked. */
export function meanOver(x: Tensor, axes: number[], keepdim: boolean): Tensor {
  return meanOp(x, { axes, keepdim });
}
