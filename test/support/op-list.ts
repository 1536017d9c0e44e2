// Which exports of lib/ops count as ops, and which are other forms of one.
import * as ops from '../../lib/ops/index.ts';

/** Exports of lib/ops that are not ops on tensors. */
const helpers = new Set([
  'tensor',
  'borrow',
  'manualSeed',
  'defaultGenerator',
  'Generator',
  'sgdStep',
  'adamStep',
  'globalNorm',
  'clipScale',
]);

export type OpForm = 'op' | 'alias' | 'in-place' | 'like' | 'sync';

export interface PublicOp {
  readonly name: string;
  readonly form: OpForm;
  /** The op this is another form of. */
  readonly of?: string;
}

/** In the order of names; an alias is the same function under a later name. */
export function publicOps(): PublicOp[] {
  const first = new Map<unknown, string>();
  const result: PublicOp[] = [];
  const all = Object.entries(ops).filter(([name, value]) => typeof value === 'function' && !helpers.has(name));
  const names = new Set(all.map(([name]) => name));
  for (const [name, value] of all.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const base = /^(.*?)(_|Like|Sync)$/.exec(name);
    const known = first.get(value);
    if (known !== undefined) result.push({ name, form: 'alias', of: known });
    else if (base?.[2] === '_') result.push({ name, form: 'in-place', of: base[1] as string });
    else if (base && names.has(base[1] as string)) {
      result.push({ name, form: base[2] === 'Sync' ? 'sync' : 'like', of: base[1] as string });
    } else result.push({ name, form: 'op' });
    if (known === undefined) first.set(value, name);
  }
  return result;
}
