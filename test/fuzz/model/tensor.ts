// Storages, views and expressions of the model: what a tensor is.

export class ModelError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Beyond this float32 may round, so values are only tracked, not compared. */
export const exactLimit = 2 ** 23;

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

export const nextSequence = (): number => ++sequence;

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

export const isRecording = (): boolean => recording;

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
