// Statistics, sets, distances and forms by plain loops.
import { build, NDArray, scalar } from './ndarray.ts';

const rowsOf = (x: NDArray): number[][] => {
  const n = x.shape.at(-1) ?? 1;
  const count = x.rank === 2 ? (x.shape[0] as number) : 1;
  return Array.from({ length: count }, (_, i) => Array.from({ length: n }, (_, j) => x.data[i * n + j] as number));
};

export function cov(
  x: NDArray,
  { correction = 1, fweights, aweights }: { correction?: number; fweights?: NDArray; aweights?: NDArray } = {},
): NDArray {
  const rows = rowsOf(x);
  const n = rows[0]?.length ?? 0;
  const important = Array.from({ length: n }, (_, i) => aweights?.data[i] ?? 1);
  const w = important.map((a, i) => a * (fweights?.data[i] ?? 1));
  const total = w.reduce((a, b) => a + b, 0);
  const lost = aweights
    ? (correction * w.reduce((a, v, i) => a + v * (important[i] as number), 0)) / total
    : correction;
  const means = rows.map((row) => row.reduce((a, v, i) => a + v * (w[i] as number), 0) / total);
  const value = (i: number, j: number): number =>
    w.reduce(
      (a, v, k) =>
        a + v * ((rows[i]?.[k] as number) - (means[i] as number)) * ((rows[j]?.[k] as number) - (means[j] as number)),
      0,
    ) / Math.max(0, total - lost);
  return x.rank === 2 ? build([rows.length, rows.length], ([i = 0, j = 0]) => value(i, j)) : scalar(value(0, 0));
}

export function corrcoef(x: NDArray): NDArray {
  const c = cov(x);
  if (c.rank === 0) return scalar(1);
  return build(c.shape, ([i = 0, j = 0]) => c.at(i, j) / Math.sqrt(c.at(i, i) * c.at(j, j)));
}

export function histogram(x: NDArray, edges: readonly number[], weight?: NDArray, density = false): NDArray[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  x.data.forEach((value, i) => {
    const at = edges.findIndex(
      (edge, k) =>
        k + 1 < edges.length &&
        value >= edge &&
        (value < (edges[k + 1] as number) || (k + 2 === edges.length && value === edges[k + 1])),
    );
    if (at >= 0) counts[at] = (counts[at] as number) + (weight?.data[i] ?? 1);
  });
  const total = counts.reduce((a, b) => a + b, 0);
  const shown = density ? counts.map((c, i) => c / total / ((edges[i + 1] as number) - (edges[i] as number))) : counts;
  return [new NDArray([shown.length], shown), new NDArray([edges.length], edges)];
}

export function isin(x: NDArray, set: NDArray | number, { invert = false } = {}): NDArray {
  const values = typeof set === 'number' ? [set] : set.data;
  return new NDArray(
    x.shape,
    x.data.map((value) => Number(values.some((each) => each === value) !== invert)),
  );
}

export function combinations(x: NDArray, r = 2, { withReplacement = false } = {}): NDArray {
  const rows: number[][] = [];
  const extend = (chosen: number[], from: number): void => {
    if (chosen.length === r) rows.push(chosen);
    else for (let i = from; i < x.size; i++) extend([...chosen, x.at(i)], withReplacement ? i : i + 1);
  };
  if (r > 0) extend([], 0);
  return new NDArray(r === 0 ? [0] : [rows.length, r], rows.flat());
}

const pNorm = (values: readonly number[], p: number): number => {
  const sizes = values.map(Math.abs);
  if (p === Number.POSITIVE_INFINITY) return sizes.reduce((a, b) => Math.max(a, b), 0);
  if (p === 0) return sizes.filter((v) => v !== 0).length;
  return sizes.reduce((a, b) => a + b ** p, 0) ** (1 / p);
};

export function pdist(x: NDArray, { p = 2 } = {}): NDArray {
  const rows = rowsOf(x);
  const values: number[] = [];
  for (let i = 0; i < rows.length; i++)
    for (let j = i + 1; j < rows.length; j++)
      values.push(
        pNorm(
          (rows[i] as number[]).map((v, k) => v - (rows[j]?.[k] as number)),
          p,
        ),
      );
  return new NDArray([values.length], values);
}

/** For operands of one shape. */
export const dist = (a: NDArray, b: NDArray, p = 2): NDArray =>
  scalar(
    pNorm(
      Array.from(a.data, (v, i) => v - (b.data[i % Math.max(b.size, 1)] as number)),
      p,
    ),
  );

export function renorm(x: NDArray, p: number, axis: number, most: number): NDArray {
  const at = axis < 0 ? axis + x.rank : axis;
  const parts = Array.from({ length: x.shape[at] as number }, (): number[] => []);
  build(x.shape, (index) => parts[index[at] as number]?.push(x.at(...index)) ?? 0);
  const norms = parts.map((part) => pNorm(part, p));
  return build(x.shape, (index) => {
    const size = norms[index[at] as number] as number;
    return x.at(...index) * (size > most ? most / (size + 1e-7) : 1);
  });
}

export function bilinear(a: NDArray, b: NDArray, w: NDArray, bias: NDArray | null = null): NDArray {
  const [o, n, m] = w.shape as [number, number, number];
  return build([...a.shape.slice(0, -1), o], (index) => {
    const lead = index.slice(0, -1);
    const k = index.at(-1) as number;
    let total = bias?.at(k) ?? 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) total += a.at(...lead, i) * w.at(k, i, j) * b.at(...lead, j);
    return total;
  });
}

export function blockDiag(list: readonly NDArray[]): NDArray {
  const sizes = list.map(({ shape }) => [shape.at(-2) ?? 1, shape.at(-1) ?? 1] as const);
  const rows = sizes.reduce((total, [m]) => total + m, 0);
  const columns = sizes.reduce((total, [, n]) => total + n, 0);
  const data = new Float64Array(rows * columns);
  let [top, left] = [0, 0];
  list.forEach((block, k) => {
    const [m, n] = sizes[k] as readonly [number, number];
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) data[(top + i) * columns + left + j] = block.data[i * n + j] as number;
    top += m;
    left += n;
  });
  return new NDArray([rows, columns], data);
}
