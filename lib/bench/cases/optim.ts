import { optim } from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

export const cases: readonly Case[] = family(
  'optim',
  [
    { name: 'Adam, 4 of 1 Mi parameters', op: 'adam', count: 4, n: 2 ** 20, traffic: 28 },
    { name: 'Adam, 60 of 16 Ki parameters', op: 'adam', count: 60, n: 2 ** 14, traffic: 28 },
    { name: 'SGD with momentum, 4 of 1 Mi parameters', op: 'sgd', count: 4, n: 2 ** 20, traffic: 20 },
    { name: 'clipGradNorm, 4 of 1 Mi parameters', op: 'clip', count: 4, n: 2 ** 20, traffic: 4 },
  ] as const,
  ({ op, count, n, traffic }) => {
    const parameters = Array.from({ length: count }, () => randn([n], { requiresGrad: true }));
    for (const p of parameters) p.grad = randn([n]);
    const bytes = traffic * count * n;
    if (op === 'clip') return { bytes, run: () => optim.clipGradNorm(parameters, 1e9) };
    const step =
      op === 'adam' ? new optim.Adam(parameters, { lr: 1e-3 }) : new optim.SGD(parameters, { lr: 1e-3, momentum: 0.9 });
    return { bytes, run: () => step.step() };
  },
  { sizes: ['count', 'n'] },
);
