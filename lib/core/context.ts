import { AsyncLocalStorage } from 'node:async_hooks';
import type { Device } from './device.ts';
import type { Scope } from './scope.ts';

/** Everything ambient. Immutable: a mode is entered by running under a changed copy. */
export interface Context {
  readonly gradMode: boolean;
  readonly inference: boolean;
  readonly device: Device | null;
  readonly scope: Scope | null;
  readonly queue: 'train' | 'serve';
  readonly anomaly: boolean;
  /** What keeps tensors for backward instead of the tape itself (a TensorSaver of lib/autograd); null: the tape. */
  readonly saver: object | null;
  /** The dtype products are computed in, or null. */
  readonly autocast: 'float16' | 'bfloat16' | null;
}

const root: Context = {
  gradMode: true,
  inference: false,
  device: null,
  scope: null,
  queue: 'train',
  anomaly: false,
  saver: null,
  autocast: null,
};

const storage = new AsyncLocalStorage<Context>();

// `active` is set exactly while a withContext frame is on the stack: no other task can run then, so it needs no lookup.
// Code that continues after an await finds it null and asks the AsyncLocalStorage, which is not even consulted (and adds
// nothing to promises) until the first withContext.
let active: Context | null = null;
let used = false;

/** The context of the code that is running. */
export function current(): Context {
  if (active !== null) return active;
  return used ? (storage.getStore() ?? root) : root;
}

/** Runs `fn` under the current context with `change` applied. `fn` may be async: what follows its awaits keeps the context. */
export function withContext<T>(change: Partial<Context>, fn: () => T): T {
  const outer = active;
  const next: Context = { ...current(), ...change };
  used = true;
  active = next;
  try {
    return storage.run(next, fn);
  } finally {
    active = outer;
  }
}

/** withContext for code of ours that is known to be synchronous: no promise made inside may outlive the call. */
export function withContextSync<T>(change: Partial<Context>, fn: () => T): T {
  const outer = active;
  active = { ...current(), ...change };
  try {
    return fn();
  } finally {
    active = outer;
  }
}
