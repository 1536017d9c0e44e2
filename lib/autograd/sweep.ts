// One pass over the tape: gradients that wait at nodes are summed, shown to hooks and sent on through each node's backward.
import { argumentError, dtypeError, gradError, libraryFolders, shapeError } from '../errors.ts';
import { current } from '../core/context.ts';
import { isFloat } from '../core/dtype.ts';
import { addInPlaceKernel, anyNonFinite, copied, copyKernel, filledTensor, fillKernel } from '../core/primitives.ts';
import { noteGrad } from '../core/capture.ts';
import { Scope } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { watch } from '../core/storage.ts';
import { checkLive, emptyTensor, requireTensor, Tensor } from '../core/tensor.ts';
import type { AxisRange, GradientHook, Gradients, Node } from './tape.ts';
import { attach, gradNode, LeafNode, openContext, recording } from './tape.ts';
import { alias } from './views.ts';

let accumulateOp: ((a: Tensor, b: Tensor) => Tensor) | null = null;

/** Registers the op that sums gradients when they are differentiated again; lib/ops/index.ts calls it once. */
export function setAccumulate(op: (a: Tensor, b: Tensor) => Tensor): void {
  if (accumulateOp !== null) throw argumentError('setAccumulate', 'is called once, by lib/ops');
  accumulateOp = op;
}

/**
 * Gradients on their way to one node. Every slot owns a handle of its own: storage count 1 therefore means that nobody
 * else can see the buffer, and it may be added to in place.
 */
type Pending = (Tensor | null)[];

export interface Sweep {
  readonly scope: Scope;
  readonly createGraph: boolean;
  readonly retainGraph: boolean;
  readonly pending: Map<Node | LeafNode, Pending>;
  /** What is written so far of sums that came as parts; the rest is not zero yet. */
  readonly parts: Map<Tensor, AxisRange>;
}

/** A handle on `g` that no scope frees; connected to the graph when gradients are differentiated again. */
export function handle(g: Tensor): Tensor {
  const copy = alias(g);
  const node = recording() ? gradNode(g) : null;
  if (node !== null) attach(copy, node, g._index);
  copy._kept = true;
  return copy;
}

/** Adds two gradients; takes both handles over and returns one. */
function accumulate(sweep: Sweep, sum: Tensor, g: Tensor): Tensor {
  complete(sweep, sum);
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

export function send(sweep: Sweep, target: Node | LeafNode, index: number, g: Tensor): void {
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

export function storeInLeaf(sweep: Sweep, leaf: LeafNode, g: Tensor): void {
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
export function reachable(roots: Iterable<Node | LeafNode>): (Node | LeafNode)[] {
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

/** The gradients that arrived at `node` are completed and shown to its hooks, which may replace them. */
export function receive(sweep: Sweep, node: Node | LeafNode, slots: Pending): void {
  for (const g of slots) if (g != null) complete(sweep, g);
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

type Wanted = (target: Node | LeafNode) => boolean;

/** Runs one node's backward and sends the results on. */
export function step(sweep: Sweep, node: Node, wanted: Wanted): void {
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
    if (!addedInPlace(sweep, node, dys[0] as Tensor, wanted)) passOn(sweep, node, dys, wanted);
  } finally {
    sweep.scope.close(mark, undefined, null);
    for (const g of slots) g?.dispose();
  }
  if (!sweep.retainGraph) node.free();
}

/** Runs a node's backward. */
function passOn(sweep: Sweep, node: Node, dys: readonly (Tensor | null)[], wanted: Wanted): void {
  const { op } = node;
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
}

/**
 * Puts the gradient of a part where it belongs in the whole's, if nobody else sees that: written where parts meet that have
 * come so far, and added to anything else.
 */
function addedInPlace(sweep: Sweep, node: Node, dy: Tensor, wanted: Wanted): boolean {
  const [source] = node.sources;
  const { place, range } = node.op;
  if (place === undefined || source == null || !wanted(source) || current().anomaly || sweep.createGraph) return false;
  const index = node.sourceIndices[0] as number;
  const sum = sweep.pending.get(source)?.[index];
  const own = range?.(node.args) ?? null;
  const write = (to: Tensor): void => copyKernel({ storage: to.storage, dtype: to.dtype, ...place(to, node.args) }, dy);
  if (sum == null) {
    if (own === null || dy.size === 0) return false;
    const { shape, dtype } = node.inputs[0] as Node['inputs'][0];
    const fresh = emptyTensor(shape, dtype, dy.storage.queue);
    fresh._kept = true;
    sweep.parts.set(fresh, own);
    send(sweep, source, index, fresh);
    write(fresh);
    return true;
  }
  if (!owned(sum)) return false;
  const before = sweep.parts.get(sum);
  if (before !== undefined && own?.axis === before.axis && (own.to === before.from || own.from === before.to)) {
    sweep.parts.set(sum, { ...own, from: Math.min(own.from, before.from), to: Math.max(own.to, before.to) });
    write(sum);
    return true;
  }
  complete(sweep, sum);
  if (dy.size > 0) addInPlaceKernel(sum, dy, place(sum, node.args));
  return true;
}

/** Zeros where no part of a sum came. */
function complete(sweep: Sweep, sum: Tensor): void {
  if (sweep.parts.size === 0) return;
  const written = sweep.parts.get(sum);
  if (written === undefined) return;
  sweep.parts.delete(sum);
  const { axis, from, to } = written;
  const { storage, dtype, strides, shape } = sum;
  const clear = (start: number, end: number): void => {
    if (start === end) return;
    const offset = sum.offset + start * (strides[axis] as number);
    fillKernel({ storage, dtype, strides, offset, shape: shape.with(axis, end - start) }, 0);
  };
  clear(0, from);
  clear(to, shape[axis] as number);
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

/** The first line of a stack outside of the library. */
function callerOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(1);
  const own = (frame: string): boolean => libraryFolders.some((folder) => frame.includes(folder));
  return (frames.find((frame) => !own(frame)) ?? frames.at(-1) ?? '').trim();
}

/** The gradient a sweep starts with at `root`. */
export function seed(op: string, root: Tensor, gradient: Tensor | null | undefined): Tensor {
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

export function startSweep(options: {
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
    parts: new Map(),
  };
}

export function dropPending(sweep: Sweep): void {
  for (const slots of sweep.pending.values()) for (const g of slots) g?.dispose();
}
