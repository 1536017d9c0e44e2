// How a call is timed: in batches that are long against the wait at their end and short against the time between interruptions.
import { timestamp } from '../core/primitives.ts';
import { scope } from '../index.ts';
import type { Device } from '../index.ts';

export function seconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/**
 * What is counted: time passed (`wall`); this process's time on processors (`cpu`), which others that are busy do not lengthen; or what
 * passed on the clock of the device between two ops that read it (`device`), which leaves out how its end is learnt of. A GPU's work is
 * not on processors, and threads that wait for each other are: `cpu` is for one thread.
 */
export type Clock = 'wall' | 'cpu' | 'device';

/** A GPU's own clock; the time passed elsewhere. */
export function usualClock(on: Device): Clock {
  return on.kind === 'cuda' ? 'device' : 'wall';
}

function hostClock(clock: 'wall' | 'cpu'): number {
  if (clock === 'wall') return seconds();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What is timed; it gets the number of the call, so that it can take other inputs than the last one did. */
export type Call = (call: number) => unknown;

/** Begins to count; what it returns waits for the device and gives the seconds since. */
function startClock(clock: Clock, on: Device): () => number {
  if (clock === 'device') {
    const start = timestamp(on.train);
    return () => {
      const end = timestamp(on.train);
      on.synchronizeSync(); // throws what has failed
      return Number(end.itemSync() - start.itemSync()) / 1e9;
    };
  }
  const start = hostClock(clock);
  return () => {
    on.synchronizeSync();
    return hostClock(clock) - start;
  };
}

/** Seconds a call takes, of `calls` calls of ours with one wait at their end. */
export function timeCalls(run: Call, calls: number, on: Device, clock: Clock): number {
  return scope(() => {
    const stop = startClock(clock, on);
    for (let i = 0; i < calls; i++) scope(() => void run(i));
    return stop() / calls;
  });
}

/** The same of a function that returns promises: each call ends before the next begins. */
export async function timeAsyncCalls(run: Call, calls: number, on: Device, clock: Clock): Promise<number> {
  return await scope(async () => {
    const stop = startClock(clock, on);
    for (let i = 0; i < calls; i++) await scope(async () => void (await run(i)));
    await on.synchronize();
    return stop() / calls;
  });
}

/** Seconds of a batch: long against the wait at its end, short against the time between interruptions. */
const batchSeconds = 0.005;

/**
 * How many calls make a batch, after some that warm up. A step that is captured runs eagerly twice first. The first few calls find
 * cold caches and wait for each other's end, so that a guess from them is tried and made again until it holds.
 */
export async function callsOf(
  time: (calls: number) => number | Promise<number>,
  batch: number = batchSeconds,
): Promise<number> {
  await time(3);
  let calls = 2;
  for (;;) {
    const wanted = Math.max(1, Math.min(100_000, Math.round(batch / (await time(calls)))));
    if (wanted <= 2 * calls) return wanted;
    calls = wanted;
  }
}
