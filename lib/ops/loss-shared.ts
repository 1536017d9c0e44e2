// What all losses share: their last step, and how their operands are checked.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { mean, sum } from './reduce.ts';
import { requireFloat, requireTensor } from './shared.ts';

/** How the losses of a batch become one result. */
export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  readonly reduction?: Reduction | undefined;
}

export function checkReduction(op: string, reduction: unknown): asserts reduction is Reduction {
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return;
  throw argumentError(op, `reduction must be 'mean', 'sum' or 'none', got ${formatValue(reduction)}`);
}

/** The options as an object, and the reduction they ask for. */
export function reductionOf(op: string, options: LossOptions): Reduction {
  checkOptions(op, options);
  const { reduction = 'mean' } = options;
  checkReduction(op, reduction);
  return reduction;
}

export function reduceLoss(losses: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}

/** Checks that all are float tensors of one dtype on one device; those named in `optional` may be null or undefined. */
export function requireOperands(
  op: string,
  operands: Readonly<Record<string, Tensor | null | undefined>>,
  optional: readonly string[] = [],
): void {
  let first: Tensor | null = null;
  for (const [name, t] of Object.entries(operands)) {
    if (t == null && optional.includes(name)) continue;
    requireTensor(op, t, name);
    checkArguments(op, [first ?? t, t]);
    requireFloat(op, t, name);
    first ??= t;
    if (t.dtype !== first.dtype) throw dtypeError(op, `${name} must be ${first.dtype} like the input, got ${t.dtype}`);
  }
}

export function requireShape(op: string, name: string, t: Tensor, wanted: readonly number[]): void {
  if (sameShape(t.shape, wanted)) return;
  throw shapeError(op, `${name} must be ${formatShape(wanted)}, got ${formatShape(t.shape)}`);
}

/** Throws ERR_ARGUMENT unless `value` is a finite number of at least `low`. */
export function requireNumber(op: string, name: string, value: unknown, low: number = Number.NEGATIVE_INFINITY): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= low) return;
  const wanted = low === Number.NEGATIVE_INFINITY ? 'a finite number' : `a finite number ≥ ${low}`;
  throw argumentError(op, `${name} must be ${wanted}, got ${formatValue(value)}`);
}
