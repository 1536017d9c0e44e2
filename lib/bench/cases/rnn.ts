import { grad, nn, randn } from '../../index.ts';
import { type Case, family } from '../family.ts';

export const cases: readonly Case[] = family(
  'rnn',
  (['lstm', 'gru'] as const).flatMap((op) =>
    [false, true].map((backward) => ({
      name: `${op} ${backward ? 'forward and backward' : 'forward'} 32x64x128`,
      ...{ op, batch: 32, length: 64, width: 128, backward },
    })),
  ),
  ({ op, batch, length, width, backward }) => {
    const layer =
      op === 'lstm' ? new nn.LSTM(width, width, { batchFirst: true }) : new nn.GRU(width, width, { batchFirst: true });
    const x = randn([batch, length, width]);
    const forward = () => layer.forward(x)[0];
    const flops = 4 * (op === 'lstm' ? 4 : 3) * batch * length * width * width;
    if (!backward) return { flops, run: forward };
    const dy = randn([batch, length, width]);
    const to = [...layer.parameters()];
    return { flops: 3 * flops, run: () => grad(forward(), to, { gradOutputs: dy }) };
  },
  { sizes: ['batch', 'length', 'width'], anyDtype: false },
);
