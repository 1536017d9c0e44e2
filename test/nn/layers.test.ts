import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { Generator, manualSeed, nn, noGrad, ones, randn, type Tensor, tensor, zeros } from '../../lib/index.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('nn layers');

test('Linear is x · Wᵀ + b', async () => {
  const layer = new nn.Linear(2, 3, { dtype: 'float64' });
  noGrad(() => {
    layer.weight.copy_(
      tensor(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        { dtype: 'float64' },
      ),
    );
    layer.bias?.copy_(tensor([0.5, 0, -0.5], { dtype: 'float64' }));
  });
  const y = layer.forward(
    tensor(
      [
        [1, 1],
        [2, 0],
      ],
      { dtype: 'float64' },
    ),
  );
  assert.deepEqual(await y.toArray(), [
    [3.5, 7, 10.5],
    [2.5, 6, 9.5],
  ]);
  assert.equal(new nn.Linear(2, 3, { bias: false }).bias, null);
  rejects(() => new nn.Linear(0, 3), 'ERR_ARGUMENT', /inFeatures: wanted an integer ≥ 1, got 0/);
});

test('Conv2d and the pools give the shapes of their formulas', () => {
  const x = ones([2, 4, 9, 11]);
  const conv = new nn.Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 });
  assert.deepEqual([...conv.weight.shape], [6, 2, 3, 5]);
  assert.deepEqual([...conv.forward(x).shape], [2, 6, 5, 7]);
  assert.deepEqual([...new nn.MaxPool2d(3, { stride: 2, padding: 1 }).forward(x).shape], [2, 4, 5, 6]);
  assert.deepEqual([...new nn.AvgPool2d(2).forward(x).shape], [2, 4, 4, 5]);
  assert.deepEqual([...new nn.Flatten().forward(x).shape], [2, 396]);
  rejects(() => new nn.Conv2d(4, 6, 3, { groups: 4 }), 'ERR_ARGUMENT', /groups must divide/);
});

test('BatchNorm2d normalises by the batch, follows it, and evaluates by what it followed', async () => {
  const shape = [4, 3, 5, 5];
  const x = randn(shape, { dtype: 'float64', generator: new Generator(3) })
    .mul(2)
    .add(1);
  const norm = new nn.BatchNorm2d(3, { dtype: 'float64', momentum: 0.3 });
  const data = elements(x);
  const values = (c: number): number[] => [...data].filter((_, i) => Math.floor(i / 25) % 3 === c);
  const mean = [0, 1, 2].map((c) => values(c).reduce((a, b) => a + b, 0) / 100);
  const variance = [0, 1, 2].map((c) => values(c).reduce((a, b) => a + (b - (mean[c] ?? 0)) ** 2, 0) / 100);

  const expected = (m: readonly number[], v: readonly number[]): number[] =>
    [...data].map((value, i) => {
      const c = Math.floor(i / 25) % 3;
      return (value - (m[c] ?? 0)) / Math.sqrt((v[c] ?? 0) + 1e-5);
    });
  close(await norm.forward(x).data(), expected(mean, variance), 1e-9);
  const runningMean = mean.map((m) => 0.3 * m);
  const runningVar = variance.map((v) => 0.7 + (0.3 * v * 100) / 99);
  close((await norm.runningMean?.data()) ?? [], runningMean, 1e-9);
  close((await norm.runningVar?.data()) ?? [], runningVar, 1e-9);
  close(await norm.eval().forward(x).data(), expected(runningMean, runningVar), 1e-9);
  close((await norm.runningMean?.data()) ?? [], runningMean, 1e-12);

  const untracked = new nn.BatchNorm2d(3, { dtype: 'float64', affine: false, trackRunningStats: false }).eval();
  assert.equal(untracked.stateDict().size, 0);
  close(await untracked.forward(x).data(), expected(mean, variance), 1e-9);
  rejects(() => norm.forward(zeros([2, 3], { dtype: 'float64' })), 'ERR_SHAPE', /wanted \[N, 3, H, W\], got \[2, 3\]/);
});

test('Dropout drops while training only, by its own generator if given', async () => {
  const x = ones([1000]);
  const layer = new nn.Dropout(0.25, { generator: new Generator(5) });
  const first = elements(layer.forward(x));
  const kept = first.filter((value) => value !== 0);
  assert.ok(kept.length > 680 && kept.length < 820, `${kept.length} of 1000 kept`);
  assert.ok(kept.every((value) => Math.abs(value - 4 / 3) < 1e-6));
  assert.deepEqual(elements(new nn.Dropout(0.25, { generator: new Generator(5) }).forward(x)), first);
  assert.equal(layer.eval().forward(x), x);
  rejects(() => new nn.Dropout(1.5), 'ERR_ARGUMENT', /probability/);
});

test('activations and losses', async () => {
  const x = tensor([[-1, 0, 2]], { dtype: 'float64' });
  close(await new nn.ReLU().forward(x).data(), [0, 0, 2], 0);
  close(await new nn.Tanh().forward(x).data(), [-1, 0, 2].map(Math.tanh), 1e-12);
  close(
    await new nn.Sigmoid().forward(x).data(),
    [-1, 0, 2].map((v) => 1 / (1 + Math.exp(-v))),
    1e-12,
  );
  const total = Math.log(Math.exp(-1) + 1 + Math.exp(2));
  const label = tensor(new Int32Array([2]));
  close([await new nn.CrossEntropyLoss().forward(x, label).item()], [total - 2], 1e-9);
  const smooth = 0.9 * (total - 2) + (0.1 * (3 * total - 1)) / 3;
  close([await new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(x, label).item()], [smooth], 1e-9);
  close([await new nn.MSELoss().forward(x, zeros([1, 3], { dtype: 'float64' })).item()], [5 / 3], 1e-12);
});

test('default initialisation is PyTorch’s and follows the seed', async () => {
  const bound = 1 / Math.sqrt(3 * 25);
  const make = (): nn.Conv2d => new nn.Conv2d(3, 64, 5, { generator: new Generator(11) });
  const conv = make();
  const weight = elements(conv.weight);
  const bias = elements(conv.bias ?? zeros([0]));
  assert.ok(weight.every((value) => Math.abs(value) <= bound));
  assert.ok(Math.max(...weight) > 0.99 * bound && Math.min(...weight) < -0.99 * bound);
  assert.ok(bias.every((value) => Math.abs(value) <= bound));
  assert.deepEqual(elements(make().weight), weight);
  manualSeed(4);
  const a = await new nn.Linear(5, 5).weight.data();
  manualSeed(4);
  assert.deepEqual(await new nn.Linear(5, 5).weight.data(), a);
});

test('init makes orthogonal rows, identities and convolutions that hand through', () => {
  const { init } = nn;
  const wide = { dtype: 'float64' } as const;
  for (const shape of [
    [3, 5],
    [6, 4],
    [4, 2, 3],
  ]) {
    const w = init
      .orthogonal(zeros(shape, wide), { gain: 2, generator: new Generator(1) })
      .reshape([shape[0] as number, -1]);
    const [m, n] = w.shape as [number, number];
    const products = m <= n ? w.matmul(w.transpose()) : w.transpose().matmul(w);
    const side = Math.min(m, n);
    close(
      elements(products),
      Array.from({ length: side * side }, (_, i) => (i % (side + 1) === 0 ? 4 : 0)),
      1e-12,
    );
  }
  assert.deepEqual([...elements(init.eye(zeros([2, 3])))], [1, 0, 0, 0, 1, 0]);
  const conv = new nn.Conv2d(2, 4, 3, { padding: 1, groups: 2, bias: false, ...wide });
  init.dirac(conv.weight, { groups: 2 });
  const x = randn([1, 2, 4, 4], wide);
  const y = conv.forward(x);
  close(elements(y.select(1, 0)), [...elements(x.select(1, 0))], 1e-12);
  close(elements(y.select(1, 2)), [...elements(x.select(1, 1))], 1e-12);
  rejects(() => init.orthogonal(zeros([3])), 'ERR_SHAPE', /rank 2/);
  rejects(() => init.dirac(zeros([3, 3])), 'ERR_SHAPE', /rank 3 to 5/);
  rejects(() => init.eye(zeros([3])), 'ERR_SHAPE', /matrix/);
});

test('init fills with the right spread', async () => {
  const spread = (t: Tensor): number => {
    const values = elements(t);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };
  const fresh = (): Tensor => zeros([200, 100]);
  const near = (value: number, wanted: number): void =>
    assert.ok(Math.abs(value / wanted - 1) < 0.03, `${value}, wanted ${wanted}`);
  const { init } = nn;
  manualSeed(1);
  near(spread(init.kaimingUniform(fresh(), { nonlinearity: 'relu' })), Math.sqrt(2 / 100));
  near(spread(init.kaimingNormal(fresh(), { nonlinearity: 'relu', mode: 'fanOut' })), Math.sqrt(2 / 200));
  near(spread(init.xavierUniform(fresh())), Math.sqrt(2 / 300));
  near(spread(init.xavierNormal(fresh(), { gain: 2 })), 2 * Math.sqrt(2 / 300));
  near(spread(init.uniform(fresh(), -1, 1)), 2 / Math.sqrt(12));
  near(spread(init.normal(fresh(), 5, 0.1)), 0.1);
  assert.deepEqual([...(await init.ones(zeros([2])).data())], [1, 1]);
  assert.deepEqual([...(await init.zeros(ones([2])).data())], [0, 0]);
  const leaf = nn.parameter(zeros([3, 3]));
  assert.equal(init.xavierNormal(leaf), leaf, 'a leaf that requires grad may be initialised');
  assert.equal(init.gain('tanh'), 5 / 3);
  rejects(() => init.xavierUniform(zeros([3])), 'ERR_SHAPE', /rank 2 or more/);
});

test.run();
