import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { integers } from '../support/pairs.ts';
import { noGradient, rand, withDtype } from '../support/random.ts';
import { build, type NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['linspace', 'logspace', 'meshgrid', 'cartesianProd', 'trilIndices', 'triuIndices', 'oneHotSync'];

const near = (got: Tensor, wanted: readonly number[], relative: number): void => {
  const values = elements(got);
  assert.equal(values.length, wanted.length);
  values.forEach((value, i) => {
    const other = wanted[i] as number;
    assert.ok(Math.abs(value - other) <= relative * Math.abs(other), `[${i}]: wanted ${other}, got ${value}`);
  });
};

checkOp('oneHot', ops.oneHot, {
  narrow: false,
  reference: (labels: NDArray, classes: number) =>
    build([...labels.shape, classes], (at) => Number(labels.at(...at.slice(0, -1)) === at[at.length - 1])),
  differentiable: false,
  dtypes: ['int32', 'int64', 'uint8'],
  resultDtype: () => 'int64',
  ulps: 0,
  cases: [
    { name: 'a vector', args: [noGradient(integers(0, 4, 7)), 5] },
    { name: 'a matrix', args: [noGradient(integers(0, 2, 3, 5)), 3] },
    { name: 'rank 0', args: [noGradient(integers(0, 2)), 3] },
    { name: 'empty', args: [noGradient(integers(0, 2, 0, 3)), 4] },
    { name: 'empty rows', args: [noGradient(integers(0, 2, 3, 0)), 4] },
    { name: 'one class', args: [noGradient(integers(0, 0, 5)), 1] },
    { name: 'more than one chunk', args: [noGradient(integers(0, 99, 700)), 100], layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'floats', args: () => [rand(3), 3], code: 'ERR_DTYPE' },
    { name: 'no classes', args: () => [withDtype(rand(3), 'int32'), 0], code: 'ERR_ARGUMENT', message: /numClasses/ },
    { name: 'a fraction', args: () => [withDtype(rand(3), 'int32'), 1.5], code: 'ERR_ARGUMENT' },
    { name: 'a huge number', args: () => [withDtype(rand(3), 'int32'), 2 ** 53 - 1], code: ['ERR_SHAPE'] as never },
    { name: 'null classes', args: () => [withDtype(rand(3), 'int32'), null], code: 'ERR_ARGUMENT' },
    { name: 'an unknown dtype', args: () => [withDtype(rand(3), 'int32'), 2, { dtype: 'x' }], code: 'ERR_DTYPE' },
    { name: 'a number', args: () => [3, 4], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`linspace is exact at both ends and symmetric on ${device}`, () => {
    for (const dtype of ['float32', 'float64'] as const) {
      for (const [start, end, steps] of [
        [0, 1, 5],
        [-3, 7.5, 11],
        [2, -1, 4],
        [0.1, 0.7, 1],
        [5, 9, 0],
        [0, 1, 70_001],
        [3, 3, 4],
      ] as const) {
        const x = ops.linspace(start, end, steps, { dtype, device });
        const wanted = Array.from({ length: steps }, (_, i) =>
          steps === 1 ? start : start + ((end - start) * i) / (steps - 1),
        );
        assert.deepEqual(x.shape, [steps]);
        const got = elements(x);
        if (steps > 1)
          assert.deepEqual([got[0], got[steps - 1]], [start, end].map(dtype === 'float32' ? Math.fround : Number));
        got.forEach((value, i) => {
          const error = Math.abs(value - (wanted[i] as number));
          assert.ok(
            error <= (dtype === 'float32' ? 2 ** -24 : 2 ** -51) * Math.max(Math.abs(start), Math.abs(end)),
            `[${i}]`,
          );
        });
        x.dispose();
      }
    }
    const ints = ops.linspace(0, 10, 4, { dtype: 'int32', device });
    assert.deepEqual([...elements(ints)], [0, 3, 6, 10]);
    const leaf = ops.linspace(0, 1, 2, { device, requiresGrad: true });
    assert.ok(leaf.requiresGrad && leaf.isLeaf);
    ints.dispose();
    leaf.dispose();
  });

  test(`logspace raises its base on ${device}`, () => {
    const x = ops.logspace(-2, 3, 6, { dtype: 'float64', device });
    near(x, [0.01, 0.1, 1, 10, 100, 1000], 4e-16);
    const y = ops.logspace(0, 4, 5, { base: 2, device });
    assert.equal(y.dtype, 'float32');
    assert.deepEqual([...elements(y)], [1, 2, 4, 8, 16]);
    const z = ops.logspace(0, 3, 4, { dtype: 'int64', device, base: 3 });
    assert.deepEqual([...elements(z)], [1, 3, 9, 27]);
    for (const t of [x, y, z]) t.dispose();
  });

  test(`sequences refuse what makes no sense on ${device}`, () => {
    const before = liveBytes();
    for (const op of [ops.linspace, ops.logspace] as const) {
      throwsCode(() => op(0, 1, -1, { device }), 'ERR_SHAPE', 'negative steps');
      throwsCode(() => op(0, 1, 2.5, { device }), 'ERR_SHAPE', 'half a step');
      throwsCode(() => op(0, 1, undefined as never, { device }), 'ERR_SHAPE', 'no steps');
      throwsCode(() => op(Number.NaN, 1, 2, { device }), 'ERR_ARGUMENT', 'NaN');
      throwsCode(() => op('0' as never, 1, 2, { device }), 'ERR_ARGUMENT', 'text');
      throwsCode(() => op(0, 1, 2, { device, dtype: 'bool' }), 'ERR_DTYPE', 'bool');
      throwsCode(() => op(0, 1, 2, { device, dtype: 'int32', requiresGrad: true }), 'ERR_DTYPE', 'integer leaves');
      throwsCode(() => op(0, 1, 2, null as never), 'ERR_ARGUMENT', 'null options');
      throwsCode(() => op(0, 1, 2 ** 52, { device }), 'ERR_OUT_OF_MEMORY', 'too many');
    }
    throwsCode(() => ops.logspace(0, 1, 2, { base: '2' as never }), 'ERR_ARGUMENT', 'a text base');
    assert.equal(liveBytes(), before);
  });

  test(`meshgrid repeats its tensors as views, with gradients, on ${device}`, () => {
    const before = liveBytes();
    scope(() => {
      const a = tensor([1, 2], { device, requiresGrad: true });
      const b = tensor([3, 4, 5], { device });
      const c = tensor(6, { device });
      const [x, y, z] = ops.meshgrid([a, b, c]) as [Tensor, Tensor, Tensor];
      for (const t of [x, y, z]) assert.deepEqual(t.shape, [2, 3, 1]);
      assert.deepEqual([...elements(x)], [1, 1, 1, 2, 2, 2]);
      assert.deepEqual([...elements(y)], [3, 4, 5, 3, 4, 5]);
      assert.deepEqual([...elements(z)], [6, 6, 6, 6, 6, 6]);
      assert.equal(x.storage, a.storage);
      ops.sum(x).backward();
      assert.deepEqual([...elements(a.grad as Tensor)], [3, 3]);
      const [p, q] = ops.meshgrid([a, b], { indexing: 'xy' }) as [Tensor, Tensor];
      assert.deepEqual(p.shape, [3, 2]);
      assert.deepEqual([...elements(p)], [1, 2, 1, 2, 1, 2]);
      assert.deepEqual([...elements(q)], [3, 3, 4, 4, 5, 5]);
      const empty = ops.meshgrid([a, ops.zeros([0], { device })]);
      assert.deepEqual(
        empty.map((t) => t.shape),
        [
          [2, 0],
          [2, 0],
        ],
      );
      throwsCode(() => ops.meshgrid([]), 'ERR_ARGUMENT', 'nothing');
      a.grad?.dispose();
      throwsCode(() => ops.meshgrid(a as never), 'ERR_ARGUMENT', 'one tensor');
      throwsCode(() => ops.meshgrid([a, null as never]), 'ERR_ARGUMENT', 'null');
      throwsCode(() => ops.meshgrid([a, ops.zeros([2, 2], { device })]), 'ERR_SHAPE', 'a matrix');
      throwsCode(() => ops.meshgrid([a, a.to('int32')]), 'ERR_DTYPE', 'two dtypes');
      throwsCode(() => ops.meshgrid([a], { indexing: 'ji' as never }), 'ERR_ARGUMENT', 'an unknown order');
      throwsCode(() => ops.meshgrid(new Array(9).fill(a)), 'ERR_SHAPE', 'nine axes');
    });
    assert.equal(liveBytes(), before);
  });

  test(`cartesianProd lists every choice on ${device}`, () => {
    scope(() => {
      const a = tensor([1, 2], { device, requiresGrad: true });
      const b = tensor([3, 4], { device });
      const all = ops.cartesianProd([a, b]);
      assert.deepEqual(all.shape, [4, 2]);
      assert.deepEqual([...elements(all)], [1, 3, 1, 4, 2, 3, 2, 4]);
      ops.sum(all).backward();
      assert.deepEqual([...elements(a.grad as Tensor)], [2, 2]);
      assert.deepEqual([...elements(ops.cartesianProd([b]))], [3, 4]);
      throwsCode(() => ops.cartesianProd([]), 'ERR_ARGUMENT', 'nothing');
      a.grad?.dispose();
    });
  });

  test(`triangle indices in every direction on ${device}`, () => {
    for (const [rows, columns] of [
      [3, 3],
      [2, 5],
      [5, 2],
      [1, 1],
      [0, 4],
      [4, 0],
      [300, 250],
    ] as const) {
      for (const offset of [-400, -3, -1, 0, 1, 2, 400]) {
        for (const [op, keep] of [
          [ops.trilIndices, (i: number, j: number) => j - i <= offset],
          [ops.triuIndices, (i: number, j: number) => j - i >= offset],
        ] as const) {
          const at: number[][] = [[], []];
          for (let i = 0; i < rows; i++)
            for (let j = 0; j < columns; j++)
              if (keep(i, j)) {
                at[0]?.push(i);
                at[1]?.push(j);
              }
          const got = op(rows, columns, { offset, device });
          assert.equal(got.dtype, 'int32');
          assert.deepEqual(got.shape, [2, at[0]?.length]);
          assert.deepEqual([...elements(got)], at.flat(), `${rows}×${columns}, ${offset}`);
          got.dispose();
        }
      }
    }
    const wide = ops.triuIndices(2, 2, { dtype: 'int64', device });
    assert.equal(wide.dtype, 'int64');
    wide.dispose();
    for (const op of [ops.trilIndices, ops.triuIndices] as const) {
      throwsCode(() => op(-1, 2, { device }), 'ERR_SHAPE', 'negative rows');
      throwsCode(() => op(2, Number.NaN, { device }), 'ERR_SHAPE', 'NaN columns');
      throwsCode(() => op(2, 2, { offset: 0.5 }), 'ERR_ARGUMENT', 'half an offset');
      throwsCode(() => op(2, 2, { dtype: 'float32' as never }), 'ERR_DTYPE', 'float indices');
      throwsCode(() => op(2 ** 26, 2 ** 26, { device }), 'ERR_OUT_OF_MEMORY', 'too many');
    }
  });

  test(`oneHot counts its classes itself when it may wait on ${device}`, async () => {
    const before = liveBytes();
    const labels = tensor(
      [
        [0, 2],
        [1, 0],
      ],
      { dtype: 'int32', device },
    );
    const promised = scope(() => ops.oneHot(labels));
    const later = await promised;
    assert.deepEqual(later.shape, [2, 2, 3]);
    assert.deepEqual([...elements(later)], [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0]);
    const now = ops.oneHotSync(labels, { dtype: 'float32' });
    assert.equal(now.dtype, 'float32');
    assert.deepEqual([...elements(now)], [...elements(later)]);
    const few = ops.oneHot(labels, 2);
    await assert.rejects(few.data(), { code: 'ERR_INDEX', message: /label 2 .* 2 classes/ });
    const negative = tensor([-1, 0], { dtype: 'int64', device });
    const wrong = ops.oneHot(negative, 2);
    await assert.rejects(wrong.data(), { code: 'ERR_INDEX' });
    const none = ops.zeros([0], { dtype: 'int32', device });
    throwsCode(() => ops.oneHot(none), 'ERR_ARGUMENT', 'nothing to count');
    throwsCode(() => ops.oneHotSync(none), 'ERR_ARGUMENT', 'nothing to count');
    throwsCode(() => ops.oneHotSync(null as never), 'ERR_ARGUMENT', 'null');
    for (const t of [labels, later, now, few, negative, wrong, none]) t.dispose();
    assert.equal(liveBytes(), before);
  });
}

test.run();
