// Differentiable ops of the model, each with its gradient as a closure over ops.
import type { Expr, ModelTensor } from './tensor.ts';
import {
  ModelError,
  addresses,
  contiguous,
  exactLimit,
  fresh,
  isRecording,
  nextSequence,
  numel,
  values,
} from './tensor.ts';

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
    sequence: nextSequence(),
    released: false,
  };
  t.node = { expr, version: t.base.store.version };
  return expr;
}

export const needsGrad = (t: ModelTensor): boolean => t.base.expr !== null;
export const isLeaf = (t: ModelTensor): boolean => t.base.expr?.leaf === t.base;

const aliasOf = (t: ModelTensor): ModelTensor => ({ ...t, pinned: exprOf(t), alive: true });

/** A new tensor with `data`, failed when an input is, with a node when one of `inputs` needs a gradient. */
export function make(
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
  if (isRecording() && parents.some((parent) => parent !== null)) {
    const kept = saved.map((t) => ({ store: t.base.store, version: t.base.store.version }));
    out.base.expr = { parents, vjp, saved: kept, leaf: null, sequence: nextSequence(), released: false };
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
export function stretched(t: ModelTensor, shape: readonly number[]): ModelTensor {
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

export function gather(flat: ModelTensor, view: ModelTensor): ModelTensor {
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
  const expr = isRecording() ? viewNode(t, shape, strides, offset) : null;
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
    sequence: nextSequence(),
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

export const reshapedLike = (t: ModelTensor, shape: readonly number[]): ModelTensor =>
  String(t.shape) === String(shape) ? t : reshaped(t, shape);

/** Gradients of one expression may come flat (through a view) or shaped; they hold the same elements. */
export function addFlat(a: ModelTensor, b: ModelTensor): ModelTensor {
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
  const result = make(t.shape, out, [t, source], [], (dy) => [
    needT ? copySlice(dy, fresh([], [0]), start, stop) : null,
    needSource ? sumTo(gather(reshaped(dy, [out.length]), place), source.shape) : null,
  ]);
  // What covers everything leaves nothing of the old values, nor of their failure.
  if (part.length === out.length && part.length > 0) {
    result.base.store.failure = source.base.store.failure;
    result.base.store.rounded = source.base.store.rounded;
  }
  return result;
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
