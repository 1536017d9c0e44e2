// Two devices of a kind: work, memory and failures of one are not the other's.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import {
  add,
  capture,
  crossEntropy,
  device,
  grad,
  manualSeed,
  matmul,
  memory,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  scope,
  setMemoryLimit,
  sum,
  tensor,
  zeros,
} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { injectFault, isFaulty, testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

/** Those kinds whose second device is there. */
const pairs = testDevices.flatMap((first) => {
  try {
    return [[first, device(`${first}:1`).name] as const];
  } catch {
    return [];
  }
});

for (const [first, second] of pairs) {
  test(`ops on ${second} give what they give on ${first}, and stay there`, () => {
    scope(() => {
      const values = [first, second].map((where) => {
        manualSeed(4);
        const x = randn([5, 7], { device: where });
        const y = sum(ops.exp(matmul(x, x.transpose(0, 1))), { axis: 0 });
        assert.equal(y.device.name, where);
        return [...elements(y)];
      });
      assert.deepEqual(values[1], values[0]);
    });
  });

  test(`mixing ${first} and ${second} is an error; to() goes both ways, with gradients`, () => {
    scope(() => {
      const x = tensor([1, 2, 3], { device: first, requiresGrad: true });
      const y = tensor([4, 5, 6], { device: second });
      assert.throws(() => add(x, y), { code: 'ERR_DEVICE' });
      const there = mul(x.to(second), y);
      assert.equal(there.device.name, second);
      const back = there.to(first);
      assert.deepEqual([...elements(back)], [4, 10, 18]);
      const [dx] = grad(sum(mul(back, back)), [x]);
      assert.equal(dx?.device.name, first);
      assert.deepEqual([...elements(dx as Tensor)], [32, 100, 216]);
    });
  });

  test(`work for ${first} and ${second} in turns, each late in its own way, keeps its order`, async () => {
    if (isFaulty(first)) injectFault('delayUs', 100, first);
    const a = zeros([8], { device: first });
    const b = zeros([8], { device: second });
    for (let i = 1; i <= 50; i++) {
      scope(() => {
        noGrad(() => a.add_(b.to(first).add(1)));
        noGrad(() => b.add_(a.to(second).mul(0.5)));
      });
    }
    const wanted = [0, 0];
    for (let i = 0; i < 50; i++) {
      wanted[0] = Math.fround((wanted[0] as number) + Math.fround((wanted[1] as number) + 1));
      wanted[1] = Math.fround((wanted[1] as number) + Math.fround((wanted[0] as number) * 0.5));
    }
    assert.equal((await a.data())[3], wanted[0]);
    assert.equal((await b.data())[3], wanted[1]);
    if (isFaulty(first)) injectFault('delayUs', 0, first);
    a.dispose();
    b.dispose();
  });

  test(`a failure on ${second} is not ${first}'s`, async () => {
    const at = tensor([7], { dtype: 'int32', device: second });
    const x = ones([2], { device: second });
    const failed = ops.index(x, at);
    const good = add(ones([2], { device: first }), 1);
    await device(first).synchronize();
    assert.deepEqual([...(await good.data())], [2, 2]);
    const moved = failed.to(first);
    await assert.rejects(moved.data(), { code: 'ERR_INDEX' });
    await assert.rejects(failed.data(), { code: 'ERR_INDEX' });
    for (const t of [at, x, failed, good, moved]) t.dispose();
    for (const where of [first, second])
      await device(where)
        .synchronize()
        .catch(() => {});
  });

  test(`memory of ${second} has its own limit and its own count`, () => {
    const before = memory();
    const limit = before[second]?.limit ?? 2 ** 30;
    setMemoryLimit((before[second]?.reserved ?? 0) + 2 ** 20, second);
    try {
      assert.throws(() => zeros([2 ** 22], { device: second }), { code: 'ERR_OUT_OF_MEMORY' });
      const x = zeros([2 ** 22], { device: first });
      assert.equal(memory()[second]?.live, before[second]?.live);
      assert.equal((memory()[first]?.live ?? 0) - (before[first]?.live ?? 0), 2 ** 24);
      x.dispose();
    } finally {
      setMemoryLimit(limit, second);
    }
  });

  test(`a captured step trains on ${second} as on ${first}`, () => {
    const train = (where: string): number[] => {
      manualSeed(9);
      const model = new nn.Linear(4, 3, { device: where });
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const step = capture(
        (x: Tensor, labels: Tensor) => {
          optimizer.zeroGrad();
          const loss = crossEntropy(model.forward(x) as Tensor, labels);
          loss.backward();
          optimizer.step();
          return loss;
        },
        { modules: [model] },
      );
      const losses = Array.from({ length: 6 }, () =>
        scope(() =>
          step(randn([5, 4], { device: where }), tensor([0, 1, 2, 0, 1], { dtype: 'int32', device: where })).itemSync(),
        ),
      );
      step.dispose();
      optimizer.dispose();
      model.dispose();
      return losses;
    };
    assert.deepEqual(train(second), train(first));
  });
}

test('there is no device with a number nobody has', () => {
  assert.throws(() => device('cpu:7'), { code: 'ERR_DEVICE' });
  for (const where of testDevices) assert.throws(() => device(`${where}:99`), { code: 'ERR_DEVICE' });
});

test.run();
