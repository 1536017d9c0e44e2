// Classification losses by rows: the fused cross-entropy of [N, C] logits, and which rows count how much.
import { shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { arange } from './creation.ts';
import { index } from './index-select.ts';
import type { Reduction } from './loss-shared.ts';
import { mean, sum } from './reduce.ts';
import { requireFloat, requireIntegers, requireTensor } from './shared.ts';
import { softmaxRows } from './softmax.ts';
import { permute, reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

/** Rows of logits [N, C] and labels [N]: losses, and the logSumExp the fused gradient needs. */
const crossEntropyOp = defineOp({
  name: 'crossEntropy',
  autocast: 'float32',
  infer: (logits: Spec, _labels: Spec, _ignoreIndex: number): readonly [Spec, Spec] => {
    const each: Spec = { shape: [logits.shape[0] as number], dtype: logits.dtype };
    return [each, each];
  },
  forward: (ctx, logits, labels, ignoreIndex) => {
    kernels.crossEntropy(ctx.out, ctx.outputs[1] as Tensor, logits, labels, ignoreIndex);
  },
  backward: (ctx, dLosses) => {
    const [logits, labels, ignoreIndex] = ctx.args;
    const counted = castTo(ne(labels, ignoreIndex), logits.dtype);
    const classes = arange(logits.shape[1] as number, { dtype: 'int32', device: logits.device });
    const target = castTo(eq(unsqueeze(labels, 1), classes), logits.dtype);
    const dRows = unsqueeze(mul(dLosses, counted), 1);
    return [mul(sub(softmaxRows(logits), target), dRows), null, null];
  },
  fastBackward: (ctx, dLosses) => {
    const [logits, labels, ignoreIndex] = ctx.args;
    const dLogits = emptyTensor(logits.shape, logits.dtype, dLosses.storage.queue);
    kernels.crossEntropyGrad(dLogits, logits, ctx.outputs[1] as Tensor, labels, dLosses, ignoreIndex);
    return [dLogits, null, null];
  },
  saves: [0, 1],
  savesOutputs: [1],
});

/** Scores [N, C, ...] as rows [M, C] and labels [N, ...] as [M]. */
export function classRows(op: string, scores: Tensor, labels: Tensor): { rows: Tensor; flat: Tensor } {
  requireTensor(op, scores, 'scores');
  requireTensor(op, labels, 'labels');
  checkArguments(op, [scores, labels]);
  requireFloat(op, scores, 'scores');
  requireIntegers(op, labels, 'labels');
  const wanted = scores.rank === 1 ? [] : [scores.shape[0] as number, ...scores.shape.slice(2)];
  if (scores.rank === 0 || !sameShape(labels.shape, wanted)) {
    throw shapeError(
      op,
      `scores ${formatShape(scores.shape)} want labels ${formatShape(wanted)}, got ${formatShape(labels.shape)}`,
    );
  }
  if (scores.rank === 1) return { rows: unsqueeze(scores, 0), flat: reshape(labels, [1]) };
  if (scores.rank === 2) return { rows: scores, flat: labels };
  const order = [0, ...scores.shape.slice(2).map((_, i) => i + 2), 1];
  const last = permute(scores, order);
  return { rows: reshape(last, [labels.size, scores.shape[1] as number]), flat: reshape(labels, [labels.size]) };
}

/** Sum, mean over the rows that count, or the losses in the shape of the labels. */
export function reduceRows(losses: Tensor, rows: CountedRows, labels: Tensor, reduction: Reduction): Tensor {
  if (reduction === 'none') return reshape(losses, labels.shape);
  if (reduction === 'sum') return sum(losses);
  return rows.factor === null ? mean(losses) : div(sum(losses), sum(rows.factor));
}

export interface CountedRows {
  /** Labels with 0 in place of those that are ignored. */
  readonly safe: Tensor;
  /** What each row counts: its class's weight, or 1, and 0 where it is ignored. Null: all count 1. */
  readonly factor: Tensor | null;
}

export function countRows(
  flat: Tensor,
  ignoreIndex: number,
  weight: Tensor | null | undefined,
  like: Tensor,
): CountedRows {
  // A uint8 label cannot be negative, so with the default ignoreIndex every row counts.
  if (flat.dtype === 'uint8' && (ignoreIndex < 0 || ignoreIndex > 255)) {
    return { safe: flat, factor: weight == null ? null : index(weight, flat) };
  }
  const counted = ne(flat, ignoreIndex);
  const safe = where(counted, flat, 0);
  const ones = castTo(counted, like.dtype);
  return { safe, factor: weight == null ? ones : mul(ones, index(weight, safe)) };
}

/** Losses [N] of rows of logits, everything checked. */
export function crossEntropyRows(rows: Tensor, labels: Tensor, ignoreIndex: number): Tensor {
  return (crossEntropyOp(rows, labels, ignoreIndex) as [Tensor, Tensor])[0];
}

/** Losses [N] by rows as `reduction` wants them. */
export function reduceClassLosses(
  losses: Tensor,
  flat: Tensor,
  labels: Tensor,
  reduction: Reduction,
  ignoreIndex: number,
): Tensor {
  return reduceRows(losses, countRows(flat, ignoreIndex, null, losses), labels, reduction);
}
