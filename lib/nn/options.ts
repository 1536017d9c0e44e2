import type { Device } from '../core/device.ts';
import type { Generator } from '../core/generator.ts';
import { formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';

/** Where a layer's parameters are made, and the generator they are drawn from. */
export interface LayerOptions {
  readonly device?: string | Device | undefined;
  readonly dtype?: 'float32' | 'float64' | undefined;
  readonly generator?: Generator | undefined;
}

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];

/** `value` as [height, width]. */
export function pair(value: Pair): readonly [number, number] {
  if (typeof value === 'number') return [value, value];
  if (Array.isArray(value) && value.length === 2) return value;
  throw argumentError('nn', `wanted a number or [height, width], got ${formatValue(value)}`);
}

/** "5×5" for a size, "2" where both axes agree. */
export function formatPair(value: Pair): string {
  const [height, width] = pair(value);
  return height === width ? String(height) : `${height}×${width}`;
}

/** Throws ERR_ARGUMENT unless every value is an integer ≥ 1. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw argumentError(layer, `${name}: wanted an integer ≥ 1, got ${formatValue(value)}`);
  }
}
