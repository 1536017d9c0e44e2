// Medians and quantiles: what stands at a given place in the order of the elements.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add, div, maximum, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import type { AxisOptions, ValuesAndIndices } from './extreme.ts';
import { gather } from './gather.ts';
import { sum } from './reduce.ts';
import type { ReduceArgument } from './reduce-shared.ts';
import { resolveOneAxis } from './reduce-shared.ts';
import { medians, sort } from './sort.ts';
import { floor } from './unary.ts';
import { expand, permute, reshape } from './view.ts';
import { where } from './where.ts';

type MedianName = 'median' | 'nanmedian';

/** The median of everything: as in PyTorch elements equal to it share its gradient. */
const medianOfAll = (op: MedianName): ((x: Tensor) => Tensor) =>
  defineOp({
    name: op,
    forward: (_ctx, x: Tensor): Tensor => reshape(medians(op, reshape(x, [x.size]), 0, false)[0], []),
    backward: (ctx, dy): Gradients => {
      const [x] = ctx.args;
      const mask = castTo(eq(x, ctx.out), x.dtype);
      return [mul(mask, div(dy, sum(mask)))];
    },
    saves: [0],
    savesOutputs: [0],
  });
const ofAll = { median: medianOfAll('median'), nanmedian: medianOfAll('nanmedian') } as const;

function middle<D extends DType>(
  op: MedianName,
  x: Tensor<D>,
  reduce: ReduceArgument | undefined,
): Tensor<D> | ValuesAndIndices<D> {
  const { axis, keepdim } = resolveOneAxis(op, x, reduce);
  if (axis !== undefined) return medians(op, x, axis, keepdim);
  if (x.size === 0) throw shapeError(op, `no elements in shape ${formatShape(x.shape)}`);
  const shape = keepdim ? x.shape.map(() => 1) : [];
  return tidy(() => reshape(ofAll[op](x), shape)) as Tensor<D>;
}

/**
 * The element in the middle of the order, the lower of two: of everything, or along one axis together with its index.
 * NaN where there is one.
 * @returns one tensor without an axis, else [values, indices] without the axis; ERR_SHAPE for an empty axis
 * @example
 * median(tensor([3, 1, 2])); // 2
 * median(tensor([[3, 1, 2], [9, 7, 8]]), 1)[0]; // [2, 8]
 */
export function median<D extends DType>(x: Tensor<D>, reduce?: { readonly keepdim?: boolean }): Tensor<D>;
export function median<D extends DType>(x: Tensor<D>, axis: number | AxisOptions): ValuesAndIndices<D>;
export function median<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> | ValuesAndIndices<D> {
  return middle('median', x, reduce);
}

/**
 * The median of the elements that are numbers, as `median` gives it; NaN where there are none.
 * @returns one tensor without an axis, else [values, indices] without the axis; ERR_SHAPE for an empty axis
 * @example
 * nanmedian(tensor([3, NaN, 2])); // 2
 */
export function nanmedian<D extends DType>(x: Tensor<D>, reduce?: { readonly keepdim?: boolean }): Tensor<D>;
export function nanmedian<D extends DType>(x: Tensor<D>, axis: number | AxisOptions): ValuesAndIndices<D>;
export function nanmedian<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> | ValuesAndIndices<D> {
  return middle('nanmedian', x, reduce);
}

const interpolations = ['linear', 'lower', 'higher', 'midpoint', 'nearest'] as const;
export type Interpolation = (typeof interpolations)[number];

export interface QuantileOptions {
  /** The axis to reduce; everything when omitted. */
  readonly axis?: number | undefined;
  /** Keep the reduced axis (all of them without one) with size 1. */
  readonly keepdim?: boolean | undefined;
  /** What a place between two elements gives. */
  readonly interpolation?: Interpolation | undefined;
}

function checkQuantiles(op: string, q: unknown): number[] {
  const list: readonly unknown[] = Array.isArray(q) ? q : [q];
  for (const each of list) {
    if (typeof each !== 'number' || !(each >= 0 && each <= 1))
      throw argumentError(op, `quantiles must be numbers in [0, 1], got ${formatValue(each)}`);
  }
  return list as number[];
}

/** Places between elements brought to elements, or left to interpolate. */
function placeOf(rank: Tensor, interpolation: Interpolation): Tensor {
  const low = floor(rank);
  switch (interpolation) {
    case 'lower':
      return low;
    case 'higher':
      return where(eq(low, rank), low, add(low, 1));
    case 'midpoint':
      return where(eq(low, rank), low, add(low, 0.5));
    case 'nearest': {
      // Halves go to the even neighbour.
      const rest = sub(rank, low);
      const odd = ne(mul(floor(div(low, 2)), 2), low);
      const up = add(castTo(where(eq(rest, 0.5), odd, rest.gt(0.5)), rank.dtype), low);
      return up;
    }
    default:
      return rank;
  }
}

function quantiles(op: 'quantile' | 'nanquantile', x: Tensor, q: unknown, options: QuantileOptions): Tensor {
  checkOptions(op, options);
  const { axis, keepdim } = resolveOneAxis(op, x, options);
  const wanted = checkQuantiles(op, q);
  const { interpolation = 'linear' } = options;
  if (!interpolations.includes(interpolation)) {
    throw argumentError(
      op,
      `interpolation must be one of ${interpolations.join(', ')}, got ${formatValue(interpolation)}`,
    );
  }
  if (!isFloat(x.dtype)) throw dtypeError(op, `wants a float tensor, got ${x.dtype}`);
  if (x.size === 0 && (axis === undefined || x.shape[axis] === 0))
    throw shapeError(op, `no elements to order in shape ${formatShape(x.shape)}`);
  return tidy(() => {
    const others = [...x.shape.keys()].filter((each) => each !== axis);
    const rows = axis === undefined || x.rank === 0 ? reshape(x, [x.size]) : permute(x, [...others, axis]);
    const last = rows.rank - 1;
    const width = rows.shape[last] as number;
    const [sorted] = sort(rows, last);
    const numbers = castTo(sum(eq(sorted, sorted), { axis: last, keepdim: true }), 'float64');
    const levels = tensor(Float64Array.from(wanted), { device: x.device });
    // Where each quantile stands in its row: [..., quantiles].
    const top = op === 'quantile' ? width - 1 : maximum(sub(numbers, 1), 0);
    const rank = placeOf(
      typeof top === 'number'
        ? expand(mul(levels, top), [...rows.shape.slice(0, last), wanted.length])
        : mul(levels, top),
      interpolation,
    );
    const below = floor(rank);
    const part = sub(rank, below);
    const above = where(eq(part, 0), below, add(below, 1));
    const low = gather(sorted, last, castTo(below, 'int32'));
    const high = gather(sorted, last, castTo(above, 'int32'));
    const weight = castTo(part, x.dtype);
    // An infinite neighbour that is not used must not show.
    const between = where(eq(weight, 0), low, add(low, mul(weight, where(eq(weight, 0), 0, sub(high, low)))));
    const values = op === 'quantile' ? where(eq(numbers, width), between, Number.NaN) : between;
    // [..., quantiles] to [quantiles, ...].
    const front = permute(values, [last, ...Array.from({ length: last }, (_, i) => i)]);
    const all = axis === undefined || x.rank === 0;
    const rest = x.shape.flatMap((size, i) => (all || i === axis ? (keepdim ? [1] : []) : [size]));
    return reshape(front, Array.isArray(q) ? [wanted.length, ...rest] : rest);
  });
}

/**
 * The value below which a share `q` of the elements lies: of everything, or along one axis. NaN where there is one.
 * @param q - in [0, 1], or an array of such
 * @returns shape of `x` without the axis; an array gives a first axis with one entry for each
 * @example
 * quantile(tensor([1, 2, 3, 4]), 0.5); // 2.5
 * quantile(tensor([1, 2, 3, 4]), [0, 0.25]); // [1, 1.75]
 */
export function quantile(x: Tensor, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantiles('quantile', x, q, options);
}

/**
 * The quantile of the elements that are numbers; NaN where there are none.
 * @param q - in [0, 1], or an array of such
 * @returns shape of `x` without the axis; an array gives a first axis with one entry for each
 * @example
 * nanquantile(tensor([1, NaN, 3]), 0.5); // 2
 */
export function nanquantile(x: Tensor, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantiles('nanquantile', x, q, options);
}
