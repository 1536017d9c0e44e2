// The cases every op of two operands has: shapes that broadcast, numbers on either side, values at the edges.
import type { OpCase, Rejected } from './check-op.ts';
import { given, rand, randInt, type TensorSpec } from './random.ts';

export type Pair = (a: readonly number[], b: readonly number[]) => [TensorSpec, TensorSpec];

export const anyPair: Pair = (a, b) => [rand(...a), rand(...b)];

const [NaNs, Inf] = [Number.NaN, Number.POSITIVE_INFINITY];
const left = [NaNs, 1, Inf, -Inf, Inf, 0, -0, 0, 3.4e38, 1e-38, -5, 5, -7.5, 1, 0, -1, 2, -Inf, NaNs];
const right = [1, NaNs, Inf, Inf, -Inf, 0, 0, -1, 3.4e38, 1e-8, 3, -3, 2, 0, Inf, -0, -Inf, -Inf, NaNs];

export function pairCases(make: Pair, number = 1.5): OpCase[] {
  const [, weak] = make([], [3, 4]);
  return [
    { name: 'a row and a column', args: make([4, 1], [1, 3]) },
    { name: 'equal shapes', args: make([3, 5], [3, 5]) },
    { name: 'a scalar tensor on the left', args: make([], [2, 3]), layouts: ['contiguous', 'reversed'] },
    { name: 'a shorter rank', args: make([2, 3, 4], [4]), layouts: ['contiguous', 'transposed'] },
    { name: 'a number on the right', args: [make([3, 4], [])[0], number], layouts: ['contiguous', 'sliced'] },
    { name: 'a number on the left', args: [number, weak], layouts: ['contiguous', 'sliced'] },
    { name: 'both rank 0', args: make([], []), grad: false, layouts: ['contiguous'] },
    { name: 'empty', args: make([3, 0], [1]), grad: false, layouts: ['contiguous', 'transposed'] },
    { name: 'size 1', args: make([1], [1, 1]), grad: false, layouts: ['contiguous'] },
    { name: 'rank 6', args: make([2, 1, 2, 1, 3, 1], [1, 2, 1, 2, 1, 3]), grad: false, layouts: ['transposed'] },
    { name: 'more than one chunk', args: make([133, 263], [263]), grad: false, layouts: ['contiguous'] },
    {
      name: 'NaN, infinities and zeros',
      args: [given(left), given(right)],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
  ];
}

/** Integers of the dtype under test. */
export function integers(low: number, high: number, ...shape: number[]): TensorSpec {
  return { ...rand(...shape), values: randInt(low, high, shape).values };
}

/** Integers of every width; divisors are not 0. */
export function integerCases(name: string): OpCase[] {
  const whole = (values: readonly number[]): readonly number[] => values.map((each) => (each === 0 ? 3 : each));
  const divisor = (low: number, high: number, ...shape: number[]): TensorSpec => {
    const spec = integers(low, high, ...shape);
    return given(whole([...spec.values.data]), shape);
  };
  return [
    {
      name: `${name} of signed integers`,
      args: [integers(-40, 40, 5, 3), divisor(-9, 9, 5, 3)],
      dtypes: ['int32', 'int64'],
    },
    { name: `${name} of integers and a number`, args: [integers(-40, 40, 5, 3), 4], dtypes: ['int32', 'int64'] },
    {
      name: `${name} of a number and integers`,
      args: [5, divisor(-9, 9, 7)],
      dtypes: ['int32', 'int64'],
      layouts: ['contiguous'],
    },
    { name: `${name} of bytes`, args: [integers(0, 200, 70), divisor(0, 9, 70)], dtypes: ['uint8'] },
  ];
}

export function pairRejects(name: string): Rejected[] {
  return [
    {
      name: 'shapes that do not broadcast',
      args: () => [rand(3), rand(4)],
      code: 'ERR_SHAPE',
      message: new RegExp(`^${name}: .*3.*4`),
    },
    { name: 'a string', args: () => [rand(3), '4'], code: 'ERR_ARGUMENT' },
    { name: 'null', args: () => [rand(3), null], code: 'ERR_ARGUMENT' },
    { name: 'undefined', args: () => [rand(3)], code: 'ERR_ARGUMENT' },
    { name: 'numbers alone', args: () => [1, 2], code: 'ERR_ARGUMENT' },
  ];
}
