import { argumentError, dtypeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { isfinite } from './predicates.ts';
import { requireTensor } from './shared.ts';
import { reshape } from './view.ts';
import { where } from './where.ts';

export interface NanToNumOptions {
  /** In place of NaN; default 0. */
  readonly nan?: number | undefined;
  /** In place of ∞; default the dtype's largest number. */
  readonly posinf?: number | undefined;
  /** In place of −∞; default the dtype's smallest number. */
  readonly neginf?: number | undefined;
}

const replaced = defineOp({
  name: 'nanToNum',
  dtypes: 'all',
  infer: (x: Spec, _nan: number, _posinf: number, _neginf: number): Spec => x,
  forward: (ctx, x, nan, posinf, neginf) => kernels.nanToNum(ctx.out, x, nan, posinf, neginf),
  backward: (ctx, dy) => [where(isfinite(ctx.args[0]), dy, 0), null, null, null],
  saves: [0],
});

const largestOf: Readonly<Partial<Record<DType, number>>> = {
  float32: 2 ** 128 - 2 ** 104,
  float64: Number.MAX_VALUE,
  float16: 65504,
  bfloat16: 2 ** 128 - 2 ** 120,
};

/**
 * Replaces NaN and infinities by numbers; integers are handed through. The gradient is 0 where something was replaced.
 * @returns shape and dtype of `x`
 * @example
 * nanToNum(tensor([NaN, Infinity, 1]), { posinf: 9 }); // [0, 9, 1]
 */
export function nanToNum(x: Tensor, options: NanToNumOptions = {}): Tensor {
  checkOptions('nanToNum', options);
  requireTensor('nanToNum', x);
  const largest = largestOf[x.dtype] ?? 0;
  const { nan = 0, posinf = largest, neginf = -largest } = options;
  for (const [name, value] of Object.entries({ nan, posinf, neginf })) {
    if (typeof value !== 'number')
      throw argumentError('nanToNum', `${name} must be a number, got ${formatValue(value)}`);
  }
  return isFloat(x.dtype) ? replaced(x, nan, posinf, neginf) : reshape(x, x.shape);
}

/**
 * x itself, as a view.
 * @throws ERR_DTYPE for bool
 * @example
 * positive(tensor([1, -2])); // [1, -2]
 */
export function positive(x: Tensor): Tensor {
  requireTensor('positive', x);
  if (x.dtype === 'bool') throw dtypeError('positive', 'is not defined for bool');
  return reshape(x, x.shape);
}
