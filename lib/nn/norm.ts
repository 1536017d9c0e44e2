import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { groupNorm, instanceNorm, layerNorm, localResponseNorm, ones, rmsNorm, zeros } from '../ops/index.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Buffer, buffer, type Parameter, parameter } from './parameter.ts';

/** Options of `LayerNorm`. */
export interface LayerNormOptions extends Omit<LayerOptions, 'generator'> {
  readonly eps?: number;
  /** Whether there is a trained scale. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a trained shift beside the scale. */
  readonly bias?: boolean;
}

function normalizedSizes(name: string, shape: number | readonly number[]): readonly number[] {
  const list = Array.isArray(shape) ? (shape as readonly number[]) : [shape as number];
  if (list.length === 0) throw argumentError(name, 'normalizedShape: wanted at least one size, got none');
  for (const size of list) checkSizes(name, { normalizedShape: size });
  return [...list];
}

/**
 * Brings the last axes of each sample to mean 0 and variance 1, then scales and shifts them.
 *
 * @example
 * new nn.LayerNorm(4).forward(ones([2, 3, 4])).shape; // [2, 3, 4]
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  /** normalizedShape */
  readonly weight: Parameter | null;
  /** normalizedShape */
  readonly bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    checkOptions('LayerNorm', options);
    const { eps = 1e-5, elementwiseAffine = true, bias = true, ...place } = options;
    checkNumber('LayerNorm', 'eps', eps, (v) => v >= 0, '≥ 0');
    this.normalizedShape = normalizedSizes('LayerNorm', normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape, place)) : null;
    this.bias = elementwiseAffine && bias ? parameter(zeros(this.normalizedShape, place)) : null;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return layerNorm(x, this.normalizedShape, { weight, bias, eps });
  }

  protected override options(): string {
    return `[${this.normalizedShape.join(', ')}]`;
  }
}

/** Options of `RMSNorm`. */
export interface RMSNormOptions extends Omit<LayerOptions, 'generator'> {
  /** By default the dtype's epsilon. */
  readonly eps?: number | undefined;
  /** Whether there is a trained scale. */
  readonly elementwiseAffine?: boolean;
}

/**
 * Divides the last axes of each sample by their root mean square, then scales them.
 *
 * @example
 * new nn.RMSNorm(4).forward(ones([2, 4])).shape; // [2, 4]
 */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | undefined;
  /** normalizedShape */
  readonly weight: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super();
    checkOptions('RMSNorm', options);
    const { eps, elementwiseAffine = true, ...place } = options;
    if (eps !== undefined) checkNumber('RMSNorm', 'eps', eps, (v) => v >= 0, '≥ 0');
    this.normalizedShape = normalizedSizes('RMSNorm', normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape, place)) : null;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }

  protected override options(): string {
    return `[${this.normalizedShape.join(', ')}]`;
  }
}

/** Options of `GroupNorm`. */
export interface GroupNormOptions extends Omit<LayerOptions, 'generator'> {
  readonly eps?: number;
  /** Whether there is a trained scale and shift for each channel. */
  readonly affine?: boolean;
}

/**
 * Brings each group of channels of each sample to mean 0 and variance 1, then scales and shifts each channel.
 *
 * @example
 * new nn.GroupNorm(2, 4).forward(ones([3, 4, 5])).shape; // [3, 4, 5]
 */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;
  /** [channels] */
  readonly weight: Parameter | null;
  /** [channels] */
  readonly bias: Parameter | null;

  constructor(groups: number, channels: number, options: GroupNormOptions = {}) {
    super();
    checkOptions('GroupNorm', options);
    const { eps = 1e-5, affine = true, ...place } = options;
    checkSizes('GroupNorm', { groups, channels });
    checkNumber('GroupNorm', 'eps', eps, (v) => v >= 0, '≥ 0');
    if (channels % groups !== 0) {
      throw argumentError('GroupNorm', `groups must divide the ${channels} channels, got ${formatValue(groups)}`);
    }
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.weight = affine ? parameter(ones([channels], place)) : null;
    this.bias = affine ? parameter(zeros([channels], place)) : null;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, eps } = this;
    return groupNorm(x, this.groups, { weight, bias, eps });
  }

  protected override options(): string {
    return `${this.groups}, ${this.channels}`;
  }
}

/** Options of `InstanceNorm`. */
export interface InstanceNormOptions extends GroupNormOptions {
  /** Share of the newest batch in the running statistics. */
  readonly momentum?: number;
  /** Whether evaluation uses running statistics. */
  readonly trackRunningStats?: boolean;
}

/**
 * Brings each channel of each sample to mean 0 and variance 1. For [N, C, L], [N, C, H, W] and [N, C, D, H, W] alike.
 *
 * @example
 * new nn.InstanceNorm(3).forward(ones([2, 3, 4, 4])).shape; // [2, 3, 4, 4]
 */
export class InstanceNorm extends Module {
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number;
  /** [channels] */
  readonly weight: Parameter | null;
  /** [channels] */
  readonly bias: Parameter | null;
  /** [channels] */
  readonly runningMean: Buffer | null;
  /** [channels], unbiased */
  readonly runningVar: Buffer | null;

  constructor(channels: number, options: InstanceNormOptions = {}) {
    super();
    checkOptions('InstanceNorm', options);
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false, ...place } = options;
    checkSizes('InstanceNorm', { channels });
    checkNumber('InstanceNorm', 'eps', eps, (v) => v >= 0, '≥ 0');
    checkNumber('InstanceNorm', 'momentum', momentum, (v) => v >= 0 && v <= 1, 'from 0 to 1');
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? parameter(ones([channels], place)) : null;
    this.bias = affine ? parameter(zeros([channels], place)) : null;
    this.runningMean = trackRunningStats ? buffer(zeros([channels], place)) : null;
    this.runningVar = trackRunningStats ? buffer(ones([channels], place)) : null;
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, runningMean, runningVar, momentum, eps } = this;
    const useInputStats = this.training || runningMean === null;
    return instanceNorm(x, { weight, bias, runningMean, runningVar, useInputStats, momentum, eps });
  }

  protected override options(): string {
    return String(this.channels);
  }
}

/**
 * Divides each channel by a power of its neighbours' mean square.
 *
 * @example
 * new nn.LocalResponseNorm(5).forward(ones([2, 8, 4, 4])).shape; // [2, 8, 4, 4]
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly #options: { readonly alpha?: number; readonly beta?: number; readonly k?: number };

  constructor(size: number, options: { readonly alpha?: number; readonly beta?: number; readonly k?: number } = {}) {
    super();
    checkOptions('LocalResponseNorm', options);
    checkSizes('LocalResponseNorm', { size });
    this.size = size;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.#options);
  }
}
