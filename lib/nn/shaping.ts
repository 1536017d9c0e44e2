// Layers that move elements and change none.
import type { Tensor } from '../core/tensor.ts';
import { checkArray, checkNumber, checkOptions } from '../core/values.ts';
import { col2im, im2col, type Pair, unflatten, type WindowOptions } from '../ops/index.ts';
import { Module } from './module.ts';
import { formatSizes } from './options.ts';

/**
 * Gives back what it is given: a place to put another layer.
 * @example
 * new nn.Identity().forward(tensor([1, 2])); // [1, 2]
 */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/**
 * One axis split into several; one size may be -1.
 * @example
 * new nn.Unflatten(1, [3, -1]).forward(ones([2, 6])).shape; // [2, 3, 2]
 */
export class Unflatten extends Module {
  readonly axis: number;
  readonly sizes: readonly number[];

  constructor(axis: number, sizes: readonly number[]) {
    super();
    checkNumber('Unflatten', 'axis', axis, Number.isSafeInteger, 'that is whole');
    checkArray('Unflatten', 'sizes', sizes);
    this.axis = axis;
    this.sizes = [...sizes];
  }

  forward(x: Tensor): Tensor {
    return unflatten(x, this.axis, this.sizes);
  }

  protected override options(): string {
    return `${this.axis}, [${this.sizes.join(', ')}]`;
  }
}

/**
 * The windows of images [N, C, H, W] as columns [N, C · kernel elements, windows]; see `im2col`.
 * @example
 * new nn.Unfold(2).forward(ones([1, 3, 4, 4])).shape; // [1, 12, 9]
 */
export class Unfold extends Module {
  readonly kernelSize: Pair;
  readonly #options: WindowOptions;

  constructor(kernelSize: Pair, options: WindowOptions = {}) {
    super();
    checkOptions('Unfold', options);
    this.kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return im2col(x, this.kernelSize, this.#options);
  }

  protected override options(): string {
    return formatSizes(this.kernelSize);
  }
}

/**
 * Columns laid into images of one size, what meets in a pixel added up; see `col2im`.
 * @example
 * new nn.Fold(3, 2).forward(ones([1, 4, 4])).shape; // [1, 1, 3, 3]
 */
export class Fold extends Module {
  readonly outputSize: Pair;
  readonly kernelSize: Pair;
  readonly #options: WindowOptions;

  constructor(outputSize: Pair, kernelSize: Pair, options: WindowOptions = {}) {
    super();
    checkOptions('Fold', options);
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return col2im(x, this.outputSize, this.kernelSize, this.#options);
  }

  protected override options(): string {
    return `${formatSizes(this.outputSize)}, ${formatSizes(this.kernelSize)}`;
  }
}
