// What warpgrad should do, written the plainest way: storages are float64 arrays, a view is an address rule, a graph is a
// tree of closures. Views of a tensor never remember a node of their own: each use derives it from the base's current
// expression, so the rule for in-place ops on views (copySlice on the base, siblings re-derived) falls out of the shape of
// the data. The fuzzer's numbers are small integers, for which float32 sums are exact in every order.

export class ModelError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Beyond this float32 may round, so values are only tracked, not compared. */
const exactLimit = 2 ** 23;

export class Store {
  readonly data: Float64Array;
  version = 0;
  /** Code of the failure that left it without a value. */
  failure: string | null = null;
  readOnly = false;
  /** A value went past exactLimit. */
  rounded = false;

  constructor(size: number) {
    this.data = new Float64Array(size);
  }
}

/** How the current value of a differentiable base came about. */
export interface Expr {
  readonly parents: readonly (Expr | null)[];
  readonly vjp: ((dy: ModelTensor) => (ModelTensor | null)[]) | null;
  readonly saved: readonly { readonly store: Store; readonly version: number }[];
  readonly leaf: Base | null;
  /** Older nodes have smaller numbers; backward goes from the newest to the oldest. */
  readonly sequence: number;
  released: boolean;
}

let sequence = 0;

/** What views share: a storage and the expression of its value. detach() makes another base over the same storage. */
export interface Base {
  readonly store: Store;
  readonly shape: readonly number[];
  expr: Expr | null;
  grad: ModelTensor | null;
}

export interface ModelTensor {
  readonly base: Base;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** A saved copy of a tensor keeps the expression of the moment it was saved. */
  readonly pinned?: Expr | null;
  /** A view's node, good as long as the storage has this version. */
  node?: { readonly expr: Expr; readonly version: number };
  alive: boolean;
  readonly isView?: boolean;
}

let recording = true;

export function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

export const numel = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export function contiguous(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const size of [...shape].reverse()) {
    strides.unshift(step);
    step *= Math.max(1, size);
  }
  return strides;
}

/** Elements in row-major order without gaps; an axis of size 1 has no step. */
export function isContiguous(t: Pick<ModelTensor, 'shape' | 'strides'>): boolean {
  const plain = contiguous(t.shape);
  return t.shape.includes(0) || t.shape.every((size, axis) => size === 1 || t.strides[axis] === plain[axis]);
}

/** Addresses of a tensor's elements in row-major order. */
export function addresses(t: Pick<ModelTensor, 'offset' | 'shape' | 'strides'>): number[] {
  let list = [t.offset];
  t.shape.forEach((size, axis) => {
    const stride = t.strides[axis] ?? 0;
    list = list.flatMap((address) => Array.from({ length: size }, (_, i) => address + i * stride));
  });
  return list;
}

export function values(t: ModelTensor): number[] {
  return addresses(t).map((address) => t.base.store.data[address] ?? Number.NaN);
}

export function fresh(shape: readonly number[], data: ArrayLike<number>): ModelTensor {
  const store = new Store(numel(shape));
  store.data.set(Array.from(data));
  store.rounded = store.data.some((v) => Math.abs(v) > exactLimit);
  return { base: { store, shape, expr: null, grad: null }, offset: 0, shape, strides: contiguous(shape), alive: true };
}

export function requireGrad(t: ModelTensor): ModelTensor {
  t.base.expr = { parents: [], vjp: null, saved: [], leaf: t.base, sequence: 0, released: false };
  return t;
}

/** The expression of a tensor's present value; a view whose storage has changed derives its node from the base anew. */
export function exprOf(t: ModelTensor): Expr | null {
  if (t.pinned !== undefined) return t.pinned;
  const { expr, store } = t.base;
  if (expr === null || !t.node) return expr === null || !t.isView ? expr : derive(t, expr);
  return t.node.version === store.version ? t.node.expr : derive(t, expr);
}

function derive(t: ModelTensor, parent: Expr): Expr {
  const size = t.base.store.data.length;
  const expr: Expr = {
    parents: [parent],
    vjp: (dy) => [reshapedLike(scatter(dy, size, t), t.base.shape)],
    saved: [],
    leaf: null,
    sequence: ++sequence,
    released: false,
  };
  t.node = { expr, version: t.base.store.version };
  return expr;
}

export const needsGrad = (t: ModelTensor): boolean => t.base.expr !== null;
export const isLeaf = (t: ModelTensor): boolean => t.base.expr?.leaf === t.base;

const aliasOf = (t: ModelTensor): ModelTensor => ({ ...t, pinned: exprOf(t), alive: true });

/** A new tensor with `data`, failed when an input is, with a node when one of `inputs` needs a gradient. */
function make(
  shape: readonly number[],
  data: ArrayLike<number>,
  inputs: readonly ModelTensor[],
  saved: readonly ModelTensor[],
  vjp: (dy: ModelTensor) => (ModelTensor | null)[],
): ModelTensor {
  const out = fresh(shape, data);
  const { store } = out.base;
  for (const input of inputs) {
    store.failure ??= input.base.store.failure;
    store.rounded ||= input.base.store.rounded;
  }
  const parents = inputs.map(exprOf);
  if (recording && parents.some((parent) => parent !== null)) {
    const kept = saved.map((t) => ({ store: t.base.store, version: t.base.store.version }));
    out.base.expr = { parents, vjp, saved: kept, leaf: null, sequence: ++sequence, released: false };
  }
  return out;
}

export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new ModelError('ERR_SHAPE', `cannot broadcast [${a}] and [${b}]`);
    return x === 1 ? y : x;
  });
}

/** The same elements seen through `shape`. */
function stretched(t: ModelTensor, shape: readonly number[]): ModelTensor {
  const lead = shape.length - t.shape.length;
  const strides = shape.map((_, i) => (i < lead || t.shape[i - lead] === 1 ? 0 : (t.strides[i - lead] ?? 0)));
  return { ...t, shape, strides };
}

/** Sums `t` down to `shape`, the reverse of broadcasting. */
export function sumTo(t: ModelTensor, shape: readonly number[]): ModelTensor {
  if (String(t.shape) === String(shape)) return t;
  const out = new Float64Array(numel(shape));
  const magnitude = new Float64Array(out.length);
  const targets = addresses(stretched(fresh(shape, out), t.shape));
  values(t).forEach((value, i) => {
    const at = targets[i] ?? 0;
    out[at] = (out[at] ?? 0) + value;
    magnitude[at] = (magnitude[at] ?? 0) + Math.abs(value);
  });
  const result = make(shape, out, [t], [], (dy) => [materialise(stretched(dy, t.shape), dy)]);
  result.base.store.rounded ||= magnitude.some((v) => v > exactLimit);
  return result;
}

/** A copy of a view with a node that sums back. */
function materialise(view: ModelTensor, source: ModelTensor): ModelTensor {
  return make(view.shape, values(view), [source], [], (dy) => [sumTo(dy, source.shape)]);
}

function scatter(dy: ModelTensor, size: number, view: ModelTensor): ModelTensor {
  const out = new Float64Array(size);
  const magnitude = new Float64Array(size);
  const targets = addresses(view);
  values(dy).forEach((value, i) => {
    const at = targets[i] ?? 0;
    out[at] = (out[at] ?? 0) + value;
    magnitude[at] = (magnitude[at] ?? 0) + Math.abs(value);
  });
  const result = make([size], out, [dy], [], (ddy) => [gather(ddy, view)]);
  result.base.store.rounded ||= magnitude.some((v) => v > exactLimit);
  return result;
}

function gather(flat: ModelTensor, view: ModelTensor): ModelTensor {
  const source = values(flat);
  return make(
    view.shape,
    addresses(view).map((at) => source[at] ?? 0),
    [flat],
    [],
    (dy) => [scatter(dy, source.length, view)],
  );
}

type Scalar = (a: number, b: number) => number;

function elementwise(
  a: ModelTensor,
  b: ModelTensor,
  f: Scalar,
  saved: ModelTensor[],
  vjp: (dy: ModelTensor) => [() => ModelTensor, () => ModelTensor],
): ModelTensor {
  const shape = broadcast(a.shape, b.shape);
  const x = values(stretched(a, shape));
  const y = values(stretched(b, shape));
  const [needA, needB] = [needsGrad(a), needsGrad(b)];
  return make(
    shape,
    x.map((v, i) => f(v, y[i] ?? 0)),
    [a, b],
    saved,
    (dy) => {
      const [forA, forB] = vjp(dy);
      return [needA ? sumTo(forA(), a.shape) : null, needB ? sumTo(forB(), b.shape) : null];
    },
  );
}

export function add(a: ModelTensor, b: ModelTensor): ModelTensor {
  return elementwise(
    a,
    b,
    (x, y) => x + y,
    [],
    (dy) => [() => dy, () => dy],
  );
}

export function sub(a: ModelTensor, b: ModelTensor): ModelTensor {
  return elementwise(
    a,
    b,
    (x, y) => x - y,
    [],
    (dy) => [() => dy, () => mul(dy, fresh([], [-1]))],
  );
}

export function mul(a: ModelTensor, b: ModelTensor): ModelTensor {
  const saved = [...(needsGrad(b) ? [a] : []), ...(needsGrad(a) ? [b] : [])];
  const [savedA, savedB] = [aliasOf(a), aliasOf(b)];
  return elementwise(
    a,
    b,
    (x, y) => x * y,
    saved,
    (dy) => [() => mul(dy, savedB), () => mul(dy, savedA)],
  );
}

/** Matrices only. */
export function matmul(a: ModelTensor, b: ModelTensor): ModelTensor {
  const [rows = 0, inner = 0] = a.shape;
  const [innerB = 0, columns = 0] = b.shape;
  if (inner !== innerB) throw new ModelError('ERR_SHAPE', `inner sizes ${inner} and ${innerB}`);
  const [x, y] = [values(a), values(b)];
  const out = new Float64Array(rows * columns);
  let magnitude = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      let total = 0;
      for (let k = 0; k < inner; k++) {
        const product = (x[i * inner + k] ?? 0) * (y[k * columns + j] ?? 0);
        out[i * columns + j] = (out[i * columns + j] ?? 0) + product;
        total += Math.abs(product);
      }
      magnitude = Math.max(magnitude, total);
    }
  const saved = [...(needsGrad(b) ? [a] : []), ...(needsGrad(a) ? [b] : [])];
  const [needA, needB] = [needsGrad(a), needsGrad(b)];
  const [savedA, savedB] = [aliasOf(a), aliasOf(b)];
  const result = make([rows, columns], out, [a, b], saved, (dy) => [
    needA ? matmul(dy, transpose(savedB)) : null,
    needB ? matmul(transpose(savedA), dy) : null,
  ]);
  result.base.store.rounded ||= magnitude > exactLimit;
  return result;
}

/** Sums one axis (or all) away. */
export function sum(t: ModelTensor, axis: number | null, keepdim: boolean): ModelTensor {
  const kept = t.shape.map((size, i) => (axis === null || i === axis ? 1 : size));
  const small = sumTo(t, kept);
  if (keepdim) return small === t ? make(kept, values(t), [t], [], (dy) => [dy]) : small;
  const shape = t.shape.filter((_, i) => axis !== null && i !== axis);
  return make(shape, values(small), [small], [], (dy) => [
    make(kept, values(dy), [dy], [], (ddy) => [reshaped(ddy, shape)]),
  ]);
}

/** A copy in another shape. */
export function reshaped(t: ModelTensor, shape: readonly number[]): ModelTensor {
  return make(shape, values(t), [t], [], (dy) => [reshaped(dy, t.shape)]);
}

/** Rows of t. An index out of range fails the result later, on the device. */
export function index(t: ModelTensor, indices: readonly number[]): ModelTensor {
  const [rows = 0, ...rest] = t.shape;
  const width = numel(rest);
  const source = values(t);
  const data = indices.flatMap((row) => Array.from({ length: width }, (_, i) => source[row * width + i] ?? 0));
  const out = make([indices.length, ...rest], data, [t], [], (dy) => [indexAdd(dy, indices, t.shape)]);
  if (indices.some((row) => row < 0 || row >= rows)) out.base.store.failure ??= 'ERR_INDEX';
  return out;
}

function indexAdd(dy: ModelTensor, indices: readonly number[], shape: readonly number[]): ModelTensor {
  const width = numel(shape.slice(1));
  const out = new Float64Array(numel(shape));
  values(dy).forEach((value, i) => {
    const at = (indices[Math.floor(i / Math.max(1, width))] ?? 0) * width + (i % Math.max(1, width));
    out[at] = (out[at] ?? 0) + value;
  });
  const result = make(shape, out, [dy], [], (ddy) => [index(ddy, indices)]);
  if (indices.some((row) => row < 0 || row >= (shape[0] ?? 0))) result.base.store.failure ??= 'ERR_INDEX';
  return result;
}

export function view(
  t: ModelTensor,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): ModelTensor {
  if (t.pinned !== undefined)
    return { base: t.base, offset, shape, strides, alive: true, pinned: viewNode(t, shape, strides, offset) };
  const result: ModelTensor = { base: t.base, offset, shape, strides, alive: true, isView: true };
  const expr = recording ? viewNode(t, shape, strides, offset) : null;
  if (expr) result.node = { expr, version: t.base.store.version };
  return result;
}

/** A node over the expression of `t`, in the coordinates of `t`. */
function viewNode(t: ModelTensor, shape: readonly number[], strides: readonly number[], offset: number): Expr | null {
  const parent = exprOf(t);
  if (parent === null) return null;
  const place = new Map(addresses(t).map((address, i) => [address, i]));
  const size = numel(t.shape);
  const rule = { offset, shape, strides };
  return {
    parents: [parent],
    vjp: (dy) => {
      const out = new Float64Array(size);
      const list = addresses(rule).map((address) => place.get(address) ?? 0);
      values(dy).forEach((value, i) => {
        const at = list[i] ?? 0;
        out[at] = (out[at] ?? 0) + value;
      });
      return [make(t.shape, out, [dy], [], (ddy) => [permuted(ddy, list, shape)])];
    },
    saved: [],
    leaf: null,
    sequence: ++sequence,
    released: false,
  };
}

function permuted(t: ModelTensor, list: readonly number[], shape: readonly number[]): ModelTensor {
  const source = values(t);
  return make(
    shape,
    list.map((at) => source[at] ?? 0),
    [t],
    [],
    (dy) => {
      const out = new Float64Array(source.length);
      values(dy).forEach((value, i) => {
        const at = list[i] ?? 0;
        out[at] = (out[at] ?? 0) + value;
      });
      return [make(t.shape, out, [dy], [], (ddy) => [permuted(ddy, list, shape)])];
    },
  );
}

export function transpose(t: ModelTensor): ModelTensor {
  const rank = t.shape.length;
  const swap = <T>(list: readonly T[]): T[] => [...list.slice(0, rank - 2), ...list.slice(rank - 2).reverse()];
  return view(t, swap(t.shape), swap(t.strides), t.offset);
}

/** Whether two elements of the view share an address: some axis is expanded. */
export function overlapsItself(t: ModelTensor): boolean {
  return !t.shape.includes(0) && t.shape.some((size, axis) => size > 1 && t.strides[axis] === 0);
}

/** The first and last address of a view. */
const extent = (t: ModelTensor): [number, number] => {
  const list = addresses(t);
  return [Math.min(...list), Math.max(...list)];
};

/** As the library judges it: by the ranges of memory two views span, which is on the safe side. */
function overlap(a: ModelTensor, b: ModelTensor): boolean {
  if (a.base.store !== b.base.store || numel(a.shape) === 0 || numel(b.shape) === 0) return false;
  if (a.offset === b.offset && String(a.shape) === String(b.shape) && String(a.strides) === String(b.strides))
    return false;
  const [low, high] = extent(a);
  const [from, to] = extent(b);
  return from <= high && low <= to;
}

export type InPlace = 'add_' | 'sub_' | 'mul_' | 'copy_' | 'fill_';

/** Throws what the in-place op on `t` must throw before anything changes. */
export function checkInPlace(t: ModelTensor, source: ModelTensor | null): void {
  if (t.base.store.readOnly) throw new ModelError('ERR_ARGUMENT', 'borrowed');
  if (overlapsItself(t)) throw new ModelError('ERR_ARGUMENT', 'elements overlap');
  if (recording && isLeaf(t)) throw new ModelError('ERR_GRAD', 'a leaf under grad');
  if (source) {
    if (String(broadcast(t.shape, source.shape)) !== String(t.shape))
      throw new ModelError('ERR_SHAPE', 'grows the target');
    if (overlap(t, source)) throw new ModelError('ERR_ARGUMENT', 'partial overlap');
  }
}

/** Performs t = f(t, source) in place; `fails` is the code of a fault injected into it. */
export function inPlace(name: InPlace, t: ModelTensor, source: ModelTensor, fails: string | null): void {
  checkInPlace(t, source);
  const { store } = t.base;
  const covers =
    (name === 'copy_' || name === 'fill_') &&
    store.data.length > 0 &&
    numel(t.shape) === store.data.length &&
    isContiguous(t);
  const before = exprOf(t);
  const old: ModelTensor = { ...fresh(t.shape, values(t)) };
  old.base.expr = before;
  const plain = fresh(t.shape, values(stretched(source, t.shape)));
  // An operand that is the target itself counts with the values it had.
  const operand =
    source.base.store === store ? { ...fresh(source.shape, values(source)), pinned: exprOf(source) } : source;
  if (operand !== source && operand.pinned) operand.base.expr = operand.pinned;
  operand.base.store.failure ??= source.base.store.failure;
  operand.base.store.rounded ||= source.base.store.rounded;
  let next: ModelTensor;
  if (name === 'add_') next = add(old, operand);
  else if (name === 'sub_') next = sub(old, operand);
  else if (name === 'mul_') next = mul(old, operand);
  // The old values count for nothing: zeros flow on to what made them.
  else
    next = make(t.shape, values(plain), [old, operand], [], (dy) => [
      mul(dy, fresh([], [0])),
      sumTo(dy, operand.shape),
    ]);
  // What mul_ saves of the target is the target itself, which this very op changes: only the other operand may matter later.
  const failure = source.base.store.failure ?? (covers ? null : store.failure) ?? fails;
  if (failure === null) {
    addresses(t).forEach((address, i) => {
      store.data[address] = next.base.store.data[i] ?? Number.NaN;
    });
    if (covers) store.failure = null;
    store.rounded = (covers ? false : store.rounded) || next.base.store.rounded;
  }
  store.version++;
  if (!recording || (before === null && exprOf(source) === null)) return;
  if (!t.isView) t.base.expr = next.base.expr;
  else t.base.expr = copySliceNode(t, t.base.expr, next.base.expr);
}

/** The base's new expression after its part `t` became `part`. */
function copySliceNode(t: ModelTensor, whole: Expr | null, part: Expr | null): Expr {
  return {
    parents: [whole, part],
    vjp: (dy) => {
      const zero = fresh(t.shape, new Float64Array(numel(t.shape)));
      return [whole ? reshapedLike(replaced(dy, t, zero), t.base.shape) : null, part ? gather(dy, t) : null];
    },
    saved: [],
    leaf: null,
    sequence: ++sequence,
    released: false,
  };
}

/** A copy of the flat `whole` with the elements of `place` taken from `part`. */
function replaced(whole: ModelTensor, place: ModelTensor, part: ModelTensor): ModelTensor {
  const out = Float64Array.from(values(whole));
  const source = values(part);
  addresses(place).forEach((address, i) => {
    out[address] = source[i] ?? 0;
  });
  return make([out.length], out, [whole, part], [], (dy) => {
    const zero = fresh(place.shape, new Float64Array(numel(place.shape)));
    return [replaced(dy, place, zero), gather(dy, place)];
  });
}

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

const reshapedLike = (t: ModelTensor, shape: readonly number[]): ModelTensor =>
  String(t.shape) === String(shape) ? t : reshaped(t, shape);

/** Gradients of one expression may come flat (through a view) or shaped; they hold the same elements. */
function addFlat(a: ModelTensor, b: ModelTensor): ModelTensor {
  return add(a, reshapedLike(b, a.shape));
}

/** A copy of t with rows [start, stop) replaced by `source`, which broadcasts. */
export function copySlice(t: ModelTensor, source: ModelTensor, start: number, stop: number): ModelTensor {
  const strides = contiguous(t.shape);
  const place: ModelTensor = view(
    fresh(t.shape, new Float64Array(numel(t.shape))),
    [stop - start, ...t.shape.slice(1)],
    strides,
    start * (strides[0] ?? 0),
  );
  if (String(broadcast(source.shape, place.shape)) !== String(place.shape))
    throw new ModelError('ERR_SHAPE', 'does not fit');
  const out = Float64Array.from(values(t));
  const part = values(stretched(source, place.shape));
  addresses(place).forEach((address, i) => {
    out[address] = part[i] ?? 0;
  });
  const [needT, needSource] = [needsGrad(t), needsGrad(source)];
  return make(t.shape, out, [t, source], [], (dy) => [
    needT ? copySlice(dy, fresh([], [0]), start, stop) : null,
    needSource ? sumTo(gather(reshaped(dy, [out.length]), place), source.shape) : null,
  ]);
}

/** Overwrites a contiguous tensor from the host. */
export function write(t: ModelTensor, data: ArrayLike<number>): void {
  if (t.base.store.readOnly) throw new ModelError('ERR_ARGUMENT', 'borrowed');
  if (overlapsItself(t) || !isContiguous(t)) throw new ModelError('ERR_ARGUMENT', 'not contiguous');
  const { store } = t.base;
  addresses(t).forEach((address, i) => {
    store.data[address] = data[i] ?? 0;
  });
  if (numel(t.shape) === store.data.length) {
    store.failure = null;
    store.rounded = false;
  }
  store.version++;
}

/** Another tensor over the same storage, outside of the graph. */
export function detach(t: ModelTensor): ModelTensor {
  return {
    base: { store: t.base.store, shape: t.shape, expr: null, grad: null },
    offset: t.offset,
    shape: t.shape,
    strides: t.strides,
    alive: true,
  };
}
