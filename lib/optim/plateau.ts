import { checkOptions } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { checkNumber } from './param-group.ts';
import { Schedule } from './schedule.ts';

/** Options of `ReduceLROnPlateau`, with PyTorch's defaults. */
export interface ReduceLROnPlateauOptions {
  /** The rate to begin with. */
  readonly lr: number;
  /** Whether smaller metrics ('min', default) or larger ones are better. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied by, 0.1 by default. */
  readonly factor?: number;
  /** Metrics without progress that are borne before the rate falls, 10 by default. */
  readonly patience?: number;
  /** What counts as progress, 1e-4 by default: relative to the best, or absolute. */
  readonly threshold?: number;
  readonly thresholdMode?: 'relative' | 'absolute';
  /** Metrics after a fall that do not count, 0 by default. */
  readonly cooldown?: number;
  readonly minLr?: number;
  /** A smaller change of the rate is not made, 1e-8 by default. */
  readonly eps?: number;
}

/** What `ReduceLROnPlateau` remembers; it fits into JSON. `best` is null before the first metric. */
export interface PlateauState {
  readonly lr: number;
  readonly best: number | null;
  readonly bad: number;
  readonly cooling: number;
}

/**
 * A rate that falls by `factor` when a metric has stopped getting better. The one schedule with a state: `step(metric)` moves
 * it on, `lrAt` gives the present rate whatever the step.
 *
 * @example
 * const schedule = new optim.ReduceLROnPlateau({ lr: 1, patience: 1, factor: 0.5 });
 * [5, 4, 4, 4, 3].map((loss) => schedule.step(loss)); // [1, 1, 1, 0.5, 0.5]
 */
export class ReduceLROnPlateau extends Schedule {
  readonly #options: Required<Omit<ReduceLROnPlateauOptions, 'lr'>>;
  #state: PlateauState;

  constructor(options: ReduceLROnPlateauOptions) {
    super();
    const where = 'ReduceLROnPlateau';
    checkOptions(where, options);
    const { lr, mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'relative' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    checkNumber(where, 'lr', lr);
    checkNumber(where, 'factor', factor, 0, 1);
    for (const [name, value] of Object.entries({ patience, threshold, cooldown, minLr, eps })) {
      checkNumber(where, name, value);
    }
    if (mode !== 'min' && mode !== 'max') throw argumentError(where, `mode: wanted 'min' or 'max'`);
    if (thresholdMode !== 'relative' && thresholdMode !== 'absolute')
      throw argumentError(where, `thresholdMode: wanted 'relative' or 'absolute'`);
    this.#options = { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.#state = { lr, best: null, bad: 0, cooling: 0 };
  }

  /**
   * Takes the next metric.
   * @returns the rate from now on
   * @throws ERR_ARGUMENT when the metric is no number; NaN is one, and no progress
   */
  step(metric: number): number {
    if (typeof metric !== 'number') throw argumentError('ReduceLROnPlateau.step', 'wanted a number');
    const { factor, patience, cooldown, minLr, eps } = this.#options;
    let { lr, best, bad, cooling } = this.#state;
    if (this.#better(metric, best)) [best, bad] = [metric, 0];
    else bad++;
    if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
    if (bad > patience) {
      const next = Math.max(lr * factor, minLr);
      if (lr - next > eps) lr = next;
      [cooling, bad] = [cooldown, 0];
    }
    this.#state = { lr, best, bad, cooling };
    return lr;
  }

  lrAt(_step?: number): number {
    return this.#state.lr;
  }

  stateDict(): PlateauState {
    return this.#state;
  }

  /** @throws ERR_ARGUMENT for what is no such state; then nothing changes */
  loadStateDict(state: PlateauState): void {
    const where = 'ReduceLROnPlateau.loadStateDict';
    checkOptions(where, state);
    const { lr, best, bad, cooling } = state;
    for (const [name, value] of Object.entries({ lr, bad, cooling })) checkNumber(where, name, value);
    if (best !== null && typeof best !== 'number') throw argumentError(where, 'best: wanted a number or null');
    this.#state = { lr, best, bad, cooling };
  }

  #better(metric: number, best: number | null): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    if (best === null) return !Number.isNaN(metric);
    const sign = mode === 'min' ? -1 : 1;
    const wanted = thresholdMode === 'relative' ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode === 'min' ? metric < wanted : metric > wanted;
  }
}
