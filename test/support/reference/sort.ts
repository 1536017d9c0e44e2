// Order along an axis, by sorting lists.
import { eachLine } from './scan.ts';
import { forEachIndex, NDArray, read } from './ndarray.ts';

interface Options {
  readonly axis?: number;
  readonly keepdim?: boolean;
  readonly descending?: boolean;
  readonly largest?: boolean;
}
const named = (options: number | Options): Options => (typeof options === 'number' ? { axis: options } : options);
const axisOf = (x: NDArray, options: number | Options): number => {
  const at = named(options).axis ?? -1;
  return at < 0 ? at + Math.max(1, x.rank) : at;
};
/** NaN last, stable. */
const compare = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : Number(a > b);
};
const order = (line: readonly number[], descending: boolean): number[] =>
  [...line.keys()].sort((i, j) => {
    const c = compare(read(line, i), read(line, j));
    return (descending ? -c : c) || i - j;
  });
const pick = (line: readonly number[], places: number[]): number[][] => [places.map((i) => read(line, i)), places];

export function sort(x: NDArray, options: number | Options = {}): NDArray[] {
  return eachLine(
    x,
    axisOf(x, options),
    (n) => n,
    2,
    (line) => pick(line, order(line, named(options).descending ?? false)),
  );
}
export const argsort = (x: NDArray, options: number | Options = {}): NDArray => sort(x, options)[1] as NDArray;
export const msort = (x: NDArray): NDArray => sort(x, 0)[0] as NDArray;
export function topk(x: NDArray, k: number, options: Options = {}): NDArray[] {
  return eachLine(
    x,
    axisOf(x, options),
    () => k,
    2,
    (line) => pick(line, order(line, options.largest ?? true).slice(0, k)),
  );
}

/** One element of each line. */
function one(x: NDArray, options: number | Options, choose: (line: number[]) => number): NDArray[] {
  const axis = axisOf(x, options);
  return eachLine(
    x,
    axis,
    () => 1,
    2,
    (line) => pick(line, [choose(line)]),
  ).map((each) =>
    named(options).keepdim || x.rank === 0 ? each : new NDArray(each.shape.toSpliced(axis, 1), each.data),
  );
}
export const kthvalue = (x: NDArray, k: number, options: number | Options = {}): NDArray[] =>
  one(x, options, (line) => read(order(line, false), k - 1));

function middle(line: number[], ignoreNaN: boolean): number {
  const nan = line.findIndex(Number.isNaN);
  const numbers = line.filter((v) => !Number.isNaN(v)).length;
  if (nan >= 0 && (!ignoreNaN || numbers === 0)) return nan;
  return read(order(line, false), (numbers - 1) >> 1);
}
const medians =
  (ignoreNaN: boolean) =>
  (x: NDArray, options: number | Options = {}): NDArray | NDArray[] => {
    if (named(options).axis !== undefined) return one(x, options, (line) => middle(line, ignoreNaN));
    const line = [...x.data];
    return new NDArray(named(options).keepdim ? x.shape.map(() => 1) : [], [read(line, middle(line, ignoreNaN))]);
  };
export const median = medians(false);
export const nanmedian = medians(true);

export const mode = (x: NDArray, options: number | Options = {}): NDArray[] =>
  one(x, options, (line) => {
    let [best, most] = [0, 0];
    for (const i of order(line, false)) {
      const count = line.filter((v, j) => v === line[i] || (Number.isNaN(v) && i === j)).length;
      if (count > most) [best, most] = [line.lastIndexOf(read(line, i)), count];
      if (best < 0) best = i;
    }
    return best;
  });

interface QuantileOptions extends Options {
  readonly interpolation?: string;
}
const between: Readonly<Record<string, (rank: number) => number>> = {
  lower: Math.floor,
  higher: Math.ceil,
  midpoint: (rank) => (Math.floor(rank) + Math.ceil(rank)) / 2,
  nearest: (rank) => (rank % 1 === 0.5 ? 2 * Math.round(rank / 2) : Math.round(rank)),
};
const quantiles =
  (ignoreNaN: boolean) =>
  (x: NDArray, q: number | readonly number[], options: QuantileOptions = {}): NDArray => {
    const list = typeof q === 'number' ? [q] : q;
    const flat = options.axis === undefined ? new NDArray([x.size], x.data) : x;
    const axis = axisOf(flat, options);
    const results = eachLine(
      flat,
      axis,
      () => 1,
      list.length,
      (line) => {
        const numbers = line.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
        return list.map((each) => {
          if (numbers.length === 0 || (!ignoreNaN && numbers.length < line.length)) return [Number.NaN];
          const rank = (between[options.interpolation ?? ''] ?? ((r: number) => r))(each * (numbers.length - 1));
          const [low, high] = [read(numbers, Math.floor(rank)), read(numbers, Math.ceil(rank))];
          return [rank % 1 === 0 ? low : low + (rank % 1) * (high - low)];
        });
      },
    );
    const kept = options.axis === undefined ? x.shape.map(() => 1) : x.shape.with(axis, 1);
    const shape = options.keepdim ? kept : options.axis === undefined ? [] : x.shape.toSpliced(axis, 1);
    return new NDArray(
      typeof q === 'number' ? shape : [list.length, ...shape],
      results.flatMap((each) => [...each.data]),
    );
  };
export const quantile = quantiles(false);
export const nanquantile = quantiles(true);

export function searchsorted(sorted: NDArray, values: NDArray, options: { readonly right?: boolean } = {}): NDArray {
  const width = read(sorted.shape, sorted.rank - 1);
  const data: number[] = [];
  forEachIndex(values.shape, (index, flat) => {
    const value = read(values.data, flat);
    const row = Array.from({ length: width }, (_, i) =>
      sorted.rank === 1 ? sorted.at(i) : sorted.at(...index.slice(0, -1), i),
    );
    const found = row.findIndex((each) => (options.right ? each > value : each >= value));
    data.push(found < 0 ? width : found);
  });
  return new NDArray(values.shape, data);
}
