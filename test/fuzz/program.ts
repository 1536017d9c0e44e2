// Random programs: what they are made of, and how one runs on the library and on the model at once.
import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { withContext } from '../../lib/core/context.ts';
import type { Tensor } from '../../lib/index.ts';
import {
  borrow,
  capture,
  device,
  grad,
  noGrad,
  scope,
  setMemoryLimit,
  tensor,
  WarpgradError,
} from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { injectFault, liveBytes } from '../support/devices.ts';
import { Random } from '../support/random.ts';
import * as model from './model.ts';
import type { ModelTensor } from './model.ts';

/** Numbers in commands choose among what exists when they run, so that any part of a program is a program. */
export type Command =
  | {
      readonly kind: 'create';
      readonly shape: number;
      readonly seed: number;
      readonly how: 'plain' | 'grad' | 'borrow';
    }
  | {
      readonly kind: 'binary';
      readonly name: 'add' | 'sub' | 'mul';
      readonly a: number;
      readonly b: number;
      readonly fault: Fault;
    }
  | { readonly kind: 'matmul'; readonly a: number; readonly b: number; readonly fault: Fault }
  | {
      readonly kind: 'sum';
      readonly a: number;
      readonly axis: number;
      readonly keepdim: boolean;
      readonly fault: Fault;
    }
  | { readonly kind: 'index'; readonly a: number; readonly rows: readonly number[]; readonly fault: Fault }
  | {
      readonly kind: 'copySlice';
      readonly a: number;
      readonly b: number;
      readonly start: number;
      readonly length: number;
    }
  | {
      readonly kind: 'view';
      readonly how: 'transpose' | 'narrow' | 'select' | 'expand' | 'step' | 'flatten' | 'detach';
      readonly a: number;
      readonly p: number;
      readonly q: number;
    }
  | {
      readonly kind: 'inPlace';
      readonly name: model.InPlace;
      readonly a: number;
      readonly b: number;
      readonly noGrad: boolean;
      readonly fault: Fault;
    }
  | { readonly kind: 'write'; readonly a: number; readonly seed: number }
  | { readonly kind: 'read'; readonly how: 'data' | 'sync' | 'lend'; readonly a: number }
  | { readonly kind: 'dispose'; readonly a: number }
  | { readonly kind: 'backward'; readonly a: number; readonly retain: boolean }
  | { readonly kind: 'gradient'; readonly a: number; readonly leaf: number; readonly create: boolean }
  | { readonly kind: 'capture'; readonly a: number; readonly seed: number; readonly calls: number }
  | { readonly kind: 'scope'; readonly body: readonly Command[]; readonly keep: number; readonly serve: boolean }
  | { readonly kind: 'settle' | 'turn' | 'gc' | 'synchronize' | 'outOfMemory' };

type Fault = 'none' | 'op' | 'allocation';

const pick = fc.nat(1000);
const fault = fc.oneof(
  { weight: 12, arbitrary: fc.constant('none' as const) },
  { weight: 1, arbitrary: fc.constantFrom('op' as const, 'allocation' as const) },
);
const simple: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      shape: pick,
      seed: pick,
      how: fc.constantFrom('plain' as const, 'plain' as const, 'grad' as const, 'grad' as const, 'borrow' as const),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('binary' as const),
      name: fc.constantFrom('add' as const, 'sub' as const, 'mul' as const),
      a: pick,
      b: pick,
      fault,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('matmul' as const), a: pick, b: pick, fault }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('sum' as const), a: pick, axis: pick, keepdim: fc.boolean(), fault }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('index' as const),
      a: pick,
      rows: fc.array(fc.integer({ min: -1, max: 40 }), { maxLength: 4 }),
      fault,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('copySlice' as const), a: pick, b: pick, start: pick, length: pick }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('view' as const),
      how: fc.constantFrom(
        'transpose' as const,
        'narrow' as const,
        'select' as const,
        'expand' as const,
        'step' as const,
        'flatten' as const,
        'detach' as const,
      ),
      a: pick,
      p: pick,
      q: pick,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('inPlace' as const),
      name: fc.constantFrom('add_' as const, 'sub_' as const, 'mul_' as const, 'copy_' as const, 'fill_' as const),
      a: pick,
      b: pick,
      noGrad: fc.boolean(),
      fault,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), a: pick, seed: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      how: fc.constantFrom('data' as const, 'data' as const, 'sync' as const, 'lend' as const),
      a: pick,
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('dispose' as const), a: pick }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('backward' as const), a: pick, retain: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('gradient' as const), a: pick, leaf: pick, create: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('capture' as const),
      a: pick,
      seed: pick,
      calls: fc.integer({ min: 2, max: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'settle' as const,
        'turn' as const,
        'gc' as const,
        'synchronize' as const,
        'outOfMemory' as const,
      ),
    }),
  },
);
const scoped: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('scope' as const),
  body: fc.array(simple, { maxLength: 8 }),
  keep: pick,
  serve: fc.boolean(),
});

export const programs: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof({ weight: 15, arbitrary: simple }, { weight: 1, arbitrary: scoped }),
  { minLength: 1, maxLength: 40, size: 'max' },
);

/** Mostly shapes that fit each other; the last is large enough for zero-copy reads. */
const shapes: readonly (readonly number[])[] = [
  [2, 3],
  [3, 2],
  [3],
  [2],
  [],
  [3, 3],
  [1, 3],
  [2, 1],
  [0, 3],
  [2, 2, 3],
  [33, 40],
  [3, 3],
  [33, 40],
];

export interface Figures {
  programs: number;
  commands: number;
  faults: number;
  refusals: number;
}

interface Entry {
  readonly m: ModelTensor;
  readonly r: Tensor;
}

/** One program's state. */
class World {
  readonly entries: Entry[] = [];
  /** Their gradients are disposed at the end: disposing a leaf leaves its gradient alone. */
  readonly leaves: Tensor[] = [];
  readonly pending: Promise<void>[] = [];
  readonly looks: { readonly array: ArrayLike<number>; readonly wanted: readonly number[] }[] = [];
}

const exact = (t: ModelTensor): boolean => !t.base.store.rounded;

function compare(got: ArrayLike<number>, wanted: readonly number[], label: string): void {
  assert.equal(got.length, wanted.length, `${label}: size`);
  for (let i = 0; i < wanted.length; i++) {
    if (Math.fround(wanted[i] as number) !== got[i]) assert.fail(`${label} [${i}]: wanted ${wanted[i]}, got ${got[i]}`);
  }
}

const codeOf = (error: unknown): string => {
  if (error instanceof WarpgradError || error instanceof model.ModelError) return error.code;
  throw error;
};

export class Runner {
  readonly figures: Figures = { programs: 0, commands: 0, faults: 0, refusals: 0 };
  readonly #device: string;
  #world = new World();
  #serving = false;

  constructor(deviceName: string) {
    this.#device = deviceName;
  }

  /** Runs one program on both sides; throws at the first difference. */
  async run(program: readonly Command[], seed: number): Promise<void> {
    const before = liveBytes();
    this.#world = new World();
    this.#serving = false;
    if (this.#device === 'fake') {
      injectFault('seed', seed);
      injectFault('delayUs', seed % 3 === 0 ? 60 : 0);
    }
    try {
      await this.#commands(program);
      await this.#finish();
    } finally {
      this.#disposeAll();
      await Promise.allSettled(this.#world.pending);
      if (this.#device === 'fake') for (const hook of ['delayUs', 'failOp', 'failAllocation']) injectFault(hook, 0);
    }
    this.#world = new World();
    await this.#synchronize();
    // Nodes are counted by the tensors they made, so graphs nobody ran backward through are gone with those, without any help
    // from garbage collection.
    const left = liveBytes() - before;
    assert.ok(left <= 0, `${left} bytes of storages left over`);
    this.figures.programs++;
  }

  #disposeAll(): void {
    for (const { r } of this.#world.entries) r.dispose();
    for (const leaf of this.#world.leaves) leaf.grad?.dispose();
  }

  async #synchronize(): Promise<void> {
    await device(this.#device).synchronize().catch(codeOf);
  }

  #synchronizeSync(): void {
    try {
      device(this.#device).synchronizeSync();
    } catch (error) {
      codeOf(error);
    }
  }

  async #commands(list: readonly Command[]): Promise<void> {
    for (const command of list) {
      this.figures.commands++;
      await this.#command(command);
    }
  }

  #choose(n: number): Entry | null {
    const { entries } = this.#world;
    return entries.length === 0 ? null : (entries[n % entries.length] as Entry);
  }

  /** Both sides make a tensor, or both refuse with one code. */
  #both(makeModel: () => ModelTensor | null, makeReal: () => Tensor | null, label: string): void {
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
      if (model.isLeaf(m)) this.#world.leaves.push(r);
      assert.deepEqual([...r.shape], [...m.shape], `${label}: shape`);
      this.#world.entries.push({ m, r });
    }
  }

  /** Runs one op with a fault armed for its kernel or its memory; the model learns whether it struck. */
  #withFault(fault: Fault, code: () => void, struck: (code: string) => void): void {
    if (fault === 'none' || this.#device !== 'fake') {
      code();
      return;
    }
    this.#synchronizeSync();
    const before = injectFault('injected', 0);
    const hook = fault === 'op' ? 'failOp' : 'failAllocation';
    injectFault(hook, 1);
    try {
      code();
      this.#synchronizeSync();
    } finally {
      injectFault(hook, 0);
    }
    if (injectFault('injected', 0) === before) return;
    this.figures.faults++;
    struck(fault === 'op' ? 'ERR_INJECTED' : 'ERR_OUT_OF_MEMORY');
  }

  #op(
    label: string,
    fault: Fault,
    operands: readonly Entry[],
    makeModel: () => ModelTensor,
    makeReal: () => Tensor,
  ): void {
    const count = this.#world.entries.length;
    this.#withFault(
      fault,
      () =>
        this.#both(
          () => {
            if (operands.some(({ m }) => !m.alive)) throw new model.ModelError('ERR_DISPOSED', label);
            return makeModel();
          },
          makeReal,
          label,
        ),
      (code) => {
        const made = this.#world.entries[count];
        if (!made) return;
        const { failure } = made.m.base.store;
        if (code === 'ERR_INJECTED') made.m.base.store.failure = code;
        else if (failure === null && failureCode(made.r) === code) made.m.base.store.failure = code;
      },
    );
  }

  async #command(command: Command): Promise<void> {
    const world = this.#world;
    switch (command.kind) {
      case 'create':
        return this.#create(command.shape, command.seed, command.how);
      case 'binary': {
        const [a, b] = [this.#choose(command.a), this.#choose(command.b)];
        if (!a || !b) return;
        const { name } = command;
        return this.#op(
          name,
          command.fault,
          [a, b],
          () => model[name](a.m, b.m),
          () => binaryOps[name](a.r, b.r),
        );
      }
      case 'matmul': {
        const [a, b] = [this.#choose(command.a), this.#choose(command.b)];
        if (a?.m.shape.length !== 2 || b?.m.shape.length !== 2) return;
        return this.#op(
          'matmul',
          command.fault,
          [a, b],
          () => model.matmul(a.m, b.m),
          () => ops.matmul(a.r, b.r),
        );
      }
      case 'sum': {
        const a = this.#choose(command.a);
        if (!a) return;
        const axis = a.m.shape.length === 0 || command.axis % 3 === 0 ? null : command.axis % a.m.shape.length;
        const options = { keepdim: command.keepdim, ...(axis === null ? {} : { axis }) };
        return this.#op(
          'sum',
          command.fault,
          [a],
          () => model.sum(a.m, axis, command.keepdim),
          () => ops.sum(a.r, options),
        );
      }
      case 'index': {
        const a = this.#choose(command.a);
        if (!a || a.m.shape.length === 0) return;
        const [size = 0] = a.m.shape;
        // Mostly valid rows: 40 stands for one past the end.
        const rows = command.rows.map((row) => (row < 0 ? -1 : row === 40 ? size : size === 0 ? 0 : row % size));
        return this.#op(
          'index',
          command.fault,
          [a],
          () => model.index(a.m, rows),
          () => {
            const indices = tensor(Int32Array.from(rows), { device: this.#device });
            try {
              return ops.index(a.r, indices);
            } finally {
              indices.dispose();
            }
          },
        );
      }
      case 'copySlice': {
        const [a, b] = [this.#choose(command.a), this.#choose(command.b)];
        const [size] = a?.m.shape ?? [];
        if (!a || !b || size === undefined) return;
        const start = command.start % (size + 1);
        const stop = start + (command.length % (size - start + 1));
        return this.#op(
          'copySlice',
          'none',
          [a, b],
          () => model.copySlice(a.m, b.m, start, stop),
          () => ops.copySlice(a.r, b.r, [[start, stop]]),
        );
      }
      case 'view':
        return this.#view(command.how, command.a, command.p, command.q);
      case 'inPlace':
        return this.#inPlace(command.name, command.a, command.b, command.noGrad, command.fault);
      case 'write': {
        const a = this.#choose(command.a);
        if (!a || a.m.shape.includes(0)) return;
        const random = new Random(command.seed);
        const data = Float32Array.from({ length: model.numel(a.m.shape) }, () => random.integer(-3, 3));
        return this.#both(
          () => after(live(a), after(model.write(a.m, data), null)),
          () => after(a.r.write(data), after(data.fill(99), null)),
          'write',
        );
      }
      case 'read': {
        const a = this.#choose(command.a);
        if (a) this.#read(a, command.how);
        return;
      }
      case 'dispose': {
        const a = this.#choose(command.a);
        if (!a) return;
        a.m.alive = false;
        a.r.dispose();
        // A few dead tensors stay to be misused.
        const dead = world.entries.filter(({ m }) => !m.alive);
        if (dead.length > 2) world.entries.splice(world.entries.indexOf(dead[0] as Entry), 1);
        return;
      }
      case 'backward': {
        const a = this.#choose(command.a);
        if (!a) return;
        return this.#both(
          () => after(live(a), after(model.backward(model.sum(a.m, null, false), command.retain), null)),
          () => scope(() => after(ops.sum(a.r).backward({ retainGraph: command.retain }), null)),
          'backward',
        );
      }
      case 'gradient': {
        const a = this.#choose(command.a);
        const leaves = world.entries.filter(({ m }) => m.alive && !m.isView && model.isLeaf(m));
        const leaf = leaves[command.leaf % Math.max(1, leaves.length)];
        if (!a || !leaf) return;
        const { create: createGraph } = command;
        return this.#both(
          () => {
            live(a);
            return model.add(model.gradient(model.sum(a.m, null, false), leaf.m, createGraph), model.fresh([], [0]));
          },
          () =>
            scope(() =>
              ops.add(grad(ops.sum(a.r), leaf.r, { createGraph })[0] as Tensor, tensor(0, { device: this.#device })),
            ),
          'grad',
        );
      }
      case 'capture':
        return this.#capture(command.a, command.seed, command.calls);
      case 'scope': {
        const outside = new Set(world.entries);
        const body = async (): Promise<Tensor | null> => {
          await this.#commands(command.body);
          const made = world.entries.filter((each) => each.m.alive && !outside.has(each));
          const kept = made[command.keep % (made.length + 1)];
          for (const each of made) if (each !== kept) each.m.alive = false;
          return kept?.r ?? null;
        };
        this.#serving = command.serve;
        await scope(() => (command.serve ? withContext({ queue: 'serve' }, body) : body()));
        this.#serving = false;
        for (const { m, r } of world.entries) assert.equal(r.disposed, !m.alive, 'disposed after a scope');
        return;
      }
      case 'settle':
        await Promise.all(world.pending.splice(0));
        return;
      case 'turn':
        await turn();
        return;
      case 'gc':
        globalThis.gc?.();
        return;
      case 'synchronize':
        return this.#synchronize();
      case 'outOfMemory':
        return this.#outOfMemory();
    }
  }

  #create(shapeIndex: number, seed: number, how: 'plain' | 'grad' | 'borrow'): void {
    const shape = shapes[shapeIndex % shapes.length] as readonly number[];
    const random = new Random(seed);
    const data = Float32Array.from({ length: model.numel(shape) }, () => random.integer(-3, 3));
    const m = model.fresh(shape, data);
    if (how === 'grad') model.requireGrad(m);
    if (how === 'borrow') m.base.store.readOnly = true;
    const options = { shape, device: this.#device };
    this.#both(
      () => m,
      () => (how === 'borrow' ? borrow(data, options) : tensor(data, { ...options, requiresGrad: how === 'grad' })),
      'create',
    );
    if (how !== 'borrow') data.fill(99);
  }

  #view(how: Extract<Command, { kind: 'view' }>['how'], n: number, p: number, q: number): void {
    const a = this.#choose(n);
    if (!a) return;
    const { m, r } = a;
    const rank = m.shape.length;
    if (how === 'detach') {
      this.#both(
        () => after(live(a), model.detach(m)),
        () => ops.detach(r),
        how,
      );
      return;
    }
    if (how === 'flatten') {
      if (!model.isContiguous(m)) return;
      const size = model.numel(m.shape);
      this.#both(
        () => after(live(a), model.view(m, [size], [1], m.offset)),
        () => ops.reshape(r, [size]),
        how,
      );
      return;
    }
    if (how === 'expand') {
      if (rank > 2) return;
      this.#both(
        () => after(live(a), model.view(m, [2, ...m.shape], [0, ...m.strides], m.offset)),
        () => ops.expand(r, [2, ...m.shape]),
        how,
      );
      return;
    }
    if (rank === 0) return;
    const axis = p % rank;
    const size = m.shape[axis] as number;
    const stride = m.strides[axis] as number;
    if (how === 'transpose') {
      if (rank < 2) return;
      this.#both(
        () => after(live(a), model.transpose(m)),
        () => ops.transpose(r),
        how,
      );
      return;
    }
    if (how === 'select') {
      if (size === 0) return;
      const at = q % size;
      this.#both(
        () => {
          live(a);
          return model.view(m, m.shape.toSpliced(axis, 1), m.strides.toSpliced(axis, 1), m.offset + at * stride);
        },
        () => ops.select(r, axis, at),
        how,
      );
      return;
    }
    const start = q % (size + 1);
    if (how === 'narrow') {
      const length = Math.min(size - start, 2);
      const offset = m.offset + (length > 0 ? start * stride : 0);
      this.#both(
        () => after(live(a), model.view(m, m.shape.with(axis, length), m.strides, offset)),
        () => ops.narrow(r, axis, start, length),
        how,
      );
      return;
    }
    const length = Math.ceil((size - start) / 2);
    const offset = m.offset + (length > 0 ? start * stride : 0);
    const ranges = m.shape.map((_, i) => (i === axis ? ([start, size] as const) : null));
    const steps = m.shape.map((_, i) => (i === axis ? 2 : 1));
    this.#both(
      () => after(live(a), model.view(m, m.shape.with(axis, length), m.strides.with(axis, 2 * stride), offset)),
      () => ops.slice(r, ranges, steps),
      how,
    );
  }

  #inPlace(name: model.InPlace, n: number, k: number, off: boolean, fault: Fault): void {
    const [a, b] = [this.#choose(n), this.#choose(k)];
    if (!a || !b) return;
    const number = name === 'fill_' ? (k % 7) - 3 : null;
    // Under grad an in-place op may run a second kernel to keep old values: faults go only where there is one.
    const recorded = !off && (model.needsGrad(a.m) || (number === null && model.needsGrad(b.m)));
    const check = (): void => {
      live(a);
      model.checkInPlace(a.m, null);
      if (number === null) live(b);
    };
    const apply = (fails: string | null): void =>
      model.withRecording(!off, () =>
        model.inPlace(name, a.m, number === null ? b.m : model.fresh([], [number]), fails),
      );
    let deferred: (() => void) | null = null;
    this.#withFault(
      recorded ? 'none' : fault,
      () =>
        this.#both(
          () => {
            model.withRecording(!off, () => {
              check();
              model.checkInPlace(a.m, number === null ? b.m : null);
            });
            deferred = () => apply(null);
            return null;
          },
          () => {
            const call = (): Tensor => (number === null ? inPlaceOps[name](a.r, b.r) : ops.fill_(a.r, number));
            if (off) noGrad(call);
            else call();
            return null;
          },
          name,
        ),
      (code) => {
        if (deferred === null) return;
        if (code === 'ERR_INJECTED') deferred = () => apply(code);
      },
    );
    (deferred as (() => void) | null)?.();
  }

  #read({ m, r }: Entry, how: 'data' | 'sync' | 'lend'): void {
    const { failure } = m.base.store;
    const wanted = exact(m) ? model.values(m) : null;
    const empty = m.shape.includes(0);
    if (how === 'sync') {
      this.#both(
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
      this.#world.pending.push(refused);
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
        if (how === 'data') this.#world.looks.push({ array: got, wanted });
      },
      (error) => assert.equal(codeOf(error), failure, `${how} rejects`),
    );
    check.catch(() => {});
    this.#world.pending.push(check);
  }

  /** A step with an in-place effect on a tensor from outside, run several times. */
  async #capture(n: number, seed: number, calls: number): Promise<void> {
    const a = this.#choose(n);
    // One queue at a time can be captured.
    if (this.#serving || a?.r.storage.queue !== device(this.#device).train) return;
    if (
      !a?.m.alive ||
      model.needsGrad(a.m) ||
      a.m.base.store.readOnly ||
      model.overlapsItself(a.m) ||
      a.m.shape.includes(0)
    )
      return;
    const { shape } = a.m;
    const random = new Random(seed);
    const step = capture((x: Tensor) =>
      noGrad(() => {
        const y = ops.add(ops.mul(x, x), a.r);
        ops.add_(a.r, x);
        return ops.sum(y);
      }),
    );
    for (let i = 0; i < calls; i++) {
      const data = Float32Array.from({ length: model.numel(shape) }, () => random.integer(-3, 3));
      const x = tensor(data, { shape, device: this.#device });
      const m = model.fresh(shape, data);
      const wanted = model.withRecording(false, () => {
        const total = model.sum(model.add(model.mul(m, m), a.m), null, false);
        model.inPlace('add_', a.m, m, null);
        return total;
      });
      const y = scope(() => step(x));
      this.#read({ m: wanted, r: y }, 'data');
      y.dispose();
      x.dispose();
    }
    step.dispose();
  }

  /** A limit just above what is in use: a large tensor is refused and nothing changes. */
  #outOfMemory(): void {
    const before = liveBytes();
    this.#synchronizeSync();
    setMemoryLimit(liveBytes() + 2 ** 20, this.#device);
    try {
      assert.throws(() => ops.zeros([2 ** 22], { device: this.#device }), { code: 'ERR_OUT_OF_MEMORY' });
    } finally {
      setMemoryLimit(2 ** 30, this.#device);
    }
    assert.equal(liveBytes(), before, 'a refused tensor takes no memory');
    this.figures.faults++;
  }

  async #finish(): Promise<void> {
    const world = this.#world;
    await Promise.all(world.pending.splice(0));
    for (const { m, r } of world.entries) {
      if (!m.alive) continue;
      this.#read({ m, r }, 'sync');
      if (m.isView || !model.isLeaf(m)) continue;
      const { grad: expected } = m.base;
      assert.equal(r.grad === null, expected === null, `${expected === null ? 'no ' : 'a '}gradient`);
      if (expected !== null && r.grad !== null)
        this.#read({ m: { ...expected, shape: m.shape, strides: model.contiguous(m.shape) }, r: r.grad }, 'sync');
    }
    for (const { array, wanted } of world.looks) compare(array, wanted, 'a snapshot, later');
  }
}

/** The second value; the first is there for what it does, or throws. */
function after<T>(_: unknown, value: T): T {
  return value;
}

function live({ m }: Entry): void {
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

const binaryOps = { add: ops.add, sub: ops.sub, mul: ops.mul } as const;
const inPlaceOps = {
  add_: ops.add_,
  sub_: ops.sub_,
  mul_: ops.mul_,
  copy_: ops.copy_,
  fill_: ops.fill_ as never as typeof ops.add_,
} as const;
