// Values, first and second derivatives beside PyTorch's, from the fixtures that generate.py wrote.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { grad, scope, sum, tensor } from '../../lib/index.ts';
import type { HostTensor } from '../../lib/io/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { publicOps } from '../support/op-list.ts';
import { elements } from '../support/tensors.ts';
import { comparable, functions } from './arguments.ts';
import type { Family, ParityCase } from './fixtures.ts';
import { families, impossible } from './fixtures.ts';

type AnyOp = (...args: unknown[]) => Tensor | readonly Tensor[] | Promise<Tensor | readonly Tensor[]>;

// The numbers of test/parity/parity.py.
const weight = (k: number): number => ((k * 7919) % 13) / 6.5 - 0.9;
const direction = (k: number): number => ((k * 104729 + 3) % 11) / 5.5 - 0.9;
const tolerance = 1e-9;

interface Slot {
  readonly $tensor: number;
  readonly $grad: boolean;
}

const isSlot = (value: unknown): value is Slot => typeof value === 'object' && value !== null && '$tensor' in value;
const isNumber = (value: unknown): value is { readonly $number: string } =>
  typeof value === 'object' && value !== null && '$number' in value;

const isFunction = (value: unknown): value is { readonly $fn: string } =>
  typeof value === 'object' && value !== null && '$fn' in value;

/** The argument with tensors and numbers in place of what stands for them. */
function open(value: unknown, place: (slot: Slot) => Tensor): unknown {
  if (isSlot(value)) return place(value);
  if (isFunction(value)) return functions[value.$fn];
  if (isNumber(value)) return Number(value.$number.replace('inf', 'Infinity'));
  if (Array.isArray(value)) return value.map((each) => open(each, place));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, open(each, place)]));
  }
  return value;
}

function close(got: Tensor, wanted: HostTensor, label: string): void {
  assert.deepEqual([...got.shape], [...wanted.shape], `${label}: shape`);
  const values = elements(got);
  const expected = [...wanted.data].map(Number);
  const scale = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
  expected.forEach((want, k) => {
    const have = Number(values[k]);
    const same = Object.is(want, have) || want === have || Math.abs(want - have) <= tolerance * scale;
    assert.ok(same, `${label} [${k}]: PyTorch gives ${want}, we ${have}`);
  });
}

const numbers = (shape: readonly number[], f: (k: number) => number): Tensor =>
  tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => f(k)),
    { shape },
  );
const dot = (t: Tensor, f: (k: number) => number): Tensor => sum(t.mul(numbers(t.shape, f)));
const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => a.add(b));

async function check(family: Family, number: number, each: ParityCase): Promise<void> {
  const label = `${each.op} (${family.name} ${number})`;
  const op = (ops as unknown as Record<string, AnyOp>)[each.op];
  assert.ok(op, `${label}: there is no such op`);
  await scope(async () => {
    const leaves: Tensor[] = [];
    const args = open(each.args, ({ $tensor, $grad }) => {
      const { data, shape } = family.tensor(number, 'in', $tensor);
      const isBool = family.tensor(number, 'in', $tensor).dtype === 'bool';
      const t = tensor(data, isBool ? { shape, dtype: 'bool' } : { shape });
      if ($grad) {
        t.requiresGrad = true;
        leaves.push(t);
      }
      return t;
    }) as unknown[];
    const made = await (comparable[each.op] ?? ((value: unknown) => value))(await op(...args));
    const results = Array.isArray(made) ? (made as readonly Tensor[]) : [made as Tensor];
    assert.equal(results.length, each.outputs, `${label}: number of results`);
    results.forEach((result, k) => {
      close(result, family.tensor(number, 'out', k), `${label} value ${k}`);
    });
    if (!each.first) return;
    const second = each.second ?? false;
    const loss = total(results.filter((t) => t.requiresGrad).map((t) => dot(t, weight)));
    const first = grad(loss, leaves, { createGraph: second, allowUnused: true });
    const zero = (k: number): Tensor => numbers((leaves[k] as Tensor).shape, () => 0);
    const filled = first.map((g, k) => g ?? zero(k));
    filled.forEach((g, k) => {
      close(g, family.tensor(number, 'first', k), `${label} gradient ${k}`);
    });
    if (!second) return;
    const slope = total(filled.map((g) => dot(g, direction)));
    const twice = slope.requiresGrad ? grad(slope, leaves, { allowUnused: true }) : leaves.map(() => null);
    twice.forEach((g, k) => {
      close(g ?? zero(k), family.tensor(number, 'second', k), `${label} second derivative ${k}`);
    });
  });
}

for (const family of families()) {
  for (const op of new Set(family.cases.map((each) => each.op))) {
    test(`${family.name}: ${op} as PyTorch ${family.torch}`, async () => {
      for (const [number, each] of family.cases.entries()) if (each.op === op) await check(family, number, each);
    });
  }
}

test('every op of a family has at least three cases', () => {
  for (const family of families()) {
    const counts = new Map<string, number>();
    for (const { op } of family.cases) counts.set(op, (counts.get(op) ?? 0) + 1);
    const few = [...counts].filter(([, count]) => count < 3).map(([op]) => op);
    assert.deepEqual(few, [], family.name);
  }
});

test('every op has three cases or is known to have none', () => {
  const counts = new Map<string, number>();
  const forms = publicOps();
  const mainOf = new Map(
    forms.flatMap(({ name, form, of }) => (form === 'alias' ? [[name, of as string] as const] : [])),
  );
  for (const { cases } of families())
    for (const { op } of cases) counts.set(mainOf.get(op) ?? op, (counts.get(mainOf.get(op) ?? op) ?? 0) + 1);
  const few = forms.filter(({ name, form }) => form === 'op' && (counts.get(name) ?? 0) < 3).map(({ name }) => name);
  assert.deepEqual(few, Object.keys(impossible).sort());
});

test.run();
