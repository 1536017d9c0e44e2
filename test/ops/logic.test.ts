import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { integerCases, integers, type Pair, pairCases, pairRejects } from '../support/pairs.ts';
import { given, rand, withDtype } from '../support/random.ts';
import { mapPairs } from '../support/reference/pairs.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

const sparse: Pair = (a, b) => [integers(0, 1, ...a), integers(-1, 1, ...b)];

for (const name of ['logicalAnd', 'logicalOr', 'logicalXor'] as const) {
  checkOp(name, ops[name], {
    reference: mapPairs(name),
    ulps: 0,
    differentiable: false,
    resultDtype: () => 'bool',
    cases: [
      ...pairCases(sparse),
      ...integerCases(name),
      { name: 'bools', args: sparse([4, 3], [3]), dtypes: ['bool'] },
      { name: 'floats with integers', args: [rand(4), withDtype(integers(0, 1, 4), 'int32')] },
      { name: 'a number that bytes cannot hold', args: [integers(0, 1, 4), 256], dtypes: ['uint8'] },
    ],
    rejects: pairRejects(name),
  });
}

checkOp('logicalNot', ops.logicalNot, {
  reference: (x: NDArray) => map(x, (value) => Number(value === 0)),
  ulps: 0,
  differentiable: false,
  resultDtype: () => 'bool',
  dtypes: ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'],
  cases: [
    { name: 'a matrix', args: [integers(0, 1, 3, 5)] },
    { name: 'rank 0', args: [integers(0, 1)] },
    { name: 'empty', args: [rand(0, 3)] },
    { name: 'NaN and minus zero', args: [given([Number.NaN, -0, Number.POSITIVE_INFINITY])], dtypes: ['float32'] },
  ],
  rejects: [
    { name: 'a number', args: () => [1], code: 'ERR_ARGUMENT' },
    { name: 'null', args: () => [null], code: 'ERR_ARGUMENT' },
  ],
});

const wide: Pair = (a, b) => [integers(-1000, 1000, ...a), integers(-1000, 1000, ...b)];
const shapes = (make: Pair): OpCase[] =>
  pairCases(make, 6)
    .filter(({ name }) => !name.startsWith('NaN'))
    .map((each) => ({ ...each, dtypes: ['int32', 'int64'] }));

for (const name of ['bitwiseAnd', 'bitwiseOr', 'bitwiseXor', 'gcd', 'lcm'] as const) {
  const bits = name.startsWith('bitwise');
  checkOp(name, ops[name], {
    reference: mapPairs(name),
    ulps: 0,
    differentiable: false,
    cases: [
      ...shapes(wide),
      { name: 'bytes', args: [integers(0, 15, 70), integers(0, 15, 70)], dtypes: ['uint8'] },
      { name: 'zeros', args: [given([0, 0, 4, -6]), given([0, 5, 0, 0])], dtypes: ['int32', 'int64'] },
      ...(bits ? [{ name: 'bools', args: [integers(0, 1, 9), integers(0, 1, 9)], dtypes: ['bool' as const] }] : []),
    ],
    rejects: [
      ...pairRejects(name).map((each) =>
        each.code === 'ERR_SHAPE'
          ? { ...each, args: () => [withDtype(rand(3), 'int32'), withDtype(rand(4), 'int32')] }
          : each,
      ),
      { name: 'floats', args: () => [rand(3), rand(3)], code: 'ERR_DTYPE', message: new RegExp(`^${name}: .*float32`) },
      { name: 'a fraction', args: () => [withDtype(rand(3), 'int32'), 0.5], code: 'ERR_DTYPE' },
      ...(bits
        ? []
        : [{ name: 'bools', args: () => [withDtype(rand(3), 'bool'), withDtype(rand(3), 'bool')], code: 'ERR_DTYPE' }]),
    ],
  });
}

checkOp('bitwiseNot', ops.bitwiseNot, {
  reference: (x: NDArray) => map(x, (value) => -value - 1),
  ulps: 0,
  differentiable: false,
  dtypes: ['int32', 'int64'],
  cases: [
    { name: 'a matrix', args: [integers(-100, 100, 3, 5)] },
    { name: 'rank 0', args: [integers(-9, 9)] },
    { name: 'empty', args: [integers(0, 1, 0, 3)] },
  ],
  rejects: [
    { name: 'floats', args: () => [rand(3)], code: 'ERR_DTYPE' },
    { name: 'a number', args: () => [1], code: 'ERR_ARGUMENT' },
  ],
});

/** The result in `bits` bits of two's complement. */
function shifted(value: bigint, count: bigint, bits: number, left: boolean): bigint {
  const lost = count < 0n || count >= BigInt(bits);
  if (!left) return lost ? (value < 0n ? -1n : 0n) : value >> count;
  return lost ? 0n : BigInt.asIntN(bits, value << count);
}

const counts = [0, 1, 2, 7, 8, 31, 32, 33, 63, 64, 65, 1000, -1, -64];

for (const device of testDevices) {
  for (const name of ['bitwiseLeftShift', 'bitwiseRightShift'] as const) {
    test(`${name} by every kind of count on ${device}`, () => {
      const left = name === 'bitwiseLeftShift';
      for (const [dtype, bits] of [
        ['int32', 32],
        ['int64', 64],
        ['uint8', 8],
      ] as const) {
        const values = dtype === 'uint8' ? [0, 1, 5, 128, 255] : [0, 1, 5, -1, -6, 2 ** 31 - 1, -(2 ** 31)];
        const x = tensor(values, { dtype, device, shape: [values.length] });
        const wanted = (count: number): number[] =>
          values.map((value) => {
            const result = shifted(BigInt(value), BigInt(count), bits, left);
            return Number(dtype === 'uint8' ? BigInt.asUintN(8, result) : result);
          });
        const given = dtype === 'uint8' ? counts.filter((count) => count >= 0 && count < 256) : counts;
        for (const count of counts) {
          const y = ops[name](x, count);
          assert.equal(y.dtype, dtype);
          assert.deepEqual([...elements(y)], wanted(count), `${dtype} by the number ${count}`);
          y.dispose();
        }
        const by = tensor(given, { dtype, device });
        const column = by.unsqueeze(1);
        const all = ops[name](x, column);
        assert.deepEqual([...elements(all)], given.flatMap(wanted), `${dtype} by a tensor`);
        for (const t of [x, by, column, all]) t.dispose();
      }
      const ints = tensor([1, 2], { dtype: 'int32', device });
      const floats = tensor([1, 2], { device });
      throwsCode(() => ops[name](floats, 1), 'ERR_DTYPE', 'floats');
      throwsCode(() => ops[name](ints, 0.5), 'ERR_DTYPE', 'a fraction');
      throwsCode(() => ops[name](ints, floats), 'ERR_DTYPE', 'a float count');
      throwsCode(() => ops[name](ints, null as never), 'ERR_ARGUMENT', 'null');
      throwsCode(() => ops[name](ints, 'a' as never), 'ERR_ARGUMENT', 'text');
      throwsCode(() => ops[name](ints, tensor([1, 2, 3], { dtype: 'int32', device })), 'ERR_SHAPE', 'shapes');
      ints.dispose();
      floats.dispose();
    });
  }

  test(`bitwiseNot of bytes and bools on ${device}`, () => {
    const bytes = tensor([0, 1, 255], { dtype: 'uint8', device });
    const flipped = ops.bitwiseNot(bytes);
    assert.deepEqual([...elements(flipped)], [255, 254, 0]);
    const flags = tensor([true, false], { device });
    const inverse = ops.bitwiseNot(flags);
    assert.equal(inverse.dtype, 'bool');
    assert.deepEqual([...elements(inverse)], [0, 1]);
    for (const t of [bytes, flipped, flags, inverse]) t.dispose();
  });
}

/** Tested here by hand. */
export const covers = ['bitwiseLeftShift', 'bitwiseRightShift'];

test.run();
