import { argumentError, deviceError, disposedError, dtypeError, gradError, shapeError } from '../errors.ts';
import type { KernelView } from '../native/kernels.ts';
import { current } from './context.ts';
import type { DType, TypedArrayOf } from './dtype.ts';
import { arrayTypes, dtypeOfArray, isFloat, itemSize } from './dtype.ts';
import type { Device, Queue } from './device.ts';
import { asNumbers, isHalf } from './half.ts';
import { copyKernel } from './primitives.ts';
import { formatTensor } from './print.ts';
import type { Shape } from './shape.ts';
import { contiguousStrides, formatShape, numelOf, sameShape } from './shape.ts';
import type { Storage } from './storage.ts';
import { allocate, lend, read, readSync, released, write } from './storage.ts';
import { checkBuffer, formatValue } from './values.ts';

const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What a tensor needs to know of the tape; autograd/tape.ts has the rest. */
export interface GraphNode {
  readonly leaf: boolean;
  retain(): void;
  release(): void;
}

/** Nested arrays as `toArray` gives them. */
export type Nested<T> = T | Nested<T>[];

/** Life of a Tensor object: the storage itself is counted. `unsaved` stands for an argument an op's backward did not ask for. */
export type TensorState = 'live' | 'disposed' | 'unsaved';

/**
 * An n-dimensional array of one dtype on one device: a view of a Storage plus its place in the graph. Ops are functions
 * that make new tensors; every op is also a method.
 * @example
 * const t = tensor([[1, 2], [3, 4]]); t.shape; // [2, 2]
 */
export class Tensor<D extends DType = DType> implements KernelView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: Shape;
  readonly dtype: D;
  /** Number of elements. */
  readonly size: number;
  readonly isContiguous: boolean;
  // Fields with an underscore belong to core, autograd and ops; the class keeps one hidden shape by setting them all here.
  /** @internal */ _state: TensorState = 'live';
  /** @internal */ _requiresGrad = false;
  /** @internal */ _kept = false;
  /** @internal */ _node: GraphNode | null = null;
  /** @internal which output of its node this is */ _index = 0;
  /** @internal */ _grad: Tensor | null = null;
  /** @internal for views: what autograd/views.ts knows of the base */ _view: {
    readonly base: Tensor;
    readonly tracked: boolean;
    readonly readOnly: boolean;
  } | null = null;
  /** @internal storage version when `_node` was set, for views */ _nodeVersion = 0;
  /** @internal live views of this base: while there are any, its place in the graph outlives dispose() */ _views = 0;

  /** Takes over one count of `storage`. */
  constructor(
    storage: Storage,
    offset: number,
    shape: Shape,
    strides: Shape,
    dtype: D,
    size: number,
    contiguous: boolean,
  ) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.dtype = dtype;
    this.size = size;
    this.isContiguous = contiguous;
    const { scope } = current();
    if (scope !== null) scope.tensors.push(this);
  }

  get rank(): number {
    return this.shape.length;
  }

  get device(): Device {
    return this.storage.queue.device;
  }

  get disposed(): boolean {
    return this._state !== 'live';
  }

  /** Counts changes of the storage by in-place ops, `write`, replays and `touch`. */
  get version(): number {
    return this.storage.version;
  }

  /** Whether ops on this tensor are recorded. Setting it makes a leaf; results of recorded ops cannot be changed. */
  get requiresGrad(): boolean {
    const view = this._view;
    return this._requiresGrad || (view?.tracked === true && view.base.requiresGrad);
  }

  set requiresGrad(value: boolean) {
    checkLive('requiresGrad', this);
    if (typeof value !== 'boolean') {
      throw argumentError('requiresGrad', `wanted true or false, got ${formatValue(value)}`);
    }
    if (value === this.requiresGrad) return;
    if (!this.isLeaf) throw gradError('requiresGrad', 'can only be changed on leaf tensors; use detach()');
    if (value && !isFloat(this.dtype)) {
      throw dtypeError('requiresGrad', `only float32 and float64 tensors have gradients, this one is ${this.dtype}`);
    }
    this._requiresGrad = value;
    if (!value) this._node = null;
  }

  /** Whether `backward` adds into this tensor's `grad`: made by the user, not by a recorded op. */
  get isLeaf(): boolean {
    return !this.requiresGrad || (this._requiresGrad && (this._node === null || this._node.leaf));
  }

  /** What `backward` summed up for this leaf, or null. Assign null to start anew. */
  get grad(): Tensor<D> | null {
    return this._grad as Tensor<D> | null;
  }

  set grad(value: Tensor | null) {
    if (value !== null) {
      requireTensor('grad', value, 'the gradient');
      checkLive('grad', value);
      if (!sameShape(value.shape, this.shape)) {
        throw shapeError('grad', `wanted shape ${formatShape(this.shape)}, got ${formatShape(value.shape)}`);
      }
      if (value.dtype !== this.dtype) throw dtypeError('grad', `wanted ${this.dtype}, got ${value.dtype}`);
      if (value.device !== this.device) {
        throw deviceError('grad', `wanted a tensor on ${this.device.name}, got one on ${value.device.name}`);
      }
      value._kept = true;
    }
    this._grad = value;
  }

  /**
   * The elements in row-major order as a typed array (int64 as BigInt64Array, bool as Uint8Array, float16 and bfloat16 as
   * their bits in a Uint16Array): a snapshot that later in-place ops do not change. Treat it as read-only.
   * @example
   * await tensor([1, 2]).add(1).data(); // Float32Array [2, 3]
   */
  data(): Promise<TypedArrayOf<D>> {
    checkLive('data', this);
    const make = arrayTypes[this.dtype] as new (buffer: ArrayBuffer) => TypedArrayOf<D>;
    if (this.size === 0) return Promise.resolve(new make(new ArrayBuffer(0)));
    const bytes = itemSize[this.dtype];
    const source = packed(this);
    const buffer = read(source.storage, source.offset * bytes, this.size * bytes);
    if (source !== this) source.dispose();
    return buffer.then((each) => new make(each));
  }

  /** `data()` that blocks the event loop until the device is done. */
  dataSync(): TypedArrayOf<D> {
    checkLive('dataSync', this);
    const make = arrayTypes[this.dtype] as new (buffer: ArrayBuffer) => TypedArrayOf<D>;
    if (this.size === 0) return new make(new ArrayBuffer(0));
    const bytes = itemSize[this.dtype];
    const source = packed(this);
    try {
      return new make(readSync(source.storage, source.offset * bytes, this.size * bytes));
    } finally {
      if (source !== this) source.dispose();
    }
  }

  /**
   * The only element as a number; ERR_SHAPE unless there is exactly one, ERR_ARGUMENT for an int64 beyond 2^53.
   * @example
   * await tensor([1, 2]).sum().item(); // 3
   */
  item(): Promise<number> {
    checkScalar('item', this);
    return this.data().then((data) => toNumber('item', asNumbers(data, this.dtype)[0]));
  }

  /** `item()` that blocks the event loop until the device is done. */
  itemSync(): number {
    checkScalar('itemSync', this);
    return toNumber('itemSync', asNumbers(this.dataSync(), this.dtype)[0]);
  }

  /** The only element of an integer tensor, exactly. */
  itemBigInt(): Promise<bigint> {
    checkScalar('itemBigInt', this);
    if (isFloat(this.dtype)) throw dtypeError('itemBigInt', `wants an integer tensor, got ${this.dtype}`);
    return this.data().then((data) => BigInt(data[0] ?? 0));
  }

  /**
   * The elements as nested arrays of numbers (bigint for int64, boolean for bool); a rank-0 tensor gives one element.
   * @example
   * await tensor([[1, 2], [3, 4]]).toArray(); // [[1, 2], [3, 4]]
   */
  toArray(): Promise<Nested<number | bigint | boolean>> {
    return this.data().then((data) => nest(asNumbers(data, this.dtype), this.dtype, this.shape));
  }

  /** `toArray()` that blocks the event loop until the device is done. */
  toArraySync(): Nested<number | bigint | boolean> {
    return nest(asNumbers(this.dataSync(), this.dtype), this.dtype, this.shape);
  }

  /** Calls the synchronous `fn` with the elements without copying them; the array is detached afterwards. */
  async lend<T>(fn: (data: TypedArrayOf<D>) => T): Promise<T> {
    checkLive('lend', this);
    if (typeof fn !== 'function') throw argumentError('lend', `wants a function, got ${formatValue(fn)}`);
    const make = arrayTypes[this.dtype] as new (buffer: ArrayBuffer) => TypedArrayOf<D>;
    if (this.size === 0) return fn(new make(new ArrayBuffer(0)));
    const bytes = itemSize[this.dtype];
    const source = packed(this);
    const result = lend(source.storage, source.offset * bytes, this.size * bytes, (buffer) => fn(new make(buffer)));
    if (source !== this) source.dispose();
    return result;
  }

  /** Resolves when a borrowed array is no longer read, so that its owner may change it. */
  released(): Promise<void> {
    return released(this.storage);
  }

  /**
   * Overwrites the elements from a typed array of the same dtype and size (a Uint16Array of bits for float16 and bfloat16),
   * in order with queued work.
   */
  write(source: ArrayBufferView): void {
    checkLive('write', this);
    checkWritable('write', this);
    if (ArrayBuffer.isView(source)) checkBuffer('write', source);
    const dtype = dtypeOfArray(source);
    const bits = source instanceof Uint16Array && isHalf(this.dtype);
    if (dtype !== this.dtype && !bits && !(this.dtype === 'bool' && dtype === 'uint8')) {
      throw dtypeError(
        'write',
        `wanted the elements of ${this.dtype}, got ${dtype ?? Object.prototype.toString.call(source).slice(8, -1)}`,
      );
    }
    if (!this.isContiguous) throw argumentError('write', 'wants a contiguous tensor');
    const bytes = itemSize[this.dtype];
    if (source.byteLength !== this.size * bytes) {
      throw shapeError('write', `wanted ${this.size} elements, got ${source.byteLength / bytes}`);
    }
    if (this.size > 0) write(this.storage, this.offset * bytes, source);
    this.storage.version++;
    this.storage.lastWriter = 'write';
  }

  /** Tells autograd that the elements were changed outside of it. */
  touch(): void {
    checkLive('touch', this);
    this.storage.version++;
    this.storage.lastWriter = 'touch';
  }

  /** Ends this Tensor; its views, its base and what the graph saved stay valid. Calling it again does nothing. */
  dispose(): void {
    if (this._state !== 'live') return;
    this._state = 'disposed';
    if (this._views === 0) this._node?.release();
    if (this._view !== null) leaveBase(this._view.base);
    this.storage.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The values as NumPy prints them; waits for the device. */
  toString(): string {
    if (this._state !== 'live') return describe(this);
    return formatTensor(asNumbers(this.dataSync(), this.dtype), this.dtype, this.shape);
  }

  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw argumentError('valueOf', 'a tensor is not a number: use await t.item(), or ops such as add(a, b)');
  }

  toJSON(): never {
    throw argumentError('toJSON', 'a tensor is not JSON: use await t.toArray(), or io.saveSafetensors for files');
  }

  valueOf(): never {
    throw argumentError('valueOf', 'a tensor is not a number: use await t.item(), or ops such as add(a, b)');
  }
}

// What console.log shows: shape, dtype and device; reads nothing.
Object.defineProperty(Tensor.prototype, inspect, {
  value(this: Tensor): string {
    return describe(this);
  },
});

/** One view less: a base that was disposed before its views gives up its place in the graph with the last of them. */
function leaveBase(base: Tensor): void {
  if (--base._views === 0 && base._state !== 'live') base._node?.release();
}

function describe(t: Tensor): string {
  const state = t._state === 'live' ? '' : ', disposed';
  const grad = t._requiresGrad ? ', requiresGrad' : '';
  return `Tensor(${formatShape(t.shape)}, ${t.dtype}, ${t.device.name}${grad}${state})`;
}

/** `t`, or a contiguous copy of it that the caller disposes. */
function packed<D extends DType>(t: Tensor<D>): Tensor<D> {
  if (t.isContiguous) return t;
  const copy = emptyTensor(t.shape, t.dtype, t.storage.queue);
  copyKernel(copy, t);
  return copy;
}

function checkScalar(op: string, t: Tensor): void {
  checkLive(op, t);
  if (t.size !== 1) throw shapeError(op, `wants a tensor with one element, got shape ${formatShape(t.shape)}`);
}

function toNumber(op: string, value: number | bigint | undefined): number {
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number)) {
    throw argumentError(op, `${value} is not a safe integer; use itemBigInt()`);
  }
  return number;
}

function nest(data: ArrayLike<number | bigint>, dtype: DType, shape: Shape): Nested<number | bigint | boolean> {
  let at = 0;
  const level = (axis: number): Nested<number | bigint | boolean> => {
    if (axis === shape.length) {
      const value = data[at++] as number | bigint;
      return dtype === 'bool' ? value !== 0 : value;
    }
    return Array.from({ length: shape[axis] as number }, () => level(axis + 1));
  };
  return level(0);
}

/** Throws ERR_ARGUMENT unless `value`, which may come from JavaScript without types, is a tensor. */
export function requireTensor(op: string, value: unknown, name = 'input'): asserts value is Tensor {
  if (value instanceof Tensor) return;
  throw argumentError(op, `${name} must be a tensor, got ${formatValue(value)}`);
}

/** Throws ERR_DISPOSED when `t` was disposed. Ops call it for every tensor they are given. */
export function checkLive(op: string, t: Tensor): void {
  if (t._state === 'live') return;
  if (t._state === 'unsaved') {
    throw gradError(op, 'this argument was not saved for backward: name it in `saves` of the op definition');
  }
  throw disposedError(op, `a tensor of shape ${formatShape(t.shape)} was used after dispose()`);
}

/** Throws when the elements of `t` may not be written: a borrowed array, or several indices sharing one element. */
export function checkWritable(op: string, t: Tensor): void {
  if (t.storage.readOnly) throw argumentError(op, 'this tensor borrows an array and is read-only; clone() it first');
  if (t._view?.readOnly) throw argumentError(op, 'this view is read-only (asStrided); clone() it first');
  if (t.size === 0 || t.isContiguous) return;
  for (let i = 0; i < t.shape.length; i++) {
    if (t.strides[i] === 0 && (t.shape[i] as number) > 1) {
      throw argumentError(op, `elements of the target overlap (axis ${i} is expanded); clone() it first`);
    }
  }
  if (mayOverlap(t)) throw argumentError(op, 'elements of the target overlap (windows); clone() it first');
}

/** Whether an axis steps within the reach of those with smaller strides. */
function mayOverlap({ shape, strides }: Tensor): boolean {
  const order = shape.map((_, i) => i).filter((i) => (shape[i] as number) > 1);
  const step = (i: number): number => Math.abs(strides[i] as number);
  order.sort((a, b) => step(a) - step(b));
  let reach = 0;
  for (const i of order) {
    if (step(i) <= reach) return true;
    reach += ((shape[i] as number) - 1) * step(i);
  }
  return false;
}

/** An uninitialised contiguous tensor; shape was checked by the caller. */
export function emptyTensor<D extends DType>(shape: Shape, dtype: D, queue: Queue): Tensor<D> {
  const size = numelOf(shape);
  return new Tensor(allocate(queue, size * itemSize[dtype]), 0, shape, contiguousStrides(shape), dtype, size, true);
}

/** The queue where results of ops on `t` are made. */
export function queueOf(t: Tensor): Queue {
  const { queue } = t.storage;
  return current().queue === 'train' ? queue.device.train : queue.device.serve;
}
