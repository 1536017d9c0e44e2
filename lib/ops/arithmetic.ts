// Functions of two numbers: angles, lengths, exponents and signs.
import { checkArguments } from '../autograd/define-op.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, pow, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, le } from './compare.ts';
import { full } from './creation.ts';
import type { BinaryOp } from './elementwise.ts';
import { checkOperand, commonDtype, defineBinary } from './elementwise.ts';
import { logicalAnd } from './logic.ts';
import { noSlope, toOperand } from './operands.ts';
import type { Value } from './shared.ts';
import { neg, sigmoid, sign } from './unary.ts';
import { where } from './where.ts';

/**
 * The angle of the point (b, a) in radians, in [−π, π], elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * atan2(tensor([0, 1]), tensor([1, 0])); // [0, 1.5708]
 */
export const atan2: BinaryOp = defineBinary({
  name: 'atan2',
  kernel: (out, a, b) => kernels.atan2(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    const length = hypot(a, b);
    // Divided twice: the square of the length may overflow.
    const over = (x: Value): Tensor => div(div(x, length), length);
    return [
      toOperand(a, ctx.needs(0), () => mul(dy, over(b))),
      toOperand(b, ctx.needs(1), () => neg(mul(dy, over(a)))),
    ];
  },
});

/**
 * √(a² + b²) without overflow on the way, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * hypot(tensor([3, 5]), tensor([4, 12])); // [5, 13]
 */
export const hypot: BinaryOp = defineBinary({
  name: 'hypot',
  kernel: (out, a, b) => kernels.hypot(out, a, b),
  result: 'float',
  saves: [0, 1],
  savesOutputs: [0],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => mul(dy, div(a, ctx.out))),
      toOperand(b, ctx.needs(1), () => mul(dy, div(b, ctx.out))),
    ];
  },
});

/**
 * log(eᵃ + eᵇ) without overflow, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * logaddexp(tensor([0, 1000]), tensor([0, 1000])); // [0.6931, 1000.6931]
 */
export const logaddexp: BinaryOp = defineBinary({
  name: 'logaddexp',
  kernel: (out, a, b) => kernels.logaddexp(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => mul(dy, sigmoid(sub(a, b)))),
      toOperand(b, ctx.needs(1), () => mul(dy, sigmoid(sub(b, a)))),
    ];
  },
});

/**
 * log₂(2ᵃ + 2ᵇ) without overflow, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * logaddexp2(tensor([1, 3]), tensor([1, 3])); // [2, 4]
 */
export const logaddexp2: BinaryOp = defineBinary({
  name: 'logaddexp2',
  kernel: (out, a, b) => kernels.logaddexp2(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => mul(dy, sigmoid(mul(sub(a, b), Math.LN2)))),
      toOperand(b, ctx.needs(1), () => mul(dy, sigmoid(mul(sub(b, a), Math.LN2)))),
    ];
  },
});

/**
 * a log b, and 0 where a is 0 and b is not NaN, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * xlogy(tensor([0, 2]), tensor([0, 1])); // [0, 0]
 */
export const xlogy: BinaryOp = defineBinary({
  name: 'xlogy',
  kernel: (out, a, b) => kernels.xlogy(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => where(logicalAnd(eq(a, 0), nonPositive(b)), 0, xlogy(dy, b))),
      toOperand(b, ctx.needs(1), () => div(mul(dy, a), b)),
    ];
  },
});

const nonPositive = (x: Value): Tensor | number => (x instanceof Tensor ? le(x, 0) : Number(Number(x) <= 0));

/**
 * |a| with the sign of b (that of −0 is negative), elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * copysign(tensor([1, -2]), tensor([-3, 4])); // [-1, 2]
 */
export const copysign: BinaryOp = defineBinary({
  name: 'copysign',
  kernel: (out, a, b) => kernels.copysign(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => mul(mul(dy, unit(b)), sign(a as Tensor))), noSlope(b, ctx.needs(1))];
  },
});

/** 1 or −1: the sign of b, of its zeros too. */
function unit(b: Value): Value {
  if (b instanceof Tensor) return copysign(1, b);
  return Number(b) < 0 || Object.is(b, -0) ? -1 : 1;
}

/**
 * 1 where x is positive, 0 where it is negative or NaN, and `atZero` where it is 0, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * heaviside(tensor([-1, 0, 2]), 0.5); // [0, 0.5, 1]
 */
export const heaviside: BinaryOp = defineBinary({
  name: 'heaviside',
  kernel: (out, a, b) => kernels.heaviside(out, a, b),
  result: 'promote',
  saves: [0],
  backward: (ctx, dy) => {
    const [x, atZero] = ctx.args;
    return [noSlope(x, ctx.needs(0)), toOperand(atZero, ctx.needs(1), () => where(isZero(x, atZero as Tensor), dy, 0))];
  },
});

const isZero = (x: Value, beside: Tensor): Tensor =>
  x instanceof Tensor ? eq(x, 0) : full([], Number(Number(x) === 0), { dtype: 'bool', device: beside.device });

/** Checks what compositions would report under another name. */
function checkPair(op: string, a: Value, b: Value): void {
  checkOperand(op, a);
  checkOperand(op, b);
  checkArguments(op, [a, b]);
  commonDtype(op, a, b);
  if (a instanceof Tensor && b instanceof Tensor) broadcastShapes(op, a.shape, b.shape);
}

/**
 * a · 2ᵇ, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * ldexp(tensor([1, 3]), 2); // [4, 12]
 */
export function ldexp(a: Value, b: Value): Tensor {
  checkPair('ldexp', a, b);
  const common = commonDtype('ldexp', a, b);
  return tidy(() => {
    if (!(b instanceof Tensor)) return mul(castTo(a as Tensor, isFloat(common) ? common : 'float32'), 2 ** Number(b));
    return mul(a, pow(2, isFloat(b.dtype) ? b : castTo(b, isFloat(common) ? common : 'float32')));
  });
}

/**
 * a to the power b in float64, whatever the operands are.
 * @returns float64 of the broadcast shape
 * @example
 * floatPower(tensor([2, 4], { dtype: 'int32' }), -1); // [0.5, 0.25]
 */
export function floatPower(a: Value, b: Value): Tensor<'float64'> {
  checkPair('floatPower', a, b);
  const wide = (x: Value): Value => (x instanceof Tensor ? castTo(x, 'float64') : Number(x));
  return tidy(() => pow(wide(a), wide(b))) as Tensor<'float64'>;
}
