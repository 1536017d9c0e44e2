import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import {
  distinct,
  given,
  mask,
  noGradient,
  rand,
  randAway,
  randIn,
  randInt,
  type TensorSpec,
} from '../support/random.ts';
import { binary, mapBinary, where } from '../support/reference/elementwise.ts';
import { elements } from '../support/tensors.ts';

type Name = keyof typeof binary;
const table = { ...ops };
const compares: readonly Name[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

type Pair = (a: readonly number[], b: readonly number[]) => [TensorSpec, TensorSpec];
const pair: Partial<Record<Name, Pair>> = {
  div: (a, b) => [rand(...a), randAway(0.4, ...b)],
  pow: (a, b) => [randIn(0.3, 2, ...a), rand(...b)],
  // Far enough apart that a small step changes no comparison.
  maximum: (a, b) => [distinct(...a), { ...distinct(...b), values: shifted(distinct(...b)) }],
  minimum: (a, b) => [distinct(...a), { ...distinct(...b), values: shifted(distinct(...b)) }],
};

function shifted(spec: TensorSpec): TensorSpec['values'] {
  return mapBinary('add')(spec.values, 0.021);
}

const NaNs = Number.NaN;
const Inf = Number.POSITIVE_INFINITY;
const left = [NaNs, 1, Inf, -Inf, Inf, 0, -0, 0, 3.4e38, 1e-38, -5, 5, -7.5, 1, 0];
const right = [1, NaNs, Inf, Inf, -Inf, 0, 0, -1, 3.4e38, 1e-8, 3, -3, 2, 0, Inf];

for (const name of Object.keys(binary) as Name[]) {
  const make: Pair = pair[name] ?? ((a, b) => [rand(...a), rand(...b)]);
  const comparing = compares.includes(name);
  const [, weak] = make([], [3, 4]);
  const cases: OpCase[] = [
    { name: 'equal shapes', args: make([3, 5], [3, 5]) },
    { name: 'a row and a column', args: make([4, 1], [1, 3]) },
    { name: 'a scalar tensor on the left', args: make([], [2, 3]) },
    { name: 'a scalar tensor on the right', args: make([2, 3], []) },
    { name: 'a shorter rank', args: make([2, 3, 4], [4]) },
    { name: 'a number on the right', args: [make([3, 4], [])[0], 1.5] },
    { name: 'a number on the left', args: [1.5, weak] },
    { name: 'both rank 0', args: make([], []), grad: false },
    { name: 'empty', args: make([0], [0]) },
    { name: 'empty by broadcasting', args: make([3, 0], [1]) },
    { name: 'rank 6', args: make([2, 1, 2, 1, 3, 1], [1, 2, 1, 2, 1, 3]), grad: false },
    { name: 'odd sizes', args: make([3, 1, 67], [1, 5, 67]), grad: false },
    { name: 'more than one chunk', args: make([257, 263], [263]), grad: false, layouts: ['contiguous', 'transposed'] },
    {
      name: 'NaN, infinities and zeros',
      args: [given(left), given(right)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
  ];
  if (name !== 'div' && name !== 'pow') {
    const a = { ...rand(5, 3), values: randInt(-9, 9, [5, 3]).values };
    const b = { ...rand(5, 3), values: randInt(-9, 9, [5, 3]).values };
    cases.push({ name: 'signed integers', args: [a, b], dtypes: ['int32', 'int64'] });
    cases.push({ name: 'integers and a whole number', args: [a, 2], dtypes: ['int32', 'int64'] });
    if (name !== 'sub') {
      cases.push({
        name: 'bytes',
        args: [
          { ...rand(6), values: randInt(0, 12, [6]).values },
          { ...rand(6), values: randInt(0, 12, [6]).values },
        ],
        dtypes: ['uint8'],
      });
    }
  }
  checkOp(name, table[name], {
    reference: mapBinary(name),
    // pow goes through log and exp; the rest rounds once.
    ulps: name === 'pow' ? 8 : 1,
    differentiable: !comparing,
    ...(comparing ? { resultDtype: () => 'bool' as const } : {}),
    cases,
    rejects: [
      {
        name: 'shapes that do not broadcast',
        args: () => [rand(3), rand(4)],
        code: 'ERR_SHAPE',
        message: new RegExp(`^${name}: .*3.*4`),
      },
      { name: 'a string', args: () => [rand(3), '4'], code: 'ERR_ARGUMENT' },
      { name: 'null', args: () => [rand(3), null], code: 'ERR_ARGUMENT' },
    ],
  });
}

checkOp('where', ops.where, {
  reference: where,
  ulps: 0,
  cases: [
    { name: 'equal shapes', args: [mask(3, 4), rand(3, 4), rand(3, 4)] },
    { name: 'everything broadcast', args: [mask(3, 1), rand(1, 4), rand()] },
    { name: 'numbers', args: [mask(5), rand(5), 0.25] },
    { name: 'a number first', args: [mask(5), -1.5, rand(5)] },
    { name: 'empty', args: [mask(0), rand(0), rand(0)] },
    {
      name: 'NaN on the side not taken',
      args: [noGradient({ ...mask(2), values: given([1, 0]).values }), given([1, Number.NaN]), given([Number.NaN, 2])],
      grad: false,
      layouts: ['contiguous'],
    },
    {
      name: 'integers',
      args: [
        mask(6),
        { ...rand(6), values: randInt(-9, 9, [6]).values },
        { ...rand(6), values: randInt(-9, 9, [6]).values },
      ],
      dtypes: ['int32', 'int64'],
    },
  ],
  rejects: [
    { name: 'a float condition', args: () => [rand(3), rand(3), rand(3)], code: 'ERR_DTYPE' },
    { name: 'shapes that do not broadcast', args: () => [mask(3), rand(4), rand(4)], code: 'ERR_SHAPE' },
  ],
});

/** PyTorch's result dtypes for two tensors, in the order bool, uint8, int32, int64, float32, float64. */
const order: readonly DType[] = ['bool', 'uint8', 'int32', 'int64', 'float32', 'float64'];

for (const device of testDevices) {
  test(`two tensors meet in the larger dtype on ${device}`, () => {
    for (const [i, a] of order.entries()) {
      for (const [j, b] of order.entries()) {
        const [x, y] = [tensor([1, 0, 1], { dtype: a, device }), tensor([1, 1, 0], { dtype: b, device })];
        const z = ops.mul(x, y) as Tensor;
        assert.equal(z.dtype, order[Math.max(i, j)], `${a} * ${b}`);
        assert.deepEqual([...elements(z)], [1, 0, 0], `${a} * ${b}`);
        for (const t of [x, y, z]) t.dispose();
      }
    }
  });

  test(`numbers are weak on ${device}`, () => {
    const cases: [DType, number, DType, number][] = [
      ['float32', 2, 'float32', 3],
      ['float64', 0.5, 'float64', 1.5],
      ['int32', 2, 'int32', 3],
      ['int32', 0.5, 'float32', 1.5],
      ['int64', 2, 'int64', 3],
      ['uint8', 2, 'uint8', 3],
      ['uint8', 0.5, 'float32', 1.5],
      ['bool', 2, 'int32', 3],
      ['bool', 0.5, 'float32', 1.5],
    ];
    for (const [dtype, number, wanted, value] of cases) {
      const x = tensor([1], { dtype, device });
      for (const y of [ops.add(x, number), ops.add(number, x)]) {
        assert.equal(y.dtype, wanted, `${dtype} + ${number}`);
        assert.deepEqual([...elements(y)], [value]);
        y.dispose();
      }
      x.dispose();
    }
  });

  test(`division of integers gives float32 on ${device}`, () => {
    const [a, b] = [tensor([7, -7, 1], { dtype: 'int32', device }), tensor([2, 2, 4], { dtype: 'int32', device })];
    const q = ops.div(a, b);
    assert.equal(q.dtype, 'float32');
    assert.deepEqual([...elements(q)], [3.5, -3.5, 0.25]);
    for (const t of [a, b, q]) t.dispose();
  });

  test(`integer overflow wraps on ${device}`, () => {
    const a = tensor([2 ** 31 - 1, -(2 ** 31)], { dtype: 'int32', device });
    const sum = ops.add(a, 1);
    const product = ops.mul(a, a);
    assert.deepEqual([...elements(sum)], [-(2 ** 31), -(2 ** 31) + 1]);
    assert.deepEqual([...elements(product)], [1, 0]);
    const bytes = tensor([250, 3], { dtype: 'uint8', device });
    const more = ops.add(bytes, 10);
    assert.deepEqual([...elements(more)], [4, 13]);
    const big = tensor(new BigInt64Array([2n ** 63n - 1n]), { device });
    const wrapped = ops.add(big, 1);
    assert.deepEqual([...(wrapped.dataSync() as BigInt64Array)], [-(2n ** 63n)]);
    for (const t of [a, sum, product, bytes, more, big, wrapped]) t.dispose();
  });

  test(`mixed dtypes and layouts keep their values on ${device}`, () => {
    const ints = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: 'int64', device },
    );
    const turned = ops.transpose(ints);
    const floats = tensor([[0.5], [1.5], [2.5]], { device });
    const sum = ops.add(turned, floats);
    assert.equal(sum.dtype, 'float32');
    assert.deepEqual([...elements(sum)], [1.5, 4.5, 3.5, 6.5, 5.5, 8.5]);
    for (const t of [ints, turned, floats, sum]) t.dispose();
  });

  test(`outputs larger than caches are whole, also in place, on ${device}`, () =>
    scope(() => {
      const n = 2 ** 23 + 37; // 32 MiB, and a rest that fills no register
      const x = ops.arange(n, { device });
      const sum = elements(ops.add(x, 1));
      assert.equal(
        sum.findIndex((v, i) => v !== i + 1),
        -1,
      );
      ops.add_(x, x);
      assert.equal(
        elements(x).findIndex((v, i) => v !== 2 * i),
        -1,
      );
    }));
}

test.run();
