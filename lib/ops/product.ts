import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { reducedShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { zerosLike } from './creation.ts';
import { productOfOthers } from './recurrence.ts';
import type { ReduceArgument, Reduction } from './reduce-shared.ts';
import { keptView, resolveReduction, spread } from './reduce-shared.ts';
import { permute, reshape } from './view.ts';

const prodOp = defineOp({
  name: 'prod',
  autocast: 'float32',
  infer: (x: Spec, r: Reduction): Spec => ({
    shape: reducedShape(x.shape, r.axes, r.keepdim),
    dtype: isFloat(x.dtype) ? x.dtype : 'int64',
  }),
  forward: (ctx, x, r) => kernels.prod(keptView(ctx.out, x, r), x),
  // dx[k] = dy times the product of all other elements: nothing is divided by, so zeros are elements like others.
  backward: (ctx, dy): Gradients => {
    const [x, r] = ctx.args;
    return [mul(others(x, r.axes), spread(dy, x.shape, r)), null];
  },
  saves: [0],
});

/** For each element the product of those it is multiplied with. */
function others(x: Tensor, axes: readonly number[]): Tensor {
  if (x.size === 0) return zerosLike(x);
  if (axes.length === 1) return productOfOthers(x, axes[0] as number);
  // Several axes in one line, and back.
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const moved = permute(x, order);
  const lines = reshape(moved, [...kept.map((axis) => x.shape[axis] as number), -1]);
  return permute(
    reshape(productOfOthers(lines, kept.length), moved.shape),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

/**
 * Product over axes; integers and bools are multiplied as int64, floats in float64.
 * @returns shape of `x` without the reduced axes; 1 for no elements
 * @example
 * prod(tensor([[1, 2], [3, 4]]), { axis: 0 }); // [3, 8]
 */
export function prod(x: Tensor, reduce?: ReduceArgument): Tensor {
  const r = resolveReduction('prod', x, reduce);
  return tidy(() => prodOp(x, r));
}
