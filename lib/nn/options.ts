import type { Device } from '../core/device.ts';
import type { Generator } from '../core/generator.ts';
import { formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import type { Sizes } from '../ops/index.ts';

/** Where a layer's parameters are made, and the generator they are drawn from. */
export interface LayerOptions {
  readonly device?: string | Device | undefined;
  readonly dtype?: 'float32' | 'float64' | 'float16' | 'bfloat16' | undefined;
  readonly generator?: Generator | undefined;
}

/** `value`, one number for all or one for each of `rank` axes, as a list. */
export function sizes(layer: string, value: Sizes, rank: number): readonly number[] {
  if (typeof value === 'number') return new Array<number>(rank).fill(value);
  if (Array.isArray(value) && value.length === rank) return [...value];
  const list = ['[length]', '[height, width]', '[depth, height, width]'][rank - 1];
  throw argumentError(layer, `wanted a number or ${list}, got ${formatValue(value)}`);
}

/** "5×3" for sizes, "2" where all agree. */
export function formatSizes(value: Sizes): string {
  if (typeof value === 'number') return String(value);
  return value.every((size) => size === value[0]) ? String(value[0]) : value.join('×');
}

/** Throws ERR_ARGUMENT unless every value is an integer ≥ 1. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw argumentError(layer, `${name}: wanted an integer ≥ 1, got ${formatValue(value)}`);
  }
}
