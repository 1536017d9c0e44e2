import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { current } from '../../lib/core/context.ts';
import { enableGrad, noGrad, scope, type Tensor, tensor } from '../../lib/index.ts';

test('modes nest and end with their function, also when it throws', () => {
  assert.ok(current().gradMode);
  noGrad(() => {
    assert.not(current().gradMode);
    enableGrad(() => assert.ok(current().gradMode));
    assert.not(current().gradMode);
  });
  assert.throws(() =>
    noGrad(() => {
      throw new Error('stop');
    }),
  );
  assert.ok(current().gradMode);
});

test('a function that returns a promise keeps its modes after awaits, and nobody else gets them', async () => {
  const inner = async (): Promise<boolean> => {
    await sleep(1);
    return current().gradMode;
  };
  const pending = noGrad(() => inner());
  assert.ok(current().gradMode);
  assert.is(await pending, false);
  assert.ok(current().gradMode);
});

test('50 interleaved tasks keep their own scope and mode', async () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const task = async (id: number): Promise<Tensor> => {
    const run = async (): Promise<Tensor> => {
      const w = tensor([id], { requiresGrad: true });
      const mine: Tensor[] = [];
      for (let i = 0; i < 5; i++) {
        mine.push(w.mul(i + 1));
        await (random() < 0.5 ? Promise.resolve() : sleep(random() * 3));
      }
      for (const [i, t] of mine.entries()) {
        assert.is(t.requiresGrad, id % 2 === 0, `task ${id}`);
        assert.is(await t.item(), id * (i + 1));
      }
      return mine[4] as Tensor;
    };
    return scope(() => (id % 2 === 0 ? run() : noGrad(run)));
  };
  const results = await Promise.all(Array.from({ length: 50 }, (_, id) => task(id)));
  for (const [id, t] of results.entries()) {
    assert.not(t.disposed);
    assert.is(await t.item(), id * 5);
    t.dispose();
  }
});

test.run();
