import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import { data, type io, train } from '../../lib/index.ts';
import { withFolder } from '../support/temporary.ts';

const test = suite('train kill');
const rounds = process.env['WARPGRAD_TEST_LEVEL'] === 'full' ? 50 : 5;
const support = join(dirname(fileURLToPath(import.meta.url)), '..', 'support');

interface Child {
  readonly process: ChildProcess;
  output: string;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
}

function start(script: string, ...args: readonly string[]): Child {
  const process_ = spawn(process.execPath, [join(support, script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const child: Child = {
    process: process_,
    output: '',
    ended: new Promise((resolve) => process_.on('close', (code, signal) => resolve({ code, signal }))),
  };
  process_.stdout?.on('data', (chunk: Buffer) => {
    child.output += chunk.toString();
  });
  return child;
}

async function lines(child: Child, count: number): Promise<void> {
  while (child.output.split('\n').length <= count && child.process.exitCode === null) await wait(2);
  assert.equal(child.process.exitCode, null, `the child ended early: ${child.output}`);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The number all of a checkpoint's parts agree on. */
function numberOf({ tensors, body }: { tensors: ReadonlyMap<string, io.HostTensor>; body: unknown }): number {
  const { i } = body as { i: number };
  const values = tensors.get('w')?.data ?? new Float32Array(1);
  assert.ok(Array.from(values as Float32Array).every((value) => value === i));
  return i;
}

test(`kill -9 while saving never leaves a broken checkpoint (${rounds} times)`, async () => {
  await withFolder(async (folder) => {
    const random = new data.Random(Date.now());
    let first = 1;
    for (let round = 0; round < rounds; round++) {
      const child = start('checkpoint-writer.js', folder, String(first));
      await lines(child, 1 + random.int(3));
      await wait(random.uniform(0, 12));
      child.process.kill('SIGKILL');
      await child.ended;
      const acknowledged = Number(child.output.trimEnd().split('\n').at(-1));
      const newest = await new train.CheckpointFolder(folder).latest();
      assert.ok(newest, 'a checkpoint must be left');
      const found = numberOf(newest);
      assert.ok(found === acknowledged || found === acknowledged + 1, `saved ${acknowledged}, found ${found}`);
      for (const name of await readdir(folder)) {
        if (name.startsWith('checkpoint-')) numberOf(await train.readCheckpoint(join(folder, name)));
      }
      first = found + 1;
    }
    console.log(`\n# ${rounds} kills, ${first - 1} checkpoints, none broken`);
  });
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} finishes the step, saves and exits with ${code}`, async () => {
    await withFolder(async (folder) => {
      const child = start('signal-trainer.js', folder);
      await lines(child, 10);
      child.process.kill(signal);
      assert.deepEqual(await child.ended, { code, signal: null });
      const steps = Number(new RegExp(`stopped by ${signal} after (\\d+)`).exec(child.output)?.[1]);
      const saved = (await new train.CheckpointFolder(folder).latest())?.body as { step: number };
      assert.equal(saved.step, steps);
    });
  });
}

test('a second signal ends the process at once', async () => {
  await withFolder(async (folder) => {
    const child = start('signal-trainer.js', folder, 'slow');
    await lines(child, 1);
    child.process.kill('SIGINT');
    await wait(50);
    const asked = performance.now();
    child.process.kill('SIGINT');
    assert.equal((await child.ended).code, 130);
    assert.ok(performance.now() - asked < 400, `${Math.round(performance.now() - asked)} ms`);
    assert.equal(child.output.includes('stopped'), false);
  });
});

test.run();
