// Scans along one axis, by loops over one line after the other.
import { forEachIndex, NDArray, offsetOf, read } from './ndarray.ts';

const axisFrom = (x: NDArray, axis: number | { readonly axis?: number }): number => {
  const at = typeof axis === 'number' ? axis : (axis.axis ?? -1);
  return at < 0 ? at + Math.max(1, x.rank) : at;
};

/** Each line along `axis` replaced by lines of `results` made from it, all of one length. */
export function eachLine(
  x: NDArray,
  axis: number,
  length: (size: number) => number,
  count: number,
  make: (line: number[]) => number[][],
): NDArray[] {
  const source = x.rank === 0 ? new NDArray([1], x.data) : x;
  const size = read(source.shape, axis);
  const shape = source.shape.with(axis, length(size));
  const outputs = Array.from({ length: count }, () => new Float64Array(shape.reduce((a, b) => a * b, 1)));
  forEachIndex(source.shape.with(axis, 1), (index) => {
    const place = (sizes: readonly number[], i: number): number => offsetOf(sizes, index.with(axis, i));
    const line = Array.from({ length: size }, (_, i) => read(source.data, place(source.shape, i)));
    make(line).forEach((values, k) => {
      values.forEach((value, i) => {
        (outputs[k] as Float64Array)[place(shape, i)] = value;
      });
    });
  });
  return outputs.map((data) => new NDArray(x.rank === 0 ? [] : shape, data));
}

const scan =
  (step: (before: number, value: number) => number, start: number) =>
  (x: NDArray, axis: number | { readonly axis?: number } = -1): NDArray =>
    eachLine(
      x,
      axisFrom(x, axis),
      (n) => n,
      1,
      (line) => {
        let state = start;
        return [line.map((value) => (state = step(state, value)))];
      },
    )[0] as NDArray;

export const cumsum = scan((a, b) => a + b, 0);
export const cumprod = scan((a, b) => a * b, 1);
export const logcumsumexp = scan((a, b) => {
  const top = Math.max(a, b);
  return Number.isFinite(top) ? top + Math.log(Math.exp(a - top) + Math.exp(b - top)) : top;
}, Number.NEGATIVE_INFINITY);

const extremes =
  (wins: (value: number, best: number) => boolean) =>
  (x: NDArray, axis: number | { readonly axis?: number } = -1): NDArray[] =>
    eachLine(
      x,
      axisFrom(x, axis),
      (n) => n,
      2,
      (line) => {
        let at = 0;
        const places = line.map((value, i) => {
          const best = line[at] as number;
          if (Number.isNaN(value) || (!Number.isNaN(best) && wins(value, best))) at = i;
          return at;
        });
        return [places.map((place) => line[place] as number), places];
      },
    );

export const cummax = extremes((value, best) => value >= best);
export const cummin = extremes((value, best) => value <= best);

export function diff(x: NDArray, options: number | { readonly axis?: number; readonly n?: number } = {}): NDArray {
  const n = typeof options === 'number' ? 1 : (options.n ?? 1);
  let result = x;
  for (let k = 0; k < n; k++) {
    result = eachLine(
      result,
      axisFrom(x, options),
      (size) => Math.max(0, size - 1),
      1,
      (line) => [line.slice(1).map((value, i) => value - (line[i] as number))],
    )[0] as NDArray;
  }
  return result;
}

export function trapezoid(
  y: NDArray,
  options: { readonly axis?: number; readonly dx?: number; readonly x?: NDArray } = {},
): NDArray {
  const axis = axisFrom(y, options);
  const lines = eachLine(
    y,
    axis,
    () => 1,
    1,
    (line) => {
      let total = 0;
      for (let i = 1; i < line.length; i++) {
        const width = options.x ? options.x.at(i) - options.x.at(i - 1) : (options.dx ?? 1);
        total += (width * ((line[i] as number) + (line[i - 1] as number))) / 2;
      }
      return [[total]];
    },
  )[0] as NDArray;
  return new NDArray(y.shape.toSpliced(axis, 1), lines.data);
}

export function cumulativeTrapezoid(y: NDArray, o: { axis?: number; dx?: number; x?: NDArray } = {}): NDArray {
  const width = (i: number): number => (o.x ? o.x.at(i) - o.x.at(i - 1) : (o.dx ?? 1));
  return eachLine(
    y,
    axisFrom(y, o),
    (size) => Math.max(0, size - 1),
    1,
    (line) => {
      let total = 0;
      return [
        line.slice(1).map((value, i) => {
          total += (width(i + 1) * (value + (line[i] as number))) / 2;
          return total;
        }),
      ];
    },
  )[0] as NDArray;
}
