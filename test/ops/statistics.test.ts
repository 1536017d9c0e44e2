import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { constant, distinct, given, noGradient, rand, randIn, randInt } from '../support/random.ts';
import { full, map, type NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/statistics.ts';
import { elements } from '../support/tensors.ts';

/** Errors are relative to products of the largest elements: covariances cancel. */
const atLeastFour = (f: (...args: never[]) => NDArray) =>
  ((...args: never[]) => map(f(...args), (v) => Math.max(4, Math.abs(v)))) as typeof f;

const positive = (...shape: number[]) => randIn(0.3, 2, ...shape);

checkOp('cov', ops.cov, {
  reference: reference.cov,
  magnitude: atLeastFour(reference.cov as never),
  ulps: 16,
  cases: [
    { name: 'weights of both kinds', args: [rand(3, 5), { fweights: randInt(1, 4, [5]), aweights: positive(5) }] },
    { name: 'variables', args: [rand(2, 7)] },
    { name: 'repeated observations', args: [rand(2, 4), { fweights: randInt(1, 3, [4], 'int64'), correction: 0 }] },
    { name: 'one variable', args: [rand(6)] },
    { name: 'one observation', args: [rand(2, 1), { correction: 0 }], grad: false },
    { name: 'no variables', args: [rand(0, 3)] },
  ],
  rejects: [
    { name: 'rank 3', args: () => [rand(2, 2, 2)], code: 'ERR_SHAPE', message: /\[variables, observations\]/ },
    { name: 'weights of another length', args: () => [rand(2, 3), { aweights: rand(2) }], code: 'ERR_SHAPE' },
    { name: 'fractional frequencies', args: () => [rand(2, 3), { fweights: rand(3) }], code: 'ERR_DTYPE' },
    { name: 'a correction of text', args: () => [rand(2, 3), { correction: '1' }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('corrcoef', ops.corrcoef, {
  reference: reference.corrcoef,
  ulps: 64,
  magnitude: (x: NDArray) => full(reference.corrcoef(x).shape, 1),
  cases: [
    // The diagonal is clamped to 1 just where its gradient turns; the others are compared apart.
    { name: 'variables', args: [rand(3, 6)], grad: false, layouts: ['contiguous', 'transposed', 'sliced', 'reversed'] },
  ],
  rejects: [{ name: 'rank 3', args: () => [rand(2, 2, 2)], code: 'ERR_SHAPE' }],
});
const correlation = (x: Tensor): Tensor => ops.select(ops.select(ops.corrcoef(x), 0, 0), 0, 1);
checkOp('corrcoef', correlation, {
  reference: (x: NDArray) => full([], reference.corrcoef(x).at(0, 1)),
  ulps: 64,
  magnitude: () => full([], 1),
  cases: [{ name: 'one of them', args: [rand(2, 5)], layouts: ['contiguous'] }],
});

const edges = [-1.5, -0.5, 0, 0.25, 1.5];
const bySteps = (x: Tensor, weight?: Tensor, density?: boolean): Tensor[] => {
  const bins = tensor(edges, { dtype: x.dtype, device: x.device });
  return ops.histogram(x, { bins, weight, density });
};
checkOp('histogram', bySteps, {
  reference: (x: NDArray, weight?: NDArray, density?: boolean) => reference.histogram(x, edges, weight, density),
  differentiable: false,
  ulps: 8,
  cases: [
    { name: 'with edges', args: [rand(5, 4)] },
    { name: 'the edges themselves, NaN and infinity', args: [given([...edges, Number.NaN, Infinity, -Infinity])] },
    { name: 'weighted, as a density', args: [rand(9), positive(9), true] },
    { name: 'nothing', args: [rand(0, 2)] },
  ],
});
checkOp('histogram', ops.histogram, {
  reference: (x: NDArray, { bins, range: [low, high] }: { bins: number; range: [number, number] }) =>
    reference.histogram(
      x,
      Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins),
    ),
  differentiable: false,
  cases: [
    { name: 'equal bins', args: [rand(17), { bins: 4, range: [-1, 1] }] },
    { name: 'a negative range', args: [rand(17), { bins: 3, range: [-1.5, 0] }] },
  ],
  rejects: [
    { name: 'integers', args: () => [randInt(0, 3, [3])], code: 'ERR_DTYPE' },
    { name: 'weights of another shape', args: () => [rand(3), { weight: rand(4) }], code: 'ERR_SHAPE' },
    { name: 'no bins', args: () => [rand(3), { bins: 0 }], code: 'ERR_ARGUMENT', message: /bins must be/ },
    { name: 'a range backwards', args: () => [rand(3), { range: [1, 0] }], code: 'ERR_ARGUMENT' },
    { name: 'edges in a matrix', args: () => [rand(3), { bins: rand(2, 2) }], code: 'ERR_SHAPE' },
    { name: 'density as a number', args: () => [rand(3), { density: 1 }], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`histogram takes its range from the elements on ${device}`, () => {
    const [counts, ends] = ops.histogram(tensor([1, 2, 3, 5], { device }), { bins: 2 });
    assert.deepEqual([...elements(counts)], [2, 2]);
    assert.deepEqual([...elements(ends)], [1, 3, 5]);
    const [one, around] = ops.histogram(tensor([3, 3], { device }), { bins: 2 });
    assert.deepEqual([...elements(one)], [0, 2]);
    assert.deepEqual([...elements(around)], [2.5, 3, 3.5]);
    for (const t of [counts, ends, one, around]) t.dispose();
  });
}

checkOp('isin', ops.isin, {
  reference: reference.isin,
  dtypes: ['float32', 'float64', 'int32', 'int64', 'uint8'],
  resultDtype: () => 'bool',
  differentiable: false,
  cases: [
    { name: 'a matrix', args: [randInt(0, 9, [3, 5]), randInt(0, 9, [2, 2])] },
    { name: 'in the dtype under test', args: [given([1, 2, 3, 4, 3, 0], [2, 3]), given([3, 0, 7])] },
    { name: 'a number', args: [given([1, 2, 3]), 2] },
    { name: 'the others', args: [given([1, 2, 3]), given([3, 1]), { invert: true }] },
    { name: 'rank 0', args: [given([2], []), given([2, 5])] },
    { name: 'an empty set', args: [given([1, 2]), given([], [0])] },
    { name: 'nothing', args: [given([], [0, 3]), given([1])] },
    {
      name: 'NaN and infinities',
      args: [given([Number.NaN, Infinity, -Infinity, 0]), given([Number.NaN, Infinity, -0])],
      dtypes: ['float32', 'float64'],
    },
    { name: 'integers among fractions', args: [randInt(0, 3, [6]), given([1, 1.5, 3])], dtypes: ['float64'] },
    { name: 'bools', args: [randInt(0, 1, [5], 'bool'), randInt(1, 1, [2], 'bool')], dtypes: ['float32'] },
    { name: 'int8', args: [randInt(-3, 3, [7], 'int8'), randInt(-3, 3, [3], 'int16')], dtypes: ['float32'] },
  ],
  rejects: [
    { name: 'no set', args: () => [rand(2)], code: 'ERR_ARGUMENT', message: /the set must be/ },
    { name: 'invert as text', args: () => [rand(2), rand(2), { invert: 'no' }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('combinations', ops.combinations, {
  reference: reference.combinations,
  dtypes: ['float32', 'float64', 'int32', 'uint8'],
  cases: [
    { name: 'pairs', args: [rand(5)] },
    { name: 'pairs with replacement', args: [rand(4), 2, { withReplacement: true }] },
    { name: 'triples', args: [rand(5), 3] },
    { name: 'triples with replacement', args: [rand(3), 3, { withReplacement: true }] },
    { name: 'single elements', args: [rand(3), 1] },
    { name: 'all', args: [rand(4), 4] },
    { name: 'none', args: [rand(3), 0], grad: false },
    { name: 'more than there are', args: [rand(2), 3], grad: false },
    { name: 'of nothing', args: [rand(0), 3, { withReplacement: true }] },
  ],
  rejects: [
    { name: 'a matrix', args: () => [rand(2, 2)], code: 'ERR_SHAPE' },
    { name: 'half an element', args: () => [rand(2), 0.5], code: 'ERR_ARGUMENT' },
    { name: 'more than memory', args: () => [rand(2000), 40], code: 'ERR_SHAPE' },
  ],
});

checkOp('pdist', ops.pdist, {
  reference: reference.pdist,
  ulps: 16,
  cases: [
    { name: 'Euclidean', args: [rand(5, 3)] },
    { name: 'one norm', args: [distinct(4, 3), { p: 1 }] },
    { name: 'three', args: [rand(3, 4), { p: 3 }] },
    { name: 'largest', args: [rand(4, 3), { p: Infinity }] },
    { name: 'two rows', args: [rand(2, 2)] },
    { name: 'one row', args: [rand(1, 3)], grad: false },
    { name: 'no rows', args: [rand(0, 3)] },
  ],
  rejects: [
    { name: 'a batch', args: () => [rand(2, 3, 4)], code: 'ERR_SHAPE', message: /\[N, M\]/ },
    { name: 'a negative p', args: () => [rand(3, 4), { p: -1 }], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('dist', ops.dist, {
  reference: reference.dist,
  ulps: 8,
  cases: [
    { name: 'Euclidean', args: [rand(2, 3), rand(2, 3)] },
    { name: 'broadcast', args: [rand(2, 3), rand(3)], layouts: ['contiguous', 'sliced'] },
    { name: 'one norm', args: [rand(4), rand(4), 1] },
    { name: 'largest', args: [distinct(5), constant(0.01, 5), Infinity] },
    { name: 'nothing', args: [rand(0), rand(0)] },
  ],
  rejects: [
    { name: 'two dtypes', args: () => [rand(2), { ...noGradient(rand(2)), dtype: 'float64' }], code: 'ERR_DTYPE' },
    { name: 'a norm of text', args: () => [rand(2), rand(2), '2'], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('renorm', ops.renorm, {
  reference: reference.renorm,
  ulps: 16,
  cases: [
    { name: 'rows', args: [rand(3, 4), 2, 0, 1.5] },
    { name: 'columns by the one norm', args: [randIn(0.5, 2, 3, 4), 1, 1, 2] },
    { name: 'a volume', args: [rand(2, 3, 2), 2, -2, 1], layouts: ['contiguous', 'sliced'] },
    { name: 'nothing to do', args: [rand(2, 2), 2, 0, 100] },
    { name: 'no rows', args: [rand(0, 2), 2, 0, 1] },
  ],
  rejects: [
    { name: 'a vector', args: () => [rand(3), 2, 0, 1], code: 'ERR_SHAPE' },
    { name: 'a norm of 0', args: () => [rand(2, 2), 0, 0, 1], code: 'ERR_ARGUMENT' },
    { name: 'an axis beyond', args: () => [rand(2, 2), 2, 2, 1], code: 'ERR_SHAPE' },
    { name: 'a negative bound', args: () => [rand(2, 2), 2, 0, -1], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('bilinear', ops.bilinear, {
  reference: reference.bilinear,
  additive: true,
  cases: [
    { name: 'with bias', args: [rand(3, 2), rand(3, 4), rand(5, 2, 4), rand(5)] },
    { name: 'without', args: [rand(2, 2, 3), rand(2, 2, 2), rand(1, 3, 2)] },
    { name: 'vectors', args: [rand(3), rand(2), rand(4, 3, 2)] },
    { name: 'no rows', args: [rand(0, 3), rand(0, 2), rand(4, 3, 2)] },
  ],
  rejects: [
    { name: 'sizes that differ', args: () => [rand(2, 3), rand(2, 2), rand(4, 2, 2)], code: 'ERR_SHAPE' },
    { name: 'another batch', args: () => [rand(2, 3), rand(3, 2), rand(4, 3, 2)], code: 'ERR_SHAPE' },
    { name: 'a bias of another length', args: () => [rand(2), rand(2), rand(4, 2, 2), rand(3)], code: 'ERR_SHAPE' },
  ],
});

checkOp('blockDiag', ops.blockDiag, {
  reference: reference.blockDiag,
  dtypes: ['float32', 'float64', 'int32', 'bool'],
  cases: [
    { name: 'matrices and a vector', args: [[rand(2, 3), rand(2), rand(1, 1)]] },
    { name: 'one', args: [[rand(2, 2)]] },
    { name: 'numbers', args: [[rand(), rand()]] },
    { name: 'an empty block', args: [[rand(2, 0), rand(1, 2)]] },
  ],
  rejects: [
    { name: 'a volume', args: () => [[rand(1, 1, 1)]], code: 'ERR_SHAPE' },
    { name: 'no list', args: () => [3], code: 'ERR_ARGUMENT' },
  ],
});

test.run();
