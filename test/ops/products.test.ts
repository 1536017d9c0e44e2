import { test } from 'uvu';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { given, rand, randInt } from '../support/random.ts';
import { matmul } from '../support/reference/matrix.ts';
import { add, mul } from '../support/reference/arithmetic.ts';
import { build, type NDArray } from '../support/reference/ndarray.ts';
import { einsum, kron, tensordot } from '../support/reference/products.ts';

// Sums of K products: 16 epsilon of the sum of magnitudes is far above blocked summation's error.
const product = { additive: true, ulps: 16 } as const;
const wrongRank = (name: string, ...args: (readonly number[])[]) => ({
  name,
  args: () => args.map((shape) => rand(...shape)),
  code: 'ERR_SHAPE',
});

checkOp('mm', ops.mm, {
  reference: matmul,
  ...product,
  cases: [
    { name: 'matrices', args: [rand(3, 4), rand(4, 2)] },
    { name: 'an empty one', args: [rand(0, 4), rand(4, 2)] },
  ],
  rejects: [wrongRank('a batch', [2, 3, 4], [4, 2]), wrongRank('inner sizes that differ', [3, 4], [3, 4])],
});
checkOp('bmm', ops.bmm, {
  reference: matmul,
  ...product,
  cases: [{ name: 'batches', args: [rand(2, 3, 4), rand(2, 4, 2)] }],
  rejects: [wrongRank('batches that differ', [1, 3, 4], [2, 4, 2]), wrongRank('matrices', [3, 4], [4, 2])],
});
checkOp('mv', ops.mv, {
  reference: matmul,
  ...product,
  cases: [{ name: 'a matrix and a vector', args: [rand(3, 4), rand(4)] }],
  rejects: [wrongRank('two matrices', [3, 4], [4, 1]), wrongRank('sizes that differ', [3, 4], [3])],
});
for (const name of ['dot', 'vdot'] as const) {
  checkOp(name, ops[name], {
    reference: matmul,
    ...product,
    cases: [
      { name: 'vectors', args: [rand(5), rand(5)] },
      { name: 'empty vectors', args: [rand(0), rand(0)] },
    ],
    rejects: [wrongRank('matrices', [2, 2], [2, 2]), wrongRank('lengths that differ', [2], [3])],
  });
}
checkOp('vecdot', ops.vecdot, {
  reference: (a: NDArray, b: NDArray, { axis = -1 } = {}) =>
    axis === 0 ? einsum('a...,a...->...', a, b) : einsum('...a,...a->...', a, b),
  ...product,
  cases: [
    { name: 'rows', args: [rand(3, 4), rand(3, 4)] },
    { name: 'columns', args: [rand(3, 4), rand(3, 4), { axis: 0 }] },
    { name: 'a broadcast batch', args: [rand(2, 1, 4), rand(3, 4)] },
  ],
  rejects: [
    wrongRank('rank 0', [], []),
    { name: 'an axis out of range', args: () => [rand(2), rand(2), { axis: 1 }], code: 'ERR_SHAPE' },
    { name: 'options that are none', args: () => [rand(2), rand(2), null], code: 'ERR_ARGUMENT' },
  ],
});
checkOp('inner', ops.inner, {
  reference: (a: NDArray, b: NDArray) =>
    a.rank === 0 || b.rank === 0 ? mul(a, b) : tensordot(a, b, [a.rank - 1, b.rank - 1]),
  ...product,
  cases: [
    { name: 'more axes', args: [rand(2, 3, 4), rand(2, 4)] },
    { name: 'vectors', args: [rand(4), rand(4)] },
    { name: 'a number', args: [rand(), rand(2, 2)] },
  ],
  rejects: [wrongRank('sizes that differ', [2, 3], [2, 4])],
});
checkOp('outer', ops.outer, {
  reference: (a: NDArray, b: NDArray) => einsum('i,j->ij', a, b),
  cases: [
    { name: 'vectors', args: [rand(3), rand(4)] },
    { name: 'an empty vector', args: [rand(0), rand(4)] },
  ],
  rejects: [wrongRank('matrices', [2, 2], [2, 2])],
});

/** beta x + alpha · what `equation` says of a and b. */
const added =
  (equation: string) =>
  (x: NDArray, a: NDArray, b: NDArray, { alpha = 1, beta = 1 } = {}): NDArray => {
    const right = mul(einsum(equation, a, b), alpha);
    return beta === 0 ? right : add(mul(x, beta), right);
  };
const sums = {
  addmm: ['ij,jk->ik', [3, 4], [4, 2]],
  addmv: ['ij,j->i', [3, 4], [4]],
  addr: ['i,j->ij', [3], [2]],
  baddbmm: ['bij,bjk->bik', [2, 3, 4], [2, 4, 2]],
  addbmm: ['bij,bjk->ik', [2, 3, 4], [2, 4, 2]],
} as const;
for (const name of ['addmm', 'addmv', 'addr', 'baddbmm', 'addbmm'] as const) {
  const [equation, a, b] = sums[name];
  checkOp(name, ops[name], {
    reference: added(equation),
    ...product,
    magnitude: (x: NDArray, left: NDArray, right: NDArray, { beta = 1 } = {}) => {
      const absolute = (t: NDArray): NDArray => mul(t, 1, Math.abs);
      return added(equation)(absolute(x), absolute(left), absolute(right), { alpha: 2, beta: Math.abs(beta) });
    },
    cases: [
      { name: 'both factors', args: [rand(1), rand(...a), rand(...b), { alpha: 1.5, beta: -0.5 }] },
      { name: 'plain', args: [rand(1), rand(...a), rand(...b)] },
      {
        name: 'NaN in what is not added',
        args: [given([Number.NaN]), rand(...a), rand(...b), { beta: 0 }],
        grad: false,
      },
    ],
    rejects: [
      { name: 'another rank', args: () => [rand(1), rand(2), rand(2, 2, 2, 2)], code: 'ERR_SHAPE' },
      { name: 'x that is too large', args: () => [rand(7, 7), rand(...a), rand(...b)], code: 'ERR_SHAPE' },
      { name: 'a factor', args: () => [rand(1), rand(...a), rand(...b), { alpha: 'x' }], code: 'ERR_ARGUMENT' },
    ],
  });
}

checkOp('kron', ops.kron, {
  reference: kron,
  cases: [
    { name: 'matrices', args: [rand(2, 3), rand(3, 2)] },
    { name: 'ranks that differ', args: [rand(2), rand(2, 1, 2)] },
    { name: 'rank 0', args: [rand(), rand(2)] },
  ],
  rejects: [wrongRank('too many axes', [1, 1, 1, 1, 2], [2])],
});
/** ε with i j k in cyclic order 1, in the other −1. */
const levi = build([3, 3, 3], ([i = 0, j = 0, k = 0]) => ((i - j) * (j - k) * (k - i)) / 2);
checkOp('cross', ops.cross, {
  reference: (a: NDArray, b: NDArray, { axis = -1 } = {}) => {
    const left = axis === 0 ? 'i...' : '...i';
    const right = axis === 0 ? 'j...' : '...j';
    const out = axis === 0 ? 'k...' : '...k';
    return einsum(`ijk,${left},${right}->${out}`, levi, a, b);
  },
  ...product,
  magnitude: (a: NDArray, b: NDArray, { axis = -1 } = {}) =>
    einsum(
      axis === 0 ? 'ijk,i...,j...->k...' : 'ijk,...i,...j->...k',
      mul(levi, 1, Math.abs),
      mul(a, 1, Math.abs),
      mul(b, 1, Math.abs),
    ),
  cases: [
    { name: 'rows', args: [rand(4, 3), rand(4, 3)] },
    { name: 'the first axis, broadcast', args: [rand(3, 1), rand(3, 2), { axis: 0 }] },
  ],
  rejects: [wrongRank('size 2', [2, 2], [2, 2]), wrongRank('rank 0', [], [])],
});

const contraction = (equation: string, ...shapes: (readonly number[])[]) => ({
  name: equation,
  args: [equation, ...shapes.map((shape) => rand(...shape))],
});
checkOp('einsum', ops.einsum, {
  reference: einsum,
  ...product,
  cases: [
    contraction('bij,bjk,kl->lbi', [2, 3, 4], [2, 4, 2], [2, 3]),
    contraction('ij,jk', [3, 4], [4, 2]),
    contraction('ba', [2, 3]),
    contraction('ii', [3, 3]),
    contraction('ii->i', [3, 3]),
    contraction('iij,jk->ik', [2, 2, 3], [3, 2]),
    contraction('iii->', [2, 2, 2]),
    contraction('i,j->ji', [3], [2]),
    contraction('ij->', [2, 3]),
    contraction('...ij,...jk->...ik', [3, 1, 2, 4], [2, 4, 3]),
    contraction('i...,...->...', [2, 3, 1], [4]),
    contraction('i...->i', [2, 3, 2]),
    contraction('ij,ij->ij', [2, 3], [1, 3]),
    contraction('a,ab,bc,cd,d->', [2], [2, 3], [3, 2], [2, 3], [3]),
    contraction(' i j , i -> j ', [2, 3], [2]),
    { ...contraction('ij,jk->ik', [2, 0], [0, 3]), grad: false },
    { ...contraction('ij->ij', [2, 3]), name: 'nothing to do' },
    contraction('abcdef,abcdef->fa', [1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2]),
  ],
  rejects: [
    { name: 'no string', args: () => [3, rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'too few operands', args: () => ['i,j', rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'a sign', args: () => ['i+->i', rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'two arrows', args: () => ['i->i->i', rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'a letter from nowhere', args: () => ['i->j', rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'a letter twice in the result', args: () => ['i->ii', rand(2)], code: 'ERR_ARGUMENT' },
    { name: 'too few letters', args: () => ['i->i', rand(2, 2)], code: 'ERR_SHAPE', message: /rank 2/ },
    { name: 'sizes that differ', args: () => ['ij,jk', rand(2, 3), rand(4, 2)], code: 'ERR_SHAPE', message: /axis j/ },
    { name: 'no tensor', args: () => ['i->i', null], code: 'ERR_ARGUMENT' },
    { name: 'integers', args: () => ['ij,jk', randInt(0, 3, [2, 2]), randInt(0, 3, [2, 2])], code: 'ERR_DTYPE' },
  ],
});

checkOp('tensordot', ops.tensordot, {
  reference: tensordot,
  ...product,
  cases: [
    {
      name: 'pairs',
      args: [
        rand(2, 3, 4),
        rand(4, 5, 2),
        [
          [0, -1],
          [2, 0],
        ],
      ],
    },
    { name: 'two axes', args: [rand(2, 3, 4), rand(3, 4, 2)] },
    { name: 'none', args: [rand(2), rand(3), 0] },
    { name: 'all', args: [rand(2, 3), rand(2, 3), 2] },
    { name: 'one of each', args: [rand(2, 3), rand(3, 2), [0, 1]] },
  ],
  rejects: [
    { name: 'too many axes', args: () => [rand(2), rand(2), 2], code: 'ERR_SHAPE' },
    { name: 'sizes that differ', args: () => [rand(2), rand(3), 1], code: 'ERR_SHAPE' },
    {
      name: 'an axis twice',
      args: () => [
        rand(2, 2),
        rand(2, 2),
        [
          [0, 0],
          [0, 1],
        ],
      ],
      code: 'ERR_SHAPE',
    },
    { name: 'no axes', args: () => [rand(2), rand(2), null], code: 'ERR_ARGUMENT' },
  ],
});

for (const name of ['multiDot', 'chainMatmul'] as const) {
  checkOp(name, ops[name], {
    reference: (list: NDArray[]) => list.slice(1).reduce(matmul, list[0] as NDArray),
    ...product,
    cases: [
      { name: 'four matrices', args: [[rand(2, 3), rand(3, 4), rand(4, 1), rand(1, 2)]] },
      { name: 'vectors at the ends', args: [[rand(3), rand(3, 4), rand(4)]] },
    ],
    rejects: [
      { name: 'one matrix', args: () => [[rand(2, 2)]], code: 'ERR_ARGUMENT' },
      { name: 'no list', args: () => [null], code: 'ERR_ARGUMENT' },
      { name: 'a vector inside', args: () => [[rand(2, 2), rand(2), rand(2, 2)]], code: 'ERR_SHAPE' },
      { name: 'sizes that differ', args: () => [[rand(2, 3), rand(2, 3)]], code: 'ERR_SHAPE' },
    ],
  });
}

test.run();
