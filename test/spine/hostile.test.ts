// Whatever is passed to a public op, it answers with a tensor or a WarpgradError with a code; the library works afterwards.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { device, errorCodes, scope, setMemoryLimit, tensor, WarpgradError } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { Random, testSeed } from '../support/random.ts';
import { elements } from '../support/tensors.ts';

type AnyFunction = (...args: unknown[]) => unknown;

/** Not ops on tensors, or needing tensors of their own kind. */
const skipped = new Set(['Generator', 'defaultGenerator', 'sgdStep', 'adamStep', 'globalNorm', 'clipScale']);
const table = Object.entries(ops).filter(([name, value]) => typeof value === 'function' && !skipped.has(name)) as [
  string,
  AnyFunction,
][];

function hostileValues(where: string): unknown[] {
  const dead = ops.ones([2, 2], { device: where });
  dead.dispose();
  const base = ops.ones([2, 3], { device: where });
  const throwing = {
    get axis(): number {
      throw new TypeError('a getter that throws');
    },
  };
  return [
    undefined,
    null,
    true,
    '',
    'x',
    '3',
    {},
    [],
    [[]],
    Symbol('s'),
    () => 1,
    new Date(0),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    0,
    -0,
    1.5,
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
    -(2 ** 53),
    1e308,
    3n,
    -(2n ** 70n),
    [Number.NaN],
    [-1, -1],
    [2 ** 31, 2 ** 31],
    [0.5],
    ['2'],
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    [[0, 2 ** 40]],
    { axis: Number.NaN },
    { axis: 99 },
    { axis: [0, 0] },
    { axis: '0' },
    { dtype: 'float16' },
    { dtype: null },
    { device: 'moon' },
    { stride: 0 },
    { stride: [1, 2, 3] },
    { padding: -1 },
    { dilation: 2 ** 33 },
    { groups: 0 },
    { p: 7 },
    { reduction: 'x' },
    { step: 0 },
    { shape: [-1, -1] },
    { generator: {} },
    { momentum: 'a' },
    { weight: 3 },
    { requiresGrad: 'yes', dtype: 'int32' },
    Object.create(null),
    throwing,
    new Proxy({}, {}),
    dead,
    base,
    ops.expand(ops.ones([1, 3], { device: where }), [2, 3]),
    ops.transpose(base),
    ops.zeros([], { device: where }),
    ops.zeros([0], { device: where }),
    ops.zeros([0, 3], { device: where }),
    ops.zeros([3, 0], { device: where }),
    ops.zeros([2, 2, 2, 2], { device: where }),
    ops.ones([1, 1, 1, 1, 1, 1, 1, 1], { device: where }),
    tensor([1, -1, 2 ** 31 - 1], { dtype: 'int32', device: where }),
    tensor(new BigInt64Array([2n ** 62n]), { device: where }),
    tensor([true, false], { device: where }),
    tensor([Number.NaN, Number.POSITIVE_INFINITY], { dtype: 'float64', device: where }),
    [base, dead],
    [base, 3],
    [base, base],
    new Float32Array(3),
    new Float32Array(new SharedArrayBuffer(16)),
    new DataView(new ArrayBuffer(8)),
    new ArrayBuffer(8),
  ];
}

for (const where of testDevices) {
  for (const [name, op] of table) {
    test(`${name} with hostile arguments on ${where}`, async () => {
      // Sizes that are only large must be refused, not served.
      setMemoryLimit(2 ** 28, where);
      const random = new Random(testSeed);
      let made = 0;
      let refused = 0;
      const later: Promise<unknown>[] = [];
      scope(() => {
        const values = hostileValues(where);
        const calls: unknown[][] = [[], ...values.map((a) => [a])];
        for (let i = 0; i < 700; i++)
          calls.push(Array.from({ length: random.integer(2, 4) }, () => random.pick(values)));
        for (const args of calls) {
          try {
            const result = op(...args);
            made++;
            if (result instanceof Promise) later.push(result.catch((error: unknown) => check(name, args, error)));
            // Half of the results are looked at, so that failures inside kernels come out too.
            if (made % 2 === 0 && result instanceof ops.ones([1]).constructor) (result as Tensor).dataSync();
          } catch (error) {
            refused++;
            check(name, args, error);
          }
        }
      });
      await Promise.all(later);
      await device(where)
        .synchronize()
        .catch((error: unknown) => assert.ok(error instanceof WarpgradError));
      setMemoryLimit(2 ** 30, where);
      assert.ok(made + refused > 700);
      const good = scope(() => ops.add(ops.ones([2], { device: where }), 1));
      assert.deepEqual([...elements(good)], [2, 2]);
      good.dispose();
    });
  }
}

function check(name: string, args: readonly unknown[], error: unknown): void {
  const known = error instanceof WarpgradError && errorCodes.includes(error.code);
  const own = error instanceof TypeError && /getter that throws/.test(error.message);
  if (!known && !own) assert.fail(`${name}(${args.map(describe).join(', ')}) threw ${(error as Error)?.stack}`);
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'storage' in value)
    return `Tensor[${(value as Tensor).shape}] ${(value as Tensor).dtype}${(value as Tensor).disposed ? ' disposed' : ''}`;
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value;
  }
}

test.run();
