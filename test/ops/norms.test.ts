import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, grad, scope, type Tensor, tensor } from '../../lib/index.ts';
import { kernels } from '../../lib/native/kernels.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpTest } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, noGradient, rand, randAway, randInt } from '../support/random.ts';
import { close } from '../support/rejects.ts';
import * as reference from '../support/reference/loss.ts';
import { full, type NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

// The deviation from the mean is divided by the spread: errors are relative to the largest value, not to each.
function largest<A extends unknown[]>(f: (...args: A) => NDArray): (...args: A) => NDArray {
  return (...args) => {
    const y = f(...args);
    return full(
      y.shape,
      y.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
    );
  };
}

const few: NonNullable<OpTest['cases'][number]['layouts']> = ['contiguous', 'transposed', 'sliced', 'reversed'];

checkOp('layerNorm', ops.layerNorm, {
  reference: reference.layerNorm,
  magnitude: largest(reference.layerNorm),
  ulps: 16,
  cases: [
    { name: 'rows, with weight and bias', args: [rand(3, 7), 7, { weight: rand(7), bias: rand(7) }] },
    { name: 'two axes', args: [rand(2, 3, 4), [3, 4], { weight: rand(3, 4), bias: rand(3, 4) }], layouts: few },
    { name: 'a weight alone', args: [rand(5, 3), 3, { weight: rand(3) }], layouts: few },
    { name: 'a bias alone', args: [rand(5, 3), 3, { bias: rand(3) }], layouts: ['contiguous'] },
    { name: 'neither', args: [rand(2, 2, 5), 5, { eps: 0.1 }], layouts: few },
    { name: 'one row', args: [rand(6), 6], layouts: ['contiguous'] },
    { name: 'no rows', args: [rand(0, 4), 4], layouts: ['contiguous'] },
    {
      name: 'long rows',
      args: [rand(3, 2500), 2500, { weight: rand(2500) }],
      grad: false,
      layouts: ['contiguous', 'transposed'],
    },
    { name: 'many rows', args: [rand(3000, 33), 33], grad: false, layouts: ['contiguous'] },
    { name: 'a large mean', args: [given([10001, 10002, 10003, 10004]), 4], grad: false, dtypes: ['float64'] },
  ],
  rejects: [
    { name: 'a shape that does not end so', args: () => [rand(3, 4), 3], code: 'ERR_SHAPE', message: /end in \[3\]/ },
    { name: 'a weight of another shape', args: () => [rand(3, 4), 4, { weight: rand(3) }], code: 'ERR_SHAPE' },
    { name: 'integers', args: () => [randInt(0, 3, [2, 2]), 2], code: 'ERR_DTYPE' },
    { name: 'no shape', args: () => [rand(2, 2), []], code: 'ERR_ARGUMENT' },
    { name: 'a negative eps', args: () => [rand(2, 2), 2, { eps: -1 }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('rmsNorm', ops.rmsNorm, {
  reference: (x: NDArray, shape: number, o: { weight?: NDArray; eps?: number } = {}) =>
    reference.layerNorm(x, shape, { eps: 2 ** -52, ...o, center: false }),
  ulps: 16,
  cases: [
    { name: 'rows, with a weight', args: [rand(3, 7), 7, { weight: rand(7), eps: 1e-3 }] },
    { name: 'two axes', args: [rand(2, 3, 4), [3, 4], { eps: 1e-6 }], layouts: few },
  ],
  rejects: [{ name: 'another shape', args: () => [rand(3, 4), [4, 4]], code: 'ERR_SHAPE' }],
});

checkOp('groupNorm', ops.groupNorm, {
  reference: reference.groupNorm,
  magnitude: largest(reference.groupNorm),
  ulps: 16,
  cases: [
    { name: 'images', args: [rand(2, 4, 3, 2), 2, { weight: rand(4), bias: rand(4) }], layouts: few },
    { name: 'one group', args: [rand(3, 5), 1, { eps: 0.01 }], layouts: few },
    { name: 'a group each', args: [rand(2, 3, 4), 3], layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'groups that do not divide', args: () => [rand(2, 4), 3], code: 'ERR_ARGUMENT' },
    { name: 'rank 1', args: () => [rand(4), 1], code: 'ERR_SHAPE' },
    { name: 'a weight of another length', args: () => [rand(2, 4), 2, { weight: rand(2) }], code: 'ERR_SHAPE' },
  ],
});

const instance = (x: NDArray, o: { weight?: NDArray; bias?: NDArray; eps?: number } = {}): NDArray =>
  reference.groupNorm(x, x.shape[1] as number, o);
checkOp('instanceNorm', ops.instanceNorm, {
  reference: instance,
  magnitude: largest(instance),
  ulps: 16,
  cases: [
    { name: 'images', args: [rand(2, 3, 2, 4), { weight: rand(3), bias: rand(3) }], layouts: few },
    { name: 'signals', args: [rand(2, 3, 5), { eps: 0.1 }], layouts: few },
  ],
  rejects: [
    { name: 'rank 2', args: () => [rand(2, 3)], code: 'ERR_SHAPE' },
    { name: 'one value a channel', args: () => [rand(2, 3, 1)], code: 'ERR_SHAPE' },
    { name: 'no statistics to read', args: () => [rand(2, 3, 2), { useInputStats: false }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('localResponseNorm', ops.localResponseNorm, {
  reference: reference.localResponse,
  ulps: 16,
  cases: [
    { name: 'an odd window', args: [rand(2, 5, 3), 3, { alpha: 0.5 }] },
    { name: 'an even window', args: [rand(2, 4), 2, { alpha: 1, beta: 0.5, k: 0.5 }], layouts: few },
  ],
  rejects: [
    { name: 'a window of nothing', args: () => [rand(2, 4), 0], code: 'ERR_ARGUMENT' },
    { name: 'rank 1', args: () => [rand(4), 3], code: 'ERR_SHAPE' },
  ],
});

checkOp('normalize', ops.normalize, {
  reference: reference.normalize,
  ulps: 8,
  cases: [
    { name: 'rows', args: [randAway(0.1, 3, 4)] },
    { name: 'columns, the sum of magnitudes', args: [randAway(0.1, 3, 4), { p: 1, axis: 0 }], layouts: few },
    { name: 'zeros', args: [given([0, 0, 3, 4], [2, 2])], grad: false },
    { name: 'a power of 3', args: [randAway(0.2, 2, 5), { p: 3, axis: -1 }], layouts: few },
  ],
  rejects: [{ name: 'an axis out of range', args: () => [rand(3), { axis: 1 }], code: 'ERR_SHAPE' }],
});

checkOp('cosineSimilarity', ops.cosineSimilarity, {
  reference: reference.cosineSimilarity,
  magnitude: (a: NDArray, b: NDArray, o?: object) => full(reference.cosineSimilarity(a, b, o).shape, 1),
  ulps: 16,
  cases: [
    { name: 'rows', args: [rand(3, 4), rand(3, 4)] },
    { name: 'broadcast', args: [rand(3, 1, 4), rand(2, 4), { axis: -1 }], layouts: few },
    { name: 'columns', args: [rand(3, 4), rand(3, 4), { axis: 0 }], layouts: few },
  ],
  rejects: [{ name: 'another dtype', args: () => [rand(2, 2), randInt(0, 3, [2, 2])], code: 'ERR_DTYPE' }],
});

checkOp('weightNorm', ops.weightNorm, {
  reference: reference.weightNorm,
  ulps: 8,
  cases: [
    { name: 'by rows', args: [randAway(0.1, 3, 4), rand(3)] },
    { name: 'kept axes', args: [randAway(0.1, 3, 2, 2), rand(3, 1, 1)], layouts: few },
    { name: 'by columns', args: [randAway(0.1, 3, 4), rand(4), 1], layouts: few },
    { name: 'as a whole', args: [randAway(0.1, 3, 4), rand(), null], layouts: ['contiguous'] },
  ],
  rejects: [{ name: 'lengths of another shape', args: () => [rand(3, 4), rand(4)], code: 'ERR_SHAPE' }],
});

const still = { iterations: 0 };
checkOp('spectralNorm', ops.spectralNorm, {
  reference: reference.spectralNorm,
  ulps: 64, // σ is a sum of terms of either sign
  cases: [
    {
      name: 'given vectors',
      args: [randAway(0.5, 3, 4), noGradient(given([1, 0.5, 0.25])), noGradient(given([1, 1, -1, 0.5])), still],
    },
  ],
  rejects: [
    { name: 'a vector', args: () => [rand(3), rand(3), rand(1)], code: 'ERR_SHAPE' },
    { name: 'a left vector of another length', args: () => [rand(3, 2), rand(2), rand(2)], code: 'ERR_SHAPE' },
    {
      name: 'iterations without end',
      args: () => [rand(3, 2), rand(3), rand(2), { iterations: 2 ** 31 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'half an iteration',
      args: () => [rand(3, 2), rand(3), rand(2), { iterations: 0.5 }],
      code: 'ERR_ARGUMENT',
    },
  ],
});

for (const device of testDevices) {
  test(`power iterations find the largest singular value on ${device}`, () => {
    scope(() => {
      const w = tensor(Float64Array.of(3, 0, 0, 0, 5, 0), { shape: [2, 3], device });
      const u = tensor(Float64Array.of(0.6, 0.8), { device });
      const v = tensor(Float64Array.of(1, 1, 1), { device });
      const y = ops.spectralNorm(w, u, v, { iterations: 60 });
      close(elements(y), [0.6, 0, 0, 0, 1, 0], 1e-9);
      close(elements(u), [0, 1], 1e-9);
      close(elements(v), [0, 1, 0], 1e-9);
    });
  });

  test(`instanceNorm follows and reads running statistics on ${device}`, () => {
    scope(() => {
      const x = tensor(Float64Array.of(1, 3, 5, 9), { shape: [2, 1, 2], device });
      const runningMean = ops.zeros([1], { dtype: 'float64', device });
      const runningVar = ops.ones([1], { dtype: 'float64', device });
      const y = ops.instanceNorm(x, { runningMean, runningVar, momentum: 0.5, eps: 0 });
      close(elements(y), [-1, 1, -1, 1], 1e-12);
      // Means 2 and 7, unbiased variances 2 and 8, each half way from where they were.
      close(elements(runningMean), [(1 + 3.5) / 2], 1e-12);
      close(elements(runningVar), [(1.5 + 4.5) / 2], 1e-12);
      const z = ops.instanceNorm(x, { runningMean, runningVar, useInputStats: false, eps: 0 });
      close(
        elements(z),
        [1, 3, 5, 9].map((v) => (v - 2.25) / Math.sqrt(3)),
        1e-12,
      );
      assert.equal(y.requiresGrad, false);
    });
  });
}

for (const device of testDevices) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`the three gradients of a row norm in one kernel are those of two, to the bit (${dtype} on ${device})`, () => {
      for (const [rows, width] of [
        [1, 1],
        [3, 7],
        [18, 64],
        [37, 130],
        [70, 1100],
        [0, 5],
        [5, 0],
      ] as const) {
        scope(() => {
          const generator = new Generator(5, device);
          const make = (...shape: number[]): Tensor => ops.randn(shape, { dtype, device, generator }) as Tensor;
          const [x, dy, weight] = [make(rows, width), make(rows, width), make(width)];
          const [mean, rstd] = [make(rows), ops.exp(make(rows))];
          for (const w of [weight, null]) {
            const [dx, dWeight, dBias] = [make(rows, width), make(width), make(width)];
            const [dx2, dWeight2, dBias2] = [make(rows, width), make(width), make(width)];
            kernels.rowNormGrad(dx, x, mean, rstd, w, dy, 1);
            kernels.rowNormGradWeight(dWeight, dBias, x, mean, rstd, dy);
            kernels.rowNormGrads(dx2, dWeight2, dBias2, x, mean, rstd, w, dy, 1);
            for (const [one, two] of [
              [dx, dx2],
              [dWeight, dWeight2],
              [dBias, dBias2],
            ] as const)
              assert.deepEqual(elements(one), elements(two));
          }
        });
      }
    });
  }
}

test('rows of a tensor larger than caches are what they are alone, to the bit', () => {
  scope(() => {
    const width = 1024;
    const [x, dy, weight, bias] = [[4200, width], [4200, width], [width], [width]].map((shape, seed) =>
      ops.randn(shape, { generator: new Generator(seed) }),
    ) as [Tensor, Tensor, Tensor, Tensor];
    const some = (t: Tensor): Tensor => ops.narrow(t, 0, 64, 9);
    const both = (rows: Tensor, slope: Tensor): Tensor[] => {
      const leaf = rows.detach();
      leaf.requiresGrad = true;
      const y = ops.layerNorm(leaf, width, { weight, bias });
      return [y.detach(), grad(y, [leaf], { gradOutputs: slope })[0] as Tensor];
    };
    const alone = both(some(x), some(dy));
    both(x, dy).forEach((all, i) => {
      assert.deepEqual(elements(some(all)), elements(alone[i] as Tensor));
    });
  });
});

test.run();
