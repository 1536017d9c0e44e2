import { tidy } from '../core/scope.ts';
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
  pad,
  type Sizes,
} from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, formatSizes, type LayerOptions, sizes } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

const paddingModes = ['zeros', 'reflect', 'replicate', 'circular'] as const;

/** Options of `Conv1d`, `Conv2d` and `Conv3d`. */
export interface ConvOptions extends LayerOptions, ConvSettings {
  readonly bias?: boolean;
  /** What the padding holds: zeros, or what lies inside: mirrored, its edge repeated, or from the other side. */
  readonly paddingMode?: (typeof paddingModes)[number];
}

/** Options of `ConvTranspose1d`, `ConvTranspose2d` and `ConvTranspose3d`. */
export interface ConvTransposeOptions extends LayerOptions, ConvTransposeSettings {
  readonly bias?: boolean;
}

const plain = { 1: conv1d, 2: conv2d, 3: conv3d } as const;
const transposed = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d } as const;
type Rank = 1 | 2 | 3;

/** What a layer is made from. */
interface Form {
  readonly name: string;
  readonly rank: Rank;
  readonly transposed: boolean;
}

/** What the layers share; starts as PyTorch's do, uniform in ±1/√(weight.shape[1] · kernel). */
abstract class Kernel extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  /** [out, in / groups, …kernel], transposed [in, out / groups, …kernel] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | null;
  abstract readonly padding: readonly number[] | 'valid' | 'same';

  constructor(
    form: Form,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: Omit<ConvOptions, 'padding'>,
  ) {
    super();
    const { name, rank } = form;
    checkOptions(name, options);
    const { stride = 1, dilation = 1, groups = 1, bias = true, generator, device, dtype } = options;
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
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernel;
    this.stride = sizes(name, stride, rank);
    this.dilation = sizes(name, dilation, rank);
    this.groups = groups;
    const place = { device, dtype };
    const channels = form.transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
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

abstract class Convolution extends Kernel {
  readonly padding: readonly number[] | 'valid' | 'same';
  readonly paddingMode: (typeof paddingModes)[number];
  readonly #rank: Rank;

  constructor(rank: Rank, inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions) {
    const name = `Conv${rank}d`;
    super({ name, rank, transposed: false }, inChannels, outChannels, kernelSize, options);
    const { padding = 0, paddingMode = 'zeros' } = options;
    const named = typeof padding === 'string';
    if (named && padding !== 'valid' && padding !== 'same')
      throw argumentError(name, `padding: wanted numbers, 'valid' or 'same', got ${formatValue(padding)}`);
    if (padding === 'same' && this.stride.some((step) => step !== 1))
      throw argumentError(name, `padding 'same' wants stride 1, got ${formatSizes(this.stride)}`);
    if (!paddingModes.includes(paddingMode))
      throw argumentError(name, `paddingMode: wanted ${paddingModes.join(', ')}, got ${formatValue(paddingMode)}`);
    this.padding = named ? padding : sizes(name, padding, rank);
    this.paddingMode = paddingMode;
    this.#rank = rank;
  }

  forward(x: Tensor): Tensor {
    const convolve = plain[this.#rank];
    const { paddingMode: mode } = this;
    if (mode === 'zeros') return convolve(x, this.weight, this.bias, this);
    const { stride, dilation, groups } = this;
    return tidy(() => convolve(pad(x, this.#border(), { mode }), this.weight, this.bias, { stride, dilation, groups }));
  }

  /** What padding adds before and after each axis, the last axis first; 'same' adds its odd element behind. */
  #border(): number[] {
    const sides = this.kernelSize.map((size, i): [number, number] => {
      if (typeof this.padding !== 'string') return [this.padding[i] as number, this.padding[i] as number];
      const total = this.padding === 'same' ? (this.dilation[i] as number) * (size - 1) : 0;
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
    return sides.reverse().flat();
  }

  protected override options(): string {
    return super.options() + (this.paddingMode === 'zeros' ? '' : `, padding mode ${this.paddingMode}`);
  }
}

abstract class TransposedConvolution extends Kernel {
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly #rank: Rank;

  constructor(rank: Rank, inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions) {
    const name = `ConvTranspose${rank}d`;
    super({ name, rank, transposed: true }, inChannels, outChannels, kernelSize, options);
    const { padding = 0, outputPadding = 0 } = options;
    if (typeof padding === 'string') throw argumentError(name, `padding: wanted numbers, got ${formatValue(padding)}`);
    this.padding = sizes(name, padding, rank);
    this.outputPadding = sizes(name, outputPadding, rank);
    this.#rank = rank;
  }

  forward(x: Tensor): Tensor {
    return transposed[this.#rank](x, this.weight, this.bias, this);
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
    super(1, inChannels, outChannels, kernelSize, options);
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
    super(2, inChannels, outChannels, kernelSize, options);
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
    super(3, inChannels, outChannels, kernelSize, options);
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
    super(1, inChannels, outChannels, kernelSize, options);
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
    super(2, inChannels, outChannels, kernelSize, options);
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
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
