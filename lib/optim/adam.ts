import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { adamStep, type StepTensors } from '../ops/optim-steps.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { checkNumber, type Hyper } from './param-group.ts';

type Name = 'lr' | 'beta1' | 'beta2' | 'eps' | 'weightDecay';

/** Options of `Adam` and `AdamW`; a group may have its own. */
export type AdamOptions = Partial<Hyper<Name>>;

abstract class AdamBase extends Optimizer<Name> {
  readonly #decay: 'gradient' | 'decoupled';

  constructor(
    params: Params<Name>,
    { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 }: AdamOptions,
    decay: 'gradient' | 'decoupled',
  ) {
    super(params, { lr, beta1, beta2, eps, weightDecay });
    this.#decay = decay;
  }

  protected check({ lr, beta1, beta2, eps, weightDecay }: Hyper<Name>): void {
    const where = this.constructor.name;
    checkNumber(where, 'lr', lr);
    checkNumber(where, 'beta1', beta1, 0, 1);
    checkNumber(where, 'beta2', beta2, 0, 1);
    checkNumber(where, 'eps', eps);
    checkNumber(where, 'weightDecay', weightDecay);
  }

  protected slotNames(): readonly string[] {
    return ['m', 'v'];
  }

  protected update(tensors: StepTensors, slots: ReadonlyMap<string, readonly Tensor[]>): void {
    adamStep(tensors, slots.get('m') ?? [], slots.get('v') ?? [], { decay: this.#decay });
  }
}

/**
 * Adam, by PyTorch's formulas; weight decay is added to the gradient.
 *
 * @example
 * const adam = new optim.Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends AdamBase {
  constructor(params: Params<Name>, options: AdamOptions = {}) {
    checkOptions('Adam', options);
    super(params, options, 'gradient');
  }
}

/**
 * Adam with decoupled weight decay (0.01 by default): the parameters shrink by lr · weightDecay each step.
 *
 * @example
 * const adamw = new optim.AdamW([
 *   { params: weights, weightDecay: 0.05 },
 *   { params: biases, weightDecay: 0 },
 * ], { lr: 3e-3 });
 */
export class AdamW extends AdamBase {
  constructor(params: Params<Name>, options: AdamOptions = {}) {
    checkOptions('AdamW', options);
    super(params, { weightDecay: 0.01, ...options }, 'decoupled');
  }
}
