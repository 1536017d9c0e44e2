// Ops that move elements without computing.
import { broadcastTo, build, NDArray, offsetOf, read, sizeOf } from './ndarray.ts';

const front = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

export function reshape(x: NDArray, shape: readonly number[]): NDArray {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return new NDArray(
    shape.map((size) => (size === -1 ? x.size / known : size)),
    x.data,
  );
}

export function permute(x: NDArray, order: readonly number[]): NDArray {
  const axes = order.map((axis) => front(axis, x.rank));
  return build(
    axes.map((axis) => read(x.shape, axis)),
    (index) => {
      const source: number[] = new Array(x.rank).fill(0);
      axes.forEach((axis, i) => {
        source[axis] = read(index, i);
      });
      return x.at(...source);
    },
  );
}

export function transpose(x: NDArray, a = -2, b = -1): NDArray {
  const order = x.shape.map((_, axis) => axis);
  const [first, second] = [front(a, x.rank), front(b, x.rank)];
  [order[first], order[second]] = [second, first];
  return permute(x, order);
}

export function expand(x: NDArray, shape: readonly number[]): NDArray {
  const lead = shape.length - x.rank;
  return broadcastTo(
    x,
    shape.map((size, axis) => (size === -1 ? read(x.shape, axis - lead) : size)),
  );
}

export function squeeze(x: NDArray, axis?: number | readonly number[]): NDArray {
  const axes = axis === undefined ? x.shape.map((_, a) => a) : [axis].flat().map((a) => front(a, x.rank));
  return new NDArray(
    x.shape.filter((size, a) => !(size === 1 && axes.includes(a))),
    x.data,
  );
}

export function unsqueeze(x: NDArray, axis: number): NDArray {
  const shape = [...x.shape];
  shape.splice(front(axis, x.rank + 1), 0, 1);
  return new NDArray(shape, x.data);
}

export function flatten(x: NDArray, start = 0, end = -1): NDArray {
  const [first, last] = [front(start, x.rank), front(end, x.rank)];
  if (x.rank === 0) return new NDArray([1], x.data);
  return new NDArray(
    [...x.shape.slice(0, first), sizeOf(x.shape.slice(first, last + 1)), ...x.shape.slice(last + 1)],
    x.data,
  );
}

export function select(x: NDArray, axis: number, position: number): NDArray {
  const at = front(axis, x.rank);
  const place = front(position, read(x.shape, at));
  return build(
    x.shape.filter((_, a) => a !== at),
    (index) => x.at(...index.slice(0, at), place, ...index.slice(at)),
  );
}

export function narrow(x: NDArray, axis: number, start: number, length: number): NDArray {
  const at = front(axis, x.rank);
  const first = front(start, read(x.shape, at));
  return build(
    x.shape.map((size, a) => (a === at ? length : size)),
    (index) => x.at(...index.map((i, a) => (a === at ? i + first : i))),
  );
}

/** One step of NumPy's basic slicing: start + i * step, `length` of them, on every axis. */
export function strided(
  x: NDArray,
  starts: readonly number[],
  lengths: readonly number[],
  steps: readonly number[],
): NDArray {
  return build(lengths, (index) => x.at(...index.map((i, axis) => read(starts, axis) + i * read(steps, axis))));
}

export function index(x: NDArray, indices: NDArray): NDArray {
  const rest = x.shape.slice(1);
  return build([...indices.shape, ...rest], (at) => {
    const row = indices.at(...at.slice(0, indices.rank));
    return x.at(row, ...at.slice(indices.rank));
  });
}

export function cat(parts: readonly NDArray[], axis = 0): NDArray {
  const first = parts[0];
  if (!first) throw new Error('cat of nothing');
  const at = front(axis, first.rank);
  const length = parts.reduce((total, part) => total + read(part.shape, at), 0);
  const out = new Float64Array(sizeOf(first.shape.map((size, a) => (a === at ? length : size))));
  const shape = first.shape.map((size, a) => (a === at ? length : size));
  let start = 0;
  for (const part of parts) {
    build(part.shape, (where) => {
      out[
        offsetOf(
          shape,
          where.map((i, a) => (a === at ? i + start : i)),
        )
      ] = part.at(...where);
      return 0;
    });
    start += read(part.shape, at);
  }
  return new NDArray(shape, out);
}

export function stack(parts: readonly NDArray[], axis = 0): NDArray {
  return cat(
    parts.map((part) => unsqueeze(part, axis)),
    axis,
  );
}
