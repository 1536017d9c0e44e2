// PyTorch's optimizer formulas on plain numbers.

/** One parameter's element and what the optimizer remembers of it. */
export interface Memory {
  step: number;
  momentum: number;
  m: number;
  v: number;
}

export function freshMemory(): Memory {
  return { step: 0, momentum: 0, m: 0, v: 0 };
}

export interface SgdHyper {
  readonly lr: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

export function sgd(
  p: number,
  grad: number,
  memory: Memory,
  { lr, momentum, dampening, weightDecay, nesterov }: SgdHyper,
): number {
  let g = grad + weightDecay * p;
  if (momentum !== 0) {
    memory.momentum = memory.step === 0 ? g : momentum * memory.momentum + (1 - dampening) * g;
    g = nesterov ? g + momentum * memory.momentum : memory.momentum;
  }
  memory.step++;
  return p - lr * g;
}

export interface AdamHyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decoupled: boolean;
}

export function adam(
  p: number,
  grad: number,
  memory: Memory,
  { lr, beta1, beta2, eps, weightDecay, decoupled }: AdamHyper,
): number {
  const g = decoupled ? grad : grad + weightDecay * p;
  const shrunk = decoupled ? p - lr * weightDecay * p : p;
  memory.step++;
  memory.m = beta1 * memory.m + (1 - beta1) * g;
  memory.v = beta2 * memory.v + (1 - beta2) * g * g;
  const root = Math.sqrt(memory.v) / Math.sqrt(1 - beta2 ** memory.step);
  return shrunk - ((lr / (1 - beta1 ** memory.step)) * memory.m) / (root + eps);
}
