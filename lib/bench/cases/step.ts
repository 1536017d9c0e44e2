// Whole training steps with Adam: forward, loss, backward, update. GFLOP are counted by hand: forward, weight gradients and
// input gradients but the first layer's.
import { capture, crossEntropy, optim, randint, randn, reshape } from '../../index.ts';
import type { Tensor } from '../../index.ts';
import { type Case, family } from '../family.ts';
import { gpt, lenet, lstm, mlp, type Net, resnet18, xor } from '../models.ts';

const models = [
  { name: 'mlp 784-512-256-10, batch 128', model: 'mlp', batch: 128, side: 28, classes: 10, gflop: 0.308 },
  { name: 'lenet, batch 64', model: 'lenet', batch: 64, side: 28, classes: 10, gflop: 4.63 },
  {
    name: 'gpt 4 layers of 128, 8 of 128 tokens',
    ...{ model: 'gpt', batch: 8, length: 128, width: 128, heads: 4, layers: 4, classes: 256, gflop: 5.84 },
  },
  { name: 'resnet18 32x32, batch 32', model: 'resnet18', batch: 32, side: 32, width: 64, classes: 10, gflop: 106.6 },
  { name: 'lstm 128, 32 of 64', model: 'lstm', batch: 32, length: 64, width: 128, classes: 10, gflop: 1.34 },
  { name: 'xor 2-8-2', model: 'xor', batch: 4, classes: 2, gflop: 0 },
];

interface Sizes {
  readonly model: string;
  readonly captured: boolean;
  readonly batch: number;
  readonly classes: number;
  readonly gflop: number;
  readonly side?: number;
  readonly length?: number;
  readonly width?: number;
  readonly heads?: number;
  readonly layers?: number;
}

/** The network, its input and the number of labels. */
function build(p: Sizes): [Net, Tensor, number] {
  const { side = 1, length = 1, width = 1, heads = 1, layers = 1 } = p;
  const pictures = (channels: number): Tensor => randn([p.batch, channels, side, side]);
  if (p.model === 'mlp') return [mlp(side, p.classes), randn([p.batch, side * side]), p.batch];
  if (p.model === 'lenet') return [lenet(side, p.classes), pictures(1), p.batch];
  if (p.model === 'resnet18') return [resnet18(width, p.classes), pictures(3), p.batch];
  if (p.model === 'lstm') return [lstm(width, p.classes), randn([p.batch, length, width]), p.batch];
  if (p.model === 'gpt') {
    const ids = randint([p.batch, length], { high: p.classes });
    return [gpt(p.classes, length, width, heads, layers), ids, p.batch * length];
  }
  return [xor(p.classes), randn([p.batch, 2]), p.batch];
}

export const cases: readonly Case[] = family(
  'step',
  models.flatMap(({ name, ...sizes }) =>
    [false, true].map((captured) => ({ name: `${name}${captured ? ', captured' : ''}`, ...sizes, captured })),
  ),
  (p) => {
    const [net, x, count] = build(p);
    const labels = randint([count], { high: p.classes });
    const adam = new optim.Adam(net.parameters(), { lr: 1e-3 });
    const step = (input: Tensor, target: Tensor): Tensor => {
      adam.zeroGrad();
      const loss = crossEntropy(reshape(net.forward(input), [count, p.classes]), target);
      loss.backward();
      adam.step();
      return loss.detach();
    };
    const run = p.captured ? capture(step) : step;
    return { flops: p.gflop * 1e9, run: () => run(x, labels) };
  },
  { anyDtype: false },
);
