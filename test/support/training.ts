// A small classification run that tests of the Trainer share: everything a step may contain, in a second.
import { createHash } from 'node:crypto';
import { data, manualSeed, nn, optim, train } from '../../lib/index.ts';
import { elements } from './tensors.ts';

export interface Run {
  readonly model: nn.Sequential;
  readonly optimizer: optim.AdamW;
  readonly loader: data.DataLoader;
  readonly validation: data.DataLoader;
  readonly trainer: train.Trainer;
}

export const batches = 6; // the last one is smaller
export const epochs = 3;

/** Three noisy groups of 6 × 6 images. */
function images(count: number, seed: number): data.ArrayDataset {
  const random = new data.Random(seed);
  const labels = Int32Array.from({ length: count }, () => random.int(3));
  const pixels = Float32Array.from({ length: count * 36 }, (_, i) => {
    const label = labels[Math.floor(i / 36)] ?? 0;
    return random.uniform(-1, 1) + (i % 3 === label ? 0.8 : 0);
  });
  return new data.ArrayDataset([
    { data: pixels, shape: [count, 1, 6, 6] },
    { data: labels, shape: [count] },
  ]);
}

/** A fresh run from seed 1: convolution, batch norm, dropout, clipping, a schedule, augmentation. */
export function makeRun(options: Partial<train.TrainerOptions> = {}, device = 'cpu'): Run {
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { device }),
    new nn.BatchNorm2d(4, { device }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.2),
    new nn.Linear(16, 3, { device }),
  );
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.02 });
  const augmented = data.transform(images(16 * (batches - 1) + 5, 1), ([x, y], random) => {
    const noisy = (x.data as Float32Array).map((value) => value + random.uniform(-0.1, 0.1));
    return [{ data: noisy, shape: x.shape }, y] as const;
  });
  const trainer = new train.Trainer({
    model,
    optimizer,
    loss: new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }),
    schedule: new optim.CosineWarmup({ lr: 0.02, warmupSteps: 3, totalSteps: epochs * batches }),
    clipNorm: 1,
    metrics: { accuracy: train.accuracy },
    progress: 'none',
    ...options,
  });
  return {
    model,
    optimizer,
    trainer,
    loader: new data.DataLoader(augmented, { batchSize: 16, shuffle: true, seed: 5, device }),
    validation: new data.DataLoader(images(60, 2), { batchSize: 25, device }),
  };
}

/** A checksum of every tensor of a run's state. */
export function fingerprint({ model, optimizer }: Run): Record<string, string> {
  const tensors = [...model.stateDict(), ...optimizer.stateDict().tensors];
  return Object.fromEntries(tensors.map(([name, t]) => [name, createHash('sha1').update(elements(t)).digest('hex')]));
}
