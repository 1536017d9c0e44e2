// The side of a peer in Node of what lib/bench/peer.ts says: makes cases and runs them when told, one JSON line each way.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

/** Finds packages where the command was called, since the peer is the user's to install. */
export const requireHere = createRequire(join(process.cwd(), 'noop.js'));

const say = (/** @type {Record<string, unknown>} */ answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/**
 * A family makes a call from a case's numbers, or null where the library has nothing of the kind.
 * @param {string} version
 * @param {Record<string, (params: any) => (() => unknown) | null | Promise<() => unknown>>} families
 */
export async function serve(version, families) {
  say({ ready: version });
  /** @type {(() => unknown) | null} */
  let work = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.make) {
      work = null; // its memory first
      const { family, ...params } = order.make;
      try {
        work = (await families[family]?.(params)) ?? null;
        if (work === null) throw new Error(`no counterpart of ${family}`);
        await work();
        say({ made: true });
      } catch (error) {
        say({ made: false, reason: String(error).slice(0, 200) });
      }
      continue;
    }
    const [start, before] = [process.hrtime.bigint(), process.cpuUsage()];
    for (let i = 0; i < order.run; i++) await work?.();
    const { user, system } = process.cpuUsage(before);
    say({ wall: Number(process.hrtime.bigint() - start) / 1e9, cpu: (user + system) / 1e6 });
  }
}
