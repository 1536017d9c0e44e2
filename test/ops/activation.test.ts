import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, randn } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randAway, randIn, randInt } from '../support/random.ts';
import { activations, gates, gelu, mapActivation, prelu, softplus } from '../support/reference/activation.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import { elements, make } from '../support/tensors.ts';

const nan = [Number.NaN, 0, -0, 1, -1, 3, -3, 6, 0.5, -0.5];
const extremes = [30, -30, 88, -88, 100, -100, 1e-10, -1e-10, 1e-20, 13.5, -13.5, -5.5, -8];
const rejects = [
  { name: 'a string', args: () => ['3'], code: 'ERR_ARGUMENT' },
  { name: 'nothing', args: () => [null], code: 'ERR_ARGUMENT' },
];

/** Cases with the op's numbers behind the tensor. */
function casesOf(...numbers: readonly unknown[]): OpCase[] {
  return [
    { name: `a matrix (${numbers.map(String)})`, args: [randAway(0.1, 3, 5), ...numbers] },
    { name: 'rank 0', args: [randAway(0.1), ...numbers] },
    { name: 'empty with axes', args: [rand(2, 0, 3), ...numbers] },
    { name: 'rank 5', args: [randIn(-6, 6, 2, 1, 3, 1, 2), ...numbers], grad: false },
    { name: 'a full vector and a rest', args: [randIn(-9, 9, 37), ...numbers], grad: false },
    { name: 'NaN, zeros and bounds', args: [given(nan), ...numbers], grad: false },
    { name: 'extreme magnitudes', args: [given(extremes), ...numbers], grad: false },
  ];
}

for (const name of [
  'silu',
  'mish',
  'selu',
  'softsign',
  'tanhshrink',
  'hardsigmoid',
  'hardswish',
  'logSigmoid',
  'relu6',
  'leakyRelu',
  'elu',
  'celu',
  'softshrink',
  'hardshrink',
  'hardtanh',
] as const) {
  checkOp(name, ops[name], { reference: mapActivation(name), ulps: 6, cases: casesOf(), rejects });
}

for (const [name, numbers] of [
  ['leakyRelu', [0.3]],
  ['elu', [1.7]],
  ['celu', [0.6]],
  ['softshrink', [0.05]],
  ['hardshrink', [0.05]],
  ['hardtanh', [-0.05, 0.08]],
  ['threshold', [-0.05, 7]],
] as const) {
  checkOp(name, ops[name] as (...args: never[]) => unknown, {
    reference: mapActivation(name),
    ulps: 6,
    cases: casesOf(...numbers),
    rejects: [
      ...rejects,
      {
        name: 'a string for a number',
        args: () => [rand(2), '1', 1],
        code: 'ERR_ARGUMENT',
        message: /must be a number/,
      },
      { name: 'a symbol', args: () => [rand(2), Symbol('x'), 1], code: 'ERR_ARGUMENT' },
    ],
  });
}

checkOp('threshold', ops.threshold, {
  reference: mapActivation('threshold'),
  ulps: 0,
  cases: [{ name: 'two numbers', args: [randAway(0.1, 4), 0, -2] }],
  rejects: [{ name: 'no numbers', args: () => [rand(2)], code: 'ERR_ARGUMENT', message: /limit must be a number/ }],
});

checkOp('gelu', ops.gelu, {
  reference: gelu,
  ulps: 6,
  cases: [
    { name: 'a matrix', args: [randIn(-3, 3, 3, 5)] },
    ...casesOf().slice(1),
    { name: 'more than one chunk', args: [rand(40001)], grad: false, layouts: ['contiguous', 'reversed'] },
  ],
  rejects: [
    ...rejects,
    {
      name: 'another approximation',
      args: () => [rand(2), { approximate: 'erf' }],
      code: 'ERR_ARGUMENT',
      message: /'tanh'/,
    },
    { name: 'no options', args: () => [rand(2), 'tanh'], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('gelu', ops.gelu, {
  reference: gelu,
  // Left of zero an error of the exponent, which grows with x³, is an error of the result.
  magnitude: (x: NDArray) => map(x, (v) => Math.abs(v)),
  ulps: 6,
  cases: [
    { name: 'by tanh', args: [randIn(-3, 3, 3, 5), { approximate: 'tanh' }] },
    ...casesOf({ approximate: 'tanh' }).slice(1),
  ],
});

checkOp('softplus', ops.softplus, {
  reference: softplus,
  ulps: 6,
  cases: [
    ...casesOf(),
    { name: 'sharp', args: [randIn(-2, 2, 4, 3), { beta: 3, threshold: 40 }] },
    { name: 'straight above 1', args: [given([-2, -1, 0, 0.5, 1.5, 3]), { threshold: 1 }] },
  ],
  rejects: [
    ...rejects,
    { name: 'a string for beta', args: () => [rand(2), { beta: '2' }], code: 'ERR_ARGUMENT', message: /beta/ },
  ],
});

checkOp('prelu', ops.prelu, {
  reference: prelu,
  ulps: 1,
  cases: [
    { name: 'a weight per channel', args: [randAway(0.1, 2, 3, 4), rand(3)] },
    { name: 'one weight', args: [randAway(0.1, 4), rand(1)] },
    { name: 'one weight of rank 0', args: [randAway(0.1, 2, 2), rand()] },
    { name: 'rank 0', args: [randAway(0.1), rand(1)] },
    { name: 'empty', args: [rand(0, 3), rand(3)] },
    { name: 'NaN', args: [given([Number.NaN, 1, -1, 0], [2, 2]), rand(2)], grad: false },
  ],
  rejects: [
    { name: 'weights for other channels', args: () => [rand(2, 3), rand(2)], code: 'ERR_SHAPE', message: /\[3\]/ },
    { name: 'a number', args: () => [rand(2), 0.25], code: 'ERR_ARGUMENT' },
    { name: 'integers', args: () => [randInt(0, 3, [2]), rand(1)], code: 'ERR_DTYPE' },
  ],
});

for (const name of ['glu', 'swiglu', 'geglu'] as const) {
  checkOp(name, ops[name], {
    reference: gates[name],
    ulps: 6,
    cases: [
      { name: 'the last axis', args: [randIn(-3, 3, 3, 4)] },
      { name: 'another axis', args: [rand(2, 4, 3), { axis: 1 }] },
      { name: 'the first of rank 1', args: [rand(6), 0] },
      { name: 'rank 4', args: [rand(2, 3, 4, 2), -2], grad: false },
      { name: 'wide', args: [randIn(-6, 6, 3, 300)], grad: false },
      { name: 'empty', args: [rand(2, 0)] },
      { name: 'NaN', args: [given([Number.NaN, 1, 2, 3, 1, Number.NaN, -30, 0], [2, 4])], grad: false },
    ],
    rejects: [
      ...rejects,
      { name: 'an odd axis', args: () => [rand(2, 3)], code: 'ERR_SHAPE', message: /even/ },
      { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' },
      { name: 'an axis beyond', args: () => [rand(2, 2), 2], code: 'ERR_SHAPE' },
      { name: 'a string for the axis', args: () => [rand(2, 2), 'x'], code: 'ERR_ARGUMENT' },
    ],
  });
}

checkOp('rrelu', ops.rrelu, {
  reference: (x: NDArray) => map(x, (v) => (v > 0 ? v : v * 0.3)),
  cases: casesOf({ lower: 0.2, upper: 0.4 }),
  rejects,
});

for (const device of testDevices) {
  test(`rrelu draws slopes while training and takes their mean otherwise on ${device}`, () => {
    const x = randn([400], { device, generator: new Generator(3, device) });
    x.requiresGrad = true;
    const values = elements(x);
    const mean = elements(ops.rrelu(x, { lower: 0.2, upper: 0.4 }));
    mean.forEach((y, i) => {
      const v = values[i] as number;
      assert.ok(Math.abs(y - (v > 0 ? v : v * 0.3)) < 1e-6);
    });
    const draw = (): Float64Array =>
      elements(ops.rrelu(x, { lower: 0.2, upper: 0.4, training: true, generator: new Generator(5, device) }));
    const y = ops.rrelu(x, { lower: 0.2, upper: 0.4, training: true, generator: new Generator(5, device) });
    y.sum().backward();
    const slopes = elements(x.grad as typeof x);
    const drawn = new Set<number>();
    elements(y).forEach((value, i) => {
      const [v, slope] = [values[i] as number, slopes[i] as number];
      assert.ok(Math.abs(value - v * slope) < 1e-6);
      if (v > 0) assert.equal(slope, 1);
      else drawn.add(slope);
    });
    assert.ok(drawn.size > 150 && Math.min(...drawn) >= 0.2 && Math.max(...drawn) < 0.4);
    assert.deepEqual(draw(), draw());
  });

  test(`activations of integers give float32, bad numbers and disposed tensors are refused on ${device}`, () => {
    const whole = make(randInt(-3, 3, [4]), { device, dtype: 'int32', layout: 'contiguous' });
    const gone = ops.ones([2], { device });
    gone.dispose();
    for (const name of Object.keys(activations) as (keyof typeof activations)[]) {
      const args = (name === 'threshold' ? [0, 1] : []) as [number, number];
      assert.equal(ops[name](whole, ...args).dtype, 'float32', name);
      throwsCode(() => ops[name](gone, ...args), 'ERR_DISPOSED', name);
    }
    const x = ops.ones([2], { device });
    throwsCode(() => ops.celu(x, 0), 'ERR_ARGUMENT', 'celu');
    throwsCode(() => ops.softshrink(x, -1), 'ERR_ARGUMENT', 'softshrink');
    throwsCode(() => ops.hardtanh(x, 2, 1), 'ERR_ARGUMENT', 'hardtanh');
    throwsCode(() => ops.rrelu(x, { lower: 1, upper: 0 }), 'ERR_ARGUMENT', 'rrelu');
    throwsCode(() => ops.rrelu(whole), 'ERR_DTYPE', 'rrelu');
    throwsCode(() => ops.prelu(x, gone), 'ERR_DISPOSED', 'prelu');
  });
}

/** Random results have tests of their own. */
export const covers = ['rrelu'];

test.run();
