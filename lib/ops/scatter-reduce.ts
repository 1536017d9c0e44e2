// scatterReduce: PyTorch's five reductions. Sum and mean are scatterAdd; product, maximum and minimum have a kernel.
import { argumentError, dtypeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { onesLike, zerosLike } from './creation.ts';
import { gather, scatter, scatterAdd } from './gather.ts';
import { checkIndex, fitSource } from './index-shared.ts';
import { requireSameDtype, requireTensor } from './shared.ts';
import { floor } from './unary.ts';
import { where } from './where.ts';

type Reduce = 'sum' | 'prod' | 'mean' | 'amax' | 'amin';
type Kernel = 'prod' | 'amax' | 'amin';
const rules: Readonly<Record<Kernel, number>> = { prod: 1, amax: 2, amin: 3 };

export interface ScatterReduceOptions {
  /** How values that meet in one element are combined. */
  readonly reduce: Reduce;
  /** Whether what `x` held takes part; otherwise elements without an index keep it. Default true. */
  readonly includeSelf?: boolean | undefined;
}

/** Starts from `x`, or where something arrives from the rule's neutral element. */
const reduceOp = defineOp({
  name: 'scatterReduce',
  infer: (x: Spec, _axis: number, _index: Spec, _src: Spec, _reduce: Kernel): Spec => x,
  forward: (ctx, x, axis, index, src, reduce) => {
    kernels.copy(ctx.out, x);
    kernels.scatterReduce(ctx.out, index, src, axis, rules[reduce]);
  },
  backward: (ctx, dy): Gradients => {
    const [x, axis, index, src, reduce] = ctx.args;
    const slopes = reduce === 'prod' ? prodGrad : extremeGrad;
    const [dx, dsrc] = slopes(x, axis, index, src, ctx.out, dy);
    return [dx, null, null, dsrc, null];
  },
  savesOutputs: [0],
});

/** Winners share the gradient evenly, as amax does. */
function extremeGrad(x: Tensor, axis: number, index: Tensor, src: Tensor, out: Tensor, dy: Tensor): [Tensor, Tensor] {
  const own = castTo(eq(x, out), dy.dtype);
  const arrived = castTo(eq(src, gather(out, axis, index)), dy.dtype);
  const share = div(dy, scatterAdd(own, axis, index, arrived));
  return [mul(own, share), mul(arrived, gather(share, axis, index))];
}

/**
 * Each factor's slope is the product of the others: the whole divided by it, and where it is the only zero the product of
 * the rest. Two zeros leave slope 0 for both, to all orders.
 */
function prodGrad(x: Tensor, axis: number, index: Tensor, src: Tensor, out: Tensor, dy: Tensor): [Tensor, Tensor] {
  const zeroOwn = eq(x, 0);
  const zeroSrc = eq(src, 0);
  const zeros = scatterAdd(castTo(zeroOwn, dy.dtype), axis, index, castTo(zeroSrc, dy.dtype));
  const rest = reduceOp(where(zeroOwn, 1, x), axis, index, where(zeroSrc, 1, src), 'prod');
  const slope = mul(dy, rest);
  // Of zero where a zero stands, but with the right slope in it.
  const alive = mul(dy, out);
  const only = mul(slope, castTo(eq(zeros, 1), dy.dtype));
  return [
    where(zeroOwn, only, div(alive, where(zeroOwn, 1, x))),
    where(zeroSrc, gather(only, axis, index), div(gather(alive, axis, index), where(zeroSrc, 1, src))),
  ];
}

/** What a rule starts from: it changes nothing it meets. */
function neutral(reduce: Kernel, dtype: DType): number {
  if (reduce === 'prod') return 1;
  const sign = reduce === 'amax' ? -1 : 1;
  // Beyond every integer: the kernel saturates it to the smallest or largest of the dtype.
  return isFloat(dtype) ? sign * Number.POSITIVE_INFINITY : sign * 2 ** 63;
}

/**
 * A copy of `x` in which the elements of `src` are combined at indices of `axis`: for axis 0 and 'sum',
 * out[index[i, j], j] += src[i, j]. The mean of integers is rounded down.
 * @param index - int32, int64 or uint8; no larger than `src`, nor than `x` but along `axis`; out of range is ERR_INDEX later
 * @param src - of the dtype of `x`
 * @example
 * const to = tensor([0, 0, 2], { dtype: 'int32' });
 * scatterReduce(ones([3]), 0, to, tensor([5, 2, 3]), { reduce: 'amax' }); // [5, 1, 3]
 */
export function scatterReduce<D extends DType>(
  x: Tensor<D>,
  axis: number,
  index: Tensor,
  src: Tensor,
  options: ScatterReduceOptions,
): Tensor<D> {
  const at = checkIndex('scatterReduce', x, axis, index);
  requireTensor('scatterReduce', src, 'src');
  requireSameDtype('scatterReduce', x, src);
  if (x.dtype === 'bool') throw dtypeError('scatterReduce', 'is not defined for bool');
  checkOptions('scatterReduce', options);
  const { reduce, includeSelf = true } = options;
  if (typeof includeSelf !== 'boolean') {
    throw argumentError('scatterReduce', `includeSelf must be true or false, got ${formatValue(includeSelf)}`);
  }
  if (reduce !== 'sum' && reduce !== 'mean' && (typeof reduce !== 'string' || !Object.hasOwn(rules, reduce))) {
    throw argumentError(
      'scatterReduce',
      `reduce must be 'sum', 'prod', 'mean', 'amax' or 'amin', got ${formatValue(reduce)}`,
    );
  }
  return tidy(() => {
    const source = fitSource('scatterReduce', src, index);
    if (reduce === 'sum' || reduce === 'mean') {
      const start = includeSelf ? x : scatter(x, at, index, 0);
      const total = scatterAdd(start, at, index, source);
      if (reduce === 'sum') return total;
      const arrived = scatterAdd(includeSelf ? onesLike(x) : zerosLike(x), at, index, onesLike(source));
      const count = where(eq(arrived, 0), 1, arrived);
      if (isFloat(x.dtype)) return div(total, count);
      // Exact for sums up to 2^53.
      return castTo(floor(div(castTo(total, 'float64'), count)), x.dtype);
    }
    const start = includeSelf ? x : scatter(x, at, index, neutral(reduce, x.dtype));
    return reduceOp(start, at, index, source, reduce);
  }) as Tensor<D>;
}
