// The fused multi-tensor kernels behind the optimizers: one command for all parameters, all or nothing. None is recorded.
// Formulas and papers stand beside the classes in lib/optim.
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { bump, checkLists, checkState } from './optim-shared.ts';

/** Parameters and gradients of one step, each list in the same order. */
export interface StepTensors {
  readonly params: readonly Tensor[];
  readonly grads: readonly Tensor[];
  /** float64: steps done, which the kernel counts, and what else the optimizer keeps for all parameters together. */
  readonly state: Tensor;
  /** float64 hyper-parameters on the same device. */
  readonly hyper: Tensor;
  /** One bool beside the parameters: where it is true the step writes nothing. */
  readonly skip: Tensor | null;
}

/** How a step treats its gradients; every kernel takes those that mean something to it. */
export interface StepMode {
  /** Climbs instead of descending. */
  readonly maximize?: boolean;
  /** 'gradient' (default) adds weightDecay · p to the gradient, 'decoupled' shrinks p itself by lr · weightDecay. */
  readonly decay?: 'gradient' | 'decoupled';
  /** Looks ahead by one step of the momentum. */
  readonly nesterov?: boolean;
}

/** Lists of tensors like the parameters; a variant that needs no such list gives an empty one. */
type Slots<K extends string> = Readonly<Record<K, readonly Tensor[]>>;

/** The bits of native/cpu/optim_step.h. */
function flags({ maximize = false, decay = 'gradient', nesterov = false }: StepMode): number {
  return (maximize ? 1 : 0) | (decay === 'decoupled' ? 2 : 0) | (nesterov ? 4 : 0);
}

/** Checks a step and notes what it writes; false when there is nothing to do. */
function ready(
  op: string,
  { params, grads, state, hyper }: StepTensors,
  slots: Slots<string>,
  { hypers, states = 1 }: { readonly hypers: number; readonly states?: number },
): boolean {
  if (params.length === 0) return false;
  const present = Object.entries(slots).filter(([, list]) => list.length > 0);
  checkLists(op, params, { grads, ...Object.fromEntries(present) });
  checkState(op, params, state, states, hyper, hypers);
  bump(op, params, ...Object.values(slots), [state]);
  return true;
}

/** One step of stochastic gradient descent, in place. hyper = [lr, momentum, dampening, weightDecay]; `momentum` may be empty. */
export function sgdStep(t: StepTensors, slots: Slots<'momentum'>, mode: StepMode = {}): void {
  if (!ready('sgdStep', t, slots, { hypers: 4 })) return;
  kernels.sgdStep(t.params, t.grads, slots.momentum, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of Adam, in place. hyper = [lr, beta1, beta2, eps, weightDecay]; `largest` is empty without amsgrad. */
export function adamStep(t: StepTensors, slots: Slots<'m' | 'v' | 'largest'>, mode: StepMode = {}): void {
  if (!ready('adamStep', t, slots, { hypers: 5 })) return;
  kernels.adamStep(t.params, t.grads, slots.m, slots.v, slots.largest, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of Adamax, in place. hyper = [lr, beta1, beta2, eps, weightDecay]. */
export function adamaxStep(t: StepTensors, slots: Slots<'m' | 'largest'>, mode: StepMode = {}): void {
  if (!ready('adamaxStep', t, slots, { hypers: 5 })) return;
  kernels.adamaxStep(t.params, t.grads, slots.m, slots.largest, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of NAdam, in place. hyper = [lr, beta1, beta2, eps, weightDecay, momentumDecay], state = [steps, product of momenta]. */
export function nadamStep(t: StepTensors, slots: Slots<'m' | 'v'>, mode: StepMode = {}): void {
  if (!ready('nadamStep', t, slots, { hypers: 6, states: 2 })) return;
  kernels.nadamStep(t.params, t.grads, slots.m, slots.v, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of RAdam, in place. hyper = [lr, beta1, beta2, eps, weightDecay]. */
export function radamStep(t: StepTensors, slots: Slots<'m' | 'v'>, mode: StepMode = {}): void {
  if (!ready('radamStep', t, slots, { hypers: 5 })) return;
  kernels.radamStep(t.params, t.grads, slots.m, slots.v, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of RMSprop, in place. hyper = [lr, alpha, eps, weightDecay, momentum]; `mean` is empty unless centered, `momentum` may be. */
export function rmspropStep(t: StepTensors, slots: Slots<'square' | 'mean' | 'momentum'>, mode: StepMode = {}): void {
  if (!ready('rmspropStep', t, slots, { hypers: 5 })) return;
  const { square, mean, momentum } = slots;
  kernels.rmspropStep(t.params, t.grads, square, mean, momentum, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of Adagrad, in place. hyper = [lr, lrDecay, weightDecay, eps]. */
export function adagradStep(t: StepTensors, slots: Slots<'sum'>, mode: StepMode = {}): void {
  if (!ready('adagradStep', t, slots, { hypers: 4 })) return;
  kernels.adagradStep(t.params, t.grads, slots.sum, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of Adadelta, in place. hyper = [lr, rho, eps, weightDecay]. */
export function adadeltaStep(t: StepTensors, slots: Slots<'square' | 'delta'>, mode: StepMode = {}): void {
  if (!ready('adadeltaStep', t, slots, { hypers: 4 })) return;
  kernels.adadeltaStep(t.params, t.grads, slots.square, slots.delta, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of Lion, in place. hyper = [lr, beta1, beta2, weightDecay]. */
export function lionStep(t: StepTensors, slots: Slots<'m'>, mode: StepMode = {}): void {
  if (!ready('lionStep', t, slots, { hypers: 4 })) return;
  kernels.lionStep(t.params, t.grads, slots.m, t.state, t.hyper, t.skip, flags(mode));
}

/** One step of LAMB, in place: two passes, the second with each tensor's trust ratio. hyper = [lr, beta1, beta2, eps, weightDecay]. */
export function lambStep(t: StepTensors, slots: Slots<'m' | 'v'>, mode: StepMode = {}): void {
  if (!ready('lambStep', t, slots, { hypers: 5 })) return;
  kernels.lambStep(t.params, t.grads, slots.m, slots.v, t.state, t.hyper, t.skip, flags(mode));
}
