// Memory shown to JavaScript: snapshots stay what they were, lent arrays end, borrowed ones are left alone.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { add, borrow, capture, noGrad, ones, optim, scope, stats, sum, tensor, zeros } from '../../lib/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { injectFault, isFaulty, liveBytes, sharesMemory, testDevices } from '../support/devices.ts';
import { memorySlack } from '../support/sanitizer.ts';

const large = 4096; // elements: 16 KiB, shown without a copy

for (const where of testDevices) {
  test(`a snapshot does not see later changes on ${where}`, async () => {
    const x = ones([large], { device: where });
    const first = await x.data();
    x.add_(1);
    const second = await x.data();
    x.fill_(7);
    x.write(new Float32Array(large).fill(9));
    const third = await x.data();
    assert.ok(first.every((v) => v === 1) && second.every((v) => v === 2) && third.every((v) => v === 9));
    x.dispose();
    const others = Array.from({ length: 20 }, () => zeros([large], { device: where }));
    await Promise.all(others.map((t) => t.data()));
    assert.ok(first.every((v) => v === 1) && third.every((v) => v === 9), 'views outlive their tensor');
    for (const t of others) t.dispose();
  });

  test(`a snapshot asked for before a change shows the old values on ${where}`, async () => {
    if (isFaulty(where)) injectFault('delayUs', 500, where);
    const x = ones([large], { device: where });
    const y = add(x, 1);
    const promise = y.data();
    y.add_(5);
    y.fill_(0);
    assert.ok((await promise).every((v) => v === 2));
    if (isFaulty(where)) injectFault('delayUs', 0, where);
    x.dispose();
    y.dispose();
  });

  for (const captured of [false, true]) {
    test(`parameters read between ${captured ? 'captured' : 'eager'} optimizer steps stay as read on ${where}`, async () => {
      const w = ones([large], { device: where, requiresGrad: true });
      const optimizer = new optim.SGD([w], { lr: 1 });
      const body = (): void => {
        optimizer.zeroGrad();
        const loss = sum(w);
        loss.backward();
        optimizer.step();
      };
      const step = captured ? capture(body) : body;
      const seen: Float32Array[] = [];
      for (let i = 0; i < 8; i++) {
        seen.push((await w.data()) as Float32Array);
        scope(step);
      }
      seen.forEach((values, i) => {
        assert.ok(
          values.every((v) => v === 1 - i),
          `before step ${i}: ${values[0]}`,
        );
      });
      optimizer.dispose();
    });
  }

  test(`lend detaches and changes nothing on ${where}`, async () => {
    const x = tensor(
      Float32Array.from({ length: large }, (_, i) => i),
      { device: where },
    );
    let kept: Float32Array | null = null;
    const total = await x.lend((array) => {
      kept = array as Float32Array;
      return array.reduce((a, b) => a + b, 0);
    });
    assert.equal(total, (large * (large - 1)) / 2);
    assert.equal((kept as unknown as Float32Array).length, 0, 'detached afterwards');
    await assert.rejects(
      x.lend(() => Promise.resolve(1)),
      { code: 'ERR_ARGUMENT' },
    );
    await assert.rejects(
      x.lend(() => {
        throw new Error('expected');
      }),
      /expected/,
    );
    x.dispose();
  });

  const shared = sharesMemory(where) ? test : test.skip;
  shared(`borrowed arrays are read, not written, and come back on ${where}`, async () => {
    const data = new Float32Array(large).fill(3);
    const x = borrow(data, { device: where });
    const y = add(x, 1);
    throwsCode(() => x.add_(1), 'ERR_ARGUMENT', 'in-place on a borrowed array', /borrow/);
    throwsCode(() => x.write(new Float32Array(large)), 'ERR_ARGUMENT', 'write to a borrowed array');
    let back = false;
    const released = x.released().then(() => {
      back = true;
    });
    assert.ok((await y.data()).every((v) => v === 4));
    assert.equal(back, false, 'still borrowed while a tensor holds it');
    x.dispose();
    await released;
    data.fill(0);
    assert.ok((await y.data()).every((v) => v === 4));
    y.dispose();
  });

  test(`a strided tensor and a slice give private copies on ${where}`, async () => {
    const x = tensor(
      Float32Array.from({ length: 2 * large }, (_, i) => i),
      { device: where, shape: [2, large] },
    );
    const row = x.select(0, 1);
    const turned = x.transpose();
    const values = (await row.data()) as Float32Array;
    assert.equal(values.buffer.byteLength, large * 4, "no neighbour's bytes");
    assert.equal(values[0], large);
    assert.equal(((await turned.data()) as Float32Array)[1], large);
    for (const t of [x, row, turned]) t.dispose();
  });
}

test('3,000 reads of 1 MiB in a loop of microtasks keep memory flat', async () => {
  const x = ones([2 ** 18]);
  const before = liveBytes();
  let y: Tensor = add(x, 0);
  for (let i = 0; i < 50; i++) await y.data();
  globalThis.gc?.();
  const start = process.memoryUsage.rss();
  for (let i = 0; i < 3000; i++) {
    const next = noGrad(() => add(x, i));
    y.dispose();
    y = next;
    const values = await y.data();
    if (values[0] !== i + 1) assert.fail(`read ${i}: ${values[0]}`);
  }
  const grown = (process.memoryUsage.rss() - start) / 2 ** 20;
  console.log(`# 3,000 reads of 1 MiB: memory grew by ${grown.toFixed(0)} MiB`);
  assert.ok(grown < 400 * memorySlack, `memory grew by ${grown.toFixed(0)} MiB`);
  y.dispose();
  x.dispose();
  assert.ok(liveBytes() <= before);
  assert.ok(stats().views >= 0);
});

test('without external buffers every read is a copy, and says the same', () => {
  const child = `
    const { add, memory, noGrad, ones, stats } = await import(process.argv[1]);
    const x = ones([5000]);
    const before = await x.data();
    noGrad(() => x.add_(1));
    const after = await x.data();
    const lent = await x.lend((view) => view[4999]);
    console.log(before[0], after[0], lent, stats().views);`;
  const entry = new URL('../../lib/index.js', import.meta.url).href;
  const run = (zeroCopy: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', child, entry], {
      encoding: 'utf8',
      env: { ...process.env, WARPGRAD_ZERO_COPY: zeroCopy },
    });
  const copied = run('0');
  assert.equal(copied.stdout.trim(), '1 2 2 0', copied.stderr);
  const viewed = run('1');
  assert.match(viewed.stdout.trim(), /^1 2 2 [1-9]/, viewed.stderr);
});

test.run();
