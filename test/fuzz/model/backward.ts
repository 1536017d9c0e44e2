// The model's backward pass.
import { addFlat, exprOf, reshapedLike } from './ops.ts';
import type { Base, Expr, ModelTensor } from './tensor.ts';
import { ModelError, fresh, numel, withRecording } from './tensor.ts';

/** Sends `seed` down from `root`: newest node first, each freed once it ran unless the graph is kept. */
function sweep(
  root: Expr,
  seed: ModelTensor,
  createGraph: boolean,
  keep: boolean,
  wanted: (node: Expr) => boolean,
  arrive: (leaf: Base, dy: ModelTensor) => void,
): void {
  const nodes = new Set<Expr>();
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (nodes.has(node)) continue;
    nodes.add(node);
    for (const parent of node.parents) if (parent) stack.push(parent);
  }
  const flows = new Map<Expr, ModelTensor>([[root, seed]]);
  withRecording(createGraph, () => {
    for (const node of [...nodes].sort((a, b) => b.sequence - a.sequence)) {
      const dy = flows.get(node);
      if (!dy || !wanted(node)) continue;
      if (node.leaf) {
        arrive(node.leaf, dy);
        continue;
      }
      if (node.released) throw new ModelError('ERR_GRAD', 'a second backward');
      if (node.saved.some(({ store, version }) => store.version !== version))
        throw new ModelError('ERR_GRAD', 'a saved tensor changed');
      const parts = node.vjp?.(dy) ?? [];
      node.parents.forEach((parent, i) => {
        const part = parts[i];
        if (!parent || !part) return;
        const before = flows.get(parent);
        flows.set(parent, before ? addFlat(before, part) : part);
      });
      if (!keep) node.released = true;
    }
  });
}

function start(t: ModelTensor): { root: Expr; seed: ModelTensor } {
  const root = exprOf(t);
  if (root === null || numel(t.shape) !== 1) throw new ModelError('ERR_GRAD', 'nothing to differentiate');
  return { root, seed: fresh(t.shape, [1]) };
}

/** Accumulates into `.grad` of every leaf under `t`, as backward() does. */
export function backward(t: ModelTensor, retainGraph: boolean): void {
  const { root, seed } = start(t);
  sweep(
    root,
    seed,
    false,
    retainGraph,
    () => true,
    (leaf, dy) => {
      // A failed addend spoils the sum: no optimizer may step with a part of a gradient.
      leaf.grad = leaf.grad === null ? dy : addFlat(leaf.grad, dy);
    },
  );
}

/** d(t)/d(leaf) as a tensor of its own; with createGraph it can be differentiated again. */
export function gradient(t: ModelTensor, leaf: ModelTensor, createGraph: boolean): ModelTensor {
  const { root, seed } = start(t);
  const goal = exprOf(leaf);
  if (goal === null) throw new ModelError('ERR_GRAD', 'the input needs no gradient');
  const leads = new Map<Expr, boolean>();
  const leadsToGoal = (node: Expr): boolean => {
    let found = leads.get(node);
    if (found === undefined) {
      found = node === goal || node.parents.some((parent) => parent !== null && leadsToGoal(parent));
      leads.set(node, found);
    }
    return found;
  };
  let result: ModelTensor | null = null;
  sweep(root, seed, createGraph, createGraph, leadsToGoal, (_, dy) => {
    result = dy;
  });
  if (result === null) throw new ModelError('ERR_GRAD', 'the output does not depend on the input');
  return reshapedLike(result, leaf.shape);
}
