// Optimizers whose step has a size of its own, whatever the gradient's: Lion and LAMB.
import { checkOptions } from '../core/values.ts';
import { lambStep, lionStep, type StepMode, type StepTensors } from '../ops/optim-steps.ts';
import { FusedOptimizer, type ModeOptions, MomentOptimizer, type Slots } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkNumber, type Hyper, type Moments } from './param-group.ts';

type Name = 'lr' | 'beta1' | 'beta2' | 'weightDecay';

/** Options of `Lion`; a group may have numbers of its own. */
export interface LionOptions extends Partial<Hyper<Name>>, ModeOptions {}

/**
 * Lion (Chen et al. 2023): p -= lr · (sign(β₁ m + (1 - β₁) g) + weightDecay · p); m = β₂ m + (1 - β₂) g. One slot a parameter;
 * wants rates three to ten times smaller than AdamW's, and weight decays as much larger.
 *
 * @example
 * const w = tensor([1, -2], { requiresGrad: true });
 * const lion = new optim.Lion([w], { lr: 0.1 });
 * w.square().sum().backward();
 * lion.step(); // w is [0.9, -1.9]
 */
export class Lion extends FusedOptimizer<Name> {
  constructor(params: Params<Name>, options: LionOptions = {}) {
    checkOptions('Lion', options);
    const { lr = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0, maximize = false } = options;
    super(params, { lr, beta1, beta2, weightDecay }, { maximize, decay: 'decoupled' });
  }

  protected check({ lr, beta1, beta2, weightDecay }: Hyper<Name>): void {
    checkNumber('Lion', 'lr', lr);
    checkNumber('Lion', 'beta1', beta1, 0, 1);
    checkNumber('Lion', 'beta2', beta2, 0, 1);
    checkNumber('Lion', 'weightDecay', weightDecay);
  }

  protected slotNames(): readonly string[] {
    return ['m'];
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    lionStep(tensors, { m: slots('m') }, mode);
  }
}

/** Options of `LAMB`; a group may have numbers of its own. */
export interface LAMBOptions extends Partial<Hyper<Moments>>, ModeOptions {}

/**
 * LAMB (You et al. 2020) for large batches: with Adam's direction d = m̂ / (√v̂ + eps) + weightDecay · p, each tensor moves by
 * p -= lr · ‖p‖ / ‖d‖ · d; the ratio is 1 where a norm is 0.
 *
 * @example
 * const lamb = new optim.LAMB(model.parameters(), { lr: 1e-2, weightDecay: 0.01 });
 */
export class LAMB extends MomentOptimizer {
  constructor(params: Params<Moments>, options: LAMBOptions = {}) {
    checkOptions('LAMB', options);
    const { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-6, weightDecay = 0, maximize = false } = options;
    super(params, { lr, beta1, beta2, eps, weightDecay }, { maximize });
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    lambStep(tensors, { m: slots('m'), v: slots('v') }, mode);
  }
}
