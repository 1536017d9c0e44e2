// npm run bench -- [WORD…] [--threads 1] [--seconds 0.5] [--precision highest] [--clock wall] [--json]
// Times the cases whose `family name` has all the words (a family's name chooses it whole): median, spread (the quarters' distance
// over the median) and the share of what this machine can do. `npm run bench -- PROBE` runs one of bench/probes instead.
// `--clock cpu` counts the process's time on processors: for one thread on a machine that others keep busy.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { device, manualSeed, scope, setFloat32Precision, setThreads } from '../lib/index.ts';
import type { Float32Precision } from '../lib/index.ts';
import { chosen } from '../lib/bench/cases.ts';
import type { Case } from '../lib/bench/family.ts';
import { machine, print } from '../lib/bench/machine.ts';
import { median, quantile } from '../lib/bench/statistics.ts';
import { callsOf, type Clock, seconds, timeCalls } from '../lib/bench/timing.ts';
import { commit } from './commit.ts';
import { floorSeconds, measurePeak, type Peak } from './peak.ts';

const probes = join(dirname(fileURLToPath(import.meta.url)), 'probes');
const names = readdirSync(probes)
  .filter((file) => file.endsWith('.js'))
  .map((file) => file.slice(0, -3));

interface Options {
  readonly budget: number;
  readonly clock: Clock;
  readonly json: boolean;
  readonly peak: Peak | null;
}

async function measure(one: Case, { budget, clock, json, peak }: Options): Promise<void> {
  const cpu = device('cpu');
  await scope(async () => {
    const work = one.make();
    const calls = await callsOf((n) => timeCalls(work.run, n, cpu, clock));
    const times: number[] = [];
    const until = seconds() + budget;
    while (times.length < 5 || seconds() < until) {
      times.push(timeCalls(work.run, calls, cpu, clock));
      await new Promise(setImmediate);
    }
    const middle = median(times);
    const row = {
      case: `${one.family} ${one.name}`,
      us: middle * 1e6,
      bestUs: Math.min(...times) * 1e6,
      spread: (quantile(times, 0.75) - quantile(times, 0.25)) / middle,
      gflops: work.flops ? work.flops / middle / 1e9 : null,
      gbps: work.bytes ? work.bytes / middle / 1e9 : null,
      peakShare: peak === null ? null : floorSeconds(peak, work) / middle,
    };
    if (json) print(row);
    else table(row);
  });
}

function table(row: Record<string, string | number | null>): void {
  const number = (value: unknown, digits = 1): string => (typeof value === 'number' ? value.toFixed(digits) : '–');
  const percent = (value: unknown): string => (typeof value === 'number' ? `${(value * 100).toFixed(0)} %` : '–');
  const cells = [row['case'], number(row['us'], 2), number(row['bestUs'], 2), percent(row['spread'])];
  console.log(`| ${[...cells, number(row['gflops']), number(row['gbps']), percent(row['peakShare'])].join(' | ')} |`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: !names.includes(process.argv[2] ?? ''), // a probe has options of its own
  options: {
    threads: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0.5' },
    precision: { type: 'string', default: 'highest' },
    clock: { type: 'string', default: 'wall' },
    json: { type: 'boolean', default: false },
  },
});
const [first = ''] = positionals;
if (names.includes(first)) {
  const { run } = (await import(join(probes, `${first}.js`))) as { run(args: string[]): Promise<void> };
  await run(process.argv.slice(3));
} else {
  const cases = chosen(positionals);
  if (cases.length === 0) {
    console.error(`no case is named so; probes: ${names.join(', ')}`);
    process.exit(1);
  }
  const threads = Number(values.threads);
  setThreads(threads);
  setFloat32Precision(values.precision as Float32Precision);
  manualSeed(1);
  const peak = measurePeak(threads);
  const about = { ...machine(), commit: commit(), threads, precision: values.precision, clock: values.clock, peak };
  if (values.json) print(about);
  else {
    console.log(JSON.stringify(about));
    console.log('| case | µs, median | µs, least | spread | GFLOP/s | GB/s | of peak |');
    console.log('| --- | --- | --- | --- | --- | --- | --- |');
  }
  for (const each of cases) {
    await measure(each, {
      budget: Number(values.seconds),
      clock: values.clock as Clock,
      json: values.json === true,
      peak,
    });
  }
}
