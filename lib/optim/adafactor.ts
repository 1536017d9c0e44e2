import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { type Change, ComposedOptimizer, type HyperOf, type Member } from './composed.ts';
import type { ModeOptions } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkFlag, checkNumber, type Hyper } from './param-group.ts';

type Name = 'lr' | 'beta1' | 'decayRate' | 'eps' | 'minScale' | 'clipThreshold' | 'weightDecay';

/** Options of `Adafactor`; a group may have numbers of its own. */
export interface AdafactorOptions extends Partial<Hyper<Name>>, ModeOptions {
  /** The rate of step t is at most 1/√t (default). */
  readonly relativeStep?: boolean;
  /** The rate is multiplied by the root mean square of the parameter, at least `minScale` (default). */
  readonly scaleParameter?: boolean;
}

/**
 * Adafactor (Shazeer & Stern 2018): of a matrix's squared gradients only the means of rows and columns are kept, with decay
 * 1 - t^-decayRate; the step g / √v̂ is clipped to the root mean square `clipThreshold` and scaled by
 * α = max(minScale, RMS(p)) · min(lr, 1/√t). Vectors keep all of v; of more axes the last two are factored. A `beta1` above 0
 * adds momentum. Weight decay is decoupled: p shrinks by α · weightDecay.
 *
 * @example
 * const adafactor = new optim.Adafactor(model.parameters(), { lr: 1e-2 });
 */
export class Adafactor extends ComposedOptimizer<Name> {
  readonly #relativeStep: boolean;
  readonly #scaleParameter: boolean;

  constructor(params: Params<Name>, options: AdafactorOptions = {}) {
    checkOptions('Adafactor', options);
    const { lr = 1e-2, beta1 = 0, decayRate = 0.8, eps = 1e-30, minScale = 1e-3 } = options;
    const { clipThreshold = 1, weightDecay = 0 } = options;
    const { relativeStep = true, scaleParameter = true, maximize = false } = options;
    checkFlag('Adafactor', 'relativeStep', relativeStep);
    checkFlag('Adafactor', 'scaleParameter', scaleParameter);
    super(params, { lr, beta1, decayRate, eps, minScale, clipThreshold, weightDecay }, maximize);
    this.#relativeStep = relativeStep;
    this.#scaleParameter = scaleParameter;
  }

  protected check(values: Hyper<Name>, first: Hyper<Name>): void {
    checkNumber('Adafactor', 'lr', values.lr);
    checkNumber('Adafactor', 'beta1', values.beta1, 0, 1);
    checkNumber('Adafactor', 'decayRate', values.decayRate);
    checkNumber('Adafactor', 'eps', values.eps);
    checkNumber('Adafactor', 'minScale', values.minScale);
    checkNumber('Adafactor', 'clipThreshold', values.clipThreshold);
    checkNumber('Adafactor', 'weightDecay', values.weightDecay);
    if (values.clipThreshold === 0) throw argumentError('Adafactor', 'clipThreshold: wanted a number > 0, got 0');
    if (values.beta1 > 0 && first.beta1 === 0) {
      throw argumentError('Adafactor', 'beta1: a group made without momentum has no buffers for one');
    }
  }

  protected slotNames({ beta1 }: Hyper<Name>): readonly string[] {
    return beta1 > 0 ? ['row', 'column', 'm'] : ['row', 'column'];
  }

  /** A vector's squares stand in `row`. */
  protected override slotShape(name: string, { shape }: Tensor): Shape {
    if (name === 'm') return shape;
    if (shape.length < 2) return name === 'row' ? shape : [0];
    return name === 'row' ? shape.slice(0, -1) : [...shape.slice(0, -2), shape.at(-1) as number];
  }

  protected change({ param, grad, slot, has }: Member, hyper: HyperOf<Name>, steps: Tensor): Change {
    const { dtype } = param;
    const fresh = steps.pow(hyper('decayRate').to('float64').neg()).to(dtype);
    const mixed = (old: Tensor, now: Tensor): Tensor => old.add(now.sub(old).mul(fresh));
    const square = grad.square().add(hyper('eps'));
    const slots: Record<string, Tensor> = {};
    let step: Tensor;
    if (param.rank < 2) {
      slots['row'] = mixed(slot('row'), square);
      step = grad.mul(slots['row'].rsqrt());
    } else {
      const row = mixed(slot('row'), square.mean({ axis: -1 }));
      const column = mixed(slot('column'), square.mean({ axis: -2 }));
      // Roots before the product: two means of tiny squares multiply to less than a float holds.
      const rows = row.div(row.mean({ axis: -1, keepdim: true })).rsqrt();
      step = grad.mul(rows.unsqueeze(-1)).mul(column.rsqrt().unsqueeze(-2));
      Object.assign(slots, { row, column });
    }
    step = step.div(rootMeanSquare(step).div(hyper('clipThreshold')).clamp({ min: 1 }));
    let rate = hyper('lr');
    if (this.#relativeStep) rate = rate.minimum(steps.rsqrt().to(dtype));
    if (this.#scaleParameter) rate = rate.mul(rootMeanSquare(param).maximum(hyper('minScale')));
    step = step.mul(rate);
    if (has('m')) {
      const beta = hyper('beta1');
      step = slot('m')
        .mul(beta)
        .add(step.mul(beta.neg().add(1)));
      slots['m'] = step;
    }
    const kept = rate.mul(hyper('weightDecay')).neg().add(1);
    return { param: param.mul(kept).sub(step), slots };
  }
}

/** 0 of an empty tensor. */
function rootMeanSquare(x: Tensor): Tensor {
  return x.square().sum().div(Math.max(1, x.size)).sqrt();
}
