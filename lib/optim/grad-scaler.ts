import { withContextSync } from '../core/context.ts';
import { tensor } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import { keep, tidy } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { logicalOr, mul, zeros } from '../ops/index.ts';
import { updateScale } from '../ops/optim-lists.ts';
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
  /** Where the losses are. */
  readonly device?: string | Device | undefined;
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
  found: Tensor | null;
  stepped: boolean;
}

/**
 * Scales losses so that small gradients survive float16, and leaves out the steps in which large ones did not: a step changes
 * all parameters or none. The scale and what was found stay on the device; nothing is read back, and a captured step may
 * hold all of it.
 * @example
 * const weight = tensor([1, 2], { requiresGrad: true });
 * const sgd = new optim.SGD([weight], { lr: 0.5 });
 * const scaler = new optim.GradScaler();
 * scaler.scale(weight.sum()).backward();
 * scaler.step(sgd);
 * scaler.update();
 * weight; // [0.5, 1.5]
 */
export class GradScaler {
  readonly #enabled: boolean;
  readonly #growthFactor: number;
  readonly #backoffFactor: number;
  readonly #growthInterval: number;
  /** float64 [scale, good steps since it last changed]. */
  readonly #state: Tensor;
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
    this.#state = keep(tensor([initScale, 0], { dtype: 'float64', device: options.device }));
  }

  /** What losses are multiplied by now; reads one number. */
  async currentScale(): Promise<number> {
    return this.#enabled ? (await this.stateDict()).scale : 1;
  }

  /** The loss times the scale, in float32 where it was float16 or bfloat16: their digits do not hold every scale. */
  scale(loss: Tensor): Tensor {
    requireTensor('GradScaler.scale', loss, 'loss');
    if (!this.#enabled) return loss;
    const wide = loss.dtype === 'float64' ? 'float64' : 'float32';
    return tidy(() => mul(loss.to(wide), this.#factor().to(wide)));
  }

  /** Divides the gradients of `optimizer` by the scale, in place; call it before clipping, `step` does it otherwise. */
  unscale(optimizer: Optimizer): void {
    const round = this.#round('GradScaler.unscale', optimizer);
    if (round.found !== null) throw argumentError('GradScaler.unscale', 'was called already since the last update()');
    round.found = withContextSync({ gradMode: false }, () =>
      tidy(() => keep(this.#enabled ? unscale(optimizer.params, this.#factor()) : zeros([], { dtype: 'bool' }))),
    );
  }

  /** Steps `optimizer` where every gradient is finite; the device decides. */
  step(optimizer: Optimizer): void {
    const round = this.#round('GradScaler.step', optimizer);
    if (!this.#enabled) optimizer.step();
    else {
      if (round.found === null) this.unscale(optimizer);
      optimizer.step({ skip: round.found });
    }
    round.stepped = true;
  }

  /** Whether the step of `optimizer` since the last update is left out; reads one bool. */
  async skipped(optimizer: Optimizer): Promise<boolean> {
    const { found } = this.#rounds.get(optimizer) ?? { found: null };
    return found !== null && (await found.item()) !== 0;
  }

  /** Chooses the next scale, once all optimizers of this iteration have stepped. */
  update(): void {
    const found = [...this.#rounds.values()].flatMap((round) => (round.found === null ? [] : [round.found]));
    this.#rounds = new Map();
    if (this.#enabled && found.length > 0) {
      const rule = { growth: this.#growthFactor, backoff: this.#backoffFactor, interval: this.#growthInterval };
      withContextSync({ gradMode: false }, () => {
        tidy(() => {
          updateScale(
            this.#state,
            found.reduce((a, b) => logicalOr(a, b)),
            rule,
          );
        });
      });
    }
    for (const each of found) each.dispose();
  }

  /** The scale and its age, to be continued by `loadStateDict`; reads two numbers. */
  async stateDict(): Promise<GradScalerState> {
    const [scale = 1, goodSteps = 0] = await this.#state.data();
    return { scale: Number(scale), goodSteps: Number(goodSteps) };
  }

  /** Continues from a state. */
  loadStateDict(state: GradScalerState): void {
    const where = 'GradScaler.loadStateDict';
    checkOptions(where, state);
    checkScale(where, state.scale);
    if (!Number.isSafeInteger(state.goodSteps) || state.goodSteps < 0)
      throw argumentError(where, `goodSteps must be an integer ≥ 0, got ${formatValue(state.goodSteps)}`);
    this.#state.write(new Float64Array([state.scale, state.goodSteps]));
  }

  /** Frees what is kept on the device. */
  dispose(): void {
    for (const { found } of this.#rounds.values()) found?.dispose();
    this.#rounds = new Map();
    this.#state.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The scale as float32 of rank 0: losses are multiplied and gradients divided by the very same number. */
  #factor(): Tensor {
    return this.#state.select(0, 0).to('float32');
  }

  #round(where: string, optimizer: Optimizer): Round {
    if (!(optimizer instanceof Optimizer))
      throw argumentError(where, `wants an optimizer, got ${formatValue(optimizer)}`);
    const round = this.#rounds.get(optimizer) ?? { found: null, stepped: false };
    if (round.stepped) throw argumentError(where, 'this optimizer was stepped already; call update() first');
    this.#rounds.set(optimizer, round);
    return round;
  }
}

function checkScale(where: string, scale: unknown): void {
  if (typeof scale === 'number' && Number.isFinite(scale) && scale > 0) return;
  throw argumentError(where, `the scale must be a finite number > 0, got ${formatValue(scale)}`);
}
