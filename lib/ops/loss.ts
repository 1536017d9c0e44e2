import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { arange } from './creation.ts';
import { index } from './index-select.ts';
import { mean, sum, sumOver } from './reduce.ts';
import { requireFloat, requireIntegers, requireTensor } from './shared.ts';
import { logSoftmaxRows, softmaxRows } from './softmax.ts';
import { neg, square } from './unary.ts';
import { permute, reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

/** How the losses of a batch become one result. */
export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  readonly reduction?: Reduction | undefined;
}

export interface ClassLossOptions extends LossOptions {
  /** Rows with this label count for nothing: loss 0, gradient 0, not part of the mean. */
  readonly ignoreIndex?: number | undefined;
}

export interface CrossEntropyOptions extends ClassLossOptions {
  /** Share of the target spread evenly over all classes. */
  readonly labelSmoothing?: number | undefined;
}

function checkReduction(op: string, reduction: unknown): void {
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return;
  throw argumentError(op, `reduction must be 'mean', 'sum' or 'none', got ${formatValue(reduction)}`);
}

/** Rows of logits [N, C] and labels [N]: losses, and the logSumExp the fused gradient needs. */
const crossEntropyOp = defineOp({
  name: 'crossEntropy',
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
function classRows(op: string, scores: Tensor, labels: Tensor): { rows: Tensor; flat: Tensor } {
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
function reduceLosses(losses: Tensor, flat: Tensor, labels: Tensor, reduction: Reduction, ignoreIndex: number): Tensor {
  if (reduction === 'none') return reshape(losses, labels.shape);
  if (reduction === 'sum') return sum(losses);
  // A uint8 label cannot be negative, so with the default ignoreIndex every row counts.
  if (flat.dtype === 'uint8' && (ignoreIndex < 0 || ignoreIndex > 255)) return mean(losses);
  return div(sum(losses), sum(castTo(ne(flat, ignoreIndex), losses.dtype)));
}

function checkIgnore(op: string, ignoreIndex: number): void {
  if (!Number.isSafeInteger(ignoreIndex))
    throw argumentError(op, `ignoreIndex must be an integer, got ${formatValue(ignoreIndex)}`);
}

/**
 * −log softmax(logits)[label], the loss of classification. A label outside [0, C) that is not ignoreIndex is ERR_INDEX when
 * the result is read.
 * @param logits - [N, C, ...] (or [C])
 * @param labels - [N, ...] int32, int64 or uint8
 * @returns one number, or with reduction 'none' the shape of labels
 * @example
 * crossEntropy(tensor([[0, 0]]), tensor([1], { dtype: 'int32' })); // 0.6931
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions('crossEntropy', options);
  const { reduction = 'mean', labelSmoothing = 0, ignoreIndex = -100 } = options;
  checkReduction('crossEntropy', reduction);
  checkIgnore('crossEntropy', ignoreIndex);
  if (typeof labelSmoothing !== 'number' || !(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw argumentError('crossEntropy', `labelSmoothing must be in [0, 1], got ${formatValue(labelSmoothing)}`);
  }
  return tidy(() => {
    const { rows, flat } = classRows('crossEntropy', logits, labels);
    const [sharp] = crossEntropyOp(rows, flat, ignoreIndex) as [Tensor, Tensor];
    if (labelSmoothing === 0) return reduceLosses(sharp, flat, labels, reduction, ignoreIndex);
    const counted = castTo(ne(flat, ignoreIndex), rows.dtype);
    const spread = mul(neg(div(sumOver(logSoftmaxRows(rows), [1], false), rows.shape[1] as number)), counted);
    const losses = add(mul(sharp, 1 - labelSmoothing), mul(spread, labelSmoothing));
    return reduceLosses(losses, flat, labels, reduction, ignoreIndex);
  });
}

/**
 * −logProbs[label]: crossEntropy for scores that are log-probabilities already.
 * @param logProbs - [N, C, ...] (or [C])
 * @param labels - [N, ...] int32, int64 or uint8
 * @returns one number, or with reduction 'none' the shape of labels
 * @example
 * nllLoss(tensor([[-1, -2]]), tensor([1], { dtype: 'int32' })); // 2
 */
export function nllLoss(logProbs: Tensor, labels: Tensor, options: ClassLossOptions = {}): Tensor {
  checkOptions('nllLoss', options);
  const { reduction = 'mean', ignoreIndex = -100 } = options;
  checkReduction('nllLoss', reduction);
  checkIgnore('nllLoss', ignoreIndex);
  return tidy(() => {
    const { rows, flat } = classRows('nllLoss', logProbs, labels);
    const counted = ne(flat, ignoreIndex);
    const classes = arange(rows.shape[1] as number, { dtype: 'int32', device: rows.device });
    // Reading the class numbers at the labels checks their range; ignored rows read class 0.
    const checked = index(classes, where(counted, flat, 0));
    const chosen = eq(unsqueeze(checked, 1), classes);
    const picked = sumOver(where(chosen, rows, 0), [1], false);
    return reduceLosses(where(counted, neg(picked), 0), flat, labels, reduction, ignoreIndex);
  });
}

/**
 * (x − target)², the squared error; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('mseLoss', options);
  const { reduction = 'mean' } = options;
  checkReduction('mseLoss', reduction);
  requireTensor('mseLoss', x);
  requireTensor('mseLoss', target, 'target');
  return tidy(() => {
    const errors = square(sub(x, target));
    if (reduction === 'none') return errors;
    return reduction === 'sum' ? sum(errors) : mean(errors);
  });
}
