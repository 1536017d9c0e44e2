// What the fuzzer does to valid calls: first what should stay valid (dtypes, layouts, devices, shapes together), then what a
// mistaken or malicious caller may pass.
import fc from 'fast-check';
import { dtypes } from '../../lib/index.ts';
import type { DType } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import type { Layout } from '../support/tensors.ts';
import { layouts } from '../support/tensors.ts';
import type { Call, Json, Plan } from './call.ts';
import { isPlan, plansOf } from './call.ts';

/** `slot`, `spot` and `axis` are taken modulo what the call has. */
export type Mutation =
  | { kind: 'dtype' | 'dtypes'; slot: number; dtype: DType }
  | { kind: 'layout' | 'layouts'; slot: number; layout: Layout }
  | { kind: 'device' | 'devices'; slot: number; device: string }
  | { kind: 'grads' }
  | { kind: 'disposed'; slot: number }
  | { kind: 'shape' | 'shapes'; slot: number; axis: number; change: Change }
  | { kind: 'value'; slot: number; at: number; value: number }
  | { kind: 'same'; slot: number; other: number }
  | { kind: 'option' | 'argument'; spot: number; value: Json }
  | { kind: 'more'; value: Json }
  | { kind: 'less' }
  | { kind: 'key'; name: string; value: Json };

const changes = ['grow', 'shrink', 'none', 'one', 'lead', 'trail', 'drop', 'rank8', 'rank9'] as const;
type Change = (typeof changes)[number];

const values = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  -1,
  1,
  1e308,
  5e-324,
  1e-40,
  3e38,
];
const integers = [2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, 255, 7, 100];

const hostile: readonly Json[] = [
  null,
  { $: 'undefined' },
  { $: 'NaN' },
  { $: 'Infinity' },
  ...[-1, 0, 1, 2, 9, 1.5, -0.5, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, -(2 ** 53), 1e300],
  true,
  false,
  '',
  'x',
  '3',
  {},
  [],
  [[]],
  [0, 0],
  [-1, 2],
  [2 ** 31, 2 ** 31],
  [null],
  [{ $: 'NaN' }],
  { $: 'huge' },
  { $: 'bigint' },
  { $: 'symbol' },
  { $: 'function' },
  { $: 'array' },
];
const keys = [
  'axis',
  'keepdim',
  'dtype',
  'device',
  'reduction',
  'size',
  'fill',
  'stride',
  'padding',
  'generator',
  'eps',
];

const slot = fc.nat(7);
const shaped = { slot, axis: fc.nat(8), change: fc.constantFrom(...changes) };
const one = <T>(list: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...list);
const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);

const benign: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('dtypes'), slot, dtype: one(dtypes) }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('layout'), slot, layout: one(layouts) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('layouts'), slot, layout: one(layouts) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('devices'), slot, device: one(testDevices) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('grads') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('shapes'), ...shaped }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('value'), slot, at: fc.nat(20), value: one(values) }) },
);
const nasty: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: kind('dtype'), slot, dtype: one(dtypes) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('shape'), ...shaped }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('device'), slot, device: one(testDevices) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('disposed'), slot }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('value'), slot, at: fc.nat(20), value: one(integers) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('same'), slot, other: slot }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('option'), spot: fc.nat(9), value: one(hostile) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('argument'), spot: fc.nat(5), value: one(hostile) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('more'), value: one(hostile) }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('less') }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('key'), name: one(keys), value: one(hostile) }) },
);

export interface Draw {
  /** Which op and which of its calls, modulo their numbers. */
  readonly op: number;
  readonly call: number;
  readonly mutations: readonly Mutation[];
}

/** Two calls of three stay as valid as a change of dtype or shape leaves them. */
export const draws: fc.Arbitrary<Draw> = fc
  .record({
    op: fc.nat(1_000_000),
    call: fc.nat(1000),
    benign: fc.array(benign, { maxLength: 3, size: 'max' }),
    nasty: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(nasty, { minLength: 1, maxLength: 2 }) },
    ),
  })
  .map(({ op, call, benign: first, nasty: then }) => ({ op, call, mutations: [...first, ...then] }));

/** A copy of `call`, changed. */
export function mutated(call: Call, mutations: readonly Mutation[]): Call {
  const copy = structuredClone(call);
  for (const mutation of mutations) change(copy, mutation);
  return copy;
}

function change(call: Call, m: Mutation): void {
  const plans = plansOf(call.args);
  const at = 'slot' in m && plans.length > 0 ? plans[m.slot % plans.length] : undefined;
  switch (m.kind) {
    case 'dtypes':
      if (at === undefined) setDtype(call.args, m.dtype);
      else for (const { $tensor } of main(plans)) $tensor.dtype = m.dtype;
      return;
    case 'dtype':
      if (at) at.$tensor.dtype = m.dtype;
      return;
    case 'layout':
      if (at) at.$tensor.layout = m.layout;
      return;
    case 'layouts':
      for (const { $tensor } of plans) $tensor.layout = m.layout;
      return;
    case 'device':
      if (at) at.$tensor.device = m.device;
      return;
    case 'devices':
      for (const { $tensor } of plans) $tensor.device = m.device;
      return;
    case 'grads':
      for (const { $tensor } of plans) $tensor.grad = true;
      return;
    case 'disposed':
      if (at) at.$tensor.disposed = true;
      return;
    case 'shape':
      if (at) reshape(at, m.axis, m.change);
      return;
    case 'shapes': {
      const like = String(at?.$tensor.shape);
      for (const each of plans) if (String(each.$tensor.shape) === like) reshape(each, m.axis, m.change);
      return;
    }
    case 'value':
      if (at && at.$tensor.data.length > 0) {
        at.$tensor.data[m.at % at.$tensor.data.length] = Number.isFinite(m.value) ? m.value : { $: String(m.value) };
      }
      return;
    case 'same':
      if (at) at.$tensor.same = m.other % plans.length;
      return;
    case 'option': {
      const spots = options(call.args);
      if (spots.length > 0) spots[m.spot % spots.length]?.(structuredClone(m.value));
      return;
    }
    case 'argument':
      if (call.args.length > 0) call.args[m.spot % call.args.length] = structuredClone(m.value);
      return;
    case 'more':
      call.args.push(structuredClone(m.value));
      return;
    case 'less':
      call.args.pop();
      return;
    case 'key': {
      const last = call.args.at(-1);
      const value = structuredClone(m.value);
      if (typeof last === 'object' && last !== null && !Array.isArray(last) && !isPlan(last)) last[m.name] = value;
      else call.args.push({ [m.name]: value });
    }
  }
}

/** The float inputs of an op that has any, else those of its first tensor's dtype: the data, not masks and indices. */
function main(plans: readonly Plan[]): Plan[] {
  const dtype = plans.find(({ $tensor }) => $tensor.dtype.startsWith('float'))?.$tensor.dtype;
  return plans.filter(({ $tensor }) => $tensor.dtype === (dtype ?? plans[0]?.$tensor.dtype));
}

function setDtype(args: Json[], dtype: DType): void {
  const last = args.at(-1);
  if (typeof last === 'object' && last !== null && 'dtype' in last) (last as { dtype: Json }).dtype = dtype;
}

const mostElements = 2048;

function reshape({ $tensor }: Plan, axis: number, how: Change): void {
  const shape = [...$tensor.shape];
  const k = shape.length === 0 ? 0 : axis % shape.length;
  const size = shape[k];
  if (how === 'lead') shape.unshift(2);
  else if (how === 'trail') shape.push(1);
  else if (how === 'drop') shape.splice(k, 1);
  else if (how === 'rank8' || how === 'rank9') {
    const rank = how === 'rank8' ? 8 : 9;
    while (shape.length < rank) shape.splice(Math.min(k, shape.length), 0, 1);
  } else if (size !== undefined) {
    shape[k] = how === 'grow' ? size + 1 : how === 'shrink' ? Math.max(0, size - 1) : how === 'one' ? 1 : 0;
  }
  const count = shape.reduce((a, b) => a * b, 1);
  if (count > mostElements) return;
  const { data } = $tensor;
  $tensor.shape = shape;
  $tensor.data = Array.from({ length: count }, (_, i) => (data.length > 0 ? (data[i % data.length] as Json) : 1));
}

/** A setter for everything in the arguments that is not a tensor. */
function options(value: Json): ((value: Json) => void)[] {
  if (typeof value !== 'object' || value === null || isPlan(value) || '$' in value) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((key) => {
    const inner = holder[key] as Json;
    const deeper = options(inner);
    const put = (changed: Json): void => {
      holder[key] = changed;
    };
    return isPlan(inner) ? [] : [put, ...deeper];
  });
}
