// Layers that pad, reshape, compare two inputs or take a softmax: what they hand on, and how they print.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { nn, ones, scope, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const same = (a: Tensor, b: Tensor): void => {
  assert.deepEqual([...a.shape], [...b.shape]);
  assert.deepEqual(elements(a), elements(b));
};
const text = (module: nn.Module): string => module.toString().split('\n')[0] as string;

test('padding layers are pad with its modes', () =>
  scope(() => {
    const shapes = { 1: [1, 2, 4], 2: [1, 2, 4, 5], 3: [1, 2, 4, 5, 3] } as const;
    const modes = { Reflection: 'reflect', Replication: 'replicate', Circular: 'circular', Zero: 'constant' } as const;
    const layers = nn as unknown as Record<string, new (padding: nn.Border, value?: number) => nn.Layer>;
    for (const rank of [1, 2, 3] as const) {
      const x = ops.randn(shapes[rank]);
      const sides = [1, 2, 0, 1, 2, 1].slice(0, 2 * rank);
      for (const [name, mode] of Object.entries(modes)) {
        const Layer = layers[`${name}Pad${rank}d`] as (typeof layers)[string];
        same(new Layer(sides).forward(x), ops.pad(x, sides, { mode }));
        same(new Layer(1).forward(x), ops.pad(x, new Array(2 * rank).fill(1), { mode }));
      }
      const Constant = layers[`ConstantPad${rank}d`] as (typeof layers)[string];
      same(new Constant(sides, 3).forward(x), ops.pad(x, sides, { value: 3 }));
    }
    assert.equal(text(new nn.ConstantPad2d([1, 2, 3, 4], 7)), 'ConstantPad2d(1, 2, 3, 4, value 7)');
    assert.equal(text(new nn.ZeroPad1d(2)), 'ZeroPad1d(2)');
    rejects(() => new nn.ReflectionPad2d([1, 2]), 'ERR_ARGUMENT', /padding: wanted an integer or 4 of them/);
    rejects(() => new nn.ConstantPad1d(1, Number.NaN), 'ERR_ARGUMENT', /value/);
  }));

test('softmax layers', () =>
  scope(() => {
    const x = ops.randn([2, 3, 4, 5]);
    same(new nn.Softmax(1).forward(x), ops.softmax(x, 1));
    same(new nn.LogSoftmax().forward(x), ops.logSoftmax(x));
    same(new nn.Softmin(-2).forward(x), ops.softmin(x, -2));
    same(new nn.Softmax2d().forward(x), ops.softmax(x, 1));
    rejects(() => new nn.Softmax2d().forward(ones([2, 3])), 'ERR_SHAPE', /wanted \[N, C, H, W\]/);
    rejects(() => new nn.Softmax(0.5), 'ERR_ARGUMENT', /axis/);
    assert.equal(text(new nn.Softmax(1)), 'Softmax(1)');
  }));

test('layers that move elements', () =>
  scope(() => {
    const x = ops.randn([2, 6, 4, 4]);
    assert.equal(new nn.Identity().forward(x), x);
    same(new nn.Unflatten(1, [2, -1]).forward(x), ops.reshape(x, [2, 2, 3, 4, 4]));
    const columns = new nn.Unfold([2, 3], { stride: 2 }).forward(x);
    same(columns, ops.im2col(x, [2, 3], { stride: 2 }));
    same(new nn.Fold(4, [2, 3], { stride: 2 }).forward(columns), ops.col2im(columns, 4, [2, 3], { stride: 2 }));
    assert.equal(text(new nn.Fold(4, [2, 3])), 'Fold(4, 2×3)');
    rejects(() => new nn.Unflatten(1, 3 as never), 'ERR_ARGUMENT', /sizes/);
  }));

test('layers of two inputs', () =>
  scope(() => {
    const [a, b] = [ops.randn([5, 3]), ops.randn([5, 3])];
    same(new nn.CosineSimilarity({ axis: 0 }).forward(a, b), ops.cosineSimilarity(a, b, { axis: 0 }));
    same(new nn.PairwiseDistance({ p: 1 }).forward(a, b), ops.pairwiseDistance(a, b, { p: 1 }));
    const layer = new nn.Bilinear(3, 3, 4);
    same(layer.forward(a, b), ops.bilinear(a, b, layer.weight, layer.bias));
    assert.ok(elements(layer.weight).every((v) => Math.abs(v) <= 1 / Math.sqrt(3)));
    assert.equal(text(new nn.Bilinear(3, 3, 4, { bias: false })), 'Bilinear(3, 3, 4, bias: false)');
    layer.dispose();
  }));

test('losses and pools with modules of their own', () =>
  scope(() => {
    const [x, y, z] = [ops.randn([3, 4]), ops.randn([3, 4]), ops.randn([3, 4])];
    const labels = tensor([3, 0, -1, 1, 2, -1, 0, 0, 1, 2, 3, -1], { dtype: 'int32' }).reshape([3, 4]);
    same(new nn.MultiLabelMarginLoss().forward(x, labels), ops.multilabelMarginLoss(x, labels));
    const distance = (a: Tensor, b: Tensor): Tensor => ops.sum(ops.abs(ops.sub(a, b)), 1);
    const options = { distance, margin: 2, reduction: 'none' } as const;
    same(
      new nn.TripletMarginWithDistanceLoss(options).forward(x, y, z),
      ops.tripletMarginWithDistanceLoss(x, y, z, options),
    );
    const volume = ops.rand([1, 2, 4, 4, 4]);
    same(new nn.LPPool3d(2, 2).forward(volume), ops.lpPool3d(volume, 2, 2));
    const images = ops.select(volume, 2, 0);
    assert.deepEqual([...new nn.FractionalMaxPool2d(2, { outputSize: 3 }).forward(images).shape], [1, 2, 3, 3]);
    const ratio = new nn.FractionalMaxPool3d(2, { outputRatio: 0.5 });
    assert.deepEqual([...ratio.forward(volume).shape], [1, 2, 2, 2, 2]);
    assert.equal(text(ratio), 'FractionalMaxPool3d(2)');
    assert.equal(new nn.Dropout3d(0.5).eval().forward(volume), volume);
    assert.deepEqual([...new nn.InstanceNorm2d(2).forward(images).shape], [1, 2, 4, 4]);
  }));

test.run();
