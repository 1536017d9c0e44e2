import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import type {
  AvgPoolOptions,
  FractionalPoolOptions,
  MaxPoolOptions,
  MaxUnpoolOptions,
  OutputSize,
  PoolOptions,
  Sizes,
} from '../ops/index.ts';
import * as ops from '../ops/index.ts';
import { Module } from './module.ts';
import { formatSizes } from './options.ts';

export type { AvgPoolOptions, MaxUnpoolOptions, PoolOptions } from '../ops/index.ts';
/** Options of `MaxPool1d`, `MaxPool2d` and `MaxPool3d`. */
export type MaxLayerOptions = Omit<MaxPoolOptions, 'returnIndices'>;
/** Options of `MaxUnpool1d`, `MaxUnpool2d` and `MaxUnpool3d`. */
export type UnpoolLayerOptions = Omit<MaxUnpoolOptions, 'outputSize'>;

/** Options of `FractionalMaxPool2d` and `FractionalMaxPool3d`. */
export type FractionalLayerOptions = Omit<FractionalPoolOptions, 'returnIndices' | 'randomSamples'> & {
  readonly stride?: undefined;
  readonly padding?: undefined;
};

/** What layers with a moving window keep and print. */
abstract class Window<
  O extends { readonly stride?: Sizes | undefined; readonly padding?: Sizes | undefined },
> extends Module {
  readonly kernelSize: Sizes;
  protected readonly given: O;

  constructor(name: string, kernelSize: Sizes, options: O) {
    super();
    checkOptions(name, options);
    this.kernelSize = kernelSize;
    this.given = options;
  }

  protected override options(): string {
    const { stride = this.kernelSize, padding = 0 } = this.given;
    const parts = [formatSizes(this.kernelSize)];
    if (formatSizes(stride) !== formatSizes(this.kernelSize)) parts.push(`stride ${formatSizes(stride)}`);
    if (formatSizes(padding) !== '0') parts.push(`padding ${formatSizes(padding)}`);
    return parts.join(', ');
  }
}

abstract class LpWindow extends Window<PoolOptions> {
  readonly norm: number;

  constructor(name: string, norm: number, kernelSize: Sizes, options: PoolOptions) {
    super(name, kernelSize, options);
    this.norm = norm;
  }

  protected override options(): string {
    return `${this.norm}, ${super.options()}`;
  }
}

/** What adaptive layers keep and print. */
abstract class Adaptive extends Module {
  readonly outputSize: OutputSize;

  constructor(outputSize: OutputSize) {
    super();
    this.outputSize = outputSize;
  }

  protected override options(): string {
    const { outputSize: size } = this;
    return typeof size === 'object' && size !== null ? size.map((each) => each ?? '·').join('×') : String(size ?? '·');
  }
}

/**
 * The largest value of each window of [N, C, L].
 *
 * @example
 * new nn.MaxPool1d(2).forward(ones([1, 3, 8])).shape; // [1, 3, 4]
 */
export class MaxPool1d extends Window<MaxLayerOptions> {
  constructor(kernelSize: Sizes, options: MaxLayerOptions = {}) {
    super('MaxPool1d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.maxPool1d(x, this.kernelSize, this.given);
  }
}

/**
 * The largest value of each window of [N, C, H, W].
 *
 * @example
 * new nn.MaxPool2d(2).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class MaxPool2d extends Window<MaxLayerOptions> {
  constructor(kernelSize: Sizes, options: MaxLayerOptions = {}) {
    super('MaxPool2d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.maxPool2d(x, this.kernelSize, this.given);
  }
}

/**
 * The largest value of each window of [N, C, D, H, W].
 *
 * @example
 * new nn.MaxPool3d(2).forward(ones([1, 3, 8, 8, 8])).shape; // [1, 3, 4, 4, 4]
 */
export class MaxPool3d extends Window<MaxLayerOptions> {
  constructor(kernelSize: Sizes, options: MaxLayerOptions = {}) {
    super('MaxPool3d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.maxPool3d(x, this.kernelSize, this.given);
  }
}

/**
 * The mean of each window of [N, C, L].
 *
 * @example
 * new nn.AvgPool1d(2).forward(ones([1, 3, 8])).shape; // [1, 3, 4]
 */
export class AvgPool1d extends Window<AvgPoolOptions> {
  constructor(kernelSize: Sizes, options: AvgPoolOptions = {}) {
    super('AvgPool1d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.avgPool1d(x, this.kernelSize, this.given);
  }
}

/**
 * The mean of each window of [N, C, H, W].
 *
 * @example
 * new nn.AvgPool2d(2).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class AvgPool2d extends Window<AvgPoolOptions> {
  constructor(kernelSize: Sizes, options: AvgPoolOptions = {}) {
    super('AvgPool2d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.avgPool2d(x, this.kernelSize, this.given);
  }
}

/**
 * The mean of each window of [N, C, D, H, W].
 *
 * @example
 * new nn.AvgPool3d(2).forward(ones([1, 3, 8, 8, 8])).shape; // [1, 3, 4, 4, 4]
 */
export class AvgPool3d extends Window<AvgPoolOptions> {
  constructor(kernelSize: Sizes, options: AvgPoolOptions = {}) {
    super('AvgPool3d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.avgPool3d(x, this.kernelSize, this.given);
  }
}

/**
 * The p-norm of each window of [N, C, L].
 *
 * @example
 * new nn.LPPool1d(2, 2).forward(ones([1, 3, 8])).shape; // [1, 3, 4]
 */
export class LPPool1d extends LpWindow {
  constructor(norm: number, kernelSize: Sizes, options: PoolOptions = {}) {
    super('LPPool1d', norm, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.lpPool1d(x, this.norm, this.kernelSize, this.given);
  }
}

/**
 * The p-norm of each window of [N, C, H, W].
 *
 * @example
 * new nn.LPPool2d(2, 2).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class LPPool2d extends LpWindow {
  constructor(norm: number, kernelSize: Sizes, options: PoolOptions = {}) {
    super('LPPool2d', norm, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.lpPool2d(x, this.norm, this.kernelSize, this.given);
  }
}

/**
 * The p-norm of each window of [N, C, D, H, W].
 *
 * @example
 * new nn.LPPool3d(2, 2).forward(ones([1, 3, 4, 4, 4])).shape; // [1, 3, 2, 2, 2]
 */
export class LPPool3d extends LpWindow {
  constructor(norm: number, kernelSize: Sizes, options: PoolOptions = {}) {
    super('LPPool3d', norm, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.lpPool3d(x, this.norm, this.kernelSize, this.given);
  }
}

/**
 * Means of [N, C, L] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveAvgPool1d(4).forward(ones([1, 3, 8])).shape; // [1, 3, 4]
 */
export class AdaptiveAvgPool1d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveAvgPool1d(x, this.outputSize);
  }
}

/**
 * Means of [N, C, H, W] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveAvgPool2d(4).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class AdaptiveAvgPool2d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveAvgPool2d(x, this.outputSize);
  }
}

/**
 * Means of [N, C, D, H, W] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveAvgPool3d(4).forward(ones([1, 3, 8, 8, 8])).shape; // [1, 3, 4, 4, 4]
 */
export class AdaptiveAvgPool3d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveAvgPool3d(x, this.outputSize);
  }
}

/**
 * Maxima of [N, C, L] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveMaxPool1d(4).forward(ones([1, 3, 8])).shape; // [1, 3, 4]
 */
export class AdaptiveMaxPool1d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveMaxPool1d(x, this.outputSize);
  }
}

/**
 * Maxima of [N, C, H, W] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveMaxPool2d(4).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class AdaptiveMaxPool2d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveMaxPool2d(x, this.outputSize);
  }
}

/**
 * Maxima of [N, C, D, H, W] over windows that give the size wanted; null keeps an axis.
 *
 * @example
 * new nn.AdaptiveMaxPool3d(4).forward(ones([1, 3, 8, 8, 8])).shape; // [1, 3, 4, 4, 4]
 */
export class AdaptiveMaxPool3d extends Adaptive {
  forward(x: Tensor): Tensor {
    return ops.adaptiveMaxPool3d(x, this.outputSize);
  }
}

/**
 * Puts maxima back at the indices that `maxPool1d` gave for them, zeros elsewhere.
 *
 * @example
 * new nn.MaxUnpool1d(2).forward(ones([1, 1, 2]), zeros([1, 1, 2], { dtype: 'int32' })).shape; // [1, 1, 4]
 */
export class MaxUnpool1d extends Window<UnpoolLayerOptions> {
  constructor(kernelSize: Sizes, options: UnpoolLayerOptions = {}) {
    super('MaxUnpool1d', kernelSize, options);
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return ops.maxUnpool1d(x, indices, this.kernelSize, { ...this.given, outputSize });
  }
}

/**
 * Puts maxima back at the indices that `maxPool2d` gave for them, zeros elsewhere.
 *
 * @example
 * new nn.MaxUnpool2d(2).forward(ones([1, 1, 1, 2]), zeros([1, 1, 1, 2], { dtype: 'int32' })).shape; // [1, 1, 2, 4]
 */
export class MaxUnpool2d extends Window<UnpoolLayerOptions> {
  constructor(kernelSize: Sizes, options: UnpoolLayerOptions = {}) {
    super('MaxUnpool2d', kernelSize, options);
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return ops.maxUnpool2d(x, indices, this.kernelSize, { ...this.given, outputSize });
  }
}

/**
 * Puts maxima back at the indices that `maxPool3d` gave for them, zeros elsewhere.
 *
 * @example
 * new nn.MaxUnpool3d(2).forward(ones([1, 1, 1, 1, 2]), zeros([1, 1, 1, 1, 2], { dtype: 'int32' })).shape; // [1, 1, 2, 2, 4]
 */
export class MaxUnpool3d extends Window<UnpoolLayerOptions> {
  constructor(kernelSize: Sizes, options: UnpoolLayerOptions = {}) {
    super('MaxUnpool3d', kernelSize, options);
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    return ops.maxUnpool3d(x, indices, this.kernelSize, { ...this.given, outputSize });
  }
}

/**
 * The largest value of windows at random distances of [N, C, H, W]; see `fractionalMaxPool2d`.
 *
 * @example
 * new nn.FractionalMaxPool2d(2, { outputSize: 3 }).forward(ones([1, 1, 5, 5])).shape; // [1, 1, 3, 3]
 */
export class FractionalMaxPool2d extends Window<FractionalLayerOptions> {
  constructor(kernelSize: Sizes, options: FractionalLayerOptions) {
    super('FractionalMaxPool2d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.fractionalMaxPool2d(x, this.kernelSize, this.given);
  }
}

/**
 * The largest value of windows at random distances of [N, C, D, H, W]; see `fractionalMaxPool3d`.
 *
 * @example
 * new nn.FractionalMaxPool3d(2, { outputRatio: 0.5 }).forward(ones([1, 1, 4, 4, 4])).shape; // [1, 1, 2, 2, 2]
 */
export class FractionalMaxPool3d extends Window<FractionalLayerOptions> {
  constructor(kernelSize: Sizes, options: FractionalLayerOptions) {
    super('FractionalMaxPool3d', kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return ops.fractionalMaxPool3d(x, this.kernelSize, this.given);
  }
}
