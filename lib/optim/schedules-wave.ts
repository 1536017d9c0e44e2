// Schedules that rise: cosines, warm-ups and one cycle.
import { checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { checkNumber } from './param-group.ts';
import { Schedule } from './schedule.ts';
import { checkSteps } from './schedules-decay.ts';

/** Half a cosine from `from` (part 0) to `to` (part 1). */
function cosine(from: number, to: number, part: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
}

/** Options of `CosineAnnealingLR`. */
export interface CosineAnnealingLROptions {
  readonly lr: number;
  /** Steps from the highest rate to the lowest, and from there up again. */
  readonly period: number;
  readonly minLr?: number;
}

/**
 * A cosine between `lr` and `minLr`, as PyTorch's: after `period` steps it rises again. `CosineWarmup` stays down.
 *
 * @example
 * const schedule = new optim.CosineAnnealingLR({ lr: 1, period: 2 });
 * [0, 1, 2, 3, 4].map((step) => schedule.lrAt(step)); // [1, 0.5, 0, 0.5, 1]
 */
export class CosineAnnealingLR extends Schedule {
  readonly #options: Required<CosineAnnealingLROptions>;

  constructor(options: CosineAnnealingLROptions) {
    super();
    checkOptions('CosineAnnealingLR', options);
    const { lr, period, minLr = 0 } = options;
    checkNumber('CosineAnnealingLR', 'lr', lr);
    checkSteps('CosineAnnealingLR', 'period', period);
    checkNumber('CosineAnnealingLR', 'minLr', minLr);
    this.#options = { lr, period, minLr };
  }

  lrAt(step: number): number {
    checkNumber('CosineAnnealingLR.lrAt', 'step', step);
    const { lr, period, minLr } = this.#options;
    return cosine(lr, minLr, step / period);
  }
}

/** Options of `CosineAnnealingWarmRestarts`. */
export interface CosineAnnealingWarmRestartsOptions extends CosineAnnealingLROptions {
  /** Each period is so many times as long as the one before: a whole number, 1 by default. */
  readonly factor?: number;
}

/**
 * SGDR (Loshchilov & Hutter 2017): half a cosine from `lr` to `minLr` in each period, then `lr` again.
 *
 * @example
 * const schedule = new optim.CosineAnnealingWarmRestarts({ lr: 1, period: 2, factor: 2 });
 * [0, 1, 2, 4, 6].map((step) => schedule.lrAt(step)); // [1, 0.5, 1, 0.5, 1]
 */
export class CosineAnnealingWarmRestarts extends Schedule {
  readonly #options: Required<CosineAnnealingWarmRestartsOptions>;

  constructor(options: CosineAnnealingWarmRestartsOptions) {
    super();
    const where = 'CosineAnnealingWarmRestarts';
    checkOptions(where, options);
    const { lr, period, factor = 1, minLr = 0 } = options;
    checkNumber(where, 'lr', lr);
    checkSteps(where, 'period', period);
    checkSteps(where, 'factor', factor);
    checkNumber(where, 'minLr', minLr);
    this.#options = { lr, period, factor, minLr };
  }

  lrAt(step: number): number {
    checkNumber('CosineAnnealingWarmRestarts.lrAt', 'step', step);
    const { lr, period, factor, minLr } = this.#options;
    if (factor === 1) return cosine(lr, minLr, (step % period) / period);
    let [start, length] = [0, period];
    while (step >= start + length && length < Number.MAX_SAFE_INTEGER) {
      start += length;
      length *= factor;
    }
    return cosine(lr, minLr, (step - start) / length);
  }
}

/** Options of `LinearWarmup`. */
export interface LinearWarmupOptions {
  readonly lr: number;
  /** Steps in which the rate rises in equal parts; the last of them has the whole rate. */
  readonly warmupSteps: number;
  /** What comes after, counted from its own step 0; without it the rate stays. */
  readonly after?: Schedule;
}

/**
 * A linear rise to `lr`, then another schedule.
 *
 * @example
 * const schedule = new optim.LinearWarmup({ lr: 1, warmupSteps: 2, after: new optim.ExponentialLR({ lr: 1, gamma: 0.5 }) });
 * [0, 1, 2, 3].map((step) => schedule.lrAt(step)); // [0.5, 1, 1, 0.5]
 */
export class LinearWarmup extends Schedule {
  readonly #lr: number;
  readonly #warmupSteps: number;
  readonly #after: Schedule | null;

  constructor(options: LinearWarmupOptions) {
    super();
    checkOptions('LinearWarmup', options);
    const { lr, warmupSteps, after = null } = options;
    checkNumber('LinearWarmup', 'lr', lr);
    checkNumber('LinearWarmup', 'warmupSteps', warmupSteps);
    if (after !== null && !(after instanceof Schedule)) throw argumentError('LinearWarmup', 'after: wanted a Schedule');
    this.#lr = lr;
    this.#warmupSteps = warmupSteps;
    this.#after = after;
  }

  lrAt(step: number): number {
    checkNumber('LinearWarmup.lrAt', 'step', step);
    if (step < this.#warmupSteps) return (this.#lr * (step + 1)) / this.#warmupSteps;
    return this.#after === null ? this.#lr : this.#after.lrAt(step - this.#warmupSteps);
  }
}

/** Options of `OneCycleLR`. */
export interface OneCycleLROptions {
  /** The highest rate. */
  readonly lr: number;
  /** Steps of the whole cycle. */
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises, 0.3 by default. */
  readonly warmupShare?: number;
  /** The first rate is lr / divFactor, 25 by default. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor, 10,000 by default. */
  readonly finalDivFactor?: number;
  readonly anneal?: 'cosine' | 'linear';
}

/**
 * One cycle (Smith & Topin 2018), in PyTorch's two phases: up from lr / divFactor, then down to nearly nothing.
 *
 * @example
 * const schedule = new optim.OneCycleLR({ lr: 1, totalSteps: 5, warmupShare: 0.6, anneal: 'linear', finalDivFactor: 1 });
 * [0, 1, 2, 3, 4].map((step) => schedule.lrAt(step)); // [0.04, 0.52, 1, 0.52, 0.04]
 */
export class OneCycleLR extends Schedule {
  readonly #options: Required<OneCycleLROptions>;

  constructor(options: OneCycleLROptions) {
    super();
    checkOptions('OneCycleLR', options);
    const { lr, totalSteps, warmupShare = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = 'cosine' } = options;
    checkNumber('OneCycleLR', 'lr', lr);
    checkSteps('OneCycleLR', 'totalSteps', totalSteps);
    checkNumber('OneCycleLR', 'warmupShare', warmupShare, 0, 1);
    checkNumber('OneCycleLR', 'divFactor', divFactor, 1);
    checkNumber('OneCycleLR', 'finalDivFactor', finalDivFactor, 1);
    if (anneal !== 'cosine' && anneal !== 'linear')
      throw argumentError('OneCycleLR', `anneal: wanted 'cosine' or 'linear'`);
    this.#options = { lr, totalSteps, warmupShare, divFactor, finalDivFactor, anneal };
  }

  lrAt(step: number): number {
    checkNumber('OneCycleLR.lrAt', 'step', step);
    const { lr, totalSteps, warmupShare, divFactor, finalDivFactor, anneal } = this.#options;
    const curve = anneal === 'cosine' ? cosine : (from: number, to: number, part: number) => from + (to - from) * part;
    const top = warmupShare * totalSteps - 1;
    const last = totalSteps - 1;
    const first = lr / divFactor;
    if (step <= top) return curve(first, lr, top > 0 ? step / top : 1);
    return curve(lr, first / finalDivFactor, Math.min(1, (step - top) / (last - top)));
  }
}
