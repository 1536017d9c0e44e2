import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { capture, Generator, grad, manualSeed, nn, scope, setThreads, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = [
  'randint',
  'randperm',
  'randLike',
  'randnLike',
  'randintLike',
  'bernoulli',
  'multinomial',
  'poisson',
  'standardGamma',
  'exponential',
  'gumbel',
  'cauchy',
  'logNormal',
  'geometric',
  'truncNormal',
  'truncNormal_',
  'gumbelSoftmax',
  'uniform_',
  'normal_',
  'exponential_',
  'bernoulli_',
  'alphaDropout',
  'featureDropout',
  'featureAlphaDropout',
];

const count = 20000;

/** The largest distance of the values' distribution from `cdf`: beyond 1.95 / √n with a chance of 0.1 %. */
function distance(values: Float64Array, cdf: (x: number) => number): number {
  const sorted = values.toSorted();
  return sorted.reduce(
    (most, x, i) => Math.max(most, Math.abs(cdf(x) - i / sorted.length), Math.abs(cdf(x) - (i + 1) / sorted.length)),
    0,
  );
}
const bound = 1.95 / Math.sqrt(count);

function moments(values: Float64Array): { mean: number; variance: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}
/** Within five standard errors of a mean. */
function checkMean(values: Float64Array, mean: number, variance: number, label: string): void {
  const got = moments(values);
  assert.ok(
    Math.abs(got.mean - mean) < 5 * Math.sqrt(variance / values.length),
    `${label}: mean ${got.mean}, wanted ${mean}`,
  );
  assert.ok(Math.abs(got.variance / variance - 1) < 0.12, `${label}: variance ${got.variance}, wanted ${variance}`);
}

const continuous: readonly [string, (o: object) => Tensor, (x: number) => number][] = [
  ['exponential', (o) => ops.exponential([count], { rate: 2, ...o }), (x) => 1 - Math.exp(-2 * x)],
  ['gumbel', (o) => ops.gumbel([count], { loc: 1, scale: 2, ...o }), (x) => Math.exp(-Math.exp(-(x - 1) / 2))],
  ['cauchy', (o) => ops.cauchy([count], { median: 1, sigma: 2, ...o }), (x) => 0.5 + Math.atan((x - 1) / 2) / Math.PI],
];

/** The standard normal distribution function to 1e-7 (Abramowitz and Stegun, 7.1.26). */
function phi(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x) * Math.SQRT1_2);
  const series = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce((s, c) => s * t + c, 0);
  const tail = (series * t * Math.exp((-x * x) / 2)) / 2;
  return x < 0 ? tail : 1 - tail;
}
const between = (low: number, high: number) => (x: number) => (phi(x) - phi(low)) / (phi(high) - phi(low));
const truncated: typeof continuous = [
  ['truncNormal', (o) => ops.truncNormal([count], o), between(-2, 2)],
  ['truncNormal of one tail', (o) => ops.truncNormal([count], { low: 1, high: 4, ...o }), between(1, 4)],
  [
    'truncNormal elsewhere',
    (o) => ops.truncNormal([count], { mean: 3, std: 0.5, low: 2.5, high: 5, ...o }),
    (x) => between(-1, 4)((x - 3) / 0.5),
  ],
];

for (const device of testDevices) {
  for (const [name, make, cdf] of [...continuous, ...truncated]) {
    test(`${name} follows its distribution on ${device}`, () =>
      scope(() => {
        for (const dtype of ['float32', 'float64'] as const) {
          manualSeed(5);
          const x = make({ dtype, device });
          const values = elements(x);
          assert.equal(x.dtype, dtype);
          assert.ok(values.every(Number.isFinite));
          const far = distance(values, cdf);
          assert.ok(far < bound, `${name} ${dtype}: distance ${far}`);
          manualSeed(5);
          assert.deepEqual(elements(make({ dtype, device })), values);
        }
      }));
  }

  test(`numbers of other distributions have their moments on ${device}`, () =>
    scope(() => {
      manualSeed(6);
      const v = Math.exp(0.25) - 1;
      checkMean(
        elements(ops.logNormal([count], { std: 0.5, device, dtype: 'float64' })),
        Math.exp(0.125),
        v * Math.exp(0.25),
        'logNormal',
      );
      const trials = elements(ops.geometric([count], { p: 0.3, device }));
      assert.ok(trials.every((k) => Number.isInteger(k) && k >= 1));
      checkMean(trials, 1 / 0.3, 0.7 / 0.09, 'geometric');
      assert.ok(elements(ops.geometric([9], { p: 1, device })).every((k) => k === 1));
      for (const rate of [0.3, 4, 25, 1e4]) {
        for (const dtype of ['float32', 'float64'] as const) {
          const values = elements(ops.poisson(ops.full([count], rate, { dtype, device })));
          assert.ok(values.every((k) => Number.isInteger(k) && k >= 0));
          checkMean(values, rate, rate, `poisson ${rate}`);
        }
      }
      assert.ok(elements(ops.poisson(ops.zeros([3], { device }))).every((k) => k === 0));
      for (const shape of [0.4, 1, 6]) {
        checkMean(elements(ops.standardGamma(ops.full([count], shape, { device }))), shape, shape, `gamma ${shape}`);
      }
    }));

  test(`random integers on ${device}`, () =>
    scope(() => {
      manualSeed(7);
      for (const dtype of ['int32', 'int64', 'uint8', 'float32'] as const) {
        const x = ops.randint([count], { low: 3, high: 9, dtype, device });
        assert.equal(x.dtype, dtype);
        const values = elements(x);
        for (let k = 3; k < 9; k++) {
          const share = values.filter((v) => v === k).length / count;
          assert.ok(Math.abs(share - 1 / 6) < 0.014, `${k}: ${share}`);
        }
        assert.ok(values.every((v) => v >= 3 && v < 9));
      }
      assert.equal(ops.randint([2], { high: 2 ** 40, device }).dtype, 'int64');
      assert.ok(elements(ops.randint([500], { low: -(2 ** 52), high: 2 ** 52, device })).some((v) => v < -(2 ** 51)));
      assert.deepEqual(ops.randintLike(ops.zeros([2, 3], { device }), { high: 2 }).shape, [2, 3]);
      assert.deepEqual(ops.randLike(ops.zeros([2, 3], { device })).shape, [2, 3]);
      assert.equal(ops.randnLike(ops.zeros([2], { device, dtype: 'float64' })).dtype, 'float64');
    }));

  test(`random orders on ${device}`, () =>
    scope(() => {
      manualSeed(8);
      const places = elements(ops.randperm(1000, { device }));
      assert.deepEqual(
        [...places.toSorted()],
        Array.from({ length: 1000 }, (_, i) => i),
      );
      assert.notDeepEqual(
        [...places],
        Array.from({ length: 1000 }, (_, i) => i),
      );
      // Each of the 24 orders of 4 comes about as often.
      const seen = new Map<string, number>();
      for (let i = 0; i < 1200; i++) {
        const key = scope(() => elements(ops.randperm(4, { device })).join());
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      assert.equal(seen.size, 24);
      assert.ok([...seen.values()].every((n) => n > 15 && n < 95));
      assert.deepEqual(ops.randperm(0, { device }).shape, [0]);
    }));

  test(`bernoulli and multinomial draw by their chances on ${device}`, () =>
    scope(() => {
      manualSeed(9);
      const p = ops.full([count], 0.3, { device, requiresGrad: true });
      const yes = ops.bernoulli(p);
      checkMean(elements(yes), 0.3, 0.21, 'bernoulli');
      assert.ok(elements(grad(ops.sum(yes), [p])[0] as Tensor).every((g) => g === 0));
      const weights = tensor([1, 0, 3, 6], { device });
      const drawn = elements(ops.multinomial(weights, count, { replacement: true }));
      [0.1, 0, 0.3, 0.6].forEach((share, k) => {
        const got = drawn.filter((v) => v === k).length / count;
        assert.ok(Math.abs(got - share) < 0.02, `${k}: ${got}`);
      });
      // The first of draws without replacement follows the weights as well.
      const rows = ops.expand(weights, [count, 4]);
      const two = ops.multinomial(rows, 3);
      assert.deepEqual(two.shape, [count, 3]);
      const firsts = elements(ops.select(two, 1, 0));
      assert.ok(Math.abs(firsts.filter((v) => v === 3).length / count - 0.6) < 0.02);
      const all = elements(two);
      for (let row = 0; row < 200; row++) {
        assert.deepEqual([...all.slice(3 * row, 3 * row + 3)].sort(), [0, 2, 3], 'a weight of 0 is not drawn');
      }
      for (const bad of [
        [-1, 2],
        [0, 0],
        [Number.NaN, 1],
        [Infinity, 1],
      ]) {
        for (const replacement of [true, false]) {
          const failed = ops.multinomial(tensor(bad, { device }), 1, { replacement });
          rejects(() => failed.dataSync(), 'ERR_ARGUMENT', /multinomial/);
        }
      }
      const beyond = ops.bernoulli(tensor([0.5, 1.5], { device }));
      rejects(() => beyond.dataSync(), 'ERR_ARGUMENT', /bernoulli/);
      const below = ops.poisson(tensor([-1], { device }));
      rejects(() => below.dataSync(), 'ERR_ARGUMENT', /poisson/);
    }));

  test(`numbers do not depend on threads, and continue from the generator's place on ${device}`, () =>
    scope(() => {
      const draw = (threads: number): Float64Array[] => {
        setThreads(threads);
        const generator = new Generator(3, device);
        const rate = ops.full([9000], 12, { device });
        return [
          ops.randint([70001], { high: 100, generator, device }),
          ops.poisson(rate, { generator }),
          ops.standardGamma(rate, { generator }),
          ops.bernoulli(ops.full([70001], 0.5, { device }), { generator }),
          ops.randperm(3000, { generator, device }),
          ops.poisson(rate, { generator }),
        ].map(elements);
      };
      const one = draw(1);
      assert.deepEqual(draw(4), one);
      setThreads(2);
      assert.notDeepEqual(one[1], one[5]);
    }));

  test(`in-place draws on ${device}`, () =>
    scope(() => {
      manualSeed(10);
      const base = ops.zeros([200, 100], { device });
      const view = ops.transpose(base);
      assert.equal(ops.uniform_(view, { low: 2, high: 4 }), view);
      assert.ok(elements(base).every((v) => v >= 2 && v < 4));
      checkMean(elements(ops.normal_(ops.zeros([count], { device }), { mean: 1, std: 2 })), 1, 4, 'normal_');
      checkMean(
        elements(ops.exponential_(ops.zeros([count], { device, dtype: 'float64' }), { rate: 2 })),
        0.5,
        0.25,
        'exponential_',
      );
      checkMean(
        elements(ops.bernoulli_(ops.zeros([count], { device, dtype: 'int32' }), { p: 0.25 })),
        0.25,
        0.1875,
        'bernoulli_',
      );
      const x = tensor([1, 2], { device, requiresGrad: true });
      const y = ops.mul(x, 2);
      ops.uniform_(y);
      assert.ok(elements(grad(ops.sum(y), [x])[0] as Tensor).every((g) => g === 0));
      rejects(() => ops.uniform_(x), 'ERR_GRAD', /leaf/);
      rejects(() => ops.uniform_(ops.zeros([2], { device, dtype: 'int32' })), 'ERR_DTYPE', /uniform_/);
      rejects(() => ops.bernoulli_(ops.zeros([2], { device }), { p: 2 }), 'ERR_ARGUMENT', /p must/);
      rejects(() => ops.normal_(ops.zeros([2], { device }), { std: -1 }), 'ERR_ARGUMENT', /std/);
    }));

  test(`dropouts of channels and of SELU networks on ${device}`, () =>
    scope(() => {
      manualSeed(11);
      const x = ops.ones([50, 40, 3], { device, requiresGrad: true });
      const y = ops.featureDropout(x, 0.25);
      const values = elements(y);
      for (let c = 0; c < 2000; c++) {
        assert.equal(values[3 * c], values[3 * c + 1]);
        assert.equal(values[3 * c], values[3 * c + 2]);
      }
      const share = values.filter((v) => v === 0).length / values.length;
      assert.ok(Math.abs(share - 0.25) < 0.05);
      assert.deepEqual(elements(grad(ops.sum(y), [x])[0] as Tensor), values);
      const normals = ops.randn([count], { device, dtype: 'float64' });
      const dropped = ops.alphaDropout(normals, 0.3);
      checkMean(elements(dropped), 0, 1, 'alphaDropout');
      const low = Math.min(...elements(ops.alphaDropout(ops.zeros([100], { device, dtype: 'float64' }), 0.3)));
      const a = 1 / Math.sqrt((1.7580993408473766 ** 2 * 0.3 + 1) * 0.7);
      assert.ok(Math.abs(low - (-1.7580993408473766 * a + 1.7580993408473766 * a * 0.3)) < 1e-12);
      const channels = elements(ops.featureAlphaDropout(ops.zeros([20, 10, 2], { device }), 0.5));
      assert.ok(channels.every((v, i) => v === channels[i ^ 1]));
      for (const op of [ops.alphaDropout, ops.featureDropout, ops.featureAlphaDropout]) {
        assert.deepEqual(elements(op(x, { p: 0.5, training: false })), elements(x));
        assert.ok(elements(op(x, 1)).every((v) => v === 0));
        rejects(() => op(x, 2), 'ERR_ARGUMENT', /p must/);
        rejects(() => op(null as never), 'ERR_ARGUMENT', /tensor/);
      }
      rejects(() => ops.featureDropout(ops.ones([3], { device })), 'ERR_SHAPE', /N, C/);
      assert.equal(new nn.Dropout2d(0.5).forward(x).rank, 3);
      assert.equal(new nn.AlphaDropout(0.5).eval().forward(x), x);
    }));

  test(`bad arguments of distributions on ${device}`, () =>
    scope(() => {
      rejects(() => ops.exponential([2], { rate: 0, device }), 'ERR_ARGUMENT', /rate/);
      rejects(() => ops.gumbel([2], { scale: Number.NaN, device }), 'ERR_ARGUMENT', /scale/);
      rejects(() => ops.geometric([2], { p: 0, device }), 'ERR_ARGUMENT', /p must/);
      rejects(() => ops.randint([2], { high: 0, device }), 'ERR_ARGUMENT', /low < high/);
      rejects(() => ops.randint([2], { high: 1.5, device }), 'ERR_ARGUMENT', /integers/);
      rejects(() => ops.randperm(-1, { device }), 'ERR_ARGUMENT', /n must/);
      rejects(() => ops.randperm(3, { dtype: ['int32'] as never, device }), 'ERR_DTYPE', /randperm/);
      rejects(() => ops.multinomial(ops.ones([3], { device }), 4), 'ERR_ARGUMENT', /without/);
      rejects(() => ops.multinomial(ops.ones([2, 2, 2], { device }), 1), 'ERR_SHAPE', /rows/);
      rejects(() => ops.poisson(ops.ones([2], { device, dtype: 'int32' })), 'ERR_DTYPE', /float/);
      rejects(() => ops.bernoulli(0.5 as never), 'ERR_ARGUMENT', /tensor/);
    }));
}

for (const device of testDevices) {
  test(`a captured step draws fresh numbers at each replay on ${device}`, () => {
    manualSeed(12);
    const rate = ops.full([64], 5, { device });
    const step = capture((t: Tensor) => [
      ops.poisson(t),
      ops.bernoulli(ops.div(t, 10)),
      ops.randint([64], { high: 1000, device }),
    ]);
    const seen = [0, 1, 2, 3].map(() => (step(rate) as Tensor[]).map((t) => elements(t).join()).join());
    assert.equal(new Set(seen).size, 4);
    rate.dispose();
  });
}

for (const device of testDevices) {
  test(`truncNormal stays within its bounds and refuses others on ${device}`, () =>
    scope(() => {
      for (const dtype of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
        const x = ops.truncNormal([500], { std: 3, low: -1, high: 0.5, dtype, device });
        assert.equal(x.dtype, dtype);
        assert.ok(elements(x).every((v) => v >= -1 && v <= 0.5));
      }
      const target = ops.zeros([400], { device });
      assert.equal(ops.truncNormal_(target, { low: 5, high: 6 }), target);
      assert.ok(elements(target).every((v) => v >= 5 && v <= 6));
      const weight = nn.init.truncNormal(ops.zeros([20, 20], { device }), { std: 0.02, low: -0.03, high: 0.03 });
      assert.ok(elements(weight).every((v) => Math.abs(v) <= 0.03 + 1e-9));
      rejects(() => ops.truncNormal([2], { low: 1, high: 0, device }), 'ERR_ARGUMENT', /low must be/);
      rejects(() => ops.truncNormal([2], { std: 0, device }), 'ERR_ARGUMENT', /std/);
      rejects(() => ops.truncNormal([2], { dtype: 'int32' as never, device }), 'ERR_DTYPE', /float/);
    }));

  test(`gumbelSoftmax draws classes by their chances, with the gradient of the soft choice, on ${device}`, () =>
    scope(() => {
      manualSeed(3);
      const logits = tensor([0, Math.log(2), Math.log(5)], { device, dtype: 'float64', requiresGrad: true });
      const rows = ops.expand(logits, [8000, 3]);
      const hard = ops.gumbelSoftmax(rows, { hard: true });
      assert.ok(elements(hard).every((v) => Math.abs(v) < 1e-12 || Math.abs(v - 1) < 1e-12));
      const shares = elements(ops.mean(hard, 0));
      [1 / 8, 2 / 8, 5 / 8].forEach((share, i) => {
        assert.ok(Math.abs((shares[i] as number) - share) < 0.03, `class ${i}: ${shares[i]}`);
      });
      manualSeed(3);
      const soft = ops.gumbelSoftmax(rows, { tau: 1 });
      assert.ok(elements(ops.sum(soft, 1)).every((v) => Math.abs(v - 1) < 1e-12));
      const weights = tensor([1, -2, 0.5], { device, dtype: 'float64' });
      const [a] = grad(ops.sum(ops.mul(hard, weights)), [logits], { retainGraph: true }) as [Tensor];
      const [b] = grad(ops.sum(ops.mul(soft, weights)), [logits]) as [Tensor];
      elements(a).forEach((v, i) => {
        assert.ok(Math.abs(v - (elements(b)[i] as number)) < 1e-9);
      });
      assert.deepEqual([...ops.gumbelSoftmax(ops.zeros([0, 3], { device }), { hard: true }).shape], [0, 3]);
      rejects(() => ops.gumbelSoftmax(logits, { tau: 0 }), 'ERR_ARGUMENT', /tau/);
      rejects(() => ops.gumbelSoftmax(logits, { axis: 1 }), 'ERR_SHAPE', /axis/);
    }));
}

test.run();
