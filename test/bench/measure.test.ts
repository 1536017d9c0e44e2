// What `warpgrad/bench` promises of a measurement, and the example of its documentation.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { bench } from '../../lib/bench/index.ts';
import { median, quantile } from '../../lib/bench/statistics.ts';
import { add, gather, matmul, memory, randn, scope, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { packageRoot } from '../support/package-root.ts';

const test = suite('bench');

test('times, rates and batches of a function', async () => {
  await scope(async () => {
    const x = randn([1000]);
    const found = await bench('sum of two', () => add(x, x), { bytes: 12_000, seconds: 0.02 });
    assert.equal(found.name, 'sum of two');
    assert.ok(found.batches >= 5 && found.callsPerBatch >= 1);
    assert.ok(found.least > 0 && found.least <= found.p10 && found.p10 <= found.median && found.median <= found.p90);
    assert.equal(found.gbps, 12_000 / found.median / 1e9);
    assert.equal(found.gflops, null);
  });
});

test('what the function makes is freed, also when it returns a promise', async () => {
  const before = memory().bytes;
  await bench('plain', () => randn([1000]), { seconds: 0 });
  await bench('promise', async () => await randn([1000]).sum().item(), { seconds: 0 });
  assert.equal(memory().bytes, before);
});

test('calls count from 0 in every batch', async () => {
  const seen = new Set<number>();
  await bench('numbers', (call) => void seen.add(call), { seconds: 0 });
  assert.ok(seen.has(0) && seen.has(1));
});

test('bad options and failures reach the caller', async () => {
  const refused = (options: object): Promise<void> =>
    assert.rejects(
      bench('bad', () => {}, options),
      { code: 'ERR_ARGUMENT' },
    );
  await refused({ flops: -1 });
  await refused({ seconds: Number.NaN });
  await refused({ device: 'abacus' });
  await assert.rejects(bench('no function', 3 as never), { code: 'ERR_ARGUMENT' });
  await assert.rejects(
    bench('throws', () => {
      throw new Error('of its own');
    }),
    /of its own/,
  );
});

for (const on of testDevices) {
  test(`the clock of ${on} times calls and tells what failed`, async () => {
    await scope(async () => {
      const x = randn([200, 200], { device: on });
      const found = await bench('product', () => matmul(x, x), { device: on, clock: 'device', seconds: 0 });
      assert.ok(found.clock === 'device' && found.least > 0 && found.median < 1);
      const far = tensor([[900]], { dtype: 'int64', device: on });
      await assert.rejects(
        bench('fails', () => gather(x, 0, far), { device: on, clock: 'device', seconds: 0 }),
        { code: 'ERR_INDEX' },
      );
    });
  });
}

test('quantiles', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(quantile([0, 10], 0.25), 2.5);
});

test('the example of the documentation runs and prints what it says', () => {
  const root = packageRoot(import.meta.url);
  const source = readFileSync(join(root, 'lib/bench/measure.ts'), 'utf8');
  const [, example = ''] = /@example\n([\s\S]*?) \*\//.exec(source) ?? [];
  const code = example.replaceAll(/^ \* ?/gm, '');
  const folder = join(root, '.cache/bench');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'example.mjs'), code);
  const printed = execFileSync(process.execPath, [join(folder, 'example.mjs')], { encoding: 'utf8' });
  const promised = [...code.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => `${text}\n`).join('');
  assert.ok(promised.length > 0);
  assert.equal(printed, promised);
});

test.run();
