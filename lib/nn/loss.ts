import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { crossEntropy, mseLoss } from '../ops/index.ts';
import { Module } from './module.ts';

/** How a loss of many samples becomes the result. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of `CrossEntropyLoss`. */
export interface CrossEntropyLossOptions {
  readonly reduction?: Reduction;
  /** Share of the target given evenly to all classes. */
  readonly labelSmoothing?: number;
  /** Samples with this label count for nothing. */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of logits [N, C] and integer labels [N].
 *
 * @example
 * new nn.CrossEntropyLoss().forward(zeros([2, 4]), tensor(new Int32Array([0, 3]))); // log 4
 */
export class CrossEntropyLoss extends Module {
  readonly #options: CrossEntropyLossOptions;

  constructor(options: CrossEntropyLossOptions = {}) {
    super();
    checkOptions('CrossEntropyLoss', options);
    this.#options = options;
  }

  forward(logits: Tensor, labels: Tensor): Tensor {
    return crossEntropy(logits, labels, this.#options);
  }
}

/** Mean of the squared differences. */
export class MSELoss extends Module {
  readonly #options: { readonly reduction?: Reduction };

  constructor(options: { readonly reduction?: Reduction } = {}) {
    super();
    this.#options = options;
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return mseLoss(x, target, this.#options);
  }
}
