// npm run bench:peers -- [WORD…] [--peers pytorch,…] [--threads 1] [--rounds 9] [--precision highest] [--clock wall]
//   [--busy 0] [--json] [--out FILE]
// Our cases and the peers' in turns: a batch of ours, a batch of each peer, and again. A ratio above 1 says that ours is faster; it is
// of the least times, which other work on the machine disturbs least. Absent peers are named, and their rows are missing.
// `--clock cpu` counts each process's time on processors: for one thread on a machine that others keep busy. `--busy 1` runs a process
// beside them that never rests: what a shared machine does to each.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { manualSeed, setFloat32Precision, setThreads } from '../lib/index.ts';
import type { Float32Precision } from '../lib/index.ts';
import { chosen } from '../lib/bench/cases.ts';
import { machine } from '../lib/bench/machine.ts';
import { inTurns } from '../lib/bench/peers.ts';
import { median } from '../lib/bench/statistics.ts';
import type { Clock } from '../lib/bench/timing.ts';
import { commit } from './commit.ts';
import { type Peer, peerNames, startPeer } from './peers/peer.ts';

const usage = `npm run bench:peers -- [WORD…] times cases of \`npm run bench\` and the same of other libraries in turns

  WORD…                 families or words of a case's name; !WORD leaves out
  --peers a,b           of ${peerNames.join(', ')}
  --threads 1           of each
  --rounds 9            batches of ours and of each peer
  --precision highest   or high: of float32 products
  --clock wall          or cpu: the time on processors
  --busy 0              processes beside them that never rest
  --json [--out F]      one object a row; --out writes them to a file
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'string', default: peerNames.join(',') },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '9' },
    precision: { type: 'string', default: 'highest' },
    clock: { type: 'string', default: 'wall' },
    busy: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const threads = Number(values.threads);
const rounds = Number(values.rounds);
const clock = values.clock as Clock;
setThreads(threads);
setFloat32Precision(values.precision as Float32Precision);
manualSeed(1);

const kept: string[] = [];
const round = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(4)) : value;
function keep(row: Record<string, unknown>, line?: string): void {
  kept.push(JSON.stringify(row, round));
  console.log(values.json ? kept.at(-1) : (line ?? kept.at(-1)));
}

const started = await Promise.all(values.peers.split(',').map((name) => startPeer(name, threads)));
const peers = started.filter((each) => typeof each !== 'string');
const versions = Object.fromEntries(peers.map(({ name, version }) => [name, version]));
keep({
  about: 'bench:peers',
  ...machine(),
  commit: commit(),
  threads,
  precision: values.precision,
  clock,
  busy: Number(values.busy),
  peers: versions,
});
for (const each of started) if (typeof each === 'string') keep({ absent: each }, `# ${each}`);
if (!values.json)
  console.log('| case | ours, µs | peer | µs | ratio | of medians |\n| --- | --- | --- | --- | --- | --- |');
const busy = Array.from({ length: Number(values.busy) }, () =>
  spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
);
const best: number[] = [];
for (const one of chosen(positionals)) {
  const able: Peer[] = [];
  for (const peer of peers) if (await peer.make(one)) able.push(peer);
  const [ours = [], ...theirs] = (await inTurns(one, able, rounds, clock)).map((times) => times.map((t) => t * 1e6));
  const name = `${one.family} ${one.name}`;
  for (const [k, peer] of able.entries()) {
    const [mine, other] = [Math.min(...ours), Math.min(...(theirs[k] ?? []))];
    const ofMedians = median(theirs[k] ?? []) / median(ours);
    const row = {
      case: name,
      ours: mine,
      peer: other,
      peerName: peer.name,
      ratio: other / mine,
      ofMedians,
      unit: 'us',
    };
    keep(
      row,
      `| ${name} | ${mine.toFixed(1)} | ${peer.name} | ${other.toFixed(1)} | ${row.ratio.toFixed(2)} | ${ofMedians.toFixed(2)} |`,
    );
  }
  if (able.length > 0) best.push(Math.min(...theirs.map((each) => Math.min(...each))) / Math.min(...ours));
}
const geomean = Math.exp(best.reduce((sum, ratio) => sum + Math.log(ratio), 0) / best.length);
keep(
  { summary: 'against the best peer of each case', cases: best.length, geomean, least: Math.min(...best) },
  `# ${best.length} cases against the best peer of each: geometric mean ${geomean.toFixed(2)}, least ${Math.min(...best).toFixed(2)}`,
);
for (const each of busy) each.kill();
for (const peer of peers) peer.stop();
if (values.out !== undefined) writeFileSync(values.out, `${kept.join('\n')}\n`);
