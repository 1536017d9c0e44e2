import type { Tensor } from '../../index.ts';
import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

const cached = 2 ** 18; // 1 MiB an operand
const large = 2 ** 26; // 256 MiB

const { grad } = wg;
const unary = {
  relu: wg.relu,
  exp: wg.exp,
  log: wg.log,
  tanh: wg.tanh,
  sigmoid: wg.sigmoid,
  erf: wg.erf,
  gelu: wg.gelu,
  silu: wg.silu,
} as const;
type Op = keyof typeof unary;
const ops = Object.keys(unary) as Op[];

const maps = family(
  'elementwise',
  [
    ...ops.map((op) => ({ name: `${op} 1 MiB`, op, n: cached })),
    ...(['relu', 'exp', 'tanh', 'gelu'] as const).map((op) => ({ name: `${op} 256 MiB`, op, n: large })),
  ],
  ({ op, n }) => {
    const x = op === 'log' ? wg.exp(randn([n])) : randn([n]);
    return { bytes: 8 * n, run: () => unary[op](x) };
  },
  { sizes: ['n'] },
);

const additions = family(
  'elementwise',
  [
    { name: 'add 1 MiB', op: 'add', n: cached },
    { name: 'add 256 MiB', op: 'add', n: large },
  ],
  ({ n }) => {
    const [x, y] = [randn([n]), randn([n])];
    return { bytes: 12 * n, run: () => wg.add(x, y) };
  },
  { sizes: ['n'] },
);

const biases = family(
  'elementwise',
  [{ name: 'bias 1024x1024', op: 'bias', rows: 1024, columns: 1024 }],
  ({ rows, columns }) => {
    const [x, b] = [randn([rows, columns]), randn([columns])];
    return { bytes: 8 * rows * columns, run: () => wg.add(x, b) };
  },
  { sizes: ['rows', 'columns'] },
);

const gradients = family(
  'elementwise',
  (['relu', 'tanh', 'sigmoid', 'gelu'] as const).map((op) => ({
    name: `${op} forward and backward 1 MiB`,
    op,
    n: cached,
    backward: true,
  })),
  ({ op, n }) => {
    const [x, dy] = [randn([n], { requiresGrad: true }), randn([n])];
    return { bytes: 20 * n, run: () => grad(unary[op](x), x, { gradOutputs: dy }) };
  },
  { sizes: ['n'] },
);

/** Eight ops on operands that stay where they are; bytes are those of two inputs and one output. */
const chains = family(
  'elementwise',
  [false, true].map((captured) => ({
    name: `chain of 8 of 1e6${captured ? ', captured' : ''}`,
    op: 'chain',
    n: 1e6,
    captured,
  })),
  ({ n, captured }) => {
    const [x, y] = [randn([n]), randn([n])];
    const chain = (): Tensor => {
      const t = wg.relu(x.mul(2).add(y).sub(0.5));
      return wg.maximum(t.mul(y).add(x), t).mul(0.25);
    };
    return { bytes: 12 * n, run: captured ? wg.capture(chain) : chain };
  },
);

export const cases: readonly Case[] = [...additions, ...biases, ...maps, ...chains, ...gradients];
