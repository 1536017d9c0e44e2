// Layers beside PyTorch's, from what test/parity/layers.py wrote: outputs and gradients with the same parameters.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import { nn, noGrad, scope, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { packageRoot } from '../support/package-root.ts';
import { elements } from '../support/tensors.ts';

interface Expected {
  readonly output: readonly number[];
  readonly shape: readonly number[];
  readonly inputs: readonly (readonly number[])[];
  readonly names: readonly string[];
  readonly parameters: readonly number[];
}

const file = join(packageRoot(import.meta.url), 'test/parity/layers.json');
const { torch, layers } = JSON.parse(readFileSync(file, 'utf8')) as { torch: string; layers: Record<string, Expected> };

const wave = (shape: readonly number[], seed: number): Tensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i)),
    { shape },
  );
};
const seedOf = (name: string): number => [...name].reduce((s, c, i) => s + c.charCodeAt(0) * (i + 1), 0) % 97;

function near(got: ArrayLike<number>, wanted: readonly number[], label: string): void {
  assert.equal(got.length, wanted.length, label);
  wanted.forEach((value, i) => {
    assert.ok(
      Math.abs((got[i] as number) - value) < 1e-9 * Math.max(1, Math.abs(value)),
      `${label} [${i}]: ${got[i]} for ${value}`,
    );
  });
}

type Forward = (...xs: readonly Tensor[]) => Tensor;

function check(name: string, layer: nn.Module, shapes: readonly (readonly number[])[], forward: Forward): void {
  test(`${name} as PyTorch ${torch}`, () =>
    scope(() => {
      const wanted = layers[name] as Expected;
      layer.eval();
      const state = layer.stateDict();
      assert.deepEqual([...state.keys()].sort(), wanted.names);
      noGrad(() => {
        for (const [path, p] of state)
          p.copy_(
            wave(p.shape, seedOf(path))
              .mul(0.4)
              .add(path.includes('norm') && path.endsWith('weight') ? 1 : 0),
          );
      });
      const xs = shapes.map((shape, k) => {
        const x = wave(shape, 10 * k);
        x.requiresGrad = true;
        return x;
      });
      const out = forward(...xs);
      assert.deepEqual([...out.shape], wanted.shape);
      near(elements(out), wanted.output, name);
      ops.sum(out.mul(wave(out.shape, 5))).backward();
      xs.forEach((x, k) => {
        near(elements(x.grad as Tensor), wanted.inputs[k] as number[], `${name}: gradient of input ${k}`);
      });
      const sums = wanted.names.map((path) => {
        const p = state.get(path) as Tensor;
        return ops.sum((p.grad as Tensor).mul(wave(p.shape, 3))).itemSync();
      });
      near(sums, wanted.parameters, `${name}: gradients of parameters`);
      layer.dispose();
    }));
}

const wide = { dtype: 'float64' } as const;
const small = { dimFeedforward: 5, ...wide };
const padding = (): Tensor => tensor([0, 0, 0, 1, 0, 0, 1, 1]).reshape([2, 4]).to('bool');
const [four, three] = [
  [4, 2, 6],
  [3, 2, 6],
];
const encoderLayer = (o: nn.TransformerLayerOptions = {}) => new nn.TransformerEncoderLayer(6, 2, { ...small, ...o });
const decoderLayer = (o: nn.TransformerLayerOptions = {}) => new nn.TransformerDecoderLayer(6, 2, { ...small, ...o });

const plain = encoderLayer();
check('encoder layer', plain, [four], (x) => plain.forward(x as Tensor));
const before = encoderLayer({ normFirst: true, activation: 'gelu' });
check('encoder layer, norm first, gelu, causal', before, [four], (x) =>
  before.forward(x as Tensor, { isCausal: true }),
);
const batched = encoderLayer({ batchFirst: true });
check('encoder layer, batch first, padded', batched, [[2, 4, 6]], (x) =>
  batched.forward(x as Tensor, { keyPaddingMask: padding() }),
);
const decoding = decoderLayer();
check('decoder layer', decoding, [three, four], (x, m) => decoding.forward(x as Tensor, m as Tensor));
const decodingBefore = decoderLayer({ normFirst: true });
check('decoder layer, norm first, padded', decodingBefore, [three, four], (x, m) =>
  decodingBefore.forward(x as Tensor, m as Tensor, { memoryKeyPaddingMask: padding() }),
);
const encoder = new nn.TransformerEncoder(() => encoderLayer(), 2, { norm: new nn.LayerNorm(6, wide) });
check('encoder', encoder, [four], (x) => encoder.forward(x as Tensor));
const decoder = new nn.TransformerDecoder(() => decoderLayer(), 2);
check('decoder', decoder, [three, four], (x, m) => decoder.forward(x as Tensor, m as Tensor));
const both = new nn.Transformer(6, 2, { numEncoderLayers: 1, numDecoderLayers: 2, ...small });
check('transformer', both, [four, three], (x, y) => both.forward(x as Tensor, y as Tensor));
const lstm = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2, ...wide });
check('lstm, projected', lstm, [[3, 2, 3]], (x) => lstm.forward(x as Tensor)[0]);
const conv1d = new nn.Conv1d(2, 3, 3, { padding: 2, stride: 2, paddingMode: 'reflect', ...wide });
check('conv1d, reflect', conv1d, [[2, 2, 7]], (x) => conv1d.forward(x as Tensor));
const conv2d = new nn.Conv2d(2, 4, [3, 2], {
  padding: 'same',
  dilation: 3,
  groups: 2,
  paddingMode: 'circular',
  ...wide,
});
check('conv2d, circular, same', conv2d, [[1, 2, 6, 5]], (x) => conv2d.forward(x as Tensor));
const conv3d = new nn.Conv3d(1, 2, 2, { padding: 1, paddingMode: 'replicate', ...wide });
check('conv3d, replicate', conv3d, [[1, 1, 2, 3, 2]], (x) => conv3d.forward(x as Tensor));

test.run();
