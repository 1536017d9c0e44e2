// What the ops on masks are made of: the count of elements block by block, and the two ops that move elements by it.
import { defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { zeros } from './creation.ts';
import { reshape, select } from './view.ts';
import { where } from './where.ts';

/** Elements a block is counted by. */
const blockElements = 32768;

/** How many elements other than zero stand before each block of `x`; the last entry is their number. */
export function countOffsets(x: Tensor): Tensor {
  const offsets = emptyTensor([Math.max(1, Math.ceil(x.size / blockElements)) + 1], 'int64', queueOf(x));
  kernels.nonzeroCount(offsets, x);
  return offsets;
}

/** The number itself, rank 0. */
export const countOf = (offsets: Tensor): Tensor => select(offsets, 0, -1);

/** [size] elements of `x` where `mask` (of its shape) holds, then `fill`. */
export const maskedSelectOp: Op<[Spec, Spec, Spec, number, number], Spec> = defineOp({
  name: 'maskedSelect',
  infer: (x: Spec, _mask: Spec, _offsets: Spec, size: number, _fill: number): Spec => ({
    shape: [size],
    dtype: x.dtype,
  }),
  forward: (ctx, x, mask, offsets, _size, fill) => kernels.maskedSelect(ctx.out, x, mask, offsets, fill),
  backward: (ctx, dy): Gradients => {
    const [x, mask, offsets] = ctx.args;
    const empty = zeros(x.shape, { dtype: dy.dtype, device: dy.device });
    return [maskedScatterOp(empty, mask, offsets, dy, 'as far as it goes'), null, null, null, null];
  },
  saves: [1, 2],
});

/** How many elements a source must have: all that is asked for, precisely that many, or any number. */
type Supply = 'enough' | 'exactly' | 'as far as it goes';
const supplies: Readonly<Record<Supply, number>> = { 'as far as it goes': 0, enough: 1, exactly: 2 };

/** A copy of `x` with the elements where `mask` (of its shape) holds taken from `src` in order. */
export const maskedScatterOp: Op<[Spec, Spec, Spec, Spec, Supply], Spec> = defineOp({
  name: 'maskedScatter',
  infer: (x: Spec, _mask: Spec, _offsets: Spec, _src: Spec, _supply: Supply): Spec => x,
  forward: (ctx, x, mask, offsets, src, supply) => {
    kernels.copy(ctx.out, x);
    kernels.maskedScatter(ctx.out, mask, offsets, src, supplies[supply]);
  },
  backward: (ctx, dy): Gradients => {
    const [, mask, offsets, src] = ctx.args;
    const dx = ctx.needs(0) ? where(mask, 0, dy) : null;
    if (!ctx.needs(3)) return [dx, null, null, null, null];
    return [dx, null, null, reshape(maskedSelectOp(dy, mask, offsets, src.size, 0), src.shape), null];
  },
  saves: [1, 2],
});
