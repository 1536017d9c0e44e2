import { argumentError, dtypeError } from '../errors.ts';
import type { RecordedOp } from '../autograd/tape.ts';
import { isFloat } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { eq, ge, gt, le, ne } from './compare.ts';
import type { BinaryOp } from './elementwise.ts';
import { directForm, withDirectForm } from './direct.ts';
import { checkOperand, commonDtype, defineBinary } from './elementwise.ts';
import { logicalOr } from './logic.ts';
import { toOperand } from './operands.ts';
import { floorDivide, truncDivide } from './rounded-division.ts';
import type { Value } from './shared.ts';
import { addcmul } from './ternary.ts';
import { log, neg } from './unary.ts';
import { where } from './where.ts';

export interface ScaleOptions {
  /** Multiplies the second operand; an integer for integers. */
  readonly alpha?: number | undefined;
}

export interface DivideOptions {
  /** 'floor' rounds the quotient down, 'trunc' towards zero; integers then stay integers. Default: no rounding. */
  readonly roundingMode?: 'floor' | 'trunc' | null | undefined;
}

/** An elementwise op of two operands and options. */
export interface BinaryOpWith<O> {
  (a: Value, b: Value, options?: O): Tensor;
  readonly recorded: RecordedOp;
}

function withOptions<O>(base: BinaryOp, general: (a: Value, b: Value, options: O) => Tensor): BinaryOpWith<O> {
  const op = (a: Value, b: Value, options?: O): Tensor => (options === undefined ? base(a, b) : general(a, b, options));
  return withDirectForm(Object.assign(op, { recorded: base.recorded }), directForm(base));
}

/** a + sign · alpha · b in one pass. */
function scaled(name: string, base: BinaryOp, sign: 1 | -1): (a: Value, b: Value, options: ScaleOptions) => Tensor {
  return (a, b, options) => {
    checkOptions(name, options);
    const { alpha = 1 } = options;
    if (typeof alpha !== 'number') throw argumentError(name, `alpha must be a number, got ${formatValue(alpha)}`);
    if (alpha === 1) return base(a, b);
    checkOperand(name, a);
    checkOperand(name, b);
    const dtype = commonDtype(name, a, b);
    if (dtype === 'bool') throw dtypeError(name, 'alpha is not defined for bool');
    if (!isFloat(dtype) && !Number.isSafeInteger(alpha)) {
      throw argumentError(name, `alpha must be an integer for ${dtype}, got ${alpha}`);
    }
    return addcmul(a, b, 1, { value: sign * alpha });
  };
}

const plainAdd = defineBinary({
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
 * a + alpha · b, elementwise with broadcasting; `alpha` is 1 unless given.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * add(tensor([1, 2]), 10); // [11, 12]
 */
export const add: BinaryOpWith<ScaleOptions> = withOptions(plainAdd, scaled('add', plainAdd, 1));

const plainSub = defineBinary({
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
 * a − alpha · b, elementwise with broadcasting; not defined for two bools.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * sub(tensor([5, 7]), tensor([1, 2])); // [4, 5]
 */
export const sub: BinaryOpWith<ScaleOptions> = withOptions(plainSub, scaled('sub', plainSub, -1));

/**
 * b − alpha · a, elementwise with broadcasting: `sub` the other way round.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * rsub(tensor([1, 2]), 10); // [9, 8]
 */
export function rsub(a: Value, b: Value, options?: ScaleOptions): Tensor {
  return sub(b, a, options);
}

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

const plainDiv = defineBinary({
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
 * a / b, elementwise with broadcasting; integers give float32 unless `roundingMode` makes the quotient whole, which has
 * no slope.
 * @returns the broadcast shape
 * @example
 * div(tensor([1, 4]), 2); // [0.5, 2]
 * div(tensor([-7, 7]), 2, { roundingMode: 'floor' }); // [-4, 3]
 */
export const div: BinaryOpWith<DivideOptions> = withOptions(plainDiv, (a, b, options) => {
  checkOptions('div', options);
  const { roundingMode = null } = options;
  if (roundingMode === null) return plainDiv(a, b);
  if (roundingMode === 'floor') return floorDivide(a, b);
  if (roundingMode === 'trunc') return truncDivide(a, b);
  throw argumentError('div', `roundingMode must be 'floor', 'trunc' or null, got ${formatValue(roundingMode)}`);
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

/** The gradient goes to the operand that was chosen: a where it wins or b is NaN, else b. */
function chosenGradient(
  wins: (x: Value, y: Value) => Tensor,
): NonNullable<Parameters<typeof defineBinary>[0]['backward']> {
  return (ctx, dy) => {
    const [a, b] = ctx.args;
    const absent = b instanceof Tensor ? ne(b, b) : Number(Number.isNaN(Number(b)));
    const chosen = logicalOr(wins(a, b), absent);
    return [
      toOperand(a, ctx.needs(0), () => where(chosen, dy, 0)),
      toOperand(b, ctx.needs(1), () => where(chosen, 0, dy)),
    ];
  };
}

/**
 * The larger of a and b, elementwise with broadcasting; a number wins over NaN, and equals leave the gradient to a.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * fmax(tensor([1, Number.NaN]), 3); // [3, 3]
 */
export const fmax: BinaryOp = defineBinary({
  name: 'fmax',
  kernel: (out, a, b) => kernels.fmax(out, a, b),
  result: 'promote',
  saves: [0, 1],
  backward: chosenGradient((x, y) => ge(x, y)),
});

/**
 * The smaller of a and b, elementwise with broadcasting; a number wins over NaN, and equals leave the gradient to a.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * fmin(tensor([1, Number.NaN]), 3); // [1, 3]
 */
export const fmin: BinaryOp = defineBinary({
  name: 'fmin',
  kernel: (out, a, b) => kernels.fmin(out, a, b),
  result: 'promote',
  saves: [0, 1],
  backward: chosenGradient((x, y) => le(x, y)),
});
