// Matrix products, one loop per index.
import { broadcastAt, broadcastShapes, build, NDArray, read, sizeOf } from './ndarray.ts';

/** torch.matmul: vectors are promoted, batch axes broadcast. */
export function matmul(a: NDArray, b: NDArray): NDArray {
  const left = a.rank === 1 ? new NDArray([1, ...a.shape], a.data) : a;
  const right = b.rank === 1 ? new NDArray([...b.shape, 1], b.data) : b;
  const inner = read(left.shape, left.rank - 1);
  const rows = read(left.shape, left.rank - 2);
  const columns = read(right.shape, right.rank - 1);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const product = build([...batch, rows, columns], (index) => {
    const lead = index.slice(0, -2);
    let total = 0;
    for (let k = 0; k < inner; k++) {
      total +=
        broadcastAt(left, [...lead, read(index, index.length - 2), k]) *
        broadcastAt(right, [...lead, k, read(index, index.length - 1)]);
    }
    return total;
  });
  const shape = [...batch, ...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  return new NDArray(shape, product.data);
}

/** x @ weightᵀ + bias. */
export function linear(x: NDArray, weight: NDArray, bias: NDArray | null = null): NDArray {
  const transposed = build([read(weight.shape, 1), read(weight.shape, 0)], ([i = 0, o = 0]) => weight.at(o, i));
  const y = matmul(x, transposed);
  return bias ? build(y.shape, (index) => broadcastAt(y, index) + broadcastAt(bias, index)) : y;
}

export const isEmpty = (x: NDArray): boolean => sizeOf(x.shape) === 0;
