import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { Random, rand, randInt, type TensorSpec, testSeed } from '../support/random.ts';
import { build, NDArray } from '../support/reference/ndarray.ts';
import { boxIou } from '../support/reference/image.ts';
import { elements } from '../support/tensors.ts';

export const covers = ['nms', 'nmsSync'];

const random = new Random(testSeed);
/** Boxes whose second corner lies beyond the first. */
const boxes = (n: number): TensorSpec => {
  const spec = rand(n, 4);
  const low = spec.values as NDArray;
  return {
    ...spec,
    values: build([n, 4], ([i = 0, k = 0]) => low.at(i, k % 2) + (k < 2 ? 0 : 0.6 + random.between(0, 1))),
  };
};

checkOp('boxIou', ops.boxIou, {
  reference: boxIou,
  // The union is a difference of areas, each of them a product of differences.
  ulps: 256,
  magnitude: (a: NDArray, b: NDArray) => build(boxIou(a, b).shape, () => 1),
  cases: [
    { name: 'pairs', args: [boxes(4), boxes(3)] },
    { name: 'one of many', args: [boxes(1), boxes(5)] },
    { name: 'none', args: [boxes(0), boxes(3)], grad: false },
  ],
  rejects: [
    { name: 'three corners', args: () => [rand(2, 3), rand(2, 4)], code: 'ERR_SHAPE', message: /a must be \[N, 4\]/ },
    { name: 'integers', args: () => [randInt(0, 3, [2, 4]), randInt(0, 3, [2, 4])], code: 'ERR_DTYPE' },
    { name: 'null', args: () => [null, rand(2, 4)], code: 'ERR_ARGUMENT' },
  ],
});

/** The definition: take the best that is left, drop what it covers. */
function suppressed(all: NDArray, scores: readonly number[], threshold: number): number[] {
  const iou = boxIou(all, all);
  let left = [...scores.keys()].sort((i, j) => (scores[j] ?? 0) - (scores[i] ?? 0) || i - j);
  const kept: number[] = [];
  while (left.length > 0) {
    const [best = 0, ...rest] = left;
    kept.push(best);
    left = rest.filter((i) => !(iou.at(best, i) > threshold));
  }
  return kept;
}

for (const device of testDevices) {
  test(`nms keeps what its definition keeps on ${device}`, async () => {
    for (const [n, threshold] of [
      [0, 0.5],
      [1, 0.5],
      [7, 0.3],
      [60, 0.1],
      [60, 0.4],
      [60, 1],
    ] as const) {
      const values = boxes(n).values as NDArray;
      // Few different scores: equal ones go by their order.
      const scores = Array.from({ length: n }, () => Math.floor(random.between(0, 9)));
      for (const dtype of ['float32', 'float64'] as const) {
        const before = liveBytes();
        const all = tensor(values.data, { dtype, device, shape: [n, 4] });
        const order = tensor(scores, { dtype, device, shape: [n] });
        const exact = new NDArray([n, 4], elements(all));
        const expected = suppressed(exact, scores, threshold);
        const kept = await ops.nms(all, order, threshold);
        assert.equal(kept.dtype, 'int32');
        assert.deepEqual([...elements(kept)], expected);
        const now = ops.nmsSync(all, order, threshold);
        assert.deepEqual([...elements(now)], expected);
        const fixed = ops.nms(all, order, threshold, { size: 9, fill: -1 });
        assert.deepEqual([...elements(fixed)], [...expected, ...new Array<number>(9).fill(-1)].slice(0, 9));
        for (const t of [all, order, kept, now, fixed]) t.dispose();
        assert.ok(liveBytes() <= before, 'storages left over');
      }
    }
  });
}

test('nms takes NaN scores first and strided boxes', () => {
  const rows = tensor([0, 0, 1, 1, 9, 9, 9, 9, 5, 5, 6, 6], { shape: [3, 4] });
  const picked = ops.slice(
    rows,
    [
      [0, 3],
      [0, 4],
    ],
    [2, 1],
  );
  assert.deepEqual([...elements(ops.nmsSync(picked, tensor([1, Number.NaN]), 0.5))], [1, 0]);
});

test('nms refuses what are no boxes', () => {
  const all = tensor([0, 0, 1, 1], { shape: [1, 4] });
  const one = tensor([1]);
  throwsCode(() => ops.nms(one, one, 0.5), 'ERR_SHAPE', 'boxes', /boxes must be \[N, 4\]/);
  throwsCode(() => ops.nms(all, tensor([1, 2]), 0.5), 'ERR_SHAPE', 'scores', /scores must be \[1\]/);
  throwsCode(() => ops.nms(all, one, Number.NaN), 'ERR_ARGUMENT', 'threshold', /iouThreshold/);
  throwsCode(() => ops.nms(all, one, 0.5, { size: -1 }), 'ERR_ARGUMENT', 'size');
  throwsCode(() => ops.nms(all, one, 0.5, { size: 1, fill: 0.5 }), 'ERR_ARGUMENT', 'fill', /int32/);
  throwsCode(() => ops.nmsSync(all, tensor([1], { dtype: 'float64' }), 0.5), 'ERR_DTYPE', 'dtypes');
});

test.run();
