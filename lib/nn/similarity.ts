// Distances, similarities and forms of two inputs.
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import {
  bilinear,
  type CosineOptions,
  cosineSimilarity,
  empty,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from '../ops/index.ts';
import * as init from './init.ts';
import type { LinearOptions } from './linear.ts';
import { Module } from './module.ts';
import { checkSizes } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/**
 * aᵀ Wₒ b + bias for every output o: [..., in1] and [..., in2] → [..., out]. Starts as PyTorch's does, uniform in ±1/√in1.
 * @example
 * new nn.Bilinear(2, 3, 4).forward(ones([5, 2]), ones([5, 3])).shape; // [5, 4]
 */
export class Bilinear extends Module {
  readonly inFeatures1: number;
  readonly inFeatures2: number;
  readonly outFeatures: number;
  /** [out, in1, in2] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | null;

  constructor(inFeatures1: number, inFeatures2: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    checkOptions('Bilinear', options);
    const { bias = true, generator, ...place } = options;
    checkSizes('Bilinear', { inFeatures1, inFeatures2, outFeatures });
    this.inFeatures1 = inFeatures1;
    this.inFeatures2 = inFeatures2;
    this.outFeatures = outFeatures;
    const bound = 1 / Math.sqrt(inFeatures1);
    const make = (...shape: number[]): Parameter =>
      parameter(init.uniform(empty(shape, place), -bound, bound, { generator }));
    this.weight = make(outFeatures, inFeatures1, inFeatures2);
    this.bias = bias ? make(outFeatures) : null;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return bilinear(a, b, this.weight, this.bias);
  }

  protected override options(): string {
    return `${this.inFeatures1}, ${this.inFeatures2}, ${this.outFeatures}${this.bias === null ? ', bias: false' : ''}`;
  }
}

/**
 * The cosine of the angle between two tensors along an axis; see `cosineSimilarity`.
 * @example
 * new nn.CosineSimilarity().forward(tensor([[1, 0]]), tensor([[1, 1]])); // [0.7071]
 */
export class CosineSimilarity extends Module {
  readonly #options: CosineOptions;

  constructor(options: CosineOptions = {}) {
    super();
    checkOptions('CosineSimilarity', options);
    this.#options = options;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return cosineSimilarity(a, b, this.#options);
  }
}

/**
 * The p-norm of the difference of two tensors over the last axis; see `pairwiseDistance`.
 * @example
 * new nn.PairwiseDistance({ eps: 0 }).forward(tensor([[0, 0]]), tensor([[3, 4]])); // [5]
 */
export class PairwiseDistance extends Module {
  readonly #options: PairwiseDistanceOptions;

  constructor(options: PairwiseDistanceOptions = {}) {
    super();
    checkOptions('PairwiseDistance', options);
    this.#options = options;
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return pairwiseDistance(a, b, this.#options);
  }
}
