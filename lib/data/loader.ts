import { tensor } from '../core/create.ts';
import { type Device, device as findDevice } from '../core/device.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError, WarpgradError } from '../errors.ts';
import type { Batch, Dataset, Fields, HostArray } from './dataset.ts';
import { Random } from './random.ts';

/** How a `DataLoader` walks its dataset. */
export interface LoaderOptions {
  /** Samples in a batch. */
  readonly batchSize?: number;
  /** A new order each epoch, a pure function of (seed, epoch). */
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Leaves out the last batch when it is smaller than the others. */
  readonly dropLast?: boolean;
  /** Batches made ahead while the device computes. */
  readonly prefetch?: number;
  /** Where the tensors are put; the default device when omitted. */
  readonly device?: string | Device;
}

/** Where a loader stands: enough to give exactly the rest of the run's batches again. */
export interface LoaderState {
  readonly epoch: number;
  /** Batches of this epoch already handed out. */
  readonly cursor: number;
  readonly seed: number;
  readonly samples: number;
  readonly batchSize: number;
}

// Separate streams of random numbers for the order of the samples and for what is done to them.
const orderStream = 1;
const sampleStream = 2;

/**
 * Batches of a dataset as tensors, in a seeded order, the next ones made while the device computes. Each `for await` walks
 * what is left of the current epoch; the tensors belong to the caller.
 *
 * @example
 * const data = new ArrayDataset([{ data: new Float32Array(8), shape: [4, 2] }, { data: new Int32Array(4), shape: [4] }]);
 * const loader = new DataLoader(data, { batchSize: 2, shuffle: true, seed: 1 });
 * for await (const [x, y] of loader) console.log(x.shape, y.shape); // [2, 2] [2], twice
 */
export class DataLoader<F extends Fields = readonly [HostArray, HostArray]> {
  readonly dataset: Dataset<F>;
  readonly batchSize: number;
  readonly #options: LoaderOptions;
  readonly #prefetch: number;
  #epoch = 0;
  #cursor = 0;
  #reader: symbol | null = null;

  constructor(dataset: Dataset<F>, options: LoaderOptions = {}) {
    checkOptions('DataLoader', options);
    if (typeof dataset !== 'object' || dataset === null || typeof dataset.getBatch !== 'function')
      throw argumentError('DataLoader', `wanted a dataset { length, getBatch }, got ${formatValue(dataset)}`);
    const { batchSize = 1, prefetch = 2, seed = 0 } = options;
    checkInteger('batchSize', batchSize, 1);
    checkInteger('prefetch', prefetch, 0);
    checkInteger('seed', seed, 0);
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.#options = options;
    this.#prefetch = dataset.prefetch === false ? 0 : prefetch;
  }

  /** Batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Samples handed out in an epoch. */
  get samples(): number {
    return Math.min(this.dataset.length, this.length * this.batchSize);
  }

  /** Where the loader stands now. */
  get state(): LoaderState {
    return {
      epoch: this.#epoch,
      cursor: this.#cursor,
      seed: this.#options.seed ?? 0,
      samples: this.dataset.length,
      batchSize: this.batchSize,
    };
  }

  /** Goes to `state`: the next `for await` hands out exactly what would have followed there. */
  restore(state: LoaderState): void {
    checkInteger('state.epoch', state.epoch, 0);
    checkInteger('state.cursor', state.cursor, 0);
    const own = this.state;
    for (const key of ['seed', 'samples', 'batchSize'] as const) {
      if (state[key] !== own[key]) {
        throw argumentError(
          'DataLoader.restore',
          `the state is of another loader: ${key} was ${state[key]}, here ${own[key]}`,
        );
      }
    }
    if (state.cursor > this.length) {
      throw argumentError('DataLoader.restore', `wanted a cursor ≤ ${this.length}, got ${state.cursor}`);
    }
    this.#reader = null;
    this.#epoch = state.epoch;
    this.#cursor = state.cursor;
  }

  /** The order of the samples in `epoch`. */
  order(epoch: number): Int32Array {
    const order = Int32Array.from({ length: this.dataset.length }, (_, i) => i);
    return this.#options.shuffle ? new Random(this.#options.seed ?? 0, orderStream, epoch).shuffle(order) : order;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch<F>, void, undefined> {
    // Several walks may overlap; the state is that of the one begun last.
    const reader = Symbol('reader');
    this.#reader = reader;
    const epoch = this.#epoch;
    const order = this.order(epoch);
    const ahead: Promise<F>[] = [];
    let asked = this.#cursor;
    let failed = true;
    try {
      for (let n = this.#cursor; n < this.length; n++) {
        if (asked === n) {
          ahead.push(this.#make(order, epoch, asked));
          asked++;
        }
        const fields = await (ahead.shift() as Promise<F>);
        while (asked < this.length && asked <= n + this.#prefetch) {
          const batch = asked++;
          const made = idle().then(() => this.#make(order, epoch, batch));
          made.catch(() => {}); // reported when its turn comes
          ahead.push(made);
        }
        if (this.#reader === reader) this.#cursor = n + 1;
        failed = false;
        yield this.#upload(fields);
        failed = true;
      }
      failed = false;
    } finally {
      // The end, or a loop left early: the next walk begins a new epoch. After an error it tries the batch again.
      if (!failed && this.#reader === reader) {
        this.#epoch = epoch + 1;
        this.#cursor = 0;
      }
    }
  }

  async #make(order: Int32Array, epoch: number, batch: number): Promise<F> {
    const rows = order.slice(batch * this.batchSize, (batch + 1) * this.batchSize);
    try {
      return await this.dataset.getBatch(rows, new Random(this.#options.seed ?? 0, sampleStream, epoch, batch));
    } catch (cause) {
      const code = cause instanceof WarpgradError ? cause.code : 'ERR_ARGUMENT';
      const some = rows.length > 8 ? `${rows.subarray(0, 8).join(', ')}, …` : rows.join(', ');
      const reason = cause instanceof Error ? cause.message : formatValue(cause);
      throw new WarpgradError(
        code,
        `DataLoader: batch ${batch} of epoch ${epoch} (samples ${some}) failed: ${reason}`,
        { cause },
      );
    }
  }

  /** Tensors are made here, when the batch is handed out, so that they belong to the caller's scope. */
  #upload(fields: F): Batch<F> {
    const { device } = this.#options;
    const place = device === undefined ? {} : { device };
    const tensors = fields.map((field) => {
      if (field instanceof Tensor) return this.#place(field);
      return tensor(field.data, { ...place, shape: field.shape });
    });
    return tensors as readonly Tensor[] as Batch<F>;
  }

  /** A tensor that the dataset made for this batch, on the device asked for. */
  #place(t: Tensor): Tensor {
    const { device } = this.#options;
    if (device === undefined || findDevice(device) === t.device) return t;
    const moved = t.to(device);
    t.dispose();
    return moved;
  }
}

/** Resolves when the caller's step has been queued and the event loop turns: the device is busy, the host free. */
function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw argumentError('DataLoader', `${name}: wanted an integer ≥ ${least}, got ${formatValue(value)}`);
  }
}
