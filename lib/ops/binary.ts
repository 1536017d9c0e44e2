import { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { eq, ge, gt } from './compare.ts';
import type { BinaryOp } from './elementwise.ts';
import { defineBinary } from './elementwise.ts';
import { sumTo } from './reduce.ts';
import type { Value } from './shared.ts';
import { log, neg } from './unary.ts';
import { where } from './where.ts';

/** The gradient of one operand: null for numbers, else summed over what was broadcast. */
function toOperand(value: Value, needed: boolean, gradient: () => Tensor): Tensor | null {
  return needed && value instanceof Tensor ? sumTo(gradient(), value.shape) : null;
}

/**
 * a + b, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * add(tensor([1, 2]), 10); // [11, 12]
 */
export const add: BinaryOp = defineBinary({
  name: 'add',
  kernel: (out, a, b) => kernels.add(out, a, b),
  result: 'promote',
  saves: [],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => dy), toOperand(b, ctx.needs(1), () => dy)];
  },
});

/**
 * a − b, elementwise with broadcasting; not defined for two bools.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * sub(tensor([5, 7]), tensor([1, 2])); // [4, 5]
 */
export const sub: BinaryOp = defineBinary({
  name: 'sub',
  kernel: (out, a, b) => kernels.sub(out, a, b),
  result: 'promote',
  saves: [],
  rejectsBool: true,
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => dy), toOperand(b, ctx.needs(1), () => neg(dy))];
  },
});

/**
 * a · b, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * mul(tensor([1, 2]), tensor([3, 4])); // [3, 8]
 */
export const mul: BinaryOp = defineBinary({
  name: 'mul',
  kernel: (out, a, b) => kernels.mul(out, a, b),
  result: 'promote',
  saves: 'others',
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => mul(dy, b)), toOperand(b, ctx.needs(1), () => mul(dy, a))];
  },
});

/**
 * a / b, elementwise with broadcasting; integers give float32.
 * @returns the broadcast shape
 * @example
 * div(tensor([1, 4]), 2); // [0.5, 2]
 */
export const div: BinaryOp = defineBinary({
  name: 'div',
  kernel: (out, a, b) => kernels.div(out, a, b),
  result: 'float',
  saves: [0, 1],
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => div(dy, b)),
      toOperand(b, ctx.needs(1), () => neg(mul(dy, div(div(a, b), b)))),
    ];
  },
});

/**
 * a to the power b, elementwise with broadcasting.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * pow(tensor([2, 3]), 2); // [4, 9]
 */
export const pow: BinaryOp = defineBinary({
  name: 'pow',
  kernel: (out, a, b) => kernels.pow(out, a, b),
  result: 'promote',
  saves: [0, 1],
  savesOutputs: [0],
  rejectsBool: true,
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [
      toOperand(a, ctx.needs(0), () => powBase(a as Tensor, b, dy)),
      toOperand(b, ctx.needs(1), () => powExponent(a, b as Tensor, ctx.out, dy)),
    ];
  },
});

/** dy · b · a^(b−1), which is 0 where b is 0 even when a^(b−1) is not finite. */
function powBase(a: Tensor, b: Value, dy: Tensor): Tensor {
  if (!(b instanceof Tensor)) {
    const exponent = Number(b);
    return exponent === 0 ? mul(dy, 0) : mul(dy, mul(pow(a, exponent - 1), exponent));
  }
  const slope = mul(b, pow(a, sub(b, 1)));
  return mul(dy, where(eq(b, 0), 0, slope));
}

/** dy · out · log a, which is 0 where a is 0 and b is not negative. */
function powExponent(a: Value, b: Tensor, out: Tensor, dy: Tensor): Tensor {
  if (!(a instanceof Tensor)) {
    const base = Number(a);
    if (base === 0) return mul(dy, where(gt(0, b), mul(out, Number.NEGATIVE_INFINITY), 0));
    return mul(dy, mul(out, Math.log(base)));
  }
  const slope = mul(out, log(a));
  return mul(dy, where(eq(a, 0), where(ge(b, 0), 0, slope), slope));
}

/** Equal operands share the gradient, as in PyTorch. */
function extremumGradient(
  wins: (x: Value, y: Value) => Tensor,
): NonNullable<Parameters<typeof defineBinary>[0]['backward']> {
  const share = (mine: Value, other: Value, dy: Tensor): Tensor => {
    const half = mul(dy, 0.5);
    return where(eq(mine, other), half, where(wins(mine, other), dy, 0));
  };
  return (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => share(a, b, dy)), toOperand(b, ctx.needs(1), () => share(b, a, dy))];
  };
}

/**
 * The larger of a and b, elementwise with broadcasting; NaN wins, equals share the gradient.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * maximum(tensor([1, 5]), 3); // [3, 5]
 */
export const maximum: BinaryOp = defineBinary({
  name: 'maximum',
  kernel: (out, a, b) => kernels.maximum(out, a, b),
  result: 'promote',
  saves: [0, 1],
  backward: extremumGradient((x, y) => gt(x, y)),
});

/**
 * The smaller of a and b, elementwise with broadcasting; NaN wins, equals share the gradient.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * minimum(tensor([1, 5]), 3); // [1, 3]
 */
export const minimum: BinaryOp = defineBinary({
  name: 'minimum',
  kernel: (out, a, b) => kernels.minimum(out, a, b),
  result: 'promote',
  saves: [0, 1],
  backward: extremumGradient((x, y) => gt(y, x)),
});
