// Elementwise ops of three operands that broadcast and promote.
import { argumentError, dtypeError } from '../errors.ts';
import type { Spec } from '../autograd/define-op.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { canCast, isFloat, promote, promoteNumber } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { ge, gt, le, lt } from './compare.ts';
import { full } from './creation.ts';
import { checkOperand, operand } from './elementwise.ts';
import { logicalAnd, logicalOr } from './logic.ts';
import { toOperand } from './operands.ts';
import type { Value } from './shared.ts';
import { broadcastView, requireTensor } from './shared.ts';
import { neg } from './unary.ts';
import { where } from './where.ts';

type Ready = Tensor | number;

interface Operands {
  readonly ready: Ready[];
  readonly shape: Shape;
  readonly dtype: DType;
  /** Frees the casts. */
  dispose(): void;
}

/** Checks operands, and gives their broadcast shape, common dtype and casts to it. */
function prepare(op: string, values: readonly Value[], accepts: (dtype: DType) => void): Operands {
  for (const each of values) checkOperand(op, each);
  const first = checkArguments(op, values);
  if (first === null) throw argumentError(op, 'at least one operand must be a tensor');
  let { shape, dtype } = first;
  for (const each of values) {
    if (!(each instanceof Tensor) || each === first) continue;
    shape = broadcastShapes(op, shape, each.shape);
    dtype = promote(dtype, each.dtype);
  }
  for (const each of values) if (!(each instanceof Tensor)) dtype = promoteNumber(dtype, each);
  accepts(dtype);
  const ready = values.map((each) => operand(each, dtype, first));
  const dispose = (): void => {
    ready.forEach((each, i) => {
      if (each !== values[i] && each instanceof Tensor) each.dispose();
    });
  };
  return { ready, shape, dtype, dispose };
}

const floats =
  (op: string) =>
  (dtype: DType): void => {
    if (!isFloat(dtype)) throw dtypeError(op, `wants floats, got ${dtype}`);
  };
const numbers =
  (op: string) =>
  (dtype: DType): void => {
    if (dtype === 'bool') throw dtypeError(op, 'is not defined for bool');
  };

/** An operand for a kernel that writes `shape`. */
const view = (op: string, each: Ready, shape: Shape): KernelView | number =>
  each instanceof Tensor ? broadcastView(op, each, shape) : each;

const specOf = (_a: Ready, _b: Ready, _c: Ready, shape: Shape, dtype: DType): Spec => ({ shape, dtype });

const lerpOp = defineOp({
  name: 'lerp',
  dtypes: 'all',
  infer: specOf,
  forward: (ctx, a, b, weight, shape) =>
    kernels.lerp(ctx.out, view('lerp', a, shape), view('lerp', b, shape), view('lerp', weight, shape)),
  backward: (ctx, dy) => {
    const [a, b, weight] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => mul(dy, typeof weight === 'number' ? 1 - weight : sub(1, weight))),
      toOperand(b, ctx.needs(1), () => mul(dy, weight)),
      toOperand(weight, ctx.needs(2), () => mul(dy, sub(b, a))),
      null,
      null,
    ];
  },
});

/**
 * a + weight · (b − a), elementwise with broadcasting: a at weight 0, b at weight 1.
 * @returns the broadcast shape in the operands' common dtype, which must be a float one
 * @example
 * lerp(tensor([0, 10]), tensor([10, 20]), 0.25); // [2.5, 12.5]
 */
export function lerp(a: Tensor, b: Value, weight: Value): Tensor {
  requireTensor('lerp', a);
  const { ready, shape, dtype, dispose } = prepare('lerp', [a, b, weight], floats('lerp'));
  const out = lerpOp(ready[0] as Ready, ready[1] as Ready, ready[2] as Ready, shape, dtype);
  dispose();
  return out;
}

export interface FactorOptions {
  /** Multiplies the product or quotient; an integer for integers. Default 1. */
  readonly value?: number | undefined;
}

function factor(op: string, options: FactorOptions, dtype: DType): number {
  const { value = 1 } = options;
  if (typeof value !== 'number') throw argumentError(op, `value must be a number, got ${formatValue(value)}`);
  if (!isFloat(dtype) && !Number.isSafeInteger(value)) {
    throw argumentError(op, `value must be an integer for ${dtype}, got ${value}`);
  }
  return value;
}

const scaledSpec = (a: Ready, b: Ready, c: Ready, shape: Shape, dtype: DType, _value: number): Spec =>
  specOf(a, b, c, shape, dtype);

const addcmulOp = defineOp({
  name: 'addcmul',
  dtypes: 'all',
  infer: scaledSpec,
  forward: (ctx, a, b, c, shape, _dtype, value) =>
    kernels.addcmul(ctx.out, view('addcmul', a, shape), view('addcmul', b, shape), view('addcmul', c, shape), value),
  backward: (ctx, dy) => {
    const [a, b, c, , , value] = ctx.args;
    const times = (other: Ready): Tensor =>
      typeof other === 'number' ? mul(dy, other * value) : mul(mul(dy, other), value);
    return [
      toOperand(a, ctx.needs(0), () => dy),
      toOperand(b, ctx.needs(1), () => times(c)),
      toOperand(c, ctx.needs(2), () => times(b)),
      null,
      null,
      null,
    ];
  },
});

/**
 * a + value · b · c in one pass, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype; bools are ERR_DTYPE
 * @example
 * addcmul(tensor([1, 2]), tensor([3, 4]), tensor([5, 6]), { value: 0.5 }); // [8.5, 14]
 */
export function addcmul(a: Value, b: Value, c: Value, options: FactorOptions = {}): Tensor {
  checkOptions('addcmul', options);
  const { ready, shape, dtype, dispose } = prepare('addcmul', [a, b, c], (each) => {
    numbers('addcmul')(each);
    factor('addcmul', options, each);
  });
  const value = factor('addcmul', options, dtype);
  const out = addcmulOp(ready[0] as Ready, ready[1] as Ready, ready[2] as Ready, shape, dtype, value);
  dispose();
  return out;
}

const addcdivOp = defineOp({
  name: 'addcdiv',
  dtypes: 'all',
  infer: scaledSpec,
  forward: (ctx, a, b, c, shape, _dtype, value) =>
    kernels.addcdiv(ctx.out, view('addcdiv', a, shape), view('addcdiv', b, shape), view('addcdiv', c, shape), value),
  backward: (ctx, dy) => {
    const [a, b, c, , , value] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => dy),
      toOperand(b, ctx.needs(1), () => div(mul(dy, value), c)),
      toOperand(c, ctx.needs(2), () => neg(mul(mul(dy, value), div(div(b, c), c)))),
      null,
      null,
      null,
    ];
  },
});

/**
 * a + value · b / c in one pass, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype, which must be a float one
 * @example
 * addcdiv(tensor([1, 2]), tensor([3, 4]), tensor([2, 4]), { value: 2 }); // [4, 4]
 */
export function addcdiv(a: Value, b: Value, c: Value, options: FactorOptions = {}): Tensor {
  checkOptions('addcdiv', options);
  const { ready, shape, dtype, dispose } = prepare('addcdiv', [a, b, c], (each) => {
    floats('addcdiv')(each);
    factor('addcdiv', options, each);
  });
  const value = factor('addcdiv', options, dtype);
  const out = addcdivOp(ready[0] as Ready, ready[1] as Ready, ready[2] as Ready, shape, dtype, value);
  dispose();
  return out;
}

type Bound = Ready | null;

const clampOp = defineOp({
  name: 'clamp',
  dtypes: 'all',
  infer: (_x: Tensor, _min: Bound, _max: Bound, shape: Shape, dtype: DType): Spec => ({ shape, dtype }),
  forward: (ctx, x, min, max, shape) => {
    const input = broadcastView('clamp', x, shape);
    const low = min === null ? null : view('clamp', min, shape);
    const high = max === null ? null : view('clamp', max, shape);
    if (low !== null && high !== null) kernels.clamp(ctx.out, input, low, high);
    else if (low !== null) kernels.maximum(ctx.out, input, low);
    else if (high !== null) kernels.minimum(ctx.out, input, high);
  },
  backward: (ctx, dy) => {
    const [x, min, max] = ctx.args;
    const inside = (): Tensor => {
      if (min === null) return le(x, max as Ready);
      return max === null ? ge(x, min) : logicalAnd(ge(x, min), le(x, max));
    };
    // Where the bounds cross, the result is the upper one.
    const below = (low: Tensor): Tensor => (max === null ? lt(x, low) : logicalAnd(lt(x, low), lt(low, max)));
    const above = (high: Tensor): Tensor => (min === null ? gt(x, high) : logicalOr(gt(x, high), lt(high, min)));
    return [
      toOperand(x, ctx.needs(0), () => where(inside(), dy, 0)),
      toOperand(min, ctx.needs(1), () => where(below(min as Tensor), dy, 0)),
      toOperand(max, ctx.needs(2), () => where(above(max as Tensor), dy, 0)),
      null,
      null,
    ];
  },
});

export interface ClampOptions {
  /** The least value, a number or a tensor that broadcasts. */
  readonly min?: Value | null | undefined;
  /** The largest value, a number or a tensor that broadcasts. */
  readonly max?: Value | null | undefined;
}

function clampBetween(op: string, x: Tensor, min: Value | null, max: Value | null): Tensor {
  requireTensor(op, x);
  const given = [min, max].filter((each) => each !== null);
  if (given.length === 0) throw argumentError(op, 'wants min, max or both');
  const { ready, shape, dtype, dispose } = prepare(op, [x, ...given], numbers(op));
  const [input, first, second] = ready as [Tensor, Ready, Ready | undefined];
  const out = clampOp(input, min === null ? null : first, max === null ? null : (second ?? first), shape, dtype);
  dispose();
  return out;
}

/**
 * `x` kept between `min` and `max`: max(x, min), then min(·, max); NaN in any of them wins. Gradients go to the one that is
 * the result; x has it at the bounds too.
 * @returns the broadcast shape in the common dtype; bools are ERR_DTYPE
 * @example
 * clamp(tensor([-2, 0.5, 3]), { min: 0, max: 1 }); // [0, 0.5, 1]
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  checkOptions('clamp', options);
  return clampBetween('clamp', x, options.min ?? null, options.max ?? null);
}

/**
 * `x`, or `min` where that is larger; see `clamp`.
 * @returns the broadcast shape in the common dtype
 * @example
 * clampMin(tensor([-2, 3]), 0); // [0, 3]
 */
export function clampMin(x: Tensor, min: Value): Tensor {
  checkOperand('clampMin', min);
  return clampBetween('clampMin', x, min, null);
}

/**
 * `x`, or `max` where that is smaller; see `clamp`.
 * @returns the broadcast shape in the common dtype
 * @example
 * clampMax(tensor([-2, 3]), 0); // [-2, 0]
 */
export function clampMax(x: Tensor, max: Value): Tensor {
  checkOperand('clampMax', max);
  return clampBetween('clampMax', x, null, max);
}

/**
 * `x` with `value`, a number or a tensor of rank 0, where `mask` holds.
 * @param mask - a bool tensor; it broadcasts with `x`
 * @returns the broadcast shape in the dtype of `x`, which must be able to hold `value`
 * @example
 * maskedFill(tensor([1, 2, 3]), tensor([true, false, true]), 0); // [0, 2, 0]
 */
export function maskedFill<T extends Tensor>(x: T, mask: Tensor, value: Value): T {
  requireTensor('maskedFill', x);
  requireTensor('maskedFill', mask, 'mask');
  checkOperand('maskedFill', value);
  checkArguments('maskedFill', [x, mask, value]);
  if (mask.dtype !== 'bool') throw dtypeError('maskedFill', `mask must be bool, got ${mask.dtype}`);
  if (value instanceof Tensor && value.rank !== 0) {
    throw argumentError('maskedFill', `value must be a number or have rank 0, got shape ${formatShape(value.shape)}`);
  }
  const dtype = value instanceof Tensor ? value.dtype : promoteNumber(x.dtype, value);
  // JavaScript's 0 and 1 are as good as false and true.
  const fits = canCast(dtype, x.dtype) || (x.dtype === 'bool' && (Number(value) === 0 || Number(value) === 1));
  if (!fits) throw dtypeError('maskedFill', `a ${dtype} value does not fit into ${x.dtype}`);
  if (!(value instanceof Tensor) && x.dtype !== 'bool') return where(mask, value, x) as T;
  return tidy(() => {
    const filling =
      value instanceof Tensor ? castTo(value, x.dtype) : full([], value, { dtype: x.dtype, device: x.device });
    return where(mask, filling, x);
  }) as T;
}
