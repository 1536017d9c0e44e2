// Load test of the service beside it: requests come at a fixed rate whatever the answers take, with training off and on in
// turns, and training is measured with and without requests.
//   node .test/examples/serve/load.js [--rate 200] [--seconds 10] [--rounds 3]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import type { Status } from './service.ts';

interface Phase {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
  readonly eventLoopP99: number;
  readonly stepsPerSecond: number;
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
});
const [rate, seconds, rounds] = [Number(values.rate), Number(values.seconds), Number(values.rounds)];

/** An image of a stroke: what the answer is does not matter here. */
const image = Buffer.from(Uint8Array.from({ length: 784 }, (_, i) => (i % 28 > 12 && i % 28 < 16 ? 255 : 0)));

const service = fork(fileURLToPath(new URL('./service.js', import.meta.url)), ['--port', '0', '--quiet-start'], {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
process.once('exit', () => service.kill()); // also where this one ends with an error
const [{ port }] = (await once(service, 'message')) as [{ port: number }];
const url = `http://localhost:${port}`;

const status = async (): Promise<Status> => (await (await fetch(`${url}/status`)).json()) as Status;
const training = (on: boolean): Promise<Response> =>
  fetch(`${url}/training`, { method: 'POST', body: JSON.stringify({ on }) });

/** Requests at the given rate for the given time. autocannon counts the time a late request should have had already. */
async function load(): Promise<Omit<Phase, 'eventLoopP99' | 'stepsPerSecond'>> {
  const result = await autocannon({
    url: `${url}/classify`,
    method: 'POST',
    body: image,
    headers: { 'content-type': 'application/octet-stream' },
    connections: 16,
    overallRate: rate,
    duration: seconds,
  });
  const errors = result.errors + result.timeouts + result.non2xx;
  return { requestsPerSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99, errors };
}

/** One phase, with requests or without, after a second to settle. */
async function phase(train: boolean, requests: boolean): Promise<Phase> {
  await training(train);
  await sleep(1000);
  const before = await status();
  const start = performance.now();
  const found = requests
    ? await load()
    : await sleep(seconds * 1000, { requestsPerSecond: 0, p50: 0, p99: 0, errors: 0 });
  const after = await status();
  const stepsPerSecond = ((after.steps - before.steps) / (performance.now() - start)) * 1000;
  return { ...found, stepsPerSecond, eventLoopP99: after.eventLoopP99 };
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

const kinds = {
  'requests alone': () => phase(false, true),
  'training alone': () => phase(true, false),
  both: () => phase(true, true),
};
const phases = new Map<string, Phase[]>(Object.keys(kinds).map((kind) => [kind, []]));
for (let round = 0; round < rounds; round++) {
  for (const [kind, run] of Object.entries(kinds)) phases.get(kind)?.push(await run());
}
const { captured, version } = await status();
service.kill();

console.log(`${rate} requests a second offered, ${rounds} rounds of ${seconds} s, medians`);
console.log('phase           answers/s   p50 ms   p99 ms  errors  event loop p99 ms  steps/s');
const rows = [...phases].map(([kind, all]) => {
  const middle = (key: keyof Phase): number => median(all.map((each) => each[key]));
  const row = {
    kind,
    p99: middle('p99'),
    steps: middle('stepsPerSecond'),
    errors: all.reduce((n, e) => n + e.errors, 0),
  };
  const cells = [
    middle('requestsPerSecond').toFixed(0),
    middle('p50').toFixed(1),
    row.p99.toFixed(1),
    String(row.errors),
  ];
  const [answers = '', p50 = '', p99 = '', errors = ''] = cells;
  const loop = middle('eventLoopP99').toFixed(2);
  console.log(
    `${kind.padEnd(14)} ${answers.padStart(10)} ${p50.padStart(8)} ${p99.padStart(8)} ${errors.padStart(7)} ${loop.padStart(18)} ${row.steps.toFixed(1).padStart(8)}`,
  );
  return row;
});
const [requests, alone, both] = rows;
if (requests && alone && both) {
  console.log(`p99 with training: ${(both.p99 / requests.p99).toFixed(2)} times that without`);
  console.log(`training throughput lost to requests: ${((1 - both.steps / alone.steps) * 100).toFixed(1)} %`);
}
console.log(`the step is ${captured ? 'captured' : 'eager'}; weights were published ${version} times`);
