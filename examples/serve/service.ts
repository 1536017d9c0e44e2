// An HTTP service that answers with a model while it trains it, in one process.
//   npm run build && npx tsc -p tsconfig.examples.json && node .test/examples/serve/service.js [--port N] [--quiet-start]
// POST /classify    784 bytes, a 28 × 28 grey image     → { digit, share, version }
// POST /training    { "on": true | false }
// GET  /status      steps, loss, version of the weights, event loop delay since the last call
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { data, manualSeed } from 'warpgrad';
import { Answerer } from './answerer.ts';
import { Learner, network } from './learner.ts';

const imageBytes = 784;
const publishEvery = 50;

/** What GET /status says. */
export interface Status {
  readonly steps: number;
  readonly loss: number | null;
  readonly captured: boolean;
  readonly version: number;
  /** 99th percentile of how late the event loop was since the last call, in milliseconds. */
  readonly eventLoopP99: number;
}

/** The routes, without a port. */
export async function makeService(): Promise<{ app: Hono; learner: Learner }> {
  manualSeed(1);
  const digits = await data.mnistDigits({ seed: 1 });
  const answerer = new Answerer(network);
  const learner = new Learner(digits.train, (step) => {
    if (step % publishEvery === 0) void answerer.publish(learner.model);
  });
  await answerer.publish(learner.model);

  const resolution = 1;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();

  const app = new Hono();
  app.post('/classify', async (c) => {
    const pixels = new Uint8Array(await c.req.arrayBuffer());
    if (pixels.length !== imageBytes) return c.json({ error: `wanted ${imageBytes} bytes, got ${pixels.length}` }, 400);
    return c.json(await answerer.answer(pixels));
  });
  app.post('/training', async (c) => {
    const { on } = await c.req.json<{ on: unknown }>();
    if (on === true) learner.start();
    else await learner.stop();
    return c.json({ on: on === true });
  });
  app.get('/status', (c) => {
    // The timer behind the histogram ticks every millisecond, which it counts as delay.
    const eventLoopP99 = Math.max(0, delay.percentile(99) / 1e6 - resolution);
    delay.reset();
    const { steps, loss, captured } = learner;
    return c.json({ steps, loss, captured, version: answerer.version, eventLoopP99 } satisfies Status);
  });
  return { app, learner };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '3000' }, 'quiet-start': { type: 'boolean', default: false } },
  });
  const { app, learner } = await makeService();
  if (!values['quiet-start']) learner.start();
  serve({ fetch: app.fetch, port: Number(values.port) }, ({ port }) => {
    console.log(`http://localhost:${port}/status`);
    process.send?.({ port });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) void main();
