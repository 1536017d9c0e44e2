// Linear algebra on small matrices by the plainest methods: elimination, Gram–Schmidt, Jacobi rotations, power series.
import { broadcastShapes, broadcastTo, build, NDArray, read, sizeOf } from './ndarray.ts';
import { matmul } from './matrix.ts';

type Matrix = number[][];

const sizes = (x: NDArray): [number, number] => [read(x.shape, x.rank - 2), read(x.shape, x.rank - 1)];

/** Matrix `index` of a batch as rows. */
function matrixAt(x: NDArray, index: number): Matrix {
  const [m, n] = sizes(x);
  return Array.from({ length: m }, (_, i) =>
    Array.from({ length: n }, (__, j) => read(x.data, (index * m + i) * n + j)),
  );
}

/** f applied to every matrix; its results, all of one shape, put together. */
function each(x: NDArray, shape: readonly number[], f: (a: Matrix, index: number) => readonly number[]): NDArray {
  const batch = x.shape.slice(0, -2);
  const values: number[] = [];
  for (let i = 0; i < sizeOf(batch); i++) values.push(...f(matrixAt(x, i), i));
  return new NDArray([...batch, ...shape], values);
}

export function transposed(x: NDArray): NDArray {
  const shape = [...x.shape.slice(0, -2), read(x.shape, x.rank - 1), read(x.shape, x.rank - 2)];
  return build(shape, (at) => x.at(...at.slice(0, -2), read(at, at.length - 1), read(at, at.length - 2)));
}

export const adjointProduct = (x: NDArray): NDArray => matmul(transposed(x), x);

/** Only the part of matrices where `keep(row, column)` holds. */
export const part = (x: NDArray, keep: (i: number, j: number) => boolean): NDArray =>
  build(x.shape, (at) => (keep(read(at, at.length - 2), read(at, at.length - 1)) ? x.at(...at) : 0));

/** The symmetric matrix whose lower triangle is that of x. */
export const mirrored = (x: NDArray): NDArray =>
  build(x.shape, (at) => {
    const [i, j] = [read(at, at.length - 2), read(at, at.length - 1)];
    return x.at(...at.slice(0, -2), Math.max(i, j), Math.min(i, j));
  });

export function cholesky(x: NDArray, { upper = false } = {}): NDArray {
  const l = each(x, x.shape.slice(-2), (a) => {
    const n = a.length;
    const out: Matrix = a.map(() => new Array(n).fill(0));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let rest = a[i]?.[j] as number;
        for (let k = 0; k < j; k++) rest -= (out[i]?.[k] as number) * (out[j]?.[k] as number);
        (out[i] as number[])[j] = i === j ? Math.sqrt(rest) : rest / (out[j]?.[j] as number);
      }
    }
    return out.flat();
  });
  return upper ? transposed(l) : l;
}

/** Gauss–Jordan with pivoting: [a | b] becomes [1 | a⁻¹ b]; gives the determinant too. */
function eliminate(a: Matrix, b: Matrix): number {
  const n = a.length;
  let det = 1;
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k; i < n; i++) if (Math.abs(a[i]?.[k] as number) > Math.abs(a[p]?.[k] as number)) p = i;
    if (p !== k) {
      [a[k], a[p]] = [a[p] as number[], a[k] as number[]];
      [b[k], b[p]] = [b[p] as number[], b[k] as number[]];
      det = -det;
    }
    const pivot = a[k]?.[k] as number;
    det *= pivot;
    if (pivot === 0) return 0;
    for (const rows of [a, b]) rows[k] = (rows[k] as number[]).map((value) => value / pivot);
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = a[i]?.[k] as number;
      for (const rows of [a, b]) {
        rows[i] = (rows[i] as number[]).map((value, j) => value - factor * (rows[k]?.[j] as number));
      }
    }
  }
  return det;
}

export function solve(a: NDArray, b: NDArray): NDArray {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const left = broadcastTo(a, [...batch, ...a.shape.slice(-2)]);
  const right = broadcastTo(b, [...batch, ...b.shape.slice(-2)]);
  return each(left, b.shape.slice(-2), (rows, index) => {
    const out = matrixAt(right, index);
    eliminate(rows, out);
    return out.flat();
  });
}

export const identity = (n: number): NDArray => build([n, n], ([i, j]) => Number(i === j));

export const inverse = (x: NDArray): NDArray => solve(x, broadcastTo(identity(read(x.shape, x.rank - 1)), x.shape));

export const det = (x: NDArray): NDArray =>
  each(x, [], (a) => [
    eliminate(
      a,
      a.map(() => []),
    ),
  ]);

/** Eigenvalues of symmetric matrices by cyclic Jacobi rotations, ascending. */
export function eigenvalues(x: NDArray): NDArray {
  return each(x, [read(x.shape, x.rank - 1)], (a) => {
    const n = a.length;
    const get = (i: number, j: number): number => a[i]?.[j] as number;
    for (let sweep = 0; sweep < 60; sweep++) {
      for (let p = 0; p < n; p++) {
        for (let q = p + 1; q < n; q++) {
          if (get(p, q) === 0) continue;
          const theta = (get(q, q) - get(p, p)) / (2 * get(p, q));
          const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
          const c = 1 / Math.sqrt(t * t + 1);
          const s = t * c;
          for (let k = 0; k < n; k++) {
            const [kp, kq] = [get(k, p), get(k, q)];
            (a[k] as number[])[p] = c * kp - s * kq;
            (a[k] as number[])[q] = s * kp + c * kq;
          }
          for (let k = 0; k < n; k++) {
            const [pk, qk] = [get(p, k), get(q, k)];
            (a[p] as number[])[k] = c * pk - s * qk;
            (a[q] as number[])[k] = s * pk + c * qk;
          }
        }
      }
    }
    return a.map((_, i) => get(i, i)).sort((left, right) => left - right);
  });
}

/** Singular values, descending, as roots of the eigenvalues of the smaller of x xᵀ and xᵀ x. */
export function singularValues(x: NDArray): NDArray {
  const [m, n] = sizes(x);
  const squares = eigenvalues(m < n ? matmul(x, transposed(x)) : adjointProduct(x));
  const k = Math.min(m, n);
  return build(squares.shape, (at) =>
    Math.sqrt(Math.max(0, squares.at(...at.slice(0, -1), k - 1 - read(at, at.length - 1)))),
  );
}

/** Q and R with positive diagonal of R, by Gram–Schmidt done twice; R has min(M, N) rows. */
export function gramSchmidt(x: NDArray): [NDArray, NDArray] {
  const [m, n] = sizes(x);
  const k = Math.min(m, n);
  const q = each(x, [m, k], (a) => {
    const columns: number[][] = [];
    for (let j = 0; j < k; j++) {
      let v = a.map((row) => row[j] as number);
      for (let round = 0; round < 2; round++) {
        for (const other of columns) {
          const along = v.reduce((sum, value, i) => sum + value * (other[i] as number), 0);
          v = v.map((value, i) => value - along * (other[i] as number));
        }
      }
      const norm = Math.hypot(...v);
      columns.push(v.map((value) => value / norm));
    }
    return a.flatMap((_, i) => columns.map((column) => column[i] as number));
  });
  return [q, part(matmul(transposed(q), x), (i, j) => i <= j)];
}

/** Σ xᵏ / k! after halving until the terms fall fast. */
export function matrixExp(x: NDArray): NDArray {
  const halvings = 12;
  const small = new NDArray(
    x.shape,
    x.data.map((value) => value / 2 ** halvings),
  );
  const n = read(x.shape, x.rank - 1);
  // expm1 is squared as 2e + e², which keeps the small part apart from the identity.
  let term = small;
  let sum = small;
  for (let k = 2; k < 14; k++) {
    const next = matmul(term, small);
    term = new NDArray(
      x.shape,
      next.data.map((value) => value / k),
    );
    sum = combine(sum, term, 1, 1);
  }
  for (let i = 0; i < halvings; i++) sum = combine(sum, matmul(sum, sum), 2, 1);
  return combine(sum, broadcastTo(identity(n), x.shape), 1, 1);
}

export const combine = (a: NDArray, b: NDArray, alpha: number, beta: number): NDArray =>
  new NDArray(
    a.shape,
    a.data.map((value, i) => alpha * value + beta * read(b.data, i)),
  );

/** The pseudo-inverse of matrices of full rank. */
export function pinv(x: NDArray): NDArray {
  const [m, n] = sizes(x);
  if (m >= n) return solve(adjointProduct(x), transposed(x));
  return transposed(solve(matmul(x, transposed(x)), x));
}

/** P, L and U of partial pivoting, row by row. */
export function lu(x: NDArray): [NDArray, NDArray, NDArray] {
  const [m, n] = sizes(x);
  const k = Math.min(m, n);
  const factor = (a: Matrix): { order: number[]; l: Matrix } => {
    const order = a.map((_, i) => i);
    const l: Matrix = a.map(() => new Array(k).fill(0));
    for (let j = 0; j < k; j++) {
      let p = j;
      for (let i = j; i < m; i++) if (Math.abs(a[i]?.[j] as number) > Math.abs(a[p]?.[j] as number)) p = i;
      for (const list of [a, l, order] as unknown[][]) [list[j], list[p]] = [list[p], list[j]];
      (l[j] as number[])[j] = 1;
      for (let i = j + 1; i < m; i++) {
        const ratio = (a[i]?.[j] as number) / (a[j]?.[j] as number);
        (l[i] as number[])[j] = ratio;
        a[i] = (a[i] as number[]).map((value, c) => (c <= j ? 0 : value - ratio * (a[j]?.[c] as number)));
      }
    }
    return { order, l };
  };
  const p = each(x, [m, m], (a) => {
    const { order } = factor(a);
    return order.flatMap((_, i) => order.map((from) => Number(from === i)));
  });
  const l = each(x, [m, k], (a) => factor(a).l.flat());
  const u = each(x, [k, n], (a) => {
    factor(a);
    return a.slice(0, k).flat();
  });
  return [p, l, u];
}
