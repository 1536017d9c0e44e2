// A call of an op as JSON, so that a failure can be printed and repeated.
import type { DType } from '../../lib/index.ts';
import type { Layout } from '../support/tensors.ts';

/** A tensor argument. */
export interface Plan {
  readonly $tensor: {
    shape: number[];
    data: Json[];
    dtype: DType;
    layout: Layout;
    device: string;
    grad: boolean;
    disposed: boolean;
    /** The very same Tensor as the plan of that number, not another with these values. */
    same?: number;
  };
}

export type Json = null | boolean | number | string | Json[] | Plan | { [key: string]: Json };

/** `{ "op", "args" }`; what JSON lacks is `{ "$": "NaN" }` and the like, see `special`. */
export interface Call {
  op: string;
  args: Json[];
}

export const isPlan = (value: unknown): value is Plan =>
  typeof value === 'object' && value !== null && '$tensor' in value;

export const special = (value: number): Json => (Number.isFinite(value) ? value : { $: String(value) });

export const plan = (shape: number[], data: readonly number[], dtype: DType = 'float64'): Plan => ({
  $tensor: {
    shape,
    data: data.map(special),
    dtype,
    layout: 'contiguous',
    device: 'cpu',
    grad: false,
    disposed: false,
  },
});

/** The tensors of a call in the order of its arguments. */
export function plansOf(value: Json): Plan[] {
  if (isPlan(value)) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return (Array.isArray(value) ? value : Object.values(value)).flatMap(plansOf);
}
