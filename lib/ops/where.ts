import { argumentError, dtypeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { castTo } from './cast.ts';
import { full } from './creation.ts';
import { commonDtype, operand } from './elementwise.ts';
import { sumTo } from './reduce.ts';
import type { Value } from './shared.ts';
import { broadcastView, requireTensor } from './shared.ts';

const whereOp = defineOp({
  name: 'where',
  infer: (_condition: Tensor, _a: Tensor | number, _b: Tensor | number, shape: Shape, dtype: DType): Spec => ({
    shape,
    dtype,
  }),
  forward: (ctx, condition, a, b, shape) => {
    const view = (each: Tensor | number) => (each instanceof Tensor ? broadcastView('where', each, shape) : each);
    kernels.where(ctx.out, broadcastView('where', condition, shape), view(a), view(b));
  },
  backward: (ctx, dy) => {
    const [condition, a, b] = ctx.args;
    return [
      null,
      a instanceof Tensor && ctx.needs(1) ? castTo(sumTo(where(condition, dy, 0), a.shape), a.dtype) : null,
      b instanceof Tensor && ctx.needs(2) ? castTo(sumTo(where(condition, 0, dy), b.shape), b.dtype) : null,
      null,
      null,
    ];
  },
  saves: [0],
  dtypes: 'all',
});

/**
 * Elements of `a` where `condition` holds, else of `b`; all three broadcast.
 * @param condition - a bool tensor
 * @example
 * where(gt(tensor([1, 3]), 2), 10, tensor([5, 6])); // [5, 10]
 */
export function where(condition: Tensor, a: Value, b: Value): Tensor {
  requireTensor('where', condition, 'condition');
  checkArguments('where', [condition, a, b]);
  if (condition.dtype !== 'bool') throw dtypeError('where', `condition must be bool, got ${condition.dtype}`);
  for (const each of [a, b]) {
    if (!(each instanceof Tensor) && typeof each !== 'number' && typeof each !== 'bigint') {
      throw argumentError('where', `a and b must be tensors or numbers, got ${each === null ? 'null' : typeof each}`);
    }
  }
  let { shape } = condition;
  if (a instanceof Tensor) shape = broadcastShapes('where', shape, a.shape);
  if (b instanceof Tensor) shape = broadcastShapes('where', shape, b.shape);
  if (!(a instanceof Tensor) && !(b instanceof Tensor)) {
    // Two numbers have no dtype of their own: they become float32.
    const left = full([], a, { device: condition.device });
    const result = whereOp(condition, left, Number(b), shape, 'float32');
    left.dispose();
    return result;
  }
  const dtype = commonDtype('where', a, b);
  const left = operand(a, dtype, b);
  const right = operand(b, dtype, a);
  const result = whereOp(condition, left, right, shape, dtype);
  if (left !== a && left instanceof Tensor) left.dispose();
  if (right !== b && right instanceof Tensor) right.dispose();
  return result;
}
