import { tensor } from '../core/create.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { argumentError, shapeError } from '../errors.ts';
import { index } from '../ops/index.ts';
import type { Random } from './random.ts';
import { checkArray, checkFunction, checkIterable, checkMethods, checkOptions, formatValue } from '../core/values.ts';

/** Element arrays a dataset may hold; the tensor's dtype follows from the array's type. */
export type HostData = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;

/** A row-major array on the host: what datasets are made of and what they give to the loader. */
export interface HostArray<T extends HostData = HostData> {
  readonly data: T;
  readonly shape: readonly number[];
}

/** The parts of a batch, each with the batch axis first: usually inputs and targets. */
export type Fields = readonly (HostArray | Tensor)[];

/** What a loader gives for `F`: one tensor for each field. */
export type Batch<F extends Fields> = { [K in keyof F]: Tensor };

/**
 * Samples by index. `getBatch` may be asynchronous (read a file, decode an image); `random` is seeded by the epoch and the
 * batch, so that augmentation drawn from it repeats exactly when a run is resumed.
 */
export interface Dataset<F extends Fields = readonly [HostArray, HostArray]> {
  /** Number of samples. */
  readonly length: number;
  /** False when batches are made by device ops: these are asked for when needed instead of ahead. */
  readonly prefetch?: false;
  /** The samples `indices` stacked along a new first axis. */
  getBatch(indices: Int32Array, random: Random): F | Promise<F>;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** A new zero-filled array of the type of `data`. */
export function emptyLike<T extends HostData>(data: T, length: number): T;
export function emptyLike(data: HostData, length: number): HostData {
  if (data instanceof Float32Array) return new Float32Array(length);
  if (data instanceof Float64Array) return new Float64Array(length);
  if (data instanceof Int32Array) return new Int32Array(length);
  if (data instanceof Uint8Array) return new Uint8Array(length);
  return new BigInt64Array(length);
}

/** The rows `indices` (first axis) of `array`, copied. */
export function takeRows<T extends HostData>(array: HostArray<T>, indices: Int32Array): HostArray<T> {
  const rowShape = array.shape.slice(1);
  const rowSize = sizeOf(rowShape);
  const data = emptyLike(array.data, rowSize * indices.length);
  // Copied as bytes: one code path for every element type.
  const rowBytes = rowSize * data.BYTES_PER_ELEMENT;
  const from = new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength);
  const to = new Uint8Array(data.buffer);
  for (let k = 0; k < indices.length; k++) {
    const start = (indices[k] ?? 0) * rowBytes;
    to.set(from.subarray(start, start + rowBytes), k * rowBytes);
  }
  return { data, shape: [indices.length, ...rowShape] };
}

function checkRows(what: string, shapes: readonly (readonly number[])[]): number {
  const rows = shapes[0]?.[0];
  if (rows === undefined) throw argumentError(what, 'wanted at least one field of rank 1 or more, got none');
  shapes.forEach((shape, k) => {
    if (shape[0] === rows) return;
    throw shapeError(
      what,
      `fields must have the same number of rows: field 0 has ${rows}, field ${k} has ${shape[0] ?? 'rank 0'}`,
    );
  });
  return rows;
}

/**
 * Samples held in typed arrays on the host; each field's first axis counts the samples.
 *
 * @example
 * const data = new ArrayDataset([
 *   { data: new Float32Array([0, 0, 0, 1, 1, 0, 1, 1]), shape: [4, 2] },
 *   { data: new Int32Array([0, 1, 1, 0]), shape: [4] },
 * ]);
 * data.length; // 4
 */
export class ArrayDataset<F extends readonly HostArray[] = readonly [HostArray, HostArray]> implements Dataset<F> {
  readonly length: number;
  readonly fields: F;

  constructor(fields: readonly [...F]) {
    checkArray('ArrayDataset', 'fields', fields);
    for (const field of fields) {
      checkOptions('ArrayDataset', field);
      checkArray('ArrayDataset', 'shape', field.shape);
      if (!ArrayBuffer.isView(field.data)) throw argumentError('ArrayDataset', 'data must be a typed array');
    }
    this.length = checkRows(
      'ArrayDataset',
      fields.map((field) => field.shape),
    );
    for (const { data, shape } of fields) {
      if (data.length !== sizeOf(shape)) {
        throw shapeError(
          'ArrayDataset',
          `shape [${shape.join(', ')}] wants ${sizeOf(shape)} elements, got ${data.length}`,
        );
      }
    }
    this.fields = fields as F;
  }

  getBatch(indices: Int32Array): F {
    // A mapped tuple keeps its length and element types, which map() does not say.
    return this.fields.map((field) => takeRows(field, indices)) as readonly HostArray[] as F;
  }
}

/**
 * Samples held in tensors, indexed on their device; each tensor's first axis counts the samples.
 *
 * @example
 * const data = new TensorDataset([tensor([[1, 2], [3, 4]]), tensor([0, 1])]);
 * data.length; // 2
 */
export class TensorDataset<F extends readonly Tensor[] = readonly [Tensor, Tensor]> implements Dataset<F> {
  readonly length: number;
  readonly prefetch = false;
  readonly tensors: F;

  constructor(tensors: readonly [...F]) {
    checkArray('TensorDataset', 'tensors', tensors);
    for (const t of tensors) requireTensor('TensorDataset', t);
    this.length = checkRows(
      'TensorDataset',
      tensors.map((t) => t.shape),
    );
    this.tensors = tensors as F;
  }

  getBatch(indices: Int32Array): F {
    const device = this.tensors[0]?.device;
    const chosen = tensor(indices, device === undefined ? {} : { device });
    const batch = this.tensors.map((t) => index(t, chosen)) as readonly Tensor[] as F;
    chosen.dispose();
    return batch;
  }
}

/**
 * A dataset of single samples, stacked by the loader: `get(i)` returns the fields of sample `i` without a batch axis.
 *
 * @example
 * const squares = fromSamples({
 *   length: 100,
 *   get: (i) => [{ data: new Float32Array([i]), shape: [1] }, { data: new Float32Array([i * i]), shape: [1] }] as const,
 * });
 * squares.length; // 100
 */
export function fromSamples<F extends readonly HostArray[]>(source: {
  readonly length: number;
  get(index: number, random: Random): F | Promise<F>;
}): Dataset<F> {
  checkMethods('fromSamples', 'source', source, 'get');
  checkLength('fromSamples', source.length);
  return {
    length: source.length,
    getBatch: async (indices, random) => {
      const samples: F[] = [];
      for (const i of indices) samples.push(await source.get(i, random));
      return stack(samples);
    },
  };
}

function stack<F extends readonly HostArray[]>(samples: readonly F[]): F {
  const first = samples[0] ?? ([] as readonly HostArray[] as F);
  const fields = first.map((field, k) => {
    const data = emptyLike(field.data, field.data.length * samples.length);
    const bytes = new Uint8Array(data.buffer);
    samples.forEach((sample, row) => {
      const one = sample[k];
      if (one?.data.constructor !== field.data.constructor || one.shape.join() !== field.shape.join()) {
        throw shapeError(
          'fromSamples',
          `samples must agree: field ${k} of row 0 is ${describe(field)}, of row ${row} ${one ? describe(one) : 'missing'}`,
        );
      }
      bytes.set(new Uint8Array(one.data.buffer, one.data.byteOffset, one.data.byteLength), row * one.data.byteLength);
    });
    return { data, shape: [samples.length, ...field.shape] };
  });
  return fields as readonly HostArray[] as F;
}

function checkLength(op: string, length: unknown): void {
  if (Number.isSafeInteger(length) && (length as number) >= 0) return;
  throw argumentError(op, `length must be an integer ≥ 0, got ${formatValue(length)}`);
}

function describe({ data, shape }: HostArray): string {
  return `${data.constructor.name} [${shape.join(', ')}]`;
}

/** The samples `indices` of `dataset`, in that order. */
export function subset<F extends Fields>(dataset: Dataset<F>, indices: Int32Array | readonly number[]): Dataset<F> {
  checkMethods('subset', 'dataset', dataset, 'getBatch');
  checkIterable('subset', 'indices', indices);
  for (const i of indices)
    if (!Number.isInteger(i)) throw argumentError('subset', `wanted integers, got ${formatValue(i)}`);
  const chosen = Int32Array.from(indices);
  for (const i of chosen) {
    if (i < 0 || i >= dataset.length) {
      throw argumentError('subset', `wanted indices in [0, ${dataset.length}), got ${i}`);
    }
  }
  return {
    length: chosen.length,
    ...(dataset.prefetch === false && { prefetch: false }),
    getBatch: (rows, random) =>
      dataset.getBatch(
        rows.map((row) => chosen[row] ?? 0),
        random,
      ),
  };
}

/** `dataset` with every batch passed through `change`: normalisation, augmentation. */
export function transform<F extends Fields, G extends Fields>(
  dataset: Dataset<F>,
  change: (batch: F, random: Random) => G | Promise<G>,
): Dataset<G> {
  checkMethods('transform', 'dataset', dataset, 'getBatch');
  checkFunction('transform', 'change', change);
  return {
    length: dataset.length,
    ...(dataset.prefetch === false && { prefetch: false }),
    getBatch: (indices, random) => {
      const batch = dataset.getBatch(indices, random);
      return batch instanceof Promise ? batch.then((fields) => change(fields, random)) : change(batch, random);
    },
  };
}
