import { matmul, transpose } from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

/** Batches of products; `form` says which operands are stored transposed. */
const shape = (form: string, m: number, n: number, k: number, tag = '', batch = 1) => ({
  name: `${tag}${tag && ' '}${form} ${batch > 1 ? `${batch} of ` : ''}${m}x${n}x${k}`,
  ...{ form, batch, m, n, k },
});

export const cases: readonly Case[] = family(
  'matmul',
  [
    ...[64, 128, 256, 512, 1024, 2048].map((n) => shape('NN', n, n, n)),
    ...['NT', 'TN'].flatMap((form) => [256, 1024].map((n) => shape(form, n, n, n))),
    shape('NN', 64, 512, 784, 'MLP layer 1'),
    shape('NN', 128, 512, 784, 'MLP layer 1'),
    shape('NN', 128, 10, 256, 'MLP head'),
    shape('NN', 32, 3072, 768, 'GPT-2 up'),
    shape('NN', 1024, 384, 128, 'small GPT qkv'),
    shape('NN', 512, 512, 32),
    shape('NN', 3136, 64, 576, 'as of a convolution'),
    shape('NN', 8192, 64, 64),
    shape('TN', 64, 64, 8192, 'weight gradient'),
    shape('NN', 1, 4096, 4096, 'vector'),
    shape('NT', 1, 4096, 4096, 'vector'),
    shape('NN', 8, 4096, 4096),
    shape('NT', 8, 4096, 4096),
    shape('NT', 128, 128, 32, 'attention scores', 32),
    shape('NN', 128, 32, 128, 'attention values', 32),
  ],
  ({ form, batch, m, n, k }) => {
    const make = (letter: string | undefined, rows: number, columns: number) => {
      const lead = batch > 1 ? [batch] : [];
      return letter === 'N' ? randn([...lead, rows, columns]) : transpose(randn([...lead, columns, rows]));
    };
    const [a, b] = [make(form[0], m, k), make(form[1], k, n)];
    return { flops: 2 * batch * m * n * k, bytes: 4 * batch * (m * k + k * n + m * n), run: () => matmul(a, b) };
  },
  { sizes: ['m', 'n', 'k'] },
);
