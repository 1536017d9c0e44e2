// The fused multi-tensor kernels behind the optimizers: one command for all parameters, all or nothing. None is recorded.
import { emptyTensor, checkLive, checkWritable, type Tensor } from '../core/tensor.ts';
import { argumentError, deviceError, dtypeError, shapeError } from '../errors.ts';
import { kernels } from '../native/kernels.ts';

/** Parameters and gradients of one step, each list in the same order. */
export interface StepTensors {
  readonly params: readonly Tensor[];
  readonly grads: readonly Tensor[];
  /** float64 [1]: steps done; the kernel adds one. */
  readonly state: Tensor;
  /** float64 hyper-parameters on the same device. */
  readonly hyper: Tensor;
}

/**
 * One step of stochastic gradient descent, in place. hyper = [lr, momentum, dampening, weightDecay].
 * @param momentum - buffers like the parameters, or none
 */
export function sgdStep(
  { params, grads, state, hyper }: StepTensors,
  momentum: readonly Tensor[],
  { nesterov = false }: { readonly nesterov?: boolean } = {},
): void {
  if (params.length === 0) return;
  checkLists('sgdStep', params, momentum.length > 0 ? { grads, momentum } : { grads });
  checkState('sgdStep', params, state, hyper, 4);
  bump('sgdStep', params, momentum, [state]);
  kernels.sgdStep(params, grads, momentum, state, hyper, nesterov ? 1 : 0);
}

/**
 * One step of Adam, in place. hyper = [lr, beta1, beta2, eps, weightDecay].
 * @param m - running means of the gradients
 * @param v - running means of their squares
 * @param options.decay - 'gradient' adds weightDecay · p to the gradient (Adam), 'decoupled' shrinks p itself (AdamW)
 */
export function adamStep(
  { params, grads, state, hyper }: StepTensors,
  m: readonly Tensor[],
  v: readonly Tensor[],
  { decay }: { readonly decay: 'gradient' | 'decoupled' },
): void {
  if (params.length === 0) return;
  checkLists('adamStep', params, { grads, m, v });
  checkState('adamStep', params, state, hyper, 5);
  bump('adamStep', params, m, v, [state]);
  kernels.adamStep(params, grads, m, v, state, hyper, decay === 'decoupled' ? 1 : 0);
}

/** The 2-norm of all gradients together, rank 0. */
export function globalNorm(grads: readonly Tensor[]): Tensor {
  const [first] = grads;
  if (first === undefined) throw argumentError('globalNorm', 'wanted at least one gradient, got none');
  for (const g of grads) checkSame('globalNorm', 'gradients', first, g);
  const norm = emptyTensor([], first.dtype, first.storage.queue);
  kernels.globalNorm(norm, grads);
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
  checkSame('clipScale', 'norm', first, norm);
  bump('clipScale', grads);
  kernels.clipScale(grads, norm, maxNorm);
}

function checkSame(op: string, name: string, first: Tensor, t: Tensor): void {
  checkLive(op, t);
  if (t.device !== first.device) throw deviceError(op, `${name} are on ${first.device.name} and ${t.device.name}`);
  if (t.dtype !== first.dtype)
    throw dtypeError(op, `${name} are ${first.dtype} and ${t.dtype}; step each dtype by itself`);
}

function checkLists(op: string, params: readonly Tensor[], lists: Readonly<Record<string, readonly Tensor[]>>): void {
  const first = params[0] as Tensor;
  for (const p of params) {
    checkSame(op, 'params', first, p);
    checkWritable(op, p);
  }
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== params.length) throw argumentError(op, `wanted ${params.length} ${name}, got ${list.length}`);
    list.forEach((t, k) => {
      checkSame(op, name, first, t);
      const wanted = params[k]?.shape ?? [];
      if (t.shape.join() === wanted.join()) return;
      throw shapeError(op, `${name}[${k}]: wanted [${wanted.join(', ')}], got [${t.shape.join(', ')}]`);
    });
  }
}

function checkState(op: string, params: readonly Tensor[], state: Tensor, hyper: Tensor, hypers: number): void {
  for (const [name, t, size] of [
    ['state', state, 1],
    ['hyper', hyper, hypers],
  ] as const) {
    checkLive(op, t);
    if (t.device !== params[0]?.device)
      throw deviceError(op, `${name} must be on the parameters' device, is on ${t.device.name}`);
    if (t.dtype !== 'float64') throw dtypeError(op, `${name} must be float64, got ${t.dtype}`);
    if (t.shape.length !== 1 || t.size !== size)
      throw shapeError(op, `${name} wants [${size}], got [${t.shape.join(', ')}]`);
  }
}

/** Autograd must see that saved tensors changed. */
/** Notes that `op` is about to write; before the kernel, so that a failed step leaves its targets valid. */
function bump(op: string, ...lists: readonly (readonly Tensor[])[]): void {
  for (const list of lists) {
    for (const t of list) {
      t.storage.version++;
      t.storage.lastWriter = op;
    }
  }
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
