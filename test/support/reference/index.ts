// Ops that read and write at indices, one element after the other.
import { broadcastAt, broadcastShapes, build, forEachIndex, NDArray, offsetOf, read } from './ndarray.ts';

const front = (axis: number, rank: number): number => (axis < 0 ? axis + Math.max(1, rank) : axis);

export function gather(x: NDArray, axis: number, index: NDArray): NDArray {
  const a = front(axis, x.rank);
  return build(index.shape, (at) => x.at(...at.map((i, k) => (k === a ? index.at(...at) : i))));
}

type Rule = (old: number, value: number) => number;

/** `x` with every element of `src` (or one number) met with what stands at its index. */
function scattered(x: NDArray, axis: number, index: NDArray, src: NDArray | number, rule: Rule): NDArray {
  const a = front(axis, x.rank);
  const out = Float64Array.from(x.data);
  forEachIndex(index.shape, (at) => {
    const to = offsetOf(
      x.shape,
      at.map((i, k) => (k === a ? index.at(...at) : i)),
    );
    out[to] = rule(read(out, to), typeof src === 'number' ? src : src.at(...at));
  });
  return new NDArray(x.shape, out);
}

export const scatter = (x: NDArray, axis: number, index: NDArray, src: NDArray | number): NDArray =>
  scattered(x, axis, index, src, (_, value) => value);
export const scatterAdd = (x: NDArray, axis: number, index: NDArray, src: NDArray): NDArray =>
  scattered(x, axis, index, src, (old, value) => old + value);

export function scatterReduce(
  x: NDArray,
  axis: number,
  index: NDArray,
  src: NDArray,
  { reduce, includeSelf = true }: { reduce: string; includeSelf?: boolean },
): NDArray {
  const a = front(axis, x.rank);
  const met: number[][] = Array.from(x.data, (value) => (includeSelf ? [value] : []));
  forEachIndex(index.shape, (at) => {
    const to = offsetOf(
      x.shape,
      at.map((i, k) => (k === a ? index.at(...at) : i)),
    );
    met[to]?.push(src.at(...at));
  });
  const rules: Record<string, (values: number[]) => number> = {
    sum: (values) => values.reduce((p, q) => p + q, 0),
    mean: (values) => values.reduce((p, q) => p + q, 0) / values.length,
    prod: (values) => values.reduce((p, q) => p * q, 1),
    amax: (values) => Math.max(...values),
    amin: (values) => Math.min(...values),
  };
  return new NDArray(
    x.shape,
    met.map((values, i) =>
      values.length === 0 ? read(x.data, i) : (rules[reduce] as (v: number[]) => number)(values),
    ),
  );
}

const flat = (x: NDArray): NDArray => new NDArray([x.size], x.data);
const wrap = (i: number, size: number): number => (i < 0 ? i + size : i);

export const take = (x: NDArray, index: NDArray): NDArray =>
  new NDArray(
    index.shape,
    index.data.map((i) => read(x.data, wrap(i, x.size))),
  );

export function put(x: NDArray, index: NDArray, src: NDArray, { accumulate = false } = {}): NDArray {
  const positions = flat(
    new NDArray(
      index.shape,
      index.data.map((i) => wrap(i, x.size)),
    ),
  );
  const result = (accumulate ? scatterAdd : scatter)(flat(x), 0, positions, flat(src));
  return new NDArray(x.shape, result.data);
}

export function takeAlongDim(x: NDArray, index: NDArray, axis?: number): NDArray {
  if (axis === undefined) return gather(flat(x), 0, flat(index));
  const a = front(axis, x.rank);
  const shape = index.shape.map((size, k) => (k === a ? size : Math.max(size, read(x.shape, k))));
  return build(shape, (at) =>
    broadcastAt(
      x,
      at.map((i, k) => (k === a ? index.at(...clipped(index, at)) : i)),
    ),
  );
}

const clipped = (x: NDArray, at: readonly number[]): number[] => at.map((i, k) => (read(x.shape, k) === 1 ? 0 : i));

type Rows = NDArray | readonly number[];
const list = (index: Rows): number[] => [...(index instanceof NDArray ? index.data : index)];

function slices(x: NDArray, axis: number, index: Rows, src: NDArray | number, rule: Rule): NDArray {
  const a = front(axis, x.rank);
  const shape = x.rank === 0 ? [1] : x.shape;
  const out = Float64Array.from(x.data);
  const rows = list(index).map((i) => wrap(i, read(shape, a)));
  const part = shape.map((size, k) => (k === a ? rows.length : size));
  forEachIndex(part, (at, i) => {
    const to = offsetOf(
      shape,
      at.map((each, k) => (k === a ? read(rows, each) : each)),
    );
    out[to] = rule(read(out, to), src instanceof NDArray ? read(src.data, src.size === 1 ? 0 : i) : src);
  });
  return new NDArray(x.shape, out);
}

export const indexAdd = (x: NDArray, axis: number, index: Rows, src: NDArray, { alpha = 1 } = {}): NDArray =>
  slices(x, axis, index, src, (old, value) => old + alpha * value);
export const indexCopy = (x: NDArray, axis: number, index: Rows, src: NDArray): NDArray =>
  slices(x, axis, index, src, (_, value) => value);
export const indexFill = (x: NDArray, axis: number, index: Rows, value: NDArray | number): NDArray =>
  slices(x, axis, index, value, (_, each) => each);

export function indexPut(
  x: NDArray,
  indices: readonly NDArray[],
  src: NDArray | number,
  { accumulate = false } = {},
): NDArray {
  const shape = broadcastShapes(...indices.map((each) => each.shape));
  const out = Float64Array.from(x.data);
  forEachIndex([...shape, ...x.shape.slice(indices.length)], (at) => {
    const named = indices.map((each, k) => wrap(broadcastAt(each, at.slice(0, shape.length)), read(x.shape, k)));
    const to = offsetOf(x.shape, [...named, ...at.slice(shape.length)]);
    const value = src instanceof NDArray ? broadcastAt(src, at) : src;
    out[to] = accumulate ? read(out, to) + value : value;
  });
  return new NDArray(x.shape, out);
}

export function nonzero(x: NDArray, { size, fill = 0 }: { size: number; fill?: number }): NDArray {
  const rows: number[][] = [];
  forEachIndex(x.shape, (at, i) => {
    if (x.data[i] !== 0) rows.push([...at]);
  });
  while (rows.length < size) rows.push(x.shape.map(() => fill));
  return new NDArray([size, x.rank], rows.slice(0, size).flat());
}

export function maskedSelect(x: NDArray, mask: NDArray, { size, fill = 0 }: { size: number; fill?: number }): NDArray {
  const values: number[] = [];
  forEachIndex(broadcastShapes(x.shape, mask.shape), (at) => {
    if (broadcastAt(mask, at) !== 0) values.push(broadcastAt(x, at));
  });
  while (values.length < size) values.push(fill);
  return new NDArray([size], values.slice(0, size));
}

export function maskedScatter(x: NDArray, mask: NDArray, src: NDArray): NDArray {
  let k = 0;
  return build(x.shape, (at) => (broadcastAt(mask, at) !== 0 ? read(src.data, k++) : x.at(...at)));
}
