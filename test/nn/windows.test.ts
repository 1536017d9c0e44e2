// Layers of convolution and pooling: shapes, start values, what they hand on, how they print.
import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { Generator, nn, ones, randn, type Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('nn windows');

test('convolutions over 1 to 3 axes and back', () => {
  const shape = (layer: nn.Layer, ...size: number[]): number[] => [...layer.forward(ones(size)).shape];
  assert.deepEqual(shape(new nn.Conv1d(2, 4, 3, { stride: 2, padding: 1 }), 5, 2, 9), [5, 4, 5]);
  assert.deepEqual(shape(new nn.Conv2d(2, 4, [2, 4], { padding: 'same' }), 2, 6, 5), [4, 6, 5]);
  assert.deepEqual(shape(new nn.Conv3d(2, 4, [1, 2, 3], { dilation: [1, 2, 1] }), 1, 2, 3, 5, 6), [1, 4, 3, 3, 4]);
  assert.deepEqual(shape(new nn.ConvTranspose1d(2, 4, 3, { stride: 2, outputPadding: 1 }), 1, 2, 4), [1, 4, 10]);
  assert.deepEqual(shape(new nn.ConvTranspose2d(2, 4, 2, { stride: 2, groups: 2 }), 1, 2, 4, 3), [1, 4, 8, 6]);
  assert.deepEqual(shape(new nn.ConvTranspose3d(2, 4, 2, { padding: 1 }), 1, 2, 3, 4, 5), [1, 4, 2, 3, 4]);
});

test('a layer is its op with its own weight, bias and options', () => {
  const layer = new nn.ConvTranspose2d(2, 6, [3, 2], { stride: [2, 1], padding: 1, groups: 2, dtype: 'float64' });
  const x = randn([2, 2, 4, 3], { dtype: 'float64' });
  const { weight, bias } = layer;
  assert.deepEqual([...weight.shape], [2, 3, 3, 2]);
  assert.deepEqual(
    elements(layer.forward(x)),
    elements(ops.convTranspose2d(x, weight, bias, { stride: [2, 1], padding: 1, groups: 2 })),
  );
});

test('weights and biases start within 1/√(weight.shape[1] · kernel)', () => {
  const generator = new Generator(7);
  for (const [layer, fan] of [
    [new nn.Conv1d(8, 32, 5, { generator }), 40],
    [new nn.Conv3d(4, 8, 3, { groups: 2, generator }), 54],
    [new nn.ConvTranspose2d(16, 8, 3, { generator }), 72],
  ] as const) {
    const bound = 1 / Math.sqrt(fan);
    const values = elements(layer.weight);
    assert.ok(values.every((value) => Math.abs(value) <= bound) && Math.max(...values) > 0.98 * bound);
    assert.ok(layer.bias && elements(layer.bias).every((value) => Math.abs(value) <= bound));
  }
});

test('layers print their options', () => {
  const text = (layer: nn.Module): string | undefined => String(layer).split('\n')[0];
  assert.equal(text(new nn.Conv1d(1, 2, 3, { padding: 'same' })), 'Conv1d(1, 2, kernel 3, padding same)');
  assert.equal(
    text(new nn.ConvTranspose2d(4, 2, [3, 2], { stride: 2, outputPadding: [1, 0], bias: false })),
    'ConvTranspose2d(4, 2, kernel 3×2, stride 2, bias: false, output padding 1×0)',
  );
  rejects(() => new nn.Conv1d(2, 2, [3, 3]), 'ERR_ARGUMENT', /Conv1d: wanted a number or \[length\]/);
  rejects(() => new nn.Conv2d(4, 6, 3, { groups: 4 }), 'ERR_ARGUMENT', /groups must divide/);
  rejects(() => new nn.Conv2d(4, 6, 3, { padding: 'full' as 'same' }), 'ERR_ARGUMENT', /padding: wanted numbers/);
});

test('convolutions pad by what lies inside', () => {
  const place = { dtype: 'float64', generator: new Generator(2) } as const;
  const same = { padding: 'same', dilation: 3, ...place } as const;
  const cases: [nn.Conv1d | nn.Conv2d | nn.Conv3d, number[], number[]][] = [
    [new nn.Conv1d(2, 3, 3, { padding: 2, paddingMode: 'reflect', stride: 2, ...place }), [2, 2, 7], [2, 2]],
    [new nn.Conv2d(2, 4, [3, 2], { paddingMode: 'circular', groups: 2, ...same }), [1, 2, 6, 5], [1, 2, 3, 3]],
    [new nn.Conv2d(2, 2, 3, { padding: [1, 2], paddingMode: 'replicate', ...place }), [2, 4, 5], [2, 2, 1, 1]],
    [new nn.Conv3d(1, 2, 2, { padding: 1, paddingMode: 'replicate', ...place }), [1, 1, 2, 3, 2], [1, 1, 1, 1, 1, 1]],
  ];
  const ops1to3 = { Conv1d: ops.conv1d, Conv2d: ops.conv2d, Conv3d: ops.conv3d };
  for (const [layer, shape, border] of cases) {
    const x = ops.randn(shape, place);
    const { stride, dilation, groups, paddingMode, weight, bias } = layer;
    const padded = ops.pad(x, border, { mode: paddingMode as 'reflect' });
    const wanted = ops1to3[layer.constructor.name as 'Conv1d'](padded, weight, bias, { stride, dilation, groups });
    const got = layer.forward(x);
    assert.deepEqual([...got.shape], [...wanted.shape]);
    assert.deepEqual(elements(got), elements(wanted));
    assert.match(layer.toString(), new RegExp(`padding mode ${paddingMode}`));
  }
  rejects(() => new nn.Conv2d(1, 1, 3, { paddingMode: 'mirror' as 'zeros' }), 'ERR_ARGUMENT', /paddingMode: wanted/);
  rejects(() => new nn.Conv2d(1, 1, 3, { padding: 'same', stride: 2 }), 'ERR_ARGUMENT', /stride 1/);
});

test('pooling layers hand their options on', () => {
  const x = randn([2, 3, 6, 5]);
  const same = (a: Tensor, b: Tensor): void =>
    assert.deepEqual([[...a.shape], elements(a)], [[...b.shape], elements(b)]);
  same(
    new nn.MaxPool2d(3, { stride: 2, ceilMode: true }).forward(x),
    ops.maxPool2d(x, 3, { stride: 2, ceilMode: true }),
  );
  same(
    new nn.AvgPool1d(2, { divisorOverride: 3 }).forward(x.select(0, 0)),
    ops.avgPool1d(x.select(0, 0), 2, { divisorOverride: 3 }),
  );
  same(new nn.LPPool2d(2, [2, 1]).forward(x.abs()), ops.lpPool2d(x.abs(), 2, [2, 1]));
  same(new nn.AdaptiveAvgPool2d([2, null]).forward(x), ops.adaptiveAvgPool2d(x, [2, 5]));
  same(new nn.AdaptiveMaxPool2d(1).forward(x), ops.amax(x, { axis: [2, 3], keepdim: true }));
  const [values, indices] = ops.maxPool2d(x, 2, { returnIndices: true });
  same(
    new nn.MaxUnpool2d(2).forward(values, indices, [6, 5]),
    ops.maxUnpool2d(values, indices, 2, { outputSize: [6, 5] }),
  );
  const text = (layer: nn.Module): string | undefined => String(layer).split('\n')[0];
  assert.equal(text(new nn.MaxPool3d([2, 3, 3], { padding: 1 })), 'MaxPool3d(2×3×3, padding 1)');
  assert.equal(text(new nn.AdaptiveAvgPool2d([2, null])), 'AdaptiveAvgPool2d(2×·)');
  assert.equal(text(new nn.LPPool1d(2, 3, { stride: 1 })), 'LPPool1d(2, 3, stride 1)');
});

test('layers that resize', () => {
  const x = randn([2, 8, 3, 4]);
  const same = (a: Tensor, b: Tensor): void => assert.deepEqual(elements(a), elements(b));
  const options = { scaleFactor: 2, mode: 'bilinear', alignCorners: true } as const;
  same(new nn.Upsample(options).forward(x), ops.interpolate(x, options));
  same(new nn.PixelShuffle(2).forward(x), ops.pixelShuffle(x, 2));
  same(new nn.PixelUnshuffle(1).forward(x), x);
  same(new nn.ChannelShuffle(4).forward(x), ops.channelShuffle(x, 4));
  assert.equal(String(new nn.Upsample(options)).split('\n')[0], 'Upsample(× 2, bilinear)');
  rejects(() => new nn.PixelShuffle(0), 'ERR_ARGUMENT', /factor: wanted an integer ≥ 1/);
});

test.run();
