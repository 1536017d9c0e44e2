// The model that learns, in the background of the same process.
import { data, nn, optim, train } from 'warpgrad';
import { distort } from '../augment.ts';

const batchSize = 64;

/** A small convolutional network: 28 × 28 pixels to 10 classes. */
export function network(): nn.Sequential {
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
    new nn.Linear(128, 10),
  );
}

/** Trains without end while it is on; the step is captured. */
export class Learner {
  readonly model: nn.Sequential = network();
  readonly #loader: data.DataLoader<readonly [data.HostArray, data.HostArray]>;
  readonly #trainer: train.Trainer;
  #stop: AbortController | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #steps = 0;
  #loss = Number.NaN;

  /** @param onStep - called after each step, between the end of one and the start of the next */
  constructor(digits: data.Digits, onStep: (step: number) => void) {
    this.#loader = new data.DataLoader(data.transform(digits, distort), { batchSize, shuffle: true, dropLast: true });
    this.#trainer = new train.Trainer({
      model: this.model,
      loss: new nn.CrossEntropyLoss(),
      optimizer: new optim.AdamW(this.model.parameters(), { lr: 1e-3 }),
      progress: 'none',
      onStep: ({ loss }) => {
        this.#loss = loss;
        onStep(++this.#steps);
      },
    });
  }

  get steps(): number {
    return this.#steps;
  }

  get loss(): number {
    return this.#loss;
  }

  get captured(): boolean {
    return this.#trainer.captured;
  }

  start(): void {
    if (this.#stop !== null) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#trainer.fit(this.#loader, { epochs: Number.MAX_SAFE_INTEGER, signal: stop.signal });
  }

  /** Resolves after the step that runs. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
    this.#stop = null;
  }
}
