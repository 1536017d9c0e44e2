// Which exports of lib/ops count as ops, and which are other forms of one.
import { definedOps } from '../../lib/autograd/index.ts';
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

/** The name an op goes by among its aliases: its function's own, or that it was defined under, or the first. */
function mainName(names: readonly string[], value: { readonly name: string }): string {
  const defined = definedOps();
  const own = names.find((name) => name === value.name) ?? names.find((name) => defined.has(name));
  return own ?? (names[0] as string);
}

/** In the order of names. An alias is the same function under another name. */
export function publicOps(): PublicOp[] {
  const groups = new Map<unknown, string[]>();
  for (const [name, value] of Object.entries(ops).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof value !== 'function' || helpers.has(name)) continue;
    groups.set(value, [...(groups.get(value) ?? []), name]);
  }
  const names = new Set([...groups.values()].flat());
  const result: PublicOp[] = [];
  for (const [value, group] of groups) {
    const main = mainName(group, value as { readonly name: string });
    for (const name of group) {
      const base = /^(.*?)(_|Like|Sync)$/.exec(name);
      if (name !== main) result.push({ name, form: 'alias', of: main });
      else if (base?.[2] === '_') result.push({ name, form: 'in-place', of: base[1] as string });
      else if (base && names.has(base[1] as string)) {
        result.push({ name, form: base[2] === 'Sync' ? 'sync' : 'like', of: base[1] as string });
      } else result.push({ name, form: 'op' });
    }
  }
  return result.sort((a, b) => (a.name < b.name ? -1 : 1));
}
