import { argumentError } from '../errors.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { tidy } from '../core/scope.ts';
import { normalizeAxis } from '../core/shape.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { add, div, sub } from './binary.ts';
import { detach } from './cast.ts';
import { onesLike, zerosLike } from './creation.ts';
import { argmax } from './extreme.ts';
import { scatter } from './gather.ts';
import { gumbel } from './random-distributions.ts';
import type { GeneratorOptions } from './random-shared.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { softmax } from './softmax.ts';
import { narrow } from './view.ts';

export interface GumbelSoftmaxOptions extends GeneratorOptions {
  /** Temperature: small ones bring the result near a choice of one class. Default 1. */
  readonly tau?: number | undefined;
  /** Give exactly one class, with the gradient of the soft choice. */
  readonly hard?: boolean | undefined;
  readonly axis?: number | undefined;
}

/**
 * A differentiable draw of classes with the probabilities softmax(logits): softmax of the logits and Gumbel noise over a
 * temperature (Jang et al. 2016, arXiv:1611.01144).
 * @returns shape of `logits`; sums to 1 along the axis
 * @example
 * gumbelSoftmax(zeros([2, 3]), { hard: true }).sum(1); // [1, 1]
 */
export function gumbelSoftmax(logits: Tensor, options: GumbelSoftmaxOptions = {}): Tensor {
  if (anyHalf(logits)) return inFloat32(gumbelSoftmax, logits, options);
  requireTensor('gumbelSoftmax', logits, 'logits');
  checkLive('gumbelSoftmax', logits);
  requireFloat('gumbelSoftmax', logits, 'logits');
  checkOptions('gumbelSoftmax', options);
  const { tau = 1, hard = false, axis = -1, generator } = options;
  checkNumber('gumbelSoftmax', 'tau', tau, (t) => t > 0, '> 0');
  if (typeof hard !== 'boolean')
    throw argumentError('gumbelSoftmax', `hard must be true or false, got ${formatValue(hard)}`);
  const along = normalizeAxis('gumbelSoftmax', axis, logits.rank);
  return tidy(() => {
    const { dtype, device } = logits;
    const noise = gumbel(logits.shape, { dtype, device, generator });
    const soft = softmax(div(add(logits, noise), tau), along);
    if (!hard || logits.size === 0) return soft;
    const chosen = argmax(soft, { axis: along, keepdim: true });
    const one = scatter(zerosLike(soft), along, chosen, narrow(onesLike(soft), along, 0, 1));
    return add(sub(one, detach(soft)), soft);
  });
}
