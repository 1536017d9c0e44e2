import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { BackwardContext, Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor, Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, maximum, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { ge, ne } from './compare.ts';
import { arange, onesLike, zeros } from './creation.ts';
import type { LookupOptions } from './embedding.ts';
import { addRows, checkLookup, frequencies, paddingRow, shorten } from './embedding.ts';
import { index } from './index-select.ts';
import { sumOver } from './reduce.ts';
import { requireIntegers, requireSameDtype, requireTensor } from './shared.ts';
import { narrow, reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

const modes = ['sum', 'mean', 'max'] as const;

export interface EmbeddingBagOptions extends LookupOptions {
  /** `[bags]`: where in `indices` each bag begins, rising from 0; indices of rank 2 have one bag a row instead. */
  readonly offsets?: Tensor | readonly number[] | null | undefined;
  /** The last offset is the end of the last bag, not another bag. */
  readonly includeLastOffset?: boolean | undefined;
  readonly mode?: 'sum' | 'mean' | 'max' | undefined;
  /** A factor for each index; with mode 'sum' only. */
  readonly perSampleWeights?: Tensor | null | undefined;
}

type Arguments = [
  indices: Tensor,
  weight: Tensor,
  offsets: Tensor,
  scales: Tensor | null,
  mode: number,
  padding: number,
  byFrequency: boolean,
];

/** The gradient of the table when each element of a bag came from one row: places [bags, features], −1 for none. */
function gradientOfMax(dy: Tensor, places: Tensor, weight: Tensor): Tensor {
  const [rows, width] = weight.shape as [number, number];
  const found = ge(places, 0);
  const flat = add(mul(places, width), arange(width, { dtype: 'int64', device: dy.device }));
  const moved = where(found, dy, 0);
  const at = where(found, flat, 0);
  return reshape(addRows(reshape(moved, [dy.size]), reshape(at, [dy.size]), [rows * width]), weight.shape);
}

function gradients(ctx: BackwardContext<Arguments>, dy: Tensor): Gradients {
  const [indices, weight, offsets, scales, mode, padding, byFrequency] = ctx.args;
  const result = (dWeight: Tensor | null, dScales: Tensor | null): Gradients => [
    null,
    dWeight,
    null,
    dScales,
    null,
    null,
    null,
  ];
  if (dy.size === 0 || indices.size === 0) {
    const place = { dtype: dy.dtype, device: dy.device };
    return result(zeros(weight.shape, place), scales === null ? null : zeros(scales.shape, place));
  }
  if (mode === 2) return result(gradientOfMax(dy, ctx.outputs[1] as Tensor, weight), null);
  const bags = emptyTensor([indices.size], 'int64', dy.storage.queue);
  kernels.bagNumbers(bags, offsets);
  const counted = padding < 0 ? null : ne(indices, padding);
  let each = index(dy, bags);
  if (mode === 1) {
    const ones = counted === null ? onesLike(indices, { dtype: dy.dtype }) : castTo(counted, dy.dtype);
    const sizes = addRows(ones, bags, [dy.shape[0] as number]);
    each = div(each, unsqueeze(index(maximum(sizes, 1), bags), 1));
  }
  if (counted !== null) each = where(unsqueeze(counted, 1), each, 0);
  const dScales = scales !== null && ctx.needs(3) ? sumOver(mul(each, index(weight, indices)), [1], false) : null;
  if (!ctx.needs(1)) return result(null, dScales);
  if (scales !== null) each = mul(each, unsqueeze(scales, 1));
  if (byFrequency) each = div(each, unsqueeze(index(frequencies(indices, weight.shape[0] as number, dy), indices), 1));
  return result(addRows(each, indices, weight.shape), dScales);
}

const bagOp: Op<Arguments, [Spec, Spec]> = defineOp<Arguments, [Spec, Spec]>({
  name: 'embeddingBag',
  infer: (_indices, weight, offsets, _scales, mode) => {
    const shape = [offsets.shape[0] as number, weight.shape[1] as number];
    return [
      { shape, dtype: weight.dtype },
      { shape: mode === 2 ? shape : [0, 0], dtype: 'int64' },
    ];
  },
  forward: (ctx, indices, weight, offsets, scales, mode, padding) => {
    kernels.embeddingBag(ctx.out, ctx.outputs[1] as Tensor, weight, indices, offsets, scales, mode, padding);
  },
  backward: (ctx, dy) => gradients(ctx, dy),
  savesOutputs: [1],
});

/** Where the bags begin, as a tensor beside the indices. */
function offsetsOf(op: string, indices: Tensor, { offsets, includeLastOffset = false }: EmbeddingBagOptions): Tensor {
  if (indices.rank === 2) {
    if (offsets != null) throw argumentError(op, 'wants no offsets with indices of rank 2');
    const [bags, length] = indices.shape as [number, number];
    return mul(arange(bags, { dtype: 'int64', device: indices.device }), length);
  }
  if (indices.rank !== 1) throw shapeError(op, `indices must be [N] or [bags, N], got ${formatShape(indices.shape)}`);
  let starts: Tensor;
  if (Array.isArray(offsets)) {
    if (!offsets.every(Number.isSafeInteger))
      throw argumentError(op, `offsets must be integers, got ${formatShape(offsets)}`);
    starts = tensor(BigInt64Array.from(offsets, BigInt), { device: indices.device });
  } else {
    if (!(offsets instanceof Tensor))
      throw argumentError(op, `indices of rank 1 want offsets, a tensor or an array, got ${formatValue(offsets)}`);
    starts = offsets;
    requireIntegers(op, starts, 'offsets');
    if (starts.rank !== 1) throw shapeError(op, `offsets must be [bags], got ${formatShape(starts.shape)}`);
  }
  if (!includeLastOffset) return starts;
  if (starts.size === 0) throw shapeError(op, 'includeLastOffset wants at least one offset');
  return narrow(starts, 0, 0, starts.size - 1);
}

/**
 * Sums, means or maxima of rows of `weight`, without making the rows: bag b takes the rows that its share of `indices`
 * names. An empty bag is zeros. Indices and offsets outside their ranges are ERR_INDEX when the result is read.
 * @param indices - [N] with offsets, or [bags, N]: int32, int64 or uint8
 * @param weight - [rows, features]
 * @returns [bags, features]
 * @example
 * embeddingBag(tensor([0, 1, 1], { dtype: 'int32' }), tensor([[1, 2], [3, 4]]), { offsets: [0, 2], mode: 'sum' }); // [[4, 6], [3, 4]]
 */
export function embeddingBag(indices: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor {
  const op = 'embeddingBag';
  checkOptions(op, options);
  const { mode = 'mean', perSampleWeights = null } = options;
  checkLookup(op, indices, weight);
  const number = modes.indexOf(mode);
  if (number < 0) throw argumentError(op, `mode must be 'sum', 'mean' or 'max', got ${formatValue(mode)}`);
  if (perSampleWeights !== null) {
    requireTensor(op, perSampleWeights, 'perSampleWeights');
    checkArguments(op, [indices, perSampleWeights]);
    if (mode !== 'sum') throw argumentError(op, `perSampleWeights want mode 'sum', got ${formatValue(mode)}`);
    requireSameDtype(op, weight, perSampleWeights);
    if (!sameShape(perSampleWeights.shape, indices.shape))
      throw shapeError(
        op,
        `perSampleWeights must be ${formatShape(indices.shape)}, got ${formatShape(perSampleWeights.shape)}`,
      );
  }
  const padding = paddingRow(op, options.paddingIdx, weight.shape[0] as number);
  return tidy(() => {
    const offsets = offsetsOf(op, indices, options);
    checkArguments(op, [indices, offsets]);
    shorten(op, weight, indices, options);
    const flat = reshape(indices, [indices.size]);
    const scales = perSampleWeights === null ? null : reshape(perSampleWeights, [indices.size]);
    return bagOp(flat, weight, offsets, scales, number, padding, options.scaleGradByFreq === true)[0] as Tensor;
  });
}
