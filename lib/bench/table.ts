// The report as text of 80 columns.
import { bandwidth, type Ceilings } from './ceilings.ts';
import type { Verdict } from './compare.ts';
import type { Report, ReportedCase } from './report.ts';

const nameWidth = 37;

/** Three digits and a unit, in eight columns. */
export function time(seconds: number): string {
  for (const [unit, size] of [
    ['s', 1],
    ['ms', 1e-3],
    ['µs', 1e-6],
  ] as const) {
    if (seconds >= size * 0.9995) return `${digits(seconds / size)} ${unit}`;
  }
  return `${digits(seconds * 1e9)} ns`;
}

const digits = (value: number): string =>
  value >= 99.95 ? value.toFixed(0) : value >= 1 ? value.toPrecision(3) : value.toFixed(2);

/** Billions a second of operations or bytes, in at most nine columns. */
const scaled = (billions: number, unit: 'F' | 'B'): string =>
  billions < 999.5 ? `${digits(billions)} G${unit}/s` : `${digits(billions / 1000)} T${unit}/s`;

/** The rate that its bound is about. */
export function rate({ bound, gflops, gbps }: ReportedCase): string {
  if (bound === 'memory' && gbps !== null) return scaled(gbps, 'B');
  if (gflops !== null && gflops > 0) return scaled(gflops, 'F');
  return gbps === null ? '' : scaled(gbps, 'B');
}

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
export const percent = (share: number | null): string => (share === null ? '' : `${(share * 100).toFixed(0)} %`);

export function caseLines(one: ReportedCase): string[] {
  const { name, family, median, p10, p90, bound, share, sets } = one;
  const short = name.slice(family.length + 1);
  const cells = [time(median), time(p10), time(p90)].map((each) => each.padStart(8));
  const of = `${percent(share)}${bound === null ? '' : bound === 'memory' ? ' m' : ' c'}`;
  const mark = sets > 1 ? '*' : ' ';
  const line = `${cut(short, nameWidth).padEnd(nameWidth)}${mark}${cells.join('')}${rate(one).padStart(10)}${of.padStart(8)}`;
  const peers = (one.peers ?? []).map(({ name: peer, version, least, ours, ratio }) => {
    const about = `  ${cut(`${peer} ${version}`, nameWidth - 2)}`.padEnd(nameWidth + 1);
    return `${about}${time(least).padStart(8)}  ours ${time(ours.least).padStart(8)}  ${ratio.toFixed(2).padStart(6)}x`;
  });
  return [line.trimEnd(), ...peers];
}

export const header: string = `${''.padEnd(nameWidth + 1)}${['median', 'p10', 'p90'].map((each) => each.padStart(8)).join('')}${'rate'.padStart(10)}${'ceiling'.padStart(8)}`;

export function ceilingLines({ device, threads, compute, memory }: Ceilings): string[] {
  const rates = compute.map(({ name, gflops }) => `  ${name.padEnd(24)}${digits(gflops).padStart(8)} GF/s`);
  const levels = memory.map((each) => {
    const both = `read ${digits(each.readGbps)}, copy ${digits(each.copyGbps)}`;
    return `  ${each.name.padEnd(24)}${digits(bandwidth(each)).padStart(8)} GB/s (${both})`;
  });
  return [`Ceilings of ${device}, ${threads} thread${threads === 1 ? '' : 's'}, measured now:`, ...rates, ...levels];
}

export const legend: readonly string[] = [
  'ceiling: share of what arithmetic (c) or memory (m) allows, by the median',
  '*: other inputs in every call, more than the caches hold',
];

export function failureLines({ failures }: Report): string[] {
  return failures.map(({ name, message }) => `${cut(name, 40)}: ${cut(message.split('\n')[0] ?? '', 36)}`);
}

export function verdictLines(verdicts: readonly Verdict[]): string[] {
  const marked = [...verdicts].sort((a, b) => b.ratio - a.ratio).filter(({ verdict }) => verdict !== 'same');
  const count = (kind: Verdict['verdict']): number => verdicts.filter(({ verdict }) => verdict === kind).length;
  const lines = marked.map(({ name, ratio, error, verdict }) => {
    const about = `${ratio.toFixed(3)} ± ${error.toFixed(3)}`;
    return `${cut(name, 52).padEnd(53)}${about.padStart(15)}  ${verdict}`;
  });
  const sum = `${count('slower')} slower, ${count('faster')} faster, ${count('same')} the same, ${count('unsure')} unsure`;
  return [...lines, sum];
}
