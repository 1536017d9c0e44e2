// What the gradients of elementwise ops have in common.
import { Tensor } from '../core/tensor.ts';
import { castTo } from './cast.ts';
import { zeros } from './creation.ts';
import { sumTo } from './reduce.ts';
import type { Value } from './shared.ts';

/** The gradient of one operand: null for numbers, else summed over what was broadcast, in its dtype. */
export function toOperand(value: Value | null, needed: boolean, gradient: () => Tensor): Tensor | null {
  return needed && value instanceof Tensor ? castTo(sumTo(gradient(), value.shape), value.dtype) : null;
}

/** The gradient of an operand that small steps do not matter to. */
export function noSlope(value: Value | null, needed: boolean): Tensor | null {
  return needed && value instanceof Tensor ? zeros(value.shape, { dtype: value.dtype, device: value.device }) : null;
}
