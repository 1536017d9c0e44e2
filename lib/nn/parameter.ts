import { keep } from '../core/scope.ts';
import type { DType } from '../core/dtype.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';

declare const brand: unique symbol;

/** A tensor that its module trains. */
export type Parameter<D extends DType = DType> = Tensor<D> & { readonly [brand]: 'parameter' };

/** A tensor that belongs to a module's state and is not trained, such as a running mean. */
export type Buffer<D extends DType = DType> = Tensor<D> & { readonly [brand]: 'buffer' };

// A mark beside the tensor instead of a subclass: ops make plain tensors, and any tensor can become a parameter.
const roles = new WeakMap<Tensor, 'parameter' | 'buffer'>();

/**
 * Marks `t` as a parameter: a property of a Module that holds it is found by `parameters()`, and `t` needs gradients.
 * Scopes leave it alone; `Module.dispose()` frees it.
 * @throws ERR_GRAD when `t` is the result of a recorded op, ERR_DTYPE when its dtype has no gradients.
 * @example
 * class Scale extends nn.Module {
 *   factor = nn.parameter(ones([1]));
 *   forward(x: Tensor) { return x.mul(this.factor); }
 * }
 */
export function parameter<D extends DType>(t: Tensor<D>): Parameter<D> {
  requireTensor('parameter', t);
  t.requiresGrad = true;
  roles.set(t, 'parameter');
  return keep(t) as Parameter<D>;
}

/**
 * Marks `t` as a buffer: saved with its module and moved with it, without gradients.
 * @example
 * class Count extends nn.Module {
 *   calls = nn.buffer(zeros([], { dtype: 'int64' }));
 * }
 */
export function buffer<D extends DType>(t: Tensor<D>): Buffer<D> {
  requireTensor('buffer', t);
  roles.set(t, 'buffer');
  return keep(t) as Buffer<D>;
}

/** What `value` is to the module that holds it; null for anything that was not marked. */
export function roleOf(value: unknown): 'parameter' | 'buffer' | null {
  return typeof value === 'object' && value !== null ? (roles.get(value as Tensor) ?? null) : null;
}
