import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError, shapeError } from '../errors.ts';
import { batchNorm, ones, zeros } from '../ops/index.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Buffer, buffer, type Parameter, parameter } from './parameter.ts';

/** Options of the batch normalisations. */
export interface BatchNormOptions extends Omit<LayerOptions, 'generator'> {
  readonly eps?: number;
  /** Share of the newest batch in the running statistics. */
  readonly momentum?: number;
  /** Whether there is a trained scale and shift. */
  readonly affine?: boolean;
  /** Whether evaluation uses running statistics; otherwise always those of the batch. */
  readonly trackRunningStats?: boolean;
}

/** Normalises each channel: by the batch's statistics while training, by the running ones in evaluation. */
abstract class BatchNorm extends Module {
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

  constructor(channels: number, options: BatchNormOptions = {}) {
    super();
    const { name } = this.constructor;
    checkOptions(name, options);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, ...place } = options;
    checkSizes(name, { channels });
    if (typeof momentum !== 'number' || !(momentum >= 0 && momentum <= 1))
      throw argumentError(name, `momentum: wanted 0 to 1, got ${formatValue(momentum)}`);
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? parameter(ones([channels], place)) : null;
    this.bias = affine ? parameter(zeros([channels], place)) : null;
    this.runningMean = trackRunningStats ? buffer(zeros([channels], place)) : null;
    this.runningVar = trackRunningStats ? buffer(ones([channels], place)) : null;
  }

  /** Ranks of the inputs, and how messages write them. */
  protected abstract inputs(): { readonly ranks: readonly number[]; readonly form: string };

  forward(x: Tensor): Tensor {
    const { name } = this.constructor;
    const { ranks, form } = this.inputs();
    requireTensor(name, x);
    if (!ranks.includes(x.rank)) {
      throw shapeError(name, `wanted [N, ${this.channels}${form}], got [${x.shape.join(', ')}]`);
    }
    const { weight, bias, runningMean, runningVar, momentum, eps } = this;
    const training = this.training || runningMean === null;
    return batchNorm(x, { weight, bias, runningMean, runningVar, training, momentum, eps });
  }

  protected override options(): string {
    return String(this.channels);
  }
}

/**
 * Batch normalisation of [N, C] or [N, C, L].
 *
 * @example
 * new nn.BatchNorm1d(3).forward(ones([2, 3, 4])).shape; // [2, 3, 4]
 */
export class BatchNorm1d extends BatchNorm {
  protected inputs(): { readonly ranks: readonly number[]; readonly form: string } {
    return { ranks: [2, 3], form: '(, L)' };
  }
}

/**
 * Batch normalisation of images [N, C, H, W].
 *
 * @example
 * new nn.BatchNorm2d(3).forward(ones([2, 3, 4, 4])).shape; // [2, 3, 4, 4]
 */
export class BatchNorm2d extends BatchNorm {
  protected inputs(): { readonly ranks: readonly number[]; readonly form: string } {
    return { ranks: [4], form: ', H, W' };
  }
}

/**
 * Batch normalisation of volumes [N, C, D, H, W].
 *
 * @example
 * new nn.BatchNorm3d(3).forward(ones([2, 3, 2, 4, 4])).shape; // [2, 3, 2, 4, 4]
 */
export class BatchNorm3d extends BatchNorm {
  protected inputs(): { readonly ranks: readonly number[]; readonly form: string } {
    return { ranks: [5], form: ', D, H, W' };
  }
}
