import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { defaultGenerator, Generator, manualSeed, setThreads, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['rand', 'randn', 'uniform', 'normal', 'dropout'];

/** Philox4x32-10 as its paper gives it: the numbers every device must make. */
function philox(key: readonly [number, number], counter: readonly [number, number]): number[] {
  const multiply = (a: number, b: number): [number, number] => {
    const product = BigInt(a) * BigInt(b);
    return [Number(product >> 32n), Number(product & 0xffff_ffffn)];
  };
  let [k0, k1] = key;
  let [c0, c1, c2, c3] = [counter[0], counter[1], 0, 0];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd251_1f53, c0);
    const [high1, low1] = multiply(0xcd9e_8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + 0x9e37_79b9) >>> 0, (k1 + 0xbb67_ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}

function expectedUniform(seed: bigint, first: number, count: number): number[] {
  const key: [number, number] = [Number(seed & 0xffff_ffffn), Number((seed >> 32n) & 0xffff_ffffn)];
  return Array.from({ length: count }, (_, i) => {
    const bits = philox(key, [first + Math.floor(i / 4), 0])[i % 4] as number;
    return (bits >>> 8) * 2 ** -24;
  });
}

const moments = (values: ArrayLike<number>): { mean: number; variance: number } => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  const mean = total / values.length;
  let square = 0;
  for (let i = 0; i < values.length; i++) square += ((values[i] as number) - mean) ** 2;
  return { mean, variance: square / values.length };
};

for (const device of testDevices) {
  test(`uniform numbers are Philox's, in order, on ${device}`, () => {
    const seed = 0x1234_5678_9abcn;
    const generator = new Generator(seed, device);
    const first = ops.rand([3, 5], { generator, device });
    assert.deepEqual([...elements(first)], expectedUniform(seed, 0, 15));
    first.dispose();
    generator.state.dispose();
  });

  test(`draws continue, and state can be put back on ${device}`, async () => {
    const generator = new Generator(5, device);
    const a = ops.rand([7], { generator, device });
    const state = await generator.getState();
    const b = ops.randn([7], { generator, device });
    generator.setState(state);
    const again = ops.randn([7], { generator, device });
    assert.notDeepEqual(elements(a), elements(b));
    assert.deepEqual(elements(b), elements(again));
    generator.manualSeed(5);
    const start = ops.rand([7], { generator, device });
    assert.deepEqual(elements(a), elements(start));
    for (const t of [a, b, again, start, generator.state]) t.dispose();
  });

  test(`the same numbers for any number of threads and any layout of calls on ${device}`, () => {
    const draw = (threads: number): Float64Array => {
      setThreads(threads);
      manualSeed(11);
      const x = ops.randn([301, 303], { device });
      const values = elements(x);
      x.dispose();
      return values;
    };
    const one = draw(1);
    assert.deepEqual(draw(2), one);
    assert.deepEqual(draw(4), one);
    setThreads(2);
    assert.ok(defaultGenerator(device));
  });

  test(`moments and ranges on ${device}`, () => {
    manualSeed(3);
    for (const dtype of ['float32', 'float64'] as const) {
      const u = ops.uniform([40000], { low: -2, high: 6, dtype, device });
      const values = elements(u);
      assert.ok(values.every((v) => v >= -2 && v < 6));
      // 40,000 draws: the mean is within 5 standard errors (8/√12/200 = 0.0115).
      assert.ok(Math.abs(moments(values).mean - 2) < 0.06);
      const n = ops.normal([40000], { mean: 3, std: 2, dtype, device });
      const { mean, variance } = moments(elements(n));
      assert.ok(Math.abs(mean - 3) < 0.05 && Math.abs(variance - 4) < 0.15, `mean ${mean}, variance ${variance}`);
      assert.ok(elements(n).every(Number.isFinite));
      u.dispose();
      n.dispose();
    }
  });

  test(`dropout keeps its share, scales, and passes gradients through the same mask on ${device}`, () => {
    manualSeed(9);
    const x = ops.ones([200, 200], { device, requiresGrad: true });
    const y = ops.dropout(x, { p: 0.3 });
    const values = elements(y);
    const kept = values.filter((v) => v !== 0);
    assert.ok(kept.every((v) => Math.abs(v - 1 / 0.7) < 1e-6));
    assert.ok(Math.abs(kept.length / values.length - 0.7) < 0.012);
    ops.sum(y).backward();
    assert.deepEqual(elements(x.grad as Tensor), values);
    const same = ops.dropout(x, { p: 0.3, training: false });
    assert.ok(elements(same).every((v) => v === 1));
    const none = ops.dropout(x, { p: 0 });
    assert.ok(elements(none).every((v) => v === 1));
    const gone = ops.dropout(x, { p: 1 });
    assert.ok(
      elements(gone).every((v) => v === 0),
      'p = 1 gives zeros, not NaN',
    );
    for (const t of [x, y, same, none, gone]) t.dispose();
  });

  test(`dropout has a second derivative on ${device}`, () => {
    manualSeed(10);
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], { device, dtype: 'float64', requiresGrad: true });
    const y = ops.dropout(ops.mul(ops.mul(x, x), x), { p: 0.5 });
    const scale = elements(y).map((v, i) => v / (i + 1) ** 3);
    ops.sum(y).backward({ createGraph: true });
    const first = x.grad as Tensor;
    assert.deepEqual(
      [...elements(first)],
      [...scale].map((s, i) => s * 3 * (i + 1) ** 2),
    );
    x.grad = null;
    ops.sum(first).backward();
    assert.deepEqual(
      [...elements(x.grad as unknown as Tensor)],
      [...scale].map((s, i) => s * 6 * (i + 1)),
    );
    x.dispose();
  });

  test(`bad random arguments on ${device}`, () => {
    throwsCode(() => ops.dropout(ops.ones([2], { device }), { p: -0.1 }), 'ERR_ARGUMENT', 'p below 0');
    throwsCode(() => ops.dropout(ops.ones([2], { device }), { p: 1.5 }), 'ERR_ARGUMENT', 'p above 1');
    throwsCode(() => ops.dropout(ops.ones([2], { device }), { p: Number.NaN }), 'ERR_ARGUMENT', 'p NaN');
    throwsCode(() => ops.rand([2], { dtype: 'int32' as 'float32', device }), 'ERR_DTYPE', 'integers');
    throwsCode(() => ops.uniform([2], { low: Number.NaN, device }), 'ERR_ARGUMENT', 'low NaN');
    throwsCode(() => manualSeed(0.5), 'ERR_ARGUMENT', 'half a seed');
    throwsCode(() => new Generator(Number.NaN, device), 'ERR_ARGUMENT', 'NaN for a seed');
  });
}

if (testDevices.length > 1) {
  test('every device makes the same numbers', () => {
    const draws = testDevices.map((device) => {
      manualSeed(77);
      const x = ops.randn([1000], { device });
      const values = elements(x);
      x.dispose();
      return values;
    });
    for (const each of draws) {
      each.forEach((value, i) => {
        assert.ok(Math.abs(value - (draws[0]?.[i] ?? Number.NaN)) < 1e-6);
      });
    }
  });
}

test.run();
