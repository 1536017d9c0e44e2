import { cpus, totalmem } from 'node:os';
import { execFileSync } from 'node:child_process';
import { devices, scope } from '../lib/index.ts';
import type { Device } from '../lib/index.ts';
import type { Work } from './family.ts';

/** What a figure depends on besides the code. */
export function machine(): Record<string, unknown> {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim(),
    cores: list.length,
    isa: devices()[0]?.architecture,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The commit that is measured, with a `+` when files differ from it; null outside a clone. */
export function commit(): string | null {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return null;
  }
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] as number;
  return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - low);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function print(row: Record<string, unknown>): void {
  console.log(JSON.stringify(row, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value)));
}

export function seconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** What is counted: time passed, or this process's time on processors, which others that are busy do not lengthen. */
export type Clock = 'wall' | 'cpu';

/** Seconds a call takes, of `calls` calls of ours with one wait at their end. */
export function timeCalls(work: Work, calls: number, on: Device, clock: Clock): number {
  const read = (): number => {
    if (clock === 'wall') return seconds();
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const start = read();
  for (let i = 0; i < calls; i++) scope(() => void work.run());
  on.synchronizeSync();
  return (read() - start) / calls;
}

/** Seconds of a batch: long against the wait at its end, short against the time between interruptions. */
const batchSeconds = 0.005;

/** How many calls make a batch, after some that warm up. A step that is captured runs eagerly twice first. */
export async function callsOf(time: (calls: number) => number | Promise<number>): Promise<number> {
  await time(3);
  return Math.max(1, Math.min(100_000, Math.round(batchSeconds / (await time(2)))));
}
