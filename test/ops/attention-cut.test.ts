// Attention at the sizes where kernels cut it: blocks and strips of queries and keys and their ends, columns that fill a tile,
// or that come in parts, windows that skip whole blocks. Values and gradients are held to whole matrices, other devices' to
// the CPU's.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { Generator, grad, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { AttentionOptions } from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { attentionWeights, spreadHeads } from '../../lib/ops/attention-weights.ts';
import { elements } from '../support/tensors.ts';

interface Case {
  readonly name: string;
  /** Batch, heads, key heads, queries, keys, columns of q and k, of v. */
  readonly sizes: readonly [b: number, h: number, g: number, s: number, t: number, d: number, dv: number];
  readonly options?: AttentionOptions;
  /** A mask of this shape: bool, or added; every seventh element takes no part. */
  readonly mask?: { readonly shape: readonly number[]; readonly bool: boolean };
  readonly alibi?: boolean;
  /** q, k and v lie in memory as [B, rows, H, columns], with one column more, or with rows and columns exchanged. */
  readonly layout?: 'byRows' | 'wider' | 'turned';
  /** Whether its gradient is asked for, too. */
  readonly lse?: 'unused';
}

const cases: Case[] = [
  { name: 'one query', sizes: [2, 3, 3, 1, 77, 24, 24] },
  { name: 'more queries than a block', sizes: [1, 1, 1, 131, 35, 20, 12] },
  { name: 'sizes that fill blocks and tiles', sizes: [1, 1, 1, 128, 64, 64, 64] },
  { name: 'causal', sizes: [1, 2, 2, 140, 140, 8, 8], options: { isCausal: true } },
  { name: 'causal, more keys', sizes: [1, 1, 1, 50, 130, 8, 8], options: { isCausal: true } },
  { name: 'a window past whole blocks', sizes: [1, 1, 1, 200, 230, 5, 7], options: { window: [20, 9] } },
  { name: 'a window of no key for some', sizes: [1, 1, 1, 150, 40, 5, 7], options: { window: [3, 2] } },
  { name: 'more than 64 columns', sizes: [1, 2, 1, 40, 70, 65, 90], options: { enableGqa: true } },
  { name: '128 columns', sizes: [1, 1, 1, 33, 33, 128, 128], options: { isCausal: true } },
  { name: 'columns in parts', sizes: [1, 1, 1, 35, 66, 150, 20] },
  { name: 'values in parts', sizes: [1, 1, 1, 35, 66, 20, 150] },
  { name: 'both in parts', sizes: [1, 1, 1, 20, 40, 260, 140], layout: 'wider' },
  {
    name: 'grouped heads, a bool mask for each row',
    sizes: [2, 4, 2, 36, 45, 16, 16],
    options: { enableGqa: true },
    mask: { shape: [2, 1, 36, 45], bool: true },
  },
  {
    name: 'an added mask and slopes',
    sizes: [1, 2, 2, 36, 45, 16, 16],
    mask: { shape: [36, 45], bool: false },
    alibi: true,
  },
  { name: 'a mask of keys', sizes: [1, 2, 2, 36, 45, 16, 16], mask: { shape: [45], bool: true } },
  { name: 'dropped weights', sizes: [1, 2, 1, 37, 67, 16, 16], options: { enableGqa: true, dropout: 0.3 } },
  {
    name: 'dropped weights, keys in fours',
    sizes: [1, 1, 1, 37, 68, 16, 16],
    options: { dropout: 0.3, isCausal: true },
  },
  { name: 'heads inside rows', sizes: [2, 2, 2, 40, 40, 16, 16], layout: 'byRows' },
  { name: 'columns across memory', sizes: [1, 2, 2, 40, 40, 12, 12], layout: 'turned' },
  { name: 'no columns in q and k', sizes: [1, 1, 1, 5, 6, 0, 3] },
  { name: 'no columns in v', sizes: [1, 1, 1, 5, 6, 3, 0] },
  { name: 'no keys', sizes: [1, 1, 1, 5, 0, 3, 3] },
  { name: 'no queries', sizes: [1, 1, 1, 0, 5, 3, 3] },
];

// Values without a pattern that sums could share.
const wave =
  (seed: number) =>
  (_: unknown, i: number): number =>
    (((i + seed) * 7919) % 257) / 128 - 1;
const filled = (shape: readonly number[], seed: number, dtype: DType, device: string): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, (_, i) => wave(seed)(0, i)),
    { shape: [...shape], dtype, device },
  );
};

function operand(
  c: Case,
  heads: number,
  rows: number,
  columns: number,
  seed: number,
  dtype: DType,
  device: string,
): Tensor {
  const batch = c.sizes[0];
  if (c.layout === 'byRows') return filled([batch, rows, heads, columns], seed, dtype, device).transpose(1, 2);
  if (c.layout === 'turned') return filled([batch, heads, columns, rows], seed, dtype, device).transpose(2, 3);
  if (c.layout === 'wider')
    return ops.narrow(filled([batch, heads, rows, columns + 1], seed, dtype, device), -1, 1, columns);
  return filled([batch, heads, rows, columns], seed, dtype, device);
}

function maskOf(c: Case, dtype: DType, device: string): Tensor | null {
  if (c.mask === undefined) return null;
  const { shape, bool } = c.mask;
  const size = shape.reduce((a, b) => a * b, 1);
  const numbers = Float64Array.from({ length: size }, (_, i) => {
    const taken = i % 7 !== 3;
    if (bool) return taken ? 1 : 0;
    return taken ? wave(9)(0, i) : -Infinity;
  });
  return tensor(numbers, { shape: [...shape], dtype: bool ? 'bool' : dtype, device });
}

/** The result, the log-sum-exp and the gradients of q, k and v. */
function results(c: Case, dtype: DType, device: string): Float64Array[] {
  const [b, h, g, s, t, d, dv] = c.sizes;
  return scope(() => {
    const inputs = [
      operand(c, h, s, d, 1, dtype, device),
      operand(c, g, t, d, 5, dtype, device),
      operand(c, g, t, dv, 3, dtype, device),
    ];
    for (const x of inputs) x.requiresGrad = true;
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
    const alibi = c.alibi ? filled([h], 2, dtype, device) : null;
    const mask = maskOf(c, dtype, device);
    const dropped = c.options?.dropout ? { generator: new Generator(7, device) } : {};
    const [y, lse] = ops.scaledDotProductAttention(q, k, v, { ...c.options, ...dropped, mask, alibi, returnLse: true });
    const total = ops.sum(ops.mul(y, filled([b, h, s, dv], 4, dtype, device)));
    // Rows that see nothing have a log-sum-exp of minus infinity.
    const finite = ops.where(ops.isfinite(lse), lse, 0);
    const loss = c.lse === 'unused' ? total : ops.add(total, ops.sum(finite));
    return [y, lse, ...grad(loss, [q, k, v])].map(elements);
  });
}

/** What an element may be off by: of one, or for those of 16 bits, whose weights are rounded too, of the largest. */
const tolerance = { float32: 2e-5, float64: 1e-12, float16: 4e-3, bfloat16: 2e-2 } as const;

/** Blocks and strips as the CPU cuts them. */
const blocks: Case[] = [
  { name: 'causal blocks', sizes: [1, 1, 1, 290, 290, 16, 20], options: { isCausal: true } },
  {
    name: 'causal blocks of many heads',
    sizes: [2, 4, 4, 150, 150, 12, 12],
    options: { isCausal: true },
    layout: 'byRows',
  },
  { name: 'a window within blocks', sizes: [3, 3, 3, 300, 280, 7, 9], options: { window: [37, 20] } },
  { name: 'a window behind every query', sizes: [1, 8, 8, 60, 290, 8, 8], options: { window: [0, -1] } },
  { name: 'columns without room to turn them', sizes: [1, 1, 1, 150, 140, 470, 470], options: { isCausal: true } },
  {
    name: 'causal blocks under a mask',
    sizes: [1, 8, 2, 145, 131, 8, 8],
    options: { isCausal: true, enableGqa: true },
    mask: { shape: [145, 131], bool: true },
    alibi: true,
  },
];

/** The result and the gradients of q, k and v, from whole matrices in float64. */
function whole(c: Case): Float64Array[] {
  const [b, h, g, s, t, d, dv] = c.sizes;
  return scope(() => {
    const [q, k, v] = [
      operand(c, h, s, d, 1, 'float64', 'cpu'),
      operand(c, g, t, d, 5, 'float64', 'cpu'),
      operand(c, g, t, dv, 3, 'float64', 'cpu'),
    ] as const;
    for (const x of [q, k, v]) x.requiresGrad = true;
    const [left, right] = c.options?.window ?? [-1, -1];
    const params = { scale: 1 / Math.sqrt(Math.max(d, 1)), dropout: 0, left, right: c.options?.isCausal ? 0 : right };
    const alibi = c.alibi ? filled([h], 2, 'float64', 'cpu') : null;
    const weights = attentionWeights(q, spreadHeads(k, h), maskOf(c, 'float64', 'cpu'), alibi, params);
    const y = ops.matmul(weights, spreadHeads(v, h));
    const total = ops.sum(ops.mul(y, filled([b, h, s, dv], 4, 'float64', 'cpu')));
    return [y, ...grad(total, [q, k, v])].map(elements);
  });
}

for (const c of [...cases, ...blocks].filter((each) => !each.options?.dropout)) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`attention of ${c.name} beside whole matrices, ${dtype}`, () => {
      const [y, , ...gradients] = results({ ...c, lse: 'unused' }, dtype, 'cpu') as [Float64Array, ...Float64Array[]];
      const wanted = whole(c);
      [y, ...gradients].forEach((values, which) => {
        const others = wanted[which] as Float64Array;
        const size = others.reduce((a, x) => Math.max(a, Math.abs(x)), 1);
        values.forEach((value, i) => {
          const other = others[i] as number;
          const what = `${['y', 'dq', 'dk', 'dv'][which]}[${i}] is ${value}, not ${other}`;
          assert.ok(Math.abs(value - other) <= tolerance[dtype] * size, what);
        });
      });
    });
  }
}

for (const device of testDevices.filter((name) => name !== 'cpu')) {
  for (const c of cases) {
    for (const dtype of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
      test(`attention of ${c.name} on ${device}, ${dtype}`, () => {
        const wanted = results(c, dtype, 'cpu');
        results(c, dtype, device).forEach((values, which) => {
          const others = wanted[which] as Float64Array;
          const size = dtype.endsWith('16')
            ? others.reduce((a, b) => Math.max(a, Number.isFinite(b) ? Math.abs(b) : 0), 0)
            : 1;
          values.forEach((value, i) => {
            const other = others[i] as number;
            const close = Object.is(value, other) || Math.abs(value - other) <= tolerance[dtype] * size;
            assert.ok(close, `${['y', 'lse', 'dq', 'dk', 'dv'][which]}[${i}] is ${value}, not ${other}`);
          });
        });
      });
    }
  }
}

test.run();
