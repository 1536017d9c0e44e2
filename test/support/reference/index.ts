// Ops that read and write at indices, one element after the other.
import { build, forEachIndex, NDArray, offsetOf, read } from './ndarray.ts';

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
