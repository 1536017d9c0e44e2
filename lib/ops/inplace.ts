// Ops that write into their first argument; inplace-shared.ts says what becomes of the graph.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { RecordedOp } from '../autograd/tape.ts';
import { needsGrad, recording } from '../autograd/tape.ts';
import { canCast } from '../core/dtype.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { castTo, clone } from './cast.ts';
import { checkOperand, commonDtype, operand } from './elementwise.ts';
import { before, bump, changed, checkTarget, overlaps } from './inplace-shared.ts';
import { sumTo } from './reduce.ts';
import type { Value } from './shared.ts';
import { broadcastView, requireTensor } from './shared.ts';

function arithmetic(
  op: string,
  kernel: (out: KernelView, a: KernelView, b: KernelView | number) => void,
  definition: () => RecordedOp,
  float: boolean,
): <T extends Tensor>(target: T, value: Value) => T {
  return (target, value) => {
    checkTarget(op, target);
    checkOperand(op, value);
    checkArguments(op, [target, value]);
    const common = commonDtype(op, target, value);
    if (!canCast(common, target.dtype) || (float && !canCast('float32', target.dtype))) {
      throw dtypeError(op, `a ${float ? 'float32' : common} result does not fit into ${target.dtype}`);
    }
    const shape = value instanceof Tensor ? broadcastShapes(op, target.shape, value.shape) : target.shape;
    if (!sameShape(shape, target.shape)) {
      throw shapeError(op, `the result has shape ${formatShape(shape)}, the target ${formatShape(target.shape)}`);
    }
    if (value instanceof Tensor && overlaps(target, value)) {
      throw argumentError(op, 'the operand overlaps the target partly; clone() it first');
    }
    const recorded = definition();
    const live = recording() && (needsGrad(target) || needsGrad(value));
    // What backward reads of the operand must outlive the write, also when it is the target itself.
    const same = live && value instanceof Tensor && value.storage === target.storage;
    const right = same ? clone(value) : operand(value, target.dtype, target);
    // Products read the old values of the target when the operand needs a gradient.
    const old = live ? before(target, recorded.saves?.length !== 0 && needsGrad(right)) : null;
    bump(op, target);
    kernel(target, target, right instanceof Tensor ? broadcastView(op, right, target.shape) : right);
    changed(op, target, live ? recorded : null, [old, right]);
    old?.dispose();
    if (right instanceof Tensor && right !== value) right.dispose();
    return target;
  };
}

/**
 * target ← target + value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * add_(tensor([1, 2]), 1); // [2, 3]
 */
export const add_: <T extends Tensor>(target: T, value: Value) => T = arithmetic(
  'add_',
  (out, a, b) => kernels.add(out, a, b),
  () => add.recorded,
  false,
);

/**
 * target ← target − value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * sub_(tensor([1, 2]), 1); // [0, 1]
 */
export const sub_: <T extends Tensor>(target: T, value: Value) => T = arithmetic(
  'sub_',
  (out, a, b) => kernels.sub(out, a, b),
  () => sub.recorded,
  false,
);

/**
 * target ← target · value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * mul_(tensor([1, 2]), 3); // [3, 6]
 */
export const mul_: <T extends Tensor>(target: T, value: Value) => T = arithmetic(
  'mul_',
  (out, a, b) => kernels.mul(out, a, b),
  () => mul.recorded,
  false,
);

/**
 * target ← target / value; the target must be a float tensor.
 * @returns the target
 * @example
 * div_(tensor([2, 4]), 2); // [1, 2]
 */
export const div_: <T extends Tensor>(target: T, value: Value) => T = arithmetic(
  'div_',
  (out, a, b) => kernels.div(out, a, b),
  () => div.recorded,
  true,
);

const overwrite: RecordedOp = {
  name: 'copy_',
  saves: [],
  backward: (ctx, dy: Tensor) => {
    const source = ctx.args[1] as Tensor | null;
    return [ctx.needs(0) ? mul(dy, 0) : null, source !== null && ctx.needs(1) ? sumTo(dy, source.shape) : null];
  },
};

/**
 * Overwrites `target` with `source`, which broadcasts and is cast to the target's dtype.
 * @returns the target
 * @example
 * copy_(zeros([2]), tensor([1, 2])); // [1, 2]
 */
export function copy_<T extends Tensor>(target: T, source: Tensor): T {
  checkTarget('copy_', target);
  requireTensor('copy_', source, 'source');
  checkArguments('copy_', [target, source]);
  const view = broadcastView('copy_', source, target.shape);
  if (overlaps(target, source)) throw argumentError('copy_', 'the source overlaps the target partly; clone() it first');
  const live = recording() && (needsGrad(target) || needsGrad(source));
  const right = live ? castTo(source, target.dtype) : source;
  const old = live ? before(target, false) : null;
  bump('copy_', target);
  kernels.copy(target, right === source ? view : broadcastView('copy_', right, target.shape));
  changed('copy_', target, live ? overwrite : null, [old, right]);
  old?.dispose();
  if (right !== source) right.dispose();
  return target;
}

/**
 * Sets every element of `target` to `value`.
 * @returns the target
 * @example
 * fill_(zeros([2]), 7); // [7, 7]
 */
export function fill_<T extends Tensor>(target: T, value: number | bigint): T {
  checkTarget('fill_', target);
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw argumentError('fill_', `value must be a number, got ${typeof value}`);
  const live = recording() && needsGrad(target);
  const old = live ? before(target, false) : null;
  const number = operand(value, target.dtype, target);
  bump('fill_', target);
  if (number instanceof Tensor) {
    kernels.copy(target, broadcastView('fill_', number, target.shape));
    number.dispose();
  } else kernels.fill(target, number);
  changed('fill_', target, live ? overwrite : null, [old, null]);
  old?.dispose();
  return target;
}

/**
 * Sets every element of `target` to 0.
 * @returns the target
 * @example
 * zero_(ones([2])); // [0, 0]
 */
export function zero_<T extends Tensor>(target: T): T {
  return fill_(target, 0);
}
