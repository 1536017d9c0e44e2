import { tensor } from '../core/create.ts';
import { withContextSync } from '../core/context.ts';
import { keep } from '../core/scope.ts';
import { checkLive, requireTensor, type Tensor } from '../core/tensor.ts';
import { checkIterable, checkMap, checkOptions } from '../core/values.ts';
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { zeros } from '../ops/index.ts';
import { assignAll, emaStep } from '../ops/optim-lists.ts';
import { checkFlag, checkNumber } from './param-group.ts';

/** Options of `ExponentialMovingAverage`. */
export interface ExponentialMovingAverageOptions {
  /** Share of the old average that each update keeps, 0.999 by default. */
  readonly decay?: number;
  /** Early updates keep less, at most (1 + n) / (10 + n) after n of them. */
  readonly warmup?: boolean;
}

/** An average's whole state. */
export interface AverageState {
  readonly kind: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Parameters of one dtype and device, which one kernel averages. */
interface Part {
  readonly params: readonly Tensor[];
  readonly averages: readonly Tensor[];
  readonly state: Tensor;
  /** The decay where the kernel, captured or not, reads it. */
  readonly hyper: Tensor<'float64'>;
}

/**
 * Running averages of parameters (Polyak & Juditsky 1992, exponentially weighted): average += (1 - decay) · (param - average),
 * one kernel for all. They begin as copies of the parameters.
 *
 * @example
 * const w = tensor([0], { requiresGrad: true });
 * const ema = new optim.ExponentialMovingAverage([w], { decay: 0.5 });
 * w.write(Float32Array.of(1));
 * ema.update();
 * ema.apply(); // w is [0.5]: evaluate with the averages
 * ema.restore(); // w is [1] again
 */
export class ExponentialMovingAverage {
  readonly #parts: readonly Part[];
  readonly #warmup: boolean;
  #decay: number;
  #saved: readonly Tensor[] | null = null;

  /** @throws ERR_DTYPE for parameters that are neither float32 nor float64 */
  constructor(params: Iterable<Tensor>, options: ExponentialMovingAverageOptions = {}) {
    const where = 'ExponentialMovingAverage';
    checkOptions(where, options);
    const { decay = 0.999, warmup = false } = options;
    checkNumber(where, 'decay', decay, 0, 1);
    checkFlag(where, 'warmup', warmup);
    checkIterable(where, 'params', params);
    const list = [...params];
    if (list.length === 0) throw argumentError(where, 'wanted parameters, got none');
    for (const p of list) {
      requireTensor(where, p, 'each parameter');
      checkLive(where, p);
      if (p.dtype !== 'float32' && p.dtype !== 'float64')
        throw dtypeError(where, `wanted float32 or float64 parameters, got ${p.dtype}`);
    }
    if (new Set(list).size !== list.length) throw argumentError(where, 'a parameter occurs twice');
    this.#decay = decay;
    this.#warmup = warmup;
    const kinds = new Map<string, Tensor[]>();
    for (const p of list) {
      const kind = `${p.dtype} ${p.device.name}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), p]);
    }
    this.#parts = withContextSync({ gradMode: false, scope: null }, () =>
      [...kinds.values()].map((members) => {
        const { device } = members[0] as Tensor;
        return {
          params: members,
          averages: members.map((p) => keep(p.detach().clone())),
          state: keep(zeros([1], { dtype: 'float64', device })),
          hyper: keep(tensor(Float64Array.of(decay), { device })),
        };
      }),
    );
  }

  /** Share of the old average that each update keeps. */
  get decay(): number {
    return this.#decay;
  }

  set decay(value: number) {
    checkNumber('ExponentialMovingAverage', 'decay', value, 0, 1);
    this.#decay = value;
    for (const { hyper } of this.#parts) hyper.write(Float64Array.of(value));
  }

  /** The averages, in the order of the parameters within each dtype. */
  get averages(): readonly Tensor[] {
    return this.#parts.flatMap(({ averages }) => averages);
  }

  /** Moves the averages towards the parameters, after each step of the optimizer; it may be captured. */
  update(): void {
    for (const { params, averages, state, hyper } of this.#parts) {
      emaStep(averages, params, { state, hyper, warmup: this.#warmup });
    }
  }

  /**
   * Puts the averages into the parameters and remembers what was there.
   * @throws ERR_ARGUMENT when they are there already
   */
  apply(): void {
    if (this.#saved !== null)
      throw argumentError('apply', 'the averages are in the parameters already; restore() first');
    this.#saved = withContextSync({ gradMode: false, scope: null }, () =>
      this.#parts.flatMap(({ params }) => params.map((p) => keep(p.detach().clone()))),
    );
    for (const { params, averages } of this.#parts) assignAll(params, averages);
  }

  /**
   * Puts back into the parameters what `apply` took out.
   * @throws ERR_ARGUMENT without an `apply` before
   */
  restore(): void {
    if (this.#saved === null) throw argumentError('restore', 'nothing to restore; apply() first');
    let from = 0;
    for (const { params } of this.#parts) {
      assignAll(params, this.#saved.slice(from, from + params.length));
      from += params.length;
    }
    for (const t of this.#saved) t.dispose();
    this.#saved = null;
  }

  /** Averages and counts of updates, to be continued by `loadStateDict`. */
  stateDict(): AverageState {
    const tensors = new Map<string, Tensor>();
    for (const [k, { averages, state }] of this.#parts.entries()) {
      tensors.set(`${k}.step`, state);
      for (const [i, t] of averages.entries()) tensors.set(`${k}.average.${i}`, t);
    }
    return { kind: 'ExponentialMovingAverage', tensors };
  }

  /**
   * Continues from the state of averages of the same parameters; all of it is checked first.
   * @throws ERR_ARGUMENT or ERR_SHAPE naming what differs
   */
  loadStateDict(state: AverageState): void {
    const where = 'ExponentialMovingAverage.loadStateDict';
    checkOptions(where, state);
    if (state.kind !== 'ExponentialMovingAverage') throw argumentError(where, 'the state is of something else');
    checkMap(where, 'tensors', state.tensors);
    const own = this.stateDict().tensors;
    for (const [name, target] of own) {
      const source = state.tensors.get(name);
      if (source === undefined) throw argumentError(where, `missing ${name}`);
      requireTensor(where, source, name);
      if (source.shape.join() !== target.shape.join())
        throw shapeError(where, `${name}: wanted [${target.shape.join(', ')}], got [${source.shape.join(', ')}]`);
    }
    if (state.tensors.size !== own.size)
      throw argumentError(where, `wanted ${own.size} tensors, got ${state.tensors.size}`);
    withContextSync({ gradMode: false, scope: null }, () => {
      for (const [name, target] of own) {
        const source = state.tensors.get(name) as Tensor;
        const here = source.device === target.device ? source : source.to(target.device);
        target.copy_(here);
        if (here !== source) here.dispose();
      }
    });
  }

  /** Frees the averages; the parameters stay as they are. */
  dispose(): void {
    for (const { averages, state, hyper } of this.#parts) for (const t of [...averages, state, hyper]) t.dispose();
    for (const t of this.#saved ?? []) t.dispose();
    this.#saved = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
