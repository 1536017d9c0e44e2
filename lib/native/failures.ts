// Failures of queued ops: logged natively under an id, told to whoever reads a tensor they spoiled, and never lost.
import { nativeCodes, WarpgradError } from '../errors.ts';
import type { NativeFailure } from './addon.ts';
import { schema } from './schema.ts';

interface Failure {
  readonly error: WarpgradError;
  readonly queue: number;
  seen: boolean;
}

const names: readonly string[] = schema.ops.map((row) => row.name);
const known = new Map<number, Failure>();
const unseen = new Set<Failure>();
const kept = 4096; // older failures lose their words, not their effect

/** Where the op that runs now was called, while WARPGRAD_SYNC=1 records it. */
let site: Error | undefined;

export function noteSite(): void {
  site = new Error('the op was called here');
}

const transferRecord = -5; // as in command-buffer.ts
const nameOf = (op: number): string => names[op] ?? (op === transferRecord ? 'to' : 'alloc');

export function noteFailure(row: NativeFailure): void {
  const code = nativeCodes[row.code] ?? 'ERR_UNSUPPORTED';
  const message = row.message.startsWith(`${nameOf(row.op)}:`) ? row.message : `${nameOf(row.op)}: ${row.message}`;
  const error = new WarpgradError(code, `${message} (op ${row.seq} of its queue)`, { cause: site });
  const failure = { error, queue: row.queue, seen: false };
  known.set(row.id, failure);
  if (known.size > kept) known.delete(known.keys().next().value as number);
  unseen.add(failure);
  setTimeout(warn, 1000, failure).unref();
}

function warn(failure: Failure): void {
  if (failure.seen) return;
  see(failure);
  process.emitWarning(`${failure.error.message}; nobody read the result`, {
    type: 'WarpgradWarning',
    code: failure.error.code,
  });
}

function see(failure: Failure): void {
  failure.seen = true;
  unseen.delete(failure);
}

/** The error to give somebody who reads a failed tensor: `op` made it, `root` is why. */
export function failureOf(root: number, op: number): WarpgradError {
  const failure = known.get(root);
  if (failure === undefined) return new WarpgradError('ERR_CANCELLED', `${nameOf(op)}: an earlier op failed`);
  see(failure);
  const { error } = failure;
  if (op < 0 || error.message.startsWith(`${nameOf(op)}:`)) return error;
  return new WarpgradError(error.code, `${nameOf(op)}: skipped because its input failed: ${error.message}`, {
    cause: error,
  });
}

/** Everything on `queue` nobody has seen, as one error, or null. Seeing it clears it. */
export function takeUnseen(queue: number): WarpgradError | null {
  const errors: WarpgradError[] = [];
  for (const failure of unseen) {
    if (failure.queue !== queue) continue;
    see(failure);
    errors.push(failure.error);
  }
  const [first] = errors;
  if (first === undefined || errors.length === 1) return first ?? null;
  const cause = new AggregateError(errors, `${errors.length} ops failed`);
  return new WarpgradError(first.code, `synchronize: ${errors.length} ops failed, the first: ${first.message}`, {
    cause,
  });
}
