// Reductions over any axes, softmax and the losses.
import { broadcastAt, build, forEachIndex, map, NDArray, normalAxes, offsetOf, read, sizeOf, zip } from './ndarray.ts';

export interface ReduceOptions {
  readonly axis?: number | readonly number[];
  readonly keepdim?: boolean;
}

/** Folds the values along the reduced axes; `finish` gets the whole list, so order and count are its own business. */
export function reduce(x: NDArray, options: ReduceOptions, finish: (values: number[]) => number): NDArray {
  const axes = normalAxes(x.rank, options.axis);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const lists: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  forEachIndex(x.shape, (index, flat) => {
    const target = index.map((position, axis) => (axes.includes(axis) ? 0 : position));
    lists[offsetOf(kept, target)]?.push(read(x.data, flat));
  });
  const shape = options.keepdim ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return new NDArray(shape, lists.map(finish));
}

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const average = (values: number[]): number => total(values) / values.length;
const largest = (values: number[]): number =>
  values.reduce((a, b) => (Number.isNaN(a) || a >= b ? a : b), Number.NEGATIVE_INFINITY);
const smallest = (values: number[]): number =>
  values.reduce((a, b) => (Number.isNaN(a) || a <= b ? a : b), Number.POSITIVE_INFINITY);

export const sum = (x: NDArray, options: ReduceOptions = {}): NDArray => reduce(x, options, total);
export const mean = (x: NDArray, options: ReduceOptions = {}): NDArray => reduce(x, options, average);
export const amax = (x: NDArray, options: ReduceOptions = {}): NDArray => reduce(x, options, largest);
export const amin = (x: NDArray, options: ReduceOptions = {}): NDArray => reduce(x, options, smallest);

export const argmax = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => {
    const nan = values.findIndex(Number.isNaN);
    return nan >= 0 ? nan : values.indexOf(largest(values));
  });

export const variance = (x: NDArray, options: ReduceOptions & { readonly correction?: number } = {}): NDArray =>
  reduce(x, options, (values) => {
    const center = average(values);
    return total(values.map((v) => (v - center) ** 2)) / Math.max(0, values.length - (options.correction ?? 1));
  });

export function softmax(x: NDArray, axis = -1): NDArray {
  const top = amax(x, { axis, keepdim: true });
  const powers = zip((v, m) => Math.exp(v - m), x, top);
  return zip((p, s) => p / s, powers, sum(powers, { axis, keepdim: true }));
}

export function logsumexp(x: NDArray, axis = -1): NDArray {
  const top = amax(x, { axis, keepdim: true });
  const parts = zip((v, m) => (Number.isFinite(m) ? Math.exp(v - m) : 1), x, top);
  return zip((m, total) => (Number.isFinite(m) ? m + Math.log(total) : m), amax(x, { axis }), sum(parts, { axis }));
}

export function logSoftmax(x: NDArray, axis = -1): NDArray {
  const top = amax(x, { axis, keepdim: true });
  const rest = map(
    sum(
      zip((v, m) => Math.exp(v - m), x, top),
      { axis, keepdim: true },
    ),
    Math.log,
  );
  return zip((v, m, l) => v - m - l, x, top, rest);
}

export interface LossOptions {
  readonly reduction?: 'none' | 'mean' | 'sum';
  readonly ignoreIndex?: number;
  readonly labelSmoothing?: number;
}

function finishLoss(losses: number[], weights: number[], shape: readonly number[], reduction: string): NDArray {
  if (reduction === 'none') return new NDArray(shape, losses);
  const all = total(losses);
  return new NDArray([], [reduction === 'sum' ? all : all / total(weights)]);
}

/** Negative log-likelihood of log-probabilities [N, C] at labels [N]. */
export function nllLoss(x: NDArray, labels: NDArray, options: LossOptions = {}): NDArray {
  const { reduction = 'mean', ignoreIndex = -100 } = options;
  const used = [...labels.data].map((label) => Number(label !== ignoreIndex));
  const losses = [...labels.data].map((label, row) => (label === ignoreIndex ? 0 : -x.at(row, label)));
  return finishLoss(losses, used, labels.shape, reduction);
}

export function crossEntropy(x: NDArray, labels: NDArray, options: LossOptions = {}): NDArray {
  const { reduction = 'mean', ignoreIndex = -100, labelSmoothing = 0 } = options;
  const logs = logSoftmax(x);
  const classes = read(x.shape, 1);
  const used = [...labels.data].map((label) => Number(label !== ignoreIndex));
  const losses = [...labels.data].map((label, row) => {
    if (label === ignoreIndex) return 0;
    let spread = 0;
    for (let c = 0; c < classes; c++) spread -= logs.at(row, c) / classes;
    return (1 - labelSmoothing) * -logs.at(row, label) + labelSmoothing * spread;
  });
  return finishLoss(losses, used, labels.shape, reduction);
}

export function mseLoss(x: NDArray, target: NDArray, options: LossOptions = {}): NDArray {
  const squares = zip((a, b) => (a - b) ** 2, x, target);
  if (options.reduction === 'none') return squares;
  return options.reduction === 'sum' ? sum(squares) : mean(squares);
}

export interface BatchNormInput {
  readonly weight: NDArray | null;
  readonly bias: NDArray | null;
  readonly eps: number;
}

/** Batch statistics over every axis but 1 (training mode). */
export function batchNorm(x: NDArray, { weight, bias, eps }: BatchNormInput): NDArray {
  const axis = x.shape.map((_, a) => a).filter((a) => a !== 1);
  const center = mean(x, { axis, keepdim: true });
  const spread = variance(x, { axis, keepdim: true, correction: 0 });
  return build(x.shape, (index) => {
    const channel = read(index, 1);
    const normal = (broadcastAt(x, index) - broadcastAt(center, index)) / Math.sqrt(broadcastAt(spread, index) + eps);
    return normal * (weight ? read(weight.data, channel) : 1) + (bias ? read(bias.data, channel) : 0);
  });
}
