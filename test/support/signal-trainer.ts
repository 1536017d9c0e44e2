// Trains until a signal stops it. argv: folder, 'slow' to make every batch last half a second.
import { data } from '../../lib/index.ts';
import { makeRun } from './training.ts';

const [, , folder = '', pace = ''] = process.argv;

async function main(): Promise<void> {
  const { trainer, loader } = makeRun({
    checkpoint: { folder },
    onStep: ({ step }) => void process.stdout.write(`${step}\n`),
  });
  const paced = data.transform(loader.dataset, async (batch) => {
    if (pace === 'slow') await new Promise((resolve) => setTimeout(resolve, 500));
    return batch;
  });
  const endless = new data.DataLoader(paced, { batchSize: 16, shuffle: true, prefetch: 0 });
  const { stopped, steps } = await trainer.fit(endless, { epochs: 1_000_000, stopSignals: 'save' });
  process.stdout.write(`stopped by ${stopped} after ${steps}\n`);
}

void main();
