import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defineOp, grad, gradCheck, type Tensor, tensor } from '../../lib/index.ts';

const refused = (pattern: RegExp) => (error: { code?: string; message: string }) =>
  error.code === 'ERR_GRAD' && pattern.test(error.message);

test('gradients add up over uses and over calls', () => {
  const x = tensor([1, 2], { requiresGrad: true });
  x.mul(x).add(x).sum().backward();
  assert.equal(x.grad?.toArraySync(), [3, 5]);
  x.sum().backward();
  assert.equal(x.grad?.toArraySync(), [4, 6]);
});

test('a second backward needs retainGraph', () => {
  const x = tensor([3], { requiresGrad: true });
  const y = x.square().sum();
  y.backward();
  assert.throws(() => y.backward(), refused(/retainGraph/));
  const z = x.square().sum();
  z.backward({ retainGraph: true });
  z.backward();
  assert.is(x.grad?.itemSync(), 18);
});

test('gradients of gradients', () => {
  const x = tensor([2], { requiresGrad: true });
  const [d1] = grad(x.pow(4), x, { createGraph: true }) as [Tensor];
  const [d2] = grad(d1, x, { createGraph: true }) as [Tensor];
  const [d3] = grad(d2, x) as [Tensor];
  assert.equal([d1.itemSync(), d2.itemSync(), d3.itemSync()], [32, 48, 48]);
  assert.is(x.grad, null);
});

test('grad names inputs that are not used', () => {
  const x = tensor([1], { requiresGrad: true });
  const other = tensor([1], { requiresGrad: true });
  assert.throws(() => grad(x.mul(2), [x, other]), refused(/input 1.*allowUnused/));
  assert.is(grad(x.mul(2), [x, other], { allowUnused: true })[1], null);
});

test('bad starts are refused', () => {
  const x = tensor([1, 2], { requiresGrad: true });
  assert.throws(() => x.mul(2).backward(), refused(/one element/));
  assert.throws(() => tensor([1]).backward(), refused(/does not require grad/));
  assert.throws(
    () => x.mul(2).backward({ gradient: tensor([1]) }),
    (e: { code?: string }) => e.code === 'ERR_SHAPE',
  );
});

test('an op of the user has the gradient it says', () => {
  const cube = defineOp({
    name: 'test.cube',
    forward: (_ctx, x: Tensor) => x.mul(x).mul(x),
    backward: (ctx, dy) => [dy.mul(ctx.args[0].square()).mul(3)],
  });
  gradCheck((x) => cube(x as Tensor), [tensor([0.5, -2], { dtype: 'float64' })], { order: 2 });
  const wrong = defineOp({ name: 'test.wrong', forward: (_ctx, x: Tensor) => x.mul(2), backward: (_ctx, dy) => [dy] });
  assert.throws(
    () => gradCheck((x) => wrong(x as Tensor), [tensor([1], { dtype: 'float64' })]),
    refused(/differences/),
  );
});

test('deep graphs need no deep stack', () => {
  const x = tensor([1], { requiresGrad: true });
  let y: Tensor = x;
  for (let i = 0; i < 20_000; i++) y = y.add(1);
  y.backward();
  assert.is(x.grad?.itemSync(), 1);
});

test.run();
