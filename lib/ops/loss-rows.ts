// Classification losses by rows: the fused cross-entropy of [N, C] logits, and which rows count how much.
import { shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
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
    return [rowSlopes(logits, labels, ignoreIndex, dLosses), null, null];
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

/** The slope of each row's loss: softmax less the label's class, 0 where a row is ignored. */
function rowSlopes(logits: Tensor, labels: Tensor, ignoreIndex: number, dLosses: Tensor): Tensor {
  const counted = castTo(ne(labels, ignoreIndex), logits.dtype);
  const classes = arange(logits.shape[1] as number, { dtype: 'int32', device: logits.device });
  const target = castTo(eq(unsqueeze(labels, 1), classes), logits.dtype);
  return mul(sub(softmaxRows(logits), target), unsqueeze(mul(dLosses, counted), 1));
}

/** The mean of the losses that count, with logSumExp and how many do: one op, because small batches cost little else. */
const meanCrossEntropyOp = defineOp({
  name: 'meanCrossEntropy',
  autocast: 'float32',
  infer: (logits: Spec, _labels: Spec, _ignoreIndex: number): readonly [Spec, Spec, Spec] => [
    { shape: [], dtype: logits.dtype },
    { shape: [logits.shape[0] as number], dtype: logits.dtype },
    { shape: [], dtype: 'int64' },
  ],
  forward: (ctx, logits, labels, ignoreIndex) => {
    const [loss, sums, count] = ctx.outputs as [Tensor, Tensor, Tensor];
    const { queue } = loss.storage;
    const losses = emptyTensor(sums.shape, loss.dtype, queue);
    const counted = emptyTensor(sums.shape, 'bool', queue);
    kernels.crossEntropy(losses, sums, logits, labels, ignoreIndex);
    kernels.ne(counted, labels, ignoreIndex);
    kernels.sum(whole(count), counted);
    kernels.sum(whole(loss), losses);
    kernels.div(loss, loss, count);
    losses.dispose();
    counted.dispose();
  },
  backward: (ctx, dLoss) => {
    const [logits, labels, ignoreIndex] = ctx.args;
    const each = div(dLoss, castTo(ctx.outputs[2] as Tensor, logits.dtype));
    return [rowSlopes(logits, labels, ignoreIndex, each), null, null];
  },
  fastBackward: (ctx, dLoss) => {
    const [logits, labels, ignoreIndex] = ctx.args;
    const [, sums, count] = ctx.outputs as [Tensor, Tensor, Tensor];
    const { queue } = dLoss.storage;
    const dLosses = emptyTensor(sums.shape, logits.dtype, queue);
    const dLogits = emptyTensor(logits.shape, logits.dtype, queue);
    kernels.div(dLosses, repeated(dLoss, sums.shape), repeated(count, sums.shape));
    kernels.crossEntropyGrad(dLogits, logits, sums, labels, dLosses, ignoreIndex);
    dLosses.dispose();
    return [dLogits, null, null];
  },
  saves: [0, 1],
  savesOutputs: [1, 2],
});

/** One number in every place of a shape. */
const repeated = ({ storage, offset, dtype }: Tensor, shape: Shape): KernelView => ({
  storage,
  offset,
  shape,
  strides: shape.map(() => 0),
  dtype,
});
/** A number as the sum of a vector wants it: with the axis it had. */
const whole = (t: Tensor): KernelView => repeated(t, [1]);

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
  /** Which rows do not have the ignored label; null: all count. */
  readonly counted: Tensor | null;
  /** What each row counts: its class's weight, or 1, and 0 where it is ignored. Null: all count 1. */
  readonly factor: Tensor | null;
}

/** A uint8 label cannot be negative, so with the default ignoreIndex every row counts. */
const neverIgnored = (labels: Tensor, ignoreIndex: number): boolean =>
  labels.dtype === 'uint8' && (ignoreIndex < 0 || ignoreIndex > 255);

export function countRows(
  flat: Tensor,
  ignoreIndex: number,
  weight: Tensor | null | undefined,
  like: Tensor,
): CountedRows {
  if (neverIgnored(flat, ignoreIndex)) {
    return { counted: null, factor: weight == null ? null : index(weight, flat) };
  }
  const counted = ne(flat, ignoreIndex);
  const ones = castTo(counted, like.dtype);
  return { counted, factor: weight == null ? ones : mul(ones, index(weight, where(counted, flat, 0))) };
}

/** The mean loss of rows of logits over labels that are not ignored, everything checked. */
export function meanCrossEntropyRows(rows: Tensor, labels: Tensor, ignoreIndex: number): Tensor {
  if (neverIgnored(labels, ignoreIndex)) return mean(crossEntropyRows(rows, labels, ignoreIndex));
  return (meanCrossEntropyOp(rows, labels, ignoreIndex) as [Tensor, Tensor, Tensor])[0];
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
