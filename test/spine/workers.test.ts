// Workers come and go: each has its own tensors, the process keeps one pool and one allocator.
import { strict as assert } from 'node:assert';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import { ones, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { fullLevel } from '../support/random.ts';
import { memorySlack } from '../support/sanitizer.ts';

const entry = new URL('../../lib/index.js', import.meta.url).href;
const code = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { add, matmul, ones, scope, sum, tensor } = await import(workerData.entry);
  const x = ones([64, 64], { device: workerData.device });
  const y = scope(() => sum(matmul(x, x)));
  parentPort.postMessage(await y.item());
  if (workerData.mode === 'spin') for (;;) scope(() => matmul(x, x));
  if (workerData.mode === 'pending') { const t = add(x, 1); for (let i = 0; i < 50; i++) t.data(); setInterval(() => {}, 1000); }
  if (workerData.mode === 'exit') process.exit(0);`;
const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);

function start(mode: string): Promise<{ worker: Worker; value: number }> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: { mode, entry, device: testDevices[0] } });
    worker.once('message', (value: number) => resolve({ worker, value }));
    worker.once('error', reject);
  });
}

const rounds = fullLevel ? 100 : 25;
const modes = ['idle', 'spin', 'pending', 'exit'];

test(`${rounds * 4} workers start, compute and end in every way`, async () => {
  await start('idle').then(({ worker }) => worker.terminate());
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  for (let round = 0; round < rounds; round++) {
    const running = await Promise.all(modes.map(start));
    for (const { value } of running) assert.equal(value, 64 ** 3);
    await Promise.all(running.map(({ worker }) => worker.terminate()));
  }
  globalThis.gc?.();
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  console.log(`# ${rounds * 4} workers: memory grew by ${grown.toFixed(0)} MiB`);
  assert.ok(grown < 300 * memorySlack, `memory grew by ${grown.toFixed(0)} MiB`);
  const x = ones([4]);
  assert.deepEqual([...(await x.data())], [1, 1, 1, 1]);
  x.dispose();
});

test('tensors do not travel', async () => {
  const x = tensor([1, 2]);
  assert.throws(
    () => structuredClone(x),
    (error: Error) => error.name === 'DataCloneError' || (error as unknown as { code?: string }).code !== undefined,
  );
  x.dispose();
});

test.run();
