import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { fusedBatchNorm } from './batch-norm.ts';
import { add, div, mul, sub } from './binary.ts';
import { add_, mul_ } from './inplace.ts';
import { mean } from './reduce.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { sqrt, square } from './unary.ts';
import { reshape } from './view.ts';

export interface BatchNormOptions {
  readonly weight?: Tensor | null | undefined;
  readonly bias?: Tensor | null | undefined;
  /** Updated in place when training; read when not. */
  readonly runningMean?: Tensor | null | undefined;
  readonly runningVar?: Tensor | null | undefined;
  /** Normalise by the batch's own statistics. */
  readonly training?: boolean | undefined;
  /** Share of the batch in the running statistics. */
  readonly momentum?: number | undefined;
  readonly eps?: number | undefined;
}

/**
 * Normalises each channel to mean 0 and variance 1, then scales by `weight` and shifts by `bias`.
 * @param x - [N, C, ...]; the vectors in options are [C]
 * @returns shape of `x`
 * @example
 * batchNorm(tensor([[1], [3]]), { training: true }); // [[-1], [1]]
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32((wide: Tensor) => batchNorm(wide, options), x);
  checkOptions('batchNorm', options);
  const { weight, bias, runningMean, runningVar, training = false, momentum = 0.1, eps = 1e-5 } = options;
  requireTensor('batchNorm', x);
  requireFloat('batchNorm', x);
  if (x.rank < 2) throw shapeError('batchNorm', `input must be [N, C, ...], got ${formatShape(x.shape)}`);
  const channels = x.shape[1] as number;
  const vectors = { weight, bias, runningMean, runningVar };
  for (const [name, t] of Object.entries(vectors)) {
    if (t == null) continue;
    requireTensor('batchNorm', t, name);
    checkArguments('batchNorm', [x, t]);
    if (t.rank !== 1 || t.shape[0] !== channels)
      throw shapeError('batchNorm', `${name} must be [${channels}], got ${formatShape(t.shape)}`);
  }
  if (typeof eps !== 'number' || !(eps >= 0))
    throw argumentError('batchNorm', `eps must be ≥ 0, got ${formatValue(eps)}`);
  const perChannel = channels === 0 ? 0 : x.size / channels;
  if (training && perChannel <= 1) {
    throw shapeError('batchNorm', `wants more than one value per channel when training, got ${formatShape(x.shape)}`);
  }
  if (!training && (runningMean == null || runningVar == null)) {
    throw argumentError('batchNorm', 'wants runningMean and runningVar when not training');
  }
  const shape = x.shape.map((_, i) => (i === 1 ? channels : 1));
  const column = (t: Tensor): Tensor => reshape(t, shape);
  const axes = x.shape.map((_, i) => i).filter((i) => i !== 1);
  const unbiased = perChannel / (perChannel - 1);
  const followBoth = (batchMean: Tensor, batchVar: Tensor): void =>
    withContextSync({ gradMode: false }, () => {
      if (runningMean != null) follow(runningMean, batchMean, momentum);
      if (runningVar != null) follow(runningVar, mul(batchVar, unbiased), momentum);
    });
  return tidy(() => {
    const fused = training && x.size > 0 ? fusedBatchNorm(x, weight ?? null, bias ?? null, eps) : null;
    if (fused !== null) {
      const [y, batchMean, batchVar] = fused;
      followBoth(batchMean, batchVar);
      return y;
    }
    const center = training ? mean(x, { axis: axes, keepdim: true }) : column(runningMean as Tensor);
    const shifted = sub(x, center);
    const spread = training ? mean(square(shifted), { axis: axes, keepdim: true }) : column(runningVar as Tensor);
    if (training) followBoth(center, spread);
    const normal = div(shifted, sqrt(add(spread, eps)));
    const scaled = weight == null ? normal : mul(normal, column(weight));
    return bias == null ? scaled : add(scaled, column(bias));
  });
}

/** running ← (1 − momentum) · running + momentum · batch */
function follow(running: Tensor, batch: Tensor, momentum: number): void {
  mul_(running, 1 - momentum);
  add_(running, mul(reshape(batch, running.shape), momentum));
}
