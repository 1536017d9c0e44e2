import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type Rejected } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, noGradient, rand, randIn } from '../support/random.ts';
import { build, type NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

type Sizes = readonly number[];
/** Graham's windows, from one random number an image and axis. */
function pooled(x: NDArray, size: Sizes, out: Sizes, samples: NDArray): NDArray[] {
  const rank = size.length;
  const first = (image: Sizes, axis: number, at: number): number => {
    const [n, k, count] = [x.shape[2 + axis] as number, size[axis] as number, out[axis] as number];
    if (at === count - 1) return n - k;
    const step = (n - k) / (count - 1);
    const u = samples.at(...image, rank === 2 ? 1 - axis : axis);
    return Math.floor((at + u) * step) - Math.floor(u * step);
  };
  const winner = (index: Sizes): [number, number] => {
    const image = index.slice(0, 2);
    const begin = index.slice(2).map((at, axis) => first(image, axis, at));
    let best: [number, number] = [Number.NEGATIVE_INFINITY, -1];
    build(size, (offset) => {
      const at = begin.map((b, axis) => b + (offset[axis] as number));
      const value = x.at(...image, ...at);
      const place = at.reduce((p, a, axis) => p * (x.shape[2 + axis] as number) + a, 0);
      if (value > best[0]) best = [value, place];
      return 0;
    });
    return best;
  };
  const shape = [...x.shape.slice(0, 2), ...out];
  return [build(shape, (index) => winner(index)[0]), build(shape, (index) => winner(index)[1])];
}

const all = (size: number | Sizes, rank: number): Sizes =>
  typeof size === 'number' ? new Array(rank).fill(size) : size;
const share = (...shape: number[]) => noGradient(randIn(0, 1, ...shape));
const rejects: Rejected[] = [
  { name: 'no size', args: () => [rand(1, 1, 4, 4, 4), 2, {}], code: 'ERR_ARGUMENT', message: /either/ },
  { name: 'windows that do not fit', args: () => [rand(1, 1, 4, 4, 4), 3, { outputSize: 3 }], code: 'ERR_SHAPE' },
  { name: 'a ratio of 1', args: () => [rand(1, 1, 4, 4, 4), 2, { outputRatio: 1 }], code: 'ERR_ARGUMENT' },
  {
    name: 'samples of another shape',
    args: () => [rand(1, 1, 4, 4, 4), 2, { outputSize: 2, randomSamples: rand(1, 1, 1) }],
    code: 'ERR_SHAPE',
  },
];

checkOp('fractionalMaxPool3d', ops.fractionalMaxPool3d as never, {
  reference: (x: NDArray, size: number | Sizes, { outputSize = 1, randomSamples }: Options) =>
    pooled(x, all(size, 3), all(outputSize, 3), randomSamples as NDArray)[0],
  cases: [
    { name: 'volumes', args: [distinct(1, 2, 5, 4, 6), 2, { outputSize: [2, 3, 4], randomSamples: share(1, 2, 3) }] },
  ],
  rejects,
});

interface Options {
  readonly outputSize?: number | Sizes;
  readonly randomSamples?: NDArray;
}
checkOp('fractionalMaxPool2d', ops.fractionalMaxPool2d as never, {
  reference: (x: NDArray, size: number | Sizes, { outputSize = 1, randomSamples }: Options) =>
    pooled(x, all(size, 2), all(outputSize, 2), randomSamples as NDArray)[0],
  cases: [
    { name: 'images', args: [distinct(2, 3, 7, 6), [2, 3], { outputSize: [4, 2], randomSamples: share(2, 3, 2) }] },
    { name: 'one place', args: [distinct(1, 2, 5, 5), 3, { outputSize: 1, randomSamples: share(1, 2, 2) }] },
    { name: 'every place', args: [distinct(1, 1, 5, 5), 2, { outputSize: 4, randomSamples: share(1, 1, 2) }] },
    { name: 'no images', args: [rand(0, 2, 5, 5), 2, { outputSize: 3, randomSamples: share(0, 2, 2) }] },
  ],
  rejects: [{ name: 'volumes', args: () => [rand(1, 1, 4, 4, 4), 2, { outputSize: 2 }], code: 'ERR_SHAPE' }],
});

for (const device of testDevices) {
  test(`fractional pooling gives the places of its maxima and draws its own windows on ${device}`, () =>
    scope(() => {
      const x = ops.randn([2, 3, 9, 8], { device });
      const [values, indices] = ops.fractionalMaxPool2d(x, 2, { outputRatio: 0.6, returnIndices: true });
      assert.deepEqual([...values.shape], [2, 3, 5, 4]);
      assert.equal(indices.dtype, 'int32');
      const flat: Tensor = ops.gather(ops.reshape(x, [2, 3, 72]), 2, ops.reshape(indices, [2, 3, 20]));
      assert.deepEqual(elements(ops.reshape(flat, values.shape)), elements(values));
      const one = ops.select(x, 0, 0);
      assert.deepEqual([...ops.fractionalMaxPool2d(one, 2, { outputSize: 3 }).shape], [3, 3, 3]);
    }));
}

test.run();
