// `warpgrad bench`: measures the ceilings, then the cases, and says what was found. One thread's work is measured by processes of
// their own (rounds.ts), which this one starts and merges.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { argumentError } from '../errors.ts';
import { device, type Float32Precision, setFloat32Precision, setThreads } from '../index.ts';
import { allCases, chosen, resized } from './cases.ts';
import { type Ceilings, measureCeilings } from './ceilings.ts';
import { compareCases, type Verdict } from './compare.ts';
import type { Case } from './family.ts';
import { type InputDtype, inputDtypes } from './inputs.ts';
import { machine, version } from './machine.ts';
import { peerAdapters, type Peer, startPeer } from './peer.ts';
import { againstPeers } from './peers.ts';
import { Progress } from './progress.ts';
import { mergeResults, printReport, readReport, type Report, type ReportedCase, reportFormat } from './report.ts';
import { askForPriority, runRound } from './rounds.ts';
import { type RunOptions, runCase } from './run.ts';
import { caseLines, ceilingLines, failureLines, header, legend, verdictLines } from './table.ts';
import { type Clock, usualClock } from './timing.ts';

export const benchUsage: string = `warpgrad bench [WORD…] times the package's kernels against what this machine can do

  WORD…             families (${[...new Set(allCases.map(({ family }) => family))].join(' ')})
                    or words of a case's name; !WORD leaves out
  --device cpu      where: cpu, cuda, cuda:1
  --dtype float32   of the inputs: ${inputDtypes.join(', ')}
  --sizes 300x300   sizes of your own instead of the named shapes
  --threads 1       of the CPU
  --precision highest   or high: of float32 products
  --inputs rotate   or warm: whether memory-bound cases take other inputs each call
  --clock …         wall, cpu (the process's own time) or device (the device's own)
  --seconds 0.5     for each case and process
  --rounds 1        processes that measure each case, one after another
  --list            the names of the cases
  --json [--out F]  the report as JSON; --out writes it to a file
  --html F          the report as a page with a roofline
  --compare F       against an earlier --json; exit code 1 when a case is slower
  --peers [a,b]     beside other libraries that are installed
`;

const options = {
  device: { type: 'string', default: 'cpu' },
  dtype: { type: 'string', default: 'float32' },
  sizes: { type: 'string' },
  threads: { type: 'string', default: '1' },
  precision: { type: 'string', default: 'highest' },
  inputs: { type: 'string', default: 'rotate' },
  clock: { type: 'string' },
  seconds: { type: 'string', default: '0.5' },
  rounds: { type: 'string' },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  out: { type: 'string' },
  html: { type: 'string' },
  compare: { type: 'string' },
  peers: { type: 'string' },
  worker: { type: 'string' }, // a process of a round: its ceilings; it prints a line for each case
  help: { type: 'boolean', default: false },
} as const;

/** Rounds of `--compare`, and of a baseline that is worth one. */
const compareRounds = 8;

/** `--peers` alone means all of them. */
const withPeers = (args: readonly string[]): string[] => {
  const names = new Set(Object.keys(peerAdapters));
  const listed = (text = ''): boolean => text.split(',').every((each) => names.has(each));
  return args.map((each, i) => (each === '--peers' && !listed(args[i + 1]) ? `--peers=${[...names].join(',')}` : each));
};

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw argumentError('bench', `--${name} is ${allowed.join(' or ')}, got ${value}`);
  return found;
}

function numberOf(name: string, value: string, least: number): number {
  const number = Number(value);
  if (!(number >= least)) throw argumentError('bench', `--${name} is a number from ${least} up, got ${value}`);
  return number;
}

/** The command line, checked. */
interface Plan {
  readonly cases: readonly Case[];
  readonly run: Omit<RunOptions, 'ceilings'>;
  readonly threads: number;
  readonly precision: Float32Precision;
  readonly rounds: number;
  readonly json: boolean;
  readonly list: boolean;
  readonly out: string | null;
  readonly html: string | null;
  readonly before: Report | null;
  readonly peers: readonly string[];
  readonly worker: Ceilings | null;
}

/** null: help was asked for. */
function planOf(args: readonly string[]): Plan | null {
  const { values, positionals } = parseArgs({ args: withPeers(args), allowPositionals: true, options });
  if (values.help) return null;
  const named = chosen(positionals);
  const sizes = values.sizes?.split(',') ?? [];
  for (const each of sizes) {
    if (!/^[1-9]\d*(x[1-9]\d*)*$/.test(each)) throw argumentError('bench', `--sizes are as 300x300, got ${each}`);
  }
  const dtype = oneOf<InputDtype>('dtype', values.dtype, inputDtypes);
  const wanted = sizes.length > 0 ? resized(named, sizes) : named;
  const cases = wanted.filter(({ anyDtype }) => anyDtype || dtype === 'float32');
  if (wanted.length > 0 && cases.length === 0) throw argumentError('bench', `these are of float32, not of ${dtype}`);
  if (cases.length === 0) throw argumentError('bench', 'no case is named so; `warpgrad bench --list` names them all');
  const threads = Math.floor(numberOf('threads', values.threads, 1));
  const seconds = numberOf('seconds', values.seconds, 0);
  const before = values.compare === undefined ? null : readReport(values.compare);
  const rounds = values.rounds ?? (before === null ? '1' : String(compareRounds));
  // A process that goes first is not interrupted, and time passed says most. One that does not counts its own, if it is alone.
  const on = device(values.device);
  const usual = on.kind === 'cpu' && threads === 1 && !askForPriority() ? 'cpu' : usualClock(on);
  return {
    cases,
    run: {
      device: on.name,
      dtype,
      seconds,
      clock: oneOf<Clock>('clock', values.clock ?? usual, ['wall', 'cpu', 'device']),
      inputs: oneOf('inputs', values.inputs, ['rotate', 'warm'] as const),
    },
    threads,
    precision: oneOf<Float32Precision>('precision', values.precision, ['highest', 'high']),
    rounds: Math.floor(numberOf('rounds', rounds, 1)),
    json: values.json,
    list: values.list,
    out: values.out ?? null,
    html: values.html ?? null,
    before,
    peers: values.peers?.split(',') ?? [],
    worker: values.worker === undefined ? null : (JSON.parse(values.worker) as Ceilings),
  };
}

/** Runs the command; resolves with its exit code. `main` is the script to start other processes with. */
export async function benchCommand(args: readonly string[], main: string): Promise<number> {
  const plan = planOf(args);
  if (plan === null) {
    console.log(benchUsage);
    return 0;
  }
  setThreads(plan.threads);
  setFloat32Precision(plan.precision);
  if (plan.list) {
    for (const { family, name } of plan.cases) console.log(`${family} ${name}`);
    return 0;
  }
  if (plan.worker !== null) {
    await work(plan, plan.worker);
    return 0;
  }
  return await lead(plan, args, main);
}

type Line = { readonly result: ReportedCase } | { readonly name: string; readonly message: string };

async function work(plan: Plan, ceilings: Ceilings): Promise<void> {
  for (const one of plan.cases) {
    const name = `${one.family} ${one.name}`;
    const line = await runCase(one, { ...plan.run, ceilings }).then(
      (result): Line => ({ result }),
      (error: unknown): Line => ({ name, message: error instanceof Error ? error.message : String(error) }),
    );
    console.log(JSON.stringify(line));
  }
}

async function lead(plan: Plan, args: readonly string[], main: string): Promise<number> {
  const say = (lines: readonly string[]): void => {
    if (!plan.json) console.log(lines.join('\n'));
  };
  const progress = new Progress(plan.cases.length * (plan.rounds + (plan.peers.length > 0 ? 1 : 0)) + 1);
  progress.show('ceilings');
  const ceilings = measureCeilings(device(plan.run.device), Math.min(0.25, plan.run.seconds / 2));
  progress.advance();
  progress.clear();
  say([...ceilingLines(ceilings), '']);
  const { results, failures } = await measure(plan, ceilings, args, main, progress);
  const cases = plan.peers.length > 0 ? await besidePeers(plan, results, progress) : results;
  progress.clear();
  const report: Report = {
    format: reportFormat,
    warpgrad: version(),
    date: new Date().toISOString(),
    machine: machine(),
    options: { ...plan.run, threads: plan.threads, precision: plan.precision, rounds: plan.rounds },
    ceilings,
    cases,
    failures,
  };
  say(tableOf(report));
  if (plan.json && plan.out === null) process.stdout.write(printReport(report));
  if (plan.out !== null) writeFileSync(plan.out, printReport(report));
  if (plan.html !== null) {
    const { reportPage } = await import('./page.ts');
    writeFileSync(plan.html, await reportPage(report));
  }
  const verdicts = plan.before === null ? [] : compareCases(plan.before.cases, cases);
  if (plan.before !== null) for (const line of againstBefore(plan.before, report, verdicts)) console.error(line);
  return failures.length > 0 || verdicts.some(({ verdict }) => verdict === 'slower') ? 1 : 0;
}

/** Every case by as many processes as there are rounds. */
async function measure(
  plan: Plan,
  ceilings: Ceilings,
  args: readonly string[],
  main: string,
  progress: Progress,
): Promise<{ results: ReportedCase[]; failures: { name: string; message: string }[] }> {
  const found = new Map<string, ReportedCase[]>();
  const failures = new Map<string, string>();
  const names = plan.cases.map(({ family, name }) => `${family} ${name}`);
  const worker = [main, 'bench', ...args, `--worker=${JSON.stringify(ceilings)}`, `--clock=${plan.run.clock}`];
  for (let round = 0; round < plan.rounds; round++) {
    let at = 0;
    const next = (): void => progress.show(names[at] ?? '');
    next();
    await runRound(worker, round, plan.threads, (text) => {
      const line = JSON.parse(text) as Line;
      if ('result' in line) found.set(line.result.name, [...(found.get(line.result.name) ?? []), line.result]);
      else failures.set(line.name, line.message);
      at++;
      progress.advance();
      next();
    });
  }
  return {
    results: names.flatMap((name) => (found.has(name) ? [mergeResults(found.get(name) as ReportedCase[])] : [])),
    failures: [...failures].map(([name, message]) => ({ name, message })),
  };
}

/** The peers get no core of their own: they are measured in turns with ours, in this process. */
async function besidePeers(plan: Plan, results: readonly ReportedCase[], progress: Progress): Promise<ReportedCase[]> {
  if (plan.run.device !== 'cpu' || plan.run.dtype !== 'float32') {
    throw argumentError('bench', '--peers compares float32 on the CPU');
  }
  const started = await Promise.all(plan.peers.map((name) => startPeer(name, plan.threads)));
  const peers: Peer[] = [];
  for (const each of started) {
    if (typeof each !== 'string') peers.push(each);
    else console.error(each);
  }
  const byName = new Map(plan.cases.map((each) => [`${each.family} ${each.name}`, each]));
  const rows: ReportedCase[] = [];
  for (const result of results) {
    progress.show(`${result.name} beside peers`);
    rows.push({ ...result, peers: await againstPeers(byName.get(result.name) as Case, peers, 9, plan.run.clock) });
    progress.advance();
  }
  for (const peer of peers) peer.stop();
  return rows;
}

function tableOf(report: Report): string[] {
  const lines: string[] = [];
  let family = '';
  for (const one of report.cases) {
    if (one.family !== family) lines.push(...(family === '' ? [] : ['']), one.family + header.slice(one.family.length));
    family = one.family;
    lines.push(...caseLines(one));
  }
  const failed = failureLines(report);
  return [...lines, '', ...legend, ...(failed.length > 0 ? ['', 'Failed:', ...failed] : [])];
}

/** On stderr, so that `--json` stays JSON. */
function againstBefore(before: Report, after: Report, verdicts: readonly Verdict[]): string[] {
  const differs = ['cpu', 'isa', 'threads', 'device', 'dtype', 'precision', 'inputs', 'clock'].flatMap((key) => {
    const [a, b] = [before, after].map((each) => JSON.stringify({ ...each.machine, ...each.options }[key]));
    return a === b ? [] : [`${key}: ${a} before, ${b} now: these are not comparable`];
  });
  return [`Against ${before.warpgrad} of ${before.date}:`, ...differs, ...verdictLines(verdicts)];
}
