import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { reducedShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import type { AxisArgument } from './axis.ts';
import { indexType, resolveAxis, spreadTo, withAxis } from './axis.ts';
import { gather } from './gather.ts';
import { amax, amin } from './reduce.ts';
import type { ReduceArgument, Reduction } from './reduce-shared.ts';
import { keptView, requireElements, resolveOneAxis, resolveReduction } from './reduce-shared.ts';
import { requireTensor } from './shared.ts';
import { reshape, squeeze } from './view.ts';

type IndexType = 'int32' | 'int64';

function placeOp(name: 'argmax' | 'argmin'): (x: Tensor, r: Reduction) => Tensor {
  return defineOp({
    name,
    infer: (x: Spec, r: Reduction): Spec => ({
      shape: reducedShape(x.shape, r.axes, r.keepdim),
      dtype: indexType(x.shape[r.axes[0] as number] as number),
    }),
    forward: (ctx, x: Tensor, r: Reduction) => kernels[name](keptView(ctx.out, x, r), x),
  });
}

const argmaxOp = placeOp('argmax');
const argminOp = placeOp('argmin');

function place(op: 'argmax' | 'argmin', x: Tensor, reduce: ReduceArgument | undefined): Tensor<IndexType> {
  const { axis, keepdim } = resolveOneAxis(op, x, reduce);
  const run = op === 'argmax' ? argmaxOp : argminOp;
  return tidy(() => {
    if (axis !== undefined && x.rank > 0) {
      requireElements(op, x, [axis]);
      return run(x, { axes: [axis], keepdim });
    }
    const flat = reshape(x, [x.size]);
    requireElements(op, flat, [0]);
    const result = run(flat, { axes: [0], keepdim: false });
    return keepdim
      ? reshape(
          result,
          x.shape.map(() => 1),
        )
      : result;
  }) as Tensor<IndexType>;
}

/**
 * Index of the largest element along one axis, or in the flattened tensor; the first of equals, NaN wins.
 * @returns int32 (int64 for axes of 2^31 and more); shape of `x` without the axis
 * @example
 * argmax(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [1, 0]
 */
export function argmax(x: Tensor, reduce?: ReduceArgument): Tensor<IndexType> {
  return place('argmax', x, reduce);
}

/**
 * Index of the smallest element along one axis, or in the flattened tensor; the first of equals, NaN wins.
 * @returns int32 (int64 for axes of 2^31 and more); shape of `x` without the axis
 * @example
 * argmin(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [0, 0]
 */
export function argmin(x: Tensor, reduce?: ReduceArgument): Tensor<IndexType> {
  return place('argmin', x, reduce);
}

export interface AxisOptions {
  readonly axis: number;
  /** Keep the reduced axis with size 1. */
  readonly keepdim?: boolean | undefined;
}

/** Values of a reduction along one axis, and where they stand on it. */
export type ValuesAndIndices<D extends DType = DType> = [values: Tensor<D>, indices: Tensor<IndexType>];

function extreme<D extends DType>(
  op: 'max' | 'min',
  x: Tensor<D>,
  reduce: ReduceArgument | undefined,
): Tensor<D> | ValuesAndIndices<D> {
  const { axis, keepdim } = resolveOneAxis(op, x, reduce);
  if (axis === undefined) {
    requireElements(op, x, [...x.shape.keys()]);
    return (op === 'max' ? amax : amin)(x, { keepdim });
  }
  return tidy((): ValuesAndIndices<D> => {
    requireElements(op, x, [axis]);
    const at = (op === 'max' ? argmaxOp : argminOp)(withAxis(x), { axes: [axis], keepdim: true }) as Tensor<IndexType>;
    const values = gather(withAxis(x) as Tensor<D>, axis, at);
    if (x.rank === 0) return [reshape(values, []), reshape(at, [])];
    return keepdim ? [values, at] : [squeeze(values, axis), squeeze(at, axis)];
  });
}

/**
 * Largest element: of everything, or along one axis together with its index; NaN wins, the first of equals.
 * @returns one tensor without an axis, else [values, indices] without the axis; ERR_SHAPE for an empty axis
 * @example
 * max(tensor([[1, 5], [3, 4]])); // 5
 * max(tensor([[1, 5], [3, 4]]), 1)[1]; // [1, 0]
 */
export function max<D extends DType>(x: Tensor<D>, reduce?: { readonly keepdim?: boolean }): Tensor<D>;
export function max<D extends DType>(x: Tensor<D>, axis: number | AxisOptions): ValuesAndIndices<D>;
export function max<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> | ValuesAndIndices<D> {
  return extreme('max', x, reduce);
}

/**
 * Smallest element: of everything, or along one axis together with its index; NaN wins, the first of equals.
 * @returns one tensor without an axis, else [values, indices] without the axis; ERR_SHAPE for an empty axis
 * @example
 * min(tensor([[1, 5], [3, 4]])); // 1
 * min(tensor([[1, 5], [3, 4]]), 1)[1]; // [0, 0]
 */
export function min<D extends DType>(x: Tensor<D>, reduce?: { readonly keepdim?: boolean }): Tensor<D>;
export function min<D extends DType>(x: Tensor<D>, axis: number | AxisOptions): ValuesAndIndices<D>;
export function min<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> | ValuesAndIndices<D> {
  return extreme('min', x, reduce);
}

/**
 * Smallest and largest elements over axes; NaN wins.
 * @returns [min, max], each with the shape of `x` without the reduced axes; ERR_SHAPE for an empty axis
 * @example
 * aminmax(tensor([[1, 5], [3, 4]]), { axis: 1 })[0]; // [1, 3]
 */
export function aminmax<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): [min: Tensor<D>, max: Tensor<D>] {
  requireElements('aminmax', x, resolveReduction('aminmax', x, reduce).axes);
  return [amin(x, reduce), amax(x, reduce)];
}

function extremeScan(name: 'cummax' | 'cummin'): (x: Tensor, axis: number) => Tensor[] {
  return defineOp({
    name,
    infer: (x: Spec, axis: number): readonly [Spec, Spec] => [
      x,
      { shape: x.shape, dtype: indexType(x.shape[axis] as number) },
    ],
    forward: (ctx, x, axis) => kernels[name](ctx.out, ctx.outputs[1] as Tensor, x, axis),
    backward: (ctx, dy): Gradients => {
      const [x, axis] = ctx.args;
      return [spreadTo(x.shape, axis, ctx.outputs[1] as Tensor, dy), null];
    },
    saves: [],
    savesOutputs: [1],
  });
}

const cummaxOp = extremeScan('cummax');
const cumminOp = extremeScan('cummin');

function running<D extends DType>(op: 'cummax' | 'cummin', x: Tensor<D>, argument: AxisArgument): ValuesAndIndices<D> {
  requireTensor(op, x);
  const axis = resolveAxis(op, x, argument);
  const run = op === 'cummax' ? cummaxOp : cumminOp;
  if (x.rank > 0) return run(x, axis) as ValuesAndIndices<D>;
  return tidy(() => run(withAxis(x), axis).map((each) => reshape(each, []))) as ValuesAndIndices<D>;
}

/**
 * Largest element up to and with each one along `axis`, and its index: the last of equals; NaN stays.
 * @returns [values, indices], each with the shape of `x`
 * @example
 * cummax(tensor([1, 3, 2]))[0]; // [1, 3, 3]
 */
export function cummax<D extends DType>(x: Tensor<D>, axis: AxisArgument = -1): ValuesAndIndices<D> {
  return running('cummax', x, axis);
}

/**
 * Smallest element up to and with each one along `axis`, and its index: the last of equals; NaN stays.
 * @returns [values, indices], each with the shape of `x`
 * @example
 * cummin(tensor([3, 1, 2]))[1]; // [0, 1, 1]
 */
export function cummin<D extends DType>(x: Tensor<D>, axis: AxisArgument = -1): ValuesAndIndices<D> {
  return running('cummin', x, axis);
}
