// What ops that write into their first argument share: checks, version counters and the moves of the graph. Autograd follows
// PyTorch: the tensor's place in the graph moves to the new op; for a view the base's does, and views derive theirs again
// (autograd/views.ts).
import { gradError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients, LeafNode, Node, RecordedOp } from '../autograd/tape.ts';
import { attach, gradNode, needsGrad, record, recording } from '../autograd/tape.ts';
import { alias, refreshView, replaySteps, viewInfo } from '../autograd/views.ts';
import type { ViewStep } from '../autograd/views.ts';
import { sameShape } from '../core/shape.ts';
import { checkLive, checkWritable, Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { clone, contiguous } from './cast.ts';
import { requireTensor } from './shared.ts';

/** dy with the part a view covers set to 0: what a base's old values still receive after the view was written. */
const eraseView = defineOp({
  name: 'eraseView',
  dtypes: 'all',
  infer: (dy: Spec, _steps: readonly ViewStep[]): Spec => dy,
  forward: (ctx, dy, steps) => {
    kernels.copy(ctx.out, dy);
    const part = replaySteps(ctx.out, steps);
    kernels.fill(part, 0);
    part.dispose();
  },
  backward: (ctx, ddx): Gradients => [eraseView(ddx, ctx.args[1]), null],
  saves: [],
});

/** The base after an in-place op on one of its views: arguments are the base before, the view's new values and the view. */
const writeView: RecordedOp = {
  name: 'writeView',
  saves: [],
  backward: (ctx, dy: Tensor) => {
    const [, , { steps }] = ctx.args as readonly [Tensor, Tensor, { steps: readonly ViewStep[] }];
    const packed = contiguous(dy);
    return [ctx.needs(0) ? eraseView(packed, steps) : null, ctx.needs(1) ? replaySteps(packed, steps) : null, null];
  },
};

/** First and last element of storage a view may touch. */
function extent(v: KernelView): [number, number] {
  let low = v.offset;
  let high = v.offset;
  for (let i = 0; i < v.shape.length; i++) {
    const reach = ((v.shape[i] as number) - 1) * (v.strides[i] as number);
    if (reach < 0) low += reach;
    else high += reach;
  }
  return [low, high];
}

export function overlaps(target: Tensor, x: Tensor): boolean {
  if (target.storage !== x.storage || target.size === 0 || x.size === 0) return false;
  const same = target.offset === x.offset && sameShape(target.shape, x.shape) && sameShape(target.strides, x.strides);
  if (same) return false;
  const [low, high] = extent(target);
  const [from, to] = extent(x);
  return from <= high && low <= to;
}

export function checkTarget(op: string, target: Tensor): void {
  requireTensor(op, target);
  checkLive(op, target);
  checkWritable(op, target);
  if (!recording()) return;
  const view = viewInfo(target);
  if (view === null) {
    if (target.requiresGrad && target.isLeaf) {
      throw gradError(
        op,
        'a leaf that requires grad cannot be changed in place; use noGrad(() => …) or an op that makes a new tensor',
      );
    }
    return;
  }
  const { base } = view;
  if (base.requiresGrad && base.isLeaf) {
    throw gradError(op, 'a view of a leaf that requires grad cannot be changed in place; use noGrad(() => …)');
  }
  if (!view.tracked && base.requiresGrad) {
    throw gradError(
      op,
      'this view was made while grad mode was off; changing it in place would lose the gradient of its base',
    );
  }
}

/** Notes that `op` is about to change `target`; before the kernel, so that a failure leaves the old values valid. */
export function bump(op: string, { storage }: Tensor): void {
  storage.version++;
  storage.lastWriter = op;
}

/** Moves the graph when the call is recorded. */
export function changed(op: string, target: Tensor, recorded: RecordedOp | null, args: readonly unknown[]): void {
  if (recorded === null) return;
  const view = viewInfo(target);
  if (view === null) {
    record(recorded, args, [target]);
    return;
  }
  if (!view.tracked) throw gradError(op, 'this view was made while grad mode was off and cannot enter the graph');
  const { base, steps } = view;
  const values = alias(target);
  record(recorded, args, [values]);
  const before = aliasOf(base, target);
  const node = gradNode(base);
  if (node !== null) attach(before, node, base._index);
  record(writeView, [before, values, { steps }], [base]);
  values.dispose();
  before.dispose();
  refreshView(target);
}

/** A Tensor like `base`, which may be disposed, over the storage `view` keeps alive. */
function aliasOf(base: Tensor, view: Tensor): Tensor {
  view.storage.retain();
  return new Tensor(view.storage, base.offset, base.shape, base.strides, base.dtype, base.size, base.isContiguous);
}

/** `target` as it was, for the tape: the same elements and place in the graph, kept apart from what comes. */
export function before(target: Tensor, keepValues: boolean): Tensor {
  if (!keepValues) {
    const old = alias(target);
    const node: Node | LeafNode | null = gradNode(target);
    if (node !== null) attach(old, node, target._index);
    return old;
  }
  return clone(target);
}

/**
 * Runs `write`, which changes `target`, as an in-place op whose arguments are those of `recorded`: the target as it was,
 * then `args`. Backward must not read the target's old values.
 */
export function writeInPlace<T extends Tensor>(
  op: string,
  target: T,
  recorded: RecordedOp,
  args: readonly unknown[],
  write: () => void,
): T {
  const live = recording() && (needsGrad(target) || args.some(needsGrad));
  const old = live ? before(target, false) : null;
  bump(op, target);
  write();
  changed(op, target, live ? recorded : null, [old, ...args]);
  old?.dispose();
  return target;
}
