import { keep } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { mul } from '../ops/index.ts';
import { unscale } from './clip.ts';
import { Optimizer } from './optimizer.ts';
import { checkNumber } from './param-group.ts';

export interface GradScalerOptions {
  /** The first scale. Default 65536. */
  readonly initScale?: number | undefined;
  /** The scale is multiplied by this after `growthInterval` good steps in a row. Default 2. */
  readonly growthFactor?: number | undefined;
  /** The scale is multiplied by this after a step with a NaN or an infinite gradient. Default 0.5. */
  readonly backoffFactor?: number | undefined;
  /** Default 2000. */
  readonly growthInterval?: number | undefined;
  /** When false every method hands through. */
  readonly enabled?: boolean | undefined;
}

/** What `stateDict` gives: numbers that fit into JSON. */
export interface GradScalerState {
  readonly scale: number;
  /** Good steps since the scale last changed. */
  readonly goodSteps: number;
}

/** What is known of an optimizer's gradients since the last update. */
interface Round {
  /** Bool, rank 0: whether a gradient is not finite. */
  strange: Tensor | null;
  finite: boolean | null;
}

/**
 * Scales losses so that small gradients survive float16, and leaves out the steps in which large ones did not: a step changes
 * all parameters or none.
 * @example
 * const weight = tensor([1, 2], { requiresGrad: true });
 * const sgd = new optim.SGD([weight], { lr: 0.5 });
 * const scaler = new optim.GradScaler();
 * scaler.scale(weight.sum()).backward();
 * await scaler.step(sgd); // true: all gradients were finite
 * scaler.update();
 * weight; // [0.5, 1.5]
 */
export class GradScaler {
  readonly #enabled: boolean;
  readonly #growthFactor: number;
  readonly #backoffFactor: number;
  readonly #growthInterval: number;
  #scale: number;
  #goodSteps = 0;
  #rounds = new Map<Optimizer, Round>();

  constructor(options: GradScalerOptions = {}) {
    checkOptions('GradScaler', options);
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000, enabled = true } = options;
    checkScale('GradScaler', initScale);
    checkNumber('GradScaler', 'growthFactor', growthFactor, 1);
    checkNumber('GradScaler', 'backoffFactor', backoffFactor, 0, 1);
    if (backoffFactor === 0) throw argumentError('GradScaler', 'backoffFactor must be > 0, got 0');
    if (!Number.isSafeInteger(growthInterval) || growthInterval < 1)
      throw argumentError('GradScaler', `growthInterval must be an integer ≥ 1, got ${formatValue(growthInterval)}`);
    if (typeof enabled !== 'boolean')
      throw argumentError('GradScaler', `enabled must be true or false, got ${formatValue(enabled)}`);
    this.#enabled = enabled;
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
    this.#scale = initScale;
  }

  /** What losses are multiplied by now. */
  get currentScale(): number {
    return this.#enabled ? this.#scale : 1;
  }

  /** The loss times the scale, in float32 where it was float16: 65536 is no number there. */
  scale(loss: Tensor): Tensor {
    requireTensor('GradScaler.scale', loss, 'loss');
    if (!this.#enabled) return loss;
    return loss.dtype === 'float16' ? mul(loss.to('float32'), this.#scale) : mul(loss, this.#scale);
  }

  /** Divides the gradients of `optimizer` by the scale, in place; call it before clipping, `step` does it otherwise. */
  unscale(optimizer: Optimizer): void {
    const round = this.#round('GradScaler.unscale', optimizer);
    if (round.strange !== null) throw argumentError('GradScaler.unscale', 'was called already since the last update()');
    round.strange = keep(unscale(this.#enabled ? optimizer.params : [], this.#scale));
  }

  /**
   * Steps `optimizer` if every gradient is finite; reads one number to know.
   * @returns whether the step was made
   */
  async step(optimizer: Optimizer): Promise<boolean> {
    return this.#finish(optimizer, await this.#strange(optimizer).item());
  }

  /** `step()` that blocks the event loop until the device is done. */
  stepSync(optimizer: Optimizer): boolean {
    return this.#finish(optimizer, this.#strange(optimizer).itemSync());
  }

  /** Chooses the next scale, once all optimizers of this iteration have stepped. */
  update(): void {
    const rounds = [...this.#rounds.values()];
    for (const { strange } of rounds) strange?.dispose();
    this.#rounds = new Map();
    if (!this.#enabled) return;
    if (rounds.some(({ finite }) => finite === false)) {
      this.#scale *= this.#backoffFactor;
      this.#goodSteps = 0;
    } else if (rounds.some(({ finite }) => finite === true) && ++this.#goodSteps === this.#growthInterval) {
      this.#scale *= this.#growthFactor;
      this.#goodSteps = 0;
    }
  }

  /** The scale and its age, to be continued by `loadStateDict`. */
  stateDict(): GradScalerState {
    return { scale: this.#scale, goodSteps: this.#goodSteps };
  }

  /** Continues from a state. */
  loadStateDict(state: GradScalerState): void {
    const where = 'GradScaler.loadStateDict';
    checkOptions(where, state);
    checkScale(where, state.scale);
    if (!Number.isSafeInteger(state.goodSteps) || state.goodSteps < 0)
      throw argumentError(where, `goodSteps must be an integer ≥ 0, got ${formatValue(state.goodSteps)}`);
    this.#scale = state.scale;
    this.#goodSteps = state.goodSteps;
  }

  #round(where: string, optimizer: Optimizer): Round {
    if (!(optimizer instanceof Optimizer))
      throw argumentError(where, `wants an optimizer, got ${formatValue(optimizer)}`);
    const round = this.#rounds.get(optimizer) ?? { strange: null, finite: null };
    if (round.finite !== null) throw argumentError(where, 'this optimizer was stepped already; call update() first');
    this.#rounds.set(optimizer, round);
    return round;
  }

  #strange(optimizer: Optimizer): Tensor {
    const round = this.#round('GradScaler.step', optimizer);
    if (round.strange === null) this.unscale(optimizer);
    return round.strange as unknown as Tensor;
  }

  #finish(optimizer: Optimizer, strange: number): boolean {
    const round = this.#rounds.get(optimizer) as Round;
    round.strange?.dispose();
    round.finite = strange === 0;
    if (round.finite) optimizer.step();
    return round.finite;
  }
}

function checkScale(where: string, scale: unknown): void {
  if (typeof scale === 'number' && Number.isFinite(scale) && scale > 0) return;
  throw argumentError(where, `the scale must be a finite number > 0, got ${formatValue(scale)}`);
}
