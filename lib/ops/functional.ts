// Derivatives of functions, as functions: nothing here changes a `grad` field. In the style of torch.autograd.functional.
import { grad } from '../autograd/backward.ts';
import { enableGrad } from '../autograd/modes.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, numelOf, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { requireTensor } from '../core/tensor.ts';
import { checkFunction, checkOptions } from '../core/values.ts';
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { add, mul } from './binary.ts';
import { detach } from './cast.ts';
import { eye, zeros, zerosLike } from './creation.ts';
import { stack } from './join.ts';
import { sum } from './reduce.ts';
import { reshape, select } from './view.ts';

/** A function of one tensor or several. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor;
type Inputs = Tensor | readonly Tensor[];

export interface DerivativeOptions {
  /** Record the derivative too, so that it can be differentiated again. */
  readonly createGraph?: boolean | undefined;
}

interface Call {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
}

function listOf(op: string, inputs: Inputs): readonly Tensor[] {
  const list = Array.isArray(inputs) ? (inputs as readonly Tensor[]) : [inputs as Tensor];
  if (list.length === 0) throw argumentError(op, 'wants at least one input');
  for (const each of list) requireTensor(op, each, 'each input');
  return list;
}

/** Leaves in the inputs' place, or, where the result is to be recorded, tensors that stay connected to them. */
function call(op: string, fn: TensorFunction, inputs: Inputs, createGraph: boolean): Call {
  checkFunction(op, 'fn', fn);
  const own = listOf(op, inputs).map((x) => {
    if (createGraph && x.requiresGrad) return reshape(x, x.shape);
    const leaf = detach(x);
    leaf.requiresGrad = true;
    return leaf;
  });
  const output = fn(...own);
  requireTensor(op, output, 'what fn returns');
  return { inputs: own, output };
}

/** `tangents` as a list beside `inputs`. */
function beside(op: string, name: string, inputs: readonly Tensor[], tangents: Inputs): readonly Tensor[] {
  const list = listOf(op, tangents);
  if (list.length !== inputs.length) throw argumentError(op, `wants ${inputs.length} ${name}, got ${list.length}`);
  list.forEach((t, i) => {
    const { shape, dtype } = inputs[i] as Tensor;
    if (!sameShape(t.shape, shape)) {
      throw shapeError(op, `${name}: wanted ${formatShape(shape)} for input ${i}, got ${formatShape(t.shape)}`);
    }
    if (t.dtype !== dtype) throw dtypeError(op, `${name}: wanted ${dtype} for input ${i}, got ${t.dtype}`);
  });
  return list;
}

/** Gradients with zeros where the output does not depend on an input. */
function gradients(output: Tensor, inputs: readonly Tensor[], dy: Tensor | undefined, createGraph: boolean): Tensor[] {
  if (!output.requiresGrad) return inputs.map((x) => zerosLike(x));
  const found = grad(output, inputs, { gradOutputs: dy, createGraph, retainGraph: true, allowUnused: true });
  return found.map((g, i) => g ?? zerosLike(inputs[i] as Tensor));
}

function created(op: string, options: DerivativeOptions): boolean {
  checkOptions(op, options);
  return options.createGraph ?? false;
}

function unwrapped(inputs: Inputs, results: Tensor[]): Tensor | Tensor[] {
  return Array.isArray(inputs) ? results : (results[0] as Tensor);
}

/**
 * The value of `fn` and the product vᵀJ of a vector with its Jacobian: one forward and one backward pass.
 * @param v - of the output's shape; may be left out for one element
 * @returns [output, one gradient for each input (a tensor when `inputs` is one)]
 * @example
 * const [y, dx] = vjp((x) => x.square(), tensor([1, 2]), tensor([1, 10])); // [1, 4] and [2, 40]
 */
export function vjp(
  fn: TensorFunction,
  inputs: Tensor,
  v?: Tensor | undefined,
  options?: DerivativeOptions,
): [Tensor, Tensor];
export function vjp(
  fn: TensorFunction,
  inputs: readonly Tensor[],
  v?: Tensor | undefined,
  options?: DerivativeOptions,
): [Tensor, Tensor[]];
export function vjp(fn: TensorFunction, inputs: Inputs, v?: Tensor, options: DerivativeOptions = {}): unknown {
  const createGraph = created('vjp', options);
  return tidy(() =>
    enableGrad(() => {
      const { inputs: own, output } = call('vjp', fn, inputs, createGraph);
      const results = gradients(output, own, v, createGraph);
      return [createGraph ? output : detach(output), unwrapped(inputs, results)];
    }),
  );
}

/**
 * The value of `fn` and the product J·v of its Jacobian with a vector, by two backward passes: the gradient is linear in
 * the vector it starts from, and is differentiated by that vector.
 * @param v - one tangent for each input, of its shape and dtype
 * @returns [output, tangent of the output's shape]
 * @example
 * const [y, dy] = jvp((x) => x.square(), tensor([1, 2]), tensor([1, 10])); // [1, 4] and [2, 40]
 */
export function jvp(fn: TensorFunction, inputs: Inputs, v: Inputs, options: DerivativeOptions = {}): [Tensor, Tensor] {
  const createGraph = created('jvp', options);
  return tidy(() =>
    enableGrad((): [Tensor, Tensor] => {
      const { inputs: own, output } = call('jvp', fn, inputs, createGraph);
      const tangents = beside('jvp', 'tangents', own, v);
      const value = createGraph ? output : detach(output);
      if (!output.requiresGrad) return [value, zerosLike(output)];
      const start = zerosLike(output);
      start.requiresGrad = true;
      const back = gradients(output, own, start, true);
      const product = back.map((g, i) => sum(mul(g, tangents[i] as Tensor))).reduce((a, b) => add(a, b));
      if (!product.requiresGrad) return [value, zerosLike(output)];
      const [dy] = grad(product, start, { createGraph, allowUnused: true });
      return [value, dy ?? zerosLike(output)];
    }),
  );
}

/**
 * The Jacobian of `fn`: element [i…, j…] is d output[i…] / d input[j…]. One backward pass for each element of the output.
 * @returns [...output.shape, ...input.shape]; one for each input when `inputs` is an array
 * @example
 * jacobian((x) => x.square(), tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacobian(fn: TensorFunction, inputs: Tensor, options?: DerivativeOptions): Tensor;
export function jacobian(fn: TensorFunction, inputs: readonly Tensor[], options?: DerivativeOptions): Tensor[];
export function jacobian(fn: TensorFunction, inputs: Inputs, options: DerivativeOptions = {}): Tensor | Tensor[] {
  const createGraph = created('jacobian', options);
  return tidy(() => enableGrad(() => unwrapped(inputs, jacobians('jacobian', fn, inputs, createGraph))));
}

function jacobians(op: string, fn: TensorFunction, inputs: Inputs, createGraph: boolean): Tensor[] {
  const { inputs: own, output } = call(op, fn, inputs, createGraph);
  const size = numelOf(output.shape);
  const shapes = own.map((x) => [...output.shape, ...x.shape]);
  if (size === 0) return own.map(({ dtype, device }, i) => zeros(shapes[i] as number[], { dtype, device }));
  const basis = eye(size, { dtype: output.dtype as 'float32', device: output.device });
  const rows = Array.from({ length: size }, (_, k) =>
    gradients(output, own, reshape(select(basis, 0, k), output.shape), createGraph),
  );
  return own.map((_, i) => reshape(stack(rows.map((row) => row[i] as Tensor)), shapes[i] as number[]));
}

/**
 * The matrix of second derivatives of a function with one element: the Jacobian of its gradient.
 * @returns [...input.shape, ...input.shape]; for an array of inputs, [i][j] is d²f / d input i d input j
 * @throws ERR_SHAPE when `fn` gives more than one element
 * @example
 * hessian((x) => x.square().sum(), tensor([1, 2])); // [[2, 0], [0, 2]]
 */
export function hessian(fn: TensorFunction, inputs: Tensor, options?: DerivativeOptions): Tensor;
export function hessian(fn: TensorFunction, inputs: readonly Tensor[], options?: DerivativeOptions): Tensor[][];
export function hessian(fn: TensorFunction, inputs: Inputs, options: DerivativeOptions = {}): Tensor | Tensor[][] {
  const createGraph = created('hessian', options);
  checkFunction('hessian', 'fn', fn);
  const count = listOf('hessian', inputs).length;
  return tidy(() =>
    enableGrad(() => {
      const rows = Array.from({ length: count }, (_, i) =>
        jacobians(
          'hessian',
          (...own) => gradients(scalar('hessian', fn(...own)), own, undefined, true)[i] as Tensor,
          inputs,
          createGraph,
        ),
      );
      return Array.isArray(inputs) ? rows : ((rows[0] as Tensor[])[0] as Tensor);
    }),
  );
}

function scalar(op: string, output: Tensor): Tensor {
  requireTensor(op, output, 'what fn returns');
  if (output.size !== 1) throw shapeError(op, `fn must give one element, got shape ${formatShape(output.shape)}`);
  return output;
}

/**
 * The value of a function with one element and the product H·v of its Hessian with a vector: the gradient of ⟨∇f, v⟩,
 * never the matrix (Pearlmutter 1994).
 * @param v - one vector for each input, of its shape and dtype
 * @returns [output, one product for each input (a tensor when `inputs` is one)]
 * @example
 * const [y, hv] = hvp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])); // 9 and [6, 12]
 */
export function hvp(fn: TensorFunction, inputs: Tensor, v: Tensor, options?: DerivativeOptions): [Tensor, Tensor];
export function hvp(
  fn: TensorFunction,
  inputs: readonly Tensor[],
  v: readonly Tensor[],
  options?: DerivativeOptions,
): [Tensor, Tensor[]];
export function hvp(fn: TensorFunction, inputs: Inputs, v: Inputs, options: DerivativeOptions = {}): unknown {
  const createGraph = created('hvp', options);
  return tidy(() =>
    enableGrad(() => {
      const { inputs: own, output } = call('hvp', fn, inputs, createGraph);
      scalar('hvp', output);
      const vectors = beside('hvp', 'vectors', own, v);
      const slopes = gradients(output, own, undefined, true);
      const dot = slopes.map((g, i) => sum(mul(g, vectors[i] as Tensor))).reduce((a, b) => add(a, b));
      const results = gradients(dot, own, undefined, createGraph);
      return [createGraph ? output : detach(output), unwrapped(inputs, results)];
    }),
  );
}
