// The devices a test runs on, and the counters that show leaks.
import { setImmediate as turn } from 'node:timers/promises';
import { device, memory } from '../../lib/index.ts';
import { addon } from '../../lib/native/load.ts';

function present(name: string): boolean {
  try {
    device(name);
    return true;
  } catch {
    return false;
  }
}

/** cpu always, the test backend when it was built. */
export const testDevices: readonly string[] = ['cpu', 'fake'].filter((name) => name === 'cpu' || present(name));

export const hasFake: boolean = testDevices.includes('fake');

/** Bytes of all live storages of this thread, rounded as the allocator does: known at once, flushed or not. */
export function liveBytes(): number {
  return Object.values(memory()).reduce((total, { live }) => total + live, 0);
}

/** Waits until garbage collection has brought live bytes down to `wanted`, or gives up; returns what is left. */
export async function collectDownTo(wanted: number, rounds = 50): Promise<number> {
  for (let i = 0; i < rounds && liveBytes() > wanted; i++) {
    globalThis.gc?.();
    await turn();
  }
  return liveBytes();
}

/** Sets a fault hook of the test backend; see native/fake/backend.cc. */
export function injectFault(key: string, value: number): number {
  device('fake');
  const answer = addon.configure('fake', key, value);
  if (answer < 0) throw new Error(`no fault hook ${key}`);
  return answer;
}
