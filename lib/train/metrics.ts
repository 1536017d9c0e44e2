import type { Tensor } from '../core/tensor.ts';
import { argmax, cast, eq, mean } from '../ops/index.ts';

/** A number for a batch, rank 0, averaged over the samples; the Trainer weighs batches by their size. */
export type Metric = (output: Tensor, target: Tensor) => Tensor;

/**
 * Share of rows of `logits` [N, C] whose largest entry is at the label [N].
 *
 * @example
 * accuracy(tensor([[1, 0], [1, 0]]), tensor(new Int32Array([0, 1]))); // 0.5
 */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  const right = eq(argmax(logits, { axis: -1 }), labels);
  return mean(cast(right, 'float32'));
}
