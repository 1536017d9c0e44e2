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

/** By halves: a sum in a row would err more than the kernels it is to judge. */
const total = (values: number[]): number =>
  values.length < 16
    ? values.reduce((a, b) => a + b, 0)
    : total(values.slice(0, values.length >> 1)) + total(values.slice(values.length >> 1));
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

export const argmin = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => {
    const nan = values.findIndex(Number.isNaN);
    return nan >= 0 ? nan : values.indexOf(smallest(values));
  });

export const prod = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => values.reduce((a, b) => a * b, 1));
export const all = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => Number(values.every((v) => v !== 0)));
export const any = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => Number(values.some((v) => v !== 0)));
export const countNonzero = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => values.filter((v) => v !== 0).length);
const numbers = (values: number[]): number[] => values.filter((v) => !Number.isNaN(v));
export const nansum = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => total(numbers(values)));
export const nanmean = (x: NDArray, options: ReduceOptions = {}): NDArray =>
  reduce(x, options, (values) => average(numbers(values)));

export type VarianceOptions = ReduceOptions & { readonly correction?: number };
export const std = (x: NDArray, options: VarianceOptions = {}): NDArray => map(variance(x, options), Math.sqrt);
export const varMean = (x: NDArray, options: VarianceOptions = {}): NDArray[] => [
  variance(x, options),
  mean(x, options),
];
export const stdMean = (x: NDArray, options: VarianceOptions = {}): NDArray[] => [std(x, options), mean(x, options)];

export const norm = (x: NDArray, options: ReduceOptions & { readonly p?: number | 'fro' } = {}): NDArray =>
  reduce(x, options, (values) => {
    const p = options.p === undefined || options.p === 'fro' ? 2 : options.p;
    const sizes = values.map(Math.abs);
    if (p === 0) return sizes.filter((v) => v !== 0).length;
    if (p === Number.POSITIVE_INFINITY) return largest(sizes);
    if (p === Number.NEGATIVE_INFINITY) return smallest(sizes);
    return total(sizes.map((v) => v ** p)) ** (1 / p);
  });

/** Along one axis with its index, or of everything. */
const found =
  (value: typeof amax, index: typeof argmax) =>
  (x: NDArray, options: number | ReduceOptions = {}): NDArray | NDArray[] => {
    const where = typeof options === 'number' ? { axis: options } : options;
    return where.axis === undefined ? value(x, where) : [value(x, where), index(x, where)];
  };
export const max = found(amax, argmax);
export const min = found(amin, argmin);
export const aminmax = (x: NDArray, options: ReduceOptions = {}): NDArray[] => [amin(x, options), amax(x, options)];

export function softmax(x: NDArray, axis = -1): NDArray {
  const top = amax(x, { axis, keepdim: true });
  const powers = zip((v, m) => Math.exp(v - m), x, top);
  return zip((p, s) => p / s, powers, sum(powers, { axis, keepdim: true }));
}

export const logsumexp = (x: NDArray, options: number | ReduceOptions = -1): NDArray =>
  reduce(x, typeof options === 'number' ? { axis: options } : { axis: -1, ...options }, (values) => {
    const top = largest(values);
    return Number.isFinite(top) ? top + Math.log(total(values.map((v) => Math.exp(v - top)))) : top;
  });

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
