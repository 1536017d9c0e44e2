import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, grad, scope, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { rand } from '../support/random.ts';
import { full, type NDArray } from '../support/reference/ndarray.ts';
import { batchNorm } from '../support/reference/reduce.ts';
import { elements } from '../support/tensors.ts';

checkOp('batchNorm', (x, weight, bias) => ops.batchNorm(x, { weight, bias, training: true }), {
  reference: (x: NDArray, weight: NDArray | undefined, bias: NDArray | undefined) =>
    batchNorm(x, { weight: weight ?? null, bias: bias ?? null, eps: 1e-5 }),
  // The deviation from the mean is divided by the spread: errors are relative to the largest value, not to each.
  ulps: 16,
  magnitude: (x: NDArray, weight: NDArray | undefined, bias: NDArray | undefined) => {
    const y = batchNorm(x, { weight: weight ?? null, bias: bias ?? null, eps: 1e-5 });
    return full(
      y.shape,
      y.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
    );
  },
  cases: [
    {
      name: 'images',
      args: [rand(3, 2, 4, 5), rand(2), rand(2)],
      layouts: ['contiguous', 'transposed', 'sliced', 'reversed'],
    },
    {
      name: 'features',
      args: [rand(6, 3), rand(3), rand(3)],
      layouts: ['contiguous', 'transposed', 'sliced', 'reversed'],
    },
    {
      name: 'neither weight nor bias',
      args: [rand(5, 2, 3, 3)],
      layouts: ['contiguous', 'transposed', 'sliced', 'reversed'],
    },
    { name: 'one channel', args: [rand(3, 1, 3, 4), rand(1), rand(1)], layouts: ['contiguous', 'sliced', 'reversed'] },
    { name: 'planes of one row', args: [rand(3, 2, 7), rand(2), rand(2)] },
    {
      name: 'planes longer than a block',
      args: [rand(2, 2, 40, 40), rand(2), rand(2)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
      dtypes: ['float32'],
    },
    {
      name: 'short planes, of which many make a block',
      args: [rand(45, 2, 7, 7), rand(2), rand(2)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
      dtypes: ['float32'],
    },
    {
      name: 'many rows of features',
      args: [rand(700, 70), rand(70), rand(70)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
      dtypes: ['float32'],
    },
    {
      name: 'many values in a channel',
      args: [rand(16, 3, 24, 24), rand(3), rand(3)],
      grad: false,
      layouts: ['contiguous', 'transposed'],
      dtypes: ['float32'],
    },
  ],
});

for (const device of testDevices) {
  test(`running statistics follow momentum and are used in evaluation on ${device}`, () => {
    const x = tensor(
      [
        [1, 10],
        [3, 30],
        [5, 20],
        [7, 40],
      ],
      { device },
    );
    const mean = ops.zeros([2], { device });
    const variance = ops.ones([2], { device });
    const y = ops.batchNorm(x, { runningMean: mean, runningVar: variance, training: true, momentum: 0.1 });
    const close = (got: ArrayLike<number>, wanted: readonly number[]): void =>
      wanted.forEach((w, i) => {
        assert.ok(
          Math.abs((got[i] ?? Number.NaN) - w) < 1e-5 * Math.max(1, Math.abs(w)),
          `wanted ${wanted}, got ${Array.from(got)}`,
        );
      });
    close(elements(mean), [0.4, 2.5]);
    close(elements(variance), [0.9 + 0.1 * (20 / 3), 0.9 + 0.1 * (500 / 3)]);
    const z = ops.batchNorm(x, { runningMean: mean, runningVar: variance, training: false });
    close(
      elements(z),
      [1, 10, 3, 30, 5, 20, 7, 40].map((v, i) =>
        i % 2 === 0 ? (v - 0.4) / Math.sqrt(0.9 + 2 / 3 + 1e-5) : (v - 2.5) / Math.sqrt(0.9 + 50 / 3 + 1e-5),
      ),
    );
    throwsCode(() => ops.batchNorm(x, { training: false }), 'ERR_ARGUMENT', 'evaluation without statistics');
    throwsCode(
      () => ops.batchNorm(x, { weight: ops.ones([3], { device }), training: true }),
      'ERR_SHAPE',
      'a weight of another size',
    );
    throwsCode(() => ops.batchNorm(ops.ones([3], { device }), { training: true }), 'ERR_SHAPE', 'rank 1');
    for (const t of [x, y, z, mean, variance]) t.dispose();
  });
}

/** dx, dWeight and dBias of batchNorm(x), by the kernel or by ops. */
function slopes(x: Tensor, dy: Tensor, createGraph: boolean): Tensor[] {
  const [weight, bias] = [1, 2].map((seed) => filled([x.shape[1] as number], seed));
  const to = [x, weight as Tensor, bias as Tensor];
  for (const t of to) t.requiresGrad = true;
  return grad(ops.batchNorm(x, { weight, bias, training: true }), to, { gradOutputs: dy, createGraph }) as Tensor[];
}

const filled = (shape: readonly number[], seed: number): Tensor =>
  ops.randn([...shape], { generator: new Generator(seed) });

for (const shape of [
  [45, 2, 7, 7],
  [3, 2, 40, 40],
  [33, 5],
  [2100, 70],
  [3, 7, 30, 28], // turned below: channels last
]) {
  test(`gradients of [${shape}] by the kernel are those by ops`, () => {
    scope(() => {
      const turned = shape[1] === 7;
      const laid = (t: Tensor): Tensor => (turned ? ops.permute(t, [0, 3, 1, 2]) : t);
      const [x, dy] = [laid(filled(shape, 3)), laid(filled(shape, 4))];
      const [fast, slow] = [false, true].map((graph) => slopes(x, dy, graph).map((t) => elements(t.detach())));
      fast?.forEach((got, k) => {
        const wanted = slow?.[k] as ArrayLike<number>;
        const most = got.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const apart = got.reduce((m, v, i) => Math.max(m, Math.abs(v - (wanted[i] as number))), 0);
        assert.ok(apart <= 1e-5 * most, `${k}: ${apart} of ${most}`);
      });
    });
  });
}

test('a channel of a tensor larger than caches is what it is alone, to the bit', () => {
  scope(() => {
    const shape = [2, 3, 1000, 704];
    const [x, dy] = [filled(shape, 5), filled(shape, 6)];
    const channel = (t: Tensor): Tensor => ops.narrow(t, 1, 1, 1);
    const y = ops.batchNorm(x, { training: true });
    assert.deepEqual(elements(channel(y)), elements(ops.batchNorm(channel(x), { training: true })));
    const dx = (at: Tensor, g: Tensor): Tensor => {
      const leaf = at.detach();
      leaf.requiresGrad = true;
      return grad(ops.batchNorm(leaf, { training: true }), [leaf], { gradOutputs: g })[0] as Tensor;
    };
    assert.deepEqual(elements(channel(dx(x, dy))), elements(dx(channel(x), channel(dy))));
  });
});

test.run();
