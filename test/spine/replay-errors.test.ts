// Errors that a device finds while it replays a captured step: of that replay alone, and never in the parameters.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { capture, crossEntropy, device, manualSeed, nn, noGrad, ones, optim, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

const bad = { code: 'ERR_INDEX' };

for (const where of testDevices) {
  const integers = (values: number[]): Tensor => tensor(values, { dtype: 'int32', device: where });
  const settle = (): Promise<void> =>
    device(where)
      .synchronize()
      .catch((error: { code: string }) => assert.equal(error.code, 'ERR_INDEX'));

  test(`a replay that fails spoils its own result only on ${where}`, async () => {
    const x = tensor([10, 20, 30], { device: where });
    const step = capture((at: Tensor) => noGrad(() => ops.mul(ops.index(x, at), 2)));
    const seen: (number[] | string)[] = [];
    for (const at of [
      [0, 1],
      [2, 1],
      [0, 0],
      [1, 7],
      [2, 2],
      [-9, 0],
      [0, 2],
    ]) {
      const where = integers(at);
      const result = step(where);
      seen.push(
        await result.data().then(
          (values) => Array.from(values as Float32Array),
          (error: { code: string }) => error.code,
        ),
      );
      result.dispose();
      where.dispose();
    }
    assert.deepEqual(seen, [[20, 40], [60, 40], [20, 20], 'ERR_INDEX', [60, 60], 'ERR_INDEX', [20, 60]]);
    step.dispose();
    x.dispose();
    await settle();
  });

  test(`replays queued behind one that fails are not touched by it on ${where}`, async () => {
    const x = tensor([10, 20, 30], { device: where });
    const step = capture((at: Tensor) => noGrad(() => ops.index(x, at)));
    for (let i = 0; i < 3; i++) scope(() => step(integers([0, 1])));
    const results = Array.from({ length: 30 }, (_, i) =>
      scope(() => step(integers([i % 3, i % 7 === 6 ? 3 : 0])).clone()),
    );
    for (const [i, result] of results.entries()) {
      if (i % 7 === 6) await assert.rejects(result.data(), bad, `replay ${i}`);
      else assert.deepEqual([...(await result.data())], [10 + 10 * (i % 3), 10], `replay ${i}`);
      result.dispose();
    }
    step.dispose();
    x.dispose();
    await settle();
  });

  test(`a captured training step with a label out of range leaves the parameters as they were on ${where}`, async () => {
    /** The parameters after some steps; labels of one step may be wrong. */
    const train = async (captured: boolean, wrongAt: number): Promise<number[]> => {
      manualSeed(11);
      const model = new nn.Sequential(
        new nn.Linear(3, 8, { device: where }),
        new nn.ReLU(),
        new nn.Linear(8, 4, { device: where }),
      );
      const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });
      const body = (x: Tensor, labels: Tensor): Tensor => {
        optimizer.zeroGrad();
        const loss = crossEntropy(model.forward(x) as Tensor, labels);
        loss.backward();
        optimizer.step();
        return loss;
      };
      const step = captured ? capture(body, { modules: [model] }) : undefined;
      for (let i = 0; i < 8; i++) {
        if (i === wrongAt && !captured) continue;
        const loss = scope(() => {
          const x = tensor(
            Float32Array.from({ length: 6 }, (_, k) => Math.sin(i * 6 + k)),
            { shape: [2, 3], device: where },
          );
          return (step ?? body)(x, integers([i % 4, i === wrongAt ? 4 : (i + 1) % 4])).clone();
        });
        if (i === wrongAt) await assert.rejects(loss.data(), bad);
        else assert.ok(Number.isFinite(await loss.item()));
        loss.dispose();
      }
      await settle();
      const values = model.parameters().flatMap((p) => [...elements(p)]);
      step?.dispose();
      optimizer.dispose();
      model.dispose();
      return values;
    };
    for (const wrongAt of [3, 7]) {
      const values = await train(true, wrongAt);
      assert.ok(values.every(Number.isFinite));
      assert.deepEqual(values, await train(false, wrongAt), `a step without effect, at ${wrongAt}`);
    }
  });

  test(`a replay fed with a failed tensor fails with its cause on ${where}`, async () => {
    const x = ones([2], { device: where });
    const total = ops.zeros([2], { device: where });
    const step = capture((by: Tensor) =>
      noGrad(() => {
        total.add_(by);
        return by.mul(2);
      }),
    );
    for (let i = 0; i < 3; i++) scope(() => step(x));
    const spoiled = scope(() => ops.index(x, integers([0, 5])));
    const result = step(spoiled);
    await assert.rejects(result.data(), bad);
    assert.deepEqual([...(await total.data())], [3, 3], 'it wrote nothing outside');
    const next = step(x);
    assert.deepEqual([...(await next.data())], [2, 2]);
    for (const t of [x, total, spoiled, result, next]) t.dispose();
    step.dispose();
    await settle();
  });
}

test.run();
