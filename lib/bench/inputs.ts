// Random inputs of the dtype that a run asks for.
import { type Tensor, randn as normal } from '../index.ts';

export const inputDtypes = ['float32', 'float64', 'float16', 'bfloat16'] as const;
export type InputDtype = (typeof inputDtypes)[number];

let dtype: InputDtype = 'float32';

/** The dtype of the inputs of cases made from now on. */
export function setInputDtype(to: InputDtype): void {
  dtype = to;
}

export function randn(shape: readonly number[], { requiresGrad = false }: { requiresGrad?: boolean } = {}): Tensor {
  return normal(shape, { dtype, requiresGrad }) as Tensor;
}
