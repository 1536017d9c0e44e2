import { gradError } from '../errors.ts';
import { current } from '../core/context.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import type { Storage } from '../core/storage.ts';
import type { GraphNode } from '../core/tensor.ts';
import { Tensor } from '../core/tensor.ts';
import { refreshView } from './views.ts';

/** One gradient for each argument; null where there is none, an array for an argument that is a list of tensors. */
export type Gradients = readonly (Tensor | null | undefined | readonly (Tensor | null)[])[];

/** What the tape needs of an op. */
export interface RecordedOp {
  readonly name: string;
  /**
   * Which tensor arguments backward reads: their indices, all of them when omitted; 'others' saves an argument only if
   * another one needs a gradient (products).
   */
  readonly saves?: readonly number[] | 'others' | undefined;
  /** Which outputs backward reads. */
  readonly savesOutputs?: readonly number[] | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the tape stores ops of every argument list
  readonly backward?: ((ctx: any, dy: Tensor, ...more: (Tensor | null)[]) => Gradients) | undefined;
  readonly fastBackward?: RecordedOp['backward'];
  /**
   * Where in a gradient of the first argument that of the output belongs, all else being zero: a sum under way takes it there,
   * and no zeros are written or added.
   */
  readonly place?: ((sum: Tensor, args: readonly unknown[]) => Geometry) | undefined;
  /** The range that place is of the first argument, if it is one: parts that meet make a whole without any zeros. */
  readonly range?: ((args: readonly unknown[]) => AxisRange | null) | undefined;
}

/** All elements at indices [from, to) of an axis. */
export interface AxisRange {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
}

/** Where the elements of a view lie in its storage. */
export interface Geometry {
  readonly shape: Shape;
  readonly strides: Shape;
  readonly offset: number;
}

/** What backward may read. */
export interface BackwardContext<A extends readonly unknown[] = readonly unknown[]> {
  /** The call's arguments; tensors that were not saved have only shape and dtype. */
  readonly args: A;
  /** The first output, when saved. */
  readonly out: Tensor;
  readonly outputs: readonly Tensor[];
  /** What forward kept with `ctx.save`. */
  readonly saved: readonly Tensor[];
  /** Whether argument `index` needs a gradient. */
  needs(index: number): boolean;
}

/** A tensor kept for backward. */
export abstract class SavedTensor {
  /** A tensor with the saved values, connected to the graph when `connect`. */
  abstract open(op: string, connect: boolean): Tensor;
  abstract release(): void;
}

/** Keeps tensors in the tape's place while the context names it. */
export interface TensorSaver {
  save(t: Tensor, node: Node | LeafNode | null, index: number): SavedTensor;
}

/** One count of a storage, and the version its values belong to. */
export class Saved extends SavedTensor {
  readonly #storage: Storage;
  readonly #offset: number;
  readonly #shape: Shape;
  readonly #strides: Shape;
  readonly #dtype: DType;
  readonly #size: number;
  readonly #contiguous: boolean;
  readonly #version: number;
  readonly #node: Node | LeafNode | null;
  readonly #index: number;

  constructor(t: Tensor, node: Node | LeafNode | null, index: number) {
    super();
    this.#storage = t.storage;
    this.#offset = t.offset;
    this.#shape = t.shape;
    this.#strides = t.strides;
    this.#dtype = t.dtype;
    this.#size = t.size;
    this.#contiguous = t.isContiguous;
    this.#version = t.storage.version;
    this.#node = node;
    this.#index = index;
    this.#storage.retain();
  }

  open(op: string, connect: boolean): Tensor {
    const storage = this.#storage;
    if (storage.version !== this.#version) {
      throw gradError(
        op,
        `a tensor saved for backward was changed in place by ${storage.lastWriter || 'a write'}: it is at version ` +
          `${storage.version}, ${op} saved version ${this.#version}; clone() it before changing it`,
      );
    }
    storage.retain();
    const t = new Tensor(storage, this.#offset, this.#shape, this.#strides, this.#dtype, this.#size, this.#contiguous);
    if (connect && this.#node !== null) attach(t, this.#node, this.#index);
    return t;
  }

  release(): void {
    this.#storage.release();
  }
}

/** Called with the gradient of an output before it is used; a tensor it returns takes the gradient's place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook need not return anything
export type GradientHook = (gradient: Tensor) => Tensor | null | undefined | void;
/** By output. */
export type Hooks = Map<number, Set<GradientHook>>;

/** Stands for a leaf in the graph: where its gradient is added up. */
export class LeafNode implements GraphNode {
  readonly leaf: boolean = true;
  readonly sequence: number = 0;
  readonly tensor: Tensor;
  hooks: Hooks | null = null;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }

  retain(): void {}
  release(): void {}
}

let sequence = 0;

/** One recorded op call. Counted by the live tensors it made and by the nodes that read those. */
export class Node implements GraphNode {
  readonly leaf: boolean = false;
  /** Inputs are always older than outputs, so newest-first is a topological order. */
  sequence = 0;
  readonly op: RecordedOp;
  /** For each tensor argument in order (lists flattened): where its gradient goes, null if it needs none. */
  readonly sources: (Node | LeafNode | null)[] = [];
  readonly sourceIndices: number[] = [];
  /** Shapes and dtypes gradients of the arguments must have, in the same order. */
  readonly inputs: { readonly shape: Shape; readonly dtype: DType }[] = [];
  /** Shapes, dtypes and queues of the outputs. */
  readonly outputs: Tensor[] = [];
  /** Arguments with tensors replaced by SavedTensor, or by an unsaved stand-in. */
  args: unknown[] = [];
  savedOutputs: (SavedTensor | null)[] = [];
  savedExtra: SavedTensor[] = [];
  freed = false;
  hooks: Hooks | null = null;
  /** Where the op was called, under detectAnomaly. */
  site: Error | null = null;
  #count = 0;

  constructor(op: RecordedOp) {
    this.op = op;
  }

  retain(): void {
    this.#count++;
  }

  release(): void {
    if (--this.#count > 0) return;
    // A loop, because graphs are deeper than the stack.
    const stack: Node[] = [this];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      node.free();
      for (const source of node.sources) {
        if (source instanceof Node && --source.#count === 0) stack.push(source);
      }
      node.sources.length = 0;
    }
  }

  /** Drops what backward reads. */
  free(): void {
    if (this.freed) return;
    this.freed = true;
    for (const arg of this.args) {
      if (arg instanceof SavedTensor) arg.release();
      else if (Array.isArray(arg)) for (const each of arg) if (each instanceof SavedTensor) each.release();
    }
    for (const each of this.savedOutputs) each?.release();
    for (const each of this.savedExtra) each.release();
    this.args = [];
    this.savedOutputs = [];
    this.savedExtra = [];
  }

  addInput(t: Tensor): Node | LeafNode | null {
    const source = gradNode(t);
    this.sources.push(source);
    this.sourceIndices.push(t._index);
    this.inputs.push({ shape: t.shape, dtype: t.dtype });
    source?.retain();
    return source;
  }
}

/** Makes `t` an output of `node`. A disposed base holds its node while views of it live: they derive theirs from it. */
export function attach(t: Tensor, node: Node | LeafNode, index: number): void {
  const before = t._node;
  node.retain();
  t._node = node;
  t._index = index;
  t._requiresGrad = true;
  t._nodeVersion = t.storage.version;
  if (t._state === 'live' || t._views > 0) before?.release();
  else node.release();
}

/** Where the gradient of `t` goes, or null when it needs none. */
export function gradNode(t: Tensor): Node | LeafNode | null {
  if (t._view !== null) refreshView(t);
  if (!t._requiresGrad) return null;
  t._node ??= new LeafNode(t);
  return t._node as Node | LeafNode;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A tensor that tells shape, dtype and device of an argument and throws when an op uses it. Holds no storage. */
const StandIn = function (this: Writable<Tensor>, t: Tensor) {
  this.storage = { queue: t.storage.queue } as Storage;
  this.offset = 0;
  this.shape = t.shape;
  this.strides = t.strides;
  this.dtype = t.dtype;
  this.size = t.size;
  this.isContiguous = t.isContiguous;
  this._state = 'unsaved';
  this._requiresGrad = false;
  this._kept = true;
  this._node = null;
  this._index = 0;
  this._grad = null;
  this._view = null;
  this._views = 0;
  this._nodeVersion = 0;
} as unknown as new (
  t: Tensor,
) => Tensor;
StandIn.prototype = Tensor.prototype;

/** Whether a call with this argument is recorded, given that grad mode is on. */
export function needsGrad(arg: unknown): boolean {
  if (arg instanceof Tensor) return arg._requiresGrad || (arg._view !== null && arg.requiresGrad);
  return Array.isArray(arg) && arg.some((each) => each instanceof Tensor && each.requiresGrad);
}

export function recording(): boolean {
  return current().gradMode;
}

/** Puts a call of `op` on the tape. `outs` are fresh tensors; those of integer dtype get no gradient. */
export function record(
  op: RecordedOp,
  args: readonly unknown[],
  outs: readonly Tensor[],
  extra: readonly Tensor[] = [],
): Node {
  const node = new Node(op);
  const { saves, savesOutputs } = op;
  const context = current();
  const saver = context.saver as TensorSaver | null;
  const save = (t: Tensor, source: Node | LeafNode | null, index: number): SavedTensor =>
    saver === null ? new Saved(t, source, index) : saver.save(t, source, index);
  if (context.anomaly) node.site = new Error(`${op.name} was called here`);
  const wanted = saves === 'others' ? argumentsNeeding(args) : null;
  const saved = (index: number): boolean => {
    if (saves === undefined) return true;
    if (wanted !== null) return wanted.some((each) => each !== index);
    return (saves as readonly number[]).includes(index);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg instanceof Tensor) {
      const source = node.addInput(arg);
      node.args.push(saved(i) ? save(arg, source, arg._index) : new StandIn(arg));
    } else if (Array.isArray(arg) && arg[0] instanceof Tensor) {
      node.args.push(
        arg.map((each: Tensor) => {
          const source = node.addInput(each);
          return saved(i) ? save(each, source, each._index) : new StandIn(each);
        }),
      );
    } else node.args.push(arg);
  }
  // Numbered only now: looking up the inputs may have made nodes for views (refreshView), and those come first.
  node.sequence = ++sequence;
  for (let i = 0; i < outs.length; i++) {
    const out = outs[i] as Tensor;
    node.outputs.push(new StandIn(out));
    const differentiable = isFloat(out.dtype);
    if (differentiable) attach(out, node, i);
    if (savesOutputs !== undefined) {
      node.savedOutputs.push(savesOutputs.includes(i) ? save(out, differentiable ? node : null, i) : null);
    }
  }
  for (const each of extra) node.savedExtra.push(save(each, gradNode(each), each._index));
  return node;
}

function argumentsNeeding(args: readonly unknown[]): number[] {
  const result: number[] = [];
  for (let i = 0; i < args.length; i++) if (needsGrad(args[i])) result.push(i);
  return result;
}

/** What the op's backward sees, opened for one call; its tensors belong to the scope of that call. */
export function openContext(node: Node, connect: boolean): BackwardContext {
  const { name } = node.op;
  const open = (each: unknown): unknown => (each instanceof SavedTensor ? each.open(name, connect) : each);
  const args = node.args.map((each) => (Array.isArray(each) ? each.map(open) : open(each)));
  const outputs = node.outputs.map((each, i) => node.savedOutputs[i]?.open(name, connect) ?? each);
  const needs: boolean[] = [];
  let at = 0;
  for (const arg of node.args) {
    if (arg instanceof SavedTensor || arg instanceof Tensor) needs.push(node.sources[at++] !== null);
    else if (Array.isArray(arg) && (arg[0] instanceof SavedTensor || arg[0] instanceof Tensor)) {
      needs.push(arg.some(() => node.sources[at++] !== null));
    } else needs.push(false);
  }
  return {
    args,
    outputs,
    out: outputs[0] as Tensor,
    saved: node.savedExtra.map((each) => each.open(name, connect)),
    needs: (index) => needs[index] ?? false,
  };
}
