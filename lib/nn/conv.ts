import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import {
  type ConvOptions as ConvSettings,
  conv1d,
  conv2d,
  conv3d,
  type ConvTransposeOptions as ConvTransposeSettings,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  empty,
  type Sizes,
} from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, formatSizes, type LayerOptions, sizes } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `Conv1d`, `Conv2d` and `Conv3d`. */
export interface ConvOptions extends LayerOptions, ConvSettings {
  readonly bias?: boolean;
}

/** Options of `ConvTranspose1d`, `ConvTranspose2d` and `ConvTranspose3d`. */
export interface ConvTransposeOptions extends LayerOptions, ConvTransposeSettings {
  readonly bias?: boolean;
}

/** What the layers share; starts as PyTorch's do, uniform in ±1/√(weight.shape[1] · kernel). */
abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | 'valid' | 'same';
  readonly dilation: readonly number[];
  readonly groups: number;
  /** [out, in / groups, …kernel], transposed [in, out / groups, …kernel] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | null;

  constructor(
    name: string,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: ConvOptions,
  ) {
    super();
    checkOptions(name, options);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, generator, device, dtype } = options;
    const kernel = sizes(name, kernelSize, rank);
    checkSizes(name, { inChannels, outChannels, groups });
    kernel.forEach((size, i) => {
      checkSizes(name, { [`kernelSize[${i}]`]: size });
    });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw argumentError(
        name,
        `groups must divide the channels: ${groups} does not divide ${inChannels} and ${outChannels}`,
      );
    }
    const transposed = name.startsWith('ConvTranspose');
    const named = typeof padding === 'string';
    if (named && (transposed || (padding !== 'valid' && padding !== 'same')))
      throw argumentError(
        name,
        `padding: wanted numbers${transposed ? '' : ", 'valid' or 'same'"}, got ${formatValue(padding)}`,
      );
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernel;
    this.stride = sizes(name, stride, rank);
    this.padding = named ? padding : sizes(name, padding, rank);
    this.dilation = sizes(name, dilation, rank);
    this.groups = groups;
    const place = { device, dtype };
    const channels = transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
    const weight = empty([...channels, ...kernel], place);
    this.weight = parameter(init.kaimingUniform(weight, { a: Math.sqrt(5), generator }));
    const bound = 1 / Math.sqrt(kernel.reduce((product, size) => product * size, channels[1] as number));
    this.bias = bias ? parameter(init.uniform(empty([outChannels], place), -bound, bound, { generator })) : null;
  }

  protected override options(): string {
    const parts = [`${this.inChannels}, ${this.outChannels}, kernel ${formatSizes(this.kernelSize)}`];
    for (const [name, usual] of [
      ['stride', 1],
      ['padding', 0],
      ['dilation', 1],
    ] as const) {
      const value = this[name];
      const text = typeof value === 'string' ? value : formatSizes(value);
      if (text !== String(usual)) parts.push(`${name} ${text}`);
    }
    if (this.groups !== 1) parts.push(`groups ${this.groups}`);
    if (this.bias === null) parts.push('bias: false');
    return parts.join(', ');
  }
}

abstract class TransposedConvolution extends Convolution {
  declare readonly padding: readonly number[];
  readonly outputPadding: readonly number[];

  constructor(
    name: string,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: ConvTransposeOptions,
  ) {
    super(name, rank, inChannels, outChannels, kernelSize, options);
    this.outputPadding = sizes(name, options.outputPadding ?? 0, rank);
  }

  protected override options(): string {
    const extra = formatSizes(this.outputPadding);
    return super.options() + (extra === '0' ? '' : `, output padding ${extra}`);
  }
}

/**
 * 1-d convolution [N, in, L] → [N, out, L'], with or without N; see `conv1d`.
 *
 * @example
 * new nn.Conv1d(1, 8, 5, { padding: 'same' }).forward(ones([2, 1, 28])).shape; // [2, 8, 28]
 */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions = {}) {
    super('Conv1d', 1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this);
  }
}

/**
 * 2-d convolution [N, in, H, W] → [N, out, H', W'], with or without N; see `conv2d`.
 *
 * @example
 * new nn.Conv2d(1, 8, 5, { padding: 2 }).forward(ones([2, 1, 28, 28])).shape; // [2, 8, 28, 28]
 */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions = {}) {
    super('Conv2d', 2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this);
  }
}

/**
 * 3-d convolution [N, in, D, H, W] → [N, out, D', H', W'], with or without N; see `conv3d`.
 *
 * @example
 * new nn.Conv3d(1, 8, 3).forward(ones([2, 1, 4, 5, 6])).shape; // [2, 8, 2, 3, 4]
 */
export class Conv3d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions = {}) {
    super('Conv3d', 3, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return conv3d(x, this.weight, this.bias, this);
  }
}

/**
 * Transposed 1-d convolution [N, in, L] → [N, out, L'], with or without N; see `convTranspose1d`.
 *
 * @example
 * new nn.ConvTranspose1d(8, 1, 2, { stride: 2 }).forward(ones([2, 8, 4])).shape; // [2, 1, 8]
 */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose1d', 1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this);
  }
}

/**
 * Transposed 2-d convolution [N, in, H, W] → [N, out, H', W'], with or without N; see `convTranspose2d`.
 *
 * @example
 * new nn.ConvTranspose2d(8, 1, 2, { stride: 2 }).forward(ones([2, 8, 4, 4])).shape; // [2, 1, 8, 8]
 */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose2d', 2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this);
  }
}

/**
 * Transposed 3-d convolution [N, in, D, H, W] → [N, out, D', H', W'], with or without N; see `convTranspose3d`.
 *
 * @example
 * new nn.ConvTranspose3d(8, 1, 2).forward(ones([2, 8, 1, 2, 3])).shape; // [2, 1, 2, 3, 4]
 */
export class ConvTranspose3d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    super('ConvTranspose3d', 3, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return convTranspose3d(x, this.weight, this.bias, this);
  }
}
