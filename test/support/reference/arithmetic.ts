// Sums and products with broadcasting, for references that combine arrays.
import { asArray, map, type NDArray, zip } from './ndarray.ts';

export const add = (a: NDArray, b: NDArray | number): NDArray => zip((x, y) => x + y, a, asArray(b));

/** f(a) b. */
export const mul = (a: NDArray, b: NDArray | number, f: (value: number) => number = (value) => value): NDArray =>
  zip((x, y) => x * y, map(a, f), asArray(b));
