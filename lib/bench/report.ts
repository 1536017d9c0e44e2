// What a run leaves behind: what `--json` writes, `--compare` reads and `--html` draws.
import { readFileSync } from 'node:fs';
import { argumentError } from '../errors.ts';
import type { Ceilings } from './ceilings.ts';
import type { PeerResult } from './peers.ts';
import type { CaseResult } from './run.ts';
import { mean } from './statistics.ts';

export const reportFormat = 1;

export interface ReportedCase extends CaseResult {
  readonly peers?: readonly PeerResult[];
}

export interface Report {
  readonly format: typeof reportFormat;
  readonly warpgrad: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly ceilings: Ceilings;
  readonly cases: readonly ReportedCase[];
  /** Cases that did not run, and why. */
  readonly failures: readonly { readonly name: string; readonly message: string }[];
}

/** @throws ERR_ARGUMENT when the file is not a report of this format */
export function readReport(file: string): Report {
  const read = (): unknown => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw argumentError('bench', `${file} cannot be read: ${error instanceof Error ? error.message : error}`);
    }
  };
  const report = read();
  if (!isReport(report)) throw argumentError('bench', `${file} is not a report of \`warpgrad bench --json\``);
  return report;
}

function isReport(value: unknown): value is Report {
  if (typeof value !== 'object' || value === null) return false;
  const { format, cases } = value as { format?: unknown; cases?: unknown };
  if (format !== reportFormat || !Array.isArray(cases)) return false;
  return cases.every((each) => {
    const { name, rounds } = (each ?? {}) as { name?: unknown; rounds?: unknown };
    return typeof name === 'string' && Array.isArray(rounds) && rounds.length > 0 && rounds.every((x) => x > 0);
  });
}

/** Numbers of five digits: more would be noise. */
export function printReport(report: Report): string {
  const round = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  return `${JSON.stringify(report, round, 1)}\n`;
}

/** One result of several processes' results of the same case: medians and quantiles are averaged, rounds kept apart. */
export function mergeResults(results: readonly ReportedCase[]): ReportedCase {
  const [first] = results as readonly [ReportedCase, ...ReportedCase[]];
  const of = (key: 'median' | 'p10' | 'p90'): number => mean(results.map((each) => each[key]));
  const middle = of('median');
  const scale = first.median / middle;
  const scaled = (value: number | null): number | null => (value === null ? null : value * scale);
  return {
    ...first,
    median: middle,
    p10: of('p10'),
    p90: of('p90'),
    least: Math.min(...results.map(({ least }) => least)),
    batches: results.reduce((sum, { batches }) => sum + batches, 0),
    gflops: scaled(first.gflops),
    gbps: scaled(first.gbps),
    share: scaled(first.share),
    rounds: results.flatMap(({ rounds }) => rounds),
  };
}
