// Schedules that only fall: in steps, exponentially, by a power of what is left.
import { checkArray, checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { checkNumber } from './param-group.ts';
import { Schedule } from './schedule.ts';

/** Throws ERR_ARGUMENT unless `value` is a whole number ≥ 1. */
export function checkSteps(where: string, name: string, value: number): void {
  checkNumber(where, name, value, 1);
  if (!Number.isInteger(value)) throw argumentError(where, `${name}: wanted a whole number, got ${value}`);
}

/** Options of `StepLR`. */
export interface StepLROptions {
  readonly lr: number;
  /** Steps between two falls. */
  readonly stepSize: number;
  readonly gamma?: number;
}

/**
 * lr · gamma^⌊step / stepSize⌋.
 *
 * @example
 * const schedule = new optim.StepLR({ lr: 1, stepSize: 2, gamma: 0.5 });
 * [0, 1, 2, 3, 4].map((step) => schedule.lrAt(step)); // [1, 1, 0.5, 0.5, 0.25]
 */
export class StepLR extends Schedule {
  readonly #options: Required<StepLROptions>;

  constructor(options: StepLROptions) {
    super();
    checkOptions('StepLR', options);
    const { lr, stepSize, gamma = 0.1 } = options;
    checkNumber('StepLR', 'lr', lr);
    checkSteps('StepLR', 'stepSize', stepSize);
    checkNumber('StepLR', 'gamma', gamma);
    this.#options = { lr, stepSize, gamma };
  }

  lrAt(step: number): number {
    checkNumber('StepLR.lrAt', 'step', step);
    const { lr, stepSize, gamma } = this.#options;
    return lr * gamma ** Math.floor(step / stepSize);
  }
}

/** Options of `MultiStepLR`. */
export interface MultiStepLROptions {
  readonly lr: number;
  /** The steps at which the rate falls. */
  readonly milestones: readonly number[];
  readonly gamma?: number;
}

/**
 * lr · gamma^(number of milestones reached).
 *
 * @example
 * const schedule = new optim.MultiStepLR({ lr: 1, milestones: [1, 3], gamma: 0.5 });
 * [0, 1, 2, 3, 4].map((step) => schedule.lrAt(step)); // [1, 0.5, 0.5, 0.25, 0.25]
 */
export class MultiStepLR extends Schedule {
  readonly #options: Required<MultiStepLROptions>;

  constructor(options: MultiStepLROptions) {
    super();
    checkOptions('MultiStepLR', options);
    const { lr, milestones, gamma = 0.1 } = options;
    checkNumber('MultiStepLR', 'lr', lr);
    checkNumber('MultiStepLR', 'gamma', gamma);
    checkArray('MultiStepLR', 'milestones', milestones);
    for (const each of milestones) checkNumber('MultiStepLR', 'each milestone', each);
    this.#options = { lr, milestones: [...milestones], gamma };
  }

  lrAt(step: number): number {
    checkNumber('MultiStepLR.lrAt', 'step', step);
    const { lr, milestones, gamma } = this.#options;
    return lr * gamma ** milestones.filter((each) => each <= step).length;
  }
}

/** Options of `ExponentialLR`. */
export interface ExponentialLROptions {
  readonly lr: number;
  /** The factor of each step. */
  readonly gamma: number;
}

/**
 * lr · gamma^step.
 *
 * @example
 * new optim.ExponentialLR({ lr: 1, gamma: 0.5 }).lrAt(3); // 0.125
 */
export class ExponentialLR extends Schedule {
  readonly #options: ExponentialLROptions;

  constructor(options: ExponentialLROptions) {
    super();
    checkOptions('ExponentialLR', options);
    const { lr, gamma } = options;
    checkNumber('ExponentialLR', 'lr', lr);
    checkNumber('ExponentialLR', 'gamma', gamma);
    this.#options = { lr, gamma };
  }

  lrAt(step: number): number {
    checkNumber('ExponentialLR.lrAt', 'step', step);
    return this.#options.lr * this.#options.gamma ** step;
  }
}

/** Options of `PolynomialLR`. */
export interface PolynomialLROptions {
  readonly lr: number;
  /** Steps after which the rate stays at `minLr`. */
  readonly totalSteps: number;
  readonly power?: number;
  readonly minLr?: number;
}

/**
 * minLr + (lr - minLr) · (1 - step / totalSteps)^power; a line with the default power 1.
 *
 * @example
 * const schedule = new optim.PolynomialLR({ lr: 1, totalSteps: 4, power: 2 });
 * [0, 1, 2, 3, 4, 5].map((step) => schedule.lrAt(step)); // [1, 0.5625, 0.25, 0.0625, 0, 0]
 */
export class PolynomialLR extends Schedule {
  readonly #options: Required<PolynomialLROptions>;

  constructor(options: PolynomialLROptions) {
    super();
    checkOptions('PolynomialLR', options);
    const { lr, totalSteps, power = 1, minLr = 0 } = options;
    checkNumber('PolynomialLR', 'lr', lr);
    checkSteps('PolynomialLR', 'totalSteps', totalSteps);
    checkNumber('PolynomialLR', 'power', power);
    checkNumber('PolynomialLR', 'minLr', minLr);
    this.#options = { lr, totalSteps, power, minLr };
  }

  lrAt(step: number): number {
    checkNumber('PolynomialLR.lrAt', 'step', step);
    const { lr, totalSteps, power, minLr } = this.#options;
    return minLr + (lr - minLr) * (1 - Math.min(step, totalSteps) / totalSteps) ** power;
  }
}
