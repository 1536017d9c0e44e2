import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, shapeError } from '../errors.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { logaddexp } from './arithmetic.ts';
import { add, div, maximum, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, gt, lt, ne } from './compare.ts';
import { arange, full } from './creation.ts';
import { gather } from './gather.ts';
import { cat, stack } from './join.ts';
import { logicalAnd } from './logic.ts';
import type { LossOptions } from './loss-shared.ts';
import { reduceLoss, reductionOf, requireOperands } from './loss-shared.ts';
import { mean } from './reduce.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { neg } from './unary.ts';
import { expand, narrow, reshape, select, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface CtcOptions extends LossOptions {
  /** The class that stands for no label. */
  readonly blank?: number | undefined;
  /** Gives 0, with gradient 0, where no alignment fits instead of Infinity. */
  readonly zeroInfinity?: boolean | undefined;
}

/** How many of a sample's steps or labels count: host numbers, or integers [N] on the device. */
export type Lengths = readonly number[] | Tensor;

// Stands for log 0: finite, so that logaddexp of two of them has a gradient.
const never = -1e30;

/**
 * −log of the probability of `targets` summed over all alignments with blanks, Connectionist Temporal Classification
 * (Graves et al. 2006), by the forward recursion in logarithms: one step of whole-batch ops for each time.
 * @param logProbs - log-probabilities [T, N, C] (or [T, C])
 * @param targets - labels [N, S] (or [S]), integers in [0, C) other than blank; those behind a sample's length are ignored
 * @param inputLengths - steps of each sample, at most T
 * @param targetLengths - labels of each sample, at most S
 * @returns one number (the mean of losses divided by their lengths, as PyTorch), or with reduction 'none' [N]
 * @example
 * const even = full([3, 1, 2], Math.log(0.5)); // 6 of the 8 paths of length 3 spell the label 1
 * ctcLoss(even, tensor([[1]], { dtype: 'int32' }), [3], [1], { reduction: 'sum' }); // 0.2877
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths,
  targetLengths: Lengths,
  options: CtcOptions = {},
): Tensor {
  if (anyHalf(logProbs)) return inFloat32(ctcLoss, logProbs, targets, inputLengths, targetLengths, options);
  const op = 'ctcLoss';
  const reduction = reductionOf(op, options);
  const { blank = 0, zeroInfinity = false } = options;
  requireOperands(op, { logProbs });
  requireTensor(op, targets, 'targets');
  requireIntegers(op, targets, 'targets');
  if (logProbs.rank !== 2 && logProbs.rank !== 3) {
    throw shapeError(op, `logProbs must be [T, N, C] or [T, C], got ${formatShape(logProbs.shape)}`);
  }
  const single = logProbs.rank === 2;
  if (targets.rank !== logProbs.rank - 1) {
    throw shapeError(op, `targets must be ${single ? '[S]' : '[N, S]'}, got ${formatShape(targets.shape)}`);
  }
  return tidy(() => {
    const scores = single ? unsqueeze(logProbs, 1) : logProbs;
    const labels = single ? unsqueeze(targets, 0) : targets;
    const [steps, count, classes] = scores.shape as readonly [number, number, number];
    const most = labels.shape[1] as number;
    if (labels.shape[0] !== count) {
      throw shapeError(op, `targets must have ${count} rows, got ${formatShape(targets.shape)}`);
    }
    if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
      throw argumentError(op, `blank must be an integer in [0, ${classes}), got ${formatValue(blank)}`);
    }
    if (steps === 0) throw shapeError(op, 'wants at least one step, got T = 0');
    const times = lengthsOf('inputLengths', inputLengths, count, steps, scores);
    const sizes = lengthsOf('targetLengths', targetLengths, count, most, scores);
    const total = alignments(scores, labels, times, sizes, blank);
    const fits = gt(total, never / 2);
    const losses = where(fits, neg(total), zeroInfinity ? 0 : Number.POSITIVE_INFINITY);
    if (reduction !== 'mean')
      return single && reduction === 'none' ? reshape(losses, []) : reduceLoss(losses, reduction);
    return mean(div(losses, maximum(castTo(sizes, losses.dtype), 1)));
  });
}

function lengthsOf(name: string, lengths: Lengths, count: number, most: number, like: Tensor): Tensor {
  if (lengths instanceof Tensor) {
    requireIntegers('ctcLoss', lengths, name);
    if (lengths.rank > 1 || lengths.size !== count) {
      throw shapeError('ctcLoss', `${name} must be [${count}], got ${formatShape(lengths.shape)}`);
    }
    if (lengths.device !== like.device) throw argumentError('ctcLoss', `${name} must be on ${like.device.name}`);
    return reshape(castTo(lengths, 'int32'), [count]);
  }
  if (!Array.isArray(lengths)) throw argumentError('ctcLoss', `${name} must be an array of integers or a tensor`);
  if (lengths.length !== count) throw shapeError('ctcLoss', `${name}: wanted ${count} lengths, got ${lengths.length}`);
  for (const each of lengths) {
    if (!Number.isInteger(each) || each < 0 || each > most) {
      throw argumentError('ctcLoss', `${name}: wanted integers in [0, ${most}], got ${formatValue(each)}`);
    }
  }
  const start = arange(count, { dtype: 'int32', device: like.device });
  return lengths.reduce<Tensor>((all, each, i) => where(eq(start, i), each, all), start);
}

/** log Σ over alignments, [N]: α over the labels with a blank before, between and after them. */
function alignments(scores: Tensor, labels: Tensor, times: Tensor, sizes: Tensor, blank: number): Tensor {
  const [steps, count] = scores.shape as readonly [number, number];
  const { device, dtype } = scores;
  const most = labels.shape[1] as number;
  const states = 2 * most + 1;
  const wide = castTo(labels, 'int32');
  const blanks = full([count, most + 1], blank, { dtype: 'int32', device });
  const pairs = stack([narrow(blanks, 1, 0, most), wide], 2);
  const marks = cat([reshape(pairs, [count, 2 * most]), narrow(blanks, 1, most, 1)], 1);
  const emissions = gather(scores, 2, expand(unsqueeze(marks, 0), [steps, count, states]));
  // A blank may be left out between two labels that differ.
  const before = cat([full([count, 2], blank, { dtype: 'int32', device }), marks], 1);
  const skips = logicalAnd(ne(marks, blank), ne(marks, narrow(before, 1, 0, states)));
  const position = arange(states, { dtype: 'int32', device });
  const gap = full([count, 2], never, { dtype: dtype as 'float32', device });
  let alpha = where(lt(position, 2), select(emissions, 0, 0), never);
  for (let t = 1; t < steps; t++) {
    const padded = cat([gap, alpha], 1);
    const stay = logaddexp(alpha, narrow(padded, 1, 1, states));
    const jump = where(skips, narrow(padded, 1, 0, states), never);
    const next = add(logaddexp(stay, jump), select(emissions, 0, t));
    alpha = where(unsqueeze(gt(times, t), 1), next, alpha);
  }
  // The last label or the blank behind it ends an alignment.
  const last = unsqueeze(mul(sizes, 2), 1);
  const final = gather(alpha, 1, castTo(last, 'int32'));
  const label = where(gt(last, 0), gather(alpha, 1, maximum(add(last, -1), 0)), never);
  const total = reshape(logaddexp(final, label), [count]);
  // No steps at all fit only no labels at all.
  const some = gt(times, 0);
  return where(some, total, where(eq(sizes, 0), 0, never));
}
