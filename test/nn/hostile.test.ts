// Modules, optimizers and loaders answer arguments of any kind with a WarpgradError.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { backward, borrow, data, grad, gradCheck, nn, ones, optim, tensor, WarpgradError } from '../../lib/index.ts';

type AnyFunction = (...args: readonly unknown[]) => unknown;

const make =
  (type: unknown): AnyFunction =>
  (...args) =>
    new (type as new (...args: readonly unknown[]) => unknown)(...args);

const table: Readonly<Record<string, AnyFunction>> = {
  Linear: make(nn.Linear),
  Conv2d: make(nn.Conv2d),
  BatchNorm2d: make(nn.BatchNorm2d),
  Dropout: make(nn.Dropout),
  MaxPool2d: make(nn.MaxPool2d),
  AvgPool2d: make(nn.AvgPool2d),
  Sequential: make(nn.Sequential),
  CrossEntropyLoss: make(nn.CrossEntropyLoss),
  parameter: nn.parameter as AnyFunction,
  buffer: nn.buffer as AnyFunction,
  fans: nn.init.fans as AnyFunction,
  SGD: make(optim.SGD),
  Adam: make(optim.Adam),
  AdamW: make(optim.AdamW),
  clipGradNorm: optim.clipGradNorm as AnyFunction,
  DataLoader: make(data.DataLoader),
  backward: backward as AnyFunction,
  grad: grad as AnyFunction,
  gradCheck: gradCheck as AnyFunction,
};

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

for (const [name, fn] of Object.entries(table)) {
  test(`${name} with hostile arguments`, () => {
    const calls: unknown[][] = [[]];
    for (const a of values) {
      calls.push([a], [2, a], [2, 3, a], [2, 3, 1, a]);
      for (const b of values) calls.push([a, b]);
    }
    for (const args of calls) {
      try {
        fn(...args);
      } catch (error) {
        assert.ok(error instanceof WarpgradError, `${name}: ${(error as Error)?.stack}`);
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
