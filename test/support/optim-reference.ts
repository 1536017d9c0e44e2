// PyTorch's optimizer formulas on plain numbers; those it lacks are their papers'.

/** One parameter's element and what the optimizer remembers of it. */
export interface Memory {
  step: number;
  momentum: number;
  m: number;
  v: number;
  /** A largest value so far, or a product of all factors so far. */
  extra: number;
}

export function freshMemory(): Memory {
  return { step: 0, momentum: 0, m: 0, v: 0, extra: 0 };
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
  readonly amsgrad?: boolean;
}

export function adam(
  p: number,
  grad: number,
  memory: Memory,
  { lr, beta1, beta2, eps, weightDecay, decoupled, amsgrad = false }: AdamHyper,
): number {
  const g = decoupled ? grad : grad + weightDecay * p;
  const shrunk = decoupled ? p - lr * weightDecay * p : p;
  memory.step++;
  memory.m = beta1 * memory.m + (1 - beta1) * g;
  memory.v = beta2 * memory.v + (1 - beta2) * g * g;
  memory.extra = Math.max(memory.extra, memory.v);
  const root = Math.sqrt(amsgrad ? memory.extra : memory.v) / Math.sqrt(1 - beta2 ** memory.step);
  return shrunk - ((lr / (1 - beta1 ** memory.step)) * memory.m) / (root + eps);
}

/** Numbers of the options of an optimizer, its defaults filled in. */
export type Numbers = Readonly<Record<string, number>>;
type Rule = (p: number, g: number, memory: Memory, hyper: Numbers) => number;

const h = (hyper: Numbers, name: string): number => hyper[name] ?? 0;

function moments(p: number, grad: number, memory: Memory, hyper: Numbers): number {
  const g = hyper['decoupled'] ? grad : grad + h(hyper, 'weightDecay') * p;
  memory.step++;
  memory.m = h(hyper, 'beta1') * memory.m + (1 - h(hyper, 'beta1')) * g;
  memory.v = h(hyper, 'beta2') * memory.v + (1 - h(hyper, 'beta2')) * g * g;
  return g;
}
const shrunk = (p: number, hyper: Numbers): number =>
  hyper['decoupled'] ? p - h(hyper, 'lr') * h(hyper, 'weightDecay') * p : p;

/** One element of a step of each optimizer, by name. */
export const rules: Readonly<Record<string, Rule>> = {
  Adamax(p, grad, memory, hyper) {
    const g = moments(p, grad, memory, hyper);
    memory.extra = Math.max(h(hyper, 'beta2') * memory.extra, Math.abs(g) + h(hyper, 'eps'));
    return p - ((h(hyper, 'lr') / (1 - h(hyper, 'beta1') ** memory.step)) * memory.m) / memory.extra;
  },
  NAdam(p, grad, memory, hyper) {
    const g = moments(p, grad, memory, hyper);
    const t = memory.step;
    const mu = (k: number): number => h(hyper, 'beta1') * (1 - 0.5 * 0.96 ** (k * h(hyper, 'momentumDecay')));
    memory.extra = (t === 1 ? 1 : memory.extra) * mu(t);
    const root = Math.sqrt(memory.v / (1 - h(hyper, 'beta2') ** t)) + h(hyper, 'eps');
    const now = (h(hyper, 'lr') * (1 - mu(t)) * g) / (1 - memory.extra);
    const ahead = (h(hyper, 'lr') * mu(t + 1) * memory.m) / (1 - memory.extra * mu(t + 1));
    return shrunk(p, hyper) - (now + ahead) / root;
  },
  RAdam(p, grad, memory, hyper) {
    moments(p, grad, memory, hyper);
    const t = memory.step;
    const power = h(hyper, 'beta2') ** t;
    const most = 2 / (1 - h(hyper, 'beta2')) - 1;
    const rho = most - (2 * t * power) / (1 - power);
    const mean = (h(hyper, 'lr') * memory.m) / (1 - h(hyper, 'beta1') ** t);
    if (rho <= 5) return shrunk(p, hyper) - mean;
    const r = Math.sqrt(((rho - 4) * (rho - 2) * most) / ((most - 4) * (most - 2) * rho));
    return shrunk(p, hyper) - (mean * r * Math.sqrt(1 - power)) / (Math.sqrt(memory.v) + h(hyper, 'eps'));
  },
  RMSprop(p, grad, memory, hyper) {
    const g = grad + h(hyper, 'weightDecay') * p;
    const alpha = h(hyper, 'alpha');
    memory.v = alpha * memory.v + (1 - alpha) * g * g;
    memory.m = alpha * memory.m + (1 - alpha) * g;
    const square = hyper['centered'] ? memory.v - memory.m ** 2 : memory.v;
    const change = g / (Math.sqrt(square) + h(hyper, 'eps'));
    memory.momentum = h(hyper, 'momentum') * memory.momentum + change;
    return p - h(hyper, 'lr') * memory.momentum;
  },
  Adagrad(p, grad, memory, hyper) {
    const g = grad + h(hyper, 'weightDecay') * p;
    if (memory.step === 0) memory.v = h(hyper, 'initialAccumulatorValue');
    memory.v += g * g;
    const rate = h(hyper, 'lr') / (1 + memory.step * h(hyper, 'lrDecay'));
    memory.step++;
    return p - (rate * g) / (Math.sqrt(memory.v) + h(hyper, 'eps'));
  },
  Adadelta(p, grad, memory, hyper) {
    const g = grad + h(hyper, 'weightDecay') * p;
    const [rho, eps] = [h(hyper, 'rho'), h(hyper, 'eps')];
    memory.v = rho * memory.v + (1 - rho) * g * g;
    const change = (Math.sqrt(memory.m + eps) / Math.sqrt(memory.v + eps)) * g;
    memory.m = rho * memory.m + (1 - rho) * change * change;
    return p - h(hyper, 'lr') * change;
  },
  Lion(p, g, memory, hyper) {
    const mean = h(hyper, 'beta1') * memory.m + (1 - h(hyper, 'beta1')) * g;
    memory.m = h(hyper, 'beta2') * memory.m + (1 - h(hyper, 'beta2')) * g;
    return p - h(hyper, 'lr') * (Math.sign(mean) + h(hyper, 'weightDecay') * p);
  },
};

/** A whole tensor's step of LAMB, whose size depends on all elements. */
export function lamb(p: number[], grads: readonly number[], memories: readonly Memory[], hyper: Numbers): void {
  const direction = p.map((value, i) => {
    const memory = memories[i] as Memory;
    moments(value, grads[i] as number, memory, { ...hyper, weightDecay: 0 });
    const mean = memory.m / (1 - h(hyper, 'beta1') ** memory.step);
    const root = Math.sqrt(memory.v / (1 - h(hyper, 'beta2') ** memory.step));
    return mean / (root + h(hyper, 'eps')) + h(hyper, 'weightDecay') * value;
  });
  const norm = (x: readonly number[]): number => Math.sqrt(x.reduce((sum, each) => sum + each * each, 0));
  const [size, length] = [norm(p), norm(direction)];
  const rate = h(hyper, 'lr') * (size > 0 && length > 0 ? size / length : 1);
  for (const [i, d] of direction.entries()) p[i] = (p[i] as number) - rate * d;
}
