import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { full } from './creation.ts';
import { index } from './index-select.ts';
import { cat, stack } from './join.ts';
import { startsOf } from './recurrent-steps.ts';
import { requireTensor } from './shared.ts';
import { broadcastTo, narrow, reshape } from './view.ts';

/** Sequences of different lengths, step by step and longest first: what recurrent layers take without padding. */
export interface PackedSequence {
  /** [sum of the lengths, ...features] */
  readonly data: Tensor;
  /** How many sequences reach each step. */
  readonly batchSizes: readonly number[];
  /** The place in the batch of each sequence as it is packed; null when they were given longest first. */
  readonly sortedIndices: readonly number[] | null;
}

export interface PackOptions {
  /** Sequences come as [batch, steps, ...], not [steps, batch, ...]. */
  readonly batchFirst?: boolean | undefined;
  /** Throw unless the lengths never rise, instead of sorting. */
  readonly enforceSorted?: boolean | undefined;
}

export interface UnpackOptions {
  readonly batchFirst?: boolean | undefined;
  readonly paddingValue?: number | undefined;
  /** Number of steps of the result, at least the longest sequence's. */
  readonly totalLength?: number | undefined;
}

/** Whether `value` is a packed sequence. */
export function isPacked(value: unknown): value is PackedSequence {
  return typeof value === 'object' && value !== null && 'batchSizes' in value && 'data' in value;
}

export function checkPacked(op: string, packed: unknown): asserts packed is PackedSequence {
  if (!isPacked(packed)) throw argumentError(op, `wants a packed sequence, got ${formatValue(packed)}`);
  const { data, batchSizes, sortedIndices } = packed;
  requireTensor(op, data, 'data');
  const sound =
    Array.isArray(batchSizes) &&
    batchSizes.every((size, t) => Number.isSafeInteger(size) && size > 0 && (t === 0 || size <= batchSizes[t - 1]));
  if (!sound) throw argumentError(op, 'batchSizes must be positive integers that never rise');
  const total = batchSizes.reduce((sum, size) => sum + size, 0);
  if (data.rank === 0 || data.shape[0] !== total)
    throw shapeError(op, `batchSizes want ${total} rows of data, got ${formatShape(data.shape)}`);
  if (sortedIndices === null) return;
  const order: unknown = sortedIndices;
  const batch = batchSizes[0] ?? 0;
  if (
    !Array.isArray(order) ||
    order.length !== batch ||
    !order.every((i) => Number.isInteger(i) && i >= 0 && i < batch) ||
    new Set(order).size !== batch
  )
    throw argumentError(op, `sortedIndices must be the numbers 0 to ${batch - 1} in some order`);
}

/** Length of each packed sequence, longest first. */
function packedLengths(batchSizes: readonly number[]): number[] {
  return Array.from({ length: batchSizes[0] ?? 0 }, (_, i) => batchSizes.filter((size) => size > i).length);
}

/**
 * Packs padded sequences: what lies behind a sequence's length is left out.
 * @param x - [steps, batch, ...features], or [batch, steps, ...features] with batchFirst
 * @param lengths - steps of each sequence, at least 1
 * @throws ERR_SHAPE when lengths and x do not fit together, ERR_ARGUMENT for unsorted lengths with enforceSorted
 * @example
 * packPaddedSequence(ones([3, 2, 4]), [3, 1]).batchSizes; // [2, 1, 1]
 */
export function packPaddedSequence(x: Tensor, lengths: readonly number[], options: PackOptions = {}): PackedSequence {
  const op = 'packPaddedSequence';
  requireTensor(op, x);
  checkOptions(op, options);
  checkArguments(op, [x]);
  const { batchFirst = false, enforceSorted = false } = options;
  if (x.rank < 2) throw shapeError(op, `wants [steps, batch, ...], got ${formatShape(x.shape)}`);
  const [steps, batch] = (batchFirst ? [x.shape[1], x.shape[0]] : x.shape) as [number, number];
  if (!Array.isArray(lengths) || !lengths.every((each) => Number.isInteger(each) && each >= 1 && each <= steps))
    throw argumentError(
      op,
      `lengths must be integers in [1, ${steps}], got ${Array.isArray(lengths) ? formatShape(lengths) : formatValue(lengths)}`,
    );
  if (lengths.length !== batch || batch === 0)
    throw shapeError(op, `wants a length for each of ${batch} sequences, got ${lengths.length}`);
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
  const sorted = order.every((place, i) => place === i);
  if (enforceSorted && !sorted) throw argumentError(op, `lengths must never rise, got ${formatShape(lengths)}`);
  const longest = lengths[order[0] as number] as number;
  const batchSizes = Array.from({ length: longest }, (_, t) => lengths.filter((length) => length > t).length);
  const picks = batchSizes.flatMap((size, t) =>
    order.slice(0, size).map((place) => (batchFirst ? place * steps + t : t * batch + place)),
  );
  const data = tidy(() => index(reshape(x, [steps * batch, ...x.shape.slice(2)]), picks));
  return { data, batchSizes, sortedIndices: sorted ? null : order };
}

/**
 * The reverse of packPaddedSequence.
 * @returns [padded, lengths], in the order the sequences had before they were packed
 * @throws ERR_ARGUMENT when totalLength is less than the longest sequence
 * @example
 * padPackedSequence(packPaddedSequence(ones([3, 2, 4]), [3, 1]))[1]; // [3, 1]
 */
export function padPackedSequence(
  packed: PackedSequence,
  options: UnpackOptions = {},
): [padded: Tensor, lengths: number[]] {
  const op = 'padPackedSequence';
  checkPacked(op, packed);
  checkOptions(op, options);
  const { data, batchSizes, sortedIndices } = packed;
  const { batchFirst = false, paddingValue = 0, totalLength = batchSizes.length } = options;
  if (typeof paddingValue !== 'number')
    throw argumentError(op, `paddingValue must be a number, got ${formatValue(paddingValue)}`);
  if (!Number.isSafeInteger(totalLength) || totalLength < batchSizes.length)
    throw argumentError(op, `totalLength must be an integer ≥ ${batchSizes.length}, got ${formatValue(totalLength)}`);
  const batch = batchSizes[0] ?? 0;
  const inPlace = packedLengths(batchSizes);
  const lengths = new Array<number>(batch);
  const placeOf = new Array<number>(batch);
  for (let i = 0; i < batch; i++) {
    const original = sortedIndices?.[i] ?? i;
    lengths[original] = inPlace[i] as number;
    placeOf[original] = i;
  }
  const starts = startsOf(batchSizes);
  const blank = data.shape[0] as number;
  const row = (t: number, b: number): number =>
    t < (lengths[b] as number) ? (starts[t] as number) + (placeOf[b] as number) : blank;
  const [outer, inner] = batchFirst ? [batch, totalLength] : [totalLength, batch];
  const picks: number[] = [];
  for (let a = 0; a < outer; a++) for (let b = 0; b < inner; b++) picks.push(batchFirst ? row(b, a) : row(a, b));
  const padded = tidy(() => {
    const padding = full([1, ...data.shape.slice(1)], paddingValue, { dtype: data.dtype, device: data.device });
    return reshape(index(cat([data, padding]), picks), [outer, inner, ...data.shape.slice(1)]);
  });
  return [padded, lengths];
}

/**
 * Packs a list of sequences [steps, ...features] of different lengths.
 * @example
 * packSequence([ones([3, 2]), ones([1, 2])]).batchSizes; // [2, 1, 1]
 */
export function packSequence(
  sequences: readonly Tensor[],
  options: Pick<PackOptions, 'enforceSorted'> = {},
): PackedSequence {
  const op = 'packSequence';
  if (!Array.isArray(sequences) || sequences.length === 0)
    throw argumentError(op, 'wants an array of at least one tensor');
  for (const each of sequences) requireTensor(op, each, 'each sequence');
  checkOptions(op, options);
  const first = sequences[0] as Tensor;
  for (const each of sequences) {
    if (each.rank === 0 || !sameShape(each.shape.slice(1), first.shape.slice(1)) || each.shape[0] === 0)
      throw shapeError(
        op,
        `wants sequences [steps, ...] alike but for their steps, got ${formatShape(first.shape)} and ${formatShape(each.shape)}`,
      );
  }
  const lengths = sequences.map((each) => each.shape[0] as number);
  const longest = Math.max(...lengths);
  return tidy(() => {
    const rows = sequences.map((each) => {
      const short = longest - (each.shape[0] as number);
      // What fills up is never read.
      return short === 0 ? each : cat([each, broadcastTo(narrow(each, 0, 0, 1), [short, ...each.shape.slice(1)])]);
    });
    return packPaddedSequence(stack(rows), lengths, { ...options, batchFirst: true });
  });
}

/** The batch of `t` [layers, batch, H] put into the order of a packed sequence, or back. */
export function reorder(t: Tensor, order: readonly number[] | null, back: boolean): Tensor {
  if (order === null) return t;
  const picks = back ? order.map((_, place) => order.indexOf(place)) : order;
  return index(t, picks, 1);
}

/** The rows of each sequence's last step. */
export function lastRows(all: Tensor, batchSizes: readonly number[]): Tensor {
  const starts = startsOf(batchSizes);
  const lengths = packedLengths(batchSizes);
  const end = batchSizes.length - 1;
  if (batchSizes[end] === batchSizes[0]) return narrow(all, 0, starts[end] as number, batchSizes[0] as number);
  return index(
    all,
    lengths.map((length, i) => (starts[length - 1] as number) + i),
  );
}
