// Two hundred steps of training end in the same bits for 1, 2 and 3 threads: every split of work follows from shapes alone.
// Sizes are such that every family has work for several threads.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import {
  capture,
  crossEntropy,
  manualSeed,
  nn,
  optim,
  permute,
  randint,
  randn,
  scaledDotProductAttention,
  scope,
  select,
  setFloat32Precision,
  setThreads,
} from '../../lib/index.ts';
import { elements } from '../support/tensors.ts';

const steps = 200;
const batch = 16;
const classes = 10;

type Net = nn.Module & { forward(x: Tensor): Tensor };

/** Convolutions of all kinds: Winograd's, strided, 1x1, depthwise, 5x5; batch norm, pooling, dropout. */
const pictures = (): Net =>
  new nn.Sequential(
    new nn.Conv2d(3, 16, 5, { padding: 2 }),
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 16, 3, { padding: 1, groups: 16 }),
    new nn.Conv2d(16, 32, 1),
    new nn.GELU(),
    new nn.Conv2d(32, 32, 3, { padding: 1 }),
    new nn.Conv2d(32, 32, 3, { stride: 2, padding: 1 }),
    new nn.AvgPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(32 * 9, classes),
  );

class Sequences extends nn.Module {
  readonly lstm = new nn.LSTM(48, 64, { batchFirst: true });
  readonly gru = new nn.GRU(64, 64, { batchFirst: true });
  readonly out = new nn.Linear(64, classes);

  forward(x: Tensor): Tensor {
    return this.out.forward(select(this.gru.forward(this.lstm.forward(x)[0])[0], 1, -1));
  }
}

class Attention extends nn.Module {
  readonly norm = new nn.LayerNorm(64);
  readonly qkv = new nn.Linear(64, 192);
  readonly up = new nn.Linear(64, 256);
  readonly down = new nn.Linear(256, classes);

  forward(x: Tensor): Tensor {
    const [b, t] = x.shape as readonly [number, number];
    const [q, k, v] = this.qkv
      .forward(this.norm.forward(x))
      .split(64, -1)
      .map((part) => permute(part.reshape([b, t, 4, 16]), [0, 2, 1, 3])) as [Tensor, Tensor, Tensor];
    const mixed = permute(scaledDotProductAttention(q, k, v, { isCausal: true }), [0, 2, 1, 3]).reshape(x.shape);
    return this.down.forward(this.up.forward(x.add(mixed)).relu().mean(1));
  }
}

const nets: Readonly<Record<string, readonly [() => Net, readonly number[]]>> = {
  'a convolutional network': [pictures, [batch, 3, 24, 24]],
  'recurrent layers': [() => new Sequences(), [batch, 12, 48]],
  attention: [() => new Attention(), [batch, 40, 64]],
};

/** A digest of parameters and statistics after the steps, and of all losses. */
function train(make: () => Net, shape: readonly number[], threads: number): string {
  setThreads(threads);
  manualSeed(1);
  const net = make();
  const optimizer = new optim.AdamW(net.parameters(), { lr: 1e-3 });
  const step = capture(
    (x: Tensor, labels: Tensor): Tensor => {
      optimizer.zeroGrad();
      const loss = crossEntropy(net.forward(x), labels);
      loss.backward();
      optimizer.step();
      return loss.detach();
    },
    { modules: [net] },
  );
  const hash = createHash('sha256');
  for (let i = 0; i < steps; i++) {
    scope(() => hash.update(elements(step(randn(shape), randint([batch], { high: classes })))));
  }
  for (const value of net.stateDict().values()) hash.update(elements(value));
  step.dispose();
  optimizer.dispose();
  net.dispose();
  return hash.digest('hex');
}

for (const precision of ['highest', 'high'] as const) {
  for (const [name, [make, shape]] of Object.entries(nets)) {
    if (precision === 'high' && name !== 'a convolutional network') continue; // the others have one arithmetic
    test(`${name} under '${precision}': ${steps} steps give the same bits for 1, 2 and 3 threads`, () => {
      setFloat32Precision(precision);
      const one = train(make, shape, 1);
      assert.equal(train(make, shape, 2), one);
      assert.equal(train(make, shape, 3), one);
    });
  }
}

test.run();
