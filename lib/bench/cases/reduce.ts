import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

const reductions = { sum: wg.sum, mean: wg.mean, max: wg.amax, argmax: wg.argmax, variance: wg.variance } as const;
type Op = keyof typeof reductions;
const columns = 1024;

/** Axis -1 leaves one number a row, 0 one a column; without one everything is reduced. */
const shapes: { name: string; op: Op; rows: number; columns: number; axis: number | 'all' }[] = [];
for (const [size, rows] of [
  ['1 MiB', 256],
  ['256 MiB', 65536],
] as const) {
  for (const op of ['sum', 'max', 'argmax'] as const) {
    shapes.push({ name: `${op} ${size}`, op, rows, columns, axis: 'all' });
  }
  for (const op of ['sum', 'argmax', 'variance'] as const) {
    shapes.push({ name: `${op} of rows ${rows}x1024`, op, rows, columns, axis: -1 });
  }
  for (const op of ['sum', 'max', 'variance'] as const) {
    shapes.push({ name: `${op} of columns ${rows}x1024`, op, rows, columns, axis: 0 });
  }
}

export const cases: readonly Case[] = family(
  'reduce',
  shapes,
  (p) => {
    const x = randn([p.rows, p.columns]);
    const f = reductions[p.op];
    const { axis } = p;
    return { bytes: 4 * p.rows * p.columns, run: () => (axis === 'all' ? f(x) : f(x, { axis })) };
  },
  { sizes: ['rows', 'columns'] },
);
