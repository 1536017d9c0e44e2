import { argumentError, captureError } from '../errors.ts';
import {
  appendReleaseGraph,
  appendReplay,
  isRecording,
  startRecording,
  stopRecording,
} from '../native/command-buffer.ts';
import { addon } from '../native/load.ts';
import { current } from './context.ts';
import type { Queue } from './device.ts';
import { copied, copyKernel } from './primitives.ts';
import { carried, difference, freedEarly, Recording } from './recording.ts';
import { keep, scope } from './scope.ts';
import type { Storage } from './storage.ts';
import { trackWrites } from './storage.ts';
import { checkLive, Tensor } from './tensor.ts';
import { checkOptions } from './values.ts';

export interface CaptureOptions {
  /** Modules whose train/eval mode the step depends on; Modules among the arguments are found without it. */
  readonly modules?: readonly { readonly training: boolean }[];
  /** How many forms (shapes, dtypes, modes) of the step are captured; further ones run eagerly. */
  readonly maxForms?: number;
}

export interface Captured<A extends readonly unknown[], R> {
  (...args: A): R;
  /** Frees the graphs. Results stay valid; the function may not be called again. */
  dispose(): void;
  /** How many forms of the step are replayed by now. */
  readonly captured: number;
}

const defaultForms = 8;
/** Eager runs after which a step must have repeated itself. */
const patience = 3;
const aheadNs = 2_000_000;

/**
 * Turns a step into one that is encoded once and replayed. The first two calls run `fn` as it is and compare what it
 * queued (a third call is given when the second still allocated state); from then on a call is a single command. Each
 * combination of shapes, dtypes, devices and modes of the arguments is captured by itself.
 *
 * Tensors among the arguments are copied in. Results, and gradients left on parameters, are tensors that the next replay
 * overwrites. `fn` must be synchronous and must not read values, make tensors from JavaScript data, or depend on
 * JavaScript numbers that change.
 *
 * @throws ERR_CAPTURE when `fn` moves data between JavaScript and the device; and at the call after `fn` failed to repeat
 * itself, before it runs anything, naming the first op that differed
 * @example
 * const double = capture((x: Tensor) => x.mul(2));
 * for (let i = 0; i < 5; i++) double(tensor([i]));
 */
export function capture<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: CaptureOptions = {},
): Captured<A, R> {
  if (typeof fn !== 'function') throw argumentError('capture', `wants a function, got ${typeof fn}`);
  checkOptions('capture', options);
  const { modules = [], maxForms = defaultForms } = options;
  const signatures = new Map<string, Signature<R>>();
  let disposed = false;
  const forms = (): Form<R>[] => [...signatures.values()].flatMap((each) => [...each.forms.values()]);

  const call = (...args: A): R => {
    if (disposed) throw argumentError('capture', 'the captured function was disposed');
    if (isRecording()) return fn(...args); // a captured step inside another is part of it
    const found: Tensor[] = [];
    const key = describe(args, modules, found);
    let signature = signatures.get(key);
    if (signature === undefined) {
      if (signatures.size >= maxForms) return fn(...args);
      signature = new Signature<R>();
      signatures.set(key, signature);
    }
    const inputs = signature.take(found);
    return signature.run(() => fn(...(substitute(args, inputs.values()) as unknown as A)), forms().length < maxForms);
  };
  return Object.defineProperties(call as Captured<A, R>, {
    captured: { get: () => forms().filter((form) => form.replays).length },
    dispose: {
      value: () => {
        disposed = true;
        for (const each of signatures.values()) each.dispose();
        signatures.clear();
      },
    },
  });
}

/** Everything known about calls with arguments of one description. */
class Signature<R> {
  /** By which gradients the step found: adding to one that exists is another step than storing the first. */
  readonly forms = new Map<string, Form<R>>();
  readonly #inputs: Tensor[] = [];
  readonly #leaves = new Set<Tensor>();
  #clearsGrads = false;

  /** Copies the arguments to where every run reads them. */
  take(args: readonly Tensor[]): readonly Tensor[] {
    args.forEach((arg, i) => {
      const input = this.#inputs[i];
      if (input === undefined) this.#inputs.push(keep(copied(arg, arg.storage.queue)));
      else copyKernel(input, arg);
    });
    return this.#inputs;
  }

  /** The gradients that exist now, unless the step begins by dropping them. */
  #gradKey(): string {
    if (this.#clearsGrads) return '';
    let key = '';
    let number = 0;
    for (const { _grad: grad } of this.#leaves) {
      if (grad !== null && !grad.disposed) key += `${number}:${grad.storage.index}.${grad.storage.generation} `;
      number++;
    }
    return key;
  }

  run(fn: () => R, mayAdd: boolean): R {
    const found = this.#gradKey();
    const known = this.forms.get(found);
    if (known !== undefined && (known.replays || known.refuses)) return known.replay();
    const { result, recording, effects, written } = recordRun(fn);
    for (const [leaf, hadGrad] of effects) {
      if (!hadGrad && this.#leaves.has(leaf) && found !== '') this.#clearsGrads = true;
      this.#leaves.add(leaf);
    }
    const key = this.#clearsGrads ? '' : found;
    let form = this.forms.get(key);
    if (form === undefined) {
      this.#dropStale();
      if (!mayAdd) return result;
      form = new Form<R>();
      this.forms.set(key, form);
    }
    form.learn(recording, result, [...effects.keys()], written);
    return result;
  }

  /** Forms that add to a gradient nobody has any more will not be met again. */
  #dropStale(): void {
    for (const [key, form] of this.forms) {
      if (key === '' || form.gradsLive) continue;
      form.dispose();
      this.forms.delete(key);
    }
  }

  dispose(): void {
    for (const form of this.forms.values()) form.dispose();
    for (const input of this.#inputs) input.dispose();
  }
}

interface Run<R> {
  readonly result: R;
  readonly recording: Recording;
  readonly effects: Effects;
  readonly written: ReadonlySet<Storage>;
}

/** Runs the step as it is and keeps what it queued and changed. */
function recordRun<R>(fn: () => R): Run<R> {
  const recording = new Recording();
  const effects: Effects = new Map();
  const written = new Set<Storage>();
  startRecording(recording);
  const stopTracking = trackWrites(written);
  running = effects;
  try {
    const result = scope(() => {
      const value = fn();
      if (isPromise(value)) throw argumentError('capture', 'the step must be synchronous, it returned a Promise');
      return value;
    });
    return { result, recording, effects, written };
  } finally {
    running = null;
    stopTracking();
    stopRecording();
  }
}

/** A tensor the graph keeps writing to: every replay hands out a new Tensor on it. */
class Fixed {
  readonly tensor: Tensor;

  constructor(t: Tensor) {
    this.tensor = keep(again(t));
  }
}

/** One form of a step: a combination of shapes, dtypes, devices, modes and gradients found. */
class Form<R> {
  #runs = 0;
  #last: Recording | null = null;
  #beforeLast: Recording | null = null;
  #complaint: string | null = null;
  #graph = -1;
  #queue: Queue | null = null;
  #workNs = 0;
  #written: readonly Storage[] = [];
  #grads: readonly (readonly [Tensor, Fixed])[] = [];
  #fixed: Fixed[] = [];
  #result: unknown;

  get replays(): boolean {
    return this.#graph >= 0;
  }

  get refuses(): boolean {
    return this.#complaint !== null;
  }

  /** Whether somebody besides this form still holds the gradients it writes. */
  get gradsLive(): boolean {
    return this.#grads.every(([, { tensor }]) => tensor.storage.count > 1);
  }

  /** Compares a run with the one before, and builds the graph once two were the same. */
  learn(recording: Recording, result: R, leaves: readonly Tensor[], written: ReadonlySet<Storage>): void {
    this.#runs++;
    const before = this.#last;
    const differs = before === null ? '' : difference(before, recording, this.#beforeLast);
    this.#beforeLast = before;
    this.#last = recording;
    if (before !== null && differs === null) {
      const hander = carried(before, recording);
      if (hander !== null) {
        this.#complaint = `${hander} that the previous call made; carry state in a tensor that is changed in place`;
      } else this.#build(recording, result, leaves, written);
    } else if (differs && this.#runs >= patience) this.#complaint = `the step does not repeat itself: ${differs}`;
  }

  #build(recording: Recording, result: R, leaves: readonly Tensor[], written: ReadonlySet<Storage>): void {
    const tensors: Tensor[] = [];
    collect(result, tensors);
    const first = tensors[0] ?? leaves[0];
    const queue = first?.storage.queue ?? [...written][0]?.queue;
    if (queue === undefined) {
      this.#complaint = 'the step neither takes nor returns nor changes a tensor';
      return;
    }
    const ahead = Math.min(500, Math.max(2, Math.ceil(aheadNs / Math.max(recording.workNs, 1))));
    const { buffer, length } = freedEarly(recording);
    const graph = addon.capture(buffer, length, queue.id, ahead);
    if (typeof graph === 'string') {
      this.#complaint = graph;
      return;
    }
    this.#graph = graph;
    this.#queue = queue;
    this.#workNs = recording.workNs;
    this.#written = [...written];
    this.#result = substituteWith(result, (t) => this.#fix(t));
    this.#grads = leaves.flatMap((leaf) => (leaf._grad === null ? [] : [[leaf, this.#fix(leaf._grad)] as const]));
    this.#last = this.#beforeLast = null;
  }

  /** Holds a count of the tensor's storage, so that its memory stays the graph's result. */
  #fix(t: Tensor): Fixed {
    const fixed = new Fixed(t);
    this.#fixed.push(fixed);
    return fixed;
  }

  replay(): R {
    if (this.#complaint !== null) throw captureError('capture', this.#complaint);
    const queue = this.#queue as Queue;
    appendReplay(queue.id, this.#graph, this.#workNs);
    for (const storage of this.#written) {
      storage.version++;
      storage.lastWriter = 'a captured step';
    }
    for (const { tensor } of this.#fixed) tensor.storage.version++;
    for (const [leaf, { tensor }] of this.#grads) {
      if (leaf._grad?.storage === tensor.storage && !leaf._grad.disposed) continue;
      leaf._grad = keep(again(tensor));
    }
    return substituteFixed(this.#result) as R;
  }

  dispose(): void {
    if (this.#graph >= 0) appendReleaseGraph((this.#queue as Queue).id, this.#graph);
    this.#graph = -1;
    for (const { tensor } of this.#fixed) tensor.dispose();
    this.#fixed = [];
  }
}

/** The leaves a run gave gradients to, and whether each had one just before. */
type Effects = Map<Tensor, boolean>;

let running: Effects | null = null;

/** Tells a running capture that `leaf` is about to be given a gradient. Called by backward. */
export function noteGrad(leaf: Tensor): void {
  if (running !== null && !running.has(leaf)) running.set(leaf, leaf._grad !== null && !leaf._grad.disposed);
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Another Tensor on the same elements. */
function again(t: Tensor): Tensor {
  t.storage.retain();
  return new Tensor(t.storage, t.offset, t.shape, t.strides, t.dtype, t.size, t.isContiguous);
}

// ---- arguments and results: tensors in arrays and plain objects --------------------------------------------------------

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isModule(value: object): value is { readonly training: boolean } {
  return 'training' in value && typeof value.training === 'boolean';
}

/** The form of a call as text; its tensors are appended to `found` in order. */
function describe(
  args: readonly unknown[],
  modules: readonly { readonly training: boolean }[],
  found: Tensor[],
): string {
  const { gradMode, autocast } = current();
  const parts = [gradMode ? 'grad' : 'no', autocast ?? '', ...modules.map((each) => (each.training ? 't' : 'e'))];
  const walk = (value: unknown): void => {
    if (value instanceof Tensor) {
      checkLive('capture', value);
      if (value.requiresGrad) throw argumentError('capture', 'an argument that requires a gradient cannot be captured');
      found.push(value);
      parts.push(`${value.dtype}[${value.shape.join()}]${value.device.name}/${value.storage.queue.id}`);
    } else if (Array.isArray(value)) {
      parts.push('(');
      value.forEach(walk);
      parts.push(')');
    } else if (typeof value === 'object' && value !== null) {
      if (isModule(value)) parts.push(value.training ? 't' : 'e');
      else if (isPlain(value))
        for (const [name, each] of Object.entries(value)) {
          parts.push(name);
          walk(each);
        }
    } else parts.push(`${typeof value}:${String(value)}`);
  };
  args.forEach(walk);
  return parts.join(' ');
}

function substituteWith(value: unknown, change: (t: Tensor) => unknown): unknown {
  if (value instanceof Tensor) return change(value);
  if (Array.isArray(value)) return value.map((each) => substituteWith(each, change));
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, substituteWith(each, change)]));
  }
  return value;
}

function substitute(value: unknown, tensors: Iterator<Tensor>): unknown {
  return substituteWith(value, () => tensors.next().value);
}

function substituteFixed(value: unknown): unknown {
  if (value instanceof Fixed) return again(value.tensor);
  if (Array.isArray(value)) return value.map(substituteFixed);
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, substituteFixed(each)]));
  }
  return value;
}

function collect(value: unknown, found: Tensor[]): void {
  substituteWith(value, (t) => found.push(t));
}
