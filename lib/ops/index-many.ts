// Rows of a tensor named by one index tensor for each of its leading axes: what advanced indexing, take and the index ops
// are made of. The index tensors have one shape (views that broadcast will do).
import { tidy } from '../core/scope.ts';
import { computeDtype } from '../core/dtype.ts';
import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, checkedNumel, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { arange, zeros } from './creation.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { expand, reshape } from './view.ts';

/** What an index below 0 means: a mistake, or a position counted from the end. */
export type Negative = 'rejected' | 'from end';
const code = (negative: Negative): number => (negative === 'rejected' ? 0 : 1);

/** out[i, ...] = x[a[i], b[i], ...] for index tensors a, b. */
export const indexGetOp: (x: Tensor, indices: readonly Tensor[], negative: Negative) => Tensor = defineOp({
  name: 'indexGet',
  infer: (x: Spec, indices: readonly Tensor[], _negative: Negative): Spec => {
    const shape = [...(indices[0] as Tensor).shape, ...x.shape.slice(indices.length)];
    checkedNumel('index', shape);
    return { shape, dtype: x.dtype };
  },
  forward: (ctx, x, indices, negative) => kernels.indexGet(ctx.out, x, indices, code(negative)),
  backward: (ctx, dy): Gradients => {
    const [x, indices, negative] = ctx.args;
    return [indexGetGrad(dy, indices, x.shape, negative), null, null];
  },
  saves: [1],
});

/** Zeros of `shape` with the rows of `dy` added at their indices. */
const indexGetGrad = defineOp({
  name: 'indexGetGrad',
  infer: (dy: Spec, _indices: readonly Tensor[], shape: Shape, _negative: Negative): Spec => ({
    shape,
    dtype: dy.dtype,
  }),
  forward: (ctx, dy, indices, _shape, negative) => {
    kernels.fill(ctx.out, 0);
    kernels.indexPut(ctx.out, indices, dy, 1, code(negative));
  },
  backward: (ctx, ddx): Gradients => [indexGetOp(ddx, ctx.args[1], ctx.args[3]), null, null, null],
  saves: [1],
});

/** A copy of `x` with rows overwritten by, or increased by, those of `src`; its gradient is also that of the form in place. */
export const indexPutOp: Op<[Spec, readonly Tensor[], Tensor | number, 'set' | 'add', Negative], Spec> = defineOp({
  name: 'indexPut',
  infer: (
    x: Spec,
    _indices: readonly Tensor[],
    _src: Tensor | number,
    _rule: 'set' | 'add',
    _negative: Negative,
  ): Spec => x,
  forward: (ctx, x, indices, src, rule, negative) => {
    kernels.copy(ctx.out, x);
    kernels.indexPut(ctx.out, indices, src, rule === 'add' ? 1 : 0, code(negative));
  },
  backward: (ctx, dy): Gradients => {
    const [x, indices, src, rule, negative] = ctx.args;
    const dx = !ctx.needs(0) ? null : rule === 'add' ? dy : indexPutOp(dy, indices, 0, 'set', negative);
    if (!(src instanceof Tensor) || !ctx.needs(2)) return [dx, null, null, null, null];
    const rows = indexGetOp(dy, indices, negative);
    if (rule === 'add') return [dx, null, rows, null, null];
    const kept = castTo(lastWriters(x.shape, indices, negative), dy.dtype);
    const mask = reshape(kept, [...kept.shape, ...rows.shape.slice(kept.rank).map(() => 1)]);
    return [dx, null, mul(rows, mask), null, null];
  },
  saves: [1],
});

/** indexPut into `target` itself, ungraded: for forms in place, which record indexPut. */
export function indexPutKernel(
  target: Tensor,
  indices: readonly Tensor[],
  src: Tensor | number,
  rule: 'set' | 'add',
  negative: Negative,
): void {
  const put = (to: Tensor, values: Tensor | number): void =>
    kernels.indexPut(to, indices, values, rule === 'add' ? 1 : 0, code(negative));
  const compute = computeDtype[target.dtype];
  if (compute === target.dtype) {
    put(target, src);
    return;
  }
  tidy(() => {
    const wide = castTo(target.detach(), compute);
    put(wide, src instanceof Tensor ? castTo(src.detach(), compute) : src);
    kernels.copy(target, wide);
  });
}

/** For each row of the indices whether it is the last to name its place: only then does its value reach the result. */
function lastWriters(shape: Shape, indices: readonly Tensor[], negative: Negative): Tensor {
  const [first] = indices as [Tensor];
  const options = { dtype: first.size < 2 ** 31 ? 'int32' : 'int64', device: first.device } as const;
  const numbers = reshape(arange(first.size, options), first.shape);
  const places = zeros(shape.slice(0, indices.length), options);
  return eq(indexGetOp(indexPutOp(places, indices, numbers, 'set', negative), indices, negative), numbers);
}

export interface PutOptions {
  /** Add to what is there instead of replacing it. */
  readonly accumulate?: boolean | undefined;
}

/** The rule an options object with `accumulate` asks for; sums of bools are not defined. */
export function checkAccumulate(op: string, x: Tensor, options: PutOptions): 'set' | 'add' {
  checkOptions(op, options);
  const { accumulate = false } = options;
  if (typeof accumulate !== 'boolean') {
    throw argumentError(op, `accumulate must be true or false, got ${formatValue(accumulate)}`);
  }
  if (accumulate && x.dtype === 'bool') throw argumentError(op, 'accumulate is not defined for bool');
  return accumulate ? 'add' : 'set';
}

/** Index tensors of the leading axes broadcast against each other, and the shape of the rows they name. */
export function broadcastIndices(op: string, x: Tensor, indices: readonly Tensor[]): { where: Tensor[]; shape: Shape } {
  if (!Array.isArray(indices) || indices.length === 0) throw argumentError(op, 'wants an array of index tensors');
  if (indices.length > x.rank) {
    throw shapeError(op, `${indices.length} index tensors are too many for shape ${formatShape(x.shape)}`);
  }
  let shape: Shape = [];
  for (const each of indices) {
    requireTensor(op, each, 'each index');
    requireIntegers(op, each, 'each index');
    shape = broadcastShapes(op, shape, each.shape);
  }
  if (shape.length + x.rank - indices.length > 8) throw shapeError(op, 'the indexed part has rank > 8');
  return { where: indices.map((each) => expand(each, shape)), shape };
}
