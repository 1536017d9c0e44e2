import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { grad, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { given, rand, withDtype } from '../support/random.ts';
import { alone, notMatrix, notSquare, relative, shifted, symmetric } from '../support/matrices.ts';
import { rejectsLater } from '../support/rejects.ts';
import * as reference from '../support/reference/linalg.ts';
import { matmul } from '../support/reference/matrix.ts';
import { build, map, type NDArray, read } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const { matmul: product, transpose } = ops;

/** x xᵀ + 1. */
const positive = (x: Tensor): Tensor =>
  ops.add(product(x, transpose(x)), ops.eye(x.shape.at(-1) as number, { dtype: x.dtype, device: x.device }));
const positiveArray = (x: NDArray): NDArray =>
  build(x.shape, (at) => matmul(x, reference.transposed(x)).at(...at) + Number(at.at(-1) === at.at(-2)));

checkOp('cholesky', (x: Tensor, options?: ops.UpperOptions) => ops.cholesky(positive(x), options), {
  ...relative((x: NDArray, options) => reference.cholesky(positiveArray(x), options)),
  cases: [
    { name: 'a batch', args: [rand(2, 3, 3)] },
    { name: 'upper', args: [rand(2, 2), { upper: true }] },
    { name: '1 × 1', args: [rand(1, 1)] },
  ],
});
checkOp('cholesky', ops.cholesky, {
  ...relative(reference.cholesky),
  cases: [
    { name: 'every layout', args: [symmetric(8, 2, 3, 3)] },
    { name: 'empty matrices', args: [symmetric(1, 2, 0, 0)] },
    { name: 'an empty batch', args: [symmetric(1, 0, 2, 2)] },
    { name: 'several panels', args: [symmetric(200, 70, 70)], layouts: ['contiguous', 'transposed'] },
  ],
  rejects: [
    ...notSquare,
    { name: 'an option', args: () => [rand(2, 2), { upper: 1 }], code: 'ERR_ARGUMENT' },
    { name: 'options that are none', args: () => [rand(2, 2), 3], code: 'ERR_ARGUMENT' },
  ],
});

/** The triangle `options` speak of, as a full matrix. */
function triangle(a: NDArray, { upper = false, unitriangular = false, transpose: turned = false } = {}): NDArray {
  const half = reference.part(a, (i, j) => (upper ? i <= j : i >= j));
  const whole = unitriangular ? build(half.shape, (at) => (at.at(-1) === at.at(-2) ? 1 : half.at(...at))) : half;
  return turned ? reference.transposed(whole) : whole;
}
checkOp('triangularSolve', ops.triangularSolve, {
  ...relative((a: NDArray, b: NDArray, options: ops.TriangularSolveOptions = {}) => {
    const whole = triangle(a, options as object);
    if (options.left !== false) return reference.solve(whole, b);
    return reference.transposed(reference.solve(reference.transposed(whole), reference.transposed(b)));
  }),
  cases: [
    { name: 'lower', args: [shifted(4, 2, 3, 3), rand(2, 3, 2)] },
    { name: 'upper', args: [shifted(4, 2, 3, 3), rand(2, 3, 2), { upper: true }] },
    { name: 'transposed', args: [shifted(4, 2, 3, 3), rand(3, 2), { transpose: true }] },
    { name: 'unit diagonal', args: [rand(1, 3, 3), rand(3, 2), { upper: true, unitriangular: true }] },
    { name: 'from the right', args: [shifted(4, 1, 3, 3), rand(2, 2, 3), { left: false }] },
    {
      name: 'transposed from the right',
      args: [shifted(4, 1, 3, 3), rand(2, 3), { left: false, upper: true, transpose: true }],
    },
    { name: 'no columns', args: [shifted(4, 1, 3, 3), rand(3, 0)] },
    {
      name: 'several panels',
      args: [shifted(90, 70, 70), rand(70, 3)],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
    {
      name: 'several upper panels',
      args: [shifted(90, 70, 70), rand(70, 3), { upper: true }],
      grad: false,
      layouts: ['contiguous', 'reversed'],
    },
  ],
  rejects: [
    ...notSquare,
    { name: 'a vector beside', args: () => [rand(2, 2), rand(2)], code: 'ERR_SHAPE' },
    { name: 'sizes that differ', args: () => [rand(2, 2), rand(3, 2)], code: 'ERR_SHAPE' },
    { name: 'two dtypes', args: () => [rand(2, 2), withDtype(rand(2, 2), 'float64')], code: 'ERR_DTYPE' },
    { name: 'batches that do not broadcast', args: () => [rand(2, 2, 2), rand(3, 2, 2)], code: 'ERR_SHAPE' },
  ],
});

const vectorSide = (a: NDArray, b: NDArray): boolean =>
  b.rank === 1 || (b.rank === a.rank - 1 && b.shape.every((size, i) => size === a.shape[i]));
checkOp('solve', ops.solve, {
  ...relative((a: NDArray, b: NDArray, { left = true } = {}) => {
    if (vectorSide(a, b)) {
      const columns = build([...b.shape, 1], (at) => b.at(...at.slice(0, -1)));
      const x = reference.solve(a, columns);
      return build(x.shape.slice(0, -1), (at) => x.at(...at, 0));
    }
    if (left) return reference.solve(a, b);
    return reference.transposed(reference.solve(reference.transposed(a), reference.transposed(b)));
  }),
  cases: [
    { name: 'a batch', args: [shifted(4, 2, 3, 3), rand(2, 3, 2)] },
    { name: 'a broadcast batch', args: [shifted(4, 2, 1, 3, 3), rand(3, 3, 1)] },
    { name: 'vectors', args: [shifted(4, 2, 3, 3), rand(2, 3)] },
    { name: 'one vector', args: [shifted(4, 2, 3, 3), rand(3)] },
    { name: 'from the right', args: [shifted(4, 2, 3, 3), rand(2, 2, 3), { left: false }] },
    { ...alone('a zero on the diagonal', given([0, 1, 2, 0], [2, 2]), rand(2, 1)) },
    { name: 'empty matrices', args: [rand(2, 0, 0), rand(2, 0, 3)] },
  ],
  rejects: [
    ...notSquare,
    { name: 'sizes that differ', args: () => [rand(2, 2), rand(3, 1)], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(2, 2), 3], code: 'ERR_ARGUMENT' },
    { name: 'two dtypes', args: () => [rand(2, 2), withDtype(rand(2, 2), 'float64')], code: 'ERR_DTYPE' },
  ],
});
checkOp('inverse', ops.inverse, {
  ...relative(reference.inverse),
  cases: [
    { name: 'a batch', args: [shifted(4, 2, 3, 3)] },
    alone('one', shifted(3, 2, 2)),
    { name: 'NaN', args: [given([Number.NaN], [1, 1, 1])], grad: false },
    { name: 'empty matrices', args: [rand(2, 0, 0)] },
  ],
  rejects: notSquare,
});
checkOp('det', ops.det, {
  ...relative(reference.det),
  cases: [
    { name: 'a batch', args: [shifted(2, 2, 3, 3)] },
    alone('one', rand(2, 2)),
    alone('1 × 1', rand(1, 1)),
    { ...alone('singular', given([1, 2, 2, 4], [2, 2])), grad: false },
    { name: 'empty matrices', args: [rand(2, 0, 0)] },
    { ...alone('values that overflow on the way', given([1e-30, 0, 0, 0, 1e30, 0, 0, 0, 1e25], [3, 3])), grad: false },
  ],
  rejects: notSquare,
});
checkOp('slogdet', ops.slogdet, {
  ...relative((x: NDArray) => [map(reference.det(x), Math.sign), map(reference.det(x), (d) => Math.log(Math.abs(d)))]),
  cases: [
    { name: 'a batch', args: [shifted(4, 2, 3, 3)] },
    alone('negative', given([0, 1, 3, 0], [2, 2])),
    { ...alone('singular', given([1, 2, 2, 4], [2, 2])), grad: false },
    { name: 'empty matrices', args: [rand(2, 0, 0)] },
  ],
  rejects: notSquare,
});

checkOp('logdet', ops.logdet, {
  ...relative((x: NDArray) => map(reference.det(x), Math.log)),
  cases: [
    { name: 'a batch', args: [shifted(4, 2, 3, 3)] },
    { ...alone('negative', given([0, 1, 3, 0], [2, 2])), grad: false },
    { ...alone('singular', given([1, 2, 2, 4], [2, 2])), grad: false },
    { name: 'empty matrices', args: [rand(2, 0, 0)] },
  ],
  rejects: notSquare,
});

checkOp(
  'choleskySolve',
  (x: Tensor, b: Tensor, { upper = false } = {}) => {
    const factor = ops.add(x, ops.mul(ops.eye(x.shape.at(-1) as number, { dtype: x.dtype, device: x.device }), 4));
    return ops.choleskySolve(b, factor, { upper });
  },
  {
    ...relative((x: NDArray, b: NDArray, { upper = false } = {}) => {
      const moved = build(x.shape, (at) => x.at(...at) + (at.at(-1) === at.at(-2) ? 4 : 0));
      const l = triangle(moved, { upper, transpose: upper });
      return reference.solve(matmul(l, reference.transposed(l)), b);
    }),
    cases: [
      { name: 'lower', args: [rand(2, 3, 3), rand(2, 3, 2)] },
      { name: 'upper', args: [rand(2, 3, 3), rand(2, 3, 2), { upper: true }] },
    ],
  },
);
checkOp('choleskyInverse', ops.choleskyInverse, {
  ...relative((x: NDArray, { upper = false } = {}) => {
    const l = triangle(x, { upper, transpose: upper });
    return reference.inverse(matmul(l, reference.transposed(l)));
  }),
  cases: [
    { name: 'lower', args: [shifted(4, 2, 3, 3)] },
    { name: 'upper', args: [shifted(4, 2, 3, 3), { upper: true }] },
  ],
  rejects: notSquare,
});

checkOp('lu', ops.lu, {
  ...relative(reference.lu),
  cases: [
    { name: 'a batch', args: [rand(2, 3, 3)] },
    { name: 'tall', args: [rand(1, 4, 2)] },
    { name: 'wide', args: [rand(1, 2, 4)] },
    { name: 'empty matrices', args: [rand(2, 0, 3)] },
    { name: 'several panels', args: [rand(70, 66)], grad: false, layouts: ['contiguous', 'reversed'] },
  ],
  rejects: notMatrix,
});
checkOp('luFactor', (x: Tensor) => ops.luFactor(x)[0], {
  ...relative((x: NDArray) => {
    const [, l, u] = reference.lu(x);
    return build(x.shape, (at) => {
      const [i, j] = [read(at, at.length - 2), read(at, at.length - 1)];
      return (i > j ? l : u).at(...at);
    });
  }),
  cases: [{ name: 'a batch', args: [rand(2, 3, 3)] }],
  rejects: notMatrix,
});
checkOp(
  'luSolve',
  (a: Tensor, b: Tensor) => {
    const [factors, pivots] = ops.luFactor(a) as [Tensor, Tensor];
    return ops.luSolve(factors, pivots, b);
  },
  {
    ...relative(reference.solve),
    cases: [{ name: 'a batch', args: [shifted(1, 2, 3, 3), rand(2, 3, 2)] }],
  },
);
test('luSolve rejects pivots that are none', async () => {
  const [factors] = ops.luFactor(
    tensor([
      [2, 0],
      [0, 1],
    ]),
  );
  const pivots = (values: number[]) => tensor(values, { dtype: 'int32' });
  const b = tensor([[1], [1]]);
  await rejectsLater(ops.luSolve(factors as Tensor, pivots([1, 3]), b).data(), 'ERR_INDEX', /pivot 3/);
  assert.throws(() => ops.luSolve(factors as Tensor, tensor([1, 2]), b), /int32/);
  assert.throws(() => ops.luSolve(factors as Tensor, pivots([1]), b), /sizes must match/);
});
test('luFactor counts exchanged rows from 1, as PyTorch does', () => {
  assert.deepEqual(
    [
      ...(
        ops.luFactor(
          tensor([
            [0, 1],
            [2, 3],
          ]),
        )[1] as Tensor
      ).dataSync(),
    ],
    [2, 2],
  );
});

test('a matrix without a result is an error when it is read', async () => {
  const singular = tensor([
    [1, 2],
    [2, 4],
  ]);
  await rejectsLater(ops.inverse(singular).data(), 'ERR_ARGUMENT', /inverse: matrix 0 is singular/);
  await rejectsLater(ops.solve(singular, tensor([1, 1])).data(), 'ERR_ARGUMENT', /solve: matrix 0 is singular/);
  await rejectsLater(
    ops
      .cholesky(
        tensor([
          [1, 2],
          [2, 1],
        ]),
      )
      .data(),
    'ERR_ARGUMENT',
    /not positive definite/,
  );
  await rejectsLater(ops.cholesky(tensor([[Number.NaN]])).data(), 'ERR_ARGUMENT', /not positive definite/);
});

test('det has a gradient at singular matrices', () => {
  for (const [values, cofactors] of [
    [
      [1, 2, 2, 4],
      [4, -2, -2, 1],
    ],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
    [
      [1, 1, 0, 1, 1, 0, 0, 0, 2],
      [2, -2, 0, -2, 2, 0, 0, 0, 0],
    ],
    [[0], [1]],
  ] as [number[], number[]][]) {
    const n = Math.sqrt(values.length);
    const x = tensor(new Float64Array(values), { shape: [n, n], requiresGrad: true });
    const [dx] = grad(ops.det(x), [x]) as [Tensor];
    for (const [i, value] of elements(dx).entries()) {
      assert.ok(Math.abs(value - (cofactors[i] as number)) < 1e-12, `${values}: ${value}`);
    }
  }
});

test.run();
