// Reductions of what holds of the elements, and those that leave NaN out.
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { reducedShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { div } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { full } from './creation.ts';
import { amax, amin, mean, sum } from './reduce.ts';
import type { ReduceArgument } from './reduce-shared.ts';
import { resolveReduction } from './reduce-shared.ts';
import { where } from './where.ts';

function logical(op: 'all' | 'any', x: Tensor, reduce: ReduceArgument | undefined): Tensor<'bool'> {
  const r = resolveReduction(op, x, reduce);
  if (r.axes.some((axis) => x.shape[axis] === 0)) {
    return full(reducedShape(x.shape, r.axes, r.keepdim), op === 'all' ? 1 : 0, { dtype: 'bool', device: x.device });
  }
  const fold = op === 'all' ? amin : amax;
  return tidy(() => fold(x.dtype === 'bool' ? x : ne(x, 0), { axis: r.axes, keepdim: r.keepdim })) as Tensor<'bool'>;
}

/**
 * Whether all elements over axes are other than 0; NaN is.
 * @returns bool; shape of `x` without the reduced axes; true for no elements
 * @example
 * all(tensor([[1, 0], [2, 3]]), { axis: 1 }); // [false, true]
 */
export function all(x: Tensor, reduce?: ReduceArgument): Tensor<'bool'> {
  return logical('all', x, reduce);
}

/**
 * Whether any element over axes is other than 0; NaN is.
 * @returns bool; shape of `x` without the reduced axes; false for no elements
 * @example
 * any(tensor([[0, 0], [0, 3]]), { axis: 1 }); // [false, true]
 */
export function any(x: Tensor, reduce?: ReduceArgument): Tensor<'bool'> {
  return logical('any', x, reduce);
}

/**
 * How many elements over axes are other than 0; NaN is.
 * @returns int64; shape of `x` without the reduced axes
 * @example
 * countNonzero(tensor([[0, 1], [2, 3]]), { axis: 1 }); // [1, 2]
 */
export function countNonzero(x: Tensor, reduce?: ReduceArgument): Tensor<'int64'> {
  resolveReduction('countNonzero', x, reduce);
  return tidy(() => sum(x.dtype === 'bool' ? x : ne(x, 0), reduce)) as Tensor<'int64'>;
}

/** `x` with 0 in place of NaN. */
const withoutNaN = (x: Tensor): Tensor => where(eq(x, x), x, 0);

/**
 * Sum over axes, NaN counted as 0; integers and bools are summed as int64.
 * @returns shape of `x` without the reduced axes
 * @example
 * nansum(tensor([1, NaN, 2])); // 3
 */
export function nansum(x: Tensor, reduce?: ReduceArgument): Tensor {
  resolveReduction('nansum', x, reduce);
  if (!isFloat(x.dtype)) return sum(x, reduce);
  return tidy(() => sum(withoutNaN(x), reduce));
}

/**
 * Mean over axes of the elements that are numbers; NaN where there are none. Integers give float32.
 * @returns shape of `x` without the reduced axes
 * @example
 * nanmean(tensor([1, NaN, 2])); // 1.5
 */
export function nanmean(x: Tensor, reduce?: ReduceArgument): Tensor {
  resolveReduction('nanmean', x, reduce);
  if (!isFloat(x.dtype)) return mean(x, reduce);
  return tidy(() => div(sum(withoutNaN(x), reduce), castTo(sum(eq(x, x), reduce), x.dtype as DType)));
}
