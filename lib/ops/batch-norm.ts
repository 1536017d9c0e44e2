// Batch normalisation of a training step by kernels for each direction.
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { mean, sumOver } from './reduce.ts';
import { rsqrt, square } from './unary.ts';
import { permute, reshape } from './view.ts';

/** x [N, C, L], weight and bias [C] or null → y, and the mean and variance of each channel. */
const batchNormOp = defineOp({
  name: 'batchNorm',
  autocast: 'float32',
  infer: (x: Spec, _weight: Spec | null, _bias: Spec | null, _eps: number): readonly [Spec, Spec, Spec] => {
    const perChannel: Spec = { shape: [x.shape[1] as number], dtype: x.dtype };
    return [x, perChannel, perChannel];
  },
  forward: (ctx, x, weight, bias, eps) => {
    const [out, means, variances] = ctx.outputs as [Tensor, Tensor, Tensor];
    kernels.batchNorm(out, means, variances, x, weight, bias, eps);
  },
  backward: (ctx, dy) => {
    const [x, weight, bias, eps] = ctx.args;
    const others = { axis: [0, 2], keepdim: true } as const;
    const shifted = sub(x, mean(x, others));
    const scale = rsqrt(add(mean(square(shifted), others), eps));
    const normal = mul(shifted, scale);
    const g = weight === null ? dy : mul(dy, reshape(weight, [1, -1, 1]));
    const slope = sub(sub(g, mul(normal, mean(mul(g, normal), others))), mean(g, others));
    const dWeight = weight === null ? null : sumOver(mul(dy, normal), [0, 2], false);
    return [mul(scale, slope), dWeight, bias === null ? null : sumOver(dy, [0, 2], false), null];
  },
  fastBackward: (ctx, dy) => {
    const [x, weight, bias, eps] = ctx.args;
    const [, means, variances] = ctx.outputs as [Tensor, Tensor, Tensor];
    const empty = (shape: readonly number[]): Tensor => emptyTensor(shape, x.dtype, dy.storage.queue);
    const [dx, dWeight, dBias] = [empty(x.shape), empty(means.shape), empty(means.shape)];
    kernels.batchNormGrad(dx, dWeight, dBias, x, means, variances, weight, dy, eps);
    return [dx, weight === null ? null : dWeight, bias === null ? null : dBias, null];
  },
  saves: [0, 1],
  savesOutputs: [1, 2],
});

/** Planes shorter than this, unless of one element, cost the kernel more than ops over all channels at once. */
const shortestPlane = 4;

/**
 * [y, mean, variance] of x by its own channels' statistics, or null where ops have to do it: for vectors of another dtype, very short
 * planes, and on devices whose kernel wants planes where channels lie beside each other ([N, C], channels last).
 */
export function fusedBatchNorm(
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): [Tensor, Tensor, Tensor] | null {
  const sameDtype = [weight, bias].every((t) => t === null || t.dtype === x.dtype);
  if (!sameDtype) return null;
  const [n, c] = x.shape as readonly [number, number];
  const plane = x.size / (n * c);
  const run = (rows: number, length: number, flat: Tensor): [Tensor, Tensor, Tensor] =>
    batchNormOp(reshape(flat, [rows, c, length]), weight, bias, eps) as [Tensor, Tensor, Tensor];
  if (plane > 1 && x.strides.at(-1) === 1) {
    if (plane < shortestPlane) return null;
    const [y, means, variances] = run(n, plane, x);
    return [reshape(y, x.shape), means, variances];
  }
  if (x.strides[1] !== 1 || x.device.kind !== 'cpu') return null;
  // Channels last in the result, too: [N, C, ...] is [N, ..., C] with its axes in another order.
  const axes = x.shape.map((_, i) => i);
  const last = [...axes.filter((i) => i !== 1), 1];
  const first = [0, x.rank - 1, ...axes.slice(1, -1)];
  const rows = permute(x, last);
  const [y, means, variances] = run(n * plane, 1, rows);
  return [permute(reshape(y, rows.shape), first), means, variances];
}
