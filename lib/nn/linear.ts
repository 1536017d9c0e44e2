import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { empty, linear } from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `Linear`. */
export interface LinearOptions extends LayerOptions {
  readonly bias?: boolean;
}

/**
 * y = x · weightᵀ + bias over the last axis: [..., in] → [..., out]. Starts as PyTorch's does, uniform in ±1/√in.
 *
 * @example
 * new nn.Linear(3, 2).forward(ones([5, 3])).shape; // [5, 2]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** [out, in] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    checkOptions('Linear', options);
    const { bias = true, generator, ...place } = options;
    checkSizes('Linear', { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = parameter(
      init.kaimingUniform(empty([outFeatures, inFeatures], place), { a: Math.sqrt(5), generator }),
    );
    const bound = 1 / Math.sqrt(inFeatures);
    this.bias = bias ? parameter(init.uniform(empty([outFeatures], place), -bound, bound, { generator })) : null;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  protected override options(): string {
    return `${this.inFeatures}, ${this.outFeatures}${this.bias === null ? ', bias: false' : ''}`;
  }
}
