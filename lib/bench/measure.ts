// One function timed: warmed up, then batch after batch until the time is used up.
import { argumentError } from '../errors.ts';
import { device, scope } from '../index.ts';
import type { Device } from '../index.ts';
import { median, quantile } from './statistics.ts';
import { type Call, callsOf, type Clock, seconds, timeAsyncCalls, timeCalls, usualClock } from './timing.ts';

export interface BenchOptions {
  /** Multiplications and additions of one call, where arithmetic is what bounds it. */
  readonly flops?: number | undefined;
  /** Bytes that one call cannot avoid to read or write. */
  readonly bytes?: number | undefined;
  /** The device whose work a batch ends with; `'cpu'` by default. */
  readonly device?: string | Device | undefined;
  /** How long to measure for: 0.5 by default, and five batches at least. */
  readonly seconds?: number | undefined;
  /** `'wall'`, `'cpu'` (this process's time on processors) or `'device'` (the device's own clock): by default the last on a GPU, the first elsewhere. */
  readonly clock?: Clock | undefined;
}

/** What was measured. Times are seconds a call. */
export interface Measurement {
  readonly name: string;
  readonly median: number;
  /** A tenth of the batches took less, a tenth took longer. */
  readonly p10: number;
  readonly p90: number;
  readonly least: number;
  readonly batches: number;
  readonly callsPerBatch: number;
  readonly clock: Clock;
  readonly flops: number | null;
  readonly bytes: number | null;
  /** Of the median. */
  readonly gflops: number | null;
  readonly gbps: number | null;
}

/**
 * Times a function: one of yours, or a kernel. Tensors it makes are freed after each call; a batch of calls ends with a wait for the
 * device. It gets the number of the call within its batch, to take other inputs than the call before did.
 * @param fn - what to time; may return a promise
 * @throws ERR_ARGUMENT for a bad option, and what the function throws
 * @example
 * import { matmul, randn } from 'warpgrad';
 * import { bench } from 'warpgrad/bench';
 * const x = randn([64, 64]);
 * const { gflops } = await bench('product', () => matmul(x, x), { flops: 2 * 64 ** 3, seconds: 0.05 });
 * console.log(gflops !== null && gflops > 0); // true
 */
export async function bench(name: string, fn: Call, options: BenchOptions = {}): Promise<Measurement> {
  if (typeof fn !== 'function') throw argumentError('bench', `wants a function, got ${typeof fn}`);
  const { flops = null, bytes = null, device: on = 'cpu', seconds: budget = 0.5 } = options;
  for (const [key, value] of Object.entries({ flops, bytes, seconds: budget })) {
    if (value !== null && !(value >= 0)) throw argumentError('bench', `${key} is a number from 0 up, got ${value}`);
  }
  const where = device(on);
  const { clock = usualClock(where) } = options;
  const time = await timerOf(fn, where, clock);
  const calls = await callsOf(time);
  const times: number[] = [];
  const until = seconds() + budget;
  while (times.length < 5 || seconds() < until) {
    times.push(await time(calls));
    await new Promise(setImmediate);
  }
  return summarise(name, times, { flops, bytes, calls, clock });
}

/** Seconds a call of so many calls. The function is called once, to see whether it returns a promise. */
export async function timerOf(
  fn: Call,
  on: Device,
  clock: Clock,
): Promise<(calls: number) => number | Promise<number>> {
  const returned = scope(() => {
    const first = fn(0);
    return first instanceof Promise ? first.then(() => true) : false;
  });
  const waits = await returned;
  return waits ? (calls) => timeAsyncCalls(fn, calls, on, clock) : (calls) => timeCalls(fn, calls, on, clock);
}

export function summarise(
  name: string,
  times: readonly number[],
  about: { flops: number | null; bytes: number | null; calls: number; clock: Clock },
): Measurement {
  const { flops, bytes, calls, clock } = about;
  const middle = median(times);
  return {
    name,
    median: middle,
    p10: quantile(times, 0.1),
    p90: quantile(times, 0.9),
    least: Math.min(...times),
    batches: times.length,
    callsPerBatch: calls,
    clock,
    flops,
    bytes,
    gflops: flops === null ? null : flops / middle / 1e9,
    gbps: bytes === null ? null : bytes / middle / 1e9,
  };
}
