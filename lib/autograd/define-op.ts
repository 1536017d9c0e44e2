import { argumentError, deviceError } from '../errors.ts';
import { withContextSync } from '../core/context.ts';
import type { Device, Queue } from '../core/device.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { currentDevice } from '../core/generator.ts';
import { current } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkLive, emptyTensor, queueOf, Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { anyNarrow, castTensor, lower, widen, withoutAutocast } from './precision.ts';
import type { BackwardContext, Gradients, RecordedOp } from './tape.ts';
import { needsGrad, record, recording } from './tape.ts';
import { alias } from './views.ts';

/** Shape and dtype of a tensor that need not exist yet. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

type Concrete<A> = A extends Tensor ? A : A extends Spec ? Tensor : A;
/** The arguments of an op whose shape rule takes `P`: tensors where the rule has specs. */
export type OpArguments<P extends readonly unknown[]> = { [K in keyof P]: Concrete<P[K]> };

/** What forward works with. */
export interface ForwardContext {
  /** The first output, to be filled; made from `infer`'s result. */
  readonly out: Tensor;
  readonly outputs: readonly Tensor[];
  /** Keeps tensors for backward, where they are `ctx.saved`. */
  save(...tensors: Tensor[]): void;
}

export interface OpDefinition<P extends readonly unknown[], R extends Spec | readonly Spec[]> {
  readonly name: string;
  /**
   * Checks the arguments and gives shape and dtype of the output, or of each output. Without it forward composes other
   * ops and returns its result.
   */
  readonly infer?: ((...args: P) => R) | undefined;
  // biome-ignore lint/suspicious/noConfusingVoidType: with infer forward fills ctx.out, without it returns the result
  readonly forward: (ctx: ForwardContext, ...args: OpArguments<P>) => Tensor | readonly Tensor[] | void;
  /** The gradient of each argument, written in ops: it may be differentiated again. */
  readonly backward?:
    | ((ctx: BackwardContext<OpArguments<P>>, dy: Tensor, ...more: (Tensor | null)[]) => Gradients)
    | undefined;
  /** The same gradients by a fused kernel; used when nothing records. */
  readonly fastBackward?:
    | ((ctx: BackwardContext<OpArguments<P>>, dy: Tensor, ...more: (Tensor | null)[]) => Gradients)
    | undefined;
  readonly saves?: RecordedOp['saves'];
  readonly savesOutputs?: RecordedOp['savesOutputs'];
  /**
   * Which dtypes forward is given when there is `infer`: 'compute' (the default) turns float16 and bfloat16 arguments into
   * float32, int8 and int16 into int32, and the outputs into what `infer` says for the arguments given; 'all' for kernels
   * that take every dtype themselves.
   */
  readonly dtypes?: 'compute' | 'all' | undefined;
  /**
   * The row of the op table that forward runs. Where the device's kernel of that row takes float16 and bfloat16 itself, it
   * is given them as they are; elsewhere `dtypes` says.
   */
  readonly row?: string | undefined;
  /**
   * Under autocast: 'lower' runs the op on arguments of its dtype (products: matmul, convolution, attention), 'float32'
   * keeps results of float16 and bfloat16 arguments in float32 (sums, exponentials, losses); others promote as usual.
   */
  readonly autocast?: 'lower' | 'float32' | undefined;
}

/** A callable op, with its definition attached. */
export interface Op<P extends readonly unknown[], R> {
  (...args: OpArguments<P>): R extends readonly Spec[] ? Tensor[] : Tensor;
  readonly definition: RecordedOp;
}

const defined = new Map<string, RecordedOp>();

/** Every op defined so far, by name. */
export function definedOps(): ReadonlyMap<string, RecordedOp> {
  return defined;
}

/** Notes a definition for `definedOps`. */
export function register<T extends RecordedOp>(definition: T): T {
  defined.set(definition.name, definition);
  return definition;
}

class Call implements ForwardContext {
  outputs: Tensor[] = [];
  extra: Tensor[] = [];

  get out(): Tensor {
    return this.outputs[0] as Tensor;
  }

  save(...tensors: Tensor[]): void {
    this.extra.push(...tensors);
  }
}

/** Checks that tensors are alive and on one device; gives the first of them. */
export function checkArguments(op: string, args: readonly unknown[]): Tensor | null {
  let first: Tensor | null = null;
  for (const arg of args) {
    if (arg instanceof Tensor) {
      checkLive(op, arg);
      first ??= arg;
      sameDevice(op, first, arg);
    } else if (Array.isArray(arg)) {
      for (const each of arg) {
        if (!(each instanceof Tensor)) break;
        checkLive(op, each);
        first ??= each;
        sameDevice(op, first, each);
      }
    }
  }
  return first;
}

export function sameDevice(op: string, a: Tensor, b: Tensor): void {
  if (a.storage.queue !== b.storage.queue && a.device !== b.device) {
    throw deviceError(op, `tensors are on ${a.device.name} and ${b.device.name}; move one with to()`);
  }
}

function queueFor(t: Tensor | null): Queue {
  if (t !== null) return queueOf(t);
  const device: Device = currentDevice();
  return current().queue === 'train' ? device.train : device.serve;
}

/**
 * Defines a differentiable op from its shape rule, value and gradient. With `infer`, forward fills `ctx.out` by a kernel;
 * without it, forward composes public ops and returns the result, and `backward` replaces their gradients. An op without
 * `backward` has no gradient of its own.
 * @returns a function of the op's arguments
 * @example
 * const cube = defineOp({
 *   name: 'cube',
 *   forward: (ctx, x: Tensor) => x.mul(x).mul(x),
 *   backward: (ctx, dy) => [dy.mul(ctx.args[0].square()).mul(3)],
 * });
 */
export function defineOp<P extends readonly unknown[], R extends Spec | readonly Spec[] = Spec>(
  definition: OpDefinition<P, R>,
): Op<P, R> {
  checkOptions('defineOp', definition);
  const { name } = definition;
  if (typeof name !== 'string' || typeof definition.forward !== 'function') {
    throw argumentError('defineOp', 'wants { name, forward }');
  }
  const recorded: RecordedOp = register(definition as unknown as RecordedOp);
  const plain = definition.infer === undefined ? runComposed : runKernel;
  const run = definition.autocast === 'lower' ? runLowered(plain) : plain;
  const op = (...args: unknown[]): unknown => run(definition as unknown as AnyDefinition, recorded, args);
  return Object.assign(op, { definition: recorded }) as unknown as Op<P, R>;
}

interface AnyDefinition {
  readonly name: string;
  readonly infer?: (...args: readonly unknown[]) => Spec | readonly Spec[];
  // biome-ignore lint/suspicious/noConfusingVoidType: as in OpDefinition
  readonly forward: (ctx: ForwardContext, ...args: readonly unknown[]) => Tensor | readonly Tensor[] | void;
  readonly backward?: unknown;
  readonly dtypes?: 'compute' | 'all' | undefined;
  readonly row?: string | undefined;
  readonly autocast?: 'lower' | 'float32' | undefined;
}

/** The op between casts, which are recorded: gradients arrive in the dtypes of the arguments. */
function runWidened(definition: AnyDefinition, recorded: RecordedOp, args: readonly unknown[]): Tensor | Tensor[] {
  const specs = (definition.infer as NonNullable<AnyDefinition['infer']>)(...args);
  const stays = definition.autocast === 'float32' && current().autocast !== null;
  const rounded = (t: Tensor, spec: Spec): Tensor => (stays && isFloat(t.dtype) ? t : castTensor(t, spec.dtype));
  return tidy(() => {
    const result = runKernel(definition, recorded, widen(args));
    if (result instanceof Tensor) return rounded(result, specs as Spec);
    return result.map((each, i) => rounded(each, (specs as readonly Spec[])[i] as Spec));
  });
}

type Run = (definition: AnyDefinition, recorded: RecordedOp, args: readonly unknown[]) => unknown;

/** `run` with the arguments in autocast's dtype, when that is on. */
function runLowered(run: Run): Run {
  return (definition, recorded, args) => {
    const { autocast } = current();
    if (autocast === null) return run(definition, recorded, args);
    checkArguments(definition.name, args);
    return tidy(() => {
      const low = lower(args, autocast);
      return withoutAutocast(() => run(definition, recorded, low));
    });
  };
}

function runKernel(definition: AnyDefinition, recorded: RecordedOp, args: readonly unknown[]): Tensor | Tensor[] {
  const first = checkArguments(definition.name, args);
  const takesAll =
    definition.dtypes === 'all' || (definition.row !== undefined && first?.device.halves.has(definition.row));
  if (!takesAll && anyNarrow(args)) return runWidened(definition, recorded, args);
  const specs = (definition.infer as NonNullable<AnyDefinition['infer']>)(...args);
  const queue = queueFor(first);
  const call = new Call();
  const many = Array.isArray(specs);
  for (const { shape, dtype } of many ? (specs as readonly Spec[]) : [specs as Spec]) {
    call.outputs.push(emptyTensor(shape, dtype, queue));
  }
  definition.forward(call, ...args);
  if (definition.backward !== undefined && recording() && args.some(needsGrad)) {
    record(recorded, args, call.outputs, call.extra);
  }
  return many ? call.outputs : call.out;
}

function runComposed(
  definition: AnyDefinition,
  recorded: RecordedOp,
  args: readonly unknown[],
): Tensor | readonly Tensor[] {
  const { name, forward, backward } = definition;
  checkArguments(name, args);
  const call = new Call();
  return tidy(() => {
    const own = backward !== undefined;
    const run = () => forward(call, ...args);
    const result = own ? withContextSync({ gradMode: false }, run) : run();
    const outs = result instanceof Tensor ? [result] : result;
    if (!Array.isArray(outs) || !outs.every((each) => each instanceof Tensor)) {
      throw argumentError(name, 'forward must return a tensor or an array of tensors when there is no infer');
    }
    if (!own) return result as Tensor | readonly Tensor[];
    // An argument handed through, or a view of one, must not change its place in the graph: results are new objects.
    call.outputs = outs.map((each: Tensor) => (args.includes(each) || each._view !== null ? alias(each) : each));
    if (recording() && args.some(needsGrad)) record(recorded, args, call.outputs, call.extra);
    return result instanceof Tensor ? call.out : call.outputs;
  });
}
