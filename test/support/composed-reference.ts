// Adafactor and Muon on plain numbers, row-major.
import type { Numbers } from './optim-reference.ts';

const sum = (x: readonly number[]): number => x.reduce((total, each) => total + each, 0);
const rms = (x: readonly number[]): number => Math.sqrt(sum(x.map((each) => each * each)) / x.length);

export interface AdafactorMemory {
  step: number;
  readonly row: number[];
  readonly column: number[];
  readonly m: number[];
}

/** One step on a matrix, or on a vector with `columns` 0; changes p. */
export function adafactor(
  p: number[],
  g: readonly number[],
  columns: number,
  memory: AdafactorMemory,
  {
    lr,
    beta1,
    decayRate,
    eps,
    minScale,
    clipThreshold,
    weightDecay,
    relativeStep,
    scaleParameter,
  }: Numbers & {
    readonly [name in
      | 'lr'
      | 'beta1'
      | 'decayRate'
      | 'eps'
      | 'minScale'
      | 'clipThreshold'
      | 'weightDecay'
      | 'relativeStep'
      | 'scaleParameter']: number;
  },
): void {
  const t = ++memory.step;
  const keep = 1 - t ** -decayRate;
  const squares = g.map((each) => each * each + eps);
  let v: number[];
  if (columns === 0) {
    for (const [i, s] of squares.entries()) memory.row[i] = keep * (memory.row[i] ?? 0) + (1 - keep) * s;
    v = memory.row;
  } else {
    const rows = g.length / columns;
    for (let r = 0; r < rows; r++) {
      const mean = sum(squares.slice(r * columns, (r + 1) * columns)) / columns;
      memory.row[r] = keep * (memory.row[r] ?? 0) + (1 - keep) * mean;
    }
    for (let c = 0; c < columns; c++) {
      const mean = sum(squares.filter((_, i) => i % columns === c)) / rows;
      memory.column[c] = keep * (memory.column[c] ?? 0) + (1 - keep) * mean;
    }
    const mean = sum(memory.row) / rows;
    v = g.map((_, i) => {
      const r = memory.row[Math.floor(i / columns)] as number;
      return (r * (memory.column[i % columns] as number)) / mean;
    });
  }
  let u = g.map((each, i) => each / Math.sqrt(v[i] as number));
  const clip = Math.max(1, rms(u) / clipThreshold);
  const rate = (relativeStep ? Math.min(lr, 1 / Math.sqrt(t)) : lr) * (scaleParameter ? Math.max(minScale, rms(p)) : 1);
  u = u.map((each) => (each / clip) * rate);
  if (beta1 > 0) {
    for (const [i, each] of u.entries()) memory.m[i] = beta1 * (memory.m[i] ?? 0) + (1 - beta1) * each;
    u = [...memory.m];
  }
  for (const [i, value] of p.entries()) p[i] = value * (1 - rate * weightDecay) - (u[i] as number);
}

type Matrix = readonly (readonly number[])[];
const at = (m: Matrix, i: number, j: number): number => m[i]?.[j] ?? 0;
const flipped = (m: Matrix): Matrix => (m[0] ?? []).map((_, j) => m.map((row) => row[j] as number));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => (b[0] ?? []).map((_, j) => sum(row.map((x, k) => x * at(b, k, j)))));
const combined = (a: Matrix, x: number, b: Matrix, y: number): Matrix =>
  a.map((row, i) => row.map((each, j) => x * each + y * at(b, i, j)));

/** The matrix of Newton and Schulz' iterations, five of them. */
export function orthogonal(matrix: Matrix): Matrix {
  const tall = matrix.length > (matrix[0] ?? []).length;
  const wide = tall ? flipped(matrix) : matrix;
  const norm = Math.sqrt(sum(wide.flat().map((x) => x * x))) + 1e-7;
  let x: Matrix = wide.map((row) => row.map((each) => each / norm));
  for (let i = 0; i < 5; i++) {
    const gram = product(x, flipped(x));
    x = combined(x, 3.4445, product(combined(gram, -4.775, product(gram, gram), 2.0315), x), 1);
  }
  return tall ? flipped(x) : x;
}

/** One step of Muon on a matrix; changes p and buffer. */
export function muon(
  p: number[],
  g: readonly number[],
  columns: number,
  buffer: number[],
  { lr, momentum, weightDecay, nesterov }: { lr: number; momentum: number; weightDecay: number; nesterov: boolean },
): void {
  for (const [i, each] of g.entries()) buffer[i] = momentum * (buffer[i] ?? 0) + (1 - momentum) * each;
  const flat = nesterov ? g.map((each, i) => momentum * (buffer[i] as number) + (1 - momentum) * each) : buffer;
  const rows = g.length / columns;
  const step = orthogonal(Array.from({ length: rows }, (_, r) => flat.slice(r * columns, (r + 1) * columns))).flat();
  const rate = lr * Math.sqrt(Math.max(1, rows / columns));
  for (const [i, value] of p.entries()) p[i] = value * (1 - lr * weightDecay) - rate * (step[i] as number);
}
