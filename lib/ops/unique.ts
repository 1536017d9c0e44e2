// The different elements of a tensor.
import { shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { computeDtype } from '../core/dtype.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { normalizeAxis } from '../core/shape.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { indexType } from './axis.ts';
import { sub } from './binary.ts';
import { castTo, clone } from './cast.ts';
import { lt, ne } from './compare.ts';
import { any } from './count.ts';
import type { FixedSize } from './counted.ts';
import { checkSize, whenCounted } from './counted.ts';
import { arange, full, zeros } from './creation.ts';
import { index } from './index-select.ts';
import { cat } from './join.ts';
import { cumsum } from './scan.ts';
import { requireTensor } from './shared.ts';
import { argsort, sort } from './sort.ts';
import { clampMax } from './ternary.ts';
import { narrow, reshape, select, transpose, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface UniqueOptions {
  /** Compare the parts of `x` along this axis as wholes, ordered by their first elements that differ (axis 0 in its place). */
  readonly axis?: number | undefined;
  /** Also give for each element of `x` the place of its value in the result. */
  readonly returnInverse?: boolean | undefined;
  /** Also give how often each value occurs. */
  readonly returnCounts?: boolean | undefined;
}

/** The values alone, or [values, inverse?, counts?] as the options ask. */
export type UniqueResult<D extends DType = DType> = Tensor<D> | [values: Tensor<D>, ...more: Tensor[]];

interface Runs {
  readonly values: Tensor;
  readonly inverse: Tensor;
  readonly counts: Tensor;
  /** [1]: how many there are. */
  readonly total: Tensor;
}

/** The runs of equal elements of `x` [n]; `order` says where each element came from. */
function findRuns(x: Tensor, order: Tensor | null, size: number, fill: number): Runs {
  const { device, dtype } = x;
  const elements = castTo(x, computeDtype[dtype]);
  const values = full([size], fill, { dtype: elements.dtype, device });
  const counts = zeros([size], { dtype: 'int64', device });
  const inverse = emptyTensor([x.size], indexType(x.size), queueOf(x));
  const total = emptyTensor([1], 'int64', queueOf(x));
  kernels.runs(values, inverse, counts, total, elements, order);
  return { values: castTo(values, dtype), inverse, counts, total };
}

type Find = (x: Tensor, size: number, fill: number) => Runs;

const ofAll: Find = (x, size, fill) => {
  const [sorted, order] = sort(reshape(x, [x.size]), 0);
  return findRuns(sorted, order, size, fill);
};
const inARow: Find = (x, size, fill) => findRuns(reshape(x, [x.size]), null, size, fill);

/** The order of the rows of [n, m] by their first elements that differ; equal rows stay as they are. */
function lexicalOrder(rows: Tensor): Tensor {
  const [n, m] = rows.shape as [number, number];
  let order: Tensor = arange(n, { dtype: indexType(n), device: rows.device });
  // Stable sorts from the last column to the first.
  for (let column = m - 1; column >= 0; column--) {
    const keys = index(select(rows, 1, column), order);
    order = index(order, argsort(keys, 0));
  }
  return order;
}

/** The number of each row's run, counted from 0. */
function runNumbers(rows: Tensor): Tensor {
  const { device } = rows;
  const n = rows.shape[0] as number;
  if (n === 0) return zeros([0], { dtype: 'int64', device });
  const changes = any(ne(narrow(rows, 0, 1, n - 1), narrow(rows, 0, 0, n - 1)), 1);
  return cumsum(cat([zeros([1], { dtype: 'int64', device }), castTo(changes, 'int64')]), 0);
}

/** The runs of equal parts along the first axis, of `x` sorted unless `consecutive`. */
const ofParts =
  (consecutive: boolean): Find =>
  (x, size, fill) => {
    const { device, dtype } = x;
    const [n, ...rest] = x.shape as [number, ...number[]];
    const rows = reshape(x, [n, rest.reduce((a, b) => a * b, 1)]);
    const order = consecutive ? null : lexicalOrder(rows);
    const sorted = order === null ? rows : index(rows, order);
    const runs = findRuns(runNumbers(sorted), order, size, 0);
    if (n === 0) return { ...runs, values: full([size, ...rest], fill, { dtype, device }) };
    const first = clampMax(sub(cumsum(runs.counts, 0), runs.counts), n - 1);
    const found = unsqueeze(lt(arange(size, { dtype: 'int64', device }), runs.total), 1);
    const values = where(found, index(sorted, first), full([], fill, { dtype, device }));
    return { ...runs, values: reshape(values, [size, ...rest]) };
  };

function results(x: Tensor, runs: Runs, count: number, options: UniqueOptions): UniqueResult {
  const part = (t: Tensor): Tensor => (count === t.shape[0] ? t : clone(narrow(t, 0, 0, count)));
  const axis = axisOf(x, options);
  const values = axis === null || axis === 0 ? part(runs.values) : transpose(part(runs.values), 0, axis);
  const { returnInverse = false, returnCounts = false } = options;
  if (!returnInverse && !returnCounts) return values;
  return [
    values,
    ...(returnInverse ? [axis === null ? reshape(runs.inverse, x.shape) : runs.inverse] : []),
    ...(returnCounts ? [part(runs.counts)] : []),
  ];
}

/** The axis asked for, counted from the front, once it has been checked. */
const axisOf = (x: Tensor, { axis }: UniqueOptions): number | null =>
  axis === undefined ? null : axis < 0 ? axis + x.rank : axis;

function check(op: string, x: Tensor, options: UniqueOptions): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
  checkOptions(op, options);
  if (options.axis === undefined) return;
  if (x.rank === 0) throw shapeError(op, 'a rank-0 tensor has no axis');
  normalizeAxis(op, options.axis, x.rank);
}

/** How to find the runs of `x`: of its elements, or of parts along an axis. */
function finding(x: Tensor, consecutive: boolean, options: UniqueOptions): { find: Find; source: Tensor } {
  const axis = axisOf(x, options);
  const own = x.detach();
  if (axis === null) return { find: consecutive ? inARow : ofAll, source: own };
  return { find: ofParts(consecutive), source: axis === 0 ? own : transpose(own, 0, axis) };
}

/** How many runs there may be. */
const most = (source: Tensor, { axis }: UniqueOptions): number =>
  axis === undefined ? source.size : (source.shape[0] as number);

function find(
  op: string,
  x: Tensor,
  options: UniqueOptions | (UniqueOptions & FixedSize),
  consecutive: boolean,
): UniqueResult | Promise<UniqueResult> {
  check(op, x, options);
  if ('size' in options && options.size !== undefined) {
    const { size, fill } = checkSize(op, options);
    return tidy(() => {
      const { find: how, source } = finding(x, consecutive, options);
      return results(x, how(source, size, fill), size, options);
    });
  }
  return tidy(() => {
    const { find: how, source } = finding(x, consecutive, options);
    const runs = how(source, most(source, options), 0);
    const held = [runs.values, runs.inverse, runs.counts];
    return whenCounted(select(runs.total, 0, 0), held, (count) =>
      tidy(() => {
        const found = results(x, runs, count, options);
        // What is handed on must outlive the temporaries.
        return Array.isArray(found) ? (found.map((t) => owned(t, held)) as UniqueResult) : owned(found, held);
      }),
    );
  });
}

const owned = (t: Tensor, held: readonly Tensor[]): Tensor => (held.includes(t) ? reshape(t, t.shape) : t);

function findSync(op: string, x: Tensor, options: UniqueOptions, consecutive: boolean): UniqueResult {
  check(op, x, options);
  return tidy(() => {
    const { find: how, source } = finding(x, consecutive, options);
    const runs = how(source, most(source, options), 0);
    return results(x, runs, select(runs.total, 0, 0).itemSync(), options);
  });
}

/**
 * The different elements of `x` in ascending order; every NaN counts as different. How many there are is a value: a
 * promise, unless `size` is given.
 * @param options - `{ axis, returnInverse, returnCounts }`, and `{ size, fill }` for exactly `size` values: those beyond the
 * count hold `fill`, what does not fit is left out
 * @returns [count], or `x` with `count` parts along `axis`; or [values, inverse?, counts?]: the inverse has the shape of `x`,
 * with an axis its length; counts are int64
 * @example
 * await unique(tensor([[1, 2], [1, 2], [0, 3]]), { axis: 0 }); // [[0, 3], [1, 2]]
 * await unique(tensor([3, 1, 3])); // [1, 3]
 * unique(tensor([3, 1, 3]), { size: 3, fill: -1 }); // [1, 3, -1]
 */
export function unique<D extends DType>(
  x: Tensor<D>,
  options: FixedSize & { returnInverse?: false; returnCounts?: false },
): Tensor<D>;
export function unique<D extends DType>(x: Tensor<D>, options: UniqueOptions & FixedSize): UniqueResult<D>;
export function unique<D extends DType>(x: Tensor<D>): Promise<Tensor<D>>;
export function unique<D extends DType>(x: Tensor<D>, options: UniqueOptions): Promise<UniqueResult<D>>;
export function unique(
  x: Tensor,
  options: UniqueOptions | (UniqueOptions & FixedSize) = {},
): UniqueResult | Promise<UniqueResult> {
  return find('unique', x, options, false);
}

/**
 * `unique` that blocks the event loop until the device has counted.
 * @example
 * uniqueSync(tensor([3, 1, 3])); // [1, 3]
 */
export function uniqueSync<D extends DType>(x: Tensor<D>): Tensor<D>;
export function uniqueSync<D extends DType>(x: Tensor<D>, options: UniqueOptions): UniqueResult<D>;
export function uniqueSync(x: Tensor, options: UniqueOptions = {}): UniqueResult {
  return findSync('uniqueSync', x, options, false);
}

/**
 * The elements of `x`, flattened, without those that equal the one before. How many there are is a value: a promise,
 * unless `size` is given.
 * @param options - as of `unique`
 * @returns [count], or [values, inverse?, counts?]: the inverse has the shape of `x`, counts are int64
 * @example
 * await uniqueConsecutive(tensor([1, 1, 2, 1])); // [1, 2, 1]
 */
export function uniqueConsecutive<D extends DType>(
  x: Tensor<D>,
  options: FixedSize & { returnInverse?: false; returnCounts?: false },
): Tensor<D>;
export function uniqueConsecutive<D extends DType>(x: Tensor<D>, options: UniqueOptions & FixedSize): UniqueResult<D>;
export function uniqueConsecutive<D extends DType>(x: Tensor<D>): Promise<Tensor<D>>;
export function uniqueConsecutive<D extends DType>(x: Tensor<D>, options: UniqueOptions): Promise<UniqueResult<D>>;
export function uniqueConsecutive(
  x: Tensor,
  options: UniqueOptions | (UniqueOptions & FixedSize) = {},
): UniqueResult | Promise<UniqueResult> {
  return find('uniqueConsecutive', x, options, true);
}

/**
 * `uniqueConsecutive` that blocks the event loop until the device has counted.
 * @example
 * uniqueConsecutiveSync(tensor([1, 1, 2, 1])); // [1, 2, 1]
 */
export function uniqueConsecutiveSync<D extends DType>(x: Tensor<D>): Tensor<D>;
export function uniqueConsecutiveSync<D extends DType>(x: Tensor<D>, options: UniqueOptions): UniqueResult<D>;
export function uniqueConsecutiveSync(x: Tensor, options: UniqueOptions = {}): UniqueResult {
  return findSync('uniqueConsecutiveSync', x, options, true);
}
