// What TensorFlow.js 4.22 has no gradient or a wrong one for, first or second (tensorflow/tfjs issues 3252, 7722, 8721), at a
// glance; the op tables have all of these among their cases.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { gradCheck, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { distinct, rand } from '../support/random.ts';
import { make } from '../support/tensors.ts';

type Fn = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

const squared: readonly number[] = [3, 3];
const table: Record<string, [fn: Fn, ...shapes: (readonly number[])[]]> = {
  'tanh twice': [(x) => ops.tanh(x), [5]],
  'sigmoid twice': [(x) => ops.sigmoid(x), [5]],
  'exp twice': [(x) => ops.exp(x), [5]],
  'elu twice': [(x) => ops.elu(x), [5]],
  'softmax twice': [(x) => ops.softmax(x, -1), [2, 4]],
  einsum: [(a, b) => ops.einsum('bij,jk->ik', a, b), [2, 3, 2], [2, 4]],
  topk: [(x) => ops.topk(x, 2)[0] as Tensor, [2, 5]],
  cumprod: [(x) => ops.cumprod(x, 0), [5]],
  fft: [(x) => ops.rfft(x), [6]],
  'a scatter of rows (ScatterNd)': [
    (x, y) => ops.scatterAdd(x, 0, tensor([[1, 0, 1]], { dtype: 'int64', device: x.device }), y),
    [2, 3],
    [1, 3],
  ],
  'a crop, resized (CropAndResize)': [
    (x) =>
      ops.interpolate(
        ops.slice(x, [
          [0, 1],
          [0, 1],
          [1, 3],
          [0, 2],
        ]),
        { size: [3, 3], mode: 'bilinear' },
      ),
    [1, 1, 4, 3],
  ],
  qr: [(x) => ops.qr(ops.add(ops.mul(x, 0.1), ops.eye(3, { dtype: 'float64', device: x.device }))), squared],
  'a dilated convolution': [(x, w) => ops.conv2d(x, w, null, { dilation: 2 }), [1, 1, 5, 4], [2, 1, 2, 2]],
  'batches times one matrix': [(a, b) => ops.matmul(a, b), [2, 2, 3], [3, 2]],
  'batches times fewer batches': [(a, b) => ops.matmul(a, b), [2, 2, 2, 3], [2, 3, 2]],
};

for (const device of testDevices) {
  for (const [name, [fn, ...shapes]] of Object.entries(table)) {
    test(`${name}, to second order on ${device}`, () => {
      scope(() => {
        const inputs = shapes.map((shape) =>
          make(name === 'topk' ? distinct(...shape) : rand(...shape), {
            device,
            dtype: 'float64',
            layout: 'contiguous',
          }),
        );
        assert.ok(gradCheck(fn, inputs, { order: 2 }));
      });
    });
  }
}

test.run();
