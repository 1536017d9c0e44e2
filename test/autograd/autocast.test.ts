// autocast: which dtypes results and gradients have, what stays exact, and that the mode is ambient and nothing else.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType, Tensor } from '../../lib/index.ts';
import {
  autocast,
  batchNorm,
  capture,
  conv2d,
  crossEntropy,
  linear,
  logSoftmax,
  matmul,
  mseLoss,
  nn,
  ones,
  randn,
  softmax,
  tensor,
  variance,
} from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { roundedArray } from '../support/random.ts';
import { NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const code = (wanted: string) => (error: { code?: string }) => error.code === wanted;
const half = ['float16', 'bfloat16'] as const;
const values = (t: Tensor): number[] => [...elements(t)];

for (const device of testDevices) {
  for (const dtype of half) {
    test(`${dtype}: products are lowered, losses and normalisations are not, on ${device}`, () => {
      const x = randn([4, 3], { device });
      const w = randn([5, 3], { device });
      const labels = tensor([0, 1, 2, 3], { dtype: 'int32', device });
      const found: Record<string, DType> = autocast({ dtype }, () => {
        const y = linear(x, w, ones([5], { device }));
        const image = conv2d(ones([1, 1, 4, 4], { device }), ones([2, 1, 3, 3], { device }));
        return {
          linear: y.dtype,
          chained: matmul(y, w).dtype,
          conv2d: image.dtype,
          softmax: softmax(y).dtype,
          logSoftmax: logSoftmax(y, 0).dtype,
          sum: y.sum().dtype,
          relu: y.relu().dtype,
          mixed: y.add(ones([5], { device })).dtype,
          crossEntropy: crossEntropy(y, labels).dtype,
          mseLoss: mseLoss(y, y).dtype,
          batchNorm: batchNorm(y, { training: true }).dtype,
          variance: variance(y).dtype,
          wide: matmul(x.to('float64'), x.to('float64').transpose()).dtype,
        };
      });
      const low = ['linear', 'chained', 'conv2d', 'relu'];
      for (const [name, got] of Object.entries(found))
        assert.is(got, name === 'wide' ? 'float64' : low.includes(name) ? dtype : 'float32', name);
    });

    test(`${dtype}: a product is that of the rounded operands, rounded, on ${device}`, () => {
      const a = randn([3, 7], { device });
      const b = randn([7, 2], { device });
      const [ra, rb] = [a.to(dtype).to('float64'), b.to(dtype).to('float64')];
      const exact = matmul(ra, rb);
      const wanted = roundedArray(new NDArray([6], values(exact)), dtype).data;
      const got = values(autocast({ dtype }, () => matmul(a, b)));
      // float32 sums may fall on the other side of a tie.
      got.forEach((x, i) => {
        assert.ok(Math.abs(x - (wanted[i] as number)) <= Math.abs(x) * 2 ** (dtype === 'float16' ? -10 : -7));
      });
    });

    test(`${dtype}: gradients arrive in the leaves' dtypes, inside and outside, on ${device}`, () => {
      const w = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device, requiresGrad: true },
      );
      const low = tensor(
        [
          [1, -1],
          [2, 0.5],
        ],
        { device, dtype, requiresGrad: true },
      );
      const loss = autocast({ dtype }, () => matmul(w, low).square().sum());
      assert.is(loss.dtype, 'float32');
      loss.backward();
      assert.is(w.grad?.dtype, 'float32');
      assert.is(low.grad?.dtype, dtype);
      const outside = values(w.grad as Tensor);
      w.grad = null;
      low.grad = null;
      autocast({ dtype }, () => matmul(w, low).square().sum().backward());
      assert.equal(values(w.grad as unknown as Tensor), outside);
      // d/dw of Σ (w·l)² = 2 (w·l) lᵀ, small whole numbers that every dtype holds.
      assert.equal(outside, [10, 20, 24, 43]);
    });
  }

  test(`without autocast half tensors keep their dtype and mixed products are refused, on ${device}`, () => {
    const h = ones([2, 2], { dtype: 'float16', device });
    assert.is(matmul(h, h).dtype, 'float16');
    assert.is(softmax(h).dtype, 'float16');
    assert.is(mseLoss(h, h).dtype, 'float16');
    assert.throws(() => matmul(h, ones([2, 2], { device })), code('ERR_DTYPE'));
    assert.is(autocast({ enabled: false }, () => matmul(h, h)).dtype, 'float16');
    assert.is(
      autocast({ dtype: 'bfloat16' }, () =>
        autocast({ enabled: false }, () => matmul(h.to('float32'), h.to('float32'))),
      ).dtype,
      'float32',
    );
  });
}

test('the mode follows its own task through awaits and ends with it', async () => {
  const run = async (dtype: 'float16' | 'bfloat16'): Promise<DType> =>
    autocast({ dtype }, async () => {
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      return matmul(ones([2, 2]), ones([2, 2])).dtype;
    });
  assert.equal(await Promise.all([run('float16'), run('bfloat16'), run('float16')]), [
    'float16',
    'bfloat16',
    'float16',
  ]);
  assert.is(matmul(ones([2, 2]), ones([2, 2])).dtype, 'float32');
});

test('a captured step has a form for each mode', () => {
  const model = new nn.Linear(3, 2);
  const step = capture((x: Tensor) => model.forward(x).mul(1));
  const x = ones([4, 3]);
  for (let i = 0; i < 5; i++) {
    assert.is(step(x).dtype, 'float32');
    assert.is(autocast({ dtype: 'bfloat16' }, () => step(x)).dtype, 'bfloat16');
  }
});

test('bad options are refused', () => {
  const fn = (): number => 1;
  assert.throws(() => autocast({ dtype: 'float32' as 'float16' }, fn), code('ERR_DTYPE'));
  assert.throws(() => autocast({ enabled: 1 as unknown as boolean }, fn), code('ERR_ARGUMENT'));
  assert.throws(() => autocast(null as unknown as object, fn), code('ERR_ARGUMENT'));
  assert.throws(() => autocast({}, null as unknown as () => void), code('ERR_ARGUMENT'));
});

test.run();
