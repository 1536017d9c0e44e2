import { argumentError, dtypeError, gradError } from '../errors.ts';
import { withContextSync } from '../core/context.ts';
import { upload } from '../core/storage.ts';
import { tidy } from '../core/scope.ts';
import { contiguousStrides, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { grad } from './backward.ts';

export interface GradCheckOptions {
  /** Distance of the two points of a central difference. */
  readonly eps?: number | undefined;
  readonly atol?: number | undefined;
  readonly rtol?: number | undefined;
  /** 2 checks the gradients of the gradients too. */
  readonly order?: 1 | 2 | undefined;
}

type Fn = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/**
 * Compares the gradients of `fn` with finite differences in float64; ERR_GRAD tells the first element that differs.
 * @param inputs - float64; those that require grad are checked, all of them if none does
 * @returns true
 * @example
 * gradCheck((x) => x.tanh(), [tensor([0.1, 2], { dtype: 'float64' })], { order: 2 }); // true
 */
export function gradCheck(fn: Fn, inputs: readonly Tensor[], options: GradCheckOptions = {}): true {
  checkOptions('gradCheck', options);
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, order = 1 } = options;
  if (typeof fn !== 'function') throw argumentError('gradCheck', `wants a function, got ${typeof fn}`);
  if (order !== 1 && order !== 2) throw argumentError('gradCheck', `order must be 1 or 2, got ${formatValue(order)}`);
  if (!Array.isArray(inputs) || !inputs.every((x) => x instanceof Tensor))
    throw argumentError('gradCheck', 'wants an array of tensors as inputs');
  const chosen = inputs.some((x) => x.requiresGrad);
  const checked = inputs.map((x) => (chosen ? x.requiresGrad : x.dtype === 'float64'));
  for (const [i, x] of inputs.entries()) {
    if (checked[i] && x.dtype !== 'float64')
      throw dtypeError('gradCheck', `input ${i} must be float64, got ${x.dtype}`);
  }
  const own = inputs.map((x, i) => (checked[i] ? leaf(x) : x));
  try {
    withContextSync({ gradMode: true }, () => {
      compare('gradient', fn, own, checked, { eps, atol, rtol });
      if (order === 2) checkSecond(fn, own, checked, { eps, atol, rtol });
    });
  } finally {
    for (const [i, x] of own.entries()) if (checked[i]) x.dispose();
  }
  return true;
}

/** A leaf of ours with the values of `x`. */
function leaf(x: Tensor): Tensor {
  const data = x.dataSync();
  const t = new Tensor(upload(x.storage.queue, data), 0, x.shape, contiguousStrides(x.shape), x.dtype, x.size, true);
  t._requiresGrad = true;
  return t;
}

interface Tolerance {
  readonly eps: number;
  readonly atol: number;
  readonly rtol: number;
}

function outputs(fn: Fn, inputs: readonly Tensor[]): Tensor[] {
  const result = fn(...inputs);
  const list: readonly Tensor[] = result instanceof Tensor ? [result] : result;
  if (!Array.isArray(list) || !list.every((each) => each instanceof Tensor)) {
    throw argumentError('gradCheck', 'the function must return a tensor or an array of tensors');
  }
  return list.filter((each) => each.dtype === 'float64');
}

/** Weights that make every output element count differently; fixed, so that failures repeat. */
function weights(like: Tensor, salt: number): Tensor {
  const data = Float64Array.from({ length: like.size }, (_, i) => Math.sin(1.3 * (i + 1) + 0.7 * salt) + 0.3);
  return new Tensor(
    upload(like.storage.queue, data),
    0,
    like.shape,
    contiguousStrides(like.shape),
    'float64',
    like.size,
    true,
  );
}

function dot(tensors: readonly Tensor[]): number {
  let total = 0;
  for (const [k, t] of tensors.entries()) {
    const data = t.dataSync() as Float64Array;
    for (let i = 0; i < data.length; i++) total += (data[i] as number) * (Math.sin(1.3 * (i + 1) + 0.7 * k) + 0.3);
  }
  return total;
}

function compare(
  what: string,
  fn: Fn,
  inputs: readonly Tensor[],
  checked: readonly boolean[],
  tolerance: Tolerance,
): void {
  const { eps, atol, rtol } = tolerance;
  const targets = inputs.filter((_, i) => checked[i]);
  const analytic = tidy(() => {
    const outs = outputs(fn, inputs).filter((out) => out.requiresGrad);
    if (outs.length === 0) return targets.map((x) => new Float64Array(x.size));
    const gradOutputs = outs.map(weights);
    const found = grad(outs, targets, { gradOutputs, allowUnused: true });
    return found.map((g, i) =>
      g === null ? new Float64Array((targets[i] as Tensor).size) : (g.dataSync() as Float64Array),
    );
  });
  // Outputs without a gradient must not add to the difference either.
  const value = (): number => tidy(() => dot(outputs(fn, inputs).filter((out) => out.requiresGrad)));
  for (const [k, x] of targets.entries()) {
    const data = Float64Array.from(x.dataSync() as Float64Array);
    for (let i = 0; i < data.length; i++) {
      const center = data[i] as number;
      const at = (shift: number): number => {
        data[i] = center + shift;
        x.write(data);
        return value();
      };
      const numeric = (at(eps) - at(-eps)) / (2 * eps);
      data[i] = center;
      x.write(data);
      const got = analytic[k]?.[i] ?? 0;
      if (!(Math.abs(got - numeric) <= atol + rtol * Math.abs(numeric))) {
        throw gradError(
          'gradCheck',
          `${what} of input ${k} ${formatShape(x.shape)} at element ${i}: backward gives ${got}, differences give ${numeric}`,
        );
      }
    }
  }
}

/** The first gradient as a function of inputs and output weights, checked like any other. */
function checkSecond(fn: Fn, inputs: readonly Tensor[], checked: readonly boolean[], tolerance: Tolerance): void {
  const seeds = tidy(() =>
    outputs(fn, inputs)
      .filter((out) => out.requiresGrad)
      .map((out, k) => weights(out, k)),
  );
  for (const each of seeds) each._requiresGrad = true;
  const first: Fn = (...all) => {
    const xs = all.slice(0, inputs.length);
    const gradOutputs = all.slice(inputs.length);
    const outs = outputs(fn, xs).filter((out) => out.requiresGrad);
    const targets = xs.filter((_, i) => checked[i]);
    const found = grad(outs, targets, { gradOutputs, createGraph: true, allowUnused: true });
    return found.filter((g) => g !== null);
  };
  try {
    compare('second gradient', first, [...inputs, ...seeds], [...checked, ...seeds.map(() => true)], {
      ...tolerance,
      atol: tolerance.atol * 10,
    });
  } finally {
    for (const each of seeds) each.dispose();
  }
}
