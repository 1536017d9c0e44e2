import { argumentError } from '../errors.ts';
import { checkNumber } from './param-group.ts';
import { checkOptions } from '../core/values.ts';

/** A learning rate as a pure function of the step; there is no state to save. */
export abstract class Schedule {
  /** The learning rate of step `step`, counted from 0. */
  abstract lrAt(step: number): number;

  /** Sets the rate of `step`; groups keep the ratios they were made with. */
  apply(optimizer: { lr: number }, step: number): void {
    checkOptions('Schedule.apply', optimizer);
    optimizer.lr = this.lrAt(step);
  }
}

/** Options of `CosineWarmup`. */
export interface CosineWarmupOptions {
  /** The highest rate, reached after the warm-up. */
  readonly lr: number;
  /** Steps in which the rate rises in equal parts. */
  readonly warmupSteps?: number;
  /** Steps after which the rate stays at `minLr`. */
  readonly totalSteps: number;
  readonly minLr?: number;
}

/**
 * A linear rise to `lr`, then half a cosine down to `minLr`.
 *
 * @example
 * const schedule = new optim.CosineWarmup({ lr: 1, warmupSteps: 2, totalSteps: 4 });
 * [0, 1, 2, 3, 4].map((step) => schedule.lrAt(step)); // [0.5, 1, 1, 0.5, 0]
 */
export class CosineWarmup extends Schedule {
  readonly #options: Required<CosineWarmupOptions>;

  constructor(options: CosineWarmupOptions) {
    super();
    checkOptions('CosineWarmup', options);
    const { lr, warmupSteps = 0, totalSteps, minLr = 0 } = options;
    checkNumber('CosineWarmup', 'lr', lr);
    checkNumber('CosineWarmup', 'minLr', minLr);
    checkNumber('CosineWarmup', 'warmupSteps', warmupSteps);
    checkNumber('CosineWarmup', 'totalSteps', totalSteps);
    if (warmupSteps > totalSteps) {
      throw argumentError('CosineWarmup', `wanted warmupSteps ≤ totalSteps, got ${warmupSteps} > ${totalSteps}`);
    }
    this.#options = { lr, warmupSteps, totalSteps, minLr };
  }

  lrAt(step: number): number {
    checkNumber('CosineWarmup.lrAt', 'step', step);
    const { lr, warmupSteps, totalSteps, minLr } = this.#options;
    if (step < warmupSteps) return (lr * (step + 1)) / warmupSteps;
    const part = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
    return minLr + ((lr - minLr) * (1 + Math.cos(Math.PI * part))) / 2;
  }
}
