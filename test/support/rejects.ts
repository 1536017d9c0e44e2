import { strict as assert } from 'node:assert';
import { type ErrorCode, WarpgradError } from '../../lib/index.ts';

function check(error: unknown, code: ErrorCode, message: RegExp): void {
  assert.ok(error instanceof WarpgradError, `wanted a WarpgradError, got ${String(error)}`);
  assert.equal((error as WarpgradError).code, code, (error as WarpgradError).message);
  assert.match((error as WarpgradError).message, message);
}

/** `fn` must throw a WarpgradError with this code and message. */
export function rejects(fn: () => unknown, code: ErrorCode, message: RegExp): void {
  try {
    fn();
  } catch (error) {
    check(error, code, message);
    return;
  }
  assert.fail(`wanted ${code}, nothing was thrown`);
}

/** The promise must reject with a WarpgradError with this code and message. */
export async function rejectsLater(promise: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    check(error, code, message);
    return;
  }
  assert.fail(`wanted ${code}, nothing was thrown`);
}

/** Numbers equal up to `tolerance`, relative above 1. */
export function close(got: ArrayLike<number | bigint>, wanted: ArrayLike<number>, tolerance: number): void {
  assert.equal(got.length, wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const a = Number(got[i]);
    const b = wanted[i] ?? Number.NaN;
    const fine = Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
    assert.ok(fine, `element ${i}: ${a}, wanted ${b}`);
  }
}
