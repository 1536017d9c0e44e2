// How one program runs, on the library and on the model at once.
import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import { withContext } from '../../lib/core/context.ts';
import type { Tensor } from '../../lib/index.ts';
import { borrow, capture, device, grad, noGrad, scope, setMemoryLimit, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { injectFault, liveBytes } from '../support/devices.ts';
import { Random } from '../support/random.ts';
import type { Command, Fault } from './commands.ts';
import * as model from './model.ts';
import type { Entry, Figures } from './sides.ts';
import { after, compare, live, Sides } from './sides.ts';
import { applyView } from './views.ts';

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

const binaryOps = { add: ops.add, sub: ops.sub, mul: ops.mul } as const;
const inPlaceOps = {
  add_: ops.add_,
  sub_: ops.sub_,
  mul_: ops.mul_,
  copy_: ops.copy_,
  fill_: ops.fill_ as never as typeof ops.add_,
} as const;

export class Runner {
  readonly figures: Figures = { programs: 0, commands: 0, faults: 0, refusals: 0 };
  readonly #device: string;
  #sides: Sides;
  #serving = false;

  constructor(deviceName: string) {
    this.#device = deviceName;
    this.#sides = new Sides(deviceName, this.figures);
  }

  /** Runs one program on both sides; throws at the first difference. */
  async run(program: readonly Command[], seed: number): Promise<void> {
    const before = liveBytes();
    this.#sides = new Sides(this.#device, this.figures);
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
      await Promise.allSettled(this.#sides.pending);
      if (this.#device === 'fake')
        for (const hook of ['delayUs', 'failOp', 'failAllocation', 'graphFailure']) injectFault(hook, 0);
    }
    this.#sides = new Sides(this.#device, this.figures);
    await this.#sides.synchronize();
    // Nodes are counted by the tensors they made, so graphs nobody ran backward through are gone with those, without any help
    // from garbage collection.
    const left = liveBytes() - before;
    assert.ok(left <= 0, `${left} bytes of storages left over`);
    this.figures.programs++;
  }

  #disposeAll(): void {
    for (const { r } of this.#sides.entries) r.dispose();
    for (const leaf of this.#sides.leaves) leaf.grad?.dispose();
  }

  async #commands(list: readonly Command[]): Promise<void> {
    for (const command of list) {
      this.figures.commands++;
      await this.#command(command);
    }
  }

  async #command(command: Command): Promise<void> {
    const world = this.#sides;
    switch (command.kind) {
      case 'create':
        return this.#create(command.shape, command.seed, command.how);
      case 'binary': {
        const [a, b] = [this.#sides.choose(command.a), this.#sides.choose(command.b)];
        if (!a || !b) return;
        const { name } = command;
        return this.#sides.op(
          name,
          command.fault,
          [a, b],
          () => model[name](a.m, b.m),
          () => binaryOps[name](a.r, b.r),
        );
      }
      case 'matmul': {
        const [a, b] = [this.#sides.choose(command.a), this.#sides.choose(command.b)];
        if (a?.m.shape.length !== 2 || b?.m.shape.length !== 2) return;
        return this.#sides.op(
          'matmul',
          command.fault,
          [a, b],
          () => model.matmul(a.m, b.m),
          () => ops.matmul(a.r, b.r),
        );
      }
      case 'sum': {
        const a = this.#sides.choose(command.a);
        if (!a) return;
        const axis = a.m.shape.length === 0 || command.axis % 3 === 0 ? null : command.axis % a.m.shape.length;
        const options = { keepdim: command.keepdim, ...(axis === null ? {} : { axis }) };
        return this.#sides.op(
          'sum',
          command.fault,
          [a],
          () => model.sum(a.m, axis, command.keepdim),
          () => ops.sum(a.r, options),
        );
      }
      case 'index': {
        const a = this.#sides.choose(command.a);
        if (!a || a.m.shape.length === 0) return;
        const [size = 0] = a.m.shape;
        // Mostly valid rows: 40 stands for one past the end.
        const rows = command.rows.map((row) => (row < 0 ? -1 : row === 40 ? size : size === 0 ? 0 : row % size));
        return this.#sides.op(
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
        const [a, b] = [this.#sides.choose(command.a), this.#sides.choose(command.b)];
        const [size] = a?.m.shape ?? [];
        if (!a || !b || size === undefined) return;
        const start = command.start % (size + 1);
        const stop = start + (command.length % (size - start + 1));
        return this.#sides.op(
          'copySlice',
          'none',
          [a, b],
          () => model.copySlice(a.m, b.m, start, stop),
          () => ops.copySlice(a.r, b.r, [[start, stop]]),
        );
      }
      case 'view':
        return applyView(this.#sides, command);
      case 'inPlace':
        return this.#inPlace(command.name, command.a, command.b, command.noGrad, command.fault);
      case 'write': {
        const a = this.#sides.choose(command.a);
        if (!a || a.m.shape.includes(0)) return;
        const random = new Random(command.seed);
        const data = Float32Array.from({ length: model.numel(a.m.shape) }, () => random.integer(-3, 3));
        return this.#sides.both(
          () => after(live(a), after(model.write(a.m, data), null)),
          () => after(a.r.write(data), after(data.fill(99), null)),
          'write',
        );
      }
      case 'read': {
        const a = this.#sides.choose(command.a);
        if (a) this.#sides.read(a, command.how);
        return;
      }
      case 'dispose': {
        const a = this.#sides.choose(command.a);
        if (!a) return;
        a.m.alive = false;
        a.r.dispose();
        // A few dead tensors stay to be misused.
        const dead = world.entries.filter(({ m }) => !m.alive);
        if (dead.length > 2) world.entries.splice(world.entries.indexOf(dead[0] as Entry), 1);
        return;
      }
      case 'backward': {
        const a = this.#sides.choose(command.a);
        if (!a) return;
        return this.#sides.both(
          () => after(live(a), after(model.backward(model.sum(a.m, null, false), command.retain), null)),
          () => scope(() => after(ops.sum(a.r).backward({ retainGraph: command.retain }), null)),
          'backward',
        );
      }
      case 'gradient': {
        const a = this.#sides.choose(command.a);
        const leaves = world.entries.filter(({ m }) => m.alive && !m.isView && model.isLeaf(m));
        const leaf = leaves[command.leaf % Math.max(1, leaves.length)];
        if (!a || !leaf) return;
        const { create: createGraph } = command;
        return this.#sides.both(
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
        return this.#capture(command);
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
        return this.#sides.synchronize();
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
    this.#sides.both(
      () => m,
      () => (how === 'borrow' ? borrow(data, options) : tensor(data, { ...options, requiresGrad: how === 'grad' })),
      'create',
    );
    if (how !== 'borrow') data.fill(99);
  }

  #inPlace(name: model.InPlace, n: number, k: number, off: boolean, fault: Fault): void {
    const [a, b] = [this.#sides.choose(n), this.#sides.choose(k)];
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
    this.#sides.withFault(
      recorded ? 'none' : fault,
      () =>
        this.#sides.both(
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

  /** A step with an in-place effect on a tensor from outside, run several times. */
  async #capture({ a: n, seed, calls, fault }: Extract<Command, { kind: 'capture' }>): Promise<void> {
    const sides = this.#sides;
    const a = sides.choose(n);
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
    const armed = fault && this.#device === 'fake';
    const faultsBefore = armed ? injectFault('injected', 0) : 0;
    if (armed) injectFault('graphFailure', 1);
    for (let i = 0; i < calls; i++) {
      const data = Float32Array.from({ length: model.numel(shape) }, () => random.integer(-3, 3));
      const x = tensor(data, { shape, device: this.#device });
      if (armed && injectFault('injected', 0) > faultsBefore) {
        // The graph could not be built after the step ran eagerly: the next call says so before it runs anything.
        assert.throws(() => step(x), { code: 'ERR_CAPTURE' });
        x.dispose();
        this.figures.faults++;
        break;
      }
      const m = model.fresh(shape, data);
      const wanted = model.withRecording(false, () => {
        const total = model.sum(model.add(model.mul(m, m), a.m), null, false);
        model.inPlace('add_', a.m, m, null);
        return total;
      });
      const y = scope(() => step(x));
      sides.read({ m: wanted, r: y }, 'data');
      y.dispose();
      x.dispose();
    }
    if (armed) injectFault('graphFailure', 0);
    step.dispose();
  }

  /** A limit just above what is in use: a large tensor is refused and nothing changes. */
  #outOfMemory(): void {
    const before = liveBytes();
    this.#sides.synchronizeSync();
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
    const world = this.#sides;
    await Promise.all(world.pending.splice(0));
    for (const { m, r } of world.entries) {
      if (!m.alive) continue;
      this.#sides.read({ m, r }, 'sync');
      if (m.isView || !model.isLeaf(m)) continue;
      const { grad: expected } = m.base;
      assert.equal(r.grad === null, expected === null, `${expected === null ? 'no ' : 'a '}gradient`);
      if (expected !== null && r.grad !== null)
        this.#sides.read({ m: { ...expected, shape: m.shape, strides: model.contiguous(m.shape) }, r: r.grad }, 'sync');
    }
    for (const { array, wanted } of world.looks) compare(array, wanted, 'a snapshot, later');
  }
}
