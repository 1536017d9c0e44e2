// Ops that move, cast or drop elements: their derivatives, and those of single recurrent steps, beside float64 differences.
import { test } from 'uvu';
import { Generator, scope, type Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { rand, randIn, type TensorSpec } from '../support/random.ts';
import { build, type NDArray, NDArray as Values } from '../support/reference/ndarray.ts';
import { recurrent, type Weights } from '../support/reference/recurrent.ts';
import { elements } from '../support/tensors.ts';

const same = (x: NDArray): NDArray => x;

for (const name of ['clone', 'contiguous'] as const) {
  checkOp(name, ops[name] as (x: Tensor) => Tensor, {
    reference: same,
    ulps: 0,
    cases: [
      { name: 'a matrix', args: [rand(3, 4)] },
      { name: 'rank 0', args: [rand()] },
      { name: 'nothing', args: [rand(0, 2)] },
      { name: 'rank 5', args: [rand(2, 1, 2, 3, 1)], grad: false },
    ],
    rejects: [{ name: 'no tensor', args: () => [[1]], code: 'ERR_ARGUMENT' }],
  });
}

checkOp('view', ops.view as (x: Tensor, shape: readonly number[]) => Tensor, {
  reference: (x: NDArray, shape: readonly number[]) => new Values(shape, x.data),
  ulps: 0,
  cases: [{ name: 'a matrix as another', args: [rand(3, 4), [2, 6]], layouts: ['contiguous'] }],
  rejects: [{ name: 'another size', args: () => [rand(3, 4), [5]], code: 'ERR_SHAPE' }],
});

for (const name of ['cast', 'to'] as const) {
  checkOp(name, ops[name] as (x: Tensor, target: string) => Tensor, {
    reference: same,
    ulps: 0,
    resultDtype: () => 'float64',
    cases: [
      { name: 'to float64', args: [rand(3, 4), 'float64'] },
      { name: 'rank 0', args: [rand(), 'float64'], grad: false },
    ],
    rejects: [
      {
        name: 'a dtype that is none',
        args: () => [rand(2), 'float65'],
        code: name === 'cast' ? 'ERR_DTYPE' : 'ERR_ARGUMENT',
      },
    ],
  });
}

// A generator started anew gives the same mask each time: dropping is then affine in each element, found by two probes.
type Dropping = (x: Tensor, options: { p: number; generator: Generator }) => Tensor;
const seeded =
  (op: Dropping) =>
  (x: Tensor): Tensor => {
    const generator = new Generator(11, x.device);
    try {
      return op(x, { p: 0.4, generator });
    } finally {
      generator.state.dispose();
    }
  };
for (const name of ['dropout', 'featureDropout', 'alphaDropout', 'featureAlphaDropout'] as const) {
  const op = seeded(ops[name]);
  checkOp(name, op, {
    // float64 draws other numbers than float16, which has those of float32.
    halves: 'values',
    reference: (x: NDArray) => {
      const at = (value: number): ArrayLike<number | bigint> =>
        scope(() => elements(op(ops.full([...x.shape], value, { dtype: 'float64' }))));
      const [zero, one] = [at(0), at(1)];
      return new Values(
        x.shape,
        x.data.map((v, i) => Number(zero[i]) + (Number(one[i]) - Number(zero[i])) * v),
      );
    },
    ulps: 16,
    // The mask follows the dtype's own stream of numbers.
    dtypes: ['float64'],
    cases: [{ name: 'channels', args: [rand(3, 4, 2)], layouts: ['contiguous'] }],
    rejects: [],
  });
}

checkOp('floatPower', ops.floatPower as (a: Tensor, b: Tensor) => Tensor, {
  reference: (a: NDArray, b: NDArray) => build(a.shape, (index) => a.at(...index) ** b.at(...index)),
  resultDtype: () => 'float64',
  ulps: 16,
  cases: [{ name: 'matrices', args: [randIn(0.2, 2, 3, 4), rand(3, 4)] }],
  rejects: [{ name: 'two numbers', args: () => [2, 3], code: 'ERR_ARGUMENT' }],
});

const lines = [rand(3), rand(2), rand(4)];
checkOp('meshgrid', ops.meshgrid as (tensors: readonly Tensor[]) => Tensor[], {
  reference: (tensors: readonly NDArray[]) =>
    tensors.map((each, axis) =>
      build(
        tensors.map(({ size }) => size),
        (index) => each.data[index[axis] as number] as number,
      ),
    ),
  ulps: 0,
  cases: [{ name: 'three lines', args: [lines] }],
  rejects: [{ name: 'no tensors', args: () => [3], code: 'ERR_ARGUMENT' }],
});

checkOp('cartesianProd', ops.cartesianProd as (tensors: readonly Tensor[]) => Tensor, {
  reference: (tensors: readonly NDArray[]) => {
    let rows: number[][] = [[]];
    for (const each of tensors) rows = rows.flatMap((row) => [...each.data].map((v) => [...row, v]));
    return new Values([rows.length, tensors.length], rows.flat());
  },
  ulps: 0,
  cases: [{ name: 'three lines', args: [lines] }],
  rejects: [{ name: 'no tensors', args: () => [3], code: 'ERR_ARGUMENT' }],
});

/** A cell's step as a sequence of one. */
const first = (t: NDArray): NDArray => new Values(t.shape.slice(1), t.data);
const sequence = (t: NDArray): NDArray => new Values([1, ...t.shape], t.data);
const weights = (gates: number, features: number, hidden: number): Record<string, TensorSpec> => ({
  inputWeight: rand(gates * hidden, features),
  hiddenWeight: rand(gates * hidden, hidden),
  inputBias: rand(gates * hidden),
  hiddenBias: rand(gates * hidden),
});

for (const [name, gates] of [
  ['rnnCell', 1],
  ['gruCell', 3],
] as const) {
  checkOp(name, ops[name] as unknown as (...args: Tensor[]) => Tensor, {
    reference: (x: NDArray, h: NDArray, w: Weights) =>
      first(recurrent(name === 'rnnCell' ? 'rnn' : 'gru', sequence(x), sequence(h), null, [w])[1] as NDArray),
    ulps: 64,
    cases: [
      { name: 'a batch', args: [rand(2, 3), rand(2, 2), weights(gates, 3, 2)], layouts: ['contiguous', 'transposed'] },
    ],
    rejects: [{ name: 'an image', args: () => [rand(2, 3, 4), null, weights(gates, 3, 2)], code: 'ERR_SHAPE' }],
  });
}

checkOp('lstmCell', ops.lstmCell as unknown as (...args: Tensor[]) => Tensor[], {
  reference: (x: NDArray, [h, c]: readonly [NDArray, NDArray], w: Weights) =>
    recurrent('lstm', sequence(x), sequence(h), sequence(c), [w]).slice(1).map(first),
  ulps: 64,
  cases: [
    {
      name: 'a batch',
      args: [rand(2, 3), [rand(2, 2), rand(2, 2)], weights(4, 3, 2)],
      layouts: ['contiguous', 'transposed'],
    },
  ],
  rejects: [{ name: 'an image', args: () => [rand(2, 3, 4), null, weights(4, 3, 2)], code: 'ERR_SHAPE' }],
});

test.run();
