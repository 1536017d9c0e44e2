import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { manualSeed, type train } from '../../lib/index.ts';
import { rejectsLater } from '../support/rejects.ts';
import { withFolder } from '../support/temporary.ts';
import { batches, epochs, fingerprint, makeRun, type Run } from '../support/training.ts';

const test = suite('train resume');

type Mode = 'captured' | 'eager';

/** Trains up to `until` steps and saves there, as a stop signal would. */
async function trainUntil(until: number, folder: string, mode: Mode): Promise<Run> {
  const control = new AbortController();
  const run = makeRun({ mode, checkpoint: { folder } });
  // The loader is asked once a step: that gives the exact step to stop after.
  let step = 0;
  const { loader } = run;
  const walk = loader[Symbol.asyncIterator].bind(loader);
  Object.defineProperty(loader, Symbol.asyncIterator, {
    value: async function* () {
      for await (const batch of walk()) {
        if (++step === until) control.abort();
        yield batch;
      }
    },
  });
  const { steps } = await run.trainer.fit(loader, { epochs, validation: run.validation, signal: control.signal });
  assert.equal(steps, until);
  return run;
}

function scores(result: train.FitResult): unknown {
  return result.epochs.map(({ epoch, steps, loss, validation }) => ({ epoch, steps, loss, validation }));
}

for (const mode of ['captured', 'eager'] as const) {
  test(`a run stopped after any step and resumed ends with the same bits (${mode})`, async () => {
    const whole = makeRun({ mode });
    const wanted = await whole.trainer.fit(whole.loader, { epochs, validation: whole.validation });
    const stops =
      mode === 'captured' ? Array.from({ length: epochs * batches }, (_, i) => i + 1) : [1, batches, batches + 4];
    for (const until of stops) {
      await withFolder(async (folder) => {
        await trainUntil(until, folder, mode);
        manualSeed(99); // the generator's place must come from the checkpoint
        const next = makeRun({ mode, checkpoint: { folder } });
        const result = await next.trainer.fit(next.loader, { epochs, validation: next.validation, resume: 'newest' });
        assert.deepEqual(scores(result), scores(wanted), `stopped after step ${until}`);
        assert.deepEqual(fingerprint(next), fingerprint(whole), `stopped after step ${until}`);
      });
    }
  });
}

test('saves every few steps and epochs; resuming a finished run does nothing', async () => {
  await withFolder(async (folder) => {
    const run = makeRun({ checkpoint: { folder, everySteps: 4, everyEpochs: 2, keep: 2 } });
    await run.trainer.fit(run.loader, { epochs });
    const next = makeRun({ checkpoint: { folder } });
    const result = await next.trainer.fit(next.loader, { epochs, resume: 'newest' });
    assert.deepEqual([result.steps, result.epochs.length], [epochs * batches, epochs]);
    assert.deepEqual(fingerprint(next), fingerprint(run));
    const longer = await next.trainer.fit(next.loader, { epochs: epochs + 1 });
    assert.equal(longer.steps, (epochs + 1) * batches);
  });
});

test('starts anew in an empty folder, and refuses the checkpoint of another run', async () => {
  await withFolder(async (folder) => {
    const run = makeRun({ checkpoint: { folder } });
    assert.equal((await run.trainer.fit(run.loader, { epochs: 1, resume: 'newest' })).steps, batches);
    const other = makeRun({ checkpoint: { folder } });
    const wide = Object.create(other.loader, { state: { value: other.loader.state } }) as Run['loader'];
    Object.defineProperty(wide, 'restore', { value: () => other.loader.restore({ ...other.loader.state, seed: 77 }) });
    await rejectsLater(other.trainer.fit(wide, { epochs: 2, resume: 'newest' }), 'ERR_ARGUMENT', /seed was 77, here 5/);
  });
});

test.run();
