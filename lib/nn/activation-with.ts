// Activations with numbers, weights or an axis.
import type { Generator } from '../core/generator.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import {
  type AxisArgument,
  celu,
  elu,
  full,
  type GeluOptions,
  geglu,
  gelu,
  glu,
  hardshrink,
  hardtanh,
  leakyRelu,
  prelu,
  type RreluOptions,
  rrelu,
  type SoftplusOptions,
  softplus,
  softshrink,
  swiglu,
  threshold,
} from '../ops/index.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/**
 * x above 0, else slope · x.
 * @example
 * new nn.LeakyReLU(0.1).forward(tensor([-1, 2])); // [-0.1, 2]
 */
export class LeakyReLU extends Module {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    checkNumber('LeakyReLU', 'slope', slope);
    this.slope = slope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }

  protected override options(): string {
    return String(this.slope);
  }
}

/**
 * x above 0, else alpha · (e^x − 1).
 * @example
 * new nn.ELU().forward(tensor([-1, 2])); // [-0.6321, 2]
 */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    checkNumber('ELU', 'alpha', alpha);
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  protected override options(): string {
    return String(this.alpha);
  }
}

/**
 * x above 0, else alpha · (e^(x / alpha) − 1).
 * @example
 * new nn.CELU(2).forward(tensor([-1, 2])); // [-0.7869, 2]
 */
export class CELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    checkNumber('CELU', 'alpha', alpha, (a) => a !== 0, 'other than 0');
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return celu(x, this.alpha);
  }

  protected override options(): string {
    return String(this.alpha);
  }
}

/**
 * x moved towards 0 by lambda, and 0 within it.
 * @example
 * new nn.Softshrink().forward(tensor([-1, 0.2, 2])); // [-0.5, 0, 1.5]
 */
export class Softshrink extends Module {
  readonly lambda: number;

  constructor(lambda = 0.5) {
    super();
    checkNumber('Softshrink', 'lambda', lambda, (l) => l >= 0, '≥ 0');
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return softshrink(x, this.lambda);
  }

  protected override options(): string {
    return String(this.lambda);
  }
}

/**
 * x where |x| > lambda, else 0.
 * @example
 * new nn.Hardshrink().forward(tensor([-1, 0.2, 2])); // [-1, 0, 2]
 */
export class Hardshrink extends Module {
  readonly lambda: number;

  constructor(lambda = 0.5) {
    super();
    checkNumber('Hardshrink', 'lambda', lambda);
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return hardshrink(x, this.lambda);
  }

  protected override options(): string {
    return String(this.lambda);
  }
}

/**
 * x cut to [min, max].
 * @example
 * new nn.Hardtanh(0, 2).forward(tensor([-3, 1, 3])); // [0, 1, 2]
 */
export class Hardtanh extends Module {
  readonly min: number;
  readonly max: number;

  constructor(min = -1, max = 1) {
    super();
    checkNumber('Hardtanh', 'min', min);
    checkNumber('Hardtanh', 'max', max, (m) => m >= min, `≥ ${min}`);
    this.min = min;
    this.max = max;
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, this.min, this.max);
  }

  protected override options(): string {
    return `${this.min}, ${this.max}`;
  }
}

/**
 * x above `limit`, else `value`.
 * @example
 * new nn.Threshold(0, 9).forward(tensor([-1, 3])); // [9, 3]
 */
export class Threshold extends Module {
  readonly limit: number;
  readonly value: number;

  constructor(limit: number, value: number) {
    super();
    checkNumber('Threshold', 'limit', limit);
    checkNumber('Threshold', 'value', value);
    this.limit = limit;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return threshold(x, this.limit, this.value);
  }

  protected override options(): string {
    return `${this.limit}, ${this.value}`;
  }
}

/**
 * x · Φ(x), or its approximation by tanh.
 * @example
 * new nn.GELU({ approximate: 'tanh' }).forward(tensor([1])); // [0.8412]
 */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(options: GeluOptions = {}) {
    super();
    checkOptions('GELU', options);
    const { approximate = 'none' } = options;
    if (approximate !== 'none' && approximate !== 'tanh')
      throw argumentError('GELU', `approximate: wanted 'none' or 'tanh', got ${formatValue(approximate)}`);
    this.approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }

  protected override options(): string {
    return this.approximate === 'none' ? '' : this.approximate;
  }
}

/**
 * log(1 + e^(beta · x)) / beta.
 * @example
 * new nn.Softplus({ beta: 2 }).forward(tensor([0])); // [0.3466]
 */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options: SoftplusOptions = {}) {
    super();
    checkOptions('Softplus', options);
    const { beta = 1, threshold: limit = 20 } = options;
    checkNumber('Softplus', 'beta', beta);
    checkNumber('Softplus', 'threshold', limit);
    this.beta = beta;
    this.threshold = limit;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }

  protected override options(): string {
    return `beta ${this.beta}`;
  }
}

/**
 * x above 0, else weight · x with a weight that is trained: one, or one for each of `channels`.
 * @example
 * new nn.PReLU().forward(tensor([-1, 2])); // [-0.25, 2]
 */
export class PReLU extends Module {
  readonly channels: number;
  readonly weight: Parameter;

  constructor(channels = 1, options: LayerOptions & { readonly init?: number | undefined } = {}) {
    super();
    checkOptions('PReLU', options);
    checkSizes('PReLU', { channels });
    const { init = 0.25, device, dtype } = options;
    checkNumber('PReLU', 'init', init);
    this.channels = channels;
    this.weight = parameter(full([channels], init, { device, dtype: dtype ?? 'float32' }));
  }

  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }

  protected override options(): string {
    return String(this.channels);
  }
}

/**
 * x above 0, else slope · x with a slope drawn from [lower, upper) for each element while training, and their mean else.
 * @example
 * new nn.RReLU({ lower: 0.2, upper: 0.4 }).eval().forward(tensor([-1, 2])); // [-0.3, 2]
 */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;
  readonly generator: Generator | undefined;

  constructor(options: Omit<RreluOptions, 'training'> = {}) {
    super();
    checkOptions('RReLU', options);
    const { lower = 1 / 8, upper = 1 / 3, generator } = options;
    checkNumber('RReLU', 'lower', lower);
    checkNumber('RReLU', 'upper', upper, (u) => u >= lower, `≥ ${lower}`);
    this.lower = lower;
    this.upper = upper;
    this.generator = generator;
  }

  forward(x: Tensor): Tensor {
    const { lower, upper, training, generator } = this;
    return rrelu(x, { lower, upper, training, generator });
  }

  protected override options(): string {
    return `${this.lower}, ${this.upper}`;
  }
}

/**
 * a · σ(b) with a and b the halves of x along `axis`.
 * @example
 * new nn.GLU().forward(tensor([2, 0])); // [1]
 */
export class GLU extends Module {
  readonly axis: AxisArgument;

  constructor(axis: AxisArgument = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return glu(x, this.axis);
  }
}

/**
 * silu(a) · b with a and b the halves of x along `axis`.
 * @example
 * new nn.SwiGLU().forward(tensor([1, 2])); // [1.4621]
 */
export class SwiGLU extends Module {
  readonly axis: AxisArgument;

  constructor(axis: AxisArgument = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return swiglu(x, this.axis);
  }
}

/**
 * a · gelu(b) with a and b the halves of x along `axis`.
 * @example
 * new nn.GEGLU().forward(tensor([2, 1])); // [1.6827]
 */
export class GEGLU extends Module {
  readonly axis: AxisArgument;

  constructor(axis: AxisArgument = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return geglu(x, this.axis);
  }
}
