// Dtypes that are stored but not computed in (float16, bfloat16, int8, int16), and autocast: the casts put around ops.
import { argumentError } from '../errors.ts';
import { current, withContextSync } from '../core/context.ts';
import type { DType } from '../core/dtype.ts';
import { computeDtype, isFloat, promote } from '../core/dtype.ts';
import { isHalf } from '../core/half.ts';
import { tidy } from '../core/scope.ts';
import { Tensor } from '../core/tensor.ts';

let castOp: ((x: Tensor, dtype: DType) => Tensor) | null = null;

/** Registers the op that changes a tensor's dtype; lib/ops/index.ts calls it once. */
export function setCast(op: (x: Tensor, dtype: DType) => Tensor): void {
  if (castOp !== null) throw argumentError('setCast', 'is called once, by lib/ops');
  castOp = op;
}

/** `x` itself when it has `dtype` already, else a recorded cast. */
export function castTensor(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (castOp === null) throw argumentError('cast', 'no op was registered to change dtypes');
  return castOp(x, dtype);
}

const narrow = (t: Tensor): boolean => computeDtype[t.dtype] !== t.dtype;
const isNarrow = (arg: unknown): boolean => arg instanceof Tensor && narrow(arg);

/** Whether tensors or lists of tensors among `args` have a dtype that is not computed in. */
export function anyNarrow(args: readonly unknown[]): boolean {
  for (const arg of args) {
    if (arg instanceof Tensor ? narrow(arg) : Array.isArray(arg) && arg.some(isNarrow)) return true;
  }
  return false;
}

function mapTensors(args: readonly unknown[], f: (t: Tensor) => Tensor): unknown[] {
  const one = (arg: unknown): unknown => (arg instanceof Tensor ? f(arg) : arg);
  return args.map((arg) => (Array.isArray(arg) ? arg.map(one) : one(arg)));
}

/** The arguments in the dtypes kernels compute in. */
export function widen(args: readonly unknown[]): unknown[] {
  return mapTensors(args, (t) => castTensor(t, computeDtype[t.dtype]));
}

/** Whether autocast changes the dtype of `t`: float64 is left alone. */
function eligible(t: Tensor): boolean {
  return t.dtype === 'float32' || isHalf(t.dtype);
}

/** The arguments in autocast's dtype. */
export function lower(args: readonly unknown[], dtype: DType): unknown[] {
  return mapTensors(args, (t) => (eligible(t) ? castTensor(t, dtype) : t));
}

/** Whether an op may be given tensors of both dtypes because autocast brings them together. */
export function autocastMerges(a: Tensor, b: Tensor): boolean {
  return current().autocast !== null && eligible(a) && eligible(b);
}

/** Whether one of the values is a float16 or bfloat16 tensor: compositions that would lose digits there use inFloat32. */
export function anyHalf(...values: readonly unknown[]): boolean {
  return values.some((each) => each instanceof Tensor && isHalf(each.dtype));
}

const toFloat32 = (arg: unknown): unknown =>
  arg instanceof Tensor && isHalf(arg.dtype) ? castTensor(arg, 'float32') : arg;

/** Whether `arg` is an object of options, whose tensors are arguments too. */
function isOptions(arg: unknown): arg is object {
  return typeof arg === 'object' && arg !== null && Object.getPrototypeOf(arg) === Object.prototype;
}

/**
 * `fn` on the arguments, options included, with float16 and bfloat16 as float32. The result is rounded to the dtype that the float arguments
 * meet in; under autocast it stays float32.
 */
export function inFloat32<A extends readonly unknown[]>(fn: (...args: A) => Tensor, ...args: A): Tensor {
  const floats = args.filter((arg): arg is Tensor => arg instanceof Tensor && isFloat(arg.dtype));
  const meeting = floats.reduce<DType>((dtype, t) => promote(dtype, t.dtype), floats[0]?.dtype ?? 'float32');
  return tidy(() => {
    const wide = args.map((arg) =>
      isOptions(arg)
        ? Object.fromEntries(Object.entries(arg).map(([name, each]) => [name, toFloat32(each)]))
        : toFloat32(arg),
    );
    const result = fn(...(wide as unknown as A));
    return current().autocast === null && isFloat(result.dtype) ? castTensor(result, meeting) : result;
  });
}

/** `fn` with autocast off: its arguments have been cast, or are gradients in the dtypes they must keep. */
export function withoutAutocast<T>(fn: () => T): T {
  return current().autocast === null ? fn() : withContextSync({ autocast: null }, fn);
}
