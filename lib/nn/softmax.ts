// Softmax and its kin along an axis.
import type { Tensor } from '../core/tensor.ts';
import { requireTensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { argumentError, shapeError } from '../errors.ts';
import { logSoftmax, softmax, softmin } from '../ops/index.ts';
import { Module } from './module.ts';

abstract class Along extends Module {
  readonly axis: number;

  constructor(axis: number) {
    super();
    if (!Number.isSafeInteger(axis))
      throw argumentError(new.target.name, `axis: wanted an integer, got ${formatValue(axis)}`);
    this.axis = axis;
  }

  protected override options(): string {
    return String(this.axis);
  }
}

/**
 * exp(x) over its sum along an axis, the last by default.
 * @example
 * new nn.Softmax().forward(zeros([1, 2])); // [[0.5, 0.5]]
 */
export class Softmax extends Along {
  constructor(axis = -1) {
    super(axis);
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}

/**
 * The logarithm of softmax along an axis, the last by default.
 * @example
 * new nn.LogSoftmax().forward(zeros([1, 2])); // [[-0.6931, -0.6931]]
 */
export class LogSoftmax extends Along {
  constructor(axis = -1) {
    super(axis);
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
}

/**
 * softmax of −x along an axis, the last by default.
 * @example
 * new nn.Softmin().forward(zeros([1, 2])); // [[0.5, 0.5]]
 */
export class Softmin extends Along {
  constructor(axis = -1) {
    super(axis);
  }

  forward(x: Tensor): Tensor {
    return softmin(x, this.axis);
  }
}

/**
 * softmax over the channels of [N, C, H, W] or [C, H, W].
 * @example
 * new nn.Softmax2d().forward(zeros([1, 2, 1, 1])); // [[[[0.5]], [[0.5]]]]
 */
export class Softmax2d extends Module {
  forward(x: Tensor): Tensor {
    requireTensor('Softmax2d', x);
    if (x.rank !== 3 && x.rank !== 4)
      throw shapeError('Softmax2d', `wanted [N, C, H, W] or [C, H, W], got [${x.shape.join(', ')}]`);
    return softmax(x, -3);
  }
}
