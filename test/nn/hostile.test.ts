// Modules, optimizers and loaders answer arguments of any kind with a WarpgradError.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'uvu';
import {
  backward,
  borrow,
  data,
  grad,
  gradCheck,
  io,
  nn,
  ones,
  optim,
  tensor,
  train,
  WarpgradError,
} from '../../lib/index.ts';

type AnyFunction = (...args: readonly unknown[]) => unknown;

const make =
  (type: unknown): AnyFunction =>
  (...args) =>
    new (type as new (...args: readonly unknown[]) => unknown)(...args);

const isClass = (value: AnyFunction): boolean => Function.prototype.toString.call(value).startsWith('class');

const abstractClasses = new Set(['Module', 'Optimizer', 'Schedule']);
/** What subclasses of Optimizer give it. */
const hooks = ['check', 'slotNames', 'slotShape', 'stateSize', 'update'];

/** Everything outside of the ops, which have a test of their own, with what instances take. */
const table: Record<string, AnyFunction> = {
  backward: backward as AnyFunction,
  grad: grad as AnyFunction,
  gradCheck: gradCheck as AnyFunction,
  'nn.init.fans': nn.init.fans as AnyFunction,
};
for (const [folder, exported] of Object.entries({ nn, optim, data, io, train })) {
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value !== 'function') continue;
    if (abstractClasses.has(name)) continue;
    const fn = value as unknown as AnyFunction;
    table[`${folder}.${name}`] = isClass(fn) ? make(fn) : fn;
  }
}
const linear = new nn.Linear(2, 3);
const optimizer = new optim.SGD(linear.parameters(), { lr: 0.1 });
const ema = new optim.ExponentialMovingAverage(linear.parameters());
const plateau = new optim.ReduceLROnPlateau({ lr: 0.1 });
const cosine = new optim.CosineWarmup({ lr: 0.1, totalSteps: 9 });
for (const [name, target] of Object.entries({ linear, optimizer, ema, plateau, cosine })) {
  for (let at = Object.getPrototypeOf(target); at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const method of Object.getOwnPropertyNames(at)) {
      const fn = Object.getOwnPropertyDescriptor(at, method)?.value;
      if (typeof fn !== 'function' || ['constructor', 'dispose', ...hooks].includes(method)) continue;
      table[`${name}.${method}`] ??= (...args) => fn.apply(target, args);
    }
  }
}

const values: readonly unknown[] = [
  undefined,
  null,
  true,
  'x',
  Number.NaN,
  -1,
  0,
  1,
  2.5,
  3n,
  Symbol('s'),
  {},
  [],
  [[]],
  [null],
  Object.create(null),
  () => 1,
  ones([2]),
  [ones([2])],
  [{ params: 3 }],
  { generator: 1 },
  { dtype: 'int32' },
];

// Some write files where a name is taken for a path.
const here = process.cwd();
const elsewhere = mkdtempSync(join(tmpdir(), 'warpgrad-'));
test.before(() => process.chdir(elsewhere));
test.after(() => {
  process.chdir(here);
  rmSync(elsewhere, { recursive: true });
});

for (const [name, fn] of Object.entries(table)) {
  test(`${name} with hostile arguments`, async () => {
    const calls: unknown[][] = [[]];
    for (const a of values) {
      calls.push([a], [2, a], [2, 3, a], [2, 3, 1, a]);
      if (name !== 'data.mnistDigits') for (const b of values) calls.push([a, b]); // a valid call decodes 10,000 images
    }
    for (const args of calls) {
      try {
        await fn(...args);
      } catch (error) {
        assert.ok(
          error instanceof WarpgradError,
          `${name}(${args.map((each) => inspect(each)).join(', ')}): ${(error as Error)?.stack ?? inspect(error)}`,
        );
      }
    }
  });
}

test('backward leaves a borrowed gradient alone and makes a new one', () => {
  const own = new Float32Array([10, 20]);
  const x = tensor([1, 2], { requiresGrad: true });
  x.grad = borrow(own);
  x.mul(3).sum().backward();
  assert.deepEqual(x.grad?.toArraySync(), [13, 23]);
  assert.deepEqual([...own], [10, 20]);
});

test.run();
