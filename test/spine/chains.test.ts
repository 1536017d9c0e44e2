// Elementwise ops of a captured step run in chains, block by block. Their results are the eager ones bit for bit, whatever is
// read later, overwritten, repeated, strided, stored in another dtype, or cut off by a failure.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { capture, device, grad, noGrad, scope, setThreads, tensor } from '../../lib/index.ts';
import { addon } from '../../lib/native/load.ts';
import * as ops from '../../lib/ops/index.ts';
import { fullLevel, Random, testSeed } from '../support/random.ts';

type Step = () => Tensor[];
const bits = (t: Tensor): string => {
  const values = ops.contiguous(t).dataSync();
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
};
/** What `calls` runs of a step give, as bits; `begin` makes the step and the tensors it works on. */
function trace(begin: () => Step, calls: number, wrap: (step: Step) => Step): string[] {
  return scope(() => {
    const step = wrap(begin());
    const seen: string[] = [];
    for (let i = 0; i < calls; i++) for (const t of scope(step)) seen.push(bits(t));
    return seen;
  });
}
function chained(begin: () => Step, calls = 4): void {
  const eager = trace(begin, calls, (step) => step);
  for (const chains of [1, 0]) {
    assert.equal(addon.configure('cpu', 'chains', chains), 0);
    try {
      assert.deepEqual(trace(begin, calls, capture), eager, `chains ${chains}`);
    } finally {
      addon.configure('cpu', 'chains', 1);
    }
  }
}

const random = new Random(testSeed);
function numbers(count: number, dtype: DType = 'float32'): Tensor {
  const values = Array.from({ length: count }, () => random.between(-3, 3));
  return tensor(dtype === 'float32' || dtype === 'float64' ? values : values.map(Math.round), { dtype });
}

type Draw = (pool: readonly Tensor[], random: Random) => Tensor;
const unary: readonly ((x: Tensor) => Tensor)[] = [
  ops.relu,
  ops.tanh,
  ops.neg,
  ops.square,
  ops.abs,
  ops.gelu,
  ops.sigmoid,
];
const binary: readonly ((a: Tensor, b: Tensor | number) => Tensor)[] = [
  ops.add,
  ops.sub,
  ops.mul,
  ops.maximum,
  ops.minimum,
];
const draws: readonly Draw[] = [
  (pool, r) => r.pick(unary)(r.pick(pool)),
  (pool, r) => r.pick(binary)(r.pick(pool), r.pick(pool)),
  (pool, r) => r.pick(binary)(r.pick(pool), r.integer(-2, 2) / 2),
  (pool, r) => ops.where(ops.gt(r.pick(pool), r.pick(pool)), r.pick(pool), r.pick(pool)),
  (pool, r) => ops.cast(ops.mul(ops.cast(r.pick(pool), r.pick(['float16', 'bfloat16', 'float64'])), 1.5), 'float32'),
  (pool, r) => ops.add_(ops.mul(r.pick(pool), 2), r.pick(pool)),
  (pool, r) => ops.cumsum(r.pick(pool), 0), // no elementwise op: ends a chain
  (pool, r) => ops.add(r.pick(pool), ops.sum(r.pick(pool), { axis: -1, keepdim: true })),
];

for (const [rows, columns] of [
  [1, 1],
  [3, 7],
  [5, 205],
  [33, 31],
  [64, 1024],
  [3, 40_001],
] as const)
  test(`random programs over ${rows}x${columns}`, () => {
    for (let round = 0; round < (fullLevel ? 60 : 4); round++) {
      const seed = random.integer(0, 2 ** 30);
      const data = numbers(rows * columns);
      const row = numbers(columns);
      const column = numbers(rows);
      const step = (): Step => {
        const [x, b, c] = [data.clone(), row.clone(), column.clone()];
        const state = ops.reshape(data, [rows, columns]).clone();
        return () =>
          noGrad(() => {
            const r = new Random(seed);
            const m = ops.reshape(x, [rows, columns]);
            const pool: Tensor[] = [
              m,
              ops.mul(m, ops.unsqueeze(c, 1)),
              ops.add(m, b),
              ops.transpose(ops.reshape(x, [columns, rows])),
            ];
            for (let i = r.integer(3, 20); i > 0; i--) {
              const next = ops.add(r.pick(draws)(pool, r), 0.25);
              if (pool.length > 4 && r.next() < 0.5)
                (pool.splice(r.integer(0, pool.length - 1), 1)[0] as Tensor).dispose();
              pool.push(next);
            }
            ops.copy_(state, ops.add(ops.mul(state, 0.5), pool.at(-1) as Tensor));
            return [r.pick(pool).clone(), pool.at(-1) as Tensor, state.clone()];
          });
      };
      for (const threads of [1, 3]) {
        setThreads(threads);
        chained(step);
      }
      setThreads(2);
      for (const t of [data, row, column]) t.dispose();
    }
  });

test('what a gradient needs later is written', () => {
  const [data, dy] = [numbers(70_001), numbers(70_001)];
  chained(() => {
    const x = data.clone();
    x.requiresGrad = true;
    return () => {
      const inner = ops.mul(ops.add(x, ops.mul(ops.mul(ops.mul(x, x), x), 0.044715)), 0.79788456);
      const y = ops.mul(ops.mul(x, 0.5), ops.add(ops.tanh(inner), 1));
      const [dx] = grad(y, [x], { gradOutputs: dy });
      return [y.detach(), dx as Tensor];
    };
  });
});

test('halves of one tensor, overlapping reads and mixed dtypes keep their order', () => {
  const data = numbers(4096);
  chained(() => {
    const x = data.clone();
    return () =>
      noGrad(() => {
        const [left, right] = [ops.narrow(x, 0, 0, 2048), ops.narrow(x, 0, 2048, 2048)];
        ops.mul_(left, 0.5);
        ops.add_(right, left);
        ops.add_(left, ops.narrow(x, 0, 1024, 2048).clone());
        const flipped = ops.add(left, ops.flip(right, 0));
        const low = ops.cast(ops.relu(flipped), 'bfloat16');
        const mask = ops.gt(low, 0.5);
        return [flipped, ops.cast(mask, 'uint8'), ops.mul(low, 3), x.clone()];
      });
  });
});

test('a failed input fails what a chain makes, and nothing else', async () => {
  const table = tensor([1, 2, 3]);
  const total = tensor([0, 0]);
  const step = capture((at: Tensor) =>
    noGrad(() => {
      const y = ops.relu(ops.add(ops.mul(ops.index(table, at), 2), 1));
      ops.add_(total, ops.sub(ops.add(y, 1), 1));
      return y;
    }),
  );
  const seen: (number[] | string)[] = [];
  for (const at of [
    [0, 1],
    [1, 2],
    [2, 2],
    [0, 9],
    [1, 1],
  ]) {
    const place = tensor(at, { dtype: 'int32' });
    const result = step(place);
    seen.push(
      await result.data().then(
        (v) => Array.from(v as Float32Array),
        (error: { code: string }) => error.code,
      ),
    );
  }
  await device('cpu')
    .synchronize()
    .catch(() => undefined);
  assert.deepEqual(seen, [[3, 5], [5, 7], [7, 7], 'ERR_INDEX', [5, 5]]);
  assert.deepEqual(Array.from((await total.data()) as Float32Array), [20, 24]);
});

test.run();
