import { conv2d, grad, scope } from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

// name, channels in and out, kernel, stride, padding, side, groups
const windows = [
  ['3x3 64-64 56x56', 64, 64, 3, 1, 1, 56, 1],
  ['1x1 256-64 56x56', 256, 64, 1, 1, 0, 56, 1],
  ['7x7 stride 2 3-64 224x224', 3, 64, 7, 2, 3, 224, 1],
  ['3x3 512-512 7x7', 512, 512, 3, 1, 1, 7, 1],
  ['depthwise 3x3 128 56x56', 128, 128, 3, 1, 1, 56, 128],
  ['LeNet 5x5 1-32 28x28', 1, 32, 5, 1, 2, 28, 1],
  ['LeNet 5x5 32-64 14x14', 32, 64, 5, 1, 2, 14, 1],
] as const;

export const cases: readonly Case[] = family(
  'conv',
  [1, 16].flatMap((batch) =>
    windows.flatMap(([name, ci, co, kernel, stride, padding, side, groups]) =>
      (['forward', 'dx', 'dw'] as const).map((pass) => ({
        name: `${pass} ${name} b${batch}`,
        ...{ pass, batch, ci, co, kernel, stride, padding, side, groups },
      })),
    ),
  ),
  ({ pass, batch, ci, co, kernel, stride, padding, side, groups }) => {
    const x = randn([batch, ci, side, side]);
    const w = randn([co, ci / groups, kernel, kernel]);
    const forward = () => conv2d(x, w, { stride, padding, groups });
    const out = Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const flops = 2 * batch * co * out * out * (ci / groups) * kernel * kernel;
    const bytes = 4 * (x.size + w.size + batch * co * out * out);
    if (pass === 'forward') return { flops, bytes, run: forward };
    const to = pass === 'dx' ? x : w;
    to.requiresGrad = true;
    const y = scope(forward);
    const dy = randn([batch, co, out, out]);
    return { flops, bytes, run: () => grad(y, to, { gradOutputs: dy, retainGraph: true }) };
  },
  { sizes: ['batch', 'ci', 'co', 'kernel', 'side'] },
);
