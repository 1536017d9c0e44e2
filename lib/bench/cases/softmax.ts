import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

const forward = { softmax: wg.softmax, logSoftmax: wg.logSoftmax } as const;

const softmaxes = family(
  'softmax',
  [
    { name: 'softmax 256x1024', op: 'softmax', rows: 256, columns: 1024, backward: false },
    { name: 'softmax 65536x1024', op: 'softmax', rows: 65536, columns: 1024, backward: false },
    { name: 'softmax, attention of GPT 4096x128', op: 'softmax', rows: 4096, columns: 128, backward: false },
    { name: 'softmax, vocabulary 128x50304', op: 'softmax', rows: 128, columns: 50304, backward: false },
    { name: 'logSoftmax 256x1024', op: 'logSoftmax', rows: 256, columns: 1024, backward: false },
    { name: 'softmax forward and backward 256x1024', op: 'softmax', rows: 256, columns: 1024, backward: true },
  ] as const,
  ({ op, rows, columns, backward }) => {
    const x = randn([rows, columns], { requiresGrad: backward });
    const y = (): wg.Tensor => forward[op](x, { axis: -1 });
    if (!backward) return { bytes: 8 * rows * columns, run: y };
    const dy = randn([rows, columns]);
    return { bytes: 20 * rows * columns, run: () => wg.grad(y(), x, { gradOutputs: dy }) };
  },
  { sizes: ['rows', 'columns'] },
);

const losses = family(
  'softmax',
  [
    { name: 'crossEntropy forward and backward 4096x1024', op: 'crossEntropy', rows: 4096, columns: 1024 },
    { name: 'crossEntropy forward and backward 128x10', op: 'crossEntropy', rows: 128, columns: 10 },
    { name: 'crossEntropy forward and backward 256x50304', op: 'crossEntropy', rows: 256, columns: 50304 },
  ],
  ({ rows, columns }) => {
    const x = randn([rows, columns], { requiresGrad: true });
    const labels = wg.randint([rows], { high: columns });
    return { bytes: 12 * rows * columns, run: () => wg.grad(wg.crossEntropy(x, labels), x) };
  },
  { sizes: ['rows', 'columns'] },
);

export const cases: readonly Case[] = [...softmaxes, ...losses];
