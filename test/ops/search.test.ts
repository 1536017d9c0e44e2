import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { given, rand, randInt, type TensorSpec } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/sort.ts';
import { rejects, rejectsLater } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = [
  'unique',
  'uniqueSync',
  'uniqueConsecutive',
  'uniqueConsecutiveSync',
  'bincount',
  'bincountSync',
  'histc',
];

const N = Number.NaN;
const rising = (...values: number[]): TensorSpec => given(values);
const whole = (...shape: number[]): TensorSpec => ({ ...rand(...shape), values: randInt(0, 9, shape).values });

checkOp('searchsorted', ops.searchsorted, {
  reference: reference.searchsorted,
  resultDtype: () => 'int32',
  differentiable: false,
  ulps: 0,
  cases: [
    { name: 'one sequence', args: [rising(1, 3, 3, 5), rand(3, 4)], layouts: ['contiguous', 'transposed', 'sliced'] },
    { name: 'equals, before', args: [rising(1, 3, 3, 5), given([3, 0, 1, 5, 9])], layouts: ['contiguous', 'sliced'] },
    {
      name: 'equals, behind',
      args: [rising(1, 3, 3, 5), given([3, 0, 1, 5, 9]), { right: true }],
      layouts: ['contiguous', 'sliced'],
    },
    { name: 'one row each', args: [given([1, 2, 3, 0, 2, 9], [2, 3]), whole(2, 5)], layouts: ['contiguous', 'sliced'] },
    {
      name: 'integers',
      args: [rising(1, 3, 3, 5), whole(7)],
      dtypes: ['int32', 'int64', 'uint8'],
      layouts: ['contiguous'],
    },
    { name: 'NaN and infinities', args: [rising(1, 3), given([N, Infinity, -Infinity])], layouts: ['contiguous'] },
    { name: 'rank 0', args: [rising(1, 3), rand()], layouts: ['contiguous'] },
    { name: 'nothing to search in', args: [given([]), rand(3)], layouts: ['contiguous'] },
    { name: 'nothing to search', args: [rising(1, 3), rand(0)], layouts: ['contiguous'] },
    {
      name: 'more than one part',
      args: [rising(-1, 0, 1), rand(9001)],
      layouts: ['contiguous', 'reversed'],
      dtypes: ['float32'],
    },
  ],
  rejects: [
    { name: 'rows that do not fit', args: () => [rand(2, 3), rand(3, 3)], code: 'ERR_SHAPE' },
    { name: 'a sequence of rank 0', args: () => [rand(), rand(3)], code: 'ERR_SHAPE' },
    { name: 'a sorter of another shape', args: () => [rand(3), 1, { sorter: null }], code: 'ERR_ARGUMENT' },
    { name: 'text', args: () => [rand(3), 'x'], code: 'ERR_ARGUMENT' },
  ],
});
checkOp('bucketize', ops.bucketize, {
  reference: (x: NDArray, b: NDArray, o = {}) => reference.searchsorted(b, x, o),
  resultDtype: () => 'int32',
  differentiable: false,
  ulps: 0,
  cases: [
    { name: 'rows', args: [whole(3, 4), rising(1, 3, 5)], layouts: ['contiguous', 'transposed', 'sliced'] },
    { name: 'right', args: [whole(3, 4), rising(1, 3, 5), { right: true }], layouts: ['contiguous'] },
    { name: 'no boundaries', args: [rand(3), given([])], layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'boundaries of two axes', args: () => [rand(3), rand(2, 2)], code: 'ERR_SHAPE' },
    { name: 'no boundaries', args: () => [rand(3)], code: 'ERR_ARGUMENT' },
  ],
});

const list = (t: Tensor): number[] => [...elements(t)];

for (const device of testDevices) {
  test(`a sorter stands for the sorted sequence on ${device}`, () =>
    scope(() => {
      const x = tensor([5, 1, 3], { device });
      const found = ops.searchsorted(x, tensor([2, 4, 6], { device }), { sorter: ops.argsort(x) });
      assert.deepEqual(list(found), [1, 2, 3]);
      assert.deepEqual(list(ops.searchsorted(x.msort(), 4)), [2]);
      const bad = ops.searchsorted(x, 4, { sorter: tensor([7, 7, 7], { dtype: 'int32', device }) });
      throwsCode(() => bad.dataSync(), 'ERR_INDEX', 'a sorter out of range');
    }));

  test(`unique elements, inverse and counts on ${device}`, async () => {
    const values = [3, 1, 3, 2, 1, 3, -0, 0];
    for (const dtype of ['float32', 'float64', 'int32', 'int64'] as const) {
      const x = tensor(values, { device, dtype, shape: [2, 4] } as never) as Tensor;
      const [u, inverse, counts] = (await ops.unique(x, { returnInverse: true, returnCounts: true })) as Tensor[];
      assert.deepEqual(
        list(u as Tensor).map((v) => v + 0),
        [0, 1, 2, 3],
      );
      assert.deepEqual((inverse as Tensor).shape, [2, 4]);
      assert.deepEqual(list(inverse as Tensor), [3, 1, 3, 2, 1, 3, 0, 0]);
      assert.deepEqual(list(counts as Tensor), [2, 2, 1, 3]);
      assert.equal((u as Tensor).dtype, dtype);
      const alone = ops.uniqueSync(x);
      assert.deepEqual(
        list(alone).map((v) => v + 0),
        [0, 1, 2, 3],
      );
      const fixed = ops.unique(x, { size: 6, fill: 9 });
      assert.deepEqual(
        list(fixed).map((v) => v + 0),
        [0, 1, 2, 3, 9, 9],
      );
      const few = ops.unique(x, { size: 2, returnCounts: true }) as Tensor[];
      assert.deepEqual(list(few[1] as Tensor), [2, 2]);
      for (const t of [x, u, inverse, counts, alone, fixed, ...few]) (t as Tensor).dispose();
    }
  });

  test(`unique parts along an axis on ${device}`, async () => {
    const before = liveBytes();
    await scope(async () => {
      const x = tensor([3, 1, 2, 0, 3, 1, 2, 0, 3, 1, 1, 9], { device }).reshape([6, 2]);
      const [u, inverse, counts] = (await ops.unique(x, {
        axis: 0,
        returnInverse: true,
        returnCounts: true,
      })) as Tensor[];
      assert.deepEqual(
        [(u as Tensor).shape, list(u as Tensor)],
        [
          [3, 2],
          [1, 9, 2, 0, 3, 1],
        ],
      );
      assert.deepEqual(list(inverse as Tensor), [2, 1, 2, 1, 2, 0]);
      assert.deepEqual(list(counts as Tensor), [1, 2, 3]);
      const runs = (await ops.uniqueConsecutive(x, { axis: 0, returnCounts: true })) as Tensor[];
      assert.deepEqual(list(runs[1] as Tensor), [1, 1, 1, 1, 1, 1]);
      const turned = ops.transpose(x);
      const columns = ops.uniqueSync(turned, { axis: 1 }) as Tensor;
      assert.deepEqual(
        [columns.shape, list(columns)],
        [
          [2, 3],
          [1, 2, 3, 9, 0, 1],
        ],
      );
      const few = ops.unique(x, { axis: 0, size: 2 }) as Tensor;
      assert.deepEqual(list(few), [1, 9, 2, 0]);
      const more = ops.unique(x, { axis: -2, size: 5, fill: -1, returnCounts: true }) as Tensor[];
      assert.deepEqual(list(more[0] as Tensor), [1, 9, 2, 0, 3, 1, -1, -1, -1, -1]);
      assert.deepEqual(list(more[1] as Tensor), [1, 2, 3, 0, 0]);
      const nan = tensor([N, 1, N, 1, 0, 1], { device }).reshape([3, 2]);
      const apart = ops.uniqueSync(nan, { axis: 0 }) as Tensor;
      assert.deepEqual(list(apart), [0, 1, N, 1, N, 1]);
      const none = ops.zeros([0, 3], { device });
      const nothing = ops.uniqueSync(none, { axis: 0 }) as Tensor;
      assert.deepEqual(nothing.shape, [0, 3]);
      const hollow = ops.zeros([3, 0], { device });
      const one = ops.uniqueSync(hollow, { axis: 0, returnCounts: true }) as Tensor[];
      assert.deepEqual([(one[0] as Tensor).shape, list(one[1] as Tensor)], [[1, 0], [3]]);
      const half = ops.cast(x, 'bfloat16');
      const halves = ops.uniqueSync(half, { axis: 0 }) as Tensor;
      assert.deepEqual([halves.dtype, list(halves)], ['bfloat16', [1, 9, 2, 0, 3, 1]]);
      rejects(() => ops.unique(x, { axis: 2 }), 'ERR_SHAPE', /axis/);
      rejects(() => ops.unique(ops.select(ops.select(x, 0, 0), 0, 0), { axis: 0 }), 'ERR_SHAPE', /rank-0/);
    });
    assert.equal(liveBytes(), before);
  });

  test(`unique of many, of nothing and of NaN on ${device}`, async () => {
    const many = ops.arange(30000, { device, dtype: 'int32' });
    const rest = ops.sub(many, ops.mul(ops.floor(ops.div(many, 7)).to('int32'), 7));
    assert.deepEqual(list(await ops.unique(rest)), [0, 1, 2, 3, 4, 5, 6]);
    const none = ops.zeros([0, 3], { device });
    assert.deepEqual((await ops.unique(none)).shape, [0]);
    const nan = tensor([N, 1, N], { device });
    assert.deepEqual(list(await ops.unique(nan)), [1, N, N]);
    const scalar = tensor(5, { device });
    assert.deepEqual(list(ops.uniqueSync(scalar)), [5]);
    for (const t of [many, rest, none, nan, scalar]) t.dispose();
  });

  test(`runs of equal elements on ${device}`, async () => {
    const x = tensor([1, 1, 2, 2, 2, 1, N, N], { device });
    const [u, inverse, counts] = (await ops.uniqueConsecutive(x, {
      returnInverse: true,
      returnCounts: true,
    })) as Tensor[];
    assert.deepEqual(list(u as Tensor), [1, 2, 1, N, N]);
    assert.deepEqual(list(inverse as Tensor), [0, 0, 1, 1, 1, 2, 3, 4]);
    assert.deepEqual(list(counts as Tensor), [2, 3, 1, 1, 1]);
    const alone = ops.uniqueConsecutiveSync(x);
    assert.deepEqual(list(alone), [1, 2, 1, N, N]);
    const fixed = ops.uniqueConsecutive(x, { size: 2 });
    assert.deepEqual(list(fixed), [1, 2]);
    for (const t of [x, u, inverse, counts, alone, fixed]) (t as Tensor).dispose();
  });

  test(`counts of integers on ${device}`, async () => {
    for (const dtype of ['int32', 'int64', 'uint8'] as const) {
      const x = tensor([1, 3, 1, 0], { device, dtype } as never) as Tensor;
      const weights = tensor([0.5, 1, 2, 4], { device, dtype: 'float64' });
      assert.deepEqual(list(await ops.bincount(x)), [1, 2, 0, 1]);
      assert.deepEqual(list(await ops.bincount(x, { minlength: 6 })), [1, 2, 0, 1, 0, 0]);
      assert.deepEqual(list(ops.bincountSync(x, { weights })), [4, 2.5, 0, 1]);
      const fixed = ops.bincount(x, { length: 5, weights });
      assert.equal(fixed.dtype, 'float64');
      assert.deepEqual(list(fixed), [4, 2.5, 0, 1, 0]);
      const short = ops.bincount(x, { length: 2 });
      throwsCode(() => short.dataSync(), 'ERR_INDEX', 'an element beyond the length');
      for (const t of [x, weights, fixed, short]) t.dispose();
    }
    const none = ops.zeros([0], { device, dtype: 'int32' });
    assert.deepEqual(list(await ops.bincount(none)), []);
    const below = tensor([-1, 2], { device, dtype: 'int32' });
    await rejectsLater((async () => (await ops.bincount(below)).data())(), 'ERR_INDEX', /-1/);
    none.dispose();
    below.dispose();
  });

  test(`histograms on ${device}`, () =>
    scope(() => {
      const x = tensor([1, 2, 1, 4, N, -3, 0], { device });
      assert.deepEqual(list(ops.histc(x, { bins: 4, min: 0, max: 4 })), [1, 2, 1, 1]);
      const y = tensor([1, 2, 1, 5], { device });
      assert.deepEqual(list(ops.histc(y, { bins: 4 })), [2, 1, 0, 1]);
      assert.deepEqual(list(ops.histc(tensor([2, 2], { device }), { bins: 2 })), [0, 2]);
      assert.deepEqual(list(ops.histc(ops.zeros([0], { device }), { bins: 2 })), [0, 0]);
      const many = ops.rand([70001], { device, dtype: 'float64' });
      const counts = list(ops.histc(many, { bins: 10, min: 0, max: 1 }));
      const wanted = new Array<number>(10).fill(0);
      for (const v of elements(many)) wanted[Math.floor(v * 10)] = (wanted[Math.floor(v * 10)] ?? 0) + 1;
      assert.deepEqual(counts, wanted);
      throwsCode(() => ops.histc(x, { bins: 3 }).dataSync(), 'ERR_ARGUMENT', 'a range of NaN');
    }));

  test(`bad arguments of searches and counts on ${device}`, async () => {
    const x = tensor([1, 2], { device });
    const ints = tensor([1, 2], { device, dtype: 'int32' });
    rejects(() => ops.histc(x, { bins: 0 }), 'ERR_ARGUMENT', /bins/);
    rejects(() => ops.histc(x, { min: 2, max: 1 }), 'ERR_ARGUMENT', /min/);
    rejects(() => ops.histc(ints), 'ERR_DTYPE', /float/);
    rejects(() => ops.bincount(x), 'ERR_DTYPE', /int/);
    rejects(() => ops.bincount(ints, { minlength: -1 }), 'ERR_ARGUMENT', /minlength/);
    rejects(() => ops.bincount(ints, { length: N }), 'ERR_ARGUMENT', /length/);
    rejects(() => ops.bincountSync(ints, { weights: ops.ones([3], { device }) }), 'ERR_SHAPE', /weights/);
    rejects(() => ops.unique(x, { size: -1 }), 'ERR_ARGUMENT', /size/);
    rejects(() => ops.unique(null as never), 'ERR_ARGUMENT', /tensor/);
    rejects(() => ops.uniqueConsecutiveSync(x, 3 as never), 'ERR_ARGUMENT', /options/);
    x.dispose();
    rejects(() => ops.unique(x), 'ERR_DISPOSED', /dispose/);
    ints.dispose();
  });
}

test.run();
