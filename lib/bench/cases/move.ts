import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

const transposes = family(
  'move',
  [
    { name: 'transpose 512x512', op: 'transpose', rows: 512, columns: 512 },
    { name: 'transpose 1000x777', op: 'transpose', rows: 1000, columns: 777 },
    { name: 'transpose 8192x8192', op: 'transpose', rows: 8192, columns: 8192 },
  ],
  ({ rows, columns }) => {
    const x = randn([rows, columns]);
    return { bytes: 8 * x.size, run: () => wg.contiguous(wg.transpose(x)) };
  },
  { sizes: ['rows', 'columns'] },
);

const permutations = family(
  'move',
  [
    { name: 'heads apart 8x128x12x64', op: 'permute', order: '0213', a: 8, b: 128, c: 12, d: 64 },
    { name: 'NCHW to NHWC 32x64x56x56', op: 'permute', order: '0231', a: 32, b: 64, c: 56, d: 56 },
  ],
  ({ order, a, b, c, d }) => {
    const x = randn([a, b, c, d]);
    return { bytes: 8 * x.size, run: () => wg.contiguous(wg.permute(x, [...order].map(Number))) };
  },
);

const joins = family('move', [{ name: 'cat of 4 256x1024', op: 'cat', count: 4, rows: 256, columns: 1024 }], (p) => {
  const parts = Array.from({ length: p.count }, () => randn([p.rows, p.columns]));
  return { bytes: 8 * p.count * p.rows * p.columns, run: () => wg.cat(parts, 1) };
});

const lookups = family(
  'move',
  [
    { name: 'embedding 1024 of 50304x768', op: 'embedding', ids: 1024, rows: 50304, width: 768, backward: false },
    {
      name: 'embedding forward and backward 1024 of 4096x128',
      ...{ op: 'embedding', ids: 1024, rows: 4096, width: 128, backward: true },
    },
  ],
  ({ ids, rows, width, backward }) => {
    const table = randn([rows, width], { requiresGrad: backward });
    const index = wg.randint([ids], { high: rows });
    const bytes = 8 * ids * width;
    if (!backward) return { bytes, run: () => wg.embedding(index, table) };
    const dy = randn([ids, width]);
    const run = (): unknown => wg.grad(wg.embedding(index, table), table, { gradOutputs: dy });
    return { bytes: 2 * bytes + 4 * rows * width, run };
  },
);

export const cases: readonly Case[] = [...transposes, ...permutations, ...joins, ...lookups];
