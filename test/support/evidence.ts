// What the op tests have shown, collected for `npm run ops:report`: set WARPGRAD_EVIDENCE to a folder and every process of
// the suite leaves a file there.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Evidence {
  dtypes: string[];
  devices: string[];
  /** Derivatives compared with float64 differences. */
  first: boolean;
  second: boolean;
  /** Some result of inputs that need gradients needs one. */
  differentiable: boolean;
}

const folder = process.env['WARPGRAD_EVIDENCE'];
const found = new Map<string, Evidence>();

const blank = (): Evidence => ({ dtypes: [], devices: [], first: false, second: false, differentiable: false });

/** Notes what a test of `op` has just shown. */
export function note(op: string, facts: Partial<Evidence>): void {
  if (folder === undefined) return;
  const before = found.get(op);
  const now = { ...blank(), ...facts };
  found.set(op, before === undefined ? now : merge(before, now));
}

export function merge(a: Evidence, b: Evidence): Evidence {
  const union = (x: readonly string[], y: readonly string[]): string[] => [...new Set([...x, ...y])].sort();
  return {
    dtypes: union(a.dtypes, b.dtypes),
    devices: union(a.devices, b.devices),
    first: a.first || b.first,
    second: a.second || b.second,
    differentiable: a.differentiable || b.differentiable,
  };
}

if (folder !== undefined) {
  process.on('exit', () => {
    if (found.size > 0) writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(Object.fromEntries(found)));
  });
}
