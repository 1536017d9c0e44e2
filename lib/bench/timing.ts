// How a call is timed: in batches that are long against the wait at their end and short against the time between interruptions.
import { scope } from '../index.ts';
import type { Device } from '../index.ts';

export function seconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/**
 * What is counted: time passed (`wall`), or this process's time on processors (`cpu`), which others that are busy do not lengthen. A
 * device's work is not on processors, and threads that wait for each other are: `cpu` is for one thread.
 */
export type Clock = 'wall' | 'cpu';

export function readClock(clock: Clock): number {
  if (clock === 'wall') return seconds();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What is timed; it gets the number of the call, so that it can take other inputs than the last one did. */
export type Call = (call: number) => unknown;

/** Seconds a call takes, of `calls` calls of ours with one wait at their end. */
export function timeCalls(run: Call, calls: number, on: Device, clock: Clock): number {
  const start = readClock(clock);
  for (let i = 0; i < calls; i++) scope(() => void run(i));
  on.synchronizeSync();
  return (readClock(clock) - start) / calls;
}

/** The same of a function that returns promises: each call ends before the next begins. */
export async function timeAsyncCalls(run: Call, calls: number, on: Device, clock: Clock): Promise<number> {
  const start = readClock(clock);
  for (let i = 0; i < calls; i++) await scope(async () => void (await run(i)));
  await on.synchronize();
  return (readClock(clock) - start) / calls;
}

/** Seconds of a batch: long against the wait at its end, short against the time between interruptions. */
const batchSeconds = 0.005;

/** How many calls make a batch, after some that warm up. A step that is captured runs eagerly twice first. */
export async function callsOf(
  time: (calls: number) => number | Promise<number>,
  batch: number = batchSeconds,
): Promise<number> {
  await time(3);
  return Math.max(1, Math.min(100_000, Math.round(batch / (await time(2)))));
}
