// backward and grad: which gradients a pass over the tape starts with, and where they end.
import { argumentError, gradError } from '../errors.ts';
import { current, withContextSync } from '../core/context.ts';
import { watch } from '../core/storage.ts';
import { checkLive, requireTensor, Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { Sweep } from './sweep.ts';
import { dropPending, handle, reachable, receive, seed, send, startSweep, step, storeInLeaf } from './sweep.ts';
import type { LeafNode } from './tape.ts';
import { gradNode, Node } from './tape.ts';

export interface BackwardOptions {
  /** dL/d(this tensor); may be omitted for a single element. */
  readonly gradient?: Tensor | undefined;
  /** Keep what the graph saved, for another backward. Default: createGraph. */
  readonly retainGraph?: boolean | undefined;
  /** Record the backward itself, for gradients of gradients. */
  readonly createGraph?: boolean | undefined;
}

/**
 * Adds d(root)/d(leaf) into `grad` of every leaf the tensor depends on. What the graph saved is freed unless retainGraph or
 * createGraph.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * x.square().sum().backward(); // x.grad is [2, 4]
 */
export function backward(root: Tensor, options: BackwardOptions = {}): void {
  checkOptions('backward', options);
  const sweep = startSweep(options);
  withContextSync({ gradMode: sweep.createGraph, scope: sweep.scope, autocast: null }, () => {
    try {
      const first = seed('backward', root, options.gradient);
      const node = gradNode(root) as Node | LeafNode;
      send(sweep, node, root._index, first);
      for (const each of reachable([node])) {
        const slots = sweep.pending.get(each);
        if (slots === undefined) continue;
        receive(sweep, each, slots);
        if (each instanceof Node) step(sweep, each, () => true);
        else {
          sweep.pending.delete(each);
          storeInLeaf(sweep, each, slots[0] as Tensor);
        }
      }
    } finally {
      dropPending(sweep);
    }
  });
}

export interface GradOptions {
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | undefined;
  readonly retainGraph?: boolean | undefined;
  readonly createGraph?: boolean | undefined;
  /** Give null for inputs the outputs do not depend on, instead of throwing. */
  readonly allowUnused?: boolean | undefined;
}

/**
 * The gradients of the sum of `outputs` with respect to `inputs`; no `grad` field changes.
 * @example
 * const x = tensor([3], { requiresGrad: true });
 * const [dx] = grad(x.square(), x, { createGraph: true }); // 6
 * const [ddx] = grad(dx, x); // 2
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: GradOptions & { allowUnused?: false },
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions,
): (Tensor | null)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  checkOptions('grad', options);
  const roots = listOf('outputs', outputs);
  const targets = listOf('inputs', inputs);
  const given = options.gradOutputs;
  const seeds = given === undefined ? undefined : listOf('gradOutputs', given);
  if (seeds !== undefined && seeds.length !== roots.length) {
    throw argumentError('grad', `wants one gradient for each output, got ${seeds.length} for ${roots.length}`);
  }
  const sweep = startSweep(options);
  const outer = current().scope;
  const results = withContextSync({ gradMode: sweep.createGraph, scope: sweep.scope, autocast: null }, () => {
    try {
      return collect(sweep, roots, seeds, targets);
    } finally {
      dropPending(sweep);
    }
  });
  for (const [i, g] of results.entries()) {
    if (g === null) {
      if (options.allowUnused) continue;
      throw gradError('grad', `the outputs do not depend on input ${i}; pass { allowUnused: true } to get null for it`);
    }
    g._kept = false;
    if (outer === null) watch(g.storage);
    else outer.tensors.push(g);
  }
  return results;
}

/** One tensor or an array of them as an array. */
function listOf<T>(name: string, value: Tensor | readonly T[]): readonly (T | Tensor)[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value;
  throw argumentError('grad', `${name} must be a tensor or an array of tensors, got ${formatValue(value)}`);
}

function collect(
  sweep: Sweep,
  roots: readonly Tensor[],
  seeds: readonly (Tensor | null)[] | undefined,
  targets: readonly Tensor[],
): (Tensor | null)[] {
  const goals = targets.map((t) => {
    requireTensor('grad', t, 'each input');
    checkLive('grad', t);
    const node = gradNode(t);
    if (node === null) throw gradError('grad', 'an input does not require grad');
    return node;
  });
  for (const [i, root] of roots.entries()) {
    const first = seed('grad', root, seeds?.[i]);
    send(sweep, gradNode(root) as Node | LeafNode, root._index, first);
  }
  const nodes = reachable(sweep.pending.keys());
  // Only nodes on a path to a wanted input run, so the rest of the graph keeps what it saved.
  const needed = new Set<Node | LeafNode>(goals);
  const goal = new Set<Node | LeafNode>(goals);
  const passes = new Set<Node | LeafNode>();
  for (const node of nodes.toReversed()) {
    if (node instanceof Node && node.sources.some((source) => source !== null && needed.has(source))) {
      needed.add(node);
      passes.add(node);
    }
  }
  const results: (Tensor | null)[] = targets.map(() => null);
  for (const node of nodes) {
    const slots = sweep.pending.get(node);
    if (slots === undefined) continue;
    receive(sweep, node, slots);
    if (goal.has(node)) {
      for (const [i, each] of goals.entries()) {
        const g = each === node ? slots[(targets[i] as Tensor)._index] : null;
        if (g != null) results[i] = handle(g);
      }
    }
    if (node instanceof Node && passes.has(node)) step(sweep, node, (source) => needed.has(source));
  }
  return results;
}
