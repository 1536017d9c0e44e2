import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { argumentError, shapeError } from '../errors.ts';
import { type Change, ComposedOptimizer, type HyperOf, type Member } from './composed.ts';
import type { ModeOptions } from './fused.ts';
import type { Params } from './optimizer.ts';
import { checkFlag, checkNumber, type Hyper } from './param-group.ts';

type Name = 'lr' | 'momentum' | 'weightDecay';

/** Options of `Muon`; a group may have numbers of its own. */
export interface MuonOptions extends Partial<Hyper<Name>>, ModeOptions {
  /** Looks ahead by one step of the momentum (default). */
  readonly nesterov?: boolean;
  /** Iterations of Newton and Schulz, 5 by default. */
  readonly iterations?: number;
}

/**
 * Muon (Jordan et al. 2024), for matrices: m = momentum · m + (1 - momentum) · g; the step is the orthogonal matrix nearest to
 * m (with Nesterov, to its look-ahead), by Newton–Schulz iterations of a quintic, times lr · √max(1, rows / columns). Weight
 * decay is decoupled. Train embeddings, vectors and the last layer with another optimizer.
 *
 * @example
 * const w = tensor([[1, 0], [0, 1]], { requiresGrad: true });
 * const muon = new optim.Muon([w], { lr: 0.02 });
 * w.square().sum().backward();
 * muon.step();
 */
export class Muon extends ComposedOptimizer<Name> {
  readonly #nesterov: boolean;
  readonly #iterations: number;

  /** @throws ERR_SHAPE for a parameter that is no matrix */
  constructor(params: Params<Name>, options: MuonOptions = {}) {
    checkOptions('Muon', options);
    const { lr = 0.02, momentum = 0.95, weightDecay = 0, nesterov = true, iterations = 5, maximize = false } = options;
    checkFlag('Muon', 'nesterov', nesterov);
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > 100)
      throw argumentError('Muon', 'iterations: wanted a whole number from 1 to 100');
    super(params, { lr, momentum, weightDecay }, maximize);
    for (const { shape } of this.params) {
      if (shape.length !== 2) throw shapeError('Muon', `wanted matrices, got [${shape.join(', ')}]`);
    }
    this.#nesterov = nesterov;
    this.#iterations = iterations;
  }

  protected check({ lr, momentum, weightDecay }: Hyper<Name>): void {
    checkNumber('Muon', 'lr', lr);
    checkNumber('Muon', 'momentum', momentum, 0, 1);
    checkNumber('Muon', 'weightDecay', weightDecay);
  }

  protected slotNames(): readonly string[] {
    return ['momentum'];
  }

  protected change({ param, grad, slot }: Member, hyper: HyperOf<Name>): Change {
    const [rows, columns] = param.shape as [number, number];
    const momentum = hyper('momentum');
    const buffer = grad.add(slot('momentum').sub(grad).mul(momentum));
    const ahead = this.#nesterov ? grad.add(buffer.sub(grad).mul(momentum)) : buffer;
    const step = orthogonal(ahead, this.#iterations).mul(hyper('lr').mul(Math.sqrt(Math.max(1, rows / columns))));
    const kept = hyper('lr').mul(hyper('weightDecay')).neg().add(1);
    return { param: param.mul(kept).sub(step), slots: { momentum: buffer } };
  }
}

/**
 * A matrix with the singular vectors of `matrix` and singular values between about 0.7 and 1.2: x ← a x + b x³ + c x⁵ on each,
 * with the coefficients of Jordan et al., which give up exactness for the steepest rise from 0.
 */
function orthogonal(matrix: Tensor, iterations: number): Tensor {
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  const [rows, columns] = matrix.shape as [number, number];
  if (matrix.size === 0) return matrix;
  const flat = rows > columns ? matrix.transpose(0, 1) : matrix;
  let x = flat.div(flat.square().sum().sqrt().add(1e-7));
  for (let i = 0; i < iterations; i++) {
    const gram = x.matmul(x.transpose(0, 1));
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x));
  }
  return rows > columns ? x.transpose(0, 1) : x;
}
