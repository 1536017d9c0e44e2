// Whether a case became slower between two reports. Each process that measured it gives one number, the least of its batches, so what
// differs between processes (where memory lies, what was compiled when, who else was busy) is in the numbers' own spread.
//
// Noise only ever slows down: the slower half of the processes is left out. The logarithms of what is left are compared by a t-test
// against a slowdown of `margin`. A case's variance is drawn towards the middle one of all cases, which counts as eight more numbers, so
// that a few that happen to agree do not look certain. Holm's correction keeps the chance that any case is called slower wrongly
// below `level`.
import type { ReportedCase } from './report.ts';
import { mean, median, studentTail, variance } from './statistics.ts';

export interface Verdict {
  readonly name: string;
  /** New time over old: above 1 is slower. */
  readonly ratio: number;
  /** Standard error of the ratio. */
  readonly error: number;
  /** Corrected for the number of cases. */
  readonly p: number;
  readonly verdict: 'slower' | 'faster' | 'same' | 'unsure';
}

export interface CompareOptions {
  /** Slowdowns up to this share are nobody's business: 0.03 by default. */
  readonly margin?: number;
  /** 0.05 by default. */
  readonly level?: number;
}

/** As many numbers as the other cases count for in the variance of one. */
const usualWeight = 8;
/** What no clock and no machine are better than. */
const leastSpread = 0.003;

interface Pair {
  readonly name: string;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Logarithms of the times of the faster half of the processes. */
function kept(rounds: readonly number[]): number[] {
  const sorted = [...rounds].sort((a, b) => a - b);
  return sorted.slice(0, Math.ceil(sorted.length / 2)).map(Math.log);
}

/** The cases that both reports have, by the new one's order. */
export function compareCases(
  before: readonly ReportedCase[],
  after: readonly ReportedCase[],
  { margin = 0.03, level = 0.05 }: CompareOptions = {},
): Verdict[] {
  const old = new Map(before.map((each) => [each.name, each]));
  const pairs: Pair[] = after.flatMap(({ name, rounds }) => {
    const other = old.get(name);
    return other === undefined ? [] : [{ name, before: kept(other.rounds), after: kept(rounds) }];
  });
  const usual = usualVariance(pairs);
  const slower = holm(pairs.map((each) => test(each, Math.log(1 + margin), usual)));
  const faster = holm(
    pairs.map((each) => test({ ...each, before: each.after, after: each.before }, Math.log(1 + margin), usual)),
  );
  return pairs.map((each, i) => {
    const difference = mean(each.after) - mean(each.before);
    const error = Math.sqrt(errorOf(each, usual).total);
    const verdict = (slower[i] as number) < level ? 'slower' : (faster[i] as number) < level ? 'faster' : undefined;
    const near = Math.abs(difference) + 2 * error < Math.log(1 + 2 * margin);
    return {
      name: each.name,
      ratio: Math.exp(difference),
      error,
      p: slower[i] as number,
      verdict: verdict ?? (near ? 'same' : 'unsure'),
    };
  });
}

/** Within the numbers of one report, of the case in the middle; that of 2 % where nothing was measured more than once. */
function usualVariance(pairs: readonly Pair[]): number {
  const found = pairs.flatMap(({ before, after }) => [before, after]).filter((each) => each.length > 1);
  return found.length > 0 ? Math.max(median(found.map(variance)), leastSpread ** 2) : 0.02 ** 2;
}

/** Squared standard error of the difference of means, and its degrees of freedom. */
function errorOf({ before, after }: Pair, usual: number): { total: number; degrees: number } {
  const own = before.length + after.length - 2;
  const squares = variance(before) * (before.length - 1) + variance(after) * (after.length - 1);
  const degrees = usualWeight + own;
  return { total: ((usualWeight * usual + squares) / degrees) * (1 / before.length + 1 / after.length), degrees };
}

/** Probability of such a slowdown if there were one of exactly the margin. */
function test(pair: Pair, margin: number, usual: number): number {
  const { total, degrees } = errorOf(pair, usual);
  return studentTail((mean(pair.after) - mean(pair.before) - margin) / Math.sqrt(total), degrees);
}

/** Holm's step-down correction, in the order given. */
function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const corrected: number[] = [...values];
  let largest = 0;
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (values[i] as number) * (values.length - rank)));
    corrected[i] = largest;
  }
  return corrected;
}
