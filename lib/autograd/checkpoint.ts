import { argumentError, gradError } from '../errors.ts';
import type { Context } from '../core/context.ts';
import { current, withContextSync } from '../core/context.ts';
import type { Device } from '../core/device.ts';
import { currentDevice, GeneratorStates } from '../core/generator.ts';
import { Scope, tidy } from '../core/scope.ts';
import { sameShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkFunction } from '../core/values.ts';
import type { LeafNode, Node, TensorSaver } from './tape.ts';
import { attach, needsGrad, recording, Saved, SavedTensor } from './tape.ts';

/** One argument: a tensor kept, or anything else. */
type Kept = { readonly saved: Saved; readonly needsGrad: boolean } | { readonly value: unknown };

/** One checkpointed call: what is needed to run it again, and, between a recomputation and its use, what that kept. */
class Frame implements TensorSaver {
  readonly #fn: (...args: never[]) => unknown;
  readonly #args: readonly (Kept | readonly Kept[])[];
  readonly #context: Context;
  readonly #devices: readonly Device[];
  readonly #random: GeneratorStates;
  #values: (Saved | null)[] = [];
  #count = 0;
  #live = 0;

  constructor(fn: (...args: never[]) => unknown, args: readonly unknown[]) {
    this.#fn = fn;
    this.#context = current();
    this.#devices = devicesOf(args);
    this.#random = new GeneratorStates(this.#devices);
    this.#args = args.map((arg) => (Array.isArray(arg) ? arg.map(kept) : kept(arg)));
  }

  save(t: Tensor, node: Node | LeafNode | null, index: number): SavedTensor {
    this.#live++;
    return new Recomputed(this, this.#count++, t, node, index);
  }

  /** Nothing was saved: nothing will ever be asked for. */
  closeIfUnused(): void {
    if (this.#live === 0) this.#close();
  }

  release(which: number): void {
    this.#values[which]?.release();
    this.#values[which] = null;
    if (--this.#live === 0) this.#close();
  }

  #close(): void {
    this.#random.dispose();
    for (const each of this.#args.flat()) if ('saved' in each) each.saved.release();
  }

  /** The value saved as number `which`, which is handed out once a recomputation. */
  take(which: number): Tensor {
    if (!this.#values[which]) this.#recompute();
    const saved = this.#values[which] as Saved;
    this.#values[which] = null;
    const t = saved.open('checkpoint', false);
    saved.release();
    return t;
  }

  #recompute(): void {
    for (const each of this.#values) each?.release();
    const values: Saved[] = [];
    const saver: TensorSaver = {
      save: (t) => {
        values.push(new Saved(t, null, 0));
        return nothing;
      },
    };
    const now = new GeneratorStates(this.#devices);
    const scope = new Scope(null, false);
    try {
      withContextSync({ ...this.#context, gradMode: true, scope, saver }, () => {
        this.#random.restore();
        this.#fn(...(this.#args.map(opened) as never[]));
      });
    } finally {
      now.restore();
      now.dispose();
      scope.close(0, undefined, null);
    }
    if (values.length !== this.#count) {
      for (const each of values) each.release();
      throw gradError(
        'checkpoint',
        `fn does not repeat itself: it saved ${this.#count} tensors for backward at first, then ${values.length}`,
      );
    }
    this.#values = values;
  }
}

/** Where random ops inside are expected to draw: the devices of the arguments, or the default one. */
function devicesOf(args: readonly unknown[]): readonly Device[] {
  const found = args.flat().flatMap((arg) => (arg instanceof Tensor ? [arg.device] : []));
  return found.length > 0 ? found : [currentDevice()];
}

function kept(arg: unknown): Kept {
  return arg instanceof Tensor ? { saved: new Saved(arg, null, 0), needsGrad: needsGrad(arg) } : { value: arg };
}

function opened(each: Kept | readonly Kept[]): unknown {
  if (Array.isArray(each)) return each.map(opened);
  const one = each as Kept;
  if (!('saved' in one)) return one.value;
  const t = one.saved.open('checkpoint', false);
  if (one.needsGrad) t._requiresGrad = true;
  return t;
}

/** What the graph of the recomputation itself keeps: nobody goes back through it. */
const nothing: SavedTensor = new (class extends SavedTensor {
  open(): Tensor {
    throw gradError('checkpoint', 'the recomputation is not differentiated');
  }
  release(): void {}
})();

/** Stands where the tape has a Saved; holds no memory. */
class Recomputed extends SavedTensor {
  readonly #frame: Frame;
  readonly #which: number;
  readonly #like: { readonly shape: readonly number[]; readonly dtype: string };
  readonly #node: Node | LeafNode | null;
  readonly #index: number;

  constructor(frame: Frame, which: number, t: Tensor, node: Node | LeafNode | null, index: number) {
    super();
    this.#frame = frame;
    this.#which = which;
    this.#like = { shape: t.shape, dtype: t.dtype };
    this.#node = node;
    this.#index = index;
  }

  open(op: string, connect: boolean): Tensor {
    const t = this.#frame.take(this.#which);
    if (!sameShape(t.shape, this.#like.shape) || t.dtype !== this.#like.dtype) {
      throw gradError('checkpoint', `fn does not repeat itself: what ${op} saved has another shape or dtype`);
    }
    if (connect && this.#node !== null) attach(t, this.#node, this.#index);
    return t;
  }

  release(): void {
    this.#frame.release(this.#which);
  }
}

/**
 * `fn(...args)` without keeping what its ops save for backward: backward runs `fn` again to have it (Chen et al. 2016,
 * arXiv:1604.06174). Memory for time: the arguments are kept, everything between them and the results is not. Random ops
 * draw the same numbers both times.
 * @param fn - synchronous, and doing the same at each call; it may use tensors from outside, such as parameters
 * @returns what `fn` returns
 * @throws ERR_GRAD in backward when `fn` does something else the second time
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * checkpoint((t: Tensor) => t.exp().sin(), x).sum().backward();
 */
export function checkpoint<A extends readonly unknown[], R>(fn: (...args: A) => R, ...args: A): R {
  checkFunction('checkpoint', 'fn', fn);
  if (!recording()) return fn(...args);
  const frame = new Frame(fn, args);
  try {
    const result = tidy(() => withContextSync({ saver: frame }, () => fn(...args)));
    if (result instanceof Promise) throw argumentError('checkpoint', 'fn must be synchronous');
    return result;
  } finally {
    frame.closeIfUnused();
  }
}
