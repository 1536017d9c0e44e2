import { tensor } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import { keep } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkFunction, checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';

/** Hyper-parameters of one kind of optimizer, in the order of its kernel. */
export type Hyper<K extends string> = Readonly<Record<K, number>>;

/**
 * Parameters that share hyper-parameters. The numbers live in a float64 tensor on the parameters' device, so that a captured
 * step reads the present ones: `group.lr = 0.01` is all that a schedule does.
 */
export class ParamGroup<K extends string = string> {
  readonly params: readonly Tensor[];
  /** What the kernel reads; written by `set`. */
  readonly hyper: Tensor<'float64'>;
  /** Ratio of this group's first learning rate to the optimizer's; schedules keep it. */
  readonly lrScale: number;
  #values: Hyper<K>;
  readonly #check: (values: Hyper<K>) => void;

  constructor(options: {
    readonly params: readonly Tensor[];
    readonly device: Device;
    readonly values: Hyper<K>;
    readonly lrScale: number;
    readonly check: (values: Hyper<K>) => void;
  }) {
    checkOptions('ParamGroup', options);
    checkFunction('ParamGroup', 'check', options.check);
    checkOptions('ParamGroup', options.values);
    options.check(options.values);
    this.params = options.params;
    this.lrScale = options.lrScale;
    this.#values = options.values;
    this.#check = options.check;
    this.hyper = keep(tensor(this.#packed(), { device: options.device }));
  }

  /** The hyper-parameters as they are now. */
  get values(): Hyper<K> {
    return this.#values;
  }

  /**
   * Changes hyper-parameters, in order with the queued steps.
   * @throws ERR_ARGUMENT for a value out of range; then nothing changes.
   */
  set(changes: Partial<Hyper<K>>): void {
    checkOptions('ParamGroup.set', changes);
    const values = { ...this.#values, ...changes };
    for (const name of Object.keys(values)) {
      if (!Object.hasOwn(this.#values, name)) throw argumentError('ParamGroup.set', `unknown hyper-parameter ${name}`);
    }
    this.#check(values);
    this.#values = values;
    this.hyper.write(this.#packed());
  }

  get lr(): number {
    return (this.#values as Readonly<Record<string, number>>)['lr'] ?? Number.NaN;
  }

  set lr(value: number) {
    this.set({ lr: value } as unknown as Partial<Hyper<K>>);
  }

  #packed(): Float64Array {
    return Float64Array.from(Object.values<number>(this.#values));
  }
}

/** Throws ERR_ARGUMENT unless `value` is a finite number with low ≤ value < high. */
export function checkNumber(
  where: string,
  name: string,
  value: number,
  low = 0,
  high: number = Number.POSITIVE_INFINITY,
): void {
  if (typeof value === 'number' && value >= low && value < high) return;
  const range = high === Number.POSITIVE_INFINITY ? `a finite number ≥ ${low}` : `a number in [${low}, ${high})`;
  throw argumentError(where, `${name}: wanted ${range}, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is true or false. */
export function checkFlag(where: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean')
    throw argumentError(where, `${name}: wanted true or false, got ${formatValue(value)}`);
}

/** The hyper-parameters of optimizers with running means of gradients and of their squares. */
export type Moments = 'lr' | 'beta1' | 'beta2' | 'eps' | 'weightDecay';

/** Throws ERR_ARGUMENT for values that such an optimizer cannot take. */
export function checkMoments(where: string, { lr, beta1, beta2, eps, weightDecay }: Hyper<Moments>): void {
  checkNumber(where, 'lr', lr);
  checkNumber(where, 'beta1', beta1, 0, 1);
  checkNumber(where, 'beta2', beta2, 0, 1);
  checkNumber(where, 'eps', eps);
  checkNumber(where, 'weightDecay', weightDecay);
}
