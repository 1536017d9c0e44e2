// Activations without options; those with numbers or weights are in activation-with.ts.
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import {
  hardsigmoid,
  hardswish,
  inPlace,
  logSigmoid,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softsign,
  tanh,
  tanhshrink,
} from '../ops/index.ts';
import { Module } from './module.ts';

export interface InPlaceOptions {
  /** Whether the result is written over the input, which saves a tensor where nobody needs the input again. */
  readonly inplace?: boolean;
}

/** Activations that can write over their input. */
abstract class PerhapsInPlace extends Module {
  readonly inplace: boolean;

  constructor(options: InPlaceOptions = {}) {
    super();
    checkOptions(this.constructor.name, options);
    this.inplace = options.inplace === true;
  }

  protected override options(): string {
    return this.inplace ? 'inplace' : '';
  }
}

/**
 * max(x, 0).
 * @example
 * const x = tensor([-1, 2]);
 * new nn.ReLU({ inplace: true }).forward(x); // [0, 2], and so is x now
 */
export class ReLU extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.relu_(x) : relu(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** 1 / (1 + e^-x). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** x cut to [0, 6]. */
export class ReLU6 extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.relu6_(x) : relu6(x);
  }
}

/** The scaled exponential unit; see `selu`. */
export class SELU extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.selu_(x) : selu(x);
  }
}

/** x · σ(x). */
export class SiLU extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.silu_(x) : silu(x);
  }
}

/** x · tanh(log(1 + e^x)). */
export class Mish extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.mish_(x) : mish(x);
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return softsign(x);
  }
}

/** x − tanh(x). */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return tanhshrink(x);
  }
}

/** x / 6 + 1/2 cut to [0, 1]. */
export class Hardsigmoid extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.hardsigmoid_(x) : hardsigmoid(x);
  }
}

/** x · hardsigmoid(x). */
export class Hardswish extends PerhapsInPlace {
  forward(x: Tensor): Tensor {
    return this.inplace ? inPlace.hardswish_(x) : hardswish(x);
  }
}

/** log(1 / (1 + e^−x)). */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return logSigmoid(x);
  }
}
