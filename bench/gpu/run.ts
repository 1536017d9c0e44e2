// npm run gpu:bench -- [--only gemm,conv,memory,optimizer,attention,steps,dispatch] [--quick] [--device cuda] [--python python3]
//   [--out FILE]: our kernels and PyTorch's in turns, a group at a time, each in a process of its own, and the table of ratios.
// `--device cuda-emu --quick` shows without a card that everything runs. Results go to bench/results/ from a card.
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { devices, manualSeed } from '../../lib/index.ts';
import { packageRoot } from '../../test/support/package-root.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { Bench } from './harness.ts';
import { attention, conv, gemm } from './matrix.ts';
import { dispatch, memoryBound, optimizers } from './memory.ts';
import { steps } from './training.ts';

const groups: Readonly<Record<string, (b: Bench) => Promise<void>>> = {
  gemm,
  conv,
  memory: memoryBound,
  optimizer: optimizers,
  attention,
  steps,
  dispatch,
};

interface Row {
  readonly group?: string;
  readonly case?: string;
  readonly impl?: string;
  readonly median_ms?: number;
  readonly tflops?: number;
  readonly gbps?: number;
  readonly error?: string;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    device: { type: 'string', default: 'cuda' },
    python: { type: 'string' }, // else the first that has PyTorch
    out: { type: 'string' },
    ours: { type: 'string' }, // runs one group here; what the program starts itself with
  },
});
const root = packageRoot(import.meta.url);

/** The lines that a program prints, as they come. */
async function lines(
  command: string,
  args: readonly string[],
  each: (row: Row, line: string) => void,
): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) each(JSON.parse(line) as Row, line);
  }
  return await ended;
}

async function findPython(): Promise<string | null> {
  for (const each of values.python === undefined ? ['python3', '/usr/bin/python3'] : [values.python]) {
    if (spawnSync(each, ['-c', 'import torch']).status === 0) return each;
  }
  return null;
}

async function compare(): Promise<void> {
  const chosen = values.only?.split(',') ?? Object.keys(groups);
  const rows: Row[] = [];
  const kept: string[] = [];
  const keep = (row: Row, line: string): void => {
    rows.push(row);
    kept.push(line);
    console.log(line);
  };
  const size = values.quick ? ['--quick'] : [];
  const about = {
    case: 'gpu',
    ...machine(),
    device: values.device,
    card: devices()[1]?.description,
    quick: values.quick,
  };
  keep(about, JSON.stringify(about));
  const peerDevice = values.device.startsWith('cuda-emu') ? 'cpu' : values.device;
  const peer = [join(root, 'bench/peers/gpu.py'), '--device', peerDevice, ...size];
  const python = await findPython();
  if (python === null) console.log('# no PyTorch here: our side only');
  for (const group of chosen) {
    const self = [fileURLToPath(import.meta.url), '--ours', group, '--device', values.device, ...size];
    const code = await lines(process.execPath, self, keep);
    if (code !== 0)
      keep({ group, impl: 'warpgrad', error: `ended with code ${code}` }, JSON.stringify({ group, error: code }));
    if (python !== null) await lines(python, [...peer, '--only', group], keep);
  }
  table(rows);
  const date = new Date().toISOString().slice(0, 10);
  const usual = values.device.startsWith('cuda-emu') || values.quick ? undefined : `bench/results/${date}-gpu.jsonl`;
  const out = values.out ?? usual;
  if (out !== undefined) writeFileSync(out, `${kept.join('\n')}\n`);
}

/** Every case of ours beside every peer of it; a ratio above 1 says that ours is faster. */
function table(rows: readonly Row[]): void {
  const timed = rows.filter((row) => row.median_ms !== undefined);
  const ours = timed.filter(({ impl = '' }) => impl.startsWith('warpgrad'));
  if (values.quick) console.log('\n# a dry run: shapes are shrunk, times and ratios mean nothing');
  const rate = ({ tflops, gbps }: Row): string =>
    tflops !== undefined ? `${tflops} TFLOP/s` : gbps !== undefined ? `${gbps} GB/s` : '';
  console.log('\n| case | ours | ms | rate | peer | ms | ratio |\n| --- | --- | --- | --- | --- | --- | --- |');
  for (const row of ours) {
    const own = `| ${row.case} | ${row.impl} | ${row.median_ms} | ${rate(row)} |`;
    const peers = timed.filter(
      (other) => other.case === row.case && other.group === row.group && !ours.includes(other),
    );
    for (const { impl, median_ms: ms = 0 } of peers) {
      console.log(`${own} ${impl} | ${ms} | ${(ms / (row.median_ms ?? 1)).toFixed(2)} |`);
    }
    if (peers.length === 0) console.log(`${own} – | – | – |`);
  }
  const failures = rows.filter(({ error }) => error !== undefined);
  for (const row of failures) console.log(`# failed: ${row.group} ${row.case ?? ''} ${row.impl ?? ''}: ${row.error}`);
  console.log(`# ${ours.length} cases of ours, ${timed.length - ours.length} of peers, ${failures.length} failed`);
}

if (values.ours === undefined) await compare();
else {
  const group = groups[values.ours];
  if (group === undefined) throw new Error(`--only: one of ${Object.keys(groups).join(', ')}`);
  manualSeed(1);
  try {
    await group(new Bench(values.device, values.quick));
  } catch (error) {
    print({ group: values.ours, impl: 'warpgrad', error: error instanceof Error ? error.message : String(error) });
  }
  process.exit(0);
}
