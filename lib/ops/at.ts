// Indexing: x.at(…).get() reads, .set(value) and .add(value) write in place.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { current, withContextSync } from '../core/context.ts';
import type { DType } from '../core/dtype.ts';
import { canCast } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, numelOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { Index, Plan } from './at-plan.ts';
import { planOf, viewOf } from './at-plan.ts';
import { movedim } from './axes.ts';
import { castTo, clone } from './cast.ts';
import type { FixedSize } from './counted.ts';
import { checkSize } from './counted.ts';
import { checkOperand } from './elementwise.ts';
import { indexGetOp, indexPutKernel, indexPutOp } from './index-many.ts';
import { checkTarget, writeInPlace } from './inplace-shared.ts';
import { add_, copy_, fill_ } from './inplace.ts';
import { maskedSelect, maskedSelectSync } from './masked.ts';
import { countOffsets, maskedScatterOp } from './masked-ops.ts';
import { zeros } from './creation.ts';
import type { Value } from './shared.ts';
import { requireTensor } from './shared.ts';
import { broadcastTo, expand, permute, reshape } from './view.ts';
import { where } from './where.ts';

type Rule = 'set' | 'add';
type DTypesIn<I> = I extends { readonly dtype: infer T } ? T : never;
/** What reading gives: a promise when there is a mask, as the number of its elements is a value. */
export type Read<D extends DType, I extends readonly Index[]> = ReadOf<D, DTypesIn<I[number]>>;
type ReadOf<D extends DType, T> = [T] extends [never]
  ? Tensor<D>
  : 'bool' extends T
    ? [T] extends ['bool']
      ? Promise<Tensor<D>>
      : Tensor<D> | Promise<Tensor<D>>
    : Tensor<D>;

/** Elements of a tensor named by at(): to be read, overwritten or added to. */
export interface Place<D extends DType, R> {
  /**
   * The elements: a view for positions, ranges and new axes, a copy for index tensors; for a mask a promise of a copy, or
   * with `{ size, fill }` exactly `size` entries at once.
   */
  get(): R;
  get(options: FixedSize): Tensor<D>;
  /** `get()` that blocks the event loop, for masks, until the device has counted. */
  getSync(): Tensor<D>;
  /** Overwrites the elements with `value`, which broadcasts and is cast. Of several values for one element the last stays. */
  set(value: Value): Tensor<D>;
  /** Adds `value`, which broadcasts, to the elements; to one named several times, as often. */
  add(value: Value): Tensor<D>;
}

/**
 * Names elements of `x` by an index for each axis: `x.at(0, [1, 5], ':', mask)`; axes without one are whole. The result is
 * read with `get()` and written in place with `set(value)` and `add(value)`, all with gradients. As in PyTorch, index
 * tensors broadcast against each other and stand where the first was, or in front when other axes separate them.
 * @param indices - positions (negative from the end), ranges [start, stop, step] as Python's slices (any part null or left
 *   out; negative steps go backwards), ':' a whole axis, '...' all axes in between, null a new axis, integer tensors, or one
 *   bool mask. A position outside is ERR_INDEX: at once for numbers, for tensors when the result is read
 * @example
 * const x = arange(6).reshape([2, 3]);
 * x.at(1).get(); // [3, 4, 5]
 * x.at(':', [null, null, -1]).get(); // [[2, 1, 0], [5, 4, 3]]
 * x.at([], tensor([0, 2], { dtype: 'int32' })).get(); // [[0, 2], [3, 5]]
 * x.at(x.gt(3)).set(-1); // [[0, 1, 2], [3, -1, -1]]
 */
export function at<D extends DType, const I extends readonly Index[]>(
  x: Tensor<D>,
  ...indices: I
): Place<D, Read<D, I>> {
  requireTensor('at', x);
  const plan = planOf(x, indices);
  const [first, ...others] = plan.tensors;
  if (first === undefined) return basic(x, plan) as Place<D, Read<D, I>>;
  const masks = plan.tensors.filter(({ tensor }) => tensor.dtype === 'bool');
  if (masks.length > 0 && others.length > 0) {
    throw argumentError(
      'at',
      'a mask cannot stand beside other index tensors; give the columns of nonzero(mask) instead',
    );
  }
  return (masks.length > 0 ? masked(x, plan) : indexed(x, plan)) as Place<D, Read<D, I>>;
}

function noOptions(options: unknown): void {
  if (options !== undefined) throw argumentError('at', '{ size, fill } is for masks');
}

/** `value` apart from the memory of `x`, without leading axes of size 1 beyond `rank`, as assignment in PyTorch takes it. */
function fitted(x: Tensor, value: Tensor, rank: number): Tensor {
  const own = value.storage === x.storage ? clone(value) : value;
  const extra = own.rank - rank;
  return extra > 0 && own.shape.slice(0, extra).every((size) => size === 1)
    ? reshape(own, own.shape.slice(extra))
    : own;
}

function checkValue(x: Tensor, value: Value, rule: Rule): void {
  checkOperand('at', value);
  if (rule === 'set') return;
  if (x.dtype === 'bool') throw dtypeError('at', 'add is not defined for bool');
  if (value instanceof Tensor && !canCast(value.dtype, x.dtype)) {
    throw dtypeError('at', `${value.dtype} values cannot be added to a ${x.dtype} tensor`);
  }
}

// ---- views -------------------------------------------------------------------------------------------------------------

function basic(x: Tensor, plan: Plan): Place<DType, Tensor> {
  const get = (options?: unknown): Tensor => {
    noOptions(options);
    return tidy(() => viewOf(x, plan));
  };
  const write = (value: Value, rule: Rule): Tensor => {
    checkValue(x, value, rule);
    tidy(() => {
      const part = viewOf(x, plan);
      if (!(value instanceof Tensor)) rule === 'set' ? fill_(part, value) : add_(part, value);
      else (rule === 'set' ? copy_ : add_)(part, fitted(x, value, part.rank));
    });
    return x;
  };
  return {
    get,
    getSync: () => get(),
    set: (value) => write(value, 'set'),
    add: (value) => write(value, 'add'),
  };
}

// ---- index tensors -----------------------------------------------------------------------------------------------------

function indexed(x: Tensor, plan: Plan): Place<DType, Tensor> {
  const axes = plan.tensors.map(({ axis }) => axis);
  const [front] = axes as [number];
  const shape = plan.tensors.reduce<Shape>((common, { tensor }) => broadcastShapes('at', common, tensor.shape), []);
  const rest = plan.shape.filter((_, i) => !axes.includes(i));
  if (shape.length + rest.length > 8) throw shapeError('at', 'the indexed part has rank > 8');
  // Neighbouring index tensors leave their axes where the first stood, separated ones in front.
  const together = axes.every((axis, i) => axis === front + i);
  const place = together ? front : 0;
  const inPlace = [...rest.slice(0, place), ...shape, ...rest.slice(place)];
  const many = shape.map((_, i) => i);
  const moved = many.map((i) => i + place);
  const order = [...axes, ...plan.shape.map((_, i) => i).filter((i) => !axes.includes(i))];
  const rows = (): Tensor => permute(viewOf(x, plan), order);
  const where = (): Tensor[] => plan.tensors.map(({ tensor }) => expand(tensor, shape));
  const spreadTo = (target: Shape, value: Tensor): Tensor =>
    broadcastTo(castTo(fitted(x, value, target.length), x.dtype), target);
  const get = (options?: unknown): Tensor => {
    noOptions(options);
    return tidy(() => movedim(indexGetOp(rows(), where(), 'from end'), many, moved));
  };
  const write = (value: Value, rule: Rule): Tensor => {
    checkValue(x, value, rule);
    tidy(() => {
      const target = rows();
      checkTarget('at', target);
      const named = where().map((each) => (each.storage === x.storage ? clone(each) : each));
      const src = value instanceof Tensor ? movedim(spreadTo(inPlace, value), moved, many) : Number(value);
      writeInPlace('at', target, indexPutOp.definition, [named, src, rule, 'from end'], () =>
        indexPutKernel(target, named, src, rule, 'from end'),
      );
    });
    return x;
  };
  return { get, getSync: () => get(), set: (value) => write(value, 'set'), add: (value) => write(value, 'add') };
}

// ---- masks -------------------------------------------------------------------------------------------------------------

function masked(x: Tensor, plan: Plan): Place<DType, Promise<Tensor>> {
  const [{ tensor: mask, axis }] = plan.tensors as [{ tensor: Tensor; axis: number }];
  const covered = mask.shape.map((_, i) => axis + i);
  const rest = plan.shape.filter((_, i) => !covered.includes(i));
  const width = numelOf(rest);
  const order = [...covered, ...plan.shape.map((_, i) => i).filter((i) => !covered.includes(i))];
  /** The covered axes in front, the mask over all of them. */
  const rows = (): Tensor => permute(viewOf(x, plan), order);
  const spread = (): Tensor => reshape(mask, [...mask.shape, ...rest.map(() => 1)]);
  // Beside an empty axis nothing is moved, but the number of entries still shows: that of the mask itself.
  const chosen = (): [Tensor, Tensor] => (width === 0 ? [mask, mask] : [rows(), spread()]);
  const shaped = (flat: Tensor): Tensor => {
    const entries = flat.size / Math.max(1, width);
    const { dtype, device } = x;
    const all = width === 0 ? zeros([entries, ...rest], { dtype, device }) : reshape(flat, [entries, ...rest]);
    return movedim(all, 0, axis);
  };
  const get = (options?: FixedSize): Tensor | Promise<Tensor> => {
    if (options !== undefined) {
      const { size, fill } = checkSize('at', options);
      return tidy(() => shaped(maskedSelect(...chosen(), { size: size * Math.max(1, width), fill })));
    }
    const context = current();
    return tidy(() => maskedSelect(...chosen())).then((flat) => {
      const result = withContextSync(context, () => tidy(() => shaped(flat)));
      flat.dispose();
      return result;
    });
  };
  /** `value` beside the rows: broadcast over what the mask selects, or an entry for each of it. */
  const beside = (value: Tensor): { spread: Tensor } | { entries: Tensor } => {
    const rank = rest.length + 1;
    const own = fitted(x, value, rank);
    const at = own.rank - (rank - axis);
    const entries = at >= 0 ? (own.shape[at] as number) : 1;
    const full = [...rest.slice(0, axis), entries, ...rest.slice(axis)];
    const moved = movedim(broadcastTo(own, full), axis, 0);
    return entries === 1 ? { spread: reshape(moved, rest) } : { entries: moved };
  };
  const write = (value: Value, rule: Rule): Tensor => {
    checkValue(x, value, rule);
    if (width === 0) return x;
    tidy(() => {
      const target = rows();
      checkTarget('at', target);
      const here = broadcastTo(spread(), target.shape);
      const parts = value instanceof Tensor ? beside(castTo(value, x.dtype)) : { spread: value };
      const old = rule === 'add' ? zeros(target.shape, { dtype: x.dtype, device: x.device }) : target;
      const fresh =
        'entries' in parts
          ? maskedScatterOp(old, here, countOffsets(here), parts.entries, 'exactly')
          : where(here, parts.spread, old);
      if (rule === 'add') add_(target, fresh);
      else copy_(target, castTo(fresh, x.dtype));
    });
    return x;
  };
  return {
    get: get as Place<DType, Promise<Tensor>>['get'],
    getSync: () => tidy(() => shaped(maskedSelectSync(...chosen()))),
    set: (value) => write(value, 'set'),
    add: (value) => write(value, 'add'),
  };
}
