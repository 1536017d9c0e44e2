// Decompositions are unique up to signs at most: what is compared does not depend on them.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { grad, scope, sum, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { alone, notMatrix, notSquare, relative, shifted, symmetric } from '../support/matrices.ts';
import { given, rand, randAway } from '../support/random.ts';
import * as reference from '../support/reference/linalg.ts';
import { matmul } from '../support/reference/matrix.ts';
import { broadcastTo, build, type NDArray, read } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const { matmul: product, mul, transpose, unsqueeze } = ops;
const size = (x: NDArray | Tensor, axis: number): number => read(x.shape, x.shape.length + axis);
const identity = (x: NDArray, n: number): NDArray =>
  broadcastTo(reference.identity(n), [...x.shape.slice(0, -2), n, n]);

/** Q and R with the signs that make R's diagonal positive. */
function positive(x: Tensor, options?: ops.QrOptions): Tensor[] {
  const [q, r] = ops.qr(x, options) as [Tensor, Tensor];
  const k = size(q, -1);
  const square = ops.narrow(r, -1, 0, Math.min(k, size(r, -1)));
  const ones = ops.eye(k, { columns: size(square, -1), dtype: x.dtype, device: x.device });
  const signs = ops.sign(sum(mul(square, ones), { axis: -1 }));
  return [mul(q, unsqueeze(signs, -2)), mul(r, unsqueeze(signs, -1))];
}
checkOp('qr', positive, {
  ...relative(reference.gramSchmidt),
  cases: [
    { name: 'a batch', args: [shifted(2, 2, 3, 3)] },
    { name: 'tall', args: [shifted(2, 1, 5, 3)] },
    { name: 'wide', args: [shifted(2, 1, 2, 4)] },
    { name: 'complete and wide', args: [shifted(2, 1, 2, 4), { mode: 'complete' }] },
    { name: 'no columns', args: [rand(2, 3, 0)] },
    { name: 'several panels', args: [shifted(60, 70, 66)], grad: false, layouts: ['contiguous', 'reversed'] },
  ],
  rejects: [...notMatrix, { name: 'a mode', args: () => [rand(2, 2), { mode: 'full' }], code: 'ERR_ARGUMENT' }],
});
checkOp(
  'qr',
  (x: Tensor) => {
    const [q, r] = ops.qr(x, { mode: 'complete' }) as [Tensor, Tensor];
    return [product(q, r), product(transpose(q), q)];
  },
  {
    ...relative((x: NDArray) => [x, identity(x, size(x, -2))]),
    differentiable: false,
    cases: [{ name: 'complete and tall', args: [rand(2, 5, 2)] }, alone('a zero column', given([0, 1, 0, 2], [2, 2]))],
  },
);

/** x + xᵀ. */
const even = (x: Tensor): Tensor => ops.add(x, transpose(x));
const evenArray = (x: NDArray): NDArray => reference.combine(x, reference.transposed(x), 1, 1);
const cube = (x: NDArray): NDArray => matmul(x, matmul(x, x));

/** λ, V λ³ Vᵀ and VᵀV. */
const eigenParts = (x: Tensor): Tensor[] => {
  const [values, vectors] = ops.eigh(x) as [Tensor, Tensor];
  const scaled = mul(vectors, unsqueeze(mul(values, ops.square(values)), -2));
  return [values, product(scaled, transpose(vectors)), product(transpose(vectors), vectors)];
};
const eigenReference = (x: NDArray): NDArray[] => [reference.eigenvalues(x), cube(x), identity(x, size(x, -1))];
checkOp('eigh', (x: Tensor) => eigenParts(even(x)), {
  ...relative((x: NDArray) => eigenReference(evenArray(x))),
  cases: [
    { name: 'a batch', args: [rand(2, 3, 3)] },
    { name: '1 × 1', args: [rand(1, 1)] },
    { name: '4 × 4', args: [rand(1, 4, 4)] },
  ],
});
checkOp('eigh', eigenParts, {
  ...relative((x: NDArray) => eigenReference(reference.mirrored(x))),
  differentiable: false,
  cases: [
    { name: 'every layout', args: [symmetric(1, 2, 4, 4)] },
    alone('equal eigenvalues', given([2, 0, 0, 0, 2, 0, 0, 0, 2], [3, 3])),
    { name: 'empty matrices', args: [symmetric(1, 2, 0, 0)] },
    { name: '20 × 20', args: [symmetric(0, 20, 20)], layouts: ['contiguous'] },
  ],
  rejects: notSquare,
});
checkOp('eigvalsh', (x: Tensor) => ops.eigvalsh(even(x)), {
  ...relative((x: NDArray) => reference.eigenvalues(evenArray(x))),
  cases: [{ name: 'a batch', args: [rand(2, 3, 3)] }],
});

/** S, U S³ Vᵀ, UᵀU and V Vᵀ. */
const singularParts = (x: Tensor, options?: ops.SvdOptions): Tensor[] => {
  const [u, s, vh] = ops.svd(x, options) as [Tensor, Tensor, Tensor];
  const k = size(s, -1);
  const scaled = mul(ops.narrow(u, -1, 0, k), unsqueeze(mul(s, ops.square(s)), -2));
  // Vectors beyond the first K have no gradient.
  const [left, right] = options?.fullMatrices === false ? [u, vh] : [ops.detach(u), ops.detach(vh)];
  const ones = [product(transpose(left), left), product(right, transpose(right))];
  return [s, product(scaled, ops.narrow(vh, -2, 0, k)), ...ones];
};
checkOp('svd', singularParts, {
  ...relative((x: NDArray, { fullMatrices = true } = {}) => {
    const [m, n] = [size(x, -2), size(x, -1)];
    const k = Math.min(m, n);
    return [
      reference.singularValues(x),
      matmul(x, reference.adjointProduct(x)),
      identity(x, fullMatrices ? m : k),
      identity(x, fullMatrices ? n : k),
    ];
  }),
  cases: [
    { name: 'a batch', args: [rand(2, 3, 3), { fullMatrices: false }] },
    { name: 'tall', args: [rand(1, 4, 2), { fullMatrices: false }] },
    { name: 'wide', args: [rand(1, 2, 4), { fullMatrices: false }] },
    { name: 'tall with all vectors', args: [rand(1, 4, 2)] },
    { name: 'wide with all vectors', args: [rand(1, 2, 4)] },
    { name: 'zeros', args: [given(new Array(12).fill(0), [2, 3, 2])], grad: false },
    { name: 'no columns', args: [rand(2, 3, 0)] },
    { name: '20 × 17', args: [rand(20, 17)], grad: false, layouts: ['contiguous'], dtypes: ['float64'] },
  ],
  rejects: [...notMatrix, { name: 'an option', args: () => [rand(2, 2), { fullMatrices: 0 }], code: 'ERR_ARGUMENT' }],
});
checkOp('svdvals', ops.svdvals, {
  ...relative(reference.singularValues),
  cases: [
    { name: 'a batch', args: [rand(2, 3, 2)] },
    { name: 'wide', args: [rand(1, 2, 4)] },
  ],
  rejects: notMatrix,
});

test('values with NaN or infinities end, as NaN', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const x = tensor([
      [1, bad, 0],
      [bad, 2, 0],
      [0, 0, 1],
    ]);
    for (const result of [...ops.eigh(x), ops.eigvalsh(x), ...ops.svd(x), ops.svdvals(x), ops.matrixExp(x)]) {
      assert.ok(elements(result).every(Number.isNaN));
    }
    for (const result of ops.qr(x)) result.dataSync();
  }
});

test('extreme magnitudes neither overflow nor vanish', () => {
  for (const scale of [1e-300, 1e-150, 1e150, 1e300]) {
    const x = tensor(new Float64Array([2 * scale, scale, scale, 2 * scale]), { shape: [2, 2] });
    const close = (t: Tensor, wanted: number[]) => {
      for (const [i, value] of elements(t).entries()) {
        assert.ok(Math.abs(value / scale - (wanted[i] as number)) < 1e-14, `${value}`);
      }
    };
    close(ops.eigvalsh(x), [1, 3]);
    close(ops.svdvals(x), [3, 1]);
    close(ops.qr(x)[1] as Tensor, [-Math.sqrt(5), -4 / Math.sqrt(5), 0, 3 / Math.sqrt(5)]);
  }
});

test('equal singular values have a gradient through S', () => {
  const x = tensor(
    [
      [2, 0],
      [0, 2],
    ],
    { dtype: 'float64', requiresGrad: true },
  );
  const [dx] = grad(sum(ops.svd(x)[1] as Tensor), [x]) as [Tensor];
  assert.deepEqual(
    [...elements(dx)].map((value) => Math.round(value * 1e12) / 1e12 + 0),
    [1, 0, 0, 1],
  );
});

test('qr has no gradient through all of a tall Q', () => {
  const x = tensor(
    [
      [2, 0],
      [0, 2],
      [1, 1],
    ],
    { requiresGrad: true },
  );
  assert.throws(() => grad(sum(ops.qr(x, { mode: 'complete' })[0] as Tensor), [x]), /qr: has no gradient/);
});

// Beyond the working memory of a thread: blocked products, one matrix on all threads, several beside each other.
for (const batch of [1, 2]) {
  test(`${batch} large matrices, by their residuals`, () => {
    scope(() => {
      const [m, n] = [210, 180];
      const x = tensor(
        Float64Array.from({ length: batch * m * n }, (_, i) => Math.sin(i * i + i / 7)),
        { shape: [batch, m, n] },
      );
      const near = (a: Tensor, b: Tensor, label: string) => {
        const error = Math.max(...elements(ops.sub(a, b)).map(Math.abs));
        assert.ok(error < 1e-10, `${label}: ${error}`);
      };
      const ones = ops.broadcastTo(ops.eye(n, { dtype: 'float64' }), [batch, n, n]);
      const [q, r] = ops.qr(x) as [Tensor, Tensor];
      near(product(q, r), x, 'qr');
      near(product(transpose(q), q), ones, 'qr, columns of Q');
      const [u, s, vh] = ops.svd(x, { fullMatrices: false }) as [Tensor, Tensor, Tensor];
      near(product(mul(u, unsqueeze(s, -2)), vh), x, 'svd');
      near(product(transpose(u), u), ones, 'svd, columns of U');
      near(ops.svdvals(x), s, 'svdvals');
      const [p, l, upper] = ops.lu(x) as [Tensor, Tensor, Tensor];
      near(product(p, product(l, upper)), x, 'lu');
      const spd = ops.add(product(transpose(x), x), ones);
      const factor = ops.cholesky(spd);
      near(product(factor, transpose(factor)), spd, 'cholesky');
      const [values, vectors] = ops.eigh(spd) as [Tensor, Tensor];
      near(product(mul(vectors, unsqueeze(values, -2)), transpose(vectors)), spd, 'eigh');
      near(ops.eigvalsh(spd), values, 'eigvalsh');
      near(product(spd, ops.solve(spd, transpose(x))), transpose(x), 'solve');
      near(product(spd, ops.inverse(spd)), ones, 'inverse');
      const small = mul(spd, 0.01);
      near(product(ops.matrixExp(small), ops.matrixExp(mul(small, -1))), ones, 'matrixExp');
      near(ops.slogdet(spd)[1] as Tensor, sum(ops.log(values), { axis: -1 }), 'slogdet');
    });
  });
}

checkOp('matrixExp', ops.matrixExp, {
  ...relative(reference.matrixExp),
  ulps: 1 << 15, // the reference squares twelve times
  cases: [
    { name: 'a batch', args: [rand(2, 3, 3)] },
    { ...alone('nilpotent', given([0, 1, 0, 0], [2, 2])) },
    { name: 'large values', args: [shifted(-20, 2, 3, 3)], grad: false },
    { name: 'empty matrices', args: [rand(2, 0, 0)] },
  ],
  rejects: notSquare,
});
checkOp('matrixPower', ops.matrixPower, {
  ...relative((x: NDArray, n: number) => {
    let result = identity(x, size(x, -1));
    for (let i = 0; i < Math.abs(n); i++) result = matmul(result, n < 0 ? reference.inverse(x) : x);
    return result;
  }),
  cases: [5, 0, 1, 2, -2].map((n) => ({ name: `power ${n}`, args: [shifted(2, 2, 2, 2), n] })),
  rejects: [...notSquare, { name: 'a fraction', args: () => [rand(2, 2), 0.5], code: 'ERR_ARGUMENT' }],
});

checkOp('pinv', ops.pinv, {
  ...relative(reference.pinv),
  cases: [
    { name: 'tall', args: [shifted(2, 2, 4, 2)] },
    { name: 'wide', args: [shifted(2, 1, 2, 4)] },
    { name: 'square', args: [shifted(3, 1, 3, 3)] },
    { name: 'no columns', args: [rand(2, 3, 0)] },
  ],
  rejects: [
    ...notMatrix,
    { name: 'a tolerance', args: () => [rand(2, 2), { rtol: -1 }], code: 'ERR_ARGUMENT' },
    { name: 'options that are none', args: () => [rand(2, 2), 1], code: 'ERR_ARGUMENT' },
  ],
});
test('pinv of a matrix without full rank', () => {
  const values = elements(
    ops.pinv(
      tensor(
        [
          [2, 0],
          [0, 0],
        ],
        { dtype: 'float64' },
      ),
    ),
  );
  assert.deepEqual([...values].map(Math.abs), [0.5, 0, 0, 0]);
});
checkOp('lstsq', ops.lstsq, {
  ...relative((a: NDArray, b: NDArray) => {
    const vector = b.rank < a.rank;
    const columns = vector ? build([...b.shape, 1], (at) => b.at(...at.slice(0, -1))) : b;
    const x = matmul(reference.pinv(a), columns);
    return vector ? build(x.shape.slice(0, -1), (at) => x.at(...at, 0)) : x;
  }),
  cases: [
    { name: 'tall', args: [shifted(2, 2, 4, 2), rand(2, 4, 3)] },
    { name: 'wide', args: [shifted(2, 1, 2, 4), rand(1, 2, 1)] },
    { name: 'vectors', args: [shifted(2, 2, 4, 2), rand(2, 4)] },
  ],
  rejects: [
    { name: 'rows that differ', args: () => [rand(3, 2), rand(2, 1)], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(3, 2), 2], code: 'ERR_ARGUMENT' },
    { name: 'a tolerance', args: () => [rand(3, 2), rand(3, 1), { rcond: 'x' }], code: 'ERR_ARGUMENT' },
  ],
});
checkOp('matrixRank', ops.matrixRank, {
  reference: (x: NDArray) => {
    const s = reference.singularValues(x);
    return build(s.shape.slice(0, -1), (at) => {
      const row = Array.from({ length: size(s, -1) }, (_, i) => s.at(...at, i));
      return row.filter((value) => value > 1e-5 * Math.max(...row)).length;
    });
  },
  differentiable: false,
  resultDtype: () => 'int64',
  cases: [
    { name: 'a batch', args: [shifted(2, 2, 3, 2)] },
    alone('rank 1', given([1, 2, 2, 4], [2, 2])),
    alone('rank 0', given([0, 0, 0, 0], [2, 2])),
    { name: 'no columns', args: [rand(2, 3, 0)] },
  ],
  rejects: [
    ...notMatrix,
    { name: 'a tolerance', args: () => [rand(2, 2), { atol: Number.NaN }], code: 'ERR_ARGUMENT' },
  ],
});

const norms = {
  fro: (a: NDArray) => Math.hypot(...a.data),
  nuc: (a: NDArray) => reference.singularValues(a).data.reduce((x, y) => x + y, 0),
  2: (a: NDArray) => Math.max(...reference.singularValues(a).data),
  '-2': (a: NDArray) => Math.min(...reference.singularValues(a).data),
  1: (a: NDArray) => Math.max(...lines(reference.transposed(a))),
  '-1': (a: NDArray) => Math.min(...lines(reference.transposed(a))),
  Infinity: (a: NDArray) => Math.max(...lines(a)),
  '-Infinity': (a: NDArray) => Math.min(...lines(a)),
} as Record<string, (a: NDArray) => number>;
const lines = (a: NDArray): number[] =>
  Array.from({ length: size(a, -2) }, (_, i) => {
    const row = Array.from({ length: size(a, -1) }, (__, j) => Math.abs(a.at(i, j)));
    return row.reduce((x, y) => x + y, 0);
  });
/** The norm of every matrix in the last two axes. */
const normReference = (x: NDArray, order: string | number = 'fro'): NDArray =>
  build(x.shape.slice(0, -2), (at) => {
    const own = build(x.shape.slice(-2), (inner) => x.at(...at, ...inner));
    return (norms[String(order)] as (a: NDArray) => number)(own);
  });
const orders = ['fro', 'nuc', 1, -1, 2, -2, Infinity, -Infinity];
checkOp('matrixNorm', ops.matrixNorm, {
  ...relative((x: NDArray, order: string | number = 'fro', { axis = [-2, -1], keepdim = false } = {}) => {
    const [row = 0, column = 0] = axis.map((each: number) => (each + x.rank) % x.rank);
    const rest = x.shape.map((_, i) => i).filter((i) => i !== row && i !== column);
    const moved = build(
      [...rest, row, column].map((i) => read(x.shape, i)),
      (at) => {
        const index = x.shape.map(() => 0);
        [...rest, row, column].forEach((i, k) => {
          index[i] = read(at, k);
        });
        return x.at(...index);
      },
    );
    const result = normReference(moved, order);
    if (!keepdim) return result;
    return build(
      x.shape.map((length, i) => (rest.includes(i) ? length : 1)),
      (at) => result.at(...rest.map((i) => read(at, i))),
    );
  }),
  cases: [
    ...orders.map((order) => ({ name: `order ${order}`, args: [randAway(0.1, 2, 3, 2), order] })),
    alone('other axes', rand(3, 2, 2), 'nuc', { axis: [0, -1], keepdim: true }),
    { name: 'empty', args: [rand(2, 0, 3)] },
  ],
  rejects: [
    ...notMatrix,
    { name: 'an order', args: () => [rand(2, 2), 3], code: 'ERR_ARGUMENT' },
    { name: 'one axis twice', args: () => [rand(2, 2), 1, { axis: [0, 0] }], code: 'ERR_SHAPE' },
    { name: 'one axis', args: () => [rand(2, 2), 1, { axis: 0 }], code: 'ERR_ARGUMENT' },
    { name: 'nothing to compare', args: () => [rand(0, 2), 2], code: 'ERR_SHAPE' },
  ],
});
checkOp('cond', ops.cond, {
  ...relative((x: NDArray, order: string | number = 2) => {
    if (order === 2 || order === -2) {
      const s = reference.singularValues(x);
      const [first, last] = order === 2 ? [0, size(s, -1) - 1] : [size(s, -1) - 1, 0];
      return build(s.shape.slice(0, -1), (at) => s.at(...at, first) / s.at(...at, last));
    }
    const [a, b] = [normReference(x, order), normReference(reference.inverse(x), order)];
    return build(a.shape, (at) => a.at(...at) * b.at(...at));
  }),
  cases: [
    ...orders.map((order): OpCase => ({ name: `order ${order}`, args: [shifted(3, 2, 3, 3), order] })),
    { name: 'tall', args: [shifted(2, 2, 3, 2)] },
  ],
  rejects: [...notMatrix, { name: 'not square', args: () => [rand(2, 3), 'fro'], code: 'ERR_SHAPE' }],
});

const distance = (a: readonly number[], b: readonly number[], p: number): number => {
  const d = a.map((value, i) => Math.abs(value - (b[i] as number)));
  if (p === Infinity) return d.reduce((x, y) => (x > y || Number.isNaN(x) ? x : y), 0);
  if (p === 0) return d.filter((value) => value !== 0).length;
  return d.reduce((x, y) => x + y ** p, 0) ** (1 / p);
};
const cdist = (a: NDArray, b: NDArray, { p = 2 } = {}): NDArray => {
  const rank = Math.max(a.rank, b.rank);
  const batch = Array.from({ length: rank - 2 }, (_, i) =>
    Math.max(a.shape[i - rank + a.rank] ?? 1, b.shape[i - rank + b.rank] ?? 1),
  );
  const [x, y] = [a, b].map((t) => broadcastTo(t, [...batch, ...t.shape.slice(-2)])) as [NDArray, NDArray];
  const row = (t: NDArray, at: readonly number[]): number[] =>
    Array.from({ length: size(t, -1) }, (_, k) => t.at(...at, k));
  return build([...batch, size(a, -2), size(b, -2)], (at) =>
    distance(row(x, at.slice(0, -1)), row(y, [...at.slice(0, -2), read(at, at.length - 1)]), p),
  );
};
checkOp('cdist', ops.cdist, {
  reference: cdist,
  ulps: 16,
  cases: [
    { name: 'a broadcast batch', args: [rand(2, 1, 3, 4), rand(2, 2, 4)] },
    { name: 'the sum', args: [rand(3, 2), rand(2, 2), { p: 1 }] },
    { name: 'the largest', args: [rand(3, 2), rand(2, 2), { p: Infinity }] },
    { name: 'p 3', args: [rand(3, 2), rand(2, 2), { p: 3 }] },
    { name: 'p 1.5', args: [rand(3, 2), rand(2, 2), { p: 1.5 }] },
    { name: 'how many', args: [rand(3, 2), rand(2, 2), { p: 0 }], grad: false },
    { name: 'long rows', args: [rand(5, 37), rand(7, 37)], grad: false },
    { name: 'no rows', args: [rand(0, 3), rand(2, 3)] },
    { name: 'empty rows', args: [rand(2, 0), rand(3, 0)] },
    { name: 'many', args: [rand(70, 3), rand(300, 3)], grad: false, layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'rows that differ', args: () => [rand(2, 3), rand(2, 2)], code: 'ERR_SHAPE' },
    { name: 'vectors', args: () => [rand(2), rand(2)], code: 'ERR_SHAPE' },
    { name: 'a power', args: () => [rand(2, 2), rand(2, 2), { p: -1 }], code: 'ERR_ARGUMENT' },
  ],
});
test('equal points have gradient 0', () => {
  for (const p of [1, 1.5, 2, 3, Infinity]) {
    const a = tensor([[1, 2]], { dtype: 'float64', requiresGrad: true });
    const b = tensor([[1, 2]], { dtype: 'float64', requiresGrad: true });
    for (const dx of grad(ops.cdist(a, b, { p }), [a, b])) assert.ok(elements(dx as Tensor).every((v) => v === 0));
  }
});
checkOp('pairwiseDistance', ops.pairwiseDistance, {
  reference: (a: NDArray, b: NDArray, { p = 2, eps = 1e-6, keepdim = false } = {}) => {
    const shape = build(a.shape, () => 0).shape;
    const wide = broadcastTo(b, shape);
    const result = build(shape.slice(0, -1), (at) =>
      distance(
        Array.from({ length: size(a, -1) }, (_, k) => a.at(...at, k) + eps),
        Array.from({ length: size(a, -1) }, (_, k) => wide.at(...at, k)),
        p,
      ),
    );
    return keepdim ? build([...result.shape, 1], (at) => result.at(...at.slice(0, -1))) : result;
  },
  // Adding eps rounds to the size of the operands.
  magnitude: (a: NDArray, _b: NDArray, { keepdim = false } = {}) =>
    build([...a.shape.slice(0, -1), ...(keepdim ? [1] : [])], () => 8),
  ulps: 16,
  cases: [
    { name: 'rows', args: [rand(3, 4), rand(3, 4)] },
    { name: 'a broadcast vector', args: [rand(2, 3, 4), rand(4), { keepdim: true }] },
    { name: 'p 1', args: [rand(3, 2), rand(3, 2), { p: 1, eps: 0.5 }] },
  ],
  rejects: [
    { name: 'rank 0', args: () => [rand(), rand()], code: 'ERR_SHAPE' },
    { name: 'an eps', args: () => [rand(2), rand(2), { eps: 'x' }], code: 'ERR_ARGUMENT' },
  ],
});

test.run();
