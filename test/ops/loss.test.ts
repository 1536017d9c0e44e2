import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { full, memory, resetPeakMemory, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected } from '../support/check-op.ts';
import { given, noGradient, rand, randAway, randIn, randInt, type TensorSpec } from '../support/random.ts';
import * as reference from '../support/reference/loss.ts';
import { build, map, type NDArray } from '../support/reference/ndarray.ts';

type Make = (...shape: number[]) => TensorSpec;
const share = (...shape: number[]): TensorSpec => randIn(0.05, 0.95, ...shape);
/** −1 and 1, constants. */
const signs = (...shape: number[]): TensorSpec => ({
  values: build(shape, (index) => (index.reduce((a, b) => a + b, 0) % 3 === 0 ? -1 : 1)),
  dtype: null,
  grad: false,
});

const rejectsPair = (op: string): Rejected[] => [
  { name: 'no tensor', args: () => [1, rand(2)], code: 'ERR_ARGUMENT' },
  { name: 'integers', args: () => [randInt(0, 3, [2]), rand(2)], code: 'ERR_DTYPE' },
  { name: 'targets of another dtype', args: () => [rand(2), randInt(0, 1, [2])], code: 'ERR_DTYPE' },
  { name: 'shapes that do not broadcast', args: () => [rand(2), rand(3)], code: 'ERR_SHAPE' },
  {
    name: 'another reduction',
    args: () => [rand(2), rand(2), { reduction: 'most' }],
    code: 'ERR_ARGUMENT',
    message: new RegExp(`${op}: reduction`),
  },
];

/** Cases for losses of one element against another. */
function pairs(x: Make, t: Make, option: Record<string, unknown>[] = [], smooth = true): OpCase[] {
  return [
    { name: 'mean', args: [x(3, 5), t(3, 5)], grad: smooth },
    { name: 'each', args: [x(2, 3), t(2, 3), { reduction: 'none' }], grad: smooth },
    { name: 'sum, broadcast', args: [x(2, 3), t(3), { reduction: 'sum' }], grad: smooth, layouts: ['contiguous'] },
    { name: 'rank 0', args: [x(), t()], grad: smooth, layouts: ['contiguous'] },
    { name: 'nothing', args: [x(0), t(0), { reduction: 'sum' }], layouts: ['contiguous'] },
    ...option.map(
      (each, i): OpCase => ({
        name: `options ${i}`,
        args: [x(2, 4), t(2, 4), each],
        layouts: ['contiguous'],
        grad: smooth,
      }),
    ),
  ];
}

const tables: Record<string, { cases: OpCase[]; ulps?: number }> = {
  mseLoss: { cases: pairs(rand, rand) },
  l1Loss: {
    cases: pairs(
      (...s) => randIn(0.1, 1, ...s),
      (...s) => randIn(-1, -0.1, ...s),
    ),
  },
  smoothL1Loss: { cases: pairs(rand, rand, [{ beta: 0.3 }, { beta: 2, reduction: 'none' }]) },
  huberLoss: { cases: pairs(rand, rand, [{ delta: 0.4 }, { delta: 3, reduction: 'none' }]), ulps: 8 },
  klDiv: { cases: pairs(rand, share, [{ logTarget: true }]), ulps: 16 },
  poissonNllLoss: {
    cases: pairs(rand, (...s) => randIn(0, 4, ...s), [{ full: true, reduction: 'none' }]),
    ulps: 16,
  },
  binaryCrossEntropy: { cases: pairs(share, share), ulps: 16 },
  binaryCrossEntropyWithLogits: { cases: pairs(rand, share), ulps: 16 },
  focalLoss: { cases: pairs(rand, share, [{ alpha: -1 }, { gamma: 1, alpha: 0.7 }]), ulps: 32 },
  softMarginLoss: { cases: pairs(rand, signs), ulps: 16 },
  hingeEmbeddingLoss: { cases: pairs(rand, signs, [{ margin: 0.3 }]) },
};
export const covers = [
  'mseLoss',
  'l1Loss',
  'smoothL1Loss',
  'huberLoss',
  'klDiv',
  'poissonNllLoss',
  'binaryCrossEntropy',
  'binaryCrossEntropyWithLogits',
  'focalLoss',
  'softMarginLoss',
  'hingeEmbeddingLoss',
];

for (const [name, { cases, ulps }] of Object.entries(tables)) {
  const op = (ops as unknown as Record<string, (...args: never[]) => unknown>)[name] as (...args: unknown[]) => unknown;
  checkOp(name, op, {
    reference: reference.pointwiseLoss(name),
    // Sums of terms of either sign: errors are relative to the terms, which are of about this size.
    magnitude: (x: NDArray, t: NDArray, o?: object) => {
      const size = reference.pointwiseLoss(name)(x, t, o);
      return build(size.shape, (index) => 4 + Math.abs(size.at(...index)));
    },
    ulps: ulps ?? 4,
    cases,
    rejects: rejectsPair(name),
  });
}

checkOp('gaussianNllLoss', ops.gaussianNllLoss, {
  reference: reference.gaussianNll,
  magnitude: (x: NDArray, t: NDArray, v: NDArray, o?: object) => {
    const size = reference.gaussianNll(x, t, v, o);
    return build(size.shape, (index) => 8 + Math.abs(size.at(...index)));
  },
  ulps: 16,
  cases: [
    { name: 'mean', args: [rand(3, 5), rand(3, 5), randIn(0.2, 2, 3, 5)] },
    { name: 'each, full', args: [rand(2, 3), rand(2, 3), randIn(0.2, 2, 2, 1), { full: true, reduction: 'none' }] },
    { name: 'a variance below eps', args: [rand(2), rand(2), given([1e-9, 0.5]), { eps: 0.1 }], grad: false },
  ],
  rejects: [{ name: 'a bad eps', args: () => [rand(2), rand(2), rand(2), { eps: -1 }], code: 'ERR_ARGUMENT' }],
});

checkOp('diceLoss', ops.diceLoss, {
  reference: reference.dice,
  ulps: 8,
  cases: [
    { name: 'masks', args: [share(3, 4, 5), share(3, 4, 5)] },
    { name: 'each, no smoothing', args: [share(4, 6), share(4, 6), { smooth: 0, reduction: 'none' }] },
    { name: 'one number a sample', args: [share(5), share(5)] },
  ],
  rejects: [{ name: 'rank 0', args: () => [rand(), rand()], code: 'ERR_ARGUMENT' }],
});

checkOp('marginRankingLoss', ops.marginRankingLoss, {
  reference: reference.marginRanking,
  ulps: 8,
  cases: [
    { name: 'mean', args: [rand(3, 4), rand(3, 4), signs(3, 4)] },
    { name: 'each, with a margin', args: [rand(6), rand(6), signs(6), { margin: 0.7, reduction: 'none' }] },
    { name: 'broadcast', args: [rand(3, 1), rand(4), signs(3, 4), { reduction: 'sum' }] },
  ],
  rejects: [{ name: 'a bad margin', args: () => [rand(2), rand(2), rand(2), { margin: 'x' }], code: 'ERR_ARGUMENT' }],
});

checkOp('tripletMarginLoss', ops.tripletMarginLoss, {
  reference: reference.triplet,
  ulps: 32,
  cases: [
    { name: 'mean', args: [rand(4, 5), rand(4, 5), rand(4, 5), { margin: 2 }] },
    { name: 'each, swapped', args: [rand(4, 3), rand(4, 3), rand(4, 3), { swap: true, reduction: 'none', margin: 3 }] },
    { name: 'the sum of differences', args: [rand(4, 3), rand(4, 3), rand(4, 3), { p: 1, margin: 5 }] },
    { name: 'one triplet', args: [rand(7), rand(7), rand(7), { margin: 3 }] },
  ],
  rejects: [{ name: 'rank 0', args: () => [rand(), rand(), rand()], code: 'ERR_SHAPE' }],
});

checkOp('cosineEmbeddingLoss', ops.cosineEmbeddingLoss, {
  reference: reference.cosineEmbedding,
  magnitude: (a: NDArray, b: NDArray, t: NDArray, o?: object) => {
    const size = reference.cosineEmbedding(a, b, t, o);
    return build(size.shape, () => 1 + t.size);
  },
  ulps: 16,
  cases: [
    { name: 'mean', args: [rand(6, 5), rand(6, 5), signs(6)] },
    { name: 'each, with a margin', args: [rand(6, 4), rand(6, 4), signs(6), { margin: -0.2, reduction: 'none' }] },
    { name: 'one pair', args: [rand(5), rand(5), signs()] },
  ],
  rejects: [
    { name: 'rank 3', args: () => [rand(2, 2, 2), rand(2, 2, 2), rand(2)], code: 'ERR_SHAPE' },
    { name: 'targets of another length', args: () => [rand(2, 2), rand(2, 2), rand(3)], code: 'ERR_SHAPE' },
  ],
});

const labels = (...values: number[]): TensorSpec => ({ ...given(values), dtype: 'int32', grad: false });

checkOp('multiMarginLoss', ops.multiMarginLoss, {
  reference: reference.multiMargin,
  ulps: 16,
  cases: [
    { name: 'mean', args: [rand(4, 5), labels(0, 4, 2, 2)] },
    { name: 'squares', args: [rand(3, 4), labels(1, 0, 3), { p: 2, margin: 1.5, reduction: 'none' }] },
    { name: 'weights', args: [rand(3, 4), labels(1, 0, 3), { weight: noGradient(share(4)), reduction: 'sum' }] },
  ],
  rejects: [
    { name: 'rank 1', args: () => [rand(3), labels(0)], code: 'ERR_SHAPE' },
    { name: 'float labels', args: () => [rand(1, 3), rand(1)], code: 'ERR_DTYPE' },
    { name: 'a power of 3', args: () => [rand(1, 3), labels(0), { p: 3 }], code: 'ERR_ARGUMENT' },
  ],
});

const classLists = (rows: number[][]): TensorSpec => ({
  ...given(rows.flat(), [rows.length, rows[0]?.length ?? 0]),
  dtype: 'int32',
  grad: false,
});

checkOp('multilabelMarginLoss', ops.multilabelMarginLoss, {
  reference: reference.multilabelMargin,
  ulps: 16,
  cases: [
    {
      name: 'mean',
      args: [
        rand(3, 4),
        classLists([
          [3, 0, -1, 1],
          [2, -1, -1, -1],
          [0, 1, 2, 3],
        ]),
      ],
    },
    {
      name: 'each',
      args: [
        rand(2, 3),
        classLists([
          [-1, 0, 9],
          [1, 1, -1],
        ]),
        { reduction: 'none' },
      ],
    },
    { name: 'one sample', args: [rand(4), labels(1, 3, -1, 0), { reduction: 'sum' }] },
  ],
  rejects: [
    { name: 'rank 3', args: () => [rand(2, 2, 2), labels(0)], code: 'ERR_SHAPE' },
    { name: 'labels of another shape', args: () => [rand(2, 2), labels(0, 1)], code: 'ERR_SHAPE' },
    { name: 'float labels', args: () => [rand(3), rand(3)], code: 'ERR_DTYPE' },
  ],
});

const byFirst = (a: Tensor, b: Tensor, c: Tensor, o?: object): Tensor =>
  ops.tripletMarginWithDistanceLoss(a, b, c, { distance: (x, y) => ops.sum(ops.square(ops.sub(x, y)), 1), ...o });
checkOp('tripletMarginWithDistanceLoss', byFirst, {
  reference: reference.tripletSquares,
  ulps: 16,
  magnitude: (a: NDArray, b: NDArray, c: NDArray, o?: object) =>
    map(reference.tripletSquares(a, b, c, o), (v) => Math.max(v, 32)),
  cases: [
    { name: 'mean', args: [rand(4, 3), rand(4, 3), rand(4, 3)] },
    { name: 'swapped, each', args: [rand(3, 2), rand(3, 2), rand(3, 2), { margin: 2, swap: true, reduction: 'none' }] },
  ],
  rejects: [
    {
      name: 'a distance that is none',
      args: () => [rand(2, 2), rand(2, 2), rand(2, 2), { distance: 3 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a distance of a number',
      args: () => [rand(2, 2), rand(2, 2), rand(2, 2), { distance: () => 1 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a negative margin',
      args: () => [rand(2, 2), rand(2, 2), rand(2, 2), { margin: -1 }],
      code: 'ERR_ARGUMENT',
    },
  ],
});
checkOp('tripletMarginWithDistanceLoss', ops.tripletMarginWithDistanceLoss, {
  reference: reference.triplet,
  ulps: 16,
  magnitude: (a: NDArray, b: NDArray, c: NDArray, o?: object) =>
    map(reference.triplet(a, b, c, o), (v) => Math.max(v, 8)),
  cases: [{ name: 'of the 2-norm', args: [rand(3, 4), rand(3, 4), rand(3, 4)] }],
});

checkOp('multilabelSoftMarginLoss', ops.multilabelSoftMarginLoss, {
  reference: reference.multilabelSoftMargin,
  magnitude: (x: NDArray, t: NDArray, o?: object) => {
    const size = reference.multilabelSoftMargin(x, t, o);
    return build(size.shape, () => 4);
  },
  ulps: 16,
  cases: [
    { name: 'mean', args: [rand(3, 5), share(3, 5)] },
    { name: 'each', args: [rand(3, 5), share(3, 5), { reduction: 'none' }] },
    { name: 'one sample', args: [rand(5), share(5)] },
  ],
  rejects: [{ name: 'rank 0', args: () => [rand(), rand()], code: 'ERR_SHAPE' }],
});

const classCases = (score: Make): OpCase[] => [
  { name: 'weights', args: [score(5, 4), labels(3, 0, 1, 1, 2), { weight: noGradient(share(4)) }] },
  {
    name: 'weights and ignored rows, each',
    args: [score(4, 3), labels(2, -7, 0, -7), { weight: noGradient(share(3)), ignoreIndex: -7, reduction: 'none' }],
  },
  {
    name: 'weights over images',
    args: [
      score(2, 3, 2, 2),
      { ...labels(0, 1, 2, 2, 1, 0, 0, 2), values: build([2, 2, 2], ([a = 0, b = 0, c = 0]) => (a + 2 * b + c) % 3) },
      { weight: noGradient(share(3)), reduction: 'sum' },
    ],
  },
];

checkOp('nllLoss', ops.nllLoss, {
  reference: reference.nllLoss,
  ulps: 8,
  magnitude: () => build([], () => 8),
  cases: classCases(rand).filter(({ name }) => !name.endsWith('each')),
  rejects: [
    {
      name: 'weights of another length',
      args: () => [rand(2, 3), labels(0, 1), { weight: rand(2) }],
      code: 'ERR_SHAPE',
      message: /weight/,
    },
  ],
});

checkOp('crossEntropy', ops.crossEntropy, {
  reference: reference.crossEntropy,
  ulps: 16,
  magnitude: (x: NDArray, t: NDArray, o?: object) => build(reference.crossEntropy(x, t, o).shape, () => 8),
  cases: [
    { name: 'probabilities', args: [rand(4, 3), share(4, 3)] },
    {
      name: 'probabilities, smoothed and weighted',
      args: [rand(2, 3, 2), share(2, 3, 2), { labelSmoothing: 0.2, weight: noGradient(share(3)), reduction: 'none' }],
    },
    { name: 'probabilities of one sample', args: [rand(3), share(3)] },
    {
      name: 'smoothed and weighted',
      args: [rand(3, 4), labels(0, 3, 1), { labelSmoothing: 0.3, weight: noGradient(share(4)) }],
    },
    ...classCases(rand),
  ],
  rejects: [
    { name: 'probabilities of another shape', args: () => [rand(2, 3), rand(2, 4)], code: 'ERR_SHAPE' },
    {
      name: 'weights of another length',
      args: () => [rand(2, 3), labels(0, 1), { weight: rand(2) }],
      code: 'ERR_SHAPE',
    },
  ],
});

const logRows = (...shape: number[]): TensorSpec => {
  const raw = randAway(0.1, ...shape);
  const classes = shape.at(-1) as number;
  const values = build(shape, (index) => {
    const row = Array.from({ length: classes }, (_, k) => raw.values.at(...index.slice(0, -1), k));
    return raw.values.at(...index) - Math.log(row.reduce((a, b) => a + Math.exp(b), 0));
  });
  return { ...raw, values };
};
const targets = (n: number, s: number): TensorSpec => ({
  ...randInt(1, 2, [n, s]),
  values: build([n, s], ([i = 0, j = 0]) => 1 + ((i + j + (j > 1 ? 1 : 0)) % 2)),
});

checkOp('ctcLoss', ops.ctcLoss, {
  reference: reference.ctc,
  ulps: 64, // a recursion of T logaddexps
  cases: [
    { name: 'mean', args: [logRows(5, 2, 3), targets(2, 2), [5, 4], [2, 1]] },
    { name: 'each', args: [logRows(4, 3, 3), targets(3, 3), [4, 4, 3], [2, 0, 1], { reduction: 'none' }] },
    {
      name: 'another blank',
      args: [
        logRows(4, 2, 3),
        { ...targets(2, 2), values: build([2, 2], ([, j = 0]) => j) },
        [4, 3],
        [2, 2],
        { blank: 2, reduction: 'sum' },
      ],
    },
    {
      name: 'no alignment, as zero',
      args: [
        logRows(2, 2, 3),
        { ...targets(2, 2), values: build([2, 2], () => 1) },
        [2, 2],
        [2, 1],
        { zeroInfinity: true, reduction: 'none' },
      ],
    },
  ],
  rejects: [
    { name: 'rank 1', args: () => [rand(3), labels(1), [3], [1]], code: 'ERR_SHAPE' },
    { name: 'no scores', args: () => [null, targets(1, 1), [3], [1]], code: 'ERR_ARGUMENT', message: /logProbs/ },
    {
      name: 'a length past the end',
      args: () => [rand(3, 1, 3), targets(1, 1), [4], [1]],
      code: 'ERR_ARGUMENT',
      message: /inputLengths/,
    },
    { name: 'too few lengths', args: () => [rand(3, 2, 3), targets(2, 1), [3], [1, 1]], code: 'ERR_SHAPE' },
    {
      name: 'a blank that is no class',
      args: () => [rand(3, 1, 3), targets(1, 1), [3], [1], { blank: 3 }],
      code: 'ERR_ARGUMENT',
    },
  ],
});

test('ctcLoss without an alignment is infinite, and lengths may be tensors', () => {
  scope(() => {
    const logProbs = full([2, 1, 2], Math.log(0.5), { dtype: 'float64' });
    const wanted = tensor([[1, 1]], { dtype: 'int32' });
    assert.equal(ops.ctcLoss(logProbs, wanted, [2], [2]).itemSync(), Number.POSITIVE_INFINITY);
    const times = tensor([2], { dtype: 'int32' });
    const sizes = tensor([1], { dtype: 'int32' });
    const loss = ops.ctcLoss(logProbs, wanted, times, sizes).itemSync() as number;
    assert.ok(Math.abs(loss + Math.log(0.75)) < 1e-12);
  });
});

const vectors = (classes: number, width: number): TensorSpec => rand(classes, width);
checkOp('linearCrossEntropy', ops.linearCrossEntropy, {
  reference: reference.linearCrossEntropy,
  ulps: 64,
  magnitude: (x: NDArray, w: NDArray, l: NDArray, o?: object) =>
    build(reference.linearCrossEntropy(x, w, l, o).shape, () => 16),
  cases: [
    {
      name: 'chunks, with bias',
      args: [rand(7, 3), vectors(4, 3), labels(0, 3, 1, 1, 2, 3, 0), { bias: rand(4), chunkRows: 3 }],
    },
    { name: 'ignored rows, each', args: [rand(3, 2), vectors(3, 2), labels(1, -100, 2), { reduction: 'none' }] },
    {
      name: 'sequences',
      args: [
        rand(2, 3, 2),
        vectors(3, 2),
        { ...labels(), values: build([2, 3], ([, j = 0]) => j) },
        { reduction: 'sum' },
      ],
    },
    { name: 'nothing', args: [rand(0, 2), vectors(3, 2), labels(), { reduction: 'sum' }] },
  ],
  rejects: [
    { name: 'another width', args: () => [rand(2, 3), rand(4, 2), labels(0, 1)], code: 'ERR_SHAPE' },
    { name: 'too few labels', args: () => [rand(2, 3), rand(4, 3), labels(0)], code: 'ERR_SHAPE' },
    {
      name: 'a bias of another length',
      args: () => [rand(2, 3), rand(4, 3), labels(0, 1), { bias: rand(3) }],
      code: 'ERR_SHAPE',
    },
    {
      name: 'chunks of no rows',
      args: () => [rand(2, 3), rand(4, 3), labels(0, 1), { chunkRows: 0 }],
      code: 'ERR_ARGUMENT',
    },
  ],
});

test('linearCrossEntropy never holds all logits', () => {
  const [rows, classes, width] = [512, 4000, 16];
  const x = ops.randn([rows, width]);
  const w = ops.randn([classes, width]);
  for (const t of [x, w]) t.requiresGrad = true;
  const label = ops.zeros([rows], { dtype: 'int32' });
  resetPeakMemory();
  const before = memory()['cpu']?.live ?? 0;
  scope(() => ops.linearCrossEntropy(x, w, label, { chunkRows: 32 }).backward());
  const peak = (memory()['cpu']?.peak ?? 0) - before;
  assert.ok(peak < (rows * classes * 4) / 2, `${peak} bytes at the peak, all logits are ${rows * classes * 4}`);
  for (const t of [x.grad, w.grad, x, w, label]) t?.dispose();
});

test.run();
