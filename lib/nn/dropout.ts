import type { Generator } from '../core/generator.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { alphaDropout, dropout, featureAlphaDropout, featureDropout } from '../ops/index.ts';
import { Module } from './module.ts';

type Drop = (x: Tensor, options: { readonly p: number; readonly generator: Generator | undefined }) => Tensor;

/** What the dropout layers share. */
abstract class DropoutLayer extends Module {
  readonly p: number;
  readonly generator: Generator | undefined;
  readonly #drop: Drop;

  constructor(name: string, drop: Drop, p: number, options: { readonly generator?: Generator }) {
    super();
    checkOptions(name, options);
    const { generator } = options;
    if (typeof p !== 'number' || !(p >= 0 && p <= 1))
      throw argumentError(name, `p: wanted a probability from 0 to 1, got ${formatValue(p)}`);
    this.p = p;
    this.generator = generator;
    this.#drop = drop;
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? this.#drop(x, { p: this.p, generator: this.generator }) : x;
  }

  protected override options(): string {
    return String(this.p);
  }
}

/**
 * While training, sets each element to zero with probability `p` and scales the others by 1 / (1 - p); else the identity.
 *
 * @example
 * new nn.Dropout(0.5).eval().forward(ones([3])); // [1, 1, 1]
 */
export class Dropout extends DropoutLayer {
  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super('Dropout', dropout, p, options);
  }
}

/**
 * While training, sets each channel of [N, C, ...] to zero with probability `p` and scales the others by 1 / (1 - p); else
 * the identity. PyTorch's Dropout1d, Dropout2d and Dropout3d.
 *
 * @example
 * new nn.Dropout2d(0.5).eval().forward(ones([1, 1, 1, 2])); // [[[[1, 1]]]]
 */
export class Dropout2d extends DropoutLayer {
  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super('Dropout2d', featureDropout, p, options);
  }
}

/**
 * While training, sets elements to SELU's negative saturation with probability `p`, keeping mean 0 and variance 1; else the
 * identity.
 *
 * @example
 * new nn.AlphaDropout(0.5).eval().forward(ones([3])); // [1, 1, 1]
 */
export class AlphaDropout extends DropoutLayer {
  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super('AlphaDropout', alphaDropout, p, options);
  }
}

/**
 * `AlphaDropout` of whole channels of [N, C, ...].
 *
 * @example
 * new nn.FeatureAlphaDropout(0.5).eval().forward(ones([1, 1, 2])); // [[[1, 1]]]
 */
export class FeatureAlphaDropout extends DropoutLayer {
  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super('FeatureAlphaDropout', featureAlphaDropout, p, options);
  }
}
