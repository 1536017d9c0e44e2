import { argumentError, dtypeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { eq } from './compare.ts';
import { meanOver } from './reduce.ts';
import type { ReduceOptions, Reduction } from './reduce-shared.ts';
import { inferReduced, keptView, reducedCount, resolveReduction, spread } from './reduce-shared.ts';
import { where } from './where.ts';

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count: 1 gives the unbiased estimate, 0 the mean square deviation. */
  readonly correction?: number | undefined;
}

/** `{ axis, keepdim, correction }`, or just the axis. */
export type VarianceArgument = number | readonly number[] | VarianceOptions;

type SpreadOp = (x: Tensor, r: Reduction, correction: number) => Tensor | Tensor[];

/** Variance or its root, alone or with the mean. */
function spreadOp(name: 'variance' | 'std' | 'varMean' | 'stdMean'): SpreadOp {
  const rooted = name === 'std' || name === 'stdMean';
  const withMean = name === 'varMean' || name === 'stdMean';
  return defineOp({
    name,
    autocast: 'float32',
    infer: (x: Spec, r: Reduction, _correction: number): Spec | readonly Spec[] =>
      withMean ? [inferReduced(x, r), inferReduced(x, r)] : inferReduced(x, r),
    forward: (ctx, x: Tensor, r: Reduction, correction: number) => {
      kernels.variance(keptView(ctx.out, x, r), x, correction);
      if (rooted) kernels.sqrt(ctx.out, ctx.out);
      if (withMean) kernels.mean(keptView(ctx.outputs[1] as Tensor, x, r), x);
    },
    backward: (ctx, dy, dMean): Gradients => {
      const [x, r, correction] = ctx.args as readonly [Tensor, Reduction, number];
      const count = reducedCount(x.shape, r);
      // At a deviation of 0 the root has no slope; as in PyTorch nothing flows there.
      const dVariance = rooted ? div(dy, where(eq(ctx.out, 0), Number.POSITIVE_INFINITY, mul(ctx.out, 2))) : dy;
      const deviation = sub(x, meanOver(x, r.axes, true));
      const dx = mul(deviation, spread(mul(dVariance, 2 / Math.max(0, count - correction)), x.shape, r));
      return [dMean ? add(dx, spread(div(dMean, count), x.shape, r)) : dx, null, null];
    },
    saves: [0],
    savesOutputs: rooted ? [0] : [],
  }) as SpreadOp;
}

const ops = {
  variance: spreadOp('variance'),
  std: spreadOp('std'),
  varMean: spreadOp('varMean'),
  stdMean: spreadOp('stdMean'),
} as const;

function run(name: keyof typeof ops, x: Tensor, reduce: VarianceArgument): Tensor | Tensor[] {
  const r = resolveReduction(name, x, reduce);
  const correction: unknown = typeof reduce === 'object' && 'correction' in reduce ? (reduce.correction ?? 1) : 1;
  if (typeof correction !== 'number' || !Number.isFinite(correction)) {
    throw argumentError(name, `correction must be a finite number, got ${formatValue(correction)}`);
  }
  if (!isFloat(x.dtype)) throw dtypeError(name, `wants a float tensor, got ${x.dtype}`);
  return tidy(() => ops[name](x, r, correction));
}

/**
 * Variance over axes, the unbiased estimate unless `correction` is 0: Σ (x − mean)² / (n − correction).
 * @returns shape of `x` without the reduced axes
 * @example
 * variance(tensor([1, 2, 3, 4]), { correction: 0 }); // 1.25
 */
export function variance(x: Tensor, reduce: VarianceArgument = {}): Tensor {
  return run('variance', x, reduce) as Tensor;
}

/**
 * Standard deviation over axes: the root of `variance`. Its gradient is 0 where all elements are equal.
 * @returns shape of `x` without the reduced axes
 * @example
 * std(tensor([1, 2, 3, 4]), { correction: 0 }); // 1.1180
 */
export function std(x: Tensor, reduce: VarianceArgument = {}): Tensor {
  return run('std', x, reduce) as Tensor;
}

/**
 * Variance and mean over axes.
 * @returns [variance, mean], each with the shape of `x` without the reduced axes
 * @example
 * varMean(tensor([1, 2, 3, 4]))[1]; // 2.5
 */
export function varMean(x: Tensor, reduce: VarianceArgument = {}): [variance: Tensor, mean: Tensor] {
  return run('varMean', x, reduce) as [Tensor, Tensor];
}

/**
 * Standard deviation and mean over axes.
 * @returns [deviation, mean], each with the shape of `x` without the reduced axes
 * @example
 * stdMean(tensor([1, 3]), { correction: 0 })[0]; // 1
 */
export function stdMean(x: Tensor, reduce: VarianceArgument = {}): [deviation: Tensor, mean: Tensor] {
  return run('stdMean', x, reduce) as [Tensor, Tensor];
}
