import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { promote } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, checkedNumel, formatShape, normalizeAxis, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { atLeast1d, atLeast2d, atLeast3d } from './axes.ts';
import { castTo } from './cast.ts';
import { pad } from './pad.ts';
import { requireTensor, sliceView } from './shared.ts';
import { broadcastTo, narrow, reshape, unsqueeze } from './view.ts';

const catOp = defineOp({
  name: 'cat',
  dtypes: 'all',
  infer: (tensors: readonly Tensor[], axis: number): Spec => {
    const [first] = tensors as [Tensor];
    const size = tensors.reduce((total, each) => total + (each.shape[axis] as number), 0);
    const shape = first.shape.with(axis, size);
    checkedNumel('cat', shape);
    return { shape, dtype: first.dtype };
  },
  forward: (ctx, tensors, axis) => {
    const steps = ctx.out.shape.map(() => 1);
    let at = 0;
    for (const each of tensors) {
      const starts = steps.map((_, i) => (i === axis ? at : 0));
      kernels.copy(sliceView(ctx.out, starts, each.shape, steps), each);
      at += each.shape[axis] as number;
    }
  },
  backward: (ctx, dy) => {
    const [tensors, axis] = ctx.args;
    let at = 0;
    const parts = tensors.map((each) => {
      const length = each.shape[axis] as number;
      at += length;
      return narrow(dy, axis, at - length, length);
    });
    return [parts, null];
  },
  saves: [],
});

function checkList(op: string, tensors: readonly Tensor[]): Tensor {
  if (!Array.isArray(tensors) || tensors.length === 0) throw argumentError(op, 'wants an array of at least one tensor');
  for (const each of tensors) requireTensor(op, each, 'each element');
  checkArguments(op, [tensors]);
  return tensors[0] as Tensor;
}

/**
 * Tensors one after the other along an existing axis; dtypes promote.
 * @param tensors - equal shapes but for `axis`
 * @example
 * cat([tensor([1, 2]), tensor([3])]); // [1, 2, 3]
 */
export function cat(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = checkList('cat', tensors);
  if (first.rank === 0) throw shapeError('cat', 'rank-0 tensors have no axis to join; use stack');
  const at = normalizeAxis('cat', axis, first.rank);
  for (const each of tensors) {
    if (each.rank !== first.rank || !sameShape(each.shape.toSpliced(at, 1), first.shape.toSpliced(at, 1))) {
      throw shapeError(
        'cat',
        `shapes must match but for axis ${at}, got ${formatShape(first.shape)} and ${formatShape(each.shape)}`,
      );
    }
  }
  const dtype = tensors.reduce<DType>((common, each) => promote(common, each.dtype), first.dtype);
  if (tensors.every((each) => each.dtype === dtype)) return catOp([...tensors], at);
  return tidy(() =>
    catOp(
      tensors.map((each) => castTo(each, dtype)),
      at,
    ),
  );
}

/**
 * Tensors of one shape side by side along a new axis.
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = checkList('stack', tensors);
  for (const each of tensors) {
    if (!sameShape(each.shape, first.shape)) {
      throw shapeError('stack', `shapes must match, got ${formatShape(first.shape)} and ${formatShape(each.shape)}`);
    }
  }
  const at = normalizeAxis('stack', axis, first.rank + 1);
  return tidy(() =>
    cat(
      tensors.map((each) => unsqueeze(each, at)),
      at,
    ),
  );
}

const joined = (op: string, tensors: readonly Tensor[], raise: (x: Tensor) => Tensor, axis: number): Tensor => {
  checkList(op, tensors);
  return tidy(() => cat(tensors.map(raise), axis));
};

/**
 * Tensors side by side: along axis 1, vectors along axis 0.
 * @example
 * hstack([tensor([1]), tensor([2, 3])]); // [1, 2, 3]
 */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const first = checkList('hstack', tensors);
  return joined('hstack', tensors, atLeast1d, first.rank <= 1 ? 0 : 1);
}

/**
 * Tensors one below the other: along axis 0, vectors as rows.
 * @example
 * vstack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 */
export function vstack(tensors: readonly Tensor[]): Tensor {
  return joined('vstack', tensors, atLeast2d, 0);
}

/**
 * Tensors one behind the other: along axis 2, matrices as [m, n, 1].
 * @example
 * dstack([tensor([1, 2]), tensor([3, 4])]); // [[[1, 3], [2, 4]]]
 */
export function dstack(tensors: readonly Tensor[]): Tensor {
  return joined('dstack', tensors, atLeast3d, 2);
}

/**
 * Tensors side by side, vectors as columns.
 * @example
 * columnStack([tensor([1, 2]), tensor([3, 4])]); // [[1, 3], [2, 4]]
 */
export function columnStack(tensors: readonly Tensor[]): Tensor {
  return joined('columnStack', tensors, (x) => (x.rank <= 1 ? reshape(x, [x.size, 1]) : x), 1);
}

/**
 * Views of tensors in the shape all of them broadcast to.
 * @example
 * broadcastTensors([tensor([1, 2]), zeros([3, 1])]).map((t) => t.shape); // [3, 2] twice
 */
export function broadcastTensors(tensors: readonly Tensor[]): Tensor[] {
  checkList('broadcastTensors', tensors);
  const shape = tensors.reduce<Shape>((common, each) => broadcastShapes('broadcastTensors', common, each.shape), []);
  return tensors.map((each) => broadcastTo(each, shape));
}

/**
 * A matrix with the given ones along its diagonal, zeros elsewhere; vectors are rows.
 * @param tensors - of rank 2 or less
 * @example
 * blockDiag([tensor([[1, 2]]), tensor([[3], [4]])]); // [[1, 2, 0], [0, 0, 3], [0, 0, 4]]
 */
export function blockDiag(tensors: readonly Tensor[]): Tensor {
  checkList('blockDiag', tensors);
  for (const each of tensors)
    if (each.rank > 2) throw shapeError('blockDiag', `wants tensors of rank 2 or less, got ${formatShape(each.shape)}`);
  return tidy(() => {
    const blocks = tensors.map(atLeast2d);
    const width = blocks.reduce((total, each) => total + (each.shape[1] as number), 0);
    let left = 0;
    const rows = blocks.map((each) => {
      const own = each.shape[1] as number;
      left += own;
      return pad(each, [left - own, width - left]);
    });
    return cat(rows, 0);
  });
}

export { cat as concat, cat as concatenate, vstack as rowStack };
