// The networks of cases/step.ts, whose peers are in tools/peers/pytorch.py, and what bench/gpu shares with them. Widths follow
// the sizes of a case.
import * as wg from '../index.ts';
import { nn, type Tensor } from '../index.ts';

export type Net = wg.nn.Module & { forward(x: Tensor): Tensor };

export function mlp(side: number, classes: number): Net {
  return new nn.Sequential(
    new nn.Linear(side * side, 512),
    new nn.ReLU(),
    new nn.Linear(512, 256),
    new nn.ReLU(),
    new nn.Linear(256, classes),
  );
}

export function lenet(side: number, classes: number): Net {
  const left = Math.floor(Math.floor(side / 2) / 2);
  return new nn.Sequential(
    new nn.Conv2d(1, 32, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(32, 64, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(64 * left * left, 512),
    new nn.ReLU(),
    new nn.Linear(512, classes),
  );
}

/** LeNet-5 with rectifiers and the largest of windows, for images of 28 x 28. */
export const lenet5 = (): Net =>
  new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(400, 120),
    new nn.ReLU(),
    new nn.Linear(120, 84),
    new nn.ReLU(),
    new nn.Linear(84, 10),
  );

/** A block of a transformer. */
export class Block extends nn.Module {
  readonly norm1: wg.nn.LayerNorm;
  readonly norm2: wg.nn.LayerNorm;
  readonly qkv: wg.nn.Linear;
  readonly out: wg.nn.Linear;
  readonly up: wg.nn.Linear;
  readonly down: wg.nn.Linear;
  readonly heads: number;
  readonly approximate: 'none' | 'tanh';

  constructor(width: number, heads: number, approximate: 'none' | 'tanh' = 'none') {
    super();
    this.heads = heads;
    this.approximate = approximate;
    this.norm1 = new nn.LayerNorm(width);
    this.norm2 = new nn.LayerNorm(width);
    this.qkv = new nn.Linear(width, 3 * width);
    this.out = new nn.Linear(width, width);
    this.up = new nn.Linear(width, 4 * width);
    this.down = new nn.Linear(4 * width, width);
  }

  forward(x: Tensor): Tensor {
    const [b, t, d] = x.shape as readonly [number, number, number];
    const parts = wg.split(this.qkv.forward(this.norm1.forward(x)), d, -1);
    const [q, k, v] = parts.map((part) => wg.permute(part.reshape([b, t, this.heads, -1]), [0, 2, 1, 3]));
    const a = wg.scaledDotProductAttention(q as Tensor, k as Tensor, v as Tensor, { isCausal: true });
    const y = x.add(this.out.forward(wg.permute(a, [0, 2, 1, 3]).reshape([b, t, d])));
    const inner = wg.gelu(this.up.forward(this.norm2.forward(y)), { approximate: this.approximate });
    return y.add(this.down.forward(inner));
  }
}

class Gpt extends nn.Module {
  readonly tokens: wg.nn.Embedding;
  readonly places: wg.nn.Embedding;
  readonly blocks: readonly Block[];
  readonly norm: wg.nn.LayerNorm;
  readonly head: wg.nn.Linear;
  readonly #positions: Tensor;

  constructor(vocabulary: number, length: number, width: number, heads: number, layers: number) {
    super();
    this.tokens = new nn.Embedding(vocabulary, width);
    this.places = new nn.Embedding(length, width);
    this.blocks = Array.from({ length: layers }, () => new Block(width, heads));
    this.norm = new nn.LayerNorm(width);
    this.head = new nn.Linear(width, vocabulary, { bias: false });
    this.#positions = wg.arange(length, { dtype: 'int32' });
  }

  forward(ids: Tensor): Tensor {
    let x = this.tokens.forward(ids).add(this.places.forward(this.#positions));
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}
export const gpt = (vocabulary: number, length: number, width: number, heads: number, layers: number): Net =>
  new Gpt(vocabulary, length, width, heads, layers);

/** With sums and rectifiers in place, as torchvision writes it. */
class Residual extends nn.Module {
  readonly main: Net;
  readonly side: Net | null;

  constructor(from: number, to: number, stride: number) {
    super();
    this.main = new nn.Sequential(
      new nn.Conv2d(from, to, 3, { stride, padding: 1, bias: false }),
      new nn.BatchNorm2d(to),
      new nn.ReLU({ inplace: true }),
      new nn.Conv2d(to, to, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(to),
    );
    this.side =
      stride > 1 || from !== to
        ? new nn.Sequential(new nn.Conv2d(from, to, 1, { stride, bias: false }), new nn.BatchNorm2d(to))
        : null;
  }

  forward(x: Tensor): Tensor {
    return this.main
      .forward(x)
      .add_(this.side === null ? x : this.side.forward(x))
      .relu_();
  }
}

export function resnet18(width: number, classes: number): Net {
  const layers: Net[] = [
    new nn.Conv2d(3, width, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(width),
    new nn.ReLU({ inplace: true }),
  ];
  let from = width;
  for (const [times, stride] of [
    [1, 1],
    [2, 2],
    [4, 2],
    [8, 2],
  ] as const) {
    layers.push(new Residual(from, width * times, stride), new Residual(width * times, width * times, 1));
    from = width * times;
  }
  return new nn.Sequential(...layers, new nn.AdaptiveAvgPool2d(1), new nn.Flatten(), new nn.Linear(from, classes));
}

class LastOfLstm extends nn.Module {
  readonly recurrent: wg.nn.LSTM;
  readonly out: wg.nn.Linear;

  constructor(width: number, classes: number) {
    super();
    this.recurrent = new nn.LSTM(width, width, { batchFirst: true });
    this.out = new nn.Linear(width, classes);
  }

  forward(x: Tensor): Tensor {
    return this.out.forward(wg.select(this.recurrent.forward(x)[0], 1, -1));
  }
}
export const lstm = (width: number, classes: number): Net => new LastOfLstm(width, classes);

/** As small as a network gets: what a step costs besides arithmetic. */
export const xor = (classes: number): Net =>
  new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, classes));
