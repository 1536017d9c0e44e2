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

/** Those that WARPGRAD_TEST_DEVICES names; else the CPU, and the test backend when it was built. */
export const testDevices: readonly string[] =
  process.env['WARPGRAD_TEST_DEVICES']?.split(',') ?? ['cpu', 'fake'].filter((name) => name === 'cpu' || present(name));

/** Those of them that have fault hooks. */
export const faultyDevices: readonly string[] = testDevices.filter((name) => name === 'fake' || name === 'cuda-emu');

export const isFaulty = (name: string): boolean => faultyDevices.includes(name);

export const hasFake: boolean = testDevices.includes('fake');

/** Whether the device works on the host's own memory, so that arrays can be borrowed and lent without a copy. */
export const sharesMemory = (name: string): boolean => !name.startsWith('cuda');

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

/** Sets a fault hook; see native/fake/backend.cc and native/emu/runtime.h. */
export function injectFault(key: string, value: number, where = 'fake'): number {
  device(where);
  const answer = addon.configure(where, key, value);
  if (answer < 0) throw new Error(`no fault hook ${key}`);
  return answer;
}
