import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { rand } from '../support/random.ts';
import { build, type NDArray } from '../support/reference/ndarray.ts';

/** Sequences by length, the longest first, those of one length in their order. */
const sorted = (lengths: readonly number[]): number[] =>
  lengths.map((_, b) => b).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));

/** [step, sequence] of each row of the packed data. */
const rowsOf = (lengths: readonly number[]): [number, number][] =>
  Array.from({ length: Math.max(...lengths) }, (_, t) => t).flatMap((t) =>
    sorted(lengths)
      .filter((b) => (lengths[b] as number) > t)
      .map((b): [number, number] => [t, b]),
  );

const lengths = [2, 4, 1, 4];

checkOp('packPaddedSequence', (x, n) => ops.packPaddedSequence(x, n).data, {
  reference: (x: NDArray, n: readonly number[]) => {
    const rows = rowsOf(n);
    return build([rows.length, ...x.shape.slice(2)], ([row = 0, ...rest]) => x.at(...(rows[row] ?? []), ...rest));
  },
  ulps: 0,
  cases: [
    { name: 'rows of features', args: [rand(4, 4, 3), lengths] },
    { name: 'numbers', args: [rand(3, 2), [3, 1]] },
    { name: 'more steps than any has', args: [rand(5, 2, 2), [1, 3]] },
    { name: 'features of size 0', args: [rand(4, 4, 0), lengths] },
  ],
});

checkOp('packSequence', (list) => ops.packSequence(list, { enforceSorted: false }).data, {
  reference: (list: readonly NDArray[]) => {
    const rows = rowsOf(list.map((x) => x.shape[0] as number));
    const features = list[0]?.shape.slice(1) ?? [];
    return build([rows.length, ...features], ([row = 0, ...rest]) => {
      const [t, b] = rows[row] as [number, number];
      return (list[b] as NDArray).at(t, ...rest);
    });
  },
  ulps: 0,
  cases: [
    { name: 'rows of features', args: [[rand(2, 3), rand(4, 3), rand(1, 3)]] },
    { name: 'numbers', args: [[rand(3), rand(3)]] },
    { name: 'one sequence', args: [[rand(2, 2, 2)]] },
  ],
});

checkOp(
  'padPackedSequence',
  (data) => ops.padPackedSequence({ ...ops.packPaddedSequence(ops.zeros([4, 4, 1]), lengths), data })[0],
  {
    reference: (data: NDArray) => {
      const rows = rowsOf(lengths);
      return build([4, 4, ...data.shape.slice(1)], ([t = 0, b = 0, ...rest]) => {
        const row = rows.findIndex(([step, sequence]) => step === t && sequence === b);
        return row < 0 ? 0 : data.at(row, ...rest);
      });
    },
    ulps: 0,
    cases: [
      { name: 'rows of features', args: [rand(11, 3)] },
      { name: 'numbers', args: [rand(11)] },
      { name: 'features of size 0', args: [rand(11, 0)] },
    ],
  },
);

test.run();
