// Sorting, selecting, scattering and counting where one block of a device does not hold all of it.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';

import * as ops from '../../lib/index.ts';
import { scope, type Tensor, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

const list = (t: Tensor): number[] => [...elements(t)];

/** Numbers with many equals, the same in every run. */
function numbers(n: number, distinct: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * distinct);
  });
}

/** Places of `x` in stable order. */
function order(x: number[], sign: 1 | -1): number[] {
  const rank = (v: number) => (Number.isNaN(v) ? Number.POSITIVE_INFINITY : v);
  return x
    .map((_, i) => i)
    .sort((a, b) => {
      const [p, q] = [rank(x[a] as number), rank(x[b] as number)];
      return p === q ? a - b : sign * (p < q ? -1 : 1);
    });
}

for (const device of testDevices) {
  test(`rows of ${5000} and more are sorted stably on ${device}`, () => {
    for (const dtype of ['float32', 'float64', 'int32', 'int64', 'uint8'] as const) {
      for (const descending of [false, true])
        scope(() => {
          const width = 9001;
          const values = numbers(2 * width, dtype === 'uint8' ? 256 : 700).map((v) =>
            dtype === 'uint8' ? v : v - 300,
          );
          if (dtype.startsWith('float')) values[17] = values[4000] = Number.NaN;
          const x = tensor(values, { device, dtype, shape: [2, width] } as never) as Tensor;
          const [sorted, indices] = ops.sort(x, { descending });
          const rows = [values.slice(0, width), values.slice(width)].map((row) => order(row, descending ? -1 : 1));
          assert.deepEqual(list(indices), rows.flat());
          assert.deepEqual(
            list(sorted),
            rows.flatMap((row, r) => row.map((i) => values[r * width + i] as number)),
          );
        });
    }
  });

  test(`the best, the middle and the most frequent of long rows on ${device}`, () =>
    scope(() => {
      const width = 5000;
      const rows = Array.from({ length: 9 }, (_, r) => numbers(width, 900 + r, r + 3));
      const x = tensor(rows.flat(), { device, shape: [9, width] });
      for (const largest of [true, false])
        for (const k of [1, 300, 3000]) {
          const [values, indices] = ops.topk(x, k, { largest });
          const best = rows.map((row) => order(row, largest ? -1 : 1).slice(0, k));
          assert.deepEqual(list(indices), best.flat(), `top ${k}`);
          assert.deepEqual(
            list(values),
            best.flatMap((at, r) => at.map((i) => rows[r]?.[i] as number)),
          );
        }
      const [kth, place] = ops.kthvalue(x, 1234);
      const wanted = rows.map((row) => order(row, 1)[1233] as number);
      assert.deepEqual(list(place), wanted);
      assert.deepEqual(
        list(kth),
        wanted.map((i, r) => rows[r]?.[i] as number),
      );
      const [modes] = ops.mode(x);
      const frequent = rows.map((row) => {
        const counts = new Map<number, number>();
        for (const v of row) counts.set(v, (counts.get(v) ?? 0) + 1);
        const most = Math.max(...counts.values());
        return Math.min(...[...counts].filter(([, n]) => n === most).map(([v]) => v));
      });
      assert.deepEqual(list(modes), frequent);
    }));

  test(`many writes to few places come in order on ${device}`, () =>
    scope(() => {
      const n = 6000;
      const places = numbers(n, 37, 5);
      const values = numbers(n, 1000, 6).map((v) => Math.fround(v / 7));
      const at = tensor(places, { device, dtype: 'int32' });
      const src = tensor(values, { device });
      const zeros = tensor(new Float32Array(37), { device });
      const sums = new Float32Array(37);
      const last = new Float32Array(37);
      places.forEach((p, i) => {
        sums[p] = (sums[p] as number) + (values[i] as number);
        last[p] = values[i] as number;
      });
      assert.deepEqual(list(ops.scatterAdd(zeros, 0, at, src)), [...sums]);
      assert.deepEqual(list(ops.scatter(zeros, 0, at, src)), [...last]);
      const rows = ops.indexAdd(
        tensor(new Float32Array(37 * 5), { device, shape: [37, 5] }),
        0,
        at,
        src.reshape([n, 1]).expand([n, 5]),
      );
      assert.deepEqual(
        list(rows),
        [...sums].flatMap((v) => [v, v, v, v, v]),
      );
    }));

  test(`what holds and what repeats in long sequences on ${device}`, async () => {
    const n = 40000;
    const values = numbers(n, 3, 8);
    const x = tensor(values, { device, dtype: 'int32' });
    const where = values.flatMap((v, i) => (v === 0 ? [] : [i]));
    const found = await ops.nonzero(x);
    assert.deepEqual(list(found), where);
    const repeated = ops.repeatInterleave(
      tensor(
        Int32Array.from({ length: n }, (_, i) => i),
        { device },
      ),
      x,
      {
        outputSize: values.reduce((sum, v) => sum + v, 0),
      },
    );
    assert.deepEqual(
      list(repeated),
      values.flatMap((v, i) => Array.from({ length: v }, () => i)),
    );
    const [unique, inverse, counts] = (await ops.unique(x, { returnInverse: true, returnCounts: true })) as Tensor[];
    assert.deepEqual(list(unique as Tensor), [0, 1, 2]);
    assert.deepEqual(list(inverse as Tensor), values);
    assert.deepEqual(
      list(counts as Tensor),
      [0, 1, 2].map((v) => values.filter((w) => w === v).length),
    );
    for (const t of [x, found, repeated, unique, inverse, counts]) t?.dispose();
  });

  test(`a count that does not add up fails on ${device}`, async () => {
    const x = tensor([1, 2, 3], { device });
    const counts = (...n: number[]) => tensor(n, { device, dtype: 'int32' });
    await assert.rejects(ops.repeatInterleave(x, counts(1, 1, 1), { outputSize: 4 }).data(), {
      message: /outputSize 4/,
    });
    await assert.rejects(ops.repeatInterleave(x, counts(1, -1, 1), { outputSize: 1 }).data(), {
      message: /negative, got -1/,
    });
    x.dispose();
  });
}

test.run();
