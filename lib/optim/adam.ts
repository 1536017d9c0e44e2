import { checkOptions } from '../core/values.ts';
import { adamStep, type StepMode, type StepTensors } from '../ops/optim-steps.ts';
import { type ModeOptions, MomentOptimizer, type Slots } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkFlag, type Hyper, type Moments } from './param-group.ts';

/** Options of `Adam` and `AdamW`; a group may have numbers of its own. */
export interface AdamOptions extends Partial<Hyper<Moments>>, ModeOptions {
  /** Divides by the largest mean of squares so far, not the present one (Reddi et al. 2018). */
  readonly amsgrad?: boolean;
}

abstract class AdamBase extends MomentOptimizer {
  constructor(params: Params<Moments>, options: AdamOptions, decay: 'gradient' | 'decoupled') {
    const { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
    const { amsgrad = false, maximize = false } = options;
    super(params, { lr, beta1, beta2, eps, weightDecay }, { decay, maximize }, amsgrad ? ['largest'] : []);
    checkFlag(this.constructor.name, 'amsgrad', amsgrad);
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    adamStep(tensors, { m: slots('m'), v: slots('v'), largest: slots('largest') }, mode);
  }
}

/**
 * Adam (Kingma & Ba 2015), by PyTorch's formulas; weight decay is added to the gradient.
 *
 * @example
 * const adam = new optim.Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends AdamBase {
  constructor(params: Params<Moments>, options: AdamOptions = {}) {
    checkOptions('Adam', options);
    super(params, options, 'gradient');
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019), 0.01 by default: the parameters shrink by lr · weightDecay
 * each step.
 *
 * @example
 * const adamw = new optim.AdamW([
 *   { params: weights, weightDecay: 0.05 },
 *   { params: biases, weightDecay: 0 },
 * ], { lr: 3e-3 });
 */
export class AdamW extends AdamBase {
  constructor(params: Params<Moments>, options: AdamOptions = {}) {
    checkOptions('AdamW', options);
    super(params, { weightDecay: 0.01, ...options }, 'decoupled');
  }
}
