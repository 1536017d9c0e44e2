import type { Tensor } from '../core/tensor.ts';
import { argumentError } from '../errors.ts';
import { flatten } from '../ops/index.ts';
import { located } from './locate.ts';
import { type Layer, Module } from './module.ts';
import { checkOptions } from '../core/values.ts';

/**
 * Layers one after the other; their paths are '0', '1', …
 *
 * @example
 * const net = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
 * net.forward(ones([5, 2])).shape; // [5, 1]
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    layers.forEach((layer, i) => {
      if (!(layer instanceof Module))
        throw argumentError('Sequential', `layer ${i}: wanted a Module, got ${typeof layer}`);
    });
    this.layers = layers;
  }

  get length(): number {
    return this.layers.length;
  }

  /** Layer `i`; negative numbers count from the end. */
  at(i: number): Layer | undefined {
    return this.layers.at(i);
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.layers[Symbol.iterator]();
  }

  override *namedChildren(): Generator<[string, Module], void, undefined> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (const [i, layer] of this.layers.entries()) {
      const input = y;
      y = located(this, String(i), layer, () => layer.forward(input));
    }
    return y;
  }
}

/**
 * Joins the axes from `startAxis` to `endAxis` into one: by default all but the batch axis.
 *
 * @example
 * new nn.Flatten().forward(ones([2, 3, 4, 4])).shape; // [2, 48]
 */
export class Flatten extends Module {
  readonly startAxis: number;
  readonly endAxis: number;

  constructor(options: { readonly startAxis?: number; readonly endAxis?: number } = {}) {
    super();
    checkOptions('Flatten', options);
    const { startAxis = 1, endAxis = -1 } = options;
    this.startAxis = startAxis;
    this.endAxis = endAxis;
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startAxis, this.endAxis);
  }
}
