// The layers of a transformer (Vaswani 2017), with PyTorch's parameter names.
import { tidy } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import { add, gelu, relu } from '../ops/index.ts';
import { type AttendOptions, MultiheadAttention } from './attention.ts';
import { Dropout } from './dropout.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { LayerNorm } from './norm.ts';
import { checkSizes, type LayerOptions } from './options.ts';

/** Options of `TransformerEncoderLayer` and `TransformerDecoderLayer`. */
export interface TransformerLayerOptions extends LayerOptions {
  /** Features between the two linear layers. Default 2048. */
  readonly dimFeedforward?: number | undefined;
  /** Probability of an element, or of an attention weight, to become 0 while training. Default 0.1. */
  readonly dropout?: number | undefined;
  readonly activation?: 'relu' | 'gelu' | ((x: Tensor) => Tensor) | undefined;
  readonly layerNormEps?: number | undefined;
  /** Inputs are [batch, positions, features]; else, as in PyTorch, [positions, batch, features]. */
  readonly batchFirst?: boolean | undefined;
  /** Normalise before each part, not after it (Xiong et al. 2020, arXiv:2002.04745). */
  readonly normFirst?: boolean | undefined;
  readonly bias?: boolean | undefined;
}

type Attend = Pick<AttendOptions, 'keyPaddingMask' | 'attnMask' | 'isCausal'>;

const activations = { relu, gelu: (x: Tensor): Tensor => gelu(x) } as const;

/** What both kinds of layers have: attention to the sequence itself, and two linear layers. */
abstract class TransformerLayer extends Module {
  readonly dModel: number;
  readonly normFirst: boolean;
  readonly self_attn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  /** Behind the activation. */
  readonly dropout: Dropout;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly #activation: (x: Tensor) => Tensor;

  constructor(dModel: number, numHeads: number, options: TransformerLayerOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options);
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu', layerNormEps: eps = 1e-5, ...rest } = options;
    const { batchFirst = false, normFirst = false, bias = true, ...place } = rest;
    checkSizes(name, { dModel, dimFeedforward });
    if (typeof activation !== 'function' && activation !== 'relu' && activation !== 'gelu')
      throw argumentError(name, `activation: wanted 'relu', 'gelu' or a function, got ${formatValue(activation)}`);
    const { generator, device, dtype } = place;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps, bias, device, dtype });
    const drop = (): Dropout => new Dropout(dropout, generator === undefined ? {} : { generator });
    this.dModel = dModel;
    this.normFirst = normFirst;
    this.self_attn = new MultiheadAttention(dModel, numHeads, { dropout, bias, batchFirst, ...place });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...place });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...place });
    this.norm1 = norm();
    this.norm2 = norm();
    this.dropout = drop();
    this.dropout1 = drop();
    this.dropout2 = drop();
    this.#activation = typeof activation === 'function' ? activation : activations[activation];
  }

  /** x and what `part` makes of it, normalised before or behind. */
  protected residual(x: Tensor, norm: LayerNorm, dropout: Dropout, part: (x: Tensor) => Tensor): Tensor {
    if (this.normFirst) return add(x, dropout.forward(part(norm.forward(x))));
    return norm.forward(add(x, dropout.forward(part(x))));
  }

  protected attendSelf(x: Tensor, options: Attend): Tensor {
    return this.residual(x, this.norm1, this.dropout1, (y) => this.self_attn.forward(y, y, y, options)[0]);
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.#activation(this.linear1.forward(x))));
  }

  protected override options(): string {
    return `${this.dModel}, ${this.self_attn.numHeads}${this.normFirst ? ', norm first' : ''}`;
  }
}

/** What one call of an encoder, or of a layer of one, may be given; see `AttendOptions`. */
export interface EncodeOptions {
  readonly mask?: Tensor | null | undefined;
  readonly keyPaddingMask?: Tensor | null | undefined;
  readonly isCausal?: boolean | undefined;
}

/**
 * Self-attention and two linear layers, each added to its input and normalised.
 *
 * @example
 * const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 });
 * layer.forward(ones([5, 2, 8])).shape; // [5, 2, 8]
 */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(dModel: number, numHeads: number, options: TransformerLayerOptions = {}) {
    super(dModel, numHeads, options);
  }

  /** @param x - [positions, batch, dModel]; see batchFirst */
  forward(x: Tensor, options: EncodeOptions = {}): Tensor {
    requireTensor('TransformerEncoderLayer', x);
    checkOptions('TransformerEncoderLayer', options);
    const { mask: attnMask, keyPaddingMask, isCausal } = options;
    return tidy(() => {
      const attended = this.attendSelf(x, { attnMask, keyPaddingMask, isCausal });
      return this.residual(attended, this.norm2, this.dropout2, (y) => this.feedForward(y));
    });
  }
}

/** What one call of a decoder, or of a layer of one, may be given; see `AttendOptions`. */
export interface DecodeOptions {
  readonly targetMask?: Tensor | null | undefined;
  readonly memoryMask?: Tensor | null | undefined;
  readonly targetKeyPaddingMask?: Tensor | null | undefined;
  readonly memoryKeyPaddingMask?: Tensor | null | undefined;
  readonly targetIsCausal?: boolean | undefined;
  readonly memoryIsCausal?: boolean | undefined;
}

/**
 * Self-attention, attention to what an encoder made, and two linear layers, each added to its input and normalised.
 *
 * @example
 * const layer = new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16 });
 * layer.forward(ones([3, 2, 8]), ones([5, 2, 8]), { targetIsCausal: true }).shape; // [3, 2, 8]
 */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly multihead_attn: MultiheadAttention;
  readonly norm3: LayerNorm;
  readonly dropout3: Dropout;

  constructor(dModel: number, numHeads: number, options: TransformerLayerOptions = {}) {
    super(dModel, numHeads, options);
    const { dropout = 0.1, layerNormEps: eps = 1e-5, batchFirst = false, bias = true } = options;
    const { generator, device, dtype } = options;
    const place = { generator, device, dtype };
    this.multihead_attn = new MultiheadAttention(dModel, numHeads, { dropout, bias, batchFirst, ...place });
    this.norm3 = new LayerNorm(dModel, { eps, bias, device, dtype });
    this.dropout3 = new Dropout(dropout, generator === undefined ? {} : { generator });
  }

  /**
   * @param x - [positions, batch, dModel]; see batchFirst
   * @param memory - [positions of the source, batch, dModel]
   */
  forward(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    requireTensor('TransformerDecoderLayer', x);
    requireTensor('TransformerDecoderLayer', memory, 'memory');
    checkOptions('TransformerDecoderLayer', options);
    const self = {
      attnMask: options.targetMask,
      keyPaddingMask: options.targetKeyPaddingMask,
      isCausal: options.targetIsCausal,
    };
    const cross = {
      attnMask: options.memoryMask,
      keyPaddingMask: options.memoryKeyPaddingMask,
      isCausal: options.memoryIsCausal,
    };
    return tidy(() => {
      const attended = this.attendSelf(x, self);
      const informed = this.residual(
        attended,
        this.norm2,
        this.dropout2,
        (y) => this.multihead_attn.forward(y, memory, memory, cross)[0],
      );
      return this.residual(informed, this.norm3, this.dropout3, (y) => this.feedForward(y));
    });
  }
}
