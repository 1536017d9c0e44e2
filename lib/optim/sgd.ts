import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { type StepTensors, sgdStep } from '../ops/optim-steps.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { checkFlag, checkNumber, type Hyper } from './param-group.ts';

type Name = 'lr' | 'momentum' | 'dampening' | 'weightDecay';

/** Options of `SGD`; a group may have its own. */
export interface SGDOptions extends Partial<Hyper<Name>> {
  /** Looks ahead by one step of the momentum. */
  readonly nesterov?: boolean;
  /** Climbs instead of descending. */
  readonly maximize?: boolean;
}

/**
 * Stochastic gradient descent with momentum, by PyTorch's formulas.
 *
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * const sgd = new optim.SGD([x], { lr: 0.1 });
 * x.square().sum().backward();
 * sgd.step(); // x is [0.8, 1.6]
 */
export class SGD extends Optimizer<Name> {
  readonly #nesterov: boolean;
  readonly #maximize: boolean;

  constructor(params: Params<Name>, options: SGDOptions = {}) {
    checkOptions('SGD', options);
    const { lr = 1e-3, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, maximize = false } = options;
    checkFlag('SGD', 'nesterov', nesterov);
    checkFlag('SGD', 'maximize', maximize);
    super(params, { lr, momentum, dampening, weightDecay });
    this.#nesterov = nesterov;
    this.#maximize = maximize;
    for (const { values } of this.groups) {
      if (nesterov && (values.momentum <= 0 || values.dampening !== 0)) {
        throw argumentError('SGD', 'nesterov wants a momentum and no dampening');
      }
    }
  }

  protected check({ lr, momentum, dampening, weightDecay }: Hyper<Name>, first: Hyper<Name>): void {
    checkNumber('SGD', 'lr', lr);
    checkNumber('SGD', 'momentum', momentum);
    checkNumber('SGD', 'dampening', dampening, Number.NEGATIVE_INFINITY);
    checkNumber('SGD', 'weightDecay', weightDecay);
    if (momentum > 0 && first.momentum === 0) {
      throw argumentError('SGD', 'momentum: a group made without momentum has no buffers for one');
    }
  }

  protected slotNames({ momentum }: Hyper<Name>): readonly string[] {
    return momentum > 0 ? ['momentum'] : [];
  }

  protected update(tensors: StepTensors, slots: ReadonlyMap<string, readonly Tensor[]>): void {
    const momentum = slots.get('momentum') ?? [];
    sgdStep(tensors, { momentum }, { nesterov: this.#nesterov, maximize: this.#maximize });
  }
}
