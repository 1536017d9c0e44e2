import { grad, scaledDotProductAttention } from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

export const cases: readonly Case[] = family(
  'attention',
  (
    [
      ['small GPT 8x4x128x32', 8, 4, 128, 32],
      ['GPT-2 1x12x1024x64', 1, 12, 1024, 64],
    ] as const
  ).flatMap(([name, batch, heads, length, depth]) =>
    [false, true].map((backward) => ({
      name: `causal ${backward ? 'forward and backward' : 'forward'} ${name}`,
      ...{ batch, heads, length, depth, backward },
    })),
  ),
  ({ batch, heads, length, depth, backward }) => {
    const make = () => randn([batch, heads, length, depth], { requiresGrad: backward });
    const [q, k, v] = [make(), make(), make()];
    const forward = () => scaledDotProductAttention(q, k, v, { isCausal: true });
    const flops = 2 * batch * heads * length * length * depth; // the half below the diagonal, of two products
    const bytes = 16 * q.size; // three read, one written
    if (!backward) return { flops, bytes, run: forward };
    const dy = randn(q.shape);
    return { flops: 3.5 * flops, bytes: 3 * bytes, run: () => grad(forward(), [q, k, v], { gradOutputs: dy }) };
  },
  { sizes: ['batch', 'heads', 'length', 'depth'] },
);
