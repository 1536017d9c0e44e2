import { argumentError, dtypeError, gradError, shapeError } from '../errors.ts';
import { current, withContextSync } from '../core/context.ts';
import { isFloat } from '../core/dtype.ts';
import { addInPlaceKernel, anyNonFinite, copied, filledTensor } from '../core/primitives.ts';
import { noteGrad } from '../core/capture.ts';
import { Scope } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { watch } from '../core/storage.ts';
import { checkLive, requireTensor, Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { GradientHook, Gradients } from './tape.ts';
import { attach, gradNode, LeafNode, Node, openContext, recording } from './tape.ts';
import { alias } from './views.ts';

let accumulateOp: ((a: Tensor, b: Tensor) => Tensor) | null = null;

/** Registers the op that sums gradients when they are differentiated again; lib/ops/index.ts calls it once. */
export function setAccumulate(op: (a: Tensor, b: Tensor) => Tensor): void {
  if (accumulateOp !== null) throw argumentError('setAccumulate', 'is called once, by lib/ops');
  accumulateOp = op;
}

export interface BackwardOptions {
  /** dL/d(this tensor); may be omitted for a single element. */
  readonly gradient?: Tensor | undefined;
  /** Keep what the graph saved, for another backward. Default: createGraph. */
  readonly retainGraph?: boolean | undefined;
  /** Record the backward itself, for gradients of gradients. */
  readonly createGraph?: boolean | undefined;
}

/**
 * Gradients on their way to one node. Every slot owns a handle of its own: storage count 1 therefore means that nobody
 * else can see the buffer, and it may be added to in place.
 */
type Pending = (Tensor | null)[];

interface Sweep {
  readonly scope: Scope;
  readonly createGraph: boolean;
  readonly retainGraph: boolean;
  readonly pending: Map<Node | LeafNode, Pending>;
}

/** A handle on `g` that no scope frees; connected to the graph when gradients are differentiated again. */
function handle(g: Tensor): Tensor {
  const copy = alias(g);
  const node = recording() ? gradNode(g) : null;
  if (node !== null) attach(copy, node, g._index);
  copy._kept = true;
  return copy;
}

/** Adds two gradients; takes both handles over and returns one. */
function accumulate(sweep: Sweep, sum: Tensor, g: Tensor): Tensor {
  if (sweep.createGraph) {
    if (accumulateOp === null) throw gradError('backward', 'no op was registered to sum gradients');
    const result = accumulateOp(sum, g);
    result._kept = true;
    sum.dispose();
    g.dispose();
    return result;
  }
  if (owned(sum)) {
    addInPlaceKernel(sum, g);
    g.dispose();
    return sum;
  }
  if (owned(g)) {
    addInPlaceKernel(g, sum);
    sum.dispose();
    return g;
  }
  const result = copied(sum, sum.storage.queue);
  result._kept = true;
  addInPlaceKernel(result, g);
  sum.dispose();
  g.dispose();
  return result;
}

function owned(g: Tensor): boolean {
  return g.storage.count === 1 && g.isContiguous && !g.storage.readOnly;
}

function send(sweep: Sweep, target: Node | LeafNode, index: number, g: Tensor): void {
  const slots = sweep.pending.get(target);
  if (slots === undefined) {
    const fresh: Pending = [];
    fresh[index] = g;
    sweep.pending.set(target, fresh);
    return;
  }
  const sum = slots[index];
  slots[index] = sum == null ? g : accumulate(sweep, sum, g);
}

function storeInLeaf(sweep: Sweep, leaf: LeafNode, g: Tensor): void {
  const { tensor } = leaf;
  if (tensor._state !== 'live') {
    g.dispose();
    return;
  }
  noteGrad(tensor);
  const before = tensor._grad;
  if (before !== null && before._state === 'live') {
    if (!sweep.createGraph && !before.requiresGrad && before.isContiguous && !before.storage.readOnly) {
      addInPlaceKernel(before, g);
      g.dispose();
    } else tensor._grad = accumulate(sweep, handle(before), g);
  } else if (sweep.createGraph || owned(g)) tensor._grad = g;
  else {
    // A gradient that others can see, or that repeats elements, is copied: optimizers write into grad.
    tensor._grad = copied(g, g.storage.queue);
    tensor._grad._kept = true;
    g.dispose();
  }
  if (tensor._grad !== null) watch(tensor._grad.storage);
}

/** Every node the roots depend on, newest first. */
function reachable(roots: Iterable<Node | LeafNode>): (Node | LeafNode)[] {
  const seen = new Set<Node | LeafNode>(roots);
  const stack = [...seen];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node instanceof LeafNode) continue;
    for (const source of node.sources) {
      if (source !== null && !seen.has(source)) {
        seen.add(source);
        stack.push(source);
      }
    }
  }
  return [...seen].sort((a, b) => b.sequence - a.sequence);
}

/** Shows the gradients that arrived at `node` to its hooks, which may replace them. */
function runHooks(sweep: Sweep, node: Node | LeafNode, slots: Pending): void {
  if (node.hooks === null) return;
  for (const [index, hooks] of node.hooks) {
    for (const hook of [...hooks]) {
      const g = slots[index];
      if (g != null) slots[index] = hooked(sweep, hook, g);
    }
  }
}

function hooked(sweep: Sweep, hook: GradientHook, g: Tensor): Tensor {
  const mark = sweep.scope.tensors.length;
  try {
    const result = hook(g);
    if (result == null) return g;
    requireTensor('registerHook', result, 'what the hook returns');
    checkLive('registerHook', result);
    if (!sameShape(result.shape, g.shape) || result.dtype !== g.dtype) {
      throw gradError(
        'registerHook',
        `the hook must return ${g.dtype} ${formatShape(g.shape)}, got ${result.dtype} ${formatShape(result.shape)}`,
      );
    }
    if (result === g) return g;
    const replacement = handle(result);
    g.dispose();
    return replacement;
  } finally {
    sweep.scope.close(mark, undefined, null);
  }
}

/** Runs one node's backward and sends the results on. */
function step(sweep: Sweep, node: Node, wanted: (target: Node | LeafNode) => boolean): void {
  const { op } = node;
  if (node.freed) {
    throw gradError(
      op.name,
      'what this op saved was freed by an earlier backward; pass { retainGraph: true } to the first backward to go through it twice',
    );
  }
  const slots = sweep.pending.get(node) as Pending;
  sweep.pending.delete(node);
  const mark = sweep.scope.tensors.length;
  try {
    const dys = node.outputs.map((out, i) => {
      const g = slots[i];
      if (g != null) return g;
      return isFloat(out.dtype) ? filledTensor(out.shape, out.dtype, out.storage.queue, 0) : null;
    });
    const ctx = openContext(node, sweep.createGraph);
    const run = (!sweep.createGraph && op.fastBackward) || op.backward;
    if (run === undefined) throw gradError(op.name, 'has no backward');
    const flat = flatten(node, run(ctx, dys[0] as Tensor, ...dys.slice(1)));
    for (let i = 0; i < node.sources.length; i++) {
      const source = node.sources[i];
      const g = flat[i];
      if (source == null || g == null || !wanted(source)) continue;
      checkGradient(node, i, g);
      if (current().anomaly) checkFinite(node, g);
      send(sweep, source, node.sourceIndices[i] as number, handle(g));
    }
  } finally {
    sweep.scope.close(mark, undefined, null);
    for (const g of slots) g?.dispose();
  }
  if (!sweep.retainGraph) node.free();
}

function flatten(node: Node, gradients: Gradients): (Tensor | null | undefined)[] {
  const flat: (Tensor | null | undefined)[] = [];
  let at = 0;
  for (const arg of node.args) {
    const g = gradients[at++];
    if (Array.isArray(arg)) {
      if (isTensorList(arg))
        for (let i = 0; i < arg.length; i++) flat.push((g as readonly (Tensor | null)[] | null)?.[i]);
    } else if (typeof arg === 'object' && arg !== null && isTensorArgument(arg))
      flat.push(g as Tensor | null | undefined);
  }
  return flat;
}

function isTensorArgument(arg: object): boolean {
  return arg instanceof Tensor || 'open' in arg;
}

function isTensorList(arg: readonly unknown[]): boolean {
  const [first] = arg;
  return typeof first === 'object' && first !== null && isTensorArgument(first);
}

function checkGradient(node: Node, i: number, g: Tensor): void {
  const wanted = node.inputs[i] as { shape: readonly number[]; dtype: string };
  if (!(g instanceof Tensor)) throw gradError(node.op.name, `backward gave ${typeof g} for tensor argument ${i}`);
  checkLive(node.op.name, g);
  if (sameShape(g.shape, wanted.shape) && g.dtype === wanted.dtype) return;
  throw gradError(
    node.op.name,
    `backward gave ${g.dtype} ${formatShape(g.shape)} for tensor argument ${i}, wanted ${wanted.dtype} ${formatShape(wanted.shape)}`,
  );
}

function checkFinite({ op, site }: Node, g: Tensor): void {
  const flag = anyNonFinite(g);
  if (flag.itemSync() === 0) return;
  const line = site === null ? '' : `; the op was called ${callerOf(site)}`;
  throw gradError(op.name, `backward gave a gradient with NaN or Infinity${line}`, site ?? undefined);
}

const libraryFolder = new URL('..', import.meta.url).href;

/** The first line of a stack outside of the library. */
function callerOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(1);
  return (frames.find((frame) => !frame.includes(libraryFolder)) ?? frames.at(-1) ?? '').trim();
}

/** The gradient a sweep starts with at `root`. */
function seed(op: string, root: Tensor, gradient: Tensor | null | undefined): Tensor {
  requireTensor(op, root, 'what is differentiated');
  checkLive(op, root);
  if (!root.requiresGrad) throw gradError(op, 'this tensor does not require grad and was not made by a recorded op');
  if (gradient == null) {
    if (root.size !== 1) {
      throw gradError(op, `a gradient can be left out only for one element, got shape ${formatShape(root.shape)}`);
    }
    const ones = filledTensor(root.shape, root.dtype, root.storage.queue, 1);
    const own = handle(ones);
    ones.dispose();
    return own;
  }
  requireTensor(op, gradient, 'the gradient');
  checkLive(op, gradient);
  if (!sameShape(gradient.shape, root.shape)) {
    throw shapeError(op, `the gradient must have shape ${formatShape(root.shape)}, got ${formatShape(gradient.shape)}`);
  }
  if (gradient.dtype !== root.dtype) throw dtypeError(op, `the gradient must be ${root.dtype}, got ${gradient.dtype}`);
  return handle(gradient);
}

function startSweep(options: {
  readonly retainGraph?: boolean | undefined;
  readonly createGraph?: boolean | undefined;
}): Sweep {
  const createGraph = options.createGraph ?? false;
  return {
    // Pending gradients are freed by count; only a recorded sweep leaves storages to the graph.
    scope: new Scope(null, createGraph),
    createGraph,
    retainGraph: options.retainGraph ?? createGraph,
    pending: new Map(),
  };
}

function dropPending(sweep: Sweep): void {
  for (const slots of sweep.pending.values()) for (const g of slots) g?.dispose();
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
        runHooks(sweep, each, slots);
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
    runHooks(sweep, node, slots);
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
