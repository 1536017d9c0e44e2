// Multi-tensor kernels around an optimizer's step: norms, clipping, unscaling, averages, assignments. None is recorded.
import { computeDtype } from '../core/dtype.ts';
import { checkLive, checkWritable, emptyTensor, type Tensor } from '../core/tensor.ts';
import { argumentError, deviceError, dtypeError, shapeError } from '../errors.ts';
import { kernels } from '../native/kernels.ts';
import { bump, checkLists, checkSame, checkState } from './optim-shared.ts';

/** A float32 copy of a float16 or bfloat16 tensor, others as they are. */
function widened(t: Tensor): Tensor {
  if (computeDtype[t.dtype] === t.dtype) return t;
  const wide = emptyTensor(t.shape, computeDtype[t.dtype], t.storage.queue);
  kernels.copy(wide, t);
  return wide;
}

function dropCopies(wide: readonly Tensor[], originals: readonly Tensor[]): void {
  for (const [i, t] of wide.entries()) if (t !== originals[i]) t.dispose();
}

/** Runs kernels that write over `targets` on float32 copies of those that are stored in less, and rounds the results back. */
function inWide(op: string, targets: readonly Tensor[], run: (wide: readonly Tensor[]) => void): void {
  const wide = targets.map(widened);
  try {
    bump(op, targets);
    run(wide);
    for (const [i, t] of targets.entries()) if (wide[i] !== t) kernels.copy(t, wide[i] as Tensor);
  } finally {
    dropCopies(wide, targets);
  }
}

/**
 * An optimizer's step on parameters and gradients in the dtype it computes in: float16 and bfloat16 parameters are widened
 * and rounded again. What is smaller than a parameter's last place is lost; where that matters, keep float32 parameters
 * and use autocast.
 */
export function stepWide(
  op: string,
  params: readonly Tensor[],
  grads: readonly Tensor[],
  run: (params: readonly Tensor[], grads: readonly Tensor[]) => void,
): void {
  if (params.every((p) => computeDtype[p.dtype] === p.dtype)) {
    run(params, grads);
    return;
  }
  for (const p of params) checkWritable(op, p);
  const wideGrads = grads.map(widened);
  try {
    inWide(op, params, (wide) => run(wide, wideGrads));
  } finally {
    dropCopies(wideGrads, grads);
  }
}

/** The 2-norm of all gradients together, rank 0; float32 for float16 and bfloat16. */
export function globalNorm(grads: readonly Tensor[]): Tensor {
  const [first] = grads;
  if (first === undefined) throw argumentError('globalNorm', 'wanted at least one gradient, got none');
  for (const g of grads) checkSame('globalNorm', 'gradients', first, g);
  const norm = emptyTensor([], computeDtype[first.dtype], first.storage.queue);
  const wide = grads.map(widened);
  kernels.globalNorm(norm, wide);
  dropCopies(wide, grads);
  return norm;
}

/** Scales gradients in place by min(1, maxNorm / (norm + 1e-6)). */
export function clipScale(grads: readonly Tensor[], norm: Tensor, maxNorm: number): void {
  const [first] = grads;
  if (first === undefined) return;
  for (const g of grads) {
    checkSame('clipScale', 'gradients', first, g);
    checkWritable('clipScale', g);
  }
  inWide('clipScale', grads, (wide) => {
    checkSame('clipScale', 'norm', wide[0] as Tensor, norm);
    kernels.clipScale(wide, norm, maxNorm);
  });
}

/**
 * Divides gradients in place by a loss scale, and looks for Inf and NaN among them; nothing is read back.
 * @param scale - one float on the gradients' device
 * @returns bool, rank 0: whether any value was not finite
 */
export function unscaleCheck(grads: readonly Tensor[], scale: Tensor): Tensor {
  const [first] = grads;
  if (first === undefined) throw argumentError('unscaleCheck', 'wanted at least one gradient, got none');
  for (const g of grads) {
    checkLive('unscaleCheck', g);
    checkWritable('unscaleCheck', g);
    if (g.device !== first.device)
      throw deviceError('unscaleCheck', `gradients are on ${first.device.name} and ${g.device.name}`);
  }
  checkLive('unscaleCheck', scale);
  if (scale.device !== first.device)
    throw deviceError('unscaleCheck', `scale must be on ${first.device.name}, is on ${scale.device.name}`);
  if (scale.dtype !== 'float32' && scale.dtype !== 'float64')
    throw dtypeError('unscaleCheck', `scale must be float32 or float64, got ${scale.dtype}`);
  if (scale.size !== 1) throw shapeError('unscaleCheck', `scale must be one number, got [${scale.shape.join(', ')}]`);
  const found = emptyTensor([], 'bool', first.storage.queue);
  inWide('unscaleCheck', grads, (wide) => kernels.unscaleCheck(found, wide, scale));
  return found;
}

/** How a loss scale follows the gradients. */
export interface ScaleRule {
  readonly growth: number;
  readonly backoff: number;
  /** Good steps in a row after which it grows. */
  readonly interval: number;
}

/** Moves a loss scale on by one step, on the device. state = [scale, good steps in a row], float64; `found` is one bool. */
export function updateScale(state: Tensor, found: Tensor, { growth, backoff, interval }: ScaleRule): void {
  checkLive('updateScale', state);
  checkLive('updateScale', found);
  bump('updateScale', [state]);
  kernels.updateScale(state, found, growth, backoff, interval);
}

/**
 * Moves running averages of `params` on by one step: average += (1 - decay) · (param - average). hyper = [decay], state = [steps].
 * @param options.warmup - the decay is at most (1 + steps) / (10 + steps)
 */
export function emaStep(
  averages: readonly Tensor[],
  params: readonly Tensor[],
  { state, hyper, warmup }: { readonly state: Tensor; readonly hyper: Tensor; readonly warmup: boolean },
): void {
  if (averages.length === 0) return;
  checkLists('emaStep', averages, { params });
  checkState('emaStep', averages, state, 1, hyper, 1);
  bump('emaStep', averages, [state]);
  kernels.emaStep(averages, params, state, hyper, warmup ? 8 : 0);
}

/**
 * Copies each source into its target, all or none: a failed source, or a true `skip`, leaves every target as it is. Floats
 * only; a source has its target's shape and dtype.
 */
export function assignAll(targets: readonly Tensor[], sources: readonly Tensor[], skip: Tensor | null = null): void {
  if (targets.length !== sources.length)
    throw argumentError('assignAll', `wanted ${targets.length} sources, got ${sources.length}`);
  if (targets.length === 0) return;
  targets.forEach((t, k) => {
    checkLive('assignAll', t);
    checkWritable('assignAll', t);
    const source = sources[k] as Tensor;
    checkSame('assignAll', 'a source and its target', t, source);
    if (source.shape.join() !== t.shape.join())
      throw shapeError('assignAll', `source ${k}: wanted [${t.shape.join(', ')}], got [${source.shape.join(', ')}]`);
  });
  bump('assignAll', targets);
  kernels.assignAll(targets, sources, skip);
}

/** Sets the gradients to null and frees them. */
export function dropGrads(params: Iterable<Tensor>): void {
  for (const p of params) {
    const { grad } = p;
    if (grad === null) continue;
    p.grad = null;
    grad.dispose();
  }
}
