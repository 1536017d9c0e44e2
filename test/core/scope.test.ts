import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keep, memory, scope, type Tensor, tensor, zeros } from '../../lib/index.ts';

const live = (): number => memory()['cpu']?.live ?? 0;

test('what a scope makes is freed, but for what its result reaches', () => {
  zeros([1]).dispose();
  const start = live();
  let inside: Tensor | undefined;
  const kept = scope(() => {
    inside = zeros([64]);
    const nested = { list: [inside.add(1)], map: new Map([['x', inside.add(2)]]) };
    return nested;
  });
  assert.ok(inside?.disposed);
  assert.not(kept.list[0]?.disposed);
  assert.not(kept.map.get('x')?.disposed);
  kept.list[0]?.dispose();
  kept.map.get('x')?.dispose();
  assert.is(live(), start);
});

test('an inner result belongs to the outer scope', () => {
  let y: Tensor | undefined;
  scope(() => {
    y = scope(() => zeros([2]));
    assert.not(y.disposed);
  });
  assert.ok(y?.disposed);
});

test('keep exempts, errors free', () => {
  const start = live();
  const t = scope(() => {
    const each = keep(zeros([4]));
    return [each].length;
  });
  assert.is(t, 1);
  assert.ok(live() > start);
  const before = live();
  assert.throws(() =>
    scope(() => {
      zeros([1024]);
      throw new Error('stop');
    }),
  );
  assert.is(live(), before);
});

test('an async scope frees when its promise settles', async () => {
  const start = live();
  const y = await scope(async () => {
    const x = tensor([1, 2, 3]);
    await x.data();
    return x.add(1);
  });
  assert.equal([...(await y.data())], [2, 3, 4]);
  y.dispose();
  assert.is(live(), start);
});

test('gradients of leaves and a live graph stay', () => {
  const w = tensor([2, 3], { requiresGrad: true });
  scope(() => {
    w.square().sum().backward();
  });
  assert.equal(w.grad?.toArraySync(), [4, 6]);
  const loss = scope(() => w.square().exp().sum());
  loss.backward();
  assert.ok(w.grad !== null);
  const before = live();
  scope(() => {
    w.square().exp().sum();
  });
  assert.is(live(), before, 'a graph nobody holds is freed with its scope');
});

test('dispose ends one tensor: views, bases and the graph keep the storage', async () => {
  const x = tensor([1, 2, 3, 4]);
  const part = x.narrow(0, 1, 2);
  x.dispose();
  x.dispose();
  assert.equal([...(await part.data())], [2, 3]);
  assert.throws(
    () => x.add(1),
    (error: { code?: string }) => error.code === 'ERR_DISPOSED',
  );
  const w = tensor([3], { requiresGrad: true });
  const h = w.mul(2);
  const y = h.square().sum();
  h.dispose();
  y.backward();
  assert.is(w.grad?.itemSync(), 24);
});

test.run();
