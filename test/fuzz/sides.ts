// The two sides of one program: the model's tensors beside the library's, and how calls on both are compared.
import { strict as assert } from 'node:assert';
import type { Tensor } from '../../lib/index.ts';
import { device as deviceOf, WarpgradError } from '../../lib/index.ts';
import { injectFault } from '../support/devices.ts';
import type { Fault } from './commands.ts';
import type { ModelTensor } from './model.ts';
import * as model from './model.ts';

export interface Figures {
  programs: number;
  commands: number;
  faults: number;
  refusals: number;
}

export interface Entry {
  readonly m: ModelTensor;
  readonly r: Tensor;
}

const exact = (t: ModelTensor): boolean => !t.base.store.rounded;

export function compare(got: ArrayLike<number>, wanted: readonly number[], label: string): void {
  assert.equal(got.length, wanted.length, `${label}: size`);
  for (let i = 0; i < wanted.length; i++) {
    if (Math.fround(wanted[i] as number) !== got[i]) assert.fail(`${label} [${i}]: wanted ${wanted[i]}, got ${got[i]}`);
  }
}

export const codeOf = (error: unknown): string => {
  if (error instanceof WarpgradError || error instanceof model.ModelError) return error.code;
  throw error;
};

/** The second value; the first is there for what it does, or throws. */
export function after<T>(_: unknown, value: T): T {
  return value;
}

export function live({ m }: Entry): void {
  if (!m.alive) throw new model.ModelError('ERR_DISPOSED', 'dead');
}

function failureCode(t: Tensor): string | null {
  try {
    t.dataSync();
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

/** One program's state on one device. */
export class Sides {
  readonly entries: Entry[] = [];
  /** Their gradients are disposed at the end: disposing a leaf leaves its gradient alone. */
  readonly leaves: Tensor[] = [];
  readonly pending: Promise<void>[] = [];
  readonly looks: { readonly array: ArrayLike<number>; readonly wanted: readonly number[] }[] = [];
  readonly device: string;
  readonly figures: Figures;

  constructor(device: string, figures: Figures) {
    this.device = device;
    this.figures = figures;
  }

  async synchronize(): Promise<void> {
    await deviceOf(this.device).synchronize().catch(codeOf);
  }

  synchronizeSync(): void {
    try {
      deviceOf(this.device).synchronizeSync();
    } catch (error) {
      codeOf(error);
    }
  }

  choose(n: number): Entry | null {
    const { entries } = this;
    return entries.length === 0 ? null : (entries[n % entries.length] as Entry);
  }

  /** Both sides make a tensor, or both refuse with one code. */
  both(makeModel: () => ModelTensor | null, makeReal: () => Tensor | null, label: string): void {
    let m: ModelTensor | null = null;
    let refusal: string | null = null;
    try {
      m = makeModel();
    } catch (error) {
      refusal = codeOf(error);
    }
    let r: Tensor | null = null;
    try {
      r = makeReal();
    } catch (error) {
      const code = codeOf(error);
      // A call with two mistakes may name either.
      if (refusal === 'ERR_DISPOSED' && (code === 'ERR_SHAPE' || code === 'ERR_ARGUMENT')) return;
      if (refusal === 'ERR_SHAPE' && code === 'ERR_ARGUMENT' && label.endsWith('_')) return;
      assert.equal(
        code,
        refusal,
        `${label}: refused (${(error as Error).message}), the model says ${refusal ?? 'it works'}`,
      );
      this.figures.refusals++;
      return;
    }
    if (refusal !== null) assert.fail(`${label}: the model refuses with ${refusal}`);
    if (m && r) {
      if (model.isLeaf(m)) this.leaves.push(r);
      assert.deepEqual([...r.shape], [...m.shape], `${label}: shape`);
      this.entries.push({ m, r });
    }
  }

  /** Runs one op with a fault armed for its kernel or its memory; the model learns whether it struck. */
  withFault(fault: Fault, code: () => void, struck: (code: string) => void): void {
    if (fault === 'none' || this.device !== 'fake') {
      code();
      return;
    }
    this.synchronizeSync();
    const before = injectFault('injected', 0);
    const hook = fault === 'op' ? 'failOp' : 'failAllocation';
    injectFault(hook, 1);
    try {
      code();
      this.synchronizeSync();
    } finally {
      injectFault(hook, 0);
    }
    if (injectFault('injected', 0) === before) return;
    this.figures.faults++;
    struck(fault === 'op' ? 'ERR_INJECTED' : 'ERR_OUT_OF_MEMORY');
  }

  op(
    label: string,
    fault: Fault,
    operands: readonly Entry[],
    makeModel: () => ModelTensor,
    makeReal: () => Tensor,
  ): void {
    const count = this.entries.length;
    this.withFault(
      fault,
      () =>
        this.both(
          () => {
            if (operands.some(({ m }) => !m.alive)) throw new model.ModelError('ERR_DISPOSED', label);
            return makeModel();
          },
          makeReal,
          label,
        ),
      (code) => {
        const made = this.entries[count];
        if (!made) return;
        const { failure } = made.m.base.store;
        if (code === 'ERR_INJECTED') made.m.base.store.failure = code;
        else if (failure === null && failureCode(made.r) === code) made.m.base.store.failure = code;
      },
    );
  }

  read({ m, r }: Entry, how: 'data' | 'sync' | 'lend'): void {
    const { failure } = m.base.store;
    const wanted = exact(m) ? model.values(m) : null;
    const empty = m.shape.includes(0);
    if (how === 'sync') {
      this.both(
        () => {
          if (!m.alive) throw new model.ModelError('ERR_DISPOSED', 'read');
          if (failure !== null && !empty) throw new model.ModelError(failure, 'read');
          return null;
        },
        () => {
          const got = r.dataSync() as Float32Array;
          if (wanted) compare(got, wanted, 'dataSync');
          return null;
        },
        'dataSync',
      );
      return;
    }
    if (!m.alive) {
      const call = async (): Promise<unknown> => (how === 'data' ? r.data() : r.lend(() => 0));
      const refused = assert.rejects(call(), { code: 'ERR_DISPOSED' });
      refused.catch(() => {});
      this.pending.push(refused);
      return;
    }
    const promise =
      how === 'data'
        ? (r.data() as Promise<Float32Array>)
        : r.lend((array) => Float32Array.from(array as Float32Array));
    const check = promise.then(
      (got) => {
        if (failure !== null && !empty) assert.fail(`${how}: wanted ${failure}, got values`);
        if (!wanted) return;
        compare(got, wanted, how);
        if (how === 'data') this.looks.push({ array: got, wanted });
      },
      (error) => assert.equal(codeOf(error), failure, `${how} rejects`),
    );
    check.catch(() => {});
    this.pending.push(check);
  }
}
