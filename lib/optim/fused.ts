import type { Tensor } from '../core/tensor.ts';
import type { StepMode, StepTensors } from '../ops/optim-steps.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { checkFlag, checkMoments, type Hyper, type Moments } from './param-group.ts';

/** The optimizer's tensors like its parameters, by name; a variant without a list of that name has none. */
export type Slots = (name: string) => readonly Tensor[];

/** What all optimizers made of one kernel take beside hyper-parameters. */
export interface ModeOptions {
  /** Climbs instead of descending. */
  readonly maximize?: boolean;
}

/** An optimizer whose step is one kernel. */
export abstract class FusedOptimizer<K extends string> extends Optimizer<K> {
  readonly #mode: StepMode;

  protected constructor(params: Params<K>, defaults: Hyper<K>, mode: StepMode, variantSlots: readonly string[] = []) {
    super(params, defaults, variantSlots);
    checkFlag(this.constructor.name, 'maximize', mode.maximize ?? false);
    this.#mode = mode;
  }

  /** Calls the kernel. */
  protected abstract run(tensors: StepTensors, slots: Slots, mode: StepMode): void;

  protected update(tensors: StepTensors, slots: ReadonlyMap<string, readonly Tensor[]>): void {
    this.run(tensors, (name) => slots.get(name) ?? [], this.#mode);
  }
}

/** One that keeps running means of the gradients and of their squares. */
export abstract class MomentOptimizer extends FusedOptimizer<Moments> {
  protected check(values: Hyper<Moments>): void {
    checkMoments(this.constructor.name, values);
  }

  protected slotNames(): readonly string[] {
    return ['m', 'v'];
  }
}
