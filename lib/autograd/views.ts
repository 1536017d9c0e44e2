// Views share their base's storage and version. Each remembers how it was derived, so that after an in-place change of the
// base or of a sibling its place in the graph can be derived again (PyTorch's rule).
import { withContextSync } from '../core/context.ts';
import { Tensor } from '../core/tensor.ts';
import type { LeafNode, Node } from './tape.ts';
import { attach, gradNode } from './tape.ts';

/** One view op call, without its tensor. */
export interface ViewStep {
  readonly apply: (x: Tensor, ...args: readonly never[]) => Tensor;
  readonly args: readonly unknown[];
}

/** How a view was made from `base`, the tensor that owns the storage. Untracked: made while grad mode was off. */
export interface ViewInfo {
  readonly base: Tensor;
  readonly tracked: boolean;
  readonly readOnly: boolean;
  readonly steps: readonly ViewStep[];
}

export function viewInfo(t: Tensor): ViewInfo | null {
  return t._view as ViewInfo | null;
}

/** Repeats view ops on another tensor laid out like the base. */
export function replaySteps(x: Tensor, steps: readonly ViewStep[]): Tensor {
  let result = x;
  for (const { apply, args } of steps) {
    const next = apply(result, ...(args as readonly never[]));
    if (result !== x) result.dispose();
    result = next;
  }
  return result;
}

/** Another Tensor over the same elements and at the same place in the graph. */
export function alias<T extends Tensor>(t: T): T {
  t.storage.retain();
  return new Tensor(t.storage, t.offset, t.shape, t.strides, t.dtype, t.size, t.isContiguous) as T;
}

/** Derives the node of a view anew if its storage was changed in place since. */
export function refreshView(t: Tensor): void {
  const view = viewInfo(t);
  if (view === null || !view.tracked || !view.base.requiresGrad) return;
  if (t._node !== null && t._nodeVersion === t.storage.version) return;
  const node = gradNode(view.base);
  if (node === null) return;
  const { base } = view;
  t.storage.retain();
  const source = new Tensor(t.storage, base.offset, base.shape, base.strides, base.dtype, base.size, base.isContiguous);
  attach(source, node, base._index);
  const fresh = withContextSync({ gradMode: true }, () => replaySteps(source, view.steps));
  attach(t, fresh._node as Node | LeafNode, fresh._index);
  fresh.dispose();
  source.dispose();
}
