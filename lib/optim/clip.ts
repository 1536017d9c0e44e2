import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkIterable, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { zeros } from '../ops/index.ts';
import { clipScale, globalNorm } from '../ops/optim-steps.ts';

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
  checkIterable('clipGradNorm', 'params', params);
  const grads = [...params].flatMap((p) => {
    requireTensor('clipGradNorm', p, 'each parameter');
    return p.grad === null ? [] : [p.grad];
  });
  if (grads.length === 0) return zeros([]);
  const norm = globalNorm(grads);
  clipScale(grads, norm, maxNorm);
  return norm;
}
