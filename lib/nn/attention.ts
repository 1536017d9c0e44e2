import { tidy } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import {
  add,
  arange,
  empty,
  eq,
  full,
  linear,
  matmul,
  mean,
  mul,
  narrow,
  reshape,
  scaledDotProductAttention,
  softmax,
  transpose,
  unsqueeze,
  where,
  zeros,
} from '../ops/index.ts';
import * as init from './init.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `MultiheadAttention`. */
export interface MultiheadAttentionOptions extends LayerOptions {
  readonly bias?: boolean | undefined;
  /** Probability of an attention weight to become 0 while training. */
  readonly dropout?: number | undefined;
  /** Features of keys and values where they differ from the embedding's. */
  readonly kdim?: number | undefined;
  readonly vdim?: number | undefined;
  /** Inputs are [batch, positions, features]; else, as in PyTorch, [positions, batch, features]. */
  readonly batchFirst?: boolean | undefined;
}

/** What one call of `MultiheadAttention` may be given. */
export interface AttendOptions {
  /** [batch, T] bool: true positions of the keys are left out, as in PyTorch; numbers are added to the scores. */
  readonly keyPaddingMask?: Tensor | null | undefined;
  /** [S, T] or [batch · heads, S, T]: true pairs are left out, as in PyTorch; numbers are added to the scores. */
  readonly attnMask?: Tensor | null | undefined;
  readonly isCausal?: boolean | undefined;
  /** Give the weights too, averaged over the heads: makes S × T numbers. They are those before dropout. */
  readonly needWeights?: boolean | undefined;
}

/**
 * Multi-head attention (Vaswani 2017) with PyTorch's parameters: in_proj_weight [3E, E] (or q_, k_ and v_proj_weight where
 * kdim or vdim differ), in_proj_bias and out_proj.
 *
 * @example
 * const x = ones([5, 2, 8]); // [positions, batch, features]
 * new nn.MultiheadAttention(8, 2).forward(x, x, x)[0].shape; // [5, 2, 8]
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly in_proj_weight: Parameter | null = null;
  readonly q_proj_weight: Parameter | null = null;
  readonly k_proj_weight: Parameter | null = null;
  readonly v_proj_weight: Parameter | null = null;
  readonly in_proj_bias: Parameter | null;
  readonly out_proj: Linear;
  readonly #generator: LayerOptions['generator'];

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    checkOptions('MultiheadAttention', options);
    const { bias = true, dropout = 0, kdim = embedDim, vdim = embedDim, batchFirst = false, ...place } = options;
    checkSizes('MultiheadAttention', { embedDim, numHeads, kdim, vdim });
    if (embedDim % numHeads !== 0)
      throw argumentError('MultiheadAttention', `numHeads ${numHeads} must divide embedDim ${embedDim}`);
    if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
      throw argumentError('MultiheadAttention', `dropout: wanted a probability below 1, got ${formatValue(dropout)}`);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.#generator = place.generator;
    const { generator, device, dtype } = place;
    const make = (...shape: number[]): Parameter =>
      parameter(init.xavierUniform(empty(shape, { device, dtype }), { generator }));
    if (kdim === embedDim && vdim === embedDim) this.in_proj_weight = make(3 * embedDim, embedDim);
    else {
      this.q_proj_weight = make(embedDim, embedDim);
      this.k_proj_weight = make(embedDim, kdim);
      this.v_proj_weight = make(embedDim, vdim);
    }
    this.in_proj_bias = bias ? parameter(zeros([3 * embedDim], { device, dtype })) : null;
    this.out_proj = new Linear(embedDim, embedDim, { bias, ...place });
    if (this.out_proj.bias !== null) init.zeros(this.out_proj.bias);
  }

  /**
   * @param query - [S, batch, E], keys [T, batch, kdim], values [T, batch, vdim]; see batchFirst
   * @returns [output, weights [batch, S, T] or null]
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AttendOptions = {},
  ): [output: Tensor, weights: Tensor | null] {
    const name = 'MultiheadAttention';
    checkOptions(name, options);
    for (const [label, t] of Object.entries({ query, key, value })) {
      requireTensor(name, t, label);
      if (t.rank !== 3)
        throw shapeError(
          name,
          `${label}: wanted ${this.batchFirst ? '[batch, positions, features]' : '[positions, batch, features]'}, got [${t.shape.join(', ')}]`,
        );
    }
    const { isCausal = false, needWeights = false } = options;
    return tidy((): [Tensor, Tensor | null] => {
      const [q, k, v] = this.#project(query, key, value);
      const mask = this.#mask(options, q.shape[0] as number);
      const attended = scaledDotProductAttention(q, k, v, {
        mask,
        isCausal,
        dropout: this.training ? this.dropout : 0,
        generator: this.#generator,
      });
      const rows = transpose(attended, 1, 2);
      const [batch, positions] = rows.shape as [number, number];
      const output = this.out_proj.forward(reshape(rows, [batch, positions, this.embedDim]));
      const weights = needWeights ? meanWeights(q, k, mask, isCausal) : null;
      return [this.batchFirst ? output : transpose(output, 0, 1), weights];
    });
  }

  /** Queries, keys and values by head: [batch, heads, positions, features]. */
  #project(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const { embedDim: e, numHeads } = this;
    const heads = (t: Tensor): Tensor => {
      const x = this.batchFirst ? t : transpose(t, 0, 1);
      const [batch, positions] = x.shape as [number, number];
      return transpose(reshape(x, [batch, positions, numHeads, e / numHeads]), 1, 2);
    };
    const bias = (i: number): Tensor | null =>
      this.in_proj_bias === null ? null : narrow(this.in_proj_bias, 0, i * e, e);
    const joint = this.in_proj_weight;
    if (joint !== null && query === key && key === value) {
      const all = linear(query, joint, this.in_proj_bias);
      return [0, 1, 2].map((i) => heads(narrow(all, 2, i * e, e))) as [Tensor, Tensor, Tensor];
    }
    const own = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    return [query, key, value].map((t, i) => {
      const weight = joint === null ? (own[i] as Parameter) : narrow(joint, 0, i * e, e);
      return heads(linear(t, weight, bias(i)));
    }) as [Tensor, Tensor, Tensor];
  }

  /** Both masks as one for [batch, heads, S, T]: a bool one where true takes part, or numbers to add. */
  #mask({ attnMask, keyPaddingMask }: AttendOptions, batch: number): Tensor | null {
    const name = 'MultiheadAttention';
    const masks: Tensor[] = [];
    if (attnMask != null) {
      requireTensor(name, attnMask, 'attnMask');
      if (attnMask.rank === 3) {
        if (attnMask.shape[0] !== batch * this.numHeads)
          throw shapeError(
            name,
            `attnMask: wanted [${batch * this.numHeads}, S, T], got [${attnMask.shape.join(', ')}]`,
          );
        masks.push(reshape(attnMask, [batch, this.numHeads, ...attnMask.shape.slice(1)]));
      } else if (attnMask.rank === 2) masks.push(attnMask);
      else
        throw shapeError(name, `attnMask: wanted [S, T] or [batch · heads, S, T], got [${attnMask.shape.join(', ')}]`);
    }
    if (keyPaddingMask != null) {
      requireTensor(name, keyPaddingMask, 'keyPaddingMask');
      if (keyPaddingMask.rank !== 2 || keyPaddingMask.shape[0] !== batch)
        throw shapeError(name, `keyPaddingMask: wanted [${batch}, T], got [${keyPaddingMask.shape.join(', ')}]`);
      masks.push(unsqueeze(unsqueeze(keyPaddingMask, 1), 1));
    }
    const dtype = this.out_proj.weight.dtype;
    for (const each of masks)
      if (each.dtype !== 'bool' && each.dtype !== dtype)
        throw dtypeError(name, `masks must be bool or ${dtype}, got ${each.dtype}`);
    const [first, second] = masks;
    if (first === undefined) return null;
    if (second === undefined) return first.dtype === 'bool' ? eq(first, 0) : first;
    return add(added(first, dtype), added(second, dtype));
  }

  protected override options(): string {
    return `${this.embedDim}, ${this.numHeads}`;
  }
}

/** A mask of what is left out as numbers to add. */
function added(mask: Tensor, dtype: Tensor['dtype']): Tensor {
  return mask.dtype === 'bool' ? where(mask, full([], -Infinity, { dtype, device: mask.device }), 0) : mask;
}

/** The weights averaged over the heads. */
function meanWeights(q: Tensor, k: Tensor, mask: Tensor | null, isCausal: boolean): Tensor {
  const [rows, keys] = [q.shape[2] as number, k.shape[2] as number];
  let scores = mul(matmul(q, transpose(k)), 1 / Math.sqrt(q.shape[3] as number));
  if (mask !== null) scores = mask.dtype === 'bool' ? where(mask, scores, -Infinity) : add(scores, mask);
  if (isCausal) {
    const place = { device: q.device };
    scores = where(arange(keys, place).le(unsqueeze(arange(rows, place), 1)), scores, -Infinity);
  }
  return mean(softmax(scores), 1);
}
