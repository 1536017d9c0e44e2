import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { avgPool2d, maxPool2d, type Pair } from '../ops/index.ts';
import { Module } from './module.ts';
import { formatSizes } from './options.ts';

/** Options of `MaxPool2d`. */
export interface MaxPool2dOptions {
  /** The kernel's size when omitted. */
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
}

/** Options of `AvgPool2d`. */
export interface AvgPool2dOptions {
  /** The kernel's size when omitted. */
  readonly stride?: Pair;
  readonly padding?: Pair;
  /** Whether padded zeros count in the mean. */
  readonly countIncludePad?: boolean;
}

/**
 * The largest value of each window of [N, C, H, W].
 *
 * @example
 * new nn.MaxPool2d(2).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly #options: MaxPool2dOptions;

  constructor(kernelSize: Pair, options: MaxPool2dOptions = {}) {
    super();
    checkOptions('MaxPool2d', options);
    this.kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.#options);
  }

  protected override options(): string {
    return describe(this.kernelSize, this.#options);
  }
}

/**
 * The mean of each window of [N, C, H, W].
 *
 * @example
 * new nn.AvgPool2d(2).forward(ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly #options: AvgPool2dOptions;

  constructor(kernelSize: Pair, options: AvgPool2dOptions = {}) {
    super();
    checkOptions('AvgPool2d', options);
    this.kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.#options);
  }

  protected override options(): string {
    return describe(this.kernelSize, this.#options);
  }
}

function describe(
  kernelSize: Pair,
  { stride = kernelSize, padding = 0 }: { readonly stride?: Pair; readonly padding?: Pair },
): string {
  const parts = [formatSizes(kernelSize)];
  if (formatSizes(stride) !== formatSizes(kernelSize)) parts.push(`stride ${formatSizes(stride)}`);
  if (formatSizes(padding) !== '0') parts.push(`padding ${formatSizes(padding)}`);
  return parts.join(', ');
}
