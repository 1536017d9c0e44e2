// Ops that rearrange elements, each by its definition.
import { broadcastShapes, broadcastTo, build, NDArray, read, sizeOf } from './ndarray.ts';
import { cat, narrow, permute, reshape, select } from './views.ts';

const front = (axis: number, rank: number): number => (axis < 0 ? axis + Math.max(1, rank) : axis);
const listed = (axis: number | readonly number[]): readonly number[] => [axis].flat() as readonly number[];

export function movedim(x: NDArray, source: number | readonly number[], target: number | readonly number[]): NDArray {
  const from = listed(source).map((a) => front(a, x.rank));
  const to = listed(target).map((a) => front(a, x.rank));
  const order: number[] = new Array(x.rank).fill(-1);
  to.forEach((place, i) => {
    order[place] = read(from, i);
  });
  const rest = x.shape.map((_, i) => i).filter((i) => !from.includes(i));
  return permute(
    x,
    order.map((axis) => (axis < 0 ? (rest.shift() ?? 0) : axis)),
  );
}

export function unflatten(x: NDArray, axis: number, sizes: readonly number[]): NDArray {
  const at = front(axis, x.rank);
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const parts = sizes.map((size) => (size === -1 ? read(x.shape, at) / known : size));
  return reshape(x, [...x.shape.slice(0, at), ...parts, ...x.shape.slice(at + 1)]);
}

export function flip(x: NDArray, axis?: number | readonly number[]): NDArray {
  const axes = axis === undefined ? x.shape.map((_, i) => i) : listed(axis).map((a) => front(a, x.rank));
  return build(x.shape, (at) => x.at(...at.map((i, k) => (axes.includes(k) ? read(x.shape, k) - 1 - i : i))));
}

export function rot90(x: NDArray, times = 1, axes: readonly number[] = [0, 1]): NDArray {
  const [a, b] = axes.map((each) => front(each, x.rank)) as [number, number];
  let result = x;
  for (let k = 0; k < ((times % 4) + 4) % 4; k++) {
    const order = x.shape.map((_, i) => (i === a ? b : i === b ? a : i));
    result = flip(permute(result, order), a);
  }
  return result;
}

export function lengths(x: NDArray, sizes: readonly number[], axis: number): NDArray[] {
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return narrow(x, axis, start - size, size);
  });
}

export function split(x: NDArray, size: number | readonly number[], axis = 0): NDArray[] {
  if (typeof size !== 'number') return lengths(x, size, axis);
  const total = read(x.shape, front(axis, x.rank));
  const sizes: number[] = [];
  for (let rest = total; rest > 0 || sizes.length === 0; rest -= size) sizes.push(Math.min(size, rest));
  return lengths(x, sizes, axis);
}

export const chunk = (x: NDArray, chunks: number, axis = 0): NDArray[] =>
  split(x, Math.max(1, Math.ceil(read(x.shape, front(axis, x.rank)) / chunks)), axis);

export const unbind = (x: NDArray, axis = 0): NDArray[] =>
  Array.from({ length: read(x.shape, front(axis, x.rank)) }, (_, i) => select(x, axis, i));

export function tensorSplit(x: NDArray, sections: number | readonly number[], axis = 0): NDArray[] {
  const total = read(x.shape, front(axis, x.rank));
  if (typeof sections === 'number') {
    const sizes = Array.from(
      { length: sections },
      (_, i) => Math.floor(total / sections) + (i < total % sections ? 1 : 0),
    );
    return lengths(x, sizes, axis);
  }
  const stops = [...sections.map((i) => Math.min(total, Math.max(0, i < 0 ? i + total : i))), total];
  return stops.map((stop, i) => {
    const start = i === 0 ? 0 : read(stops, i - 1);
    return narrow(x, axis, start, Math.max(0, stop - start));
  });
}

interface Diagonal {
  offset?: number;
  axis1?: number;
  axis2?: number;
}

export function diagonal(x: NDArray, { offset = 0, axis1 = 0, axis2 = 1 }: Diagonal = {}): NDArray {
  const [a, b] = [front(axis1, x.rank), front(axis2, x.rank)];
  const places: [number, number][] = [];
  for (let i = 0; i < read(x.shape, a); i++) {
    if (i + offset >= 0 && i + offset < read(x.shape, b)) places.push([i, i + offset]);
  }
  const others = x.shape.filter((_, i) => i !== a && i !== b);
  return build([...others, places.length], (at) => {
    const [row, column] = places[read(at, at.length - 1)] as [number, number];
    const rest = [...at.slice(0, -1)];
    return x.at(...x.shape.map((_, i) => (i === a ? row : i === b ? column : (rest.shift() as number))));
  });
}

export function diagEmbed(x: NDArray, { offset = 0, axis1 = -2, axis2 = -1 }: Diagonal = {}): NDArray {
  const rank = x.rank + 1;
  const [a, b] = [front(axis1, rank), front(axis2, rank)];
  const size = read(x.shape, x.rank - 1) + Math.abs(offset);
  const batch = [...x.shape.slice(0, -1)];
  const shape = Array.from({ length: rank }, (_, i) => (i === a || i === b ? size : (batch.shift() as number)));
  return build(shape, (at) => {
    const [row, column] = [read(at, a), read(at, b)];
    if (column - row !== offset) return 0;
    return x.at(...at.filter((_, i) => i !== a && i !== b), Math.min(row, column));
  });
}

export const diag = (x: NDArray, offset = 0): NDArray =>
  x.rank === 1 ? diagEmbed(x, { offset }) : diagonal(x, { offset });
export const diagflat = (x: NDArray, offset = 0): NDArray => diagEmbed(new NDArray([x.size], x.data), { offset });
export const trace = (x: NDArray): NDArray => new NDArray([], [diagonal(x).data.reduce((a, b) => a + b, 0)]);

const triangle = (x: NDArray, keeps: (row: number, column: number) => boolean): NDArray =>
  build(x.shape, (at) => (keeps(read(at, x.rank - 2), read(at, x.rank - 1)) ? x.at(...at) : 0));
export const tril = (x: NDArray, diagonal = 0): NDArray => triangle(x, (i, j) => j - i <= diagonal);
export const triu = (x: NDArray, diagonal = 0): NDArray => triangle(x, (i, j) => j - i >= diagonal);

export function unfold(x: NDArray, axis: number, size: number, step: number): NDArray {
  const a = front(axis, x.rank);
  const count = Math.floor((read(x.shape, a) - size) / step) + 1;
  return build([...x.shape.map((each, i) => (i === a ? count : each)), size], (at) => {
    const within = read(at, x.rank);
    return x.at(...at.slice(0, x.rank).map((i, k) => (k === a ? i * step + within : i)));
  });
}

export const asStrided = (x: NDArray, shape: readonly number[], strides: readonly number[], start = 0): NDArray =>
  build(shape, (at) =>
    read(
      x.data,
      at.reduce((sum, i, k) => sum + i * read(strides, k), start),
    ),
  );

export function repeat(x: NDArray, counts: readonly number[]): NDArray {
  const own = [...new Array<number>(counts.length - x.rank).fill(1), ...x.shape];
  const wide = new NDArray(own, x.data);
  return build(
    own.map((size, i) => size * read(counts, i)),
    (at) => wide.at(...at.map((i, k) => i % read(own, k))),
  );
}

export const tile = (x: NDArray, counts: readonly number[]): NDArray =>
  repeat(x, [...new Array<number>(Math.max(0, x.rank - counts.length)).fill(1), ...counts]);

export function repeatInterleave(
  x: NDArray,
  repeats: number | readonly number[] | NDArray,
  { axis }: { axis?: number } = {},
): NDArray {
  const source = axis === undefined ? new NDArray([x.size], x.data) : x;
  const a = front(axis ?? 0, source.rank);
  const counts =
    typeof repeats === 'number' ? [repeats] : repeats instanceof NDArray ? [...repeats.data] : [...repeats];
  const rows: number[] = [];
  for (let i = 0; i < read(source.shape, a); i++) {
    const count = counts.length === 1 ? read(counts, 0) : read(counts, i);
    for (let k = 0; k < count; k++) rows.push(i);
  }
  return build(
    source.shape.map((size, k) => (k === a ? rows.length : size)),
    (at) => source.at(...at.map((i, k) => (k === a ? read(rows, i) : i))),
  );
}

export function roll(x: NDArray, shifts: number | readonly number[], axis?: number | readonly number[]): NDArray {
  if (axis === undefined) return new NDArray(x.shape, roll(new NDArray([x.size], x.data), shifts, 0).data);
  const [list, axes] = [listed(shifts), listed(axis).map((a) => front(a, x.rank))];
  return build(x.shape, (at) => {
    const from = [...at];
    axes.forEach((a, k) => {
      const size = read(x.shape, a);
      from[a] = (((read(from, a) - read(list, k)) % size) + size) % size;
    });
    return x.at(...from);
  });
}

const raised = (x: NDArray, shape: readonly number[]): NDArray => new NDArray(shape, x.data);
export const atLeast1d = (x: NDArray): NDArray => (x.rank === 0 ? raised(x, [1]) : x);
export const atLeast2d = (x: NDArray): NDArray => (x.rank >= 2 ? x : raised(x, [1, ...atLeast1d(x).shape]));
export const atLeast3d = (x: NDArray): NDArray =>
  x.rank >= 3 ? x : x.rank === 2 ? raised(x, [...x.shape, 1]) : raised(x, [1, x.size, 1]);

export const hstack = (parts: NDArray[]): NDArray => cat(parts.map(atLeast1d), (parts[0]?.rank ?? 0) <= 1 ? 0 : 1);
export const vstack = (parts: NDArray[]): NDArray => cat(parts.map(atLeast2d), 0);
export const dstack = (parts: NDArray[]): NDArray => cat(parts.map(atLeast3d), 2);
export const columnStack = (parts: NDArray[]): NDArray =>
  cat(
    parts.map((x) => (x.rank <= 1 ? raised(x, [x.size, 1]) : x)),
    1,
  );
export const broadcastTensors = (parts: NDArray[]): NDArray[] => {
  const shape = broadcastShapes(...parts.map((each) => each.shape));
  return parts.map((each) => broadcastTo(each, shape));
};
