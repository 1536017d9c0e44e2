import { argumentError } from '../errors.ts';
import { current, withContext, withContextSync } from './context.ts';
import type { Storage } from './storage.ts';
import { watch } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { formatValue } from './values.ts';

/** Objects with this method are searched for tensors when they leave a scope: Modules, batches, optimizers. */
export const scopeChildren: unique symbol = Symbol.for('warpgrad.scopeChildren');

export interface ScopeOwner {
  [scopeChildren](): Iterable<unknown>;
}

/** The tensors made in one context and not yet handed on. */
export class Scope {
  readonly tensors: Tensor[] = [];
  /** Storages of tensors that are gone, alive through a graph or a view: watched once no scope looks after them. */
  readonly storages: Storage[] = [];
  readonly outer: Scope | null;
  /** False where every storage that outlives the scope is known to be freed by count. */
  readonly watches: boolean;

  constructor(outer: Scope | null, watches = true) {
    this.outer = outer;
    this.watches = watches;
  }

  /** Frees what was made since `mark` except what `result` reaches; that moves to `heir`. */
  close(mark: number, result: unknown, heir: Scope | null): void {
    const { tensors } = this;
    if (tensors.length > mark) {
      const kept = reachable(result);
      let write = mark;
      for (let i = mark; i < tensors.length; i++) {
        const t = tensors[i] as Tensor;
        if (t._kept || (heir === null && kept.has(t))) {
          if (this.watches && t._state === 'live') watch(t.storage);
        } else if (!kept.has(t)) {
          t.dispose();
          if (t.storage.live && this.watches) this.storages.push(t.storage);
        } else if (heir === this) tensors[write++] = t;
        else heir?.tensors.push(t);
      }
      // By steps: setting `length` is a call into V8's runtime, which would cost as much as a small op.
      while (tensors.length > write) tensors.pop();
    }
    if (heir !== this) this.#handOn(heir);
  }

  #handOn(heir: Scope | null): void {
    for (const each of this.storages) {
      if (!each.live) continue;
      if (heir === null) watch(each);
      else heir.storages.push(each);
    }
    if (this.storages.length > 0) this.storages.length = 0;
  }
}

const nothing: ReadonlySet<unknown> = new Set();

/** Every tensor that can be found from `value` through arrays, plain objects, maps, sets and objects with scopeChildren. */
function reachable(value: unknown): ReadonlySet<unknown> {
  if (typeof value !== 'object' || value === null) return nothing;
  const seen = new Set<unknown>();
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const each = stack.pop();
    if (typeof each !== 'object' || each === null || seen.has(each)) continue;
    seen.add(each);
    if (isTensor(each)) {
      if (each._grad !== null) stack.push(each._grad);
    } else if (isOwner(each)) stack.push(...each[scopeChildren]());
    else if (Array.isArray(each) || each instanceof Set) stack.push(...each);
    else if (each instanceof Map) stack.push(...each.keys(), ...each.values());
    else if (isPlain(each)) stack.push(...Object.values(each));
  }
  return seen;
}

function isTensor(value: object): value is Tensor {
  return '_kept' in value;
}

function isOwner(value: object): value is ScopeOwner {
  return scopeChildren in value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Runs `fn` and frees every tensor made inside that cannot be reached from its result. Kept too: gradients of leaves, what
 * a live graph saved, and what `keep` was called on. An async `fn` is freed after its promise settles.
 * @returns what `fn` returns
 * @example
 * const y = scope(() => { const x = ones([3]); return x.add(1).mul(2); }); // only y is still allocated
 */
export function scope<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw argumentError('scope', `wants a function, got ${typeof fn}`);
  const outer = current().scope;
  const inner = new Scope(outer);
  let result: T;
  try {
    result = withContext({ scope: inner }, fn);
  } catch (error) {
    inner.close(0, undefined, outer);
    throw error;
  }
  if (!isPromise(result)) {
    inner.close(0, result, outer);
    return result;
  }
  const settled = result.then(
    (value) => {
      inner.close(0, value, outer);
      return value;
    },
    (error: unknown) => {
      inner.close(0, undefined, outer);
      throw error;
    },
  );
  return settled as T;
}

/** scope for synchronous code of ours (an op's intermediates): no async bookkeeping. */
export function tidy<T>(fn: () => T): T {
  const { scope: outer } = current();
  if (outer !== null) {
    const mark = outer.tensors.length;
    let result: unknown;
    try {
      const value = fn();
      result = value;
      return value;
    } finally {
      outer.close(mark, result, outer);
    }
  }
  const inner = new Scope(null);
  let result: unknown;
  try {
    const value = withContextSync({ scope: inner }, fn);
    result = value;
    return value;
  } finally {
    inner.close(0, result, null);
  }
}

/**
 * Exempts `t` from every scope: it lives until `dispose()` or garbage collection. Parameters, buffers and optimizer state
 * are kept this way.
 * @example
 * let total; scope(() => { total = keep(zeros([])); });
 */
export function keep<T extends Tensor>(t: T): T {
  if (typeof t !== 'object' || t === null || !isTensor(t)) {
    throw argumentError('keep', `wants a tensor, got ${formatValue(t)}`);
  }
  t._kept = true;
  return t;
}
