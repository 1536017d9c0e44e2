// Stacks of transformer layers.
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import * as init from './init.ts';
import { located } from './locate.ts';
import { type Layer, Module } from './module.ts';
import { LayerNorm } from './norm.ts';
import { checkSizes } from './options.ts';
import type { DecodeOptions, EncodeOptions, TransformerLayerOptions } from './transformer-layer.ts';
import { TransformerDecoderLayer, TransformerEncoderLayer } from './transformer-layer.ts';

/** Options of `TransformerEncoder` and `TransformerDecoder`. */
export interface StackOptions {
  /** What the last layer's output goes through. */
  readonly norm?: Layer | null | undefined;
}

/** A mistaken 2^31 must not run for hours. */
const mostLayers = 10_000;

type Stacked = Module & { forward(x: Tensor, ...rest: never[]): Tensor };

/** `count` layers with weights of their own: `make` is called for each. */
abstract class Stack<L extends Stacked> extends Module {
  readonly layers: readonly L[];
  readonly norm: Layer | null;

  constructor(make: (index: number) => L, count: number, options: StackOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options);
    checkSizes(name, { numLayers: count });
    if (count > mostLayers) throw argumentError(name, `wanted at most ${mostLayers} layers, got ${count}`);
    if (typeof make !== 'function')
      throw argumentError(name, `wanted a function that makes a layer, got ${formatValue(make)}`);
    const { norm = null } = options;
    if (norm !== null && !(norm instanceof Module))
      throw argumentError(name, `norm: wanted a Module, got ${formatValue(norm)}`);
    const layers = Array.from({ length: count }, (_, i) => make(i));
    const wrong = layers.find((each) => !(each instanceof Module));
    if (wrong !== undefined) throw argumentError(name, `wanted layers that are Modules, got ${formatValue(wrong)}`);
    if (new Set(layers).size !== layers.length) throw argumentError(name, 'wanted a new layer from each call');
    this.layers = layers;
    this.norm = norm;
  }

  /** x through every layer, and the norm. */
  protected through(x: Tensor, call: (layer: L, x: Tensor) => Tensor): Tensor {
    return tidy(() => {
      let y = x;
      for (const [i, layer] of this.layers.entries()) {
        const input = y;
        y = located(this, `layers.${i}`, layer, () => call(layer, input));
      }
      const { norm } = this;
      return norm === null ? y : located(this, 'norm', norm, () => norm.forward(y));
    });
  }
}

/**
 * Encoder layers one after the other. PyTorch copies one layer; here a function makes each.
 *
 * @example
 * const encoder = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }), 3);
 * encoder.forward(ones([5, 2, 8]), { isCausal: true }).shape; // [5, 2, 8]
 */
export class TransformerEncoder extends Stack<TransformerEncoderLayer> {
  constructor(make: (index: number) => TransformerEncoderLayer, numLayers: number, options: StackOptions = {}) {
    super(make, numLayers, options);
  }

  /** @param x - [positions, batch, dModel]; see batchFirst of the layers */
  forward(x: Tensor, options: EncodeOptions = {}): Tensor {
    return this.through(x, (layer, y) => layer.forward(y, options));
  }
}

/**
 * Decoder layers one after the other, each given the same memory.
 *
 * @example
 * const decoder = new nn.TransformerDecoder(() => new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16 }), 2);
 * decoder.forward(ones([3, 2, 8]), ones([5, 2, 8])).shape; // [3, 2, 8]
 */
export class TransformerDecoder extends Stack<TransformerDecoderLayer> {
  constructor(make: (index: number) => TransformerDecoderLayer, numLayers: number, options: StackOptions = {}) {
    super(make, numLayers, options);
  }

  /**
   * @param x - [positions, batch, dModel]; see batchFirst of the layers
   * @param memory - [positions of the source, batch, dModel]
   */
  forward(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    return this.through(x, (layer, y) => layer.forward(y, memory, options));
  }
}

/** Options of `Transformer`. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** Default 6. */
  readonly numEncoderLayers?: number | undefined;
  /** Default 6. */
  readonly numDecoderLayers?: number | undefined;
}

/** What one call of `Transformer` may be given. */
export interface TranslateOptions extends DecodeOptions {
  readonly sourceMask?: Tensor | null | undefined;
  readonly sourceKeyPaddingMask?: Tensor | null | undefined;
  readonly sourceIsCausal?: boolean | undefined;
}

/**
 * Encoder and decoder, each with a norm behind its last layer. Matrices start by Glorot's rule, as PyTorch's.
 *
 * @example
 * const net = new nn.Transformer(8, 2, { numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 16 });
 * net.forward(ones([5, 2, 8]), ones([3, 2, 8]), { targetIsCausal: true }).shape; // [3, 2, 8]
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor(dModel: number, numHeads: number, options: TransformerOptions = {}) {
    super();
    checkOptions('Transformer', options);
    const { numEncoderLayers = 6, numDecoderLayers = 6, ...rest } = options;
    checkSizes('Transformer', { dModel, numHeads, numEncoderLayers, numDecoderLayers });
    const { layerNormEps: eps = 1e-5, bias = true, device, dtype } = rest;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps, bias, device, dtype });
    this.encoder = new TransformerEncoder(() => new TransformerEncoderLayer(dModel, numHeads, rest), numEncoderLayers, {
      norm: norm(),
    });
    this.decoder = new TransformerDecoder(() => new TransformerDecoderLayer(dModel, numHeads, rest), numDecoderLayers, {
      norm: norm(),
    });
    for (const each of this.parameters()) if (each.rank > 1) init.xavierUniform(each, { generator: rest.generator });
  }

  /**
   * @param source - [positions, batch, dModel]; see batchFirst
   * @param target - [positions of the target, batch, dModel]
   */
  forward(source: Tensor, target: Tensor, options: TranslateOptions = {}): Tensor {
    checkOptions('Transformer', options);
    const { sourceMask: mask, sourceKeyPaddingMask: keyPaddingMask, sourceIsCausal: isCausal } = options;
    return tidy(() => {
      const memory = located(this, 'encoder', this.encoder, () =>
        this.encoder.forward(source, { mask, keyPaddingMask, isCausal }),
      );
      return located(this, 'decoder', this.decoder, () => this.decoder.forward(target, memory, options));
    });
  }
}
