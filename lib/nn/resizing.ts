import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { channelShuffle, type InterpolateOptions, interpolate, pixelShuffle, pixelUnshuffle } from '../ops/index.ts';
import { Module } from './module.ts';
import { checkSizes, formatSizes } from './options.ts';

/**
 * Images [N, C, …] at another size; see `interpolate`.
 *
 * @example
 * new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }).forward(ones([1, 3, 4, 4])).shape; // [1, 3, 8, 8]
 */
export class Upsample extends Module {
  readonly #options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    checkOptions('Upsample', options);
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.#options);
  }

  protected override options(): string {
    const { size, scaleFactor, mode = 'nearest' } = this.#options;
    const target = size ? formatSizes(size) : scaleFactor ? `× ${formatSizes(scaleFactor)}` : '';
    return `${target}, ${mode}`;
  }
}

/**
 * Channels spread over blocks of pixels: [..., C · r², H, W] to [..., C, H · r, W · r].
 *
 * @example
 * new nn.PixelShuffle(2).forward(ones([1, 4, 3, 3])).shape; // [1, 1, 6, 6]
 */
export class PixelShuffle extends Module {
  readonly factor: number;

  constructor(factor: number) {
    super();
    checkSizes('PixelShuffle', { factor });
    this.factor = factor;
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.factor);
  }

  protected override options(): string {
    return String(this.factor);
  }
}

/**
 * Blocks of pixels gathered into channels: [..., C, H · r, W · r] to [..., C · r², H, W].
 *
 * @example
 * new nn.PixelUnshuffle(2).forward(ones([1, 1, 6, 6])).shape; // [1, 4, 3, 3]
 */
export class PixelUnshuffle extends Module {
  readonly factor: number;

  constructor(factor: number) {
    super();
    checkSizes('PixelUnshuffle', { factor });
    this.factor = factor;
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.factor);
  }

  protected override options(): string {
    return String(this.factor);
  }
}

/**
 * Channels of groups interleaved (Zhang et al. 2018, ShuffleNet).
 *
 * @example
 * new nn.ChannelShuffle(2).forward(ones([1, 4, 3, 3])).shape; // [1, 4, 3, 3]
 */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    checkSizes('ChannelShuffle', { groups });
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }

  protected override options(): string {
    return String(this.groups);
  }
}
