// The peers' times beside ours: a batch of ours, a batch of each peer, and again.
import { setTimeout as pause } from 'node:timers/promises';
import { device, getThreads, scope } from '../index.ts';
import type { Case } from './family.ts';
import type { Peer } from './peer.ts';
import { median } from './statistics.ts';
import { callsOf, type Clock, seconds, timeCalls } from './timing.ts';

export interface PeerResult {
  readonly name: string;
  readonly version: string;
  /** Seconds a call, of the least batches and of the middle ones; beside ours, measured in turns. */
  readonly least: number;
  readonly median: number;
  readonly ours: { readonly least: number; readonly median: number };
  /** Theirs over ours, of the least times, which other work on the machine disturbs least: above 1, ours is faster. */
  readonly ratio: number;
}

/** OpenMP's and OpenBLAS's threads go on spinning this long after their work, on processors that the next batch needs. */
const spinMs = 100;

/**
 * Each side runs this long untimed, and this often or as long as the last figure says: V8 compiles what is hot meanwhile, on threads
 * whose time the processor clock counts too. A short op's JavaScript takes 370 µs a call at first and 20 from some 5000 calls on.
 * Then `turn` seconds before each batch that counts.
 */
const warm = { seconds: 0.1, calls: 8192, most: 1.5, turn: 0.02 } as const;

async function warmUp(run: (calls: number) => number | Promise<number>): Promise<void> {
  const start = seconds();
  let calls = 0;
  for (let n = 1; ; n = Math.min(2 * n, 512)) {
    await run(n);
    calls += n;
    const passed = seconds() - start;
    if (passed > warm.most || (passed > warm.seconds && calls >= warm.calls)) return;
  }
}

/** Seconds a call of each round, of ours and of each peer. */
export async function inTurns(one: Case, peers: readonly Peer[], rounds: number, clock: Clock): Promise<number[][]> {
  const cpu = device('cpu');
  return await scope(async () => {
    const work = one.make();
    const runs = [
      (calls: number) => timeCalls(work.run, calls, cpu, clock),
      ...peers.map((peer) => (n: number) => peer.run(n, clock)),
    ];
    const calls: number[] = [];
    for (const run of runs) {
      await warmUp(run);
      calls.push(await callsOf(run));
    }
    const times: number[][] = runs.map(() => []);
    for (let i = 0; i < rounds; i++) {
      for (const [k, run] of runs.entries()) {
        // The other sides' turns and the pause behind them leave threads asleep and the caches full of what has to be written back
        // first: a pooling of 32 MB takes a quarter longer in its second call than in its fifth.
        const batch = calls[k] as number;
        for (let passed = 0; passed < warm.turn; ) passed += batch * (await run(batch));
        times[k]?.push(await run(batch));
        await pause(getThreads() > 1 ? spinMs : 0);
      }
    }
    return times;
  });
}

/** What each peer that has a counterpart took for the case. */
export async function againstPeers(
  one: Case,
  peers: readonly Peer[],
  rounds: number,
  clock: Clock,
): Promise<readonly PeerResult[]> {
  const able: Peer[] = [];
  for (const peer of peers) if (await peer.make(one)) able.push(peer);
  if (able.length === 0) return [];
  const [mine = [], ...theirs] = await inTurns(one, able, rounds, clock);
  const ours = { least: Math.min(...mine), median: median(mine) };
  return able.map(({ name, version }, i) => {
    const times = theirs[i] as number[];
    const least = Math.min(...times);
    return { name, version, least, median: median(times), ours, ratio: least / ours.least };
  });
}
