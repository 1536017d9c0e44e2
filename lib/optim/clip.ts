import { tensor } from '../core/create.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkIterable, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { zeros } from '../ops/index.ts';
import { clipScale, globalNorm, unscaleCheck } from '../ops/optim-lists.ts';

/**
 * Scales the gradients of `params` in place so that their common 2-norm is at most `maxNorm`. Nothing is read back.
 * @returns the norm before scaling, rank 0; 0 when no parameter has a gradient
 * @example
 * loss.backward();
 * const norm = optim.clipGradNorm(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm(params: Iterable<Tensor>, maxNorm: number): Tensor {
  if (typeof maxNorm !== 'number' || !(maxNorm > 0))
    throw argumentError('clipGradNorm', `maxNorm: wanted a number > 0, got ${formatValue(maxNorm)}`);
  const grads = gradsOf('clipGradNorm', params);
  if (grads.length === 0) return zeros([]);
  const norm = globalNorm(grads);
  clipScale(grads, norm, maxNorm);
  return norm;
}

/**
 * Divides the gradients of `params` in place by the loss scale they were computed with, and looks for Inf and NaN among
 * them, in one pass. Nothing is read back.
 * @param scale - a number, or one float32 or float64 on the gradients' device
 * @returns bool, rank 0: whether any gradient was not finite; false when no parameter has one
 * @throws ERR_ARGUMENT for a scale that is not positive; ERR_DEVICE, ERR_DTYPE, ERR_SHAPE for a tensor that is no scale
 * @example
 * const w = tensor([2], { requiresGrad: true });
 * w.square().mul(1024).sum().backward();
 * const strange = optim.unscale([w], 1024); // false
 * w.grad; // [4]
 */
export function unscale(params: Iterable<Tensor>, scale: Tensor | number): Tensor {
  if (typeof scale === 'number') {
    if (!(scale > 0)) throw argumentError('unscale', `scale: wanted a number > 0, got ${formatValue(scale)}`);
  } else {
    requireTensor('unscale', scale, 'scale');
  }
  const grads = gradsOf('unscale', params);
  const [first] = grads;
  if (first === undefined) return zeros([], { dtype: 'bool' });
  if (typeof scale !== 'number') return unscaleCheck(grads, scale);
  const made = tensor(scale, { dtype: 'float64', device: first.device });
  const found = unscaleCheck(grads, made);
  made.dispose();
  return found;
}

function gradsOf(op: string, params: Iterable<Tensor>): Tensor[] {
  checkIterable(op, 'params', params);
  return [...params].flatMap((p) => {
    requireTensor(op, p, 'each parameter');
    return p.grad === null ? [] : [p.grad];
  });
}
