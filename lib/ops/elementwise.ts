// The fast path of elementwise ops: one call costs a fraction of a microsecond, so the common case (live tensors of one
// shape and dtype) is decided before anything general runs. unary.ts, binary.ts and compare.ts have the ops themselves.
import { argumentError, dtypeError } from '../errors.ts';
import { checkArguments, register, sameDevice } from '../autograd/define-op.ts';
import type { BackwardContext, Gradients, RecordedOp } from '../autograd/tape.ts';
import { needsGrad, record, recording } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat, itemSize, promote, promoteNumber } from '../core/dtype.ts';
import { isHalf, roundToHalf } from '../core/half.ts';
import { broadcastShapes, contiguousStrides, sameShape } from '../core/shape.ts';
import { allocate } from '../core/storage.ts';
import { checkLive, emptyTensor, queueOf, Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { castTo } from './cast.ts';
import { bigScalar } from './creation.ts';
import { withDirectForm } from './direct.ts';
import type { Value } from './shared.ts';
import { broadcastView, requireTensor } from './shared.ts';

type UnaryKernel = (out: KernelView, x: KernelView) => void;
type UnaryGradKernel = (dx: KernelView, saved: KernelView, dy: KernelView) => void;
type BinaryKernel = (out: KernelView, a: KernelView | number, b: KernelView | number) => void;

/** A fresh tensor shaped like `t`, sharing its shape and strides arrays when it is contiguous. */
function emptyFor(t: Tensor, dtype: DType): Tensor {
  const strides = t.isContiguous ? t.strides : contiguousStrides(t.shape);
  return new Tensor(allocate(queueOf(t), t.size * itemSize[dtype]), 0, t.shape, strides, dtype, t.size, true);
}

export interface UnaryDefinition {
  readonly name: string;
  readonly kernel: UnaryKernel;
  /**
   * dx from (saved, dy); `saved` is the input or the output as `saves` says, which the body in native/ops must agree
   * with. Without it `backward` serves alone.
   */
  readonly gradKernel?: UnaryGradKernel;
  readonly saves: 'input' | 'output';
  /** 'float' turns integers into float32 first; 'keep' computes in the dtype given. */
  readonly result: 'float' | 'keep';
  readonly backward: (saved: Tensor, dy: Tensor) => Tensor;
}

/** An elementwise op of one tensor. */
export function defineUnary(definition: UnaryDefinition): (x: Tensor) => Tensor {
  const { name, kernel, gradKernel, saves, result, backward } = definition;
  const saved = (ctx: BackwardContext): Tensor => (saves === 'input' ? (ctx.args[0] as Tensor) : ctx.out);
  const recorded: RecordedOp = register({
    name,
    saves: saves === 'input' ? [0] : [],
    savesOutputs: saves === 'output' ? [0] : [],
    backward: (ctx: BackwardContext, dy: Tensor): Gradients => [backward(saved(ctx), dy)],
    fastBackward:
      gradKernel &&
      ((ctx: BackwardContext, dy: Tensor): Gradients => {
        const value = saved(ctx);
        const dx = emptyFor(value, value.dtype);
        gradKernel(dx, value, dy);
        return [dx];
      }),
  });
  const run = (x: Tensor, dtype: DType): Tensor => {
    const out = emptyFor(x, dtype);
    kernel(out, x);
    if ((x._requiresGrad || x._view !== null) && recording() && needsGrad(x)) record(recorded, [x], [out]);
    return out;
  };
  const op = (x: Tensor): Tensor => {
    requireTensor(name, x);
    checkLive(name, x);
    if (isFloat(x.dtype)) return run(x, x.dtype);
    if (x.dtype === 'bool' && name === 'neg') throw dtypeError(name, 'is not defined for bool');
    return run(x, result === 'float' ? 'float32' : x.dtype === 'bool' ? 'int32' : x.dtype);
  };
  const writes = (dtype: DType): boolean => isComputed(dtype) && (isFloat(dtype) || result === 'keep');
  return withDirectForm(op, { recorded, binary: false, kernel, writes });
}

/** Kernels have no bool arithmetic. */
function isComputed(dtype: DType): boolean {
  return dtype !== 'bool';
}

type UnaryWithKernel = (out: KernelView, x: KernelView, p: number, q: number) => void;
type UnaryWithGradKernel = (dx: KernelView, x: KernelView, dy: KernelView, p: number, q: number) => void;

export interface UnaryWithDefinition {
  readonly name: string;
  readonly kernel: UnaryWithKernel;
  readonly gradKernel: UnaryWithGradKernel;
  readonly backward: (x: Tensor, dy: Tensor, p: number, q: number) => Tensor;
}

/** An elementwise op of one tensor with two numbers; integers become float32 first. */
export function defineUnaryWith(definition: UnaryWithDefinition): (x: Tensor, p: number, q: number) => Tensor {
  const { name, kernel, gradKernel, backward } = definition;
  type Context = BackwardContext<readonly [Tensor, number, number]>;
  const recorded: RecordedOp = register({
    name,
    saves: [0],
    savesOutputs: [],
    backward: ({ args: [x, p, q] }: Context, dy: Tensor): Gradients => [backward(x, dy, p, q), null, null],
    fastBackward: ({ args: [x, p, q] }: Context, dy: Tensor): Gradients => {
      const dx = emptyFor(x, x.dtype);
      gradKernel(dx, x, dy, p, q);
      return [dx, null, null];
    },
  });
  return (x, p, q) => {
    requireTensor(name, x);
    checkLive(name, x);
    const input = castTo(x, isFloat(x.dtype) ? x.dtype : 'float32');
    const out = emptyFor(input, input.dtype);
    kernel(out, input, p, q);
    if (recording() && needsGrad(input)) record(recorded, [input, p, q], [out]);
    if (input !== x) input.dispose();
    return out;
  };
}

/** An elementwise question about one tensor. */
export function definePredicate(name: string, kernel: UnaryKernel): (x: Tensor) => Tensor<'bool'> {
  return (x) => {
    requireTensor(name, x);
    checkLive(name, x);
    const out = emptyFor(x, 'bool') as Tensor<'bool'>;
    kernel(out, x);
    return out;
  };
}

export interface BinaryDefinition {
  readonly name: string;
  readonly kernel: BinaryKernel;
  /** 'promote': the operands' common dtype; 'float': the same but integers become float32; 'bool': a comparison. */
  readonly result: 'promote' | 'float' | 'bool';
  readonly saves?: RecordedOp['saves'];
  readonly savesOutputs?: RecordedOp['savesOutputs'];
  readonly rejectsBool?: boolean;
  /** Floats are rejected. */
  readonly integersOnly?: boolean;
  /** Throws for operands that `dtype` does not allow. */
  readonly check?: (dtype: DType, a: Value, b: Value) => void;
  readonly backward?: Backward;
}

export interface BinaryOp {
  (a: Value, b: Value): Tensor;
  readonly recorded: RecordedOp;
}

/** An elementwise op of two operands that broadcast and promote. */
export function defineBinary(definition: BinaryDefinition): BinaryOp {
  const { name, kernel, result, saves, savesOutputs } = definition;
  const { rejectsBool = false, integersOnly = false, check } = definition;
  const backward = fitting(definition.backward);
  const recorded: RecordedOp = register({ name, saves, savesOutputs, backward });
  const isComparison = result === 'bool';

  /** At least one operand is a tensor; the kernel converts what it reads to the dtype it computes in. */
  const run = (a: Tensor | number, b: Tensor | number, dtype: DType): Tensor => {
    let out: Tensor;
    if (a instanceof Tensor && b instanceof Tensor) {
      const shape = broadcastShapes(name, a.shape, b.shape);
      out = emptyTensor(shape, isComparison ? 'bool' : dtype, queueOf(a));
      kernel(out, broadcastView(name, a, shape), broadcastView(name, b, shape));
    } else {
      out = emptyFor((a instanceof Tensor ? a : b) as Tensor, isComparison ? 'bool' : dtype);
      kernel(out, a, b);
    }
    if (backward !== undefined && recording() && (needsGrad(a) || needsGrad(b))) record(recorded, [a, b], [out]);
    return out;
  };

  /** A number meets the tensor's own dtype, unless that cannot hold it: 300 is no uint8. */
  const compared = (a: Value, b: Value, dtype: DType): Tensor => {
    const compute = holding(holding(dtype, a), b);
    const ready = (value: Value, beside: Value): Tensor | number => {
      if (!(value instanceof Tensor)) return comparable(value, compute, beside as Tensor);
      const fits = beside instanceof Tensor || compute === value.dtype || compute === 'float32';
      return fits ? value : castTo(value, compute);
    };
    const left = ready(a, b);
    const right = ready(b, a);
    const out = run(left, right, 'bool');
    if (left !== a && left instanceof Tensor) left.dispose();
    if (right !== b && right instanceof Tensor) right.dispose();
    return out;
  };

  const general = (a: Value, b: Value): Tensor => {
    checkOperand(name, a);
    checkOperand(name, b);
    checkArguments(name, [a, b]);
    let dtype = commonDtype(name, a, b);
    if (rejectsBool && dtype === 'bool') throw dtypeError(name, 'is not defined for bool');
    if (integersOnly && isFloat(dtype)) throw dtypeError(name, `wants integers, got ${dtype}`);
    check?.(dtype, a, b);
    if (result === 'float' && !isFloat(dtype)) dtype = 'float32';
    if (isComparison) return compared(a, b, dtype);
    // Logic in bytes: kernels have no bool arithmetic.
    const compute = dtype === 'bool' ? 'uint8' : dtype;
    const left = operand(a, compute, b);
    const right = operand(b, compute, a);
    const out = run(left, right, compute);
    if (left !== a && left instanceof Tensor) left.dispose();
    if (right !== b && right instanceof Tensor) right.dispose();
    if (compute === dtype) return out;
    const bits = castTo(out, dtype);
    out.dispose();
    return bits;
  };

  const op = (a: Value, b: Value): Tensor => {
    if (
      a instanceof Tensor &&
      b instanceof Tensor &&
      a._state === 'live' &&
      b._state === 'live' &&
      a.dtype === b.dtype &&
      a.storage.queue === b.storage.queue &&
      (a.dtype === 'float32' || a.dtype === 'float64') &&
      !integersOnly &&
      sameShape(a.shape, b.shape)
    ) {
      const out = emptyFor(a, isComparison ? 'bool' : a.dtype);
      kernel(out, a, b);
      if (
        backward !== undefined &&
        (a._requiresGrad || b._requiresGrad || a._view !== null || b._view !== null) &&
        recording() &&
        (needsGrad(a) || needsGrad(b))
      ) {
        record(recorded, [a, b], [out]);
      }
      return out;
    }
    return general(a, b);
  };
  const writes = (dtype: DType): boolean =>
    isComputed(dtype) && (isFloat(dtype) ? !integersOnly : result === 'promote');
  const form = isComparison ? undefined : { recorded, binary: true, kernel, writes };
  return withDirectForm(Object.assign(op, { recorded }), form);
}

/** Operands may come from JavaScript without types. */
export function checkOperand(op: string, value: unknown): void {
  if (value instanceof Tensor || typeof value === 'number' || typeof value === 'bigint') return;
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  throw argumentError(op, `operands must be tensors or numbers, got ${got}`);
}

/** The dtype the operands are computed in. */
export function commonDtype(op: string, a: Value, b: Value): DType {
  if (a instanceof Tensor) {
    if (!(b instanceof Tensor)) return promoteNumber(a.dtype, b);
    sameDevice(op, a, b);
    return promote(a.dtype, b.dtype);
  }
  if (b instanceof Tensor) return promoteNumber(b.dtype, a);
  throw argumentError(op, 'at least one operand must be a tensor');
}

/** `value` for a kernel that reads it as `dtype`; a bigint no double holds becomes a tensor. */
export function operand(value: Value, dtype: DType, beside: Value): Tensor | number {
  if (value instanceof Tensor) return value;
  if (typeof value === 'number') return wrapped(value, dtype);
  const number = Number(value);
  if (Number.isSafeInteger(number) || dtype !== 'int64') return wrapped(number, dtype);
  return bigScalar(value, (beside as Tensor).device);
}

/** A number compared with float16 or bfloat16 is rounded as they are: 0.1 equals the 0.1 in such a tensor. */
function comparable(value: number | bigint, compute: DType, beside: Tensor): Tensor | number {
  const ready = operand(value, compute, beside);
  if (typeof ready !== 'number' || !isHalf(beside.dtype)) return ready;
  const rounded = roundToHalf(beside.dtype, ready);
  return Number.isFinite(rounded) ? rounded : ready;
}

/** An integer beyond a small dtype wraps as integer arithmetic does; a kernel would clamp it. */
function wrapped(value: number, dtype: DType): number {
  if (!Number.isSafeInteger(value)) return value;
  if (dtype === 'uint8') return ((value % 256) + 256) % 256;
  if (dtype === 'int8') return (value << 24) >> 24;
  if (dtype === 'int16') return (value << 16) >> 16;
  return dtype === 'int32' ? value | 0 : value;
}

/** The dtype a comparison needs so that a number keeps its value: 300 is no uint8. */
function holding(dtype: DType, value: Value): DType {
  if (value instanceof Tensor || isFloat(dtype)) return dtype;
  const number = Number(value);
  if (dtype !== 'int64' && wrapped(number, dtype) !== number) return Number.isSafeInteger(number) ? 'int64' : 'float64';
  return dtype;
}

type Backward = (ctx: BackwardContext<readonly [Value, Value]>, dy: Tensor) => Gradients;

/** `backward` with its results in the dtypes of the operands, which the kernel converted as it read them. */
function fitting(backward: Backward | undefined): Backward | undefined {
  if (backward === undefined) return undefined;
  return (ctx, dy) => {
    const gradients = backward(ctx, dy);
    const fits = (i: number): boolean => (gradients[i] as Tensor | null)?.dtype === (ctx.args[i] as Tensor).dtype;
    return (gradients[0] == null || fits(0)) && (gradients[1] == null || fits(1))
      ? gradients
      : gradients.map((g, i) => (g instanceof Tensor ? castTo(g, (ctx.args[i] as Tensor).dtype) : g));
  };
}
