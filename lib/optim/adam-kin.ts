// Variants of Adam: Adamax, NAdam and RAdam.
import { checkOptions } from '../core/values.ts';
import { adamaxStep, nadamStep, radamStep, type StepMode, type StepTensors } from '../ops/optim-steps.ts';
import { FusedOptimizer, type ModeOptions, MomentOptimizer, type Slots } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkFlag, checkMoments, checkNumber, type Hyper, type Moments } from './param-group.ts';

/** Options of `Adamax`; a group may have numbers of its own. */
export interface AdamaxOptions extends Partial<Hyper<Moments>>, ModeOptions {}

/**
 * Adamax (Kingma & Ba 2015, §7): Adam with the running maximum u = max(β₂ u, |g| + eps) in place of the mean of squares;
 * p -= lr / (1 - β₁ᵗ) · m / u. Weight decay is added to the gradient.
 *
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * const adamax = new optim.Adamax([w], { lr: 0.1 });
 * w.square().sum().backward();
 * adamax.step(); // w is [0.9, 1.9]
 */
export class Adamax extends FusedOptimizer<Moments> {
  constructor(params: Params<Moments>, options: AdamaxOptions = {}) {
    checkOptions('Adamax', options);
    const { lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0, maximize = false } = options;
    super(params, { lr, beta1, beta2, eps, weightDecay }, { maximize });
  }

  protected check(values: Hyper<Moments>): void {
    checkMoments('Adamax', values);
  }

  protected slotNames(): readonly string[] {
    return ['m', 'largest'];
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    adamaxStep(tensors, { m: slots('m'), largest: slots('largest') }, mode);
  }
}

/** Options of `RAdam`, and of `NAdam` but for one; a group may have numbers of its own. */
export interface RAdamOptions extends Partial<Hyper<Moments>>, ModeOptions {
  /** Shrinks the parameters by lr · weightDecay instead of adding weightDecay · p to the gradients. */
  readonly decoupledWeightDecay?: boolean;
}

type NAdamName = Moments | 'momentumDecay';

/** Options of `NAdam`; a group may have numbers of its own. */
export interface NAdamOptions extends RAdamOptions, Partial<Hyper<NAdamName>> {}

/**
 * NAdam (Dozat 2016): Adam with Nesterov's momentum; the momentum of step t is β₁ (1 - 0.96^(t · momentumDecay) / 2).
 *
 * @example
 * const nadam = new optim.NAdam(model.parameters(), { lr: 2e-3 });
 */
export class NAdam extends FusedOptimizer<NAdamName> {
  constructor(params: Params<NAdamName>, options: NAdamOptions = {}) {
    checkOptions('NAdam', options);
    const { lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0, momentumDecay = 4e-3 } = options;
    const { maximize = false, decoupledWeightDecay = false } = options;
    checkFlag('NAdam', 'decoupledWeightDecay', decoupledWeightDecay);
    const decay = decoupledWeightDecay ? 'decoupled' : 'gradient';
    super(params, { lr, beta1, beta2, eps, weightDecay, momentumDecay }, { maximize, decay });
  }

  protected check(values: Hyper<NAdamName>): void {
    checkMoments('NAdam', values);
    checkNumber('NAdam', 'momentumDecay', values.momentumDecay);
  }

  protected slotNames(): readonly string[] {
    return ['m', 'v'];
  }

  protected override stateSize(): number {
    return 2;
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    nadamStep(tensors, { m: slots('m'), v: slots('v') }, mode);
  }
}

/**
 * RAdam (Liu et al. 2020): Adam that leaves out the division by the mean of squares while that rests on too few steps, and
 * is rectified after.
 *
 * @example
 * const radam = new optim.RAdam(model.parameters(), { lr: 1e-3 });
 */
export class RAdam extends MomentOptimizer {
  constructor(params: Params<Moments>, options: RAdamOptions = {}) {
    checkOptions('RAdam', options);
    const { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
    const { maximize = false, decoupledWeightDecay = false } = options;
    checkFlag('RAdam', 'decoupledWeightDecay', decoupledWeightDecay);
    const decay = decoupledWeightDecay ? 'decoupled' : 'gradient';
    super(params, { lr, beta1, beta2, eps, weightDecay }, { maximize, decay });
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    radamStep(tensors, { m: slots('m'), v: slots('v') }, mode);
  }
}
