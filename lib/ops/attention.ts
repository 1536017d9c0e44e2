import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { BackwardContext, Gradients } from '../autograd/tape.ts';
import type { Generator } from '../core/generator.ts';
import { castTensor, widen } from '../autograd/precision.ts';
import { computeDtype } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, formatShape, numelOf, sameShape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import type { AttentionParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import { attentionWeights, distances, dropWeights, gatherHeads, spreadHeads } from './attention-weights.ts';
import { add, mul, sub } from './binary.ts';
import { contiguous } from './cast.ts';
import { take } from './random-shared.ts';
import { matmul } from './matmul.ts';
import { sumOver, sumTo } from './reduce.ts';
import { broadcastView, requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { broadcastTo, reshape, transpose, unsqueeze } from './view.ts';

export interface AttentionOptions {
  /** [..., S, T], broadcast over the leading axes: bool (true takes part), or numbers added to the scores. */
  readonly mask?: Tensor | null | undefined;
  /** Query i sees keys 0 to i, as PyTorch counts them. */
  readonly isCausal?: boolean | undefined;
  /** Probability of a weight to become 0; the others are scaled by 1 / (1 − p). */
  readonly dropout?: number | undefined;
  readonly generator?: Generator | undefined;
  /** Factor of the scores; 1 / √D when omitted. */
  readonly scale?: number | undefined;
  /** Allow fewer key heads than query heads (axis −3): each serves a group of neighbours (Ainslie 2023). */
  readonly enableGqa?: boolean | undefined;
  /** `[heads]`: slopes of the bias −slope · |i − j| (ALiBi, Press 2022). */
  readonly alibi?: Tensor | null | undefined;
  /** Query i sees keys i − left to i + right only; −1 is no bound. */
  readonly window?: readonly [left: number, right: number] | undefined;
  /** Give [result, log-sum-exp of each row of scores] instead of the result. */
  readonly returnLse?: boolean | undefined;
}

/**
 * Which of heads and positions comes first in the result, and in the gradients of q, k and v, as they lie in memory: that of q,
 * so that taking heads apart and putting them together again copies nothing.
 */
type Order = 'heads' | 'positions';

const orderOf = (t: Tensor): Order =>
  (t.shape[1] as number) > 1 && (t.strides[1] as number) < (t.strides[2] as number) ? 'positions' : 'heads';

/** [B, S, H, D] as [B, H, S, D] and back. */
const exchanged = (t: Tensor): KernelView => {
  const swap = ([b, x, y, ...rest]: Shape): Shape => [b as number, y as number, x as number, ...rest];
  return { storage: t.storage, offset: t.offset, shape: swap(t.shape), strides: swap(t.strides), dtype: t.dtype };
};

/** Room for the gradient of `t`. */
const roomFor = (t: Tensor, order: Order): Tensor => {
  const { queue } = t.storage;
  if (order === 'heads') return emptyTensor(t.shape, t.dtype, queue);
  return transpose(emptyTensor(exchanged(t).shape, t.dtype, queue), 1, 2);
};

type Arguments = [
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  slopes: Tensor | null,
  used: Tensor | null,
  p: AttentionParams,
  order: Order,
];

/** The gradients in ops, with [B, H, S, T] numbers between: for second derivatives, and for gradients of a mask. */
function composedGradients(ctx: BackwardContext<Arguments>, ...from: [dy: Tensor, dLse: Tensor]): Gradients {
  const [q, k, v, mask, slopes, used, p, order, dOut, dLse] = widen([...ctx.args, ...from]) as [
    ...Arguments,
    Tensor,
    Tensor,
  ];
  const dy = order === 'heads' ? dOut : transpose(dOut, 1, 2);
  const [heads, keyHeads] = [q.shape[1] as number, k.shape[1] as number];
  const [keys, values] = [spreadHeads(k, heads), spreadHeads(v, heads)];
  const weights = attentionWeights(q, keys, mask, slopes, p);
  const dWeights = dropWeights(matmul(dy, transpose(values)), used, p.dropout);
  const rowSums = sumOver(mul(weights, dWeights), [3], true);
  const dScores = mul(weights, add(sub(dWeights, rowSums), unsqueeze(dLse, 3)));
  const gradients = [
    ctx.needs(0) ? mul(matmul(dScores, keys), p.scale) : null,
    ctx.needs(1) ? gatherHeads(mul(matmul(transpose(dScores), q), p.scale), keyHeads) : null,
    ctx.needs(2) ? gatherHeads(matmul(transpose(dropWeights(weights, used, p.dropout)), dy), keyHeads) : null,
    mask !== null && ctx.needs(3) ? sumTo(dScores, mask.shape) : null,
    slopes !== null && ctx.needs(4)
      ? sumOver(mul(dScores, distances(q, k.shape[2] as number)), [0, 2, 3], false)
      : null,
  ];
  return [...gradients.map((each) => each && castTensor(each, ctx.args[0].dtype)), null, null, null];
}

const maskView = (mask: Tensor | null, q: Tensor, k: Tensor) =>
  mask === null ? null : broadcastView('attention', mask, [...q.shape.slice(0, 3), k.shape[2] as number]);

/** Over [B, H, S, D]: everything checked. */
const attentionOp: Op<Arguments, [Spec, Spec]> = defineOp<Arguments, [Spec, Spec]>({
  name: 'scaledDotProductAttention',
  autocast: 'lower',
  row: 'attention',
  infer: (q, _k, v, _mask, _slopes, _used, _p, order) => {
    const [b, h, s] = q.shape as [number, number, number];
    const width = v.shape[3] as number;
    return [
      { shape: order === 'heads' ? [b, h, s, width] : [b, s, h, width], dtype: q.dtype },
      { shape: [b, h, s], dtype: computeDtype[q.dtype] },
    ];
  },
  forward: (ctx, q, k, v, mask, slopes, used, p, order) => {
    const out = order === 'heads' ? ctx.out : exchanged(ctx.out);
    kernels.attention(out, ctx.outputs[1] as Tensor, q, k, v, maskView(mask, q, k), slopes, used, p);
  },
  backward: (ctx, dy, dLse) => composedGradients(ctx, dy, dLse as Tensor),
  fastBackward: (ctx, dy, dLse) => {
    const [q, k, v, mask, slopes, used, p, order] = ctx.args;
    if (ctx.needs(3) || ctx.needs(4)) return composedGradients(ctx, dy, dLse as Tensor);
    const [dq, dk, dv] = [q, k, v].map((t) => roomFor(t, order)) as [Tensor, Tensor, Tensor];
    const [out, lse] = ctx.outputs as [Tensor, Tensor];
    const view = maskView(mask, q, k);
    // The kernel reads rows of dy once for each block of keys: broadcast ones are laid out first.
    const rows = dy.strides[3] === 1 ? dy : contiguous(dy);
    const [y, dOut] = order === 'heads' ? [out, rows] : [exchanged(out), exchanged(rows)];
    kernels.attentionGrad(dq, dk, dv, q, k, v, y, lse, dOut, dLse as Tensor, view, slopes, used, p);
    return [dq, dk, dv, null, null, null, null, null];
  },
  savesOutputs: [0, 1],
});

const name = 'scaledDotProductAttention';

function checkBound(what: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= -1 && value < 2 ** 31) return value;
  throw argumentError(name, `window's ${what} must be an integer ≥ -1, got ${formatValue(value)}`);
}

/** Which keys a query sees, from isCausal and window. */
function boundsOf(isCausal: unknown, window: unknown): { left: number; right: number } {
  if (typeof isCausal !== 'boolean')
    throw argumentError(name, `isCausal must be true or false, got ${formatValue(isCausal)}`);
  if (!Array.isArray(window) || window.length !== 2)
    throw argumentError(name, `window must be [left, right], got ${formatValue(window)}`);
  return { left: checkBound('left', window[0]), right: isCausal ? 0 : checkBound('right', window[1]) };
}

/** [..., H, S, D] as [B, H, S, D], its leading axes broadcast to `lead`. */
function fourAxes(t: Tensor, lead: Shape): Tensor {
  const shape = [...lead, ...t.shape.slice(-3)];
  const wide = sameShape(t.shape, shape) ? t : broadcastTo(t, shape);
  return t.rank === 4 && wide === t ? t : reshape(wide, [numelOf(lead), ...t.shape.slice(-3)]);
}

function checkInputs(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null, alibi: Tensor | null): void {
  for (const [label, t] of Object.entries({ q, k, v })) requireTensor(name, t, label);
  if (mask !== null) requireTensor(name, mask, 'mask');
  if (alibi !== null) requireTensor(name, alibi, 'alibi');
  checkArguments(name, [q, k, v, mask, alibi]);
  requireFloat(name, q, 'q');
  requireSameDtype(name, q, k);
  requireSameDtype(name, q, v);
  const shapes = `q ${formatShape(q.shape)}, k ${formatShape(k.shape)}, v ${formatShape(v.shape)}`;
  if (q.rank < 2 || k.rank < 2 || v.rank < 2)
    throw shapeError(name, `wants q [..., S, D], k [..., T, D], v [..., T, Dv], got ${shapes}`);
  if (q.shape.at(-1) !== k.shape.at(-1)) throw shapeError(name, `q and k must have the same last size, got ${shapes}`);
  if (k.shape.at(-2) !== v.shape.at(-2)) throw shapeError(name, `k and v must have as many rows, got ${shapes}`);
  if (mask !== null && mask.dtype !== 'bool' && mask.dtype !== q.dtype)
    throw dtypeError(name, `mask must be bool or ${q.dtype}, got ${mask.dtype}`);
  if (alibi !== null) requireSameDtype(name, q, alibi);
}

/**
 * softmax(q · kᵀ · scale + bias) · v, by blocks with an online softmax (FlashAttention, Dao 2022 and 2023): S × T numbers
 * never exist at one time, neither here nor in the gradient. Second derivatives, and gradients of a mask or of ALiBi's
 * slopes, do make them. A query that sees no key gives zeros, and no gradient.
 * @param q - [..., S, D]
 * @param k - [..., T, D]; leading axes of the three broadcast
 * @param v - [..., T, Dv]
 * @returns [..., S, Dv], or with returnLse [that, [..., S]]
 * @throws ERR_SHAPE, ERR_DTYPE or ERR_ARGUMENT when inputs or options do not fit together
 * @example
 * const x = ones([2, 4, 8]); // [heads, positions, features]
 * scaledDotProductAttention(x, x, x, { isCausal: true }).shape; // [2, 4, 8]
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions & { readonly returnLse: true },
): [result: Tensor, lse: Tensor];
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options?: AttentionOptions): Tensor;
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor | [Tensor, Tensor] {
  checkOptions(name, options);
  const { dropout = 0, generator, enableGqa = false, returnLse = false, isCausal = false, window = [-1, -1] } = options;
  const mask = options.mask ?? null;
  const alibi = options.alibi ?? null;
  checkInputs(q, k, v, mask, alibi);
  const scale = options.scale ?? 1 / Math.sqrt(Math.max(q.shape.at(-1) as number, 1));
  if (typeof scale !== 'number' || !Number.isFinite(scale))
    throw argumentError(name, `scale must be a finite number, got ${formatValue(scale)}`);
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    throw argumentError(name, `dropout must be in [0, 1), got ${formatValue(dropout)}`);
  const bounds = boundsOf(isCausal, window);
  return tidy(() => {
    const [q3, k3, v3] = [q, k, v].map((t) => (t.rank === 2 ? unsqueeze(t, 0) : t)) as [Tensor, Tensor, Tensor];
    const lead = [q3, k3, v3].map((t): Shape => t.shape.slice(0, -3)).reduce((a, b) => broadcastShapes(name, a, b));
    const own = [q3, k3, v3].map((t) => t.shape.at(-3) as number) as [number, number, number];
    const keyHeads = broadcastShapes(name, [own[1]], [own[2]])[0] as number;
    const heads = enableGqa ? own[0] : (broadcastShapes(name, [own[0]], [keyHeads])[0] as number);
    if (enableGqa && (keyHeads === 0 || heads % keyHeads !== 0))
      throw shapeError(name, `enableGqa wants query heads that key heads divide, got ${heads} and ${keyHeads}`);
    const withHeads = (t: Tensor, count: number): Tensor =>
      t.shape.at(-3) === count ? t : broadcastTo(t, t.shape.with(t.rank - 3, count));
    const each = enableGqa ? keyHeads : heads;
    const [q4, k4, v4] = [withHeads(q3, heads), withHeads(k3, each), withHeads(v3, each)].map((t) =>
      fourAxes(t, lead),
    ) as [Tensor, Tensor, Tensor];
    const [rows, keys] = [q.shape.at(-2) as number, k.shape.at(-2) as number];
    const mask4 = mask === null ? null : fullMask(mask, [...lead, heads, rows, keys]);
    if (alibi !== null && (alibi.rank !== 1 || alibi.size !== heads))
      throw shapeError(name, `alibi must be [${heads}], got ${formatShape(alibi.shape)}`);
    const weights = numelOf(lead) * heads * rows * keys;
    const perCounter = q.dtype === 'float64' ? 2 : 4;
    const used = dropout === 0 ? null : take(name, generator, q, Math.ceil(weights / perCounter));
    const params = { scale, dropout, ...bounds };
    const order = orderOf(q4);
    const [made, lse] = attentionOp(q4, k4, v4, mask4, alibi, used, params, order) as [Tensor, Tensor];
    const out = order === 'heads' ? made : transpose(made, 1, 2);
    const flat = Math.max(q.rank, k.rank, v.rank) === 2;
    const shape = [...lead, ...(flat ? [] : [heads]), rows];
    const result = reshape(out, [...shape, v.shape.at(-1) as number]);
    return returnLse ? [result, castTensor(reshape(lse, shape), result.dtype)] : result;
  });
}

/** The mask over [B, H, S, T], axes of size 1 left as they are where the lead allows it. */
function fullMask(mask: Tensor, shape: Shape): Tensor {
  if (!sameShape(broadcastShapes(name, mask.shape, shape), shape))
    throw shapeError(name, `mask must broadcast to ${formatShape(shape)}, got ${formatShape(mask.shape)}`);
  if (mask.rank <= 4 && shape.length <= 4) {
    const ones = new Array<number>(4 - mask.rank).fill(1);
    return mask.rank === 4 ? mask : reshape(mask, [...ones, ...mask.shape]);
  }
  return reshape(broadcastTo(mask, shape), [numelOf(shape.slice(0, -3)), ...shape.slice(-3)]);
}
