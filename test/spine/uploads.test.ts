// The host never writes into a block that queued work still reads.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { add, mul, scope, sum, tensor, withDevice } from '../../lib/index.ts';
import { withContext } from '../../lib/core/context.ts';
import { injectFault, isFaulty, liveBytes, testDevices } from '../support/devices.ts';
import { Random, testSeed } from '../support/random.ts';

const uploads = 1000;

for (const where of testDevices) {
  test(`${uploads} uploads and disposals race a late executor on ${where}`, async () => {
    if (isFaulty(where)) injectFault('delayUs', 1000, where);
    const before = liveBytes();
    const random = new Random(testSeed);
    const pending: Promise<void>[] = [];
    try {
      for (let i = 0; i < uploads; i++) {
        const size = random.pick([16, 500, 4096]);
        const data = Float32Array.from({ length: size }, () => random.integer(0, 9));
        const total = data.reduce((a, b) => a + b, 0);
        const batch = tensor(data, { device: where });
        data.fill(-1);
        const check = sum(batch);
        if (i % 5 === 0) {
          // A write into a tensor whose last use is still queued.
          batch.write(new Float32Array(size).fill(i % 7));
          const later = sum(batch);
          pending.push(later.item().then((got) => assert.equal(got, size * (i % 7), `write ${i}`)));
          later.dispose();
        }
        batch.dispose();
        pending.push(check.item().then((got) => assert.equal(got, total, `upload ${i}`)));
        check.dispose();
        if (pending.length >= 64) await Promise.all(pending.splice(0));
      }
      await Promise.all(pending);
    } finally {
      if (isFaulty(where)) injectFault('delayUs', 0, where);
    }
    assert.equal(liveBytes(), before);
  });

  test(`two queues see each other's results in order on ${where}`, async () => {
    if (isFaulty(where)) injectFault('delayUs', 300, where);
    const before = liveBytes();
    let x: Tensor = withDevice(where, () => tensor([1, 2]));
    for (let i = 0; i < 60; i++) {
      const next = withContext({ queue: i % 2 === 0 ? 'serve' : 'train' }, () => scope(() => mul(add(x, 1), 1)));
      x.dispose();
      x = next;
    }
    if (isFaulty(where)) injectFault('delayUs', 0, where);
    assert.deepEqual([...(await x.data())], [61, 62]);
    x.dispose();
    assert.equal(liveBytes(), before);
  });
}

test.run();
