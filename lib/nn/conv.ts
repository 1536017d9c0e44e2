import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { conv2d, empty } from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, formatPair, type LayerOptions, type Pair, pair } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `Conv2d`. */
export interface Conv2dOptions extends LayerOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
}

/**
 * 2-d convolution [N, in, H, W] → [N, out, H', W']. Starts as PyTorch's does, uniform in ±1/√(in / groups · kernel).
 *
 * @example
 * new nn.Conv2d(1, 8, 5, { padding: 2 }).forward(ones([2, 1, 28, 28])).shape; // [2, 8, 28, 28]
 */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
  /** [out, in / groups, height, width] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | null;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions = {}) {
    super();
    checkOptions('Conv2d', options);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, generator, device, dtype } = options;
    const [height, width] = pair(kernelSize);
    checkSizes('Conv2d', { inChannels, outChannels, kernelHeight: height, kernelWidth: width, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw argumentError(
        'Conv2d',
        `groups must divide the channels: ${groups} does not divide ${inChannels} and ${outChannels}`,
      );
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = [height, width];
    this.stride = pair(stride);
    this.padding = pair(padding);
    this.dilation = pair(dilation);
    this.groups = groups;
    const place = { device, dtype };
    const shape = [outChannels, inChannels / groups, height, width];
    this.weight = parameter(init.kaimingUniform(empty(shape, place), { a: Math.sqrt(5), generator }));
    const bound = 1 / Math.sqrt((inChannels / groups) * height * width);
    this.bias = bias ? parameter(init.uniform(empty([outChannels], place), -bound, bound, { generator })) : null;
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }

  protected override options(): string {
    const parts = [`${this.inChannels}, ${this.outChannels}, kernel ${formatPair(this.kernelSize)}`];
    for (const [name, usual] of [
      ['stride', 1],
      ['padding', 0],
      ['dilation', 1],
    ] as const) {
      const value = formatPair(this[name]);
      if (value !== String(usual)) parts.push(`${name} ${value}`);
    }
    if (this.groups !== 1) parts.push(`groups ${this.groups}`);
    if (this.bias === null) parts.push('bias: false');
    return parts.join(', ');
  }
}
