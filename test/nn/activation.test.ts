// Every activation layer calls its op with the numbers it was made with.
import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { Generator, grad, nn, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('nn activations');

const x = tensor(
  [
    [-7, -2, -0.7, -0.2],
    [0.1, 0.6, 1.5, 8],
  ],
  { dtype: 'float64' },
);

const table: readonly (readonly [nn.Module & { forward(x: Tensor): Tensor }, (x: Tensor) => Tensor, string])[] = [
  [new nn.ReLU(), ops.relu, 'ReLU()'],
  [new nn.ReLU6(), ops.relu6, 'ReLU6()'],
  [new nn.LeakyReLU(0.2), (t) => ops.leakyRelu(t, 0.2), 'LeakyReLU(0.2)'],
  [new nn.RReLU({ lower: 0.1, upper: 0.2 }).eval(), (t) => ops.leakyRelu(t, 0.15000000000000002), 'RReLU(0.1, 0.2)'],
  [new nn.ELU(2), (t) => ops.elu(t, 2), 'ELU(2)'],
  [new nn.SELU(), ops.selu, 'SELU()'],
  [new nn.CELU(2), (t) => ops.celu(t, 2), 'CELU(2)'],
  [new nn.GELU(), (t) => ops.gelu(t), 'GELU()'],
  [new nn.GELU({ approximate: 'tanh' }), (t) => ops.gelu(t, { approximate: 'tanh' }), 'GELU(tanh)'],
  [new nn.SiLU(), ops.silu, 'SiLU()'],
  [new nn.Mish(), ops.mish, 'Mish()'],
  [new nn.Softplus({ beta: 2, threshold: 5 }), (t) => ops.softplus(t, { beta: 2, threshold: 5 }), 'Softplus(beta 2)'],
  [new nn.Softsign(), ops.softsign, 'Softsign()'],
  [new nn.Tanh(), ops.tanh, 'Tanh()'],
  [new nn.Tanhshrink(), ops.tanhshrink, 'Tanhshrink()'],
  [new nn.Softshrink(1), (t) => ops.softshrink(t, 1), 'Softshrink(1)'],
  [new nn.Hardshrink(1), (t) => ops.hardshrink(t, 1), 'Hardshrink(1)'],
  [new nn.Hardtanh(-3, 0.5), (t) => ops.hardtanh(t, -3, 0.5), 'Hardtanh(-3, 0.5)'],
  [new nn.Hardsigmoid(), ops.hardsigmoid, 'Hardsigmoid()'],
  [new nn.Hardswish(), ops.hardswish, 'Hardswish()'],
  [new nn.Sigmoid(), ops.sigmoid, 'Sigmoid()'],
  [new nn.LogSigmoid(), ops.logSigmoid, 'LogSigmoid()'],
  [new nn.Threshold(0.5, 9), (t) => ops.threshold(t, 0.5, 9), 'Threshold(0.5, 9)'],
  [new nn.GLU(0), (t) => ops.glu(t, 0), 'GLU()'],
  [new nn.SwiGLU(), (t) => ops.swiglu(t), 'SwiGLU()'],
  [new nn.GEGLU(), (t) => ops.geglu(t), 'GEGLU()'],
];

const inPlace = [nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Mish, nn.Hardsigmoid, nn.Hardswish];
for (const Layer of inPlace) {
  test(`${Layer.name} with inplace writes over its input, and has the same gradient`, () => {
    const [a, b] = [x.clone(), x.clone()].map((t) => Object.assign(t, { requiresGrad: true })) as [Tensor, Tensor];
    const plain = new Layer().forward(ops.mul(a, 1));
    const before = ops.mul(b, 1);
    const layer = new Layer({ inplace: true });
    const y = layer.forward(before);
    assert.equal(y.storage, before.storage);
    assert.match(String(layer), /\(inplace\)/);
    assert.deepEqual(elements(y), elements(plain));
    const [da, db] = [grad(ops.sum(plain), a)[0], grad(ops.sum(y), b)[0]] as [Tensor, Tensor];
    assert.deepEqual(elements(db), elements(da));
    rejects(() => new Layer(true as never), 'ERR_ARGUMENT', /options/);
  });
}

for (const [layer, op, text] of table) {
  test(text, () => {
    assert.deepEqual(elements(layer.forward(x)), elements(op(x)));
    assert.equal(String(layer).split('\n')[0], text);
  });
}

test('PReLU trains its weights', () => {
  const layer = new nn.PReLU(4, { init: 0.5, dtype: 'float64' });
  assert.deepEqual([...layer.parameters()].length, 1);
  const y = layer.forward(x);
  assert.deepEqual(elements(y), Float64Array.of(-3.5, -1, -0.35, -0.1, 0.1, 0.6, 1.5, 8));
  y.sum().backward();
  assert.deepEqual(layer.weight.grad?.toArraySync(), [-7, -2, -0.7, -0.2]);
  rejects(() => new nn.PReLU(0), 'ERR_ARGUMENT', /channels: wanted an integer ≥ 1, got 0/);
  rejects(() => layer.forward(tensor([[1, 2]], { dtype: 'float64' })), 'ERR_SHAPE', /weight/);
});

test('RReLU draws anew while training', () => {
  const layer = new nn.RReLU({ generator: new Generator(4) });
  assert.notDeepEqual(elements(layer.forward(x)), elements(layer.forward(x)));
});

test('numbers that are none are refused when the layer is made', () => {
  const bad = Symbol('bad') as unknown as number;
  for (const make of [
    () => new nn.LeakyReLU(bad),
    () => new nn.ELU(Number.NaN),
    () => new nn.CELU(0),
    () => new nn.Softshrink(-1),
    () => new nn.Hardshrink(bad),
    () => new nn.Hardtanh(1, 0),
    () => new nn.Threshold(bad, 1),
    () => new nn.Softplus({ beta: bad }),
    () => new nn.GELU({ approximate: 'erf' as 'tanh' }),
    () => new nn.RReLU({ lower: 2, upper: 1 }),
    () => new nn.PReLU(1, { init: bad }),
  ]) {
    rejects(make, 'ERR_ARGUMENT', /must be|wanted/);
  }
});

test.run();
