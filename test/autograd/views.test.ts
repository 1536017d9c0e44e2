// Twelve programs of views and in-place ops, with the results and refusals PyTorch has for them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { grad, memory, noGrad, ones, slice, type Tensor, tensor, unbind, zeros } from '../../lib/index.ts';

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const gradOf = (t: Tensor): unknown => t.grad?.toArraySync();
const refused = (pattern: RegExp) => (error: { code?: string; message: string }) =>
  error.code === 'ERR_GRAD' && pattern.test(error.message);

test('1: in place on a result moves its node', () => {
  const x = leaf(1, 2);
  const y = x.mul(3);
  y.add_(x);
  y.sum().backward();
  assert.equal(gradOf(x), [4, 4]);
});

test('2: writing into a view changes the base and its gradient', () => {
  const x = leaf(1, 2, 3);
  const y = x.mul(2);
  y.narrow(0, 0, 2).mul_(10);
  assert.equal(y.toArraySync(), [20, 40, 6]);
  y.sum().backward();
  assert.equal(gradOf(x), [20, 20, 2]);
});

test('3: sibling views see the new graph', () => {
  const x = leaf(1, 2, 3, 4);
  const y = x.mul(1);
  const a = y.narrow(0, 0, 2);
  const b = y.narrow(0, 1, 2);
  a.mul_(5);
  b.sum().backward();
  assert.equal(gradOf(x), [0, 5, 1, 0]);
});

test('4: writing into the base shows in a view made before', () => {
  const x = leaf(1, 2, 3);
  const y = x.mul(1);
  const v = y.select(0, 1);
  y.mul_(4);
  v.backward();
  assert.equal(gradOf(x), [0, 4, 0]);
});

test('5: a base without gradient gains one through a view', () => {
  const base = zeros([2, 2]);
  const w = leaf(3, 4);
  base.select(0, 1).copy_(w);
  assert.ok(base.requiresGrad);
  base
    .mul(
      tensor([
        [1, 1],
        [10, 20],
      ]),
    )
    .sum()
    .backward();
  assert.equal(gradOf(w), [10, 20]);
});

test('6: a view of a view writes through permute and reshape', () => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { requiresGrad: true },
  );
  const y = x.mul(1);
  y.transpose().select(0, 0).reshape([1, 2]).mul_(7);
  assert.equal(y.toArraySync(), [
    [7, 2],
    [21, 4],
  ]);
  y.sum().backward();
  assert.equal(gradOf(x), [
    [7, 1],
    [7, 1],
  ]);
});

test('7: a leaf under grad is refused, under noGrad allowed', () => {
  const x = leaf(1, 2);
  assert.throws(() => x.add_(1), refused(/leaf/));
  assert.throws(() => x.narrow(0, 0, 1).add_(1), refused(/view of a leaf/));
  noGrad(() => x.add_(1));
  assert.equal(x.toArraySync(), [2, 3]);
  assert.ok(x.isLeaf);
});

test('8: a saved tensor changed in place is refused at backward, naming both ops and versions', () => {
  const x = leaf(1, 2);
  const y = x.mul(2);
  const z = y.square();
  y.add_(1);
  assert.throws(() => z.sum().backward(), refused(/square.*changed in place by add_.*version 1.*version 0/));
});

test('9: a saved output changed in place is refused too', () => {
  const y = leaf(1, 2).exp();
  const z = y.mul(1);
  y.mul_(2);
  assert.throws(() => y.sum().backward(), refused(/exp/));
  z.dispose();
});

test('10: mul_ by a tensor that needs a gradient keeps the old values', () => {
  const x = leaf(2, 3);
  const w = leaf(5, 7);
  const y = x.mul(1);
  y.mul_(w);
  y.sum().backward();
  assert.equal(gradOf(x), [5, 7]);
  assert.equal(gradOf(w), [2, 3]);
});

test('11: fill_ and zero_ cut the gradient where they wrote', () => {
  const x = leaf(1, 2, 3);
  const y = x.mul(2);
  y.narrow(0, 1, 1).zero_();
  y.sum().backward();
  assert.equal(gradOf(x), [2, 0, 2]);
});

test('12: views made without grad mode may not be written under it', () => {
  const y = leaf(1, 2).mul(1);
  const v = noGrad(() => y.narrow(0, 0, 1));
  assert.throws(() => v.add_(1), refused(/grad mode was off/));
  const expanded = ones([1]).expand([3]);
  assert.throws(
    () => expanded.add_(1),
    (error: { code?: string }) => error.code === 'ERR_ARGUMENT',
  );
  const t = tensor([1, 2, 3]);
  assert.throws(
    () => t.narrow(0, 0, 2).add_(t.narrow(0, 1, 2)),
    (error: { code?: string }) => error.code === 'ERR_ARGUMENT',
  );
});

test('a view keeps the graph of a base that was disposed', () => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { requiresGrad: true },
  );
  const y = x.mul(2);
  const v = y.select(0, 0);
  const sibling = y.select(1, 0);
  y.dispose();
  v.mul_(3);
  assert.equal(sibling.toArraySync(), [6, 6]);
  v.sum().add(sibling.sum()).backward();
  assert.equal(gradOf(x), [
    [12, 6],
    [2, 0],
  ]);
});

test('a disposed base gives its graph up with its last view', () => {
  const x = tensor(new Float32Array(4096), { requiresGrad: true });
  const before = memory()['cpu']?.live;
  const y = x.exp();
  const a = y.narrow(0, 0, 8);
  const b = a.narrow(0, 0, 4);
  y.dispose();
  a.mul_(2);
  a.dispose();
  b.add_(1);
  b.dispose();
  assert.is(memory()['cpu']?.live, before);
});

test('views of empty tensors may be used and written', () => {
  const row = zeros([0, 3]).transpose().select(0, 1);
  assert.equal(row.add(1).toArraySync(), []);
  const wide = zeros([0, 3]).expand([2, 0, 3]).add(1);
  assert.is(wide.add_(1).size, 0);
});

test('gradients of parts are summed at their places: overlapping, in steps, empty, of rows and of other uses', () => {
  const x = leaf(1, 2, 3, 4, 5, 6);
  const y = x.mul(1);
  const parts = [y.narrow(0, 0, 4), y.narrow(0, 2, 3), y.narrow(0, 6, 0), slice(y, [[1, 6]], [2]), y];
  const total = parts.map((part, i) => part.mul(10 ** i).sum()).reduce((a, b) => a.add(b));
  total.add(y.select(0, 5)).backward();
  assert.equal(gradOf(x), [10001, 11001, 10011, 11011, 10010, 11001]);
  const sum = unbind(x.mul(1).reshape([3, 2])).reduce((a, b, i) => a.add(b.mul(i + 2)));
  const [rows] = grad(sum.sum(), [x]);
  assert.equal(rows?.toArraySync(), [1, 1, 3, 3, 4, 4]);
});

test.run();
