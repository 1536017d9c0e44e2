// The valid calls that the fuzzer starts from.
import type { DType } from '../../lib/index.ts';
import { families } from '../parity/fixtures.ts';
import { publicOps } from '../support/op-list.ts';
import type { Call, Json } from './call.ts';
import { isPlan, plan } from './call.ts';
import { handwritten } from './calls-table.ts';

/** PyTorch's fixtures, what stands in calls-table.ts, and the in-place and blocking forms of both. */
export function validCalls(): Map<string, Call[]> {
  const found = new Map<string, Call[]>();
  const put = (call: Call): void => void found.set(call.op, [...(found.get(call.op) ?? []), call]);
  for (const family of families()) {
    for (const [number, each] of family.cases.entries()) {
      // Functions have calls of their own in the table.
      if (each.args.some(isFunction)) continue;
      const open = (value: unknown): Json => {
        if (isSlot(value)) {
          const { shape, data, dtype } = family.tensor(number, 'in', value.$tensor);
          return plan([...shape], [...data].map(Number), dtype as DType);
        }
        if (isNumber(value)) return { $: value.$number.replace('inf', 'Infinity').replace('nan', 'NaN') };
        if (Array.isArray(value)) return value.map(open);
        if (typeof value !== 'object' || value === null) return value as Json;
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, open(inner)]));
      };
      put({ op: each.op, args: each.args.map(open) });
    }
  }
  for (const call of handwritten) put(call);
  // Twice, because an alias may be the form that has calls.
  for (const { name, of } of [...publicOps(), ...publicOps()]) {
    if (of === undefined) continue;
    for (const [to, from] of [
      [name, of],
      [of, name],
    ] as const) {
      if (!found.has(to)) for (const call of found.get(from) ?? []) put({ op: to, args: call.args });
    }
  }
  return found;
}

const isSlot = (value: unknown): value is { readonly $tensor: number } => isPlan(value);
const isFunction = (value: unknown): boolean => typeof value === 'object' && value !== null && '$fn' in value;
const isNumber = (value: unknown): value is { readonly $number: string } =>
  typeof value === 'object' && value !== null && '$number' in value;
