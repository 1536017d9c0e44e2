import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

export const cases: readonly Case[] = family(
  'pool',
  (
    [
      ['max', '2x2 32x64x56x56', 2, 2, 0, 32, 64, 56],
      ['max', '2x2 of LeNet 64x32x28x28', 2, 2, 0, 64, 32, 28],
      ['max', '3x3 stride 2 of ResNet 8x64x112x112', 3, 2, 1, 8, 64, 112],
      ['avg', '2x2 32x64x56x56', 2, 2, 0, 32, 64, 56],
    ] as const
  ).flatMap(([op, size, kernel, stride, padding, batch, channels, side]) =>
    [false, true].map((backward) => ({
      name: `${op}Pool ${backward ? 'forward and backward' : 'forward'} ${size}`,
      ...{ op, kernel, stride, padding, batch, channels, side, backward },
    })),
  ),
  ({ op, kernel, stride, padding, batch, channels, side, backward }) => {
    const x = randn([batch, channels, side, side], { requiresGrad: backward });
    const pool = op === 'max' ? wg.maxPool2d : wg.avgPool2d;
    const forward = (): wg.Tensor => pool(x, kernel, { stride, padding });
    const y = wg.scope(() => forward().detach());
    if (!backward) return { bytes: 4 * (x.size + y.size), run: forward };
    const dy = randn(y.shape);
    return { bytes: 8 * (x.size + y.size), run: () => wg.grad(forward(), x, { gradOutputs: dy }) };
  },
  { sizes: ['batch', 'channels', 'side'] },
);
