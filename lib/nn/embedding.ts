import { withContextSync } from '../core/context.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import type { EmbeddingBagOptions, LookupOptions } from '../ops/index.ts';
import { embedding, embeddingBag, empty, narrow } from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `Embedding`. */
export interface EmbeddingLayerOptions extends LayerOptions, LookupOptions {}

/** A table of standard normal numbers, its padding row zeros. */
function table(rows: number, features: number, { paddingIdx, ...options }: EmbeddingLayerOptions): Parameter {
  const { device, dtype, generator } = options;
  const weight = init.normal(empty([rows, features], { device, dtype }), 0, 1, { generator });
  if (paddingIdx != null) {
    withContextSync({ gradMode: false }, () => {
      const row = narrow(weight, 0, paddingIdx < 0 ? paddingIdx + rows : paddingIdx, 1);
      init.zeros(row);
      row.dispose();
    });
  }
  return parameter(weight);
}

/**
 * A table of trained rows, looked up by integers: [...] → [..., features].
 *
 * @example
 * new nn.Embedding(10, 3).forward(tensor([1, 4], { dtype: 'int32' })).shape; // [2, 3]
 */
export class Embedding extends Module {
  readonly rows: number;
  readonly features: number;
  /** [rows, features] */
  readonly weight: Parameter;
  readonly #lookup: LookupOptions;

  constructor(rows: number, features: number, options: EmbeddingLayerOptions = {}) {
    super();
    checkOptions('Embedding', options);
    checkSizes('Embedding', { rows, features });
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = options;
    this.rows = rows;
    this.features = features;
    this.#lookup = { paddingIdx, maxNorm, normType, scaleGradByFreq };
    this.weight = table(rows, features, options);
  }

  forward(indices: Tensor): Tensor {
    return embedding(indices, this.weight, this.#lookup);
  }

  protected override options(): string {
    return `${this.rows}, ${this.features}`;
  }
}

/** Options of `EmbeddingBag`. */
export interface EmbeddingBagLayerOptions extends EmbeddingLayerOptions {
  readonly mode?: 'sum' | 'mean' | 'max' | undefined;
  readonly includeLastOffset?: boolean | undefined;
}

/**
 * Sums, means or maxima of rows of a trained table: one result a bag of indices.
 *
 * @example
 * new nn.EmbeddingBag(10, 3).forward(tensor([1, 4, 4], { dtype: 'int32' }), [0, 1]).shape; // [2, 3]
 */
export class EmbeddingBag extends Module {
  readonly rows: number;
  readonly features: number;
  readonly mode: 'sum' | 'mean' | 'max';
  /** [rows, features] */
  readonly weight: Parameter;
  readonly #lookup: EmbeddingBagOptions;

  constructor(rows: number, features: number, options: EmbeddingBagLayerOptions = {}) {
    super();
    checkOptions('EmbeddingBag', options);
    checkSizes('EmbeddingBag', { rows, features });
    const { mode = 'mean', paddingIdx, maxNorm, normType, scaleGradByFreq, includeLastOffset } = options;
    this.rows = rows;
    this.features = features;
    this.mode = mode;
    this.#lookup = { mode, paddingIdx, maxNorm, normType, scaleGradByFreq, includeLastOffset };
    this.weight = table(rows, features, options);
  }

  /** `indices` [N] with offsets [bags], or [bags, N]; a factor for each index with mode 'sum'. */
  forward(
    indices: Tensor,
    offsets: Tensor | readonly number[] | null = null,
    perSampleWeights: Tensor | null = null,
  ): Tensor {
    return embeddingBag(indices, this.weight, { ...this.#lookup, offsets, perSampleWeights });
  }

  protected override options(): string {
    return `${this.rows}, ${this.features}, mode: ${this.mode}`;
  }
}
