// What the tests of the matrix ops share: matrices with a result, and errors relative to the whole of it.
import type { OpCase, Rejected } from './check-op.ts';
import { rand, randInt, type TensorSpec } from './random.ts';
import { mirrored } from './reference/linalg.ts';
import { build, full, type NDArray } from './reference/ndarray.ts';

interface Relative {
  // biome-ignore lint/suspicious/noExplicitAny: references of every argument list
  readonly reference: (...args: any[]) => NDArray | NDArray[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly magnitude: (...args: any[]) => NDArray[];
  readonly ulps: number;
}

/** Errors of these algorithms are relative to the largest element of the result, times what small sizes amplify. */
// biome-ignore lint/suspicious/noExplicitAny: references of every argument list
export function relative(f: (...args: any[]) => NDArray | NDArray[]): Relative {
  const magnitude: Relative['magnitude'] = (...args) =>
    [f(...args)].flat().map((each) => full(each.shape, Math.max(1, ...each.data.map(Math.abs))));
  return { reference: f, magnitude, ulps: 1024 };
}

// Repeating the first row would make matrices singular; batches may be repeated.
const layouts = ['contiguous', 'transposed', 'sliced', 'reversed'] as const;
export const alone = (name: string, ...args: unknown[]): OpCase => ({ name, args, layouts });

/** Random matrices with `shift` added to their diagonals: well conditioned. */
export function shifted(shift: number, ...shape: number[]): TensorSpec {
  const spec = rand(...shape);
  const values = build(shape, (at) => spec.values.at(...at) + (at.at(-1) === at.at(-2) ? shift : 0));
  return { ...spec, values };
}
/** Symmetric matrices with eigenvalues around `shift`. */
export function symmetric(shift: number, ...shape: number[]): TensorSpec {
  const spec = shifted(shift, ...shape);
  return { ...spec, values: mirrored(spec.values), grad: false };
}
export const notSquare: readonly Rejected[] = [
  { name: 'a vector', args: () => [rand(3), rand(3, 1)], code: 'ERR_SHAPE' },
  { name: 'a matrix that is not square', args: () => [rand(2, 3), rand(2, 1)], code: 'ERR_SHAPE' },
  { name: 'integers', args: () => [randInt(0, 3, [2, 2]), rand(2, 1)], code: 'ERR_DTYPE' },
  { name: 'no tensor', args: () => [null, rand(2, 1)], code: 'ERR_ARGUMENT' },
];
export const notMatrix: readonly Rejected[] = [
  { name: 'a vector', args: () => [rand(3)], code: 'ERR_SHAPE' },
  { name: 'integers', args: () => [randInt(0, 3, [2, 2])], code: 'ERR_DTYPE' },
  { name: 'no tensor', args: () => [undefined], code: 'ERR_ARGUMENT' },
];
