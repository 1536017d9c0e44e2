import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { definePredicate } from './elementwise.ts';

type Predicate = (x: Tensor) => Tensor<'bool'>;

/**
 * Whether each element is NaN.
 * @returns bool of the shape of `x`
 * @example
 * isnan(tensor([1, NaN])); // [false, true]
 */
export const isnan: Predicate = definePredicate('isnan', (out, x) => kernels.isnan(out, x));

/**
 * Whether each element is ∞ or −∞.
 * @returns bool of the shape of `x`
 * @example
 * isinf(tensor([1, -Infinity])); // [false, true]
 */
export const isinf: Predicate = definePredicate('isinf', (out, x) => kernels.isinf(out, x));

/**
 * Whether each element is neither NaN nor infinite.
 * @returns bool of the shape of `x`
 * @example
 * isfinite(tensor([1, NaN])); // [true, false]
 */
export const isfinite: Predicate = definePredicate('isfinite', (out, x) => kernels.isfinite(out, x));

/**
 * Whether each element is ∞.
 * @returns bool of the shape of `x`
 * @example
 * isposinf(tensor([Infinity, -Infinity])); // [true, false]
 */
export const isposinf: Predicate = definePredicate('isposinf', (out, x) => kernels.isposinf(out, x));

/**
 * Whether each element is −∞.
 * @returns bool of the shape of `x`
 * @example
 * isneginf(tensor([Infinity, -Infinity])); // [false, true]
 */
export const isneginf: Predicate = definePredicate('isneginf', (out, x) => kernels.isneginf(out, x));

/**
 * Whether the sign bit of each element is set: of negative numbers and of −0.
 * @returns bool of the shape of `x`
 * @example
 * signbit(tensor([1, -0])); // [false, true]
 */
export const signbit: Predicate = definePredicate('signbit', (out, x) => kernels.signbit(out, x));
