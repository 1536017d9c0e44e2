// Whole training steps, eager and captured; models and names as in bench/peers/gpu.py.
import * as wg from '../../lib/index.ts';
import type { Tensor } from '../../lib/index.ts';
import { Block, lenet5, type Net } from '../../lib/bench/models.ts';
import type { Bench } from './harness.ts';

const { nn, optim } = wg;

class Gpt extends nn.Module {
  readonly tokens: wg.nn.Embedding;
  readonly places: wg.nn.Embedding;
  readonly blocks: readonly Block[];
  readonly norm: wg.nn.LayerNorm;

  constructor(classes: number, length: number, layers: number, width: number, heads: number) {
    super();
    this.tokens = new nn.Embedding(classes, width);
    this.places = new nn.Embedding(length, width);
    this.blocks = Array.from({ length: layers }, () => new Block(width, heads, 'tanh'));
    this.norm = new nn.LayerNorm(width);
  }

  forward(ids: Tensor): Tensor {
    const places = wg.arange(ids.shape[1] as number, { device: ids.device, dtype: 'int32' });
    let x = this.tokens.forward(ids).add(this.places.forward(places));
    for (const block of this.blocks) x = block.forward(x);
    return wg.linear(this.norm.forward(x), this.tokens.weight);
  }
}

const unit = (ci: number, co: number, k: number, stride = 1): Net =>
  new nn.Sequential(new nn.Conv2d(ci, co, k, { stride, padding: k >> 1, bias: false }), new nn.BatchNorm2d(co));

/** Of ResNet-50 with `deep`, else of ResNet-18. */
class Residual extends nn.Module {
  readonly main: Net;
  readonly side: Net | null;

  constructor(ci: number, width: number, stride: number, deep: boolean) {
    super();
    const co = deep ? 4 * width : width;
    this.main = deep
      ? new nn.Sequential(
          unit(ci, width, 1),
          new nn.ReLU(),
          unit(width, width, 3, stride),
          new nn.ReLU(),
          unit(width, co, 1),
        )
      : new nn.Sequential(unit(ci, width, 3, stride), new nn.ReLU(), unit(width, co, 3));
    this.side = stride > 1 || ci !== co ? unit(ci, co, 1, stride) : null;
  }

  forward(x: Tensor): Tensor {
    return wg.relu(this.main.forward(x).add(this.side === null ? x : this.side.forward(x)));
  }
}

function resnet(deep: boolean, width: number): Net {
  const layers: Net[] = [unit(3, width, 7, 2), new nn.ReLU(), new nn.MaxPool2d(3, { stride: 2, padding: 1 })];
  let channels = width;
  (deep ? [3, 4, 6, 3] : [2, 2, 2, 2]).forEach((count, stage) => {
    for (let i = 0; i < count; i++) {
      layers.push(new Residual(channels, width << stage, i === 0 && stage > 0 ? 2 : 1, deep));
      channels = (width << stage) * (deep ? 4 : 1);
    }
  });
  return new nn.Sequential(...layers, new nn.AdaptiveAvgPool2d(1), new nn.Flatten(), new nn.Linear(channels, 1000));
}

async function train(
  b: Bench,
  name: string,
  model: Net,
  x: Tensor,
  y: Tensor,
  samples: number,
  mixed: boolean,
): Promise<void> {
  model.to(b.on);
  const adam = new optim.AdamW(model.parameters(), { lr: 1e-4 });
  const step = (input: Tensor, labels: Tensor): Tensor => {
    adam.zeroGrad();
    const loss = wg.autocast({ dtype: 'bfloat16', enabled: mixed }, () => {
      const out = model.forward(input);
      return wg.crossEntropy(wg.reshape(out, [labels.size, -1]), wg.reshape(labels, [-1]));
    });
    loss.backward();
    adam.step();
    return loss.detach();
  };
  await b.row('step', name, () => step(x, y), { samples });
  const captured = wg.capture(step);
  await b.row('step', name, () => captured(x, y), { samples }, 'warpgrad captured');
}

export async function steps(b: Bench): Promise<void> {
  const classes = (shape: readonly number[], high: number): Tensor => wg.randint(shape, { high, device: b.on });
  const mlp = new nn.Sequential(
    new nn.Linear(784, 512),
    new nn.ReLU(),
    new nn.Linear(512, 512),
    new nn.ReLU(),
    new nn.Linear(512, 10),
  );
  await train(b, 'float32 mlp 784-512-512-10 b128', mlp, b.normal([128, 784]), classes([128], 10), 128, false);
  await train(b, 'float32 lenet5 b64', lenet5(), b.normal([64, 1, 28, 28]), classes([64], 10), 64, false);
  const [v, t, l, d, h, n] = b.quick ? [512, 64, 2, 64, 4, 2] : [50304, 1024, 12, 768, 12, 32];
  const ids = classes([n, t], v);
  await train(b, 'bf16 gpt2-124M b32 T1024', new Gpt(v, t, l, d, h), ids, wg.roll(ids, -1, 1), n * t, true);
  for (const [name, size] of [
    ['resnet50', 224],
    ['resnet18', 32],
    ['resnet18', 224],
  ] as const) {
    const [batch, side, width] = b.quick ? [2, 32, 8] : [256, size, 64];
    const x = wg.permute(b.normal([batch, side, side, 3]), [0, 3, 1, 2]);
    const net = resnet(name === 'resnet50', width);
    await train(b, `bf16 ${name} b256 ${size}px`, net, x, classes([batch], 1000), batch, true);
  }
}
