// Attention written in ops over whole S × T matrices: what the gradient of attention's gradient is taken of.
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { AttentionParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { castTo, detach } from './cast.ts';
import { le, ne } from './compare.ts';
import { arange } from './creation.ts';
import { matmul } from './matmul.ts';
import { amax, sumOver } from './reduce.ts';
import { softmaxRows } from './softmax.ts';
import { abs, neg } from './unary.ts';
import { expand, reshape, transpose, unsqueeze } from './view.ts';
import { where } from './where.ts';

/** j − i for query i and key j: [S, T] in the dtype of `q`. */
function offsets(q: Tensor, keys: number): Tensor {
  const place = { dtype: q.dtype, device: q.device };
  return sub(arange(keys, place), unsqueeze(arange(q.shape[2] as number, place), 1));
}

/** −|i − j|, what ALiBi's slopes multiply: [S, T]. */
export function distances(q: Tensor, keys: number): Tensor {
  return neg(abs(offsets(q, keys)));
}

/** Each key head repeated for the query heads it serves. */
export function spreadHeads(t: Tensor, heads: number): Tensor {
  const [b, own, rows, columns] = t.shape as [number, number, number, number];
  if (own === heads) return t;
  return reshape(expand(unsqueeze(t, 2), [b, own, heads / own, rows, columns]), [b, heads, rows, columns]);
}

/** The reverse of spreadHeads: sums over the query heads of each key head. */
export function gatherHeads(t: Tensor, own: number): Tensor {
  const [b, heads, rows, columns] = t.shape as [number, number, number, number];
  if (own === heads) return t;
  return sumOver(reshape(t, [b, own, heads / own, rows, columns]), [2], false);
}

/** softmax of the scores [B, H, S, T]; rows without a key are zeros. */
export function attentionWeights(
  q: Tensor,
  k: Tensor,
  mask: Tensor | null,
  slopes: Tensor | null,
  { scale, left, right }: AttentionParams,
): Tensor {
  const keys = k.shape[2] as number;
  let scores = mul(matmul(q, transpose(k)), scale);
  if (keys === 0) return scores;
  if (slopes !== null) scores = add(scores, mul(reshape(slopes, [slopes.size, 1, 1]), distances(q, keys)));
  if (mask !== null) scores = mask.dtype === 'bool' ? where(mask, scores, -Infinity) : add(scores, mask);
  if (left >= 0) scores = where(le(neg(offsets(q, keys)), left), scores, -Infinity);
  if (right >= 0) scores = where(le(offsets(q, keys), right), scores, -Infinity);
  // A row of nothing but −∞ would make NaNs here and in its gradient: it is replaced before and after.
  const seen = ne(amax(detach(scores), { axis: 3, keepdim: true }), -Infinity);
  return where(seen, softmaxRows(where(seen, scores, 0)), 0);
}

/** The same `used` gives the same mask, so this op is its own gradient. */
const dropOp = defineOp({
  name: 'attentionDropout',
  infer: (x: Spec, _used: Spec, _p: number): Spec => x,
  forward: (ctx, x, used, p) => kernels.dropout(ctx.out, x, used, p),
  backward: (ctx, dy): Gradients => [dropOp(dy, ctx.args[1], ctx.args[2]), null, null],
  saves: [1],
});

/** The weights after dropout. */
export function dropWeights(weights: Tensor, used: Tensor | null, p: number): Tensor {
  if (used === null) return weights;
  return dropOp(castTo(weights, weights.dtype), used, p);
}
