// Normalisation of channels in groups, alone, or by their neighbours.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add, div, mul, pow } from './binary.ts';
import { zeros } from './creation.ts';
import { copy_ } from './inplace.ts';
import { cat } from './join.ts';
import { requireNumber } from './loss-shared.ts';
import { batchNorm } from './norm.ts';
import { mean } from './reduce.ts';
import { normalizeRows } from './row-norm.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { square } from './unary.ts';
import { narrow, reshape } from './view.ts';

export interface ChannelNormOptions {
  /** One factor for each channel: [C]. */
  readonly weight?: Tensor | null | undefined;
  /** One shift for each channel: [C]. */
  readonly bias?: Tensor | null | undefined;
  readonly eps?: number | undefined;
}

function checkChannels(op: string, x: Tensor, least: number, options: ChannelNormOptions): number {
  requireTensor(op, x);
  requireFloat(op, x);
  if (x.rank < least) {
    const wanted = least === 2 ? '[N, C, ...]' : '[N, C, L, ...]';
    throw shapeError(op, `input must be ${wanted}, got ${formatShape(x.shape)}`);
  }
  const channels = x.shape[1] as number;
  for (const [name, t] of Object.entries({ weight: options.weight, bias: options.bias })) {
    if (t == null) continue;
    requireTensor(op, t, name);
    checkArguments(op, [x, t]);
    requireSameDtype(op, x, t);
    if (!sameShape(t.shape, [channels])) {
      throw shapeError(op, `${name} must be [${channels}], got ${formatShape(t.shape)}`);
    }
  }
  requireNumber(op, 'eps', options.eps ?? 1e-5, 0);
  return channels;
}

function perChannel(y: Tensor, { weight, bias }: ChannelNormOptions): Tensor {
  const shape = y.shape.map((size, i) => (i === 1 ? size : 1));
  const scaled = weight == null ? y : mul(y, reshape(weight, shape));
  return bias == null ? scaled : add(scaled, reshape(bias, shape));
}

/**
 * Brings the channels of each group of each sample to mean 0 and variance 1 together, then scales and shifts each channel
 * (Wu and He 2018, arXiv:1803.08494).
 * @param x - [N, C, ...]
 * @param groups - divides C
 * @returns shape of `x`
 * @example
 * groupNorm(tensor([[[1], [3]]]), 1); // [[[-1], [1]]]
 */
export function groupNorm(x: Tensor, groups: number, options: ChannelNormOptions = {}): Tensor {
  checkOptions('groupNorm', options);
  const channels = checkChannels('groupNorm', x, 2, options);
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw argumentError('groupNorm', `groups must divide the ${channels} channels, got ${formatValue(groups)}`);
  }
  const count = (x.shape[0] as number) * groups;
  return tidy(() => {
    const width = count === 0 ? 0 : x.size / count;
    return perChannel(normalizeRows(x, width, null, null, options.eps ?? 1e-5, true), options);
  });
}

export interface InstanceNormOptions extends ChannelNormOptions {
  /** Followed when the input's statistics are used, read when not: [C]. */
  readonly runningMean?: Tensor | null | undefined;
  readonly runningVar?: Tensor | null | undefined;
  /** Normalise by each sample's own statistics, as in training; else by the running ones. */
  readonly useInputStats?: boolean | undefined;
  /** Share of the batch in the running statistics. */
  readonly momentum?: number | undefined;
}

/**
 * Brings each channel of each sample to mean 0 and variance 1, then scales and shifts it (Ulyanov et al. 2016,
 * arXiv:1607.08022).
 * @param x - [N, C, L, ...]
 * @returns shape of `x`
 * @example
 * instanceNorm(tensor([[[1, 3]]])); // [[[-1, 1]]]
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  checkOptions('instanceNorm', options);
  const channels = checkChannels('instanceNorm', x, 3, options);
  const { useInputStats = true, runningMean, runningVar, momentum = 0.1, eps = 1e-5, weight, bias } = options;
  if (!useInputStats) return batchNorm(x, { weight, bias, runningMean, runningVar, eps, training: false });
  const count = x.shape[0] as number;
  const spatial = count * channels === 0 ? 0 : x.size / (count * channels);
  if (spatial === 1) {
    throw shapeError('instanceNorm', `wants more than one value per channel, got ${formatShape(x.shape)}`);
  }
  if (runningMean == null && runningVar == null) {
    return tidy(() => perChannel(normalizeRows(x, spatial, null, null, eps, true), options));
  }
  return tidy(() => {
    // Each sample's channels as channels of one: batchNorm's statistics are then those of instances.
    const repeated = (t: Tensor | null | undefined): Tensor | null =>
      t == null ? null : cat(Array.from({ length: count }, () => t));
    const means = repeated(runningMean);
    const variances = repeated(runningVar);
    const wide = reshape(x, [1, count * channels, ...x.shape.slice(2)]);
    const y = batchNorm(wide, { runningMean: means, runningVar: variances, training: true, momentum, eps });
    withContextSync({ gradMode: false }, () => {
      for (const [running, own] of [
        [runningMean, means],
        [runningVar, variances],
      ] as const) {
        if (running != null && own !== null) copy_(running, mean(reshape(own, [count, channels]), { axis: 0 }));
      }
    });
    return perChannel(reshape(y, x.shape), options);
  });
}

export interface LocalResponseNormOptions {
  readonly alpha?: number | undefined;
  readonly beta?: number | undefined;
  readonly k?: number | undefined;
}

/**
 * x / (k + α · mean of the squares of the `size` channels around)^β (Krizhevsky et al. 2012); channels beyond the ends count
 * as 0.
 * @param x - [N, C, ...]
 * @returns shape of `x`
 * @example
 * localResponseNorm(tensor([[2, 2]]), 1, { alpha: 1, beta: 0.5, k: 0 }); // [[1, 1]]
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  checkOptions('localResponseNorm', options);
  const channels = checkChannels('localResponseNorm', x, 2, {});
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  for (const [name, value] of Object.entries({ alpha, beta, k })) requireNumber('localResponseNorm', name, value);
  if (!Number.isInteger(size) || size < 1 || size > 2 * channels + 1) {
    throw argumentError(
      'localResponseNorm',
      `size must be an integer from 1 to ${2 * channels + 1}, got ${formatValue(size)}`,
    );
  }
  return tidy(() => {
    const before = Math.floor(size / 2);
    const gap = (count: number): Tensor =>
      zeros([x.shape[0] as number, count, ...x.shape.slice(2)], { dtype: x.dtype, device: x.device });
    const padded = cat([gap(before), square(x), gap(size - 1 - before)], 1);
    const windows = Array.from({ length: size }, (_, i) => narrow(padded, 1, i, channels));
    const total = windows.reduce((a, b) => add(a, b));
    return div(x, pow(add(mul(total, alpha / size), k), beta));
  });
}
