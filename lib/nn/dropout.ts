import type { Generator } from '../core/generator.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { dropout } from '../ops/index.ts';
import { Module } from './module.ts';

/**
 * While training, sets each element to zero with probability `p` and scales the others by 1 / (1 - p); else the identity.
 *
 * @example
 * new nn.Dropout(0.5).eval().forward(ones([3])); // [1, 1, 1]
 */
export class Dropout extends Module {
  readonly p: number;
  readonly generator: Generator | undefined;

  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super();
    checkOptions('Dropout', options);
    const { generator } = options;
    if (typeof p !== 'number' || !(p >= 0 && p <= 1))
      throw argumentError('Dropout', `p: wanted a probability from 0 to 1, got ${formatValue(p)}`);
    this.p = p;
    this.generator = generator;
  }

  forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? dropout(x, { p: this.p, generator: this.generator }) : x;
  }

  protected override options(): string {
    return String(this.p);
  }
}
