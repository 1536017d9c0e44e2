import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, nn, scope, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { PackedSequence } from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { elements } from '../support/tensors.ts';

const generator = (): Generator => new Generator(3);
const draw = (seed: number, ...shape: number[]): Tensor => ops.randn(shape, { generator: new Generator(seed) });
const close = (a: Tensor, b: Tensor, tolerance = 1e-5): void => {
  assert.deepEqual([...a.shape], [...b.shape]);
  const wanted = elements(b);
  elements(a).forEach((value, i) => {
    assert.ok(Math.abs(value - (wanted[i] as number)) <= tolerance, `[${i}] ${value} for ${wanted[i]}`);
  });
};

test('recurrent layers carry the names and shapes of PyTorch', () => {
  scope(() => {
    const layer = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, generator: generator() });
    assert.deepEqual(
      [...layer.stateDict()].slice(0, 8).map(([name, t]) => `${name} ${t.shape.join('x')}`),
      [
        'weight_ih_l0 16x3',
        'weight_hh_l0 16x4',
        'bias_ih_l0 16',
        'bias_hh_l0 16',
        'weight_ih_l0_reverse 16x3',
        'weight_hh_l0_reverse 16x4',
        'bias_ih_l0_reverse 16',
        'bias_hh_l0_reverse 16',
      ],
    );
    assert.equal(layer.stateDict().get('weight_ih_l1')?.shape[1], 8);
    assert.equal(layer.parameters().length, 16);
    assert.ok(layer.parameters().every((p) => elements(p).every((value) => Math.abs(value) <= 0.5)));
    const [y, h, c] = layer.forward(draw(1, 5, 2, 3));
    assert.deepEqual(
      [y.shape, h.shape, c.shape],
      [
        [5, 2, 8],
        [4, 2, 4],
        [4, 2, 4],
      ],
    );
    ops.sum(y).backward();
    // The last gradient of a bias is there, whichever layer it belongs to.
    assert.ok(layer.parameters().every((p) => p.grad !== null));
    assert.match(layer.toString(), /LSTM\(3, 4, numLayers: 2, bidirectional: true\)/);
    layer.dispose();
    const plain = new nn.GRU(3, 4, { bias: false, batchFirst: true });
    assert.deepEqual([...plain.stateDict().keys()], ['weight_ih_l0', 'weight_hh_l0']);
    assert.deepEqual(plain.forward(draw(1, 2, 5, 3))[0].shape, [2, 5, 4]);
    const packed = ops.packSequence([draw(2, 4, 3), draw(3, 2, 3)]);
    const out = plain.forward(packed)[0] as PackedSequence;
    assert.deepEqual(
      [out.batchSizes, out.data.shape],
      [
        [2, 2, 1, 1],
        [6, 4],
      ],
    );
    plain.dispose();
    const wide = new nn.RNN(2, 3, { nonlinearity: 'relu', dtype: 'float64' });
    assert.ok(elements(wide.forward(ops.ones([2, 1, 2], { dtype: 'float64' }))[0]).every((value) => value >= 0));
    wide.dispose();
  });
});

test('a projected LSTM carries the names and shapes of PyTorch', () => {
  scope(() => {
    const layer = new nn.LSTM(3, 5, { numLayers: 2, bidirectional: true, projSize: 2, generator: generator() });
    assert.deepEqual(
      [...layer.stateDict()].slice(0, 5).map(([name, t]) => `${name} ${t.shape.join('x')}`),
      ['weight_ih_l0 20x3', 'weight_hh_l0 20x2', 'bias_ih_l0 20', 'bias_hh_l0 20', 'weight_hr_l0 2x5'],
    );
    assert.equal(layer.stateDict().get('weight_ih_l1')?.shape[1], 4);
    const [y, h, c] = layer.forward(draw(1, 4, 2, 3));
    assert.deepEqual(
      [y.shape, h.shape, c.shape],
      [
        [4, 2, 4],
        [4, 2, 2],
        [4, 2, 5],
      ],
    );
    ops.sum(y).backward();
    assert.ok(layer.parameters().every((p) => p.grad !== null));
    layer.dispose();
    throwsCode(() => new nn.LSTM(3, 4, { projSize: 4 }), 'ERR_ARGUMENT', 'as wide as the cell');
  });
});

test('cells continue what a layer computes', () => {
  scope(() => {
    const layer = new nn.LSTM(3, 4, { generator: generator() });
    const step = new nn.LSTMCell(3, 4);
    step.loadStateDict(new Map([...layer.stateDict()].map(([name, t]) => [name.replace('_l0', ''), t])));
    const x = draw(4, 2, 1, 3);
    const [, h, c] = layer.forward(x);
    const first = step.forward(ops.select(x, 0, 0));
    const second = step.forward(ops.select(x, 0, 1), first);
    close(second[0], ops.select(h, 0, 0));
    close(second[1], ops.select(c, 0, 0));
    assert.deepEqual(new nn.GRUCell(3, 4).forward(ops.select(x, 0, 0)).shape, [1, 4]);
    assert.deepEqual(new nn.RNNCell(3, 4, { nonlinearity: 'relu' }).forward(ops.select(x, 0, 0)).shape, [1, 4]);
    layer.dispose();
    step.dispose();
  });
});

test('embedding layers', () => {
  scope(() => {
    const table = new nn.Embedding(5, 3, { paddingIdx: -1, generator: generator() });
    const rows = table.forward(tensor(new Int32Array([4, 0])));
    assert.deepEqual([...elements(rows)].slice(0, 3), [0, 0, 0]);
    ops.sum(rows).backward();
    assert.deepEqual([...elements(table.weight.grad as Tensor)].slice(-3), [0, 0, 0]);
    assert.match(table.toString(), /Embedding\(5, 3\)/);
    const bag = new nn.EmbeddingBag(5, 3, { mode: 'sum' });
    const sums = bag.forward(tensor(new Int32Array([1, 2, 2])), [0, 1], tensor([2, 1, 3]));
    close(ops.select(sums, 0, 1), ops.mul(ops.select(bag.weight, 0, 2), 4));
    table.dispose();
    bag.dispose();
  });
});

test('MultiheadAttention is attention of projections, by head', () => {
  scope(() => {
    const layer = new nn.MultiheadAttention(6, 2, { generator: generator(), batchFirst: true });
    const x = draw(1, 2, 4, 6);
    assert.deepEqual([...layer.stateDict().keys()].sort(), [
      'in_proj_bias',
      'in_proj_weight',
      'out_proj.bias',
      'out_proj.weight',
    ]);
    const [y, weights] = layer.forward(x, x, x, { needWeights: true });
    assert.deepEqual(
      [y.shape, weights?.shape],
      [
        [2, 4, 6],
        [2, 4, 4],
      ],
    );
    // By hand, one head at a time.
    const joint = layer.in_proj_weight as unknown as Tensor;
    const parts = [0, 1, 2].map((i) => ops.linear(x, ops.narrow(joint, 0, 6 * i, 6)));
    const heads = [0, 1].map((h) => {
      const [q, k, v] = parts.map((t) => ops.narrow(t, 2, 3 * h, 3)) as [Tensor, Tensor, Tensor];
      return ops.matmul(ops.softmax(ops.div(ops.matmul(q, ops.transpose(k)), Math.sqrt(3))), v);
    });
    close(y, layer.out_proj.forward(ops.cat(heads, 2)));
    close(ops.sum(weights as Tensor, 2), ops.ones([2, 4]));
    // The same tensors as different objects take the other way through the projections.
    close(layer.forward(x, x.mul(1), x.mul(1))[0], y);
    layer.dispose();
  });
});

test('masks of MultiheadAttention leave out what is true', () => {
  scope(() => {
    const layer = new nn.MultiheadAttention(4, 2, { generator: generator(), kdim: 3, vdim: 5 });
    const [q, k, v] = [draw(1, 3, 2, 4), draw(2, 4, 2, 3), draw(3, 4, 2, 5)];
    const padding = tensor(new Uint8Array([0, 0, 0, 1, 0, 0, 0, 1]), { shape: [2, 4] }).to('bool');
    const [y, weights] = layer.forward(q, k, v, { keyPaddingMask: padding, needWeights: true });
    const short = layer.forward(q, ops.narrow(k, 0, 0, 3), ops.narrow(v, 0, 0, 3))[0];
    close(y, short);
    assert.ok(elements(ops.narrow(weights as Tensor, 2, 3, 1)).every((value) => value === 0));
    const later = ops.gt(ops.arange(4), ops.unsqueeze(ops.arange(3), 1));
    const causal = layer.forward(q, k, v, { isCausal: true })[0];
    close(layer.forward(q, k, v, { attnMask: later })[0], causal);
    close(
      layer.forward(q, k, v, { attnMask: later, keyPaddingMask: padding })[0],
      layer.forward(q, k, v, { isCausal: true, keyPaddingMask: padding })[0],
    );
    ops.sum(y).backward();
    assert.ok(layer.parameters().every((p) => p.grad !== null));
    throwsCode(() => layer.forward(q, k, v, { attnMask: ops.ones([2]) }), 'ERR_SHAPE', 'a vector for a mask');
    throwsCode(() => layer.forward(q, k, v, { keyPaddingMask: ops.ones([4, 2]) }), 'ERR_SHAPE', 'a mask turned over');
    throwsCode(() => layer.forward(q, k, null as never), 'ERR_ARGUMENT', 'no values');
    throwsCode(() => new nn.MultiheadAttention(5, 2), 'ERR_ARGUMENT', 'heads that do not divide');
    layer.dispose();
  });
});

test('bad options of sequence layers', () => {
  throwsCode(() => new nn.LSTM(0, 2), 'ERR_ARGUMENT', 'no features');
  throwsCode(() => new nn.LSTM(2, 2, { numLayers: 0 }), 'ERR_ARGUMENT', 'no layers');
  throwsCode(() => new nn.RNN(2, 2, null as never), 'ERR_ARGUMENT', 'null');
  throwsCode(() => new nn.GRU(2, 2, { dropout: 2 }), 'ERR_ARGUMENT', 'dropout');
  throwsCode(() => new nn.Embedding(2.5, 2), 'ERR_ARGUMENT', 'half a row');
  throwsCode(() => new nn.EmbeddingBag(2, 2, 3 as never), 'ERR_ARGUMENT', 'a number for options');
});

test.run();
