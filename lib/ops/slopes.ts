// Leaky activations whose slope below 0 is learnt or drawn.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { Generator } from '../core/generator.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { leakyRelu } from './activation.ts';
import { mul } from './binary.ts';
import { gt } from './compare.ts';
import { uniform } from './random.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { reshape } from './view.ts';
import { where } from './where.ts';

/**
 * x above 0, else weight · x, with one weight or one per channel (He et al. 2015).
 * @param x - [N, C, ...] when there is a weight per channel
 * @param weight - one element, or [C]
 * @returns shape of `x`
 * @throws ERR_SHAPE when the weights are neither one nor as many as the channels
 * @example
 * prelu(tensor([-1, 2]), tensor([0.25])); // [-0.25, 2]
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  requireTensor('prelu', x);
  requireTensor('prelu', weight, 'weight');
  checkArguments('prelu', [x, weight]);
  requireFloat('prelu', x);
  requireSameDtype('prelu', x, weight);
  const channels = x.rank < 2 ? 1 : (x.shape[1] as number);
  if (weight.rank > 1 || (weight.size !== 1 && weight.size !== channels)) {
    throw shapeError(
      'prelu',
      `weight must be [1] or [${channels}] for input ${formatShape(x.shape)}, got ${formatShape(weight.shape)}`,
    );
  }
  return tidy(() => {
    const shape = x.shape.map((_, i) => (i === 1 ? weight.size : 1));
    const slopes = weight.size === 1 ? reshape(weight, []) : reshape(weight, shape);
    return where(gt(x, 0), x, mul(x, slopes));
  });
}

export interface RreluOptions {
  /** Least slope; default 1/8. */
  readonly lower?: number | undefined;
  /** Greatest slope; default 1/3. */
  readonly upper?: number | undefined;
  /** Draw a slope per element; otherwise their mean is used. Default false. */
  readonly training?: boolean | undefined;
  readonly generator?: Generator | undefined;
}

/**
 * x above 0, else slope · x with slopes drawn evenly from [lower, upper) while training (Xu et al. 2015).
 * @returns shape of `x`
 * @throws ERR_ARGUMENT when lower > upper
 * @example
 * rrelu(tensor([-1, 2]), { lower: 0.2, upper: 0.4 }); // [-0.3, 2]
 */
export function rrelu(x: Tensor, options: RreluOptions = {}): Tensor {
  checkOptions('rrelu', options);
  const { lower = 1 / 8, upper = 1 / 3, training = false, generator } = options;
  checkNumber('rrelu', 'lower', lower, Number.isFinite, 'finite');
  checkNumber('rrelu', 'upper', upper, Number.isFinite, 'finite');
  if (lower > upper)
    throw argumentError('rrelu', `lower must be ≤ upper, got ${formatValue(lower)} and ${formatValue(upper)}`);
  requireTensor('rrelu', x);
  requireFloat('rrelu', x);
  checkArguments('rrelu', [x]);
  if (!training) return leakyRelu(x, (lower + upper) / 2);
  return tidy(() => {
    const slopes = uniform(x.shape, { low: lower, high: upper, dtype: x.dtype, device: x.device, generator });
    return where(gt(x, 0), x, mul(x, slopes));
  });
}
