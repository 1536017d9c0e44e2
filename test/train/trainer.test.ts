import { strict as assert } from 'node:assert';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { suite } from 'uvu';
import { data, nn, optim, stats, type Tensor, train, zeros } from '../../lib/index.ts';
import { collectDownTo, liveBytes, testDevices } from '../support/devices.ts';
import { rejects, rejectsLater } from '../support/rejects.ts';
import { batches, epochs, fingerprint, makeRun } from '../support/training.ts';

const test = suite('train.Trainer');

for (const device of testDevices) {
  test(`captured and eager steps give the same bits on ${device}`, async () => {
    const results = [];
    for (const mode of ['captured', 'eager'] as const) {
      const losses: number[] = [];
      const run = makeRun({ mode, onStep: ({ loss }) => losses.push(loss) }, device);
      const { epochs: reports } = await run.trainer.fit(run.loader, { epochs, validation: run.validation });
      assert.equal(run.trainer.captured, mode === 'captured');
      results.push({ losses, state: fingerprint(run), scores: reports.map((each) => each.validation) });
      run.trainer.dispose();
    }
    assert.equal(results[0]?.losses.length, epochs * batches);
    assert.deepEqual(results[0], results[1]);
  });
}

test('learns, and reports every step and epoch in order', async () => {
  const steps: train.StepReport[] = [];
  const ended: number[] = [];
  const run = makeRun({ onStep: (report) => steps.push(report), onEpoch: ({ epoch }) => void ended.push(epoch) });
  const result = await run.trainer.fit(run.loader, { epochs: 8, validation: run.validation });
  assert.deepEqual(
    steps.map(({ step }) => step),
    Array.from({ length: 8 * batches }, (_, i) => i),
  );
  assert.deepEqual(ended, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(steps[1]?.lr, (0.02 * 2) / 3);
  assert.deepEqual([result.steps, result.stopped, run.trainer.step], [8 * batches, null, 8 * batches]);
  const [first, last] = [result.epochs[0], result.epochs[7]];
  assert.ok((last?.loss ?? 9) < (first?.loss ?? 0), `${first?.loss} → ${last?.loss}`);
  assert.ok((last?.validation?.metrics['accuracy'] ?? 0) > 0.6, JSON.stringify(last));
  const again = await run.trainer.evaluate(run.validation);
  assert.deepEqual(again, last?.validation);
  assert.ok(
    run.model.modules().every(({ training }) => training),
    'evaluation leaves the mode as it was',
  );
});

test('evaluation weighs batches by their size', async () => {
  const model = new nn.Sequential(new nn.Flatten());
  const trainer = new train.Trainer({
    model,
    loss: (output: Tensor, target: Tensor) => output.sub(target).mean(),
    optimizer: new optim.SGD([zeros([1], { requiresGrad: true })]),
    progress: 'none',
  });
  const source = new data.ArrayDataset([
    { data: Float32Array.of(1, 2, 3, 4, 10), shape: [5, 1] },
    { data: new Float32Array(5), shape: [5, 1] },
  ]);
  for (const batchSize of [1, 2, 3, 5]) {
    assert.equal((await trainer.evaluate(new data.DataLoader(source, { batchSize }))).loss, 4);
  }
});

test('a step that cannot be captured stays eager, says why once, and runs no step twice', async () => {
  const plain = makeRun({ mode: 'eager' });
  await plain.trainer.fit(plain.loader, { epochs: 2 });
  const lines: string[] = [];
  let calls = 0;
  const odd = makeRun({
    progress: 'lines',
    output: { write: (text: string) => lines.push(text) },
    loss: (output, target) => {
      calls++;
      const extra = calls % 2 === 0 ? output.add(0).mul(0) : output.mul(0);
      return new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(output.add(extra), target);
    },
  });
  await odd.trainer.fit(odd.loader, { epochs: 2 });
  assert.equal(odd.trainer.captured, false);
  assert.equal(lines.filter((line) => line.startsWith('the step is not captured')).length, 1, lines.join(''));
  assert.equal(calls, 2 * batches);
  assert.deepEqual(fingerprint(odd), fingerprint(plain));
});

test('prints plain lines where there is no terminal, and a bar where there is one', async () => {
  const lines: string[] = [];
  const piped = makeRun({ progress: 'auto', output: { write: (text: string) => lines.push(text) }, unit: 'images' });
  await piped.trainer.fit(piped.loader, { epochs: 2, validation: piped.validation });
  assert.equal(lines.length, 2);
  assert.match(
    lines[1] ?? '',
    /^epoch 2\/2 {2}loss \d\.\d{4} {2}validation loss \d\.\d{4} accuracy \d\.\d{4} {2}[\d,]+ images\/s {2}\d+\.\d s\n$/,
  );
  const clear = '\r\x1b[2K';
  const screen: string[] = [];
  const shown = makeRun({
    progress: 'auto',
    output: { isTTY: true, columns: 100, write: (text: string) => screen.push(text) },
  });
  const slow = data.transform(shown.loader.dataset, async (batch) => {
    await new Promise((resolve) => setTimeout(resolve, 120));
    return batch;
  });
  await shown.trainer.fit(new data.DataLoader(slow, { batchSize: 16 }), { epochs: 1 });
  assert.ok(
    screen.some((text) => text.startsWith(clear) && /epoch 1\/1 █+░* +\d+ % {2}loss/.test(text)),
    screen.join('|'),
  );
  assert.ok(screen.at(-1)?.startsWith(`${clear}epoch 1/1  loss`), screen.at(-1));
});

test('an AbortSignal stops after the running step; fit goes on from there', async () => {
  const whole = makeRun();
  await whole.trainer.fit(whole.loader, { epochs });
  const control = new AbortController();
  const parts = makeRun({ onStep: ({ step }) => void (step === 3 && control.abort()) });
  const stopped = await parts.trainer.fit(parts.loader, { epochs, signal: control.signal });
  assert.equal(stopped.stopped, 'aborted');
  assert.ok(parts.trainer.step >= 4 && parts.trainer.step < batches + 2, String(parts.trainer.step));
  const rest = await parts.trainer.fit(parts.loader, { epochs });
  assert.deepEqual([rest.steps, rest.epochs.length], [epochs * batches, epochs]);
  assert.deepEqual(fingerprint(parts), fingerprint(whole));
});

test('leaves no memory behind and the event loop free', async () => {
  const before = liveBytes();
  const run = makeRun();
  await run.trainer.fit(run.loader, { epochs: 2, validation: run.validation });
  const afterTwo = liveBytes();
  const blocked = stats().blockedMs;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await run.trainer.fit(run.loader, { epochs: 30, validation: run.validation });
  delay.disable();
  assert.equal(liveBytes(), afterTwo, 'the same after 30 epochs as after 2');
  console.log(`\n# event loop while training: p99 ${(delay.percentile(99) / 1e6 - 1).toFixed(1)} ms late`);
  assert.ok(delay.percentile(99) < 50e6);
  assert.ok(stats().blockedMs - blocked < 20, `JavaScript was blocked for ${stats().blockedMs - blocked} ms`);
  run.trainer.dispose();
  run.optimizer.dispose();
  run.model.dispose();
  assert.ok((await collectDownTo(before)) <= before);
});

test('errors of the model come through with the layer’s place, and the trainer can be used again', async () => {
  const run = makeRun();
  const narrow = new data.DataLoader(
    data.transform(run.loader.dataset, ([x, y]) => [{ data: x.data, shape: [x.shape[0] ?? 0, 1, 4, 9] }, y] as const),
    { batchSize: 16 },
  );
  await rejectsLater(run.trainer.fit(narrow, { epochs: 1 }), 'ERR_SHAPE', /^Sequential\.6 \(Linear\): /);
  const fine = await run.trainer.fit(run.loader, { epochs: 1 });
  assert.equal(fine.epochs.length, 1);
  const running = run.trainer.fit(run.loader, { epochs: 2 });
  await rejectsLater(run.trainer.fit(run.loader, { epochs: 2 }), 'ERR_ARGUMENT', /already running/);
  await running;
  await rejectsLater(run.trainer.fit(run.loader, { epochs: 1.5 }), 'ERR_ARGUMENT', /epochs: wanted an integer/);
  await rejectsLater(
    run.trainer.fit(run.loader, { epochs: 9, resume: 'newest' }),
    'ERR_ARGUMENT',
    /wants a checkpoint folder/,
  );
  rejects(() => makeRun({ checkpoint: { folder: 'x', keep: 0 } }), 'ERR_ARGUMENT', /keep/);
});

test.run();
