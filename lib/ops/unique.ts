// The different elements of a tensor.
import { computeDtype } from '../core/dtype.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { indexType } from './axis.ts';
import { castTo, clone } from './cast.ts';
import type { FixedSize } from './counted.ts';
import { checkSize, whenCounted } from './counted.ts';
import { full, zeros } from './creation.ts';
import { requireTensor } from './shared.ts';
import { sort } from './sort.ts';
import { narrow, reshape, select } from './view.ts';

export interface UniqueOptions {
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
const consecutive: Find = (x, size, fill) => findRuns(reshape(x, [x.size]), null, size, fill);

function results(x: Tensor, runs: Runs, count: number, options: UniqueOptions): UniqueResult {
  const part = (t: Tensor): Tensor => (count === t.size ? t : clone(narrow(t, 0, 0, count)));
  const values = part(runs.values);
  const { returnInverse = false, returnCounts = false } = options;
  if (!returnInverse && !returnCounts) return values;
  return [
    values,
    ...(returnInverse ? [reshape(runs.inverse, x.shape)] : []),
    ...(returnCounts ? [part(runs.counts)] : []),
  ];
}

function check(op: string, x: Tensor, options: unknown): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
  checkOptions(op, options);
}

function find(
  op: string,
  x: Tensor,
  options: UniqueOptions | (UniqueOptions & FixedSize),
  how: Find,
): UniqueResult | Promise<UniqueResult> {
  check(op, x, options);
  if ('size' in options && options.size !== undefined) {
    const { size, fill } = checkSize(op, options);
    return tidy(() => results(x, how(x.detach(), size, fill), size, options));
  }
  return tidy(() => {
    const runs = how(x.detach(), x.size, 0);
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

function findSync(op: string, x: Tensor, options: UniqueOptions, how: Find): UniqueResult {
  check(op, x, options);
  return tidy(() => {
    const runs = how(x.detach(), x.size, 0);
    return results(x, runs, select(runs.total, 0, 0).itemSync(), options);
  });
}

/**
 * The different elements of `x` in ascending order; every NaN counts as different. How many there are is a value: a
 * promise, unless `size` is given.
 * @param options - `{ returnInverse, returnCounts }`, and `{ size, fill }` for exactly `size` values: those beyond the count
 * hold `fill`, what does not fit is left out
 * @returns [count], or [values, inverse?, counts?]: the inverse has the shape of `x`, counts are int64
 * @example
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
  return find('unique', x, options, ofAll);
}

/**
 * `unique` that blocks the event loop until the device has counted.
 * @example
 * uniqueSync(tensor([3, 1, 3])); // [1, 3]
 */
export function uniqueSync<D extends DType>(x: Tensor<D>): Tensor<D>;
export function uniqueSync<D extends DType>(x: Tensor<D>, options: UniqueOptions): UniqueResult<D>;
export function uniqueSync(x: Tensor, options: UniqueOptions = {}): UniqueResult {
  return findSync('uniqueSync', x, options, ofAll);
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
  return find('uniqueConsecutive', x, options, consecutive);
}

/**
 * `uniqueConsecutive` that blocks the event loop until the device has counted.
 * @example
 * uniqueConsecutiveSync(tensor([1, 1, 2, 1])); // [1, 2, 1]
 */
export function uniqueConsecutiveSync<D extends DType>(x: Tensor<D>): Tensor<D>;
export function uniqueConsecutiveSync<D extends DType>(x: Tensor<D>, options: UniqueOptions): UniqueResult<D>;
export function uniqueConsecutiveSync(x: Tensor, options: UniqueOptions = {}): UniqueResult {
  return findSync('uniqueConsecutiveSync', x, options, consecutive);
}
