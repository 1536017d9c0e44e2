// Borders around the spatial axes; see the op `pad`.
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { type PadMode, pad } from '../ops/index.ts';
import { Module } from './module.ts';

/** One size for every side, or [before, after] of the last axis, then of the one before it, and so on. */
export type Border = number | readonly number[];

abstract class Padding extends Module {
  /** [before, after] of each axis, the last first. */
  readonly padding: readonly number[];
  readonly value: number;
  readonly #mode: PadMode;

  constructor(rank: number, padding: Border, mode: PadMode, value = 0) {
    super();
    const name = new.target.name;
    const list: readonly unknown[] = Array.isArray(padding) ? padding : new Array<unknown>(2 * rank).fill(padding);
    if (list.length !== 2 * rank || !list.every((each) => Number.isSafeInteger(each)))
      throw argumentError(name, `padding: wanted an integer or ${2 * rank} of them, got ${formatValue(padding)}`);
    checkNumber(name, 'value', value);
    this.padding = [...(list as number[])];
    this.value = value;
    this.#mode = mode;
  }

  forward(x: Tensor): Tensor {
    return pad(x, this.padding, { mode: this.#mode, value: this.value });
  }

  protected override options(): string {
    const { padding, value } = this;
    const sides = padding.every((each) => each === padding[0]) ? String(padding[0]) : padding.join(', ');
    return value === 0 ? sides : `${sides}, value ${value}`;
  }
}

/**
 * [N, C, L] with zeros around.
 * @example
 * new nn.ZeroPad1d(1).forward(ones([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ZeroPad1d extends Padding {
  constructor(padding: Border) {
    super(1, padding, 'constant');
  }
}

/**
 * [N, C, H, W] with zeros around.
 * @example
 * new nn.ZeroPad2d(1).forward(ones([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ZeroPad2d extends Padding {
  constructor(padding: Border) {
    super(2, padding, 'constant');
  }
}

/**
 * [N, C, D, H, W] with zeros around.
 * @example
 * new nn.ZeroPad3d(1).forward(ones([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ZeroPad3d extends Padding {
  constructor(padding: Border) {
    super(3, padding, 'constant');
  }
}

/**
 * [N, C, L] with one value around.
 * @example
 * new nn.ConstantPad1d(1, 7).forward(ones([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ConstantPad1d extends Padding {
  constructor(padding: Border, value: number) {
    super(1, padding, 'constant', value);
  }
}

/**
 * [N, C, H, W] with one value around.
 * @example
 * new nn.ConstantPad2d(1, 7).forward(ones([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ConstantPad2d extends Padding {
  constructor(padding: Border, value: number) {
    super(2, padding, 'constant', value);
  }
}

/**
 * [N, C, D, H, W] with one value around.
 * @example
 * new nn.ConstantPad3d(1, 7).forward(ones([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ConstantPad3d extends Padding {
  constructor(padding: Border, value: number) {
    super(3, padding, 'constant', value);
  }
}

/**
 * [N, C, L] with what lies inside, mirrored, around.
 * @example
 * new nn.ReflectionPad1d(1).forward(ones([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ReflectionPad1d extends Padding {
  constructor(padding: Border) {
    super(1, padding, 'reflect');
  }
}

/**
 * [N, C, H, W] with what lies inside, mirrored, around.
 * @example
 * new nn.ReflectionPad2d(1).forward(ones([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ReflectionPad2d extends Padding {
  constructor(padding: Border) {
    super(2, padding, 'reflect');
  }
}

/**
 * [N, C, D, H, W] with what lies inside, mirrored, around.
 * @example
 * new nn.ReflectionPad3d(1).forward(ones([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ReflectionPad3d extends Padding {
  constructor(padding: Border) {
    super(3, padding, 'reflect');
  }
}

/**
 * [N, C, L] with the edge repeated around.
 * @example
 * new nn.ReplicationPad1d(1).forward(ones([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ReplicationPad1d extends Padding {
  constructor(padding: Border) {
    super(1, padding, 'replicate');
  }
}

/**
 * [N, C, H, W] with the edge repeated around.
 * @example
 * new nn.ReplicationPad2d(1).forward(ones([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ReplicationPad2d extends Padding {
  constructor(padding: Border) {
    super(2, padding, 'replicate');
  }
}

/**
 * [N, C, D, H, W] with the edge repeated around.
 * @example
 * new nn.ReplicationPad3d(1).forward(ones([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ReplicationPad3d extends Padding {
  constructor(padding: Border) {
    super(3, padding, 'replicate');
  }
}

/**
 * [N, C, L] with the other side around.
 * @example
 * new nn.CircularPad1d(1).forward(ones([1, 2, 4])).shape; // [1, 2, 6]
 */
export class CircularPad1d extends Padding {
  constructor(padding: Border) {
    super(1, padding, 'circular');
  }
}

/**
 * [N, C, H, W] with the other side around.
 * @example
 * new nn.CircularPad2d(1).forward(ones([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class CircularPad2d extends Padding {
  constructor(padding: Border) {
    super(2, padding, 'circular');
  }
}

/**
 * [N, C, D, H, W] with the other side around.
 * @example
 * new nn.CircularPad3d(1).forward(ones([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class CircularPad3d extends Padding {
  constructor(padding: Border) {
    super(3, padding, 'circular');
  }
}
