// Ambient state belongs to async contexts: no task frees, records or moves another's tensors.
import { strict as assert } from 'node:assert';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { add, keep, mul, noGrad, ones, scope, scopeChildren, sum, tensor, withDevice } from '../../lib/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { Random, testSeed } from '../support/random.ts';
import { elements } from '../support/tensors.ts';

test('50 interleaved tasks with random awaits keep their scopes, modes and devices', async () => {
  const before = liveBytes();
  const random = new Random(testSeed);
  const rest = (): Promise<unknown> => (random.next() < 0.5 ? turn() : sleep(random.integer(0, 3)));
  const outside = ones([4], { requiresGrad: true });
  const task = async (id: number): Promise<Tensor> => {
    const quiet = id % 2 === 0;
    const place = id % 3 === 0 ? (testDevices.at(-1) ?? 'cpu') : 'cpu';
    const body = async (): Promise<Tensor> => {
      const x = tensor([id, id, id, id], { requiresGrad: true });
      assert.equal(x.device.name, place, "the default device is this task's");
      const temporaries: Tensor[] = [];
      let y: Tensor = mul(x, 1);
      for (let i = 0; i < 6; i++) {
        await rest();
        assert.equal(y.disposed, false, 'nobody else frees it');
        const next = add(y, 1);
        assert.equal(next.requiresGrad, !quiet, "grad mode is this task's");
        temporaries.push(y);
        y = next;
      }
      for (const t of temporaries) assert.equal(t.disposed, false);
      return y;
    };
    return withDevice(place, () => (quiet ? noGrad(() => scope(body)) : scope(body)));
  };
  const results = await Promise.all(Array.from({ length: 50 }, (_, id) => task(id)));
  results.forEach((t, id) => {
    assert.deepEqual([...elements(t)], [id + 6, id + 6, id + 6, id + 6]);
    t.dispose();
  });
  outside.dispose();
  assert.equal(liveBytes(), before);
});

test('a scope keeps what its result reaches', () => {
  const before = liveBytes();
  class Owner {
    readonly inner = ones([2]);
    *[scopeChildren](): Iterable<unknown> {
      yield this.inner;
    }
  }
  const result = scope(() => {
    ones([100]);
    return { list: [ones([1]), ones([2])], map: new Map([['a', ones([3])]]), owner: new Owner(), text: 'x' };
  });
  const kept = [...result.list, result.map.get('a') as Tensor, result.owner.inner];
  for (const t of kept) assert.equal(t.disposed, false);
  for (const t of kept) t.dispose();
  assert.equal(liveBytes(), before);
});

test('a scope that throws frees everything, sync and async', async () => {
  const before = liveBytes();
  assert.throws(
    () =>
      scope(() => {
        ones([8]);
        throw new Error('expected');
      }),
    /expected/,
  );
  await assert.rejects(
    scope(async () => {
      ones([8]);
      await turn();
      ones([9]);
      throw new Error('expected');
    }),
    /expected/,
  );
  assert.equal(liveBytes(), before);
});

test('gradients and kept tensors outlive the scope; a live graph keeps what it saved', () => {
  const before = liveBytes();
  const w = tensor([2, 3], { requiresGrad: true });
  let stays: Tensor | null = null;
  const loss = scope(() => {
    stays = keep(ones([1]));
    return sum(mul(mul(w, w), w));
  });
  scope(() => loss.backward());
  assert.deepEqual([...elements(w.grad as Tensor)], [12, 27]);
  assert.equal((stays as unknown as Tensor).disposed, false);
  for (const t of [w.grad as Tensor, w, loss, stays as unknown as Tensor]) t.dispose();
  assert.equal(liveBytes(), before);
});

test('nested scopes hand results outward', () => {
  const before = liveBytes();
  scope(() => {
    const inner = scope(() => [ones([1]), scope(() => ones([2]))]);
    assert.equal(
      inner.every((t) => !t.disposed),
      true,
    );
  });
  assert.equal(liveBytes(), before);
});

test.run();
