// The network of the demo, on every other device against the CPU: its losses are the same but for rounding, eager and
// captured; captured they are the same bits as eager.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { capture, crossEntropy, manualSeed, nn, optim, scope, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { Random } from '../support/random.ts';

const steps = 20;
const batch = 16;

const lenet = (device: string): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, 12, 5, { padding: 2, device }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(12, 24, 5, { device }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.25),
    new nn.Linear(600, 128, { device }),
    new nn.ReLU(),
    new nn.Dropout(0.25),
    new nn.Linear(128, 10, { device }),
  );

/** The losses of 20 steps on noisy strokes: the place of the stroke is the class. */
function losses(device: string, captured: boolean): number[] {
  manualSeed(1);
  const random = new Random(2);
  const model = lenet(device);
  const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3 });
  const body = (x: Tensor, labels: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(x) as Tensor, labels);
    loss.backward();
    optimizer.step();
    return loss;
  };
  const step = captured ? capture(body, { modules: [model] }) : null;
  const values = Array.from({ length: steps }, () => {
    const labels = Int32Array.from({ length: batch }, () => random.integer(0, 9));
    const pixels = Float32Array.from({ length: batch * 784 }, (_, i) => {
      const stroke = Math.abs(Math.floor((i % 784) / 28) - 3 - 2 * (labels[Math.floor(i / 784)] as number)) < 2;
      return random.between(-0.5, 0.5) + (stroke ? 1 : 0);
    });
    return scope(() =>
      (step ?? body)(tensor(pixels, { shape: [batch, 1, 28, 28], device }), tensor(labels, { device })).itemSync(),
    );
  });
  step?.dispose();
  optimizer.dispose();
  model.dispose();
  return values;
}

// float32 rounds to 6e-8; a step of Adam turns the rounding of small gradients into a share of the rate, which twenty
// steps add up.
const tolerance = 1e-3;

for (const device of testDevices.filter((name) => name !== 'cpu')) {
  test(`${steps} steps of LeNet give the losses of the CPU, eager and captured, on ${device}`, () => {
    const wanted = losses('cpu', false);
    const start = performance.now();
    const eager = losses(device, false);
    const seconds = (performance.now() - start) / 1000;
    const apart = eager.map((value, i) => Math.abs(value - (wanted[i] as number)) / Math.abs(wanted[i] as number));
    const shown = (list: number[]): string => [0, 9, 19].map((i) => list[i]?.toFixed(6)).join(', ');
    console.log(
      `# LeNet, losses of steps 1, 10 and 20: cpu ${shown(wanted)}; ${device} ${shown(eager)}; at most ${Math.max(...apart).toExponential(1)} apart; ${seconds.toFixed(1)} s for ${steps} steps of ${batch} images`,
    );
    assert.ok((wanted.at(-1) as number) < 0.7 * (wanted[0] as number), 'it learns');
    for (const [i, each] of apart.entries()) assert.ok(each <= tolerance, `step ${i + 1}: ${each}`);
    assert.deepEqual(losses(device, true), eager);
  });
}

test.run();
