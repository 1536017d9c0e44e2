// Ops that write into their first argument. The elementwise families have theirs by derivation: `name_` computes what `name` does.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { RecordedOp } from '../autograd/tape.ts';
import { needsGrad, recording } from '../autograd/tape.ts';
import { canCast } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import { checkLive, Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { castTo, clone } from './cast.ts';
import type { DirectForm } from './direct.ts';
import { directForm } from './direct.ts';
import { commonDtype, operand } from './elementwise.ts';
import type { Elementwise } from './families.ts';
import { tril, triu } from './diagonal.ts';
import { elementwise } from './families.ts';
import { scatter, scatterAdd } from './gather.ts';
import { indexAdd, indexCopy, indexFill, indexPut } from './index-put.ts';
import { before, bump, changed, checkTarget, overlaps } from './inplace-shared.ts';
import { maskedScatter } from './masked.ts';
import { sumTo } from './reduce.ts';
import { cumprod, cumsum } from './scan.ts';
import { scatterReduce } from './scatter-reduce.ts';
import type { Value } from './shared.ts';
import { broadcastView, requireTensor } from './shared.ts';
import { put } from './take.ts';

type AnyOp = (x: Tensor, ...rest: readonly unknown[]) => Tensor;

type InPlaceForm<F> = F extends (x: never, ...rest: infer R) => unknown
  ? <T extends Tensor>(target: T, ...rest: R) => T
  : never;

/** Other ops that keep the shape of their first argument. */
interface Keeping {
  readonly scatter: typeof scatter;
  readonly scatterAdd: typeof scatterAdd;
  readonly scatterReduce: typeof scatterReduce;
  readonly indexAdd: typeof indexAdd;
  readonly indexCopy: typeof indexCopy;
  readonly indexFill: typeof indexFill;
  readonly indexPut: typeof indexPut;
  readonly put: typeof put;
  readonly maskedScatter: typeof maskedScatter;
  readonly tril: typeof tril;
  readonly triu: typeof triu;
  readonly cumsum: typeof cumsum;
  readonly cumprod: typeof cumprod;
}
const keeping: Keeping = {
  scatter,
  scatterAdd,
  scatterReduce,
  indexAdd,
  indexCopy,
  indexFill,
  indexPut,
  put,
  maskedScatter,
  tril,
  triu,
  cumsum,
  cumprod,
};
type ShapeKeeping = Elementwise & Keeping;

/** `name_` for every op of the elementwise families, and for those that write at indices. */
export type InPlaceForms = { readonly [K in keyof ShapeKeeping & string as `${K}_`]: InPlaceForm<ShapeKeeping[K]> };

/** The same as methods of `T`. */
export type InPlaceMethods<T> = {
  readonly [K in keyof InPlaceForms]: InPlaceForms[K] extends (x: never, ...rest: infer R) => unknown
    ? (...rest: R) => T
    : never;
};

/** Whether the kernel of `form` may write over the target: its result has the target's dtype and shape. */
function fits(name: string, form: DirectForm, target: Tensor, rest: readonly unknown[]): boolean {
  if (rest.length !== (form.binary ? 1 : 0)) return false;
  if (!form.binary) return form.writes(target.dtype);
  const [value] = rest;
  if (typeof value === 'number' || typeof value === 'bigint') {
    return form.writes(target.dtype) && commonDtype(name, target, value) === target.dtype;
  }
  if (!(value instanceof Tensor) || !form.writes(target.dtype)) return false;
  if (value.rank > target.rank || commonDtype(name, target, value) !== target.dtype) return false;
  return sameShape(broadcastShapes(name, target.shape, value.shape), target.shape);
}

/** Lets the kernel write over its first operand. */
function runDirect(name: string, form: DirectForm, target: Tensor, value: Value | undefined): void {
  const { recorded, kernel } = form;
  const live = recording() && (needsGrad(target) || needsGrad(value));
  // What backward reads of the operand must outlive the write, also when it is the target itself.
  const same = live && value instanceof Tensor && value.storage === target.storage;
  const right = value === undefined ? 0 : same ? clone(value) : operand(value, target.dtype, target);
  const { saves } = recorded;
  const keepValues = saves === undefined || (saves === 'others' ? needsGrad(right) : saves.includes(0));
  const old = live ? before(target, keepValues) : null;
  bump(name, target);
  kernel(target, target, right instanceof Tensor ? broadcastView(name, right, target.shape) : right);
  changed(name, target, live ? recorded : null, value === undefined ? [old] : [old, right]);
  old?.dispose();
  if (right instanceof Tensor && right !== value) right.dispose();
}

/** Tensors among the arguments, those in options included. */
function tensorsIn(rest: readonly unknown[]): Tensor[] {
  return rest.flatMap((each): Tensor[] => {
    if (each instanceof Tensor) return [each];
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return [];
    return Object.values(each).filter((value): value is Tensor => value instanceof Tensor);
  });
}

/** A target that became another tensor, the second argument, or a number. */
const overwrite: RecordedOp = {
  name: 'copy_',
  saves: [],
  backward: (ctx, dy: Tensor) => {
    const source = ctx.args[1] as Tensor | null;
    return [ctx.needs(0) ? mul(dy, 0) : null, source !== null && ctx.needs(1) ? sumTo(dy, source.shape) : null];
  },
};

/** Computes the result apart and copies it over the target: for compositions, and where dtypes differ. */
function runApart(name: string, op: AnyOp, target: Tensor, rest: readonly unknown[]): void {
  tidy(() => {
    const others = tensorsIn(rest);
    const keep = recording() && (needsGrad(target) || others.some(needsGrad));
    // The op may save its arguments, which the write would change.
    const own = (each: unknown): unknown =>
      keep && each instanceof Tensor && each.storage === target.storage ? clone(each) : each;
    const result = op(keep ? clone(target) : target, ...rest.map(own));
    if (!canCast(result.dtype, target.dtype)) {
      throw dtypeError(name, `a ${result.dtype} result does not fit into ${target.dtype}`);
    }
    if (!sameShape(result.shape, target.shape)) {
      throw shapeError(
        name,
        `the result has shape ${formatShape(result.shape)}, the target ${formatShape(target.shape)}`,
      );
    }
    const right = castTo(result, target.dtype);
    const live = recording() && (needsGrad(right) || needsGrad(target));
    // Connected through the result where that has a place in the graph; else what the target was gets nothing.
    const old = live && !needsGrad(right) ? before(target, false) : null;
    bump(name, target);
    kernels.copy(target, right);
    changed(name, target, live ? overwrite : null, [old, right]);
  });
}

function inPlaceForm(name: string, op: AnyOp): (target: Tensor, ...rest: readonly unknown[]) => Tensor {
  const form = directForm(op);
  return (target, ...given) => {
    checkTarget(name, target);
    // Methods pass on what they were not given.
    const rest = given.slice(0, given.findLastIndex((each) => each !== undefined) + 1);
    checkArguments(name, [target, ...rest]);
    for (const each of tensorsIn(rest)) {
      checkLive(name, each);
      if (overlaps(target, each)) {
        throw argumentError(name, 'the operand overlaps the target partly; clone() it first');
      }
    }
    if (form !== undefined && fits(name, form, target, rest))
      runDirect(name, form, target, rest[0] as Value | undefined);
    else runApart(name, op, target, rest);
    return target;
  };
}

/**
 * The in-place form of every elementwise op, of those that write at indices or under a mask, and of tril, triu, cumsum and
 * cumprod: `inPlace.relu_(x)` computes relu(x) in x, as `x.relu_()` does. The result must
 * have the shape of the target and a dtype that can be cast to the target's without losing its kind, else ERR_SHAPE or
 * ERR_DTYPE; a leaf that requires grad is ERR_GRAD, a target whose elements overlap ERR_ARGUMENT.
 * @example
 * inPlace.clamp_(tensor([-2, 3]), { min: 0, max: 1 }); // [0, 1]
 */
export const inPlace: InPlaceForms = Object.fromEntries(
  Object.entries({ ...elementwise, ...keeping }).map(([name, op]) => [
    `${name}_`,
    inPlaceForm(`${name}_`, op as unknown as AnyOp),
  ]),
) as unknown as InPlaceForms;

/**
 * target ← target + alpha · value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * add_(tensor([1, 2]), 1); // [2, 3]
 */
export const add_: InPlaceForms['add_'] = inPlace.add_;

/**
 * target ← target − alpha · value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * sub_(tensor([1, 2]), 1); // [0, 1]
 */
export const sub_: InPlaceForms['sub_'] = inPlace.sub_;

/**
 * target ← target · value; `value` broadcasts to the target.
 * @returns the target
 * @example
 * mul_(tensor([1, 2]), 3); // [3, 6]
 */
export const mul_: InPlaceForms['mul_'] = inPlace.mul_;

/**
 * target ← target / value; the target must be a float tensor unless the quotient is rounded.
 * @returns the target
 * @example
 * div_(tensor([2, 4]), 2); // [1, 2]
 */
export const div_: InPlaceForms['div_'] = inPlace.div_;

/**
 * Overwrites `target` with `source`, which broadcasts and is cast to the target's dtype.
 * @returns the target
 * @example
 * copy_(zeros([2]), tensor([1, 2])); // [1, 2]
 */
export function copy_<T extends Tensor>(target: T, source: Tensor): T {
  checkTarget('copy_', target);
  requireTensor('copy_', source, 'source');
  checkArguments('copy_', [target, source]);
  const view = broadcastView('copy_', source, target.shape);
  if (overlaps(target, source)) throw argumentError('copy_', 'the source overlaps the target partly; clone() it first');
  const live = recording() && (needsGrad(target) || needsGrad(source));
  const right = live ? castTo(source, target.dtype) : source;
  const old = live ? before(target, false) : null;
  bump('copy_', target);
  kernels.copy(target, right === source ? view : broadcastView('copy_', right, target.shape));
  changed('copy_', target, live ? overwrite : null, [old, right]);
  old?.dispose();
  if (right !== source) right.dispose();
  return target;
}

/**
 * Sets every element of `target` to `value`.
 * @returns the target
 * @example
 * fill_(zeros([2]), 7); // [7, 7]
 */
export function fill_<T extends Tensor>(target: T, value: number | bigint): T {
  checkTarget('fill_', target);
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw argumentError('fill_', `value must be a number, got ${typeof value}`);
  const live = recording() && needsGrad(target);
  const old = live ? before(target, false) : null;
  const number = operand(value, target.dtype, target);
  bump('fill_', target);
  if (number instanceof Tensor) {
    kernels.copy(target, broadcastView('fill_', number, target.shape));
    number.dispose();
  } else kernels.fill(target, number);
  changed('fill_', target, live ? overwrite : null, [old, null]);
  old?.dispose();
  return target;
}

/**
 * Sets every element of `target` to 0.
 * @returns the target
 * @example
 * zero_(ones([2])); // [0, 0]
 */
export function zero_<T extends Tensor>(target: T): T {
  return fill_(target, 0);
}
