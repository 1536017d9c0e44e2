import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { assignAll } from '../ops/optim-lists.ts';
import type { StepTensors } from '../ops/optim-steps.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { checkFlag, type Hyper } from './param-group.ts';

/** One parameter of a step: its value, its gradient (turned, to maximize) and what is remembered of it. */
export interface Member {
  readonly param: Tensor;
  readonly grad: Tensor;
  slot(name: string): Tensor;
  /** Whether this group keeps such a slot. */
  has(name: string): boolean;
}

/** A new value and new slots of one parameter, all computed from its gradient. */
export interface Change {
  readonly param: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

/** A hyper-parameter as rank-0 tensor of the member's dtype: read on the device, so that captured steps see it change. */
export type HyperOf<K extends string> = (name: K) => Tensor;

/**
 * An optimizer whose step is written in ops. All new values are computed aside and then assigned by one kernel, so that a
 * failed gradient leaves parameters and state as they were.
 */
export abstract class ComposedOptimizer<K extends string> extends Optimizer<K> {
  readonly #maximize: boolean;
  readonly #names: readonly K[];

  protected constructor(params: Params<K>, defaults: Hyper<K>, maximize: boolean) {
    super(params, defaults);
    checkFlag(this.constructor.name, 'maximize', maximize);
    this.#maximize = maximize;
    this.#names = Object.keys(defaults) as K[];
  }

  /** One parameter's step; `steps` counts from 1, float64 of rank 0. */
  protected abstract change(member: Member, hyper: HyperOf<K>, steps: Tensor): Change;

  protected update(tensors: StepTensors, slots: ReadonlyMap<string, readonly Tensor[]>): void {
    const { params, grads, state, hyper, skip } = tensors;
    const hyperAs = (dtype: Tensor['dtype']): HyperOf<K> => {
      return (name) => hyper.select(0, this.#names.indexOf(name)).to(dtype);
    };
    withContextSync({ gradMode: false }, () => {
      tidy(() => {
        const stepped = state.add(1);
        const steps = stepped.select(0, 0);
        const targets: Tensor[] = [];
        const sources: Tensor[] = [];
        const slotted = (name: string): boolean => slots.has(name);
        for (const [i, param] of params.entries()) {
          const own = (name: string): Tensor => (slots.get(name) as readonly Tensor[])[i] as Tensor;
          const grad = grads[i] as Tensor;
          const member = { param, grad: this.#maximize ? grad.neg() : grad, slot: own, has: slotted };
          const changed = this.change(member, hyperAs(param.dtype), steps);
          targets.push(param, ...Object.keys(changed.slots).map(own));
          sources.push(changed.param, ...Object.values(changed.slots));
        }
        assignAll([...targets, state], [...sources, stepped], skip);
      });
    });
  }
}
