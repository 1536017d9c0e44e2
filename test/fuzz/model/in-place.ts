// In-place ops of the model and what they refuse.
import { add, broadcast, exprOf, gather, isLeaf, make, mul, reshapedLike, stretched, sub, sumTo } from './ops.ts';
import type { Expr, ModelTensor } from './tensor.ts';
import { ModelError, addresses, fresh, isContiguous, isRecording, nextSequence, numel, values } from './tensor.ts';

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
  if (isRecording() && isLeaf(t)) throw new ModelError('ERR_GRAD', 'a leaf under grad');
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
  if (!isRecording() || (before === null && exprOf(source) === null)) return;
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
    sequence: nextSequence(),
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
