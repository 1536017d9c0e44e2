// The sequence ops under rnn, lstm and gru: all steps of one layer in one direction. Rows of all steps lie one step
// after the other, [total, features]; a step may have fewer rows than the one before (packed sequences). The input's
// part of the gates is made for all steps at once outside; here each step is one product and one kernel.
import type { Shape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { add } from './binary.ts';
import { zeros } from './creation.ts';
import { cat } from './join.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { narrow } from './view.ts';

/** How the rows of a sequence are cut into steps. */
export interface Steps {
  /** Rows of each step, never growing; the first is the batch. */
  readonly sizes: readonly number[];
  /** Whether the last step comes first. */
  readonly reverse: boolean;
}

/** Where each step's rows begin. */
export function startsOf(sizes: readonly number[]): number[] {
  const starts: number[] = [];
  let at = 0;
  for (const size of sizes) {
    starts.push(at);
    at += size;
  }
  return starts;
}

/** Each sequence's row in the step it begins with. */
export function firstRows({ sizes, reverse }: Steps): number[] {
  const [batch = 0] = sizes;
  if (!reverse) return Array.from({ length: batch }, (_, row) => row);
  const starts = startsOf(sizes);
  const first = new Array<number>(batch);
  sizes.forEach((count, t) => {
    for (let row = 0; row < count; row++) first[row] = (starts[t] as number) + row;
  });
  return first;
}

/** The steps in the order they are taken. */
function orderOf({ sizes, reverse }: Steps): number[] {
  const order = sizes.map((_, t) => t);
  return reverse ? order.reverse() : order;
}

/** `count` rows of a contiguous matrix from `start` on; no Tensor is made. */
export function rows(t: Tensor, start: number, count: number): KernelView {
  const [, width] = t.shape as [number, number];
  return {
    storage: t.storage,
    offset: t.offset + start * width,
    shape: [count, width],
    strides: [width, 1],
    dtype: t.dtype,
  };
}

/** Elements of a cache line, or of two. */
const line = 16;

/**
 * Calls `use` with weightᵀ for one product a step: turned once for all of them, its rows an odd number of lines apart, so
 * that a product reads it where it lies and the rows of a panel fall on different sets of the caches.
 */
export function withTurned(weight: Tensor, steps: Steps, use: (turned: KernelView) => void): void {
  const [gates, width] = weight.shape as [number, number];
  const { storage, offset, dtype } = weight;
  const lying = { storage, offset, shape: [width, gates], strides: [...weight.strides].reverse(), dtype };
  if (steps.sizes.length === 1) {
    use(lying);
    return;
  }
  const pitch = (Math.ceil(gates / line) | 1) * line;
  const memory = emptyTensor([width, pitch], dtype, storage.queue);
  const turned = { storage: memory.storage, offset: memory.offset, shape: lying.shape, strides: [pitch, 1], dtype };
  kernels.copy(turned, lying);
  use(turned);
  memory.dispose();
}

/** Calls `step` for each step in order, with the state before it: rows of `state` or of the initial one. */
export function forEachStep(
  steps: Steps,
  states: readonly { readonly initial: Tensor; readonly all: Tensor }[],
  step: (t: number, start: number, count: number, before: readonly KernelView[]) => void,
): void {
  const { sizes, reverse } = steps;
  const starts = startsOf(sizes);
  let last = -1;
  for (const t of orderOf(steps)) {
    const count = sizes[t] as number;
    const held = last < 0 ? 0 : (sizes[last] as number);
    const made: Tensor[] = [];
    const before = states.map(({ initial, all }) => {
      if (last < 0) return rows(initial, 0, count);
      const from = starts[last] as number;
      if (!reverse || held === count) return rows(all, from, count);
      // Longer sequences are under way, shorter ones begin here.
      const joined = emptyTensor([count, all.shape[1] as number], all.dtype, all.storage.queue);
      kernels.copy(rows(joined, 0, held), rows(all, from, held));
      kernels.copy(rows(joined, held, count - held), rows(initial, held, count - held));
      made.push(joined);
      return rows(joined, 0, count);
    });
    step(t, starts[t] as number, count, before);
    for (const each of made) each.dispose();
    last = t;
  }
}

/** The state before each step, laid out as the states after them are. */
export function shifted(all: Tensor, initial: Tensor, { sizes, reverse }: Steps): Tensor {
  const starts = startsOf(sizes);
  const parts: { readonly of: Tensor; readonly start: number; count: number }[] = [];
  const take = (of: Tensor, start: number, count: number): void => {
    const before = parts.at(-1);
    if (count === 0) return;
    // Steps of as many rows as the one before follow each other: one piece.
    if (before?.of === of && before.start + before.count === start) before.count += count;
    else parts.push({ of, start, count });
  };
  sizes.forEach((count, t) => {
    const last = reverse ? t + 1 : t - 1;
    const held = Math.min(sizes[last] ?? 0, count);
    if (held > 0) take(all, starts[last] as number, held);
    take(initial, held, count - held);
  });
  return parts.length === 0 ? initial : cat(parts.map(({ of, start, count }) => narrow(of, 0, start, count)));
}

/** Calls `step` for each step from the last taken to the first, by kernels: gradients of the state are in `carried`. */
export function forEachStepBack(steps: Steps, step: (start: number, count: number) => void): void {
  const starts = startsOf(steps.sizes);
  for (const t of orderOf(steps).reverse()) step(starts[t] as number, steps.sizes[t] as number);
}

/**
 * The same in ops: `step` gets the gradients of the states after a step and gives those before it. Returned are the
 * gradients of the initial states.
 */
export function carryBack(
  steps: Steps,
  states: readonly Tensor[],
  step: (start: number, count: number, flows: readonly Tensor[]) => readonly Tensor[],
): Tensor[] {
  const starts = startsOf(steps.sizes);
  const [batch = 0] = steps.sizes;
  let carried: readonly Tensor[] | null = null;
  const ended: Tensor[][] = states.map(() => []);
  for (const t of orderOf(steps).reverse()) {
    const [start, count] = [starts[t] as number, steps.sizes[t] as number];
    const flows = states.map((own, i): Tensor => {
      const block = narrow(own, 0, start, count);
      if (carried === null) return block;
      const later = carried[i] as Tensor;
      const held = later.shape[0] as number;
      if (held === count) return add(block, later);
      if (held < count) return add(block, cat([later, emptyRows(later, count - held)]));
      // These sequences began at the step just left.
      ended[i]?.unshift(narrow(later, 0, count, held - count));
      return add(block, narrow(later, 0, 0, count));
    });
    carried = step(start, count, flows);
  }
  return states.map((own, i) => {
    if (carried === null) return emptyRows(own, batch);
    const parts = [carried[i] as Tensor, ...(ended[i] ?? [])];
    return parts.length === 1 ? (parts[0] as Tensor) : cat(parts);
  });
}

function emptyRows(like: Tensor, count: number): Tensor {
  return zeros([count, like.shape[1] as number], { dtype: like.dtype, device: like.device });
}

/** A zeroed or unfilled matrix beside `like`, for kernels. */
export function matrixLike(like: Tensor, shape: Shape, zeroed: boolean): Tensor {
  const t = emptyTensor(shape, like.dtype, like.storage.queue);
  if (zeroed) kernels.fill(t, 0);
  return t;
}
