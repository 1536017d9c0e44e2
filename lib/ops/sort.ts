import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { resolveAxis, spreadTo, withAxis } from './axis.ts';
import type { ValuesAndIndices } from './extreme.ts';
import { requireTensor } from './shared.ts';
import { reshape, squeeze, transpose } from './view.ts';

type Results = (x: Tensor, ...rest: number[]) => Tensor[];

/** What ops that choose elements of rows share: values and indices [..., count]; the gradient goes to the chosen. */
function choosing(
  name: string,
  count: (width: number, ...rest: number[]) => number,
  kernel: (values: Tensor, indices: Tensor, x: Tensor, ...rest: number[]) => void,
): Results {
  return defineOp({
    name,
    infer: (x: Spec, ...rest: number[]): readonly [Spec, Spec] => {
      const last = x.shape.length - 1;
      const shape = x.shape.with(last, count(x.shape[last] as number, ...rest));
      return [
        { shape, dtype: x.dtype },
        { shape, dtype: 'int32' },
      ];
    },
    forward: (ctx, x, ...rest) => kernel(ctx.out, ctx.outputs[1] as Tensor, x, ...rest),
    backward: (ctx, dy): Gradients => {
      const [x] = ctx.args;
      return [spreadTo(x.shape, x.shape.length - 1, ctx.outputs[1] as Tensor, dy)];
    },
    saves: [],
    savesOutputs: [1],
  });
}

const sortRows = choosing(
  'sort',
  (width) => width,
  (values, indices, x, descending) => kernels.sort(values, indices, x, descending as number),
);
const topRows = choosing(
  'topk',
  (_width, k) => k as number,
  (values, indices, x, _k, largest) => kernels.topk(values, indices, x, largest as number),
);
const kthOfRows = choosing(
  'kthvalue',
  () => 1,
  (values, indices, x, k, rule) => kernels.kthvalue(values, indices, x, k as number, rule as number),
);
const modeOfRows = choosing(
  'mode',
  () => 1,
  (values, indices, x) => kernels.mode(values, indices, x),
);

/** Runs an op on rows along `axis`: the axis is moved last and back. */
function along<D extends DType>(
  op: string,
  x: Tensor<D>,
  axis: number,
  run: (rows: Tensor) => Tensor[],
): ValuesAndIndices<D> {
  if ((x.shape[axis] ?? 1) >= 2 ** 31)
    throw shapeError(op, `an axis of 2^31 elements and more cannot be ordered, got ${formatShape(x.shape)}`);
  if (x.rank > 0 && axis === x.rank - 1) return run(x) as ValuesAndIndices<D>;
  return tidy(() => {
    const rows = withAxis(x);
    const last = rows.rank - 1;
    return run(transpose(rows, axis, last)).map((each) =>
      x.rank === 0 ? reshape(each, []) : transpose(each, axis, last),
    );
  }) as ValuesAndIndices<D>;
}

/** For ops that leave one element of the axis. */
function one<D extends DType>(
  [values, indices]: ValuesAndIndices<D>,
  axis: number,
  keepdim: boolean,
): ValuesAndIndices<D> {
  return keepdim || values.rank === 0 ? [values, indices] : [squeeze(values, axis), squeeze(indices, axis)];
}

export interface SortOptions {
  readonly axis?: number | undefined;
  readonly descending?: boolean | undefined;
  /** Equal elements always keep their order; the option is there for PyTorch's sake. */
  readonly stable?: boolean | undefined;
}

/**
 * The elements in order along an axis, the last when omitted, and where each came from. The sort is stable; NaN counts as
 * the largest.
 * @param options - `{ axis, descending }`, or just the axis
 * @returns [values, indices], each with the shape of `x`
 * @example
 * sort(tensor([3, 1, 2]))[0]; // [1, 2, 3]
 */
export function sort<D extends DType>(x: Tensor<D>, options: number | SortOptions = {}): ValuesAndIndices<D> {
  requireTensor('sort', x);
  const given = typeof options === 'number' ? { axis: options } : options;
  checkOptions('sort', given);
  const { axis, descending = false } = given as SortOptions;
  return along('sort', x, resolveAxis('sort', x, axis), (rows) => sortRows(rows, descending ? 1 : 0));
}

/**
 * Where the elements in order come from: the indices of `sort`.
 * @returns int32, shape of `x`
 * @example
 * argsort(tensor([3, 1, 2])); // [1, 2, 0]
 */
export function argsort(x: Tensor, options: number | SortOptions = {}): Tensor<'int32' | 'int64'> {
  return tidy(() => sort(x, options)[1]);
}

/**
 * The elements in order along the first axis.
 * @example
 * msort(tensor([3, 1, 2])); // [1, 2, 3]
 */
export function msort<D extends DType>(x: Tensor<D>): Tensor<D> {
  return tidy(() => sort(x, 0)[0]);
}

export interface TopkOptions {
  readonly axis?: number | undefined;
  /** False for the smallest instead. */
  readonly largest?: boolean | undefined;
  /** Results are always in order; the option is there for PyTorch's sake. */
  readonly sorted?: boolean | undefined;
}

/**
 * The `k` largest (smallest) elements along an axis, the last when omitted, best first; NaN counts as the largest, and of
 * equals the first comes first.
 * @returns [values, indices], with size k along the axis
 * @example
 * topk(tensor([3, 1, 2]), 2)[0]; // [3, 2]
 */
export function topk<D extends DType>(x: Tensor<D>, k: number, options: TopkOptions = {}): ValuesAndIndices<D> {
  requireTensor('topk', x);
  checkOptions('topk', options);
  const axis = resolveAxis('topk', x, options);
  const width = x.shape[axis] ?? 1;
  if (!Number.isSafeInteger(k) || k < 0 || k > width) {
    throw argumentError(
      'topk',
      `k must be an integer in [0, ${width}], the size of axis ${axis}, got ${formatValue(k)}`,
    );
  }
  return along('topk', x, axis, (rows) => topRows(rows, k, (options.largest ?? true) ? 1 : 0));
}

export interface OrderOptions {
  readonly axis?: number | undefined;
  /** Keep the reduced axis with size 1. */
  readonly keepdim?: boolean | undefined;
}

/**
 * The k-th smallest element along an axis, the last when omitted; k counts from 1, NaN counts as the largest.
 * @param options - `{ axis, keepdim }`, or just the axis
 * @returns [values, indices] without the axis
 * @example
 * kthvalue(tensor([3, 1, 2]), 2)[0]; // 2
 */
export function kthvalue<D extends DType>(
  x: Tensor<D>,
  k: number,
  options: number | OrderOptions = {},
): ValuesAndIndices<D> {
  requireTensor('kthvalue', x);
  const axis = resolveAxis('kthvalue', x, options);
  const width = x.shape[axis] ?? 1;
  if (!Number.isSafeInteger(k) || k < 1 || k > width) {
    throw argumentError(
      'kthvalue',
      `k must be an integer in [1, ${width}], the size of axis ${axis}, got ${formatValue(k)}`,
    );
  }
  return tidy(() =>
    one(
      along('kthvalue', x, axis, (rows) => kthOfRows(rows, k - 1, 0)),
      axis,
      keeps(options),
    ),
  );
}

const keeps = (options: number | OrderOptions): boolean => typeof options === 'object' && (options.keepdim ?? false);

/** The rules of the kthvalue kernel. */
const medianRule = { median: 1, nanmedian: 2 } as const;

/** Medians along an axis with their places. */
export function medians<D extends DType>(
  op: 'median' | 'nanmedian',
  x: Tensor<D>,
  axis: number,
  keepdim: boolean,
): ValuesAndIndices<D> {
  if (x.shape[axis] === 0) throw shapeError(op, `cannot reduce an axis of size 0, got shape ${formatShape(x.shape)}`);
  return tidy(() =>
    one(
      along(op, x, axis, (rows) => kthOfRows(rows, 0, medianRule[op])),
      axis,
      keepdim,
    ),
  );
}

/**
 * The most frequent element along an axis, the last when omitted, the smallest of several, and its last place. NaN equals
 * nothing.
 * @param options - `{ axis, keepdim }`, or just the axis
 * @returns [values, indices] without the axis
 * @example
 * mode(tensor([2, 1, 2]))[0]; // 2
 */
export function mode<D extends DType>(x: Tensor<D>, options: number | OrderOptions = {}): ValuesAndIndices<D> {
  requireTensor('mode', x);
  const axis = resolveAxis('mode', x, options);
  if (x.shape[axis] === 0)
    throw shapeError('mode', `cannot reduce an axis of size 0, got shape ${formatShape(x.shape)}`);
  return tidy(() =>
    one(
      along('mode', x, axis, (rows) => modeOfRows(rows)),
      axis,
      keeps(options),
    ),
  );
}
