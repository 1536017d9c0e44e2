// The model that answers requests: a copy of the one that learns, replaced as a whole.
import { device, inference, type nn, noGrad, scope, tensor } from 'warpgrad';

/** What a request gets: a digit, how sure the model is, and which weights answered. */
export interface Answer {
  readonly digit: number;
  readonly share: number;
  readonly version: number;
}

interface Request {
  readonly pixels: Uint8Array;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const side = 28;
const classes = 10;
const mostAtOnce = 64;

/** Answers in batches, on the queue that goes before training, with the weights published last. */
export class Answerer {
  #serving: nn.Sequential;
  #spare: nn.Sequential;
  #version = 0;
  #publishing = false;
  #busy = false;
  readonly #waiting: Request[] = [];

  /** @param make - makes the network; called twice */
  constructor(make: () => nn.Sequential) {
    this.#serving = make().eval();
    this.#spare = make().eval();
  }

  get version(): number {
    return this.#version;
  }

  /** Which digit 28 × 28 grey values show. Requests that come while a batch is computed make up the next one. */
  answer(pixels: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pixels, resolve, reject });
      if (!this.#busy) void this.#work();
    });
  }

  /** Copies the weights of `learner` as they are after its last step, and answers with them once they are there. */
  async publish(learner: nn.Sequential): Promise<void> {
    if (this.#publishing) return;
    this.#publishing = true;
    try {
      noGrad(() => this.#spare.loadStateDict(learner.stateDict()));
      // Requests do not wait for the steps queued before the copy: they go on with the old weights.
      await device('cpu').synchronize();
      [this.#serving, this.#spare] = [this.#spare, this.#serving];
      this.#version++;
    } finally {
      this.#publishing = false;
    }
  }

  async #work(): Promise<void> {
    this.#busy = true;
    // Requests of this turn of the event loop come along.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, mostAtOnce);
      try {
        const answers = await this.#compute(batch.map(({ pixels }) => pixels));
        for (const [i, { resolve }] of batch.entries()) resolve(answers[i] as Answer);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = false;
  }

  async #compute(images: readonly Uint8Array[]): Promise<Answer[]> {
    const model = this.#serving;
    const version = this.#version;
    const bytes = new Uint8Array(images.length * side * side);
    for (const [i, image] of images.entries()) bytes.set(image, i * side * side);
    const probabilities = inference(
      () =>
        scope(() => {
          const x = tensor(bytes, { shape: [images.length, 1, side, side] }).to('float32');
          const normal = x.div(255).sub(0.1307).div(0.3081); // as examples/augment.ts does for training
          return model.forward(normal).softmax(1);
        }),
      { queue: 'serve' },
    );
    const shares = await probabilities.data();
    probabilities.dispose();
    return images.map((_, i) => {
      const row = Array.from(shares.subarray(i * classes, (i + 1) * classes), Number);
      const share = Math.max(...row);
      return { digit: row.indexOf(share), share, version };
    });
  }
}
