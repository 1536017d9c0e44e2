// Trains a small convolutional network on handwritten digits.
//   npm start -- [--seed N] [--epochs N] [--quick] [--data DIR] [--device NAME] [--resume]
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { data, manualSeed, nn, noGrad, optim, scope, train } from 'warpgrad';
import { distort, normalize } from './augment.ts';
import { type Mistake, picture } from './picture.ts';

const runs = 'runs';
const batchSize = 64;
const peakRate = 3e-3;

/** LeNet with ReLU and dropout: 28 × 28 pixels to 10 classes. */
function lenet(): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(1, 12, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(12, 24, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout(0.25),
    new nn.Linear(600, 128),
    new nn.ReLU(),
    new nn.Dropout(0.25),
    new nn.Linear(128, 10),
  );
}

/** Every test digit the model gets wrong, and the share it gets right. */
async function testModel(
  model: nn.Sequential,
  digits: data.Digits,
  device: string,
): Promise<{ accuracy: number; mistakes: Mistake[] }> {
  const [images, labels] = digits.fields;
  const loader = new data.DataLoader(data.transform(digits, normalize), { batchSize: 250, device });
  const mistakes: Mistake[] = [];
  let at = 0;
  model.eval();
  for await (const [x, y] of loader) {
    const answers = noGrad(() => scope(() => model.forward(x).argmax(1)));
    for (const answer of await answers.data()) {
      const label = labels.data[at] ?? -1;
      const pixels = images.data.subarray(at * 784, (at + 1) * 784);
      if (Number(answer) !== label) mistakes.push({ pixels, label, answer: Number(answer) });
      at++;
    }
    for (const t of [answers, x, y]) t.dispose();
  }
  return { accuracy: 1 - mistakes.length / digits.length, mistakes };
}

/** Means over stretches of `every` steps: a curve without the noise of single batches. */
function smooth(losses: readonly (readonly [number, number])[], every: number): [number, number][] {
  const points: [number, number][] = [];
  for (let i = 0; i + every <= losses.length; i += every) {
    const part = losses.slice(i, i + every);
    points.push([part[part.length - 1]?.[0] ?? 0, part.reduce((sum, [, loss]) => sum + loss, 0) / every]);
  }
  return points;
}

/** Runs the example and returns the test accuracy; null when it was stopped. */
export async function main(args: readonly string[]): Promise<number | null> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      epochs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      data: { type: 'string' },
      device: { type: 'string', default: 'cpu' },
      resume: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  const usualEpochs = values.data === undefined ? 12 : 4;
  const epochs = Number(values.epochs ?? (values.quick ? 2 : usualEpochs));

  const digits = values.data === undefined ? await data.mnistDigits() : await data.loadMnist(values.data);
  console.log(
    `${digits.train.length} digits to train, ${digits.validation.length} to validate, ${digits.test.length} to test`,
  );
  const { device } = values;
  const loader = new data.DataLoader(data.transform(digits.train, distort), {
    batchSize,
    shuffle: true,
    dropLast: true,
    seed,
    device,
  });
  const validation = new data.DataLoader(data.transform(digits.validation, normalize), { batchSize: 250, device });

  manualSeed(seed);
  const model = lenet().to(device);
  console.log(String(model));
  const losses: [number, number][] = [];
  const trainer = new train.Trainer({
    model,
    loss: new nn.CrossEntropyLoss({ labelSmoothing: 0.05 }),
    optimizer: new optim.AdamW(model.parameters(), { lr: peakRate }),
    schedule: new optim.CosineWarmup({ lr: peakRate, warmupSteps: loader.length, totalSteps: epochs * loader.length }),
    metrics: { accuracy: train.accuracy },
    checkpoint: { folder: join(runs, 'mnist-checkpoints') },
    unit: 'images',
    onStep: ({ step, loss }) => losses.push([step, loss]),
  });
  const result = await trainer.fit(loader, {
    epochs,
    validation,
    stopSignals: 'save',
    resume: values.resume ? 'newest' : 'never',
  });
  if (result.stopped !== null) {
    console.log(`stopped by ${result.stopped} and saved; --resume continues`);
    return null;
  }

  const seconds = result.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const speed = Math.round((result.steps * batchSize) / seconds).toLocaleString('en-US');
  console.log(`trained in ${seconds.toFixed(1)} s: ${speed} images/s`);
  const { accuracy, mistakes } = await testModel(model, digits.test, device);
  const text = picture(
    `warpgrad: handwritten digits, test accuracy ${accuracy.toFixed(4)}`,
    [
      { name: 'training loss', color: '#1f77b4', points: smooth(losses, 20) },
      {
        name: 'validation loss',
        color: '#d62728',
        points: result.epochs.flatMap(({ steps, validation: score }) =>
          score === null ? [] : [[steps, score.loss] as const],
        ),
      },
    ],
    mistakes,
  );
  await mkdir(runs, { recursive: true });
  const file = join(runs, 'mnist.svg');
  await writeFile(file, text);
  console.log(`loss curve and ${mistakes.length} misclassified digits: ${file}`);
  console.log(`test accuracy ${accuracy.toFixed(4)}`);
  return accuracy;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) void main(process.argv.slice(2));
