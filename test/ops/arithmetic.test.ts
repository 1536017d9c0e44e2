import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { anyPair, integerCases, type Pair, pairCases, pairRejects } from '../support/pairs.ts';
import { distinct, given, rand, randAway, randIn } from '../support/random.ts';
import { mapPairs, pairs } from '../support/reference/pairs.ts';
import { asArray, map, type NDArray, zip } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['floatPower'];

const away: Pair = (a, b) => [rand(...a), randAway(0.4, ...b)];
const nonZero: Pair = (a, b) => [randAway(0.4, ...a), randAway(0.4, ...b)];
const apart: Pair = (a, b) => [
  distinct(...a),
  { ...distinct(...b), values: map(distinct(...b).values, (x) => x + 0.021) },
];
const positive: Pair = (a, b) => [rand(...a), randIn(0.2, 3, ...b)];

const makers: Partial<Record<string, Pair>> = {
  floorDivide: away,
  remainder: away,
  fmod: away,
  fmax: apart,
  fmin: apart,
  atan2: nonZero,
  hypot: nonZero,
  xlogy: positive,
  copysign: nonZero,
  heaviside: nonZero,
};

// Far apart and close together, denormal and huge: what a quotient in floating point gets wrong.
const hard: OpCase = {
  name: 'extreme magnitudes',
  args: [
    given([1e300, 1.7e308, 5e-324, -3e-308, 1e18, 123456789, 2 ** 53, -1e16, 0.3, 1, 9007199254740994, 4e-323]),
    given([3e-300, -5e-324, 3, 5e-324, -7, 0.001, 3, 9.999, 0.1, 0.1, -(2 ** 52), 1.5e-323]),
  ],
  dtypes: ['float64'],
  grad: false,
  layouts: ['contiguous'],
};
const hardFloat: OpCase = {
  name: 'extreme magnitudes of float32',
  args: [
    given([3e38, 3e38, 1e-45, -1e-40, 16777216, 1e20, -1e10, 0.3]),
    given([1e-45, -3e-38, 3, 3e-45, 3, -0.1, 0.1, 0.1]),
  ],
  dtypes: ['float32'],
  grad: false,
  layouts: ['contiguous'],
};

for (const name of ['floorDivide', 'remainder', 'fmod', 'fmax', 'fmin', 'heaviside'] as const) {
  const dividing = name !== 'fmax' && name !== 'fmin' && name !== 'heaviside';
  checkOp(name, ops[name], {
    reference: mapPairs(name),
    // A floor of a rounded quotient, or one exact operation.
    ulps: 1,
    cases: [
      ...pairCases(makers[name] ?? anyPair),
      ...integerCases(name),
      ...(name === 'floorDivide' ? [] : [hard]),
      ...(dividing && name !== 'floorDivide' ? [hardFloat] : []),
    ],
    rejects: pairRejects(name),
  });
}

for (const name of ['atan2', 'hypot', 'xlogy', 'copysign'] as const) {
  checkOp(name, ops[name], {
    reference: mapPairs(name),
    ulps: 4,
    cases: [...pairCases(makers[name] ?? anyPair), { ...hard, name: 'far apart' }],
    rejects: pairRejects(name),
  });
}

for (const name of ['logaddexp', 'logaddexp2'] as const) {
  const largest = (a: number, b: number): number => Math.max(Math.abs(a), Math.abs(b), 1);
  checkOp(name, ops[name], {
    reference: mapPairs(name),
    // The larger operand and the logarithm may cancel: errors are relative to them.
    magnitude: (a, b) => zip(largest, ...[a, b].map((x) => (typeof x === 'number' ? mapPairs('fmax')(x, x) : x))),
    ulps: 4,
    cases: [
      ...pairCases(anyPair),
      {
        name: 'far apart and large',
        args: [given([1000, -1000, 88, 0, -745, 1e30]), given([1000, -1000, -88, -40, 0, 1e30])],
        grad: false,
        layouts: ['contiguous'],
      },
    ],
    rejects: pairRejects(name),
  });
}

checkOp('ldexp', ops.ldexp, {
  reference: mapPairs('ldexp'),
  // The power of two goes through pow.
  ulps: 8,
  cases: pairCases(anyPair, 2),
  rejects: pairRejects('ldexp'),
});

for (const device of testDevices) {
  test(`integers divided by zero fail without a trap on ${device}`, async () => {
    for (const dtype of ['int32', 'int64', 'uint8'] as const) {
      for (const name of ['floorDivide', 'remainder', 'fmod'] as const) {
        const before = liveBytes();
        const x = tensor([1, 2, 3], { dtype, device });
        const y = tensor([1, 0, 3], { dtype, device });
        throwsCode(() => ops[name](x, 0), 'ERR_ARGUMENT', `${name} by the number 0`, /zero/);
        const z = ops[name](x, y);
        await assert.rejects(z.data(), { code: 'ERR_ARGUMENT', message: /by zero/ });
        const wide = ops.expand(tensor([0], { dtype, device }), [3]);
        const fails = ops[name](5, wide);
        await assert.rejects(fails.data(), { code: 'ERR_ARGUMENT' });
        const none = ops.zeros([0], { dtype, device });
        const empty = ops[name](none, none);
        assert.deepEqual([...elements(empty)], []);
        for (const t of [x, y, z, wide, fails, none, empty]) t.dispose();
        assert.ok(liveBytes() - before <= 64, 'the base of a view is all that is left');
      }
    }
  });

  test(`the least integer divided by -1 wraps on ${device}`, () => {
    for (const [dtype, least] of [
      ['int32', -(2n ** 31n)],
      ['int64', -(2n ** 63n)],
    ] as const) {
      const x = ops.full([3], least, { dtype, device });
      const minus = tensor([-1, -1, -1], { dtype, device });
      for (const [name, wanted] of [
        ['floorDivide', least],
        ['remainder', 0n],
        ['fmod', 0n],
        ['gcd', 1n],
        ['lcm', least],
      ] as const) {
        const y = ops[name](x, minus);
        assert.deepEqual(
          Array.from(y.dataSync() as ArrayLike<number | bigint>, BigInt),
          [wanted, wanted, wanted],
          name,
        );
        y.dispose();
      }
      const quotient = ops.div(x, minus, { roundingMode: 'trunc' });
      assert.deepEqual(Array.from(quotient.dataSync() as ArrayLike<number | bigint>, BigInt)[0], least);
      for (const t of [x, minus, quotient]) t.dispose();
    }
  });

  test(`div rounds as it is told and keeps integers on ${device}`, () => {
    const [a, b] = [tensor([7, -7, 7, -7], { device }), tensor([2, 2, -2, -2], { device })];
    const [i, j] = [a.to('int32'), b.to('int32')];
    for (const [x, y] of [
      [a, b],
      [i, j],
    ] as const) {
      const down = ops.div(x, y, { roundingMode: 'floor' });
      const in0 = ops.div(x, y, { roundingMode: 'trunc' });
      const exact = ops.div(x, y, { roundingMode: null });
      assert.deepEqual([...elements(down)], [3, -4, -4, 3]);
      assert.deepEqual([...elements(in0)], [3, -3, -3, 3]);
      assert.deepEqual([...elements(exact)], [3.5, -3.5, -3.5, 3.5]);
      assert.equal(down.dtype, x.dtype);
      for (const t of [down, in0, exact]) t.dispose();
    }
    throwsCode(() => ops.div(a, b, { roundingMode: 'up' as never }), 'ERR_ARGUMENT', 'a wrong mode', /roundingMode/);
    throwsCode(() => ops.div(a, b, 2 as never), 'ERR_ARGUMENT', 'no options');
    const x = tensor([7.5], { device, requiresGrad: true });
    ops.div(x, 2, { roundingMode: 'floor' }).sum().backward();
    assert.deepEqual([...elements(x.grad as typeof x)], [0]);
    for (const t of [a, b, i, j, x]) t.dispose();
  });

  test(`add and sub scale their second operand on ${device}`, () => {
    const x = tensor([1, 2], { device, requiresGrad: true });
    const y = tensor([[3], [4]], { device, requiresGrad: true });
    const sum = ops.add(x, y, { alpha: 0.5 });
    assert.deepEqual([...elements(sum)], [2.5, 3.5, 3, 4]);
    ops.sum(sum).backward();
    assert.deepEqual([...elements(x.grad as typeof x)], [2, 2]);
    assert.deepEqual([...elements(y.grad as typeof y)], [1, 1]);
    const less = x.sub(10, { alpha: 2 });
    assert.deepEqual([...elements(less)], [-19, -18]);
    const ints = tensor([5, 6], { dtype: 'int32', device });
    const more = ops.add(ints, ints, { alpha: 3 });
    assert.equal(more.dtype, 'int32');
    assert.deepEqual([...elements(more)], [20, 24]);
    throwsCode(() => ops.add(ints, ints, { alpha: 0.5 }), 'ERR_ARGUMENT', 'a fraction of integers', /alpha/);
    throwsCode(() => ops.add(x, y, { alpha: '1' as never }), 'ERR_ARGUMENT', 'text');
    throwsCode(() => ops.sub(x, y, [] as never), 'ERR_ARGUMENT', 'an array');
    for (const t of [x, y, sum, less, ints, more]) t.dispose();
  });

  test(`floatPower computes in float64 on ${device}`, () => {
    const ints = tensor([2, 4, -8], { dtype: 'int32', device });
    const y = ops.floatPower(ints, -1);
    assert.equal(y.dtype, 'float64');
    assert.deepEqual([...elements(y)], [0.5, 0.25, -0.125]);
    const z = ops.floatPower(2, ints);
    assert.deepEqual([...elements(z)], [4, 16, 2 ** -8]);
    const x = tensor([1.5], { device, requiresGrad: true });
    ops.floatPower(x, 3).sum().backward();
    assert.deepEqual([...elements(x.grad as typeof x)], [6.75]);
    throwsCode(() => ops.floatPower(1, 2), ['ERR_ARGUMENT', 'ERR_DTYPE'], 'two numbers');
    throwsCode(() => ops.floatPower(x, null as never), 'ERR_ARGUMENT', 'null');
    for (const t of [ints, y, z, x]) t.dispose();
  });

  test(`integers become float32 where results are fractions on ${device}`, () => {
    const [a, b] = [tensor([3, 0], { dtype: 'int32', device }), tensor([4, 1], { dtype: 'uint8', device })];
    for (const name of ['atan2', 'hypot', 'logaddexp', 'logaddexp2', 'xlogy', 'copysign', 'ldexp'] as const) {
      const y = ops[name](a, b);
      assert.equal(y.dtype, 'float32', name);
      const wanted = [pairs[name](3, 4), pairs[name](0, 1)];
      elements(y).forEach((value, i) => {
        assert.ok(Math.abs(value - (wanted[i] as number)) < 1e-5 * 48, `${name}: ${value}`);
      });
      y.dispose();
    }
    a.dispose();
    b.dispose();
  });
}

checkOp('rsub', ops.rsub, {
  reference: (a: NDArray, b: NDArray | number, { alpha = 1 } = {}) =>
    zip((x, y) => (y as number) - alpha * (x as number), a, asArray(b)),
  magnitude: (a: NDArray, b: NDArray | number) =>
    zip((x, y) => Math.abs(x as number) + Math.abs(y as number), a, asArray(b)),
  dtypes: ['float32', 'float64', 'int32', 'int64'],
  cases: [
    { name: 'with a factor', args: [rand(3, 4), rand(4), { alpha: 2 }] },
    { name: 'a number', args: [rand(3), 1] },
    { name: 'nothing', args: [rand(0, 2), rand(2)] },
  ],
  rejects: [
    { name: 'nothing', args: () => [null, 2], code: 'ERR_ARGUMENT' },
    { name: 'a factor of text', args: () => [rand(2), 2, { alpha: '1' }], code: 'ERR_ARGUMENT' },
  ],
});

test.run();
