// Optimizers that divide by roots of sums or means of squared gradients: Adagrad, Adadelta, RMSprop.
import { checkOptions } from '../core/values.ts';
import { adadeltaStep, adagradStep, rmspropStep, type StepMode, type StepTensors } from '../ops/optim-steps.ts';
import { argumentError } from '../errors.ts';
import { FusedOptimizer, type ModeOptions, type Slots } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkFlag, checkNumber, type Hyper } from './param-group.ts';

type AdagradName = 'lr' | 'lrDecay' | 'weightDecay' | 'eps';

/** Options of `Adagrad`; a group may have numbers of its own. */
export interface AdagradOptions extends Partial<Hyper<AdagradName>>, ModeOptions {
  /** What the sums of squares begin with, 0 by default. */
  readonly initialAccumulatorValue?: number;
}

/**
 * Adagrad (Duchi et al. 2011): s += g²; p -= lr / (1 + (t - 1) lrDecay) · g / (√s + eps), as in PyTorch.
 *
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * const adagrad = new optim.Adagrad([w], { lr: 0.5 });
 * w.square().sum().backward();
 * adagrad.step(); // w is [0.5, 1.5]
 */
export class Adagrad extends FusedOptimizer<AdagradName> {
  constructor(params: Params<AdagradName>, options: AdagradOptions = {}) {
    checkOptions('Adagrad', options);
    const { lr = 1e-2, lrDecay = 0, weightDecay = 0, eps = 1e-10 } = options;
    const { initialAccumulatorValue = 0, maximize = false } = options;
    checkNumber('Adagrad', 'initialAccumulatorValue', initialAccumulatorValue);
    super(params, { lr, lrDecay, weightDecay, eps }, { maximize });
    if (initialAccumulatorValue === 0) return;
    for (const [name, t] of this.stateDict().tensors) {
      if (name.includes('.sum.')) t.fill_(initialAccumulatorValue);
    }
  }

  protected check({ lr, lrDecay, weightDecay, eps }: Hyper<AdagradName>): void {
    checkNumber('Adagrad', 'lr', lr);
    checkNumber('Adagrad', 'lrDecay', lrDecay);
    checkNumber('Adagrad', 'weightDecay', weightDecay);
    checkNumber('Adagrad', 'eps', eps);
  }

  protected slotNames(): readonly string[] {
    return ['sum'];
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    adagradStep(tensors, { sum: slots('sum') }, mode);
  }
}

type AdadeltaName = 'lr' | 'rho' | 'eps' | 'weightDecay';

/** Options of `Adadelta`; a group may have numbers of its own. */
export interface AdadeltaOptions extends Partial<Hyper<AdadeltaName>>, ModeOptions {}

/**
 * Adadelta (Zeiler 2012): v = ρ v + (1 - ρ) g²; d = √(u + eps) / √(v + eps) · g; u = ρ u + (1 - ρ) d²; p -= lr · d.
 *
 * @example
 * const adadelta = new optim.Adadelta(model.parameters(), { lr: 1, rho: 0.9 });
 */
export class Adadelta extends FusedOptimizer<AdadeltaName> {
  constructor(params: Params<AdadeltaName>, options: AdadeltaOptions = {}) {
    checkOptions('Adadelta', options);
    const { lr = 1, rho = 0.9, eps = 1e-6, weightDecay = 0, maximize = false } = options;
    super(params, { lr, rho, eps, weightDecay }, { maximize });
  }

  protected check({ lr, rho, eps, weightDecay }: Hyper<AdadeltaName>): void {
    checkNumber('Adadelta', 'lr', lr);
    checkNumber('Adadelta', 'rho', rho, 0, 1);
    checkNumber('Adadelta', 'eps', eps);
    checkNumber('Adadelta', 'weightDecay', weightDecay);
  }

  protected slotNames(): readonly string[] {
    return ['square', 'delta'];
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    adadeltaStep(tensors, { square: slots('square'), delta: slots('delta') }, mode);
  }
}

type RMSpropName = 'lr' | 'alpha' | 'eps' | 'weightDecay' | 'momentum';

/** Options of `RMSprop`; a group may have numbers of its own. */
export interface RMSpropOptions extends Partial<Hyper<RMSpropName>>, ModeOptions {
  /** Divides by the root of an estimate of the gradient's variance, not of its mean square. */
  readonly centered?: boolean;
}

/**
 * RMSprop (Hinton 2012; centered: Graves 2013): v = α v + (1 - α) g²; p -= lr · g / (√v + eps), with momentum if asked for.
 * Centered, v less the square of the gradient's mean is taken; where rounding makes that negative it is 0.
 *
 * @example
 * const rmsprop = new optim.RMSprop(model.parameters(), { lr: 1e-2, momentum: 0.9, centered: true });
 */
export class RMSprop extends FusedOptimizer<RMSpropName> {
  constructor(params: Params<RMSpropName>, options: RMSpropOptions = {}) {
    checkOptions('RMSprop', options);
    const { lr = 1e-2, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0 } = options;
    const { centered = false, maximize = false } = options;
    checkFlag('RMSprop', 'centered', centered);
    super(params, { lr, alpha, eps, weightDecay, momentum }, { maximize }, centered ? ['mean'] : []);
  }

  protected check({ lr, alpha, eps, weightDecay, momentum }: Hyper<RMSpropName>, first: Hyper<RMSpropName>): void {
    checkNumber('RMSprop', 'lr', lr);
    checkNumber('RMSprop', 'alpha', alpha, 0, 1);
    checkNumber('RMSprop', 'eps', eps);
    checkNumber('RMSprop', 'weightDecay', weightDecay);
    checkNumber('RMSprop', 'momentum', momentum);
    if (momentum > 0 && first.momentum === 0) {
      throw argumentError('RMSprop', 'momentum: a group made without momentum has no buffers for one');
    }
  }

  protected slotNames({ momentum }: Hyper<RMSpropName>): readonly string[] {
    return momentum > 0 ? ['square', 'momentum'] : ['square'];
  }

  protected run(tensors: StepTensors, slots: Slots, mode: StepMode): void {
    rmspropStep(tensors, { square: slots('square'), mean: slots('mean'), momentum: slots('momentum') }, mode);
  }
}
