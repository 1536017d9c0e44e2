// Whether values agree: element by element, or as one answer that has to be waited for.
import { argumentError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { withContextSync } from '../core/context.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { sameShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, le, lt, ne } from './compare.ts';
import { checkOperand, commonDtype } from './elementwise.ts';
import { logicalAnd, logicalOr } from './logic.ts';
import { amin } from './reduce.ts';
import type { Value } from './shared.ts';
import { requireTensor } from './shared.ts';
import { abs } from './unary.ts';

export interface CloseOptions {
  /** Allowed error relative to |b|. Default 1e-5. */
  readonly rtol?: number | undefined;
  /** Allowed error besides. Default 1e-8. */
  readonly atol?: number | undefined;
  /** Whether NaN agrees with NaN. Default false. */
  readonly equalNan?: boolean | undefined;
}

function tolerances(op: string, options: CloseOptions): [number, number, boolean] {
  checkOptions(op, options);
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  for (const [name, value] of Object.entries({ rtol, atol })) {
    if (typeof value !== 'number' || !(value >= 0)) {
      throw argumentError(op, `${name} must be a number ≥ 0, got ${formatValue(value)}`);
    }
  }
  if (typeof equalNan !== 'boolean')
    throw argumentError(op, `equalNan must be a boolean, got ${formatValue(equalNan)}`);
  return [rtol, atol, equalNan];
}

function close(op: string, a: Value, b: Value, options: CloseOptions): Tensor<'bool'> {
  const [rtol, atol, equalNan] = tolerances(op, options);
  checkOperand(op, a);
  checkOperand(op, b);
  checkArguments(op, [a, b]);
  const common = commonDtype(op, a, b);
  return withContextSync({ gradMode: false }, () =>
    tidy(() => {
      let agree = eq(a, b);
      if (equalNan) agree = logicalOr(agree, logicalAnd(ne(a, a), ne(b, b)));
      if (rtol === 0 && atol === 0) return agree;
      // Differences of integers must not wrap.
      const wide = (x: Value): Value => (x instanceof Tensor && !isFloat(common) ? castTo(x, 'float64') : x);
      const [x, y] = [wide(a), wide(b)];
      const error = abs(sub(x, y) as Tensor);
      const allowed = y instanceof Tensor ? add(mul(abs(y), rtol), atol) : Math.abs(Number(y)) * rtol + atol;
      return logicalOr(agree, logicalAnd(lt(error, Number.POSITIVE_INFINITY), le(error, allowed)));
    }),
  ) as Tensor<'bool'>;
}

/**
 * Whether |a − b| ≤ atol + rtol · |b|, elementwise with broadcasting; equal infinities agree.
 * @returns bool of the broadcast shape
 * @example
 * isclose(tensor([1, 2]), tensor([1 + 1e-7, 2.1])); // [true, false]
 */
export function isclose(a: Value, b: Value, options: CloseOptions = {}): Tensor<'bool'> {
  return close('isclose', a, b, options);
}

/** One bool: whether every element holds. */
function every(flags: Tensor): Tensor {
  return tidy(() => amin(castTo(flags, 'uint8')));
}

function answer(flags: Tensor): Promise<boolean> {
  if (flags.size === 0) {
    flags.dispose();
    return Promise.resolve(true);
  }
  const all = every(flags);
  flags.dispose();
  const read = all.item();
  all.dispose();
  return read.then((value) => value !== 0);
}

function answerSync(flags: Tensor): boolean {
  if (flags.size === 0) {
    flags.dispose();
    return true;
  }
  const all = every(flags);
  flags.dispose();
  const value = all.itemSync();
  all.dispose();
  return value !== 0;
}

/**
 * Whether all elements of a and b agree as `isclose` has it.
 * @example
 * await allclose(tensor([1, 2]), tensor([1, 2 + 1e-7])); // true
 */
export function allclose(a: Value, b: Value, options: CloseOptions = {}): Promise<boolean> {
  return answer(close('allclose', a, b, options));
}

/**
 * `allclose` that blocks the event loop until the device is done.
 * @example
 * allcloseSync(tensor([1, 2]), tensor([1, 2.5])); // false
 */
export function allcloseSync(a: Value, b: Value, options: CloseOptions = {}): boolean {
  return answerSync(close('allclose', a, b, options));
}

function same(a: Tensor, b: Tensor): Tensor | null {
  requireTensor('equal', a);
  requireTensor('equal', b, 'other');
  checkArguments('equal', [a, b]);
  return sameShape(a.shape, b.shape) ? eq(a, b) : null;
}

/**
 * Whether a and b have one shape and the same elements; NaN is equal to nothing.
 * @example
 * await equal(tensor([1, 2]), tensor([1, 2])); // true
 */
export function equal(a: Tensor, b: Tensor): Promise<boolean> {
  const flags = same(a, b);
  return flags === null ? Promise.resolve(false) : answer(flags);
}

/**
 * `equal` that blocks the event loop until the device is done.
 * @example
 * equalSync(tensor([1, 2]), tensor([1, 3])); // false
 */
export function equalSync(a: Tensor, b: Tensor): boolean {
  const flags = same(a, b);
  return flags !== null && answerSync(flags);
}
