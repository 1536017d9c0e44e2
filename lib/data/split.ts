import { argumentError } from '../errors.ts';
import { Random } from './random.ts';
import { checkOptions, formatValue } from '../core/values.ts';

/** Three disjoint sets of sample indices that together are all samples. */
export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/**
 * Splits samples by label so that every class has the same share in each part (largest remainders fill up to the exact
 * sizes). The same labels, sizes and seed always give the same split.
 *
 * @example
 * stratifiedSplit([0, 0, 1, 1], { test: 2, validation: 0, seed: 1 }).test.length; // 2, one of each class
 */
export function stratifiedSplit(
  labels: ArrayLike<number>,
  options: { test: number; validation: number; seed?: number },
): Split {
  checkOptions('stratifiedSplit', options);
  const { test, validation, seed = 0 } = options;
  if (typeof labels !== 'object' || labels === null || !Number.isSafeInteger(labels.length))
    throw argumentError('stratifiedSplit', `labels must be an array, got ${formatValue(labels)}`);
  for (const [name, count] of [
    ['test', test],
    ['validation', validation],
  ] as const) {
    if (!Number.isInteger(count) || count < 0) {
      throw argumentError('stratifiedSplit', `${name}: wanted an integer ≥ 0, got ${formatValue(count)}`);
    }
  }
  if (test + validation > labels.length) {
    throw argumentError(
      'stratifiedSplit',
      `wanted at most ${labels.length} held-out samples, got ${test} + ${validation}`,
    );
  }
  const classes = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? 0;
    const members = classes.get(label);
    if (members) members.push(i);
    else classes.set(label, [i]);
  }
  const groups = [...classes]
    .sort(([a], [b]) => a - b)
    .map(([label, members]) => new Random(seed, label).shuffle(members));
  const testSet = takeShares(groups, test);
  const validationSet = takeShares(groups, validation);
  return { train: sorted(groups.flat()), validation: sorted(validationSet), test: sorted(testSet) };
}

/** Removes `count` members from the ends of `groups`, in proportion to their sizes. */
function takeShares(groups: number[][], count: number): number[] {
  const total = groups.reduce((sum, group) => sum + group.length, 0);
  const exact = groups.map((group) => (total === 0 ? 0 : (group.length * count) / total));
  const shares = exact.map(Math.floor);
  let missing = count - shares.reduce((sum, n) => sum + n, 0);
  const byRemainder = exact
    .map((value, k) => ({ k, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.k - b.k);
  for (const { k } of byRemainder) {
    if (missing === 0) break;
    shares[k] = (shares[k] ?? 0) + 1;
    missing--;
  }
  return groups.flatMap((group, k) => group.splice(group.length - (shares[k] ?? 0)));
}

function sorted(indices: readonly number[]): Int32Array {
  return Int32Array.from(indices).sort();
}
