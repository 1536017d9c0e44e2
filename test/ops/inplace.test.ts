import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { borrow, noGrad, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { liveBytes, sharesMemory, testDevices } from '../support/devices.ts';
import { given, Random, testSeed, type TensorSpec } from '../support/random.ts';
import { build } from '../support/reference/ndarray.ts';
import { assertClose, elements, layouts, make, valuesOf } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['add_', 'sub_', 'mul_', 'div_', 'copy_', 'fill_', 'zero_'];

const arithmetic = {
  add_: (a: number, b: number) => a + b,
  sub_: (a: number, b: number) => a - b,
  mul_: (a: number, b: number) => a * b,
  div_: (a: number, b: number) => a / b,
  copy_: (_: number, b: number) => b,
} as const;

/** Every one takes tensors and numbers. */
const table: Record<keyof typeof arithmetic, (target: Tensor, value: Tensor | number) => Tensor> = {
  add_: ops.add_,
  sub_: ops.sub_,
  mul_: ops.mul_,
  div_: ops.div_,
  copy_: (target, value) => ops.copy_(target, value as Tensor),
};

const random = new Random(testSeed);
const spec = (...shape: number[]): TensorSpec => given([...build(shape, () => random.integer(1, 9)).data], shape);

for (const device of testDevices) {
  for (const name of Object.keys(arithmetic) as (keyof typeof arithmetic)[]) {
    test(`${name} in every layout of both sides on ${device}`, () => {
      for (const dtype of ['float32', 'float64', ...(name === 'div_' ? [] : ['int32', 'int64', 'uint8'])] as DType[]) {
        for (const layout of layouts.filter((each) => each !== 'broadcast')) {
          for (const other of layouts) {
            const before = liveBytes();
            const [a, b] = [spec(3, 5), spec(3, 5)];
            const [x, y] = [make(a, { device, dtype, layout }), make(b, { device, dtype, layout: other })];
            const right = valuesOf(b, { device, dtype, layout: other });
            const wanted = build([3, 5], (at) =>
              dtype === 'uint8'
                ? 255 & arithmetic[name](a.values.at(...at), right.at(...at))
                : arithmetic[name](a.values.at(...at), right.at(...at)),
            );
            const returned = table[name](x, y);
            assert.equal(returned, x);
            assertClose(x, wanted, { ulps: 1, scale: null }, `${name} ${dtype} ${layout} with ${other}`);
            x.dispose();
            y.dispose();
            assert.equal(liveBytes(), before);
          }
        }
      }
    });

    test(`${name} with numbers, rows and rank 0 on ${device}`, () => {
      if (name === 'copy_') return;
      const x = tensor(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { device },
      );
      const f = arithmetic[name];
      table[name](x, 2);
      assert.deepEqual(
        [...elements(x)],
        [1, 2, 3, 4, 5, 6].map((v) => f(v, 2)),
      );
      x.write(new Float32Array([1, 2, 3, 4, 5, 6]));
      const row = tensor([2, 4, 8], { device });
      table[name](x, row);
      assert.deepEqual(
        [...elements(x)],
        [1, 2, 3, 4, 5, 6].map((v, i) => Math.fround(f(v, [2, 4, 8][i % 3] as number))),
      );
      const none = ops.zeros([0], { device });
      table[name](none, 3);
      const point = tensor(3, { device });
      table[name](point, 4);
      assert.deepEqual([...elements(point)], [Math.fround(f(3, 4))]);
      for (const t of [x, row, none, point]) t.dispose();
    });

    test(`${name} refuses what it cannot do on ${device}`, () => {
      const x = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device },
      );
      const wide = ops.zeros([3, 2, 2], { device });
      const ints = tensor([1, 2], { dtype: 'int32', device });
      const spread = ops.expand(ints, [2, 2]);
      const leaf = tensor([1, 2], { device, requiresGrad: true });
      const leafView = ops.select(leaf, 0, 0);
      const lent = sharesMemory(device) ? borrow(new Float32Array(2), { device }) : null;
      const one = ops.ones([], { device });
      const rows = ops.slice(x, [[0, 1]]);
      const columns = ops.transpose(x);
      throwsCode(() => table[name](x, wide), 'ERR_SHAPE', 'a larger operand');
      throwsCode(() => table[name](spread, one), 'ERR_ARGUMENT', 'an expanded target', /overlap/);
      throwsCode(
        () => table[name](ints, 0.5),
        name === 'copy_' ? 'ERR_ARGUMENT' : 'ERR_DTYPE',
        'a fraction into integers',
      );
      if (name !== 'copy_')
        throwsCode(() => table[name](ints, tensor([1.5], { device })), 'ERR_DTYPE', 'a float tensor into integers');
      throwsCode(() => table[name](leaf, one), 'ERR_GRAD', 'a leaf', /leaf/);
      throwsCode(() => table[name](leafView, one), 'ERR_GRAD', 'a view of a leaf', /leaf/);
      if (lent) throwsCode(() => table[name](lent, one), 'ERR_ARGUMENT', 'a borrowed array', /borrow/);
      throwsCode(() => table[name](x, columns), 'ERR_ARGUMENT', 'its own transpose', /overlap/);
      throwsCode(() => table[name](x, rows), 'ERR_ARGUMENT', 'its own first row', /overlap/);
      throwsCode(() => table[name](x, 'a' as never), 'ERR_ARGUMENT', 'text');
      assert.deepEqual([...elements(x)], [1, 2, 3, 4], 'nothing changed');
      table[name](x, x);
      assert.deepEqual(
        [...elements(x)],
        [1, 2, 3, 4].map((v) => arithmetic[name](v, v)),
        'itself is fine',
      );
      noGrad(() => table[name](leaf, one));
      for (const t of [x, wide, ints, spread, leaf, leafView, lent, one, rows, columns]) t?.dispose();
    });
  }

  test(`fill_ and zero_ touch only their view on ${device}`, () => {
    const x = ops.zeros([3, 4], { device });
    const part = ops.slice(
      x,
      [
        [1, 3],
        [0, 4],
      ],
      [1, 2],
    );
    part.fill_(7);
    assert.deepEqual([...elements(x)], [0, 0, 0, 0, 7, 0, 7, 0, 7, 0, 7, 0]);
    const column = ops.select(x, 1, 0);
    column.zero_();
    assert.deepEqual([...elements(x)], [0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 7, 0]);
    for (const t of [x, part, column]) t.dispose();
  });

  test(`a saved tensor changed in place is named with both versions on ${device}`, () => {
    scope(() => {
      const x = tensor([1, 2], { device, requiresGrad: true });
      const y = ops.exp(x);
      y.add_(1);
      throwsCode(() => ops.sum(y).backward(), 'ERR_GRAD', 'exp then add_', /exp.*add_|add_.*exp/s);
      const a = ops.mul(x, 1);
      const b = ops.mul(a, a);
      a.mul_(2);
      throwsCode(() => ops.sum(b).backward(), 'ERR_GRAD', 'mul then mul_', /version 1.*version 0/s);
      const c = ops.mul(x, 1);
      const d = ops.mul(c, c);
      c.touch();
      throwsCode(() => ops.sum(d).backward(), 'ERR_GRAD', 'touch');
      const e = ops.mul(x, 1);
      const f = ops.mul(e, e);
      noGrad(() => ops.select(e, 0, 0).fill_(0));
      throwsCode(() => ops.sum(f).backward(), 'ERR_GRAD', 'a view changed under noGrad', /fill_/);
    });
  });

  test(`write is ordered with the queue and refuses what does not fit on ${device}`, async () => {
    const x = tensor([1, 2], { device });
    const y = ops.add(x, 1);
    x.write(new Float32Array([10, 20]));
    const z = ops.add(x, 1);
    assert.deepEqual([...(await y.data())], [2, 3]);
    assert.deepEqual([...(await z.data())], [11, 21]);
    throwsCode(() => x.write(new Float32Array(3)), 'ERR_SHAPE', 'too many');
    throwsCode(() => x.write(new Int32Array(2)), 'ERR_DTYPE', 'integers');
    const turned = ops.transpose(ops.zeros([2, 3], { device }));
    throwsCode(() => turned.write(new Float32Array(6)), 'ERR_ARGUMENT', 'a strided target');
    for (const t of [x, y, z, turned]) t.dispose();
  });
}

test.run();
