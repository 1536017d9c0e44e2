// Laws over random shapes, shrunk to the smallest counterexample.
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { fullLevel, Random, testSeed } from '../support/random.ts';
import { type binary, mapBinary } from '../support/reference/elementwise.ts';
import { matmul } from '../support/reference/matrix.ts';
import { broadcastShapes, build, type NDArray } from '../support/reference/ndarray.ts';
import { sum } from '../support/reference/reduce.ts';
import { permute, strided } from '../support/reference/views.ts';
import { assertClose } from '../support/tensors.ts';

const runs = { numRuns: fullLevel ? 2000 : 150, seed: testSeed };
const size = fc.integer({ min: 0, max: 5 });
const shape = (maxRank: number): fc.Arbitrary<number[]> => fc.array(size, { maxLength: maxRank });
/** Two shapes that broadcast: axes of a common shape dropped in front or set to 1. */
const broadcastPair = shape(5).chain((full) =>
  fc
    .tuple(
      ...[0, 1].map(() =>
        fc.tuple(fc.nat(full.length), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length })),
      ),
    )
    .map((choices) => choices.map(([drop, ones]) => full.map((each, i) => (ones[i] ? 1 : each)).slice(drop))),
);

function law<T>(name: string, arbitrary: fc.Arbitrary<T>, check: (value: T, device: string) => void): void {
  for (const device of testDevices) {
    test(`${name} on ${device}`, () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const before = liveBytes();
          scope(() => check(value, device));
          assert.equal(liveBytes(), before, 'storages left over');
        }),
        runs,
      );
    });
  }
}

/** Small integers, which float32 adds exactly in any order. */
const values = (dims: readonly number[], seed: number): NDArray => {
  const random = new Random(seed);
  return build(dims, () => random.integer(-8, 8));
};
const put = (x: NDArray, device: string): Tensor => tensor(Float32Array.from(x.data), { device, shape: x.shape });
const same = (got: Tensor, wanted: NDArray, label: string): void =>
  assertClose(got, wanted, { ulps: 0, scale: null }, label);

law(
  'binary ops broadcast like the reference',
  fc.tuple(broadcastPair, fc.constantFrom('add', 'sub', 'mul', 'maximum', 'lt' as const), fc.nat()),
  ([[a = [], b = []], name, seed], device) => {
    const [x, y] = [values(a, seed), values(b, seed + 1)];
    const got = ops[name as 'add'](put(x, device), put(y, device));
    same(got, mapBinary(name as keyof typeof binary)(x, y), name);
  },
);

law('shapes that do not broadcast throw ERR_SHAPE', fc.tuple(shape(4), shape(4)), ([a, b], device) => {
  let wanted: number[] | null = null;
  try {
    wanted = broadcastShapes(a, b);
  } catch {}
  const [x, y] = [ops.zeros(a, { device }), ops.zeros(b, { device })];
  if (wanted === null) assert.throws(() => ops.add(x, y), { code: 'ERR_SHAPE' });
  else assert.deepEqual([...ops.add(x, y).shape], wanted);
});

law(
  'sums over any axes',
  fc.tuple(shape(5), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), fc.boolean(), fc.nat()),
  ([dims, chosen, keepdim, seed], device) => {
    const axis = dims.map((_, i) => i).filter((i) => chosen[i]);
    const x = values(dims, seed);
    same(ops.sum(put(x, device), { axis, keepdim }), sum(x, { axis, keepdim }), `sum over ${axis}`);
  },
);

law(
  'matmul with broadcast batches',
  fc.tuple(broadcastPair, size, size, size, fc.nat()),
  ([[a = [], b = []], m, k, n, seed], device) => {
    const [x, y] = [values([...a, m, k], seed), values([...b, k, n], seed + 1)];
    if (a.length > 4 || b.length > 4) return;
    same(ops.matmul(put(x, device), put(y, device)), matmul(x, y), `${x.shape} by ${y.shape}`);
  },
);

law(
  'a permuted slice of anything',
  fc.tuple(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }), fc.infiniteStream(fc.nat(1000)), fc.nat()),
  ([dims, stream, seed], device) => {
    const take = (below: number): number => (stream.next().value as number) % below;
    const order = dims.map((_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = take(i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    const starts = dims.map((each) => take(each + 1));
    const steps = dims.map(() => 1 + take(3));
    const x = values(dims, seed);
    const ranges = starts.map((start, i): [number, number] => [start, dims[i] as number]);
    const lengths = starts.map((start, i) => Math.ceil(((dims[i] as number) - start) / (steps[i] as number)));
    const view = ops.permute(ops.slice(put(x, device), ranges, steps), order);
    const wanted = permute(strided(x, starts, lengths, steps), order);
    same(view, wanted, 'the view');
    same(ops.add(view, view), mapBinary('add')(wanted, wanted), 'an op on the view');
    same(ops.clone(view), wanted, 'its copy');
    const flat = ops.reshape(view, [wanted.size]);
    assert.deepEqual([...flat.shape], [wanted.size]);
  },
);

law(
  'edge numbers for a shape give a tensor or a typed error',
  fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 64 }),
      fc.constantFrom<unknown>(
        0,
        -1,
        -(2 ** 31),
        2 ** 31 - 1,
        2 ** 31,
        2 ** 32,
        2 ** 53 - 1,
        2 ** 53,
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        -0,
        '3',
        null,
        undefined,
        {},
        [2],
        true,
        3n,
      ),
    ),
    { maxLength: 10 },
  ),
  (dims, device) => {
    let t: Tensor | null = null;
    try {
      t = ops.empty(dims as number[], { device });
    } catch (error) {
      assert.ok(['ERR_SHAPE', 'ERR_OUT_OF_MEMORY'].includes((error as { code: string }).code), String(error));
      return;
    }
    const exact = (dims as number[]).reduce((product, each) => product * BigInt(each), 1n);
    assert.equal(BigInt(t.size), exact);
  },
);

test.run();
