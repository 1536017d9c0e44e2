// One function per row of the op table, built from the addon's schema at load: each appends a record to the command buffer.
import { begin, f64, finish, i32 } from './command-buffer.ts';
import type { Kernels } from './kernels.gen.ts';
import { schema } from './schema.ts';

/** What native needs to know of a storage. */
export interface StorageRef {
  readonly index: number;
  readonly generation: number;
  readonly version: number;
  readonly queue: { readonly id: number };
}

/** A strided view as kernels take it; sizes, strides and offset count elements. */
export interface KernelView {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly dtype: string;
}

const dtypeCodes: Readonly<Record<string, number>> = Object.fromEntries(
  schema.dtypes.map((row, code) => [row.name, code]),
);

const noSlot = -1; // with generation 0: no tensor; with 1: a number follows
const inPlaceBit = 0x100; // the target existed before this op: a failure leaves it valid

// State of the record being written. Module variables: an object per call would cost more than the record.
let at = 0;
let elements = 0; // of the largest view so far, for the estimate of work
let queue = -1;

function encodeView(view: KernelView, written: boolean): void {
  const { storage, shape, strides } = view;
  const rank = shape.length;
  if (queue < 0) queue = storage.queue.id;
  const code = dtypeCodes[view.dtype] as number;
  i32[at * 2] = storage.index;
  i32[at * 2 + 1] = storage.generation;
  i32[at * 2 + 2] = written && storage.version > 0 ? code | inPlaceBit : code;
  i32[at * 2 + 3] = rank;
  f64[at + 2] = view.offset;
  let n = 1;
  for (let i = 0; i < rank; i++) {
    const size = shape[i] as number;
    n *= size;
    f64[at + 3 + i] = size;
    f64[at + 3 + rank + i] = strides[i] as number;
  }
  if (n > elements) elements = n;
  at += 3 + 2 * rank;
}

type Encoder = (value: never) => void;

const encoders: Readonly<Record<string, Encoder>> = {
  number: (value: number) => {
    f64[at++] = value;
  },
  Out: (view: KernelView) => encodeView(view, true),
  InOut: (view: KernelView) => encodeView(view, true),
  In: (view: KernelView) => encodeView(view, false),
  MaybeIn: (view: KernelView | null) => {
    if (view !== null) return encodeView(view, false);
    i32[at * 2] = noSlot;
    i32[at * 2 + 1] = 0;
    at++;
  },
  Operand: (value: KernelView | number) => {
    if (typeof value !== 'number') return encodeView(value, false);
    i32[at * 2] = noSlot;
    i32[at * 2 + 1] = 1;
    f64[at + 1] = value;
    at += 2;
  },
  InList: (views: readonly KernelView[]) => encodeList(views, false),
  InOutList: (views: readonly KernelView[]) => encodeList(views, true),
};

function encodeList(views: readonly KernelView[], written: boolean): void {
  f64[at++] = views.length;
  for (const view of views) encodeView(view, written);
}

function structEncoder(members: readonly string[]): Encoder {
  return (value: Readonly<Record<string, number>>) => {
    for (const name of members) f64[at++] = value[name] as number;
  };
}

const viewWords = 3 + 2 * 8;

/** The most words an argument can take; lists are counted when they are seen. */
function wordsFor(type: string): number {
  if (type === 'number') return 1;
  if (type.endsWith('List')) return 1;
  return schema.structs[type]?.length ?? viewWords;
}

/** Nanoseconds per element of the largest operand, where it is not a memory-bound op's. */
const roughNsPerElement = 0.3;

const nsPerMultiplyAdd = 0.04;

/** Work of the ops that compute more than they touch: multiply-adds. */
type Flops = (...views: (KernelView | undefined)[]) => number;

const perFilter = (grid: KernelView | undefined, weight: KernelView | undefined): number =>
  (numel(grid) * numel(weight)) / (weight?.shape[0] || 1);
const conv: Flops = (out, _x, weight) => perFilter(out, weight);
const convGradInput: Flops = (_dx, dy, weight) => perFilter(dy, weight);
const convGradWeight: Flops = (dWeight, _x, dy) => perFilter(dy, dWeight);
const flopCounts: Readonly<Record<string, Flops>> = {
  matmul: (out, a) => numel(out) * (a?.shape.at(-1) ?? 0),
  conv2d: conv,
  conv2dGradInput: convGradInput,
  conv2dGradWeight: convGradWeight,
  conv3d: conv,
  conv3dGradInput: convGradInput,
  conv3dGradWeight: convGradWeight,
  attention: (_out, _sums, q, k) => 2 * numel(q) * (k?.shape[2] ?? 0),
  attentionGrad: (_dq, _dk, _dv, q, k) => 5 * numel(q) * (k?.shape[2] ?? 0),
};

function numel(view: KernelView | undefined): number {
  let n = 1;
  for (const size of view?.shape ?? []) n *= size;
  return n;
}

type Call<R = void> = (...args: unknown[]) => R;

function makeKernel(op: number, name: string, types: readonly string[]): Call {
  const each = types.map(
    (type) => (encoders[type] ?? structEncoder(schema.structs[type] ?? [])) as (value: unknown) => void,
  );
  const fixed = 2 + types.reduce((sum, type) => sum + wordsFor(type), 0);
  const flops = flopCounts[name] as Call<number> | undefined;
  const start = (words: number): void => {
    at = begin(words);
    elements = 0;
    queue = -1;
  };
  const end = (ns: number): void => finish(op, queue, at, 10 + ns);
  const roughly = (): number => elements * roughNsPerElement;
  const [first, second, third, fourth, fifth, sixth] = each as [Call, Call, Call, Call, Call?, Call?];
  const { length } = types;
  // The commonest forms take their arguments one by one: a rest array per op would be the larger part of its cost.
  if (length <= 6 && !types.some((type) => type.endsWith('List'))) {
    if (length === 2) {
      return (a, b) => {
        start(fixed);
        first(a);
        second(b);
        end(roughly());
      };
    }
    if (length === 3) {
      return (a, b, c) => {
        start(fixed);
        first(a);
        second(b);
        third(c);
        end(roughly());
      };
    }
    if (length >= 4) {
      return (a, b, c, d, e, f) => {
        start(fixed);
        first(a);
        second(b);
        third(c);
        fourth(d);
        fifth?.(e);
        sixth?.(f);
        end(flops === undefined ? roughly() : flops(a, b, c, d, e) * nsPerMultiplyAdd);
      };
    }
  }
  return (...args) => {
    let words = fixed;
    for (const arg of args) if (Array.isArray(arg)) words += arg.length * viewWords;
    start(words);
    for (let i = 0; i < each.length; i++) (each[i] as Call)(args[i]);
    end(flops === undefined ? roughly() : flops(...args) * nsPerMultiplyAdd);
  };
}

/** kernels.add(out, a, b) and so on: the queue is that of the first tensor. */
export const kernels: Kernels = Object.fromEntries(
  schema.ops.map(({ name, types }, op) => [name, makeKernel(op, name, types)]),
) as unknown as Kernels;

/** Where the slot references of a record stand: [word, ...]. For comparing two recorded streams. */
export function slotWords(words: Float64Array, ints: Int32Array, start: number): number[] {
  const found: number[] = [];
  const op = ints[start * 2 + 1] as number;
  if (op < 0) return [start + 2];
  let word = start + 2;
  const view = (): void => {
    found.push(word);
    word += 3 + 2 * (ints[word * 2 + 3] as number);
  };
  for (const type of schema.ops[op]?.types ?? []) {
    const absent = ints[word * 2] === noSlot;
    if (type === 'number') word++;
    else if (type === 'MaybeIn' && absent) word++;
    else if (type === 'Operand' && absent) word += 2;
    else if (type.endsWith('List')) {
      const count = words[word++] as number;
      for (let i = 0; i < count; i++) view();
    } else if (schema.structs[type] !== undefined) word += (schema.structs[type] as readonly string[]).length;
    else view();
  }
  return found;
}

/** The name of the op of a record. */
export function opName(op: number): string {
  return schema.ops[op]?.name ?? (['', 'alloc', 'free', 'replay', 'release'][-op] as string);
}

/** Argument names of an op, for messages. */
export function argumentNames(op: number): readonly string[] {
  return schema.ops[op]?.arguments.split(' ') ?? [];
}
