// Leaving with ten seconds of work queued takes less than one.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { test } from 'uvu';
import { testDevices } from '../support/devices.ts';

const entry = JSON.stringify(new URL('../../lib/index.js', import.meta.url).href);
const emulated = testDevices.includes('cuda-emu');
/** About ten seconds of sums, in pieces that keep below the run-ahead bound: of 1,024 numbers each. */
const work = `
  import { matmul, mul, ones, setThreads } from ${entry};
  import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
  setThreads(1);
  const x = ones([1024, 1024]${emulated ? ", { device: 'cuda-emu' }" : ''});
  const piece = () => ${emulated ? 'mul(x, 1024)' : 'matmul(x, x)'};
  const queue = () => { let y; for (let i = 0; i < 400; i++) { y?.dispose(); y = piece(); } return y; };`;

interface Result {
  readonly code: number | null;
  readonly signal: string | null;
  readonly ms: number;
  readonly text: string;
}

/** Runs a module; time counts from the line 'queued' (or 'now') to the end. */
function run(body: string, onQueued: (child: ReturnType<typeof spawn>) => void = () => {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', work + body], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let start = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (start === 0 && text.includes('queued')) {
        start = performance.now();
        onQueued(child);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    const guard = setTimeout(() => child.kill('SIGKILL'), 60_000);
    child.on('close', (code, signal) => {
      clearTimeout(guard);
      resolve({ code, signal, ms: performance.now() - start, text });
    });
  });
}

function quick(name: string, { ms, text }: Result): void {
  console.log(`# ${name}: ${ms.toFixed(0)} ms`);
  assert.ok(ms < 1000, `${name} took ${ms.toFixed(0)} ms: ${text}`);
}

test('process.exit', async () => {
  const result = await run(`queue(); process.stdout.write('queued\\n', () => process.exit(3));`);
  assert.equal(result.code, 3, result.text);
  quick('process.exit', result);
});

test('SIGINT', async () => {
  const result = await run(`queue(); console.log('queued'); setInterval(() => {}, 1000);`, (child) =>
    child.kill('SIGINT'),
  );
  assert.equal(result.signal, 'SIGINT', result.text);
  quick('SIGINT', result);
});

test('an uncaught error', async () => {
  const result = await run(`queue(); process.stdout.write('queued\\n', () => { throw new Error('expected'); });`);
  assert.equal(result.code, 1);
  assert.match(result.text, /expected/);
  quick('an uncaught error', result);
});

test('nothing left to do, with no promise pending', async () => {
  const result = await run(`queue(); console.log('queued');`);
  assert.equal(result.code, 0, result.text);
  quick('natural end', result);
});

test('a pending read is waited for', async () => {
  const result = await run(
    `const y = piece(); y.data().then((v) => console.log('value', v[0])); console.log('queued');`,
  );
  assert.equal(result.code, 0, result.text);
  assert.match(result.text, /value 1024/);
});

const worker = (inside: string, outside: string): string => `
  const code = ${JSON.stringify(work)} + ${JSON.stringify(inside)};
  const w = new Worker(new URL('data:text/javascript,' + encodeURIComponent(code)));
  w.once('message', async () => { console.log('queued'); ${outside} });`;

test('worker.terminate()', async () => {
  const result = await run(worker(`queue(); parentPort.postMessage(1);`, `await w.terminate(); console.log('ended');`));
  assert.equal(result.code, 0, result.text);
  assert.match(result.text, /ended/);
  quick('worker.terminate', result);
});

test('terminating a worker that never yields', async () => {
  const result = await run(
    worker(
      `parentPort.postMessage(1); for (;;) queue();`,
      `setTimeout(() => w.terminate().then(() => console.log('ended')), 100);`,
    ),
  );
  assert.equal(result.code, 0, result.text);
  assert.match(result.text, /ended/);
  quick('a spinning worker', result);
});

test('a worker that blocks in dataSync', async () => {
  const result = await run(
    worker(
      `const y = queue(); parentPort.postMessage(1); y.dataSync();`,
      `setTimeout(() => w.terminate().then(() => console.log('ended')), 100);`,
    ),
  );
  assert.match(result.text, /ended/);
  quick('a blocked worker', result);
});

test.run();
