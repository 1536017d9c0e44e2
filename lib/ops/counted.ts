// Results whose shape depends on values: a size given beforehand makes them static, otherwise they wait for the count.
import { argumentError } from '../errors.ts';
import { current, withContextSync } from '../core/context.ts';
import { keep } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';

export interface FixedSize {
  /** Entries of the result: those beyond the count hold `fill`, what does not fit is left out. */
  readonly size: number;
  /** Default 0. */
  readonly fill?: number | undefined;
}

/** Checks `{ size, fill }`. */
export function checkSize(op: string, options: unknown): { size: number; fill: number } {
  checkOptions(op, options);
  const { size, fill = 0 } = options as FixedSize;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw argumentError(op, `size must be a non-negative integer, got ${formatValue(size)}`);
  }
  if (typeof fill !== 'number') throw argumentError(op, `fill must be a number, got ${formatValue(fill)}`);
  return { size: size + 0, fill };
}

/**
 * What `make` gives for the number that `count` (rank 0) turns out to hold, under the grad mode and in the scope of now.
 * `held` are temporaries of the caller's that `make` needs; they and `count` are disposed when it is done.
 */
export function whenCounted<T>(count: Tensor, held: readonly Tensor[], make: (count: number) => T): Promise<T> {
  const context = current();
  const owned = [count, ...held];
  for (const each of owned) keep(each);
  const release = (): void => {
    for (const each of owned) each.dispose();
  };
  let counted: Promise<number>;
  try {
    counted = count.item();
  } catch (error) {
    release();
    throw error;
  }
  return counted.then((n) => withContextSync(context, () => make(n))).finally(release);
}
