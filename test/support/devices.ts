// The devices a test runs on, and the counters that show leaks.
import { setImmediate as turn } from 'node:timers/promises';
import { device, memory, scope, WarpgradError } from '../../lib/index.ts';
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

const unported = new Map<string, number>();

/**
 * Runs the body of a test of `op` on a device. On CUDA an op without a kernel ends it; such tests count as skipped and are
 * listed at the end. Returns whether it came to its end.
 */
export function wherePorted(op: string, where: string, body: () => void): boolean {
  if (!where.startsWith('cuda')) {
    body();
    return true;
  }
  try {
    scope(body);
    return true;
  } catch (error) {
    if (!(error instanceof WarpgradError && /has no CUDA kernel/.test(error.message))) throw error;
    unported.set(op, (unported.get(op) ?? 0) + 1);
    return false;
  }
}

process.on('exit', () => {
  if (unported.size === 0) return;
  const total = [...unported.values()].reduce((a, b) => a + b);
  console.log(`# without a CUDA kernel: ${[...unported].map(([op, times]) => `${op} ${times}`).join(', ')}`);
  console.log(`  Unported:  ${total}`); // as uvu prints its totals; see run.ts
});
