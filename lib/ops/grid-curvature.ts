// The derivative of gridSample's gradient by the grid, in ops: it is differentiable itself, as often as wanted.
import type { Tensor } from '../core/tensor.ts';
import { add, mul, sub } from './binary.ts';
import { castTo, detach } from './cast.ts';
import { eq, ge, gt, lt } from './compare.ts';
import type { Sampling } from './grid-sample.ts';
import { stack } from './join.ts';
import { winnersGather, winnersScatter } from './pool.ts';
import { sumOver } from './reduce.ts';
import { abs, floor } from './unary.ts';
import { broadcastTo, reshape, select } from './view.ts';
import { where } from './where.ts';

/** One element a point reads along an axis. */
interface Tap {
  /** Its index as a number, NaN outside. */
  readonly place: Tensor;
  /** Weight, and its first and second derivative by the coordinate; null is zero. */
  readonly orders: readonly [Tensor, Tensor, Tensor | null];
}

/** A place and its derivative (0, 1 or -1) by the place it came from. */
type Moved = readonly [at: Tensor, slope: Tensor];

const onesLike = (t: Tensor): Tensor => add(mul(detach(t), 0), 1);

function clipped([at, slope]: Moved, n: number): Moved {
  const low = gt(at, 0);
  const high = lt(at, n - 1);
  return [where(low, where(high, at, n - 1), 0), where(low, where(high, slope, 0), 0)];
}

function reflected([at, slope]: Moved, n: number, alignCorners: boolean): Moved {
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? n - 1 : n;
  if (span === 0) return [mul(at, 0), mul(slope, 0)];
  const distance = abs(sub(at, low));
  const flips = floor(mul(detach(distance), 1 / span));
  const rest = sub(distance, mul(flips, span));
  const even = eq(sub(flips, mul(floor(mul(flips, 0.5)), 2)), 0);
  const forwards = where(lt(at, low), mul(slope, -1), slope);
  return [where(even, add(rest, low), sub(span + low, rest)), where(even, forwards, mul(forwards, -1))];
}

function padded(place: Moved, n: number, s: Sampling): Moved {
  if (s.padding === 'zeros') return place;
  return clipped(s.padding === 'reflection' ? reflected(place, n, s.alignCorners) : place, n);
}

/** A polynomial of f, coefficients from the constant on, times `scale`. */
function polynomial(coefficients: readonly number[], f: Tensor, scale: Tensor | number): Tensor {
  const [last, ...rest] = coefficients.toReversed() as [number, ...number[]];
  let sum = add(mul(f, 0), last);
  for (const c of rest) sum = add(mul(sum, f), c);
  return mul(sum, scale);
}

/** Keys' kernel with a = -3/4 for the neighbours at distance f + 1, f, 1 - f and 2 - f, by powers of f. */
const cubic = [
  [0, -0.75, 1.5, -0.75],
  [1, 0, -2.25, 1.25],
  [0, 0.75, 1.5, -1.25],
  [0, 0, -0.75, 0.75],
] as const;

const derivative = (coefficients: readonly number[]): number[] => coefficients.slice(1).map((c, i) => c * (i + 1));

function tapsOf(coordinate: Tensor, n: number, s: Sampling): Tap[] {
  const scale = s.alignCorners ? (n - 1) / 2 : n / 2;
  const raw: Moved = [add(mul(coordinate, scale), (n - 1) / 2), mul(onesLike(coordinate), scale)];
  const [at, slope] = s.mode === 'bicubic' ? raw : padded(raw, n, s);
  const first = floor(detach(at));
  const f = sub(at, first);
  const weights: readonly (readonly number[])[] =
    s.mode === 'bicubic'
      ? cubic
      : [
          [1, -1],
          [0, 1],
        ];
  const start = s.mode === 'bicubic' ? -1 : 0;
  return weights.map((weight, i) => {
    const own = add(first, start + i);
    const [place] = s.mode === 'bicubic' ? padded([own, own], n, s) : [own];
    const bent = derivative(derivative(weight));
    return {
      place: where(ge(place, 0), where(lt(place, n), place, Number.NaN), Number.NaN),
      orders: [
        polynomial(weight, f, 1),
        polynomial(derivative(weight), f, slope),
        bent.length === 0 ? null : polynomial(bent, f, mul(slope, slope)),
      ],
    };
  });
}

/** Every choice of one tap for each axis. */
function choices(taps: readonly (readonly Tap[])[]): Tap[][] {
  return taps.reduce<Tap[][]>((all, own) => all.flatMap((lead) => own.map((tap) => [...lead, tap])), [[]]);
}

const plus = (a: Tensor | null, b: Tensor | null): Tensor | null => (a === null ? b : b === null ? a : add(a, b));

/**
 * Gradients by dy, x and the grid of <dd, gridSampleGradGrid(dy, x, grid)>, for the modes with slopes.
 * With weights w_k of the coordinates u and values x_k that is the sum over k of dy · x_k · <dd, dw_k/du>.
 */
export function curvature(
  dd: Tensor,
  dy: Tensor,
  x: Tensor,
  grid: Tensor,
  s: Sampling,
): readonly [Tensor, Tensor, Tensor] {
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const axes = sizes.length;
  const points = dy.shape.slice(2).reduce((a, b) => a * b, 1);
  const flat = [n, c, 1, points];
  const width = sizes[axes - 1] as number;
  const planes = reshape(x, [n, c, sizes.slice(0, -1).reduce((a, b) => a * b, 1), width]);
  const dyFlat = reshape(dy, flat);
  const component = (t: Tensor, j: number): Tensor => reshape(select(t, -1, j), [n, 1, 1, points]);
  // Component 0 belongs to the last axis.
  const taps = sizes.map((size, i) => tapsOf(component(grid, axes - 1 - i), size, s));
  const along = sizes.map((_, i) => component(dd, axes - 1 - i));

  /** The product of the taps' weights, differentiated once more along each axis in `by`. */
  const product = (choice: readonly Tap[], by: readonly number[]): Tensor | null => {
    let result: Tensor | null = null;
    for (const [axis, tap] of choice.entries()) {
      const factor = tap.orders[by.filter((each) => each === axis).length as 0 | 1 | 2];
      if (factor === null) return null;
      result = result === null ? factor : mul(result, factor);
    }
    return result;
  };
  /** The derivative of a product along dd. */
  const directed = (choice: readonly Tap[], by: readonly number[]): Tensor | null =>
    along.reduce<Tensor | null>((sum, d, j) => {
      const term = product(choice, [...by, j]);
      return plus(sum, term === null ? null : mul(term, d));
    }, null);

  let ddy = mul(dyFlat, 0);
  let dx = mul(planes, 0);
  const bends: (Tensor | null)[] = sizes.map(() => null);
  for (const choice of choices(taps)) {
    const index = choice.reduce<Tensor | null>((sum, tap, i) => {
      const place = castTo(tap.place, 'float64');
      return sum === null ? place : add(mul(sum, sizes[i] as number), place);
    }, null) as Tensor;
    const places = broadcastTo(castTo(where(eq(index, index), index, -1), 'int32'), flat);
    const values = winnersGather(planes, places);
    const slope = directed(choice, []) as Tensor;
    ddy = add(ddy, mul(values, slope));
    dx = add(dx, winnersScatter(mul(dyFlat, slope), places, planes.shape));
    const shared = sumOver(mul(values, dyFlat), [1], true);
    for (const i of sizes.keys()) {
      const bend = directed(choice, [i]);
      if (bend !== null) bends[i] = plus(bends[i] as Tensor | null, mul(shared, bend));
    }
  }
  const still = mul(component(grid, 0), 0);
  const dGrid = stack(bends.map((each) => each ?? still).reverse(), -1);
  return [reshape(ddy, dy.shape), reshape(dx, x.shape), reshape(dGrid, grid.shape)];
}
