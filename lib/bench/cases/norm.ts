import * as wg from '../../index.ts';
import { type Case, family } from '../family.ts';
import { randn } from '../inputs.ts';

const { grad, nn } = wg;

const rows = family(
  'norm',
  (
    [
      ['layerNorm', 'GPT-2 1024x768', 1024, 768],
      ['layerNorm', '256x1024', 256, 1024],
      ['layerNorm', '65536x1024', 65536, 1024],
      ['rmsNorm', '256x1024', 256, 1024],
    ] as const
  ).flatMap(([op, size, r, c]) =>
    [false, true].map((backward) => ({
      name: `${op} ${backward ? 'forward and backward' : 'forward'} ${size}`,
      op,
      rows: r,
      columns: c,
      backward,
    })),
  ),
  ({ op, rows: r, columns: c, backward }) => {
    const [x, weight, bias] = [randn([r, c]), randn([c]), randn([c])];
    const forward = (): wg.Tensor =>
      op === 'layerNorm' ? wg.layerNorm(x, c, { weight, bias }) : wg.rmsNorm(x, c, { weight });
    if (!backward) return { bytes: 8 * r * c, run: forward };
    const dy = randn([r, c]);
    const to = op === 'layerNorm' ? [x, weight, bias] : [x, weight];
    for (const t of to) t.requiresGrad = true;
    return { bytes: 20 * r * c, run: () => grad(forward(), to, { gradOutputs: dy }) };
  },
  { sizes: ['rows', 'columns'] },
);

const batches = family(
  'norm',
  (
    [
      ['ResNet 32x64x56x56', 32, 64, 56],
      ['ResNet 32x512x7x7', 32, 512, 7],
      ['features 1024x512x1x1', 1024, 512, 1],
    ] as const
  ).flatMap(([size, batch, channels, side]) =>
    [false, true].map((backward) => ({
      name: `batchNorm ${backward ? 'forward and backward' : 'forward'} ${size}`,
      op: 'batchNorm',
      batch,
      channels,
      side,
      backward,
    })),
  ),
  ({ batch, channels, side, backward }) => {
    const shape = [batch, channels, side, side];
    const x = randn(shape, { requiresGrad: backward });
    const norm = new nn.BatchNorm2d(channels);
    if (!backward) return { bytes: 8 * x.size, run: () => wg.noGrad(() => norm.forward(x)) };
    const dy = randn(shape);
    const to = [x, ...norm.parameters()];
    return { bytes: 20 * x.size, run: () => grad(norm.forward(x), to, { gradOutputs: dy }) };
  },
  { sizes: ['batch', 'channels', 'side'], anyDtype: false },
);

export const cases: readonly Case[] = [...rows, ...batches];
