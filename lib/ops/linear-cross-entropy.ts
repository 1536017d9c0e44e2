import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { arange, zerosLike } from './creation.ts';
import { add_ } from './inplace.ts';
import { cat } from './join.ts';
import type { ClassLossOptions } from './loss.ts';
import { crossEntropyRows, reduceClassLosses } from './loss-rows.ts';
import { reductionOf, requireNumber, requireOperands } from './loss-shared.ts';
import { linear, matmul } from './matmul.ts';
import { sumOver } from './reduce.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { softmaxRows } from './softmax.ts';
import { narrow, reshape, transpose, unsqueeze } from './view.ts';

export interface LinearCrossEntropyOptions extends Omit<ClassLossOptions, 'weight'> {
  /** Added to the logits: [C]. */
  readonly bias?: Tensor | null | undefined;
  /** Rows whose logits exist at one time; by default as many as make about a million logits. */
  readonly chunkRows?: number | undefined;
}

/** x [M, D], weight [C, D], bias [C] or null, labels [M] → losses [M]; no more than `chunk` rows of logits exist. */
const linearCrossEntropyOp = defineOp({
  name: 'linearCrossEntropy',
  forward: (_ctx, x: Tensor, weight: Tensor, bias: Tensor | null, labels: Tensor, ignore: number, chunk: number) =>
    cat(
      chunksOf(x, chunk).map(([start, count]) =>
        tidy(() => {
          const logits = linear(narrow(x, 0, start, count), weight, bias);
          return crossEntropyRows(logits, narrow(labels, 0, start, count), ignore);
        }),
      ),
    ),
  backward: (ctx, dLosses) => {
    const [x, weight, bias, labels, ignore] = ctx.args;
    const logits = linear(x, weight, bias);
    const counted = castTo(ne(labels, ignore), x.dtype);
    const classes = arange(weight.shape[0] as number, { dtype: 'int32', device: x.device });
    const target = castTo(eq(unsqueeze(labels, 1), classes), x.dtype);
    const dLogits = mul(sub(softmaxRows(logits), target), unsqueeze(mul(dLosses, counted), 1));
    const dBias = bias === null ? null : sumOver(dLogits, [0], false);
    return [matmul(dLogits, weight), matmul(transpose(dLogits), x), dBias, null, null, null];
  },
  fastBackward: (ctx, dLosses) => {
    const [x, weight, bias, labels, ignore, chunk] = ctx.args;
    const dWeight = zerosLike(weight);
    const dBias = bias === null ? null : zerosLike(bias);
    const parts = chunksOf(x, chunk).map(([start, count]) =>
      tidy(() => {
        const rows = narrow(x, 0, start, count);
        const own = narrow(labels, 0, start, count);
        const logits = linear(rows, weight, bias);
        const dLogits = logitGradient(logits, own, narrow(dLosses, 0, start, count), ignore);
        withContextSync({ gradMode: false }, () => {
          add_(dWeight, matmul(transpose(dLogits), rows));
          if (dBias !== null) add_(dBias, sumOver(dLogits, [0], false));
        });
        return matmul(dLogits, weight);
      }),
    );
    return [cat(parts), dWeight, dBias, null, null, null];
  },
  saves: [0, 1, 2, 3],
});

/** (softmax(logits) − one-hot) · dLosses by the fused kernel. */
function logitGradient(logits: Tensor, labels: Tensor, dLosses: Tensor, ignore: number): Tensor {
  const { queue } = dLosses.storage;
  const losses = emptyTensor(labels.shape, logits.dtype, queue);
  const sums = emptyTensor(labels.shape, logits.dtype, queue);
  kernels.crossEntropy(losses, sums, logits, labels, ignore);
  const dLogits = emptyTensor(logits.shape, logits.dtype, queue);
  kernels.crossEntropyGrad(dLogits, logits, sums, labels, dLosses, ignore);
  return dLogits;
}

/** [start, count] of each piece of the rows; one empty piece when there are none. */
function chunksOf(x: Tensor, chunk: number): [number, number][] {
  const rows = x.shape[0] as number;
  const count = Math.max(1, Math.ceil(rows / chunk));
  return Array.from({ length: count }, (_, i) => [i * chunk, Math.min(chunk, rows - i * chunk)]);
}

/**
 * crossEntropy(linear(x, weight, bias), labels) that never holds all logits: rows go through in chunks, and backward
 * computes each chunk's logits again. For large vocabularies, where the logits would be most of the memory.
 * @param x - [..., D]
 * @param weight - [C, D]
 * @param labels - [...] int32, int64 or uint8
 * @returns one number, or with reduction 'none' the shape of labels
 * @example
 * linearCrossEntropy(ones([2, 3]), zeros([4, 3]), tensor([0, 3], { dtype: 'int32' })); // 1.3863
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  labels: Tensor,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  if (anyHalf(x, weight)) return inFloat32(linearCrossEntropy, x, weight, labels, options);
  const op = 'linearCrossEntropy';
  const reduction = reductionOf(op, options);
  const { bias = null, ignoreIndex = -100 } = options;
  requireOperands(op, { x, weight, bias }, ['bias']);
  requireTensor(op, labels, 'labels');
  requireIntegers(op, labels, 'labels');
  checkArguments(op, [x, labels]);
  if (!Number.isSafeInteger(ignoreIndex)) {
    throw argumentError(op, `ignoreIndex must be an integer, got ${formatValue(ignoreIndex)}`);
  }
  const width = x.shape.at(-1);
  if (weight.rank !== 2 || width === undefined || weight.shape[1] !== width) {
    throw shapeError(
      op,
      `x [..., D] and weight [C, D] do not fit: ${formatShape(x.shape)}, ${formatShape(weight.shape)}`,
    );
  }
  const classes = weight.shape[0] as number;
  if (bias !== null && !sameShape(bias.shape, [classes])) {
    throw shapeError(op, `bias must be [${classes}], got ${formatShape(bias.shape)}`);
  }
  if (!sameShape(labels.shape, x.shape.slice(0, -1))) {
    throw shapeError(op, `labels must be ${formatShape(x.shape.slice(0, -1))}, got ${formatShape(labels.shape)}`);
  }
  const { chunkRows = Math.max(64, Math.floor(2 ** 20 / Math.max(1, classes))) } = options;
  requireNumber(op, 'chunkRows', chunkRows, 1);
  return tidy(() => {
    const flat = reshape(labels, [labels.size]);
    const rows = reshape(x, [labels.size, width]);
    const losses = linearCrossEntropyOp(rows, weight, bias, flat, ignoreIndex, Math.floor(chunkRows)) as Tensor;
    return reduceClassLosses(losses, flat, labels, reduction, ignoreIndex);
  });
}
