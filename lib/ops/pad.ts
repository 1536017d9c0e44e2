// Borders around the last axes.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { clone } from './cast.ts';
import { requireTensor, sliceView } from './shared.ts';
import { sliceOp } from './view.ts';

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

export interface PadOptions {
  /** What the border holds: `value`, or what lies inside: mirrored, its edge repeated, or from the other side. */
  readonly mode?: PadMode | undefined;
  /** For mode 'constant'. Default 0. */
  readonly value?: number | undefined;
}

/** Elements added before and after each axis. */
interface Border {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const constantOp = defineOp({
  name: 'padConstant',
  infer: (x: Spec, { before, after }: Border, _value: number): Spec => ({
    shape: x.shape.map((size, i) => size + (before[i] as number) + (after[i] as number)),
    dtype: x.dtype,
  }),
  forward: (ctx, x, { before }, value) => {
    kernels.fill(ctx.out, value);
    const steps = x.shape.map(() => 1);
    kernels.copy(sliceView(ctx.out, before, x.shape, steps), x);
  },
  backward: (ctx, dy): Gradients => {
    const [x, { before }] = ctx.args;
    const steps = x.shape.map(() => 1);
    return [sliceOp(dy, before, x.shape, steps), null, null];
  },
  saves: [],
});

type Repeating = Exclude<PadMode, 'constant'>;
const modes: Readonly<Record<Repeating, number>> = { reflect: 0, replicate: 1, circular: 2 };

function parameters(mode: Repeating, { before }: Border) {
  const [beforeD = 0, beforeH = 0, beforeW = 0] = [0, 0, ...before].slice(-3);
  return { mode: modes[mode], beforeD, beforeH, beforeW };
}

const repeatOp: (x: Tensor, border: Border, mode: Repeating) => Tensor = defineOp({
  name: 'pad',
  infer: (x: Spec, { before, after }: Border, _mode: Repeating): Spec => ({
    shape: x.shape.map((size, i) => size + (before[i] as number) + (after[i] as number)),
    dtype: x.dtype,
  }),
  forward: (ctx, x, border, mode) => kernels.pad(ctx.out, x, parameters(mode, border)),
  backward: (ctx, dy): Gradients => {
    const [x, border, mode] = ctx.args;
    return [repeatGrad(dy, x.shape, border, mode), null, null];
  },
  saves: [],
});

const repeatGrad: (dy: Tensor, shape: Shape, border: Border, mode: Repeating) => Tensor = defineOp({
  name: 'padGrad',
  infer: (dy: Spec, shape: Shape, _border: Border, _mode: Repeating): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, _shape, border, mode) => kernels.padGrad(ctx.out, dy, parameters(mode, border)),
  backward: (ctx, ddx): Gradients => [repeatOp(ddx, ctx.args[2], ctx.args[3]), null, null, null],
  saves: [],
});

/** Pairs for the last axes, last axis first as in PyTorch, as numbers for every axis. */
function borderOf(x: Tensor, padding: readonly number[]): Border {
  if (!Array.isArray(padding) || padding.length % 2 !== 0 || !padding.every(Number.isSafeInteger)) {
    const got = Array.isArray(padding) ? formatShape(padding) : formatValue(padding);
    throw argumentError('pad', `padding must be pairs of integers, got ${got}`);
  }
  if (padding.length > 2 * x.rank) {
    throw shapeError('pad', `padding ${formatShape(padding)} names more axes than shape ${formatShape(x.shape)} has`);
  }
  const at = (i: number, side: number): number => (padding[2 * (x.rank - 1 - i) + side] ?? 0) + 0;
  const before = x.shape.map((_, i) => at(i, 0));
  const after = x.shape.map((_, i) => at(i, 1));
  for (let i = 0; i < x.rank; i++) {
    const size = (x.shape[i] as number) + (before[i] as number) + (after[i] as number);
    if (size < 0) {
      throw shapeError('pad', `padding ${formatShape(padding)} leaves ${size} of axis ${i} of ${formatShape(x.shape)}`);
    }
  }
  return { before, after };
}

/** Negative padding takes elements away: the rest, and the border still to be added. */
function crop(x: Tensor, { before, after }: Border): [Tensor, Border] {
  const start = before.map((n, i) => Math.min(x.shape[i] as number, Math.max(0, -n)));
  const lengths = x.shape.map((size, i) =>
    Math.max(0, size - (start[i] as number) - Math.max(0, -(after[i] as number))),
  );
  const steps = x.shape.map(() => 1);
  const kept = sliceOp(x, start, lengths, steps);
  // An axis cropped beyond its end takes the rest from the border of the other side.
  const wanted = x.shape.map((size, i) => size + (before[i] as number) + (after[i] as number));
  const front = before.map((n, i) => Math.min(Math.max(0, n), (wanted[i] as number) - (lengths[i] as number)));
  const behind = wanted.map((size, i) => size - (lengths[i] as number) - (front[i] as number));
  return [kept, { before: front, after: behind }];
}

function checkRepeating(x: Tensor, { before, after }: Border, mode: Repeating): void {
  for (let i = 0; i < x.rank; i++) {
    const [first, last] = [before[i] as number, after[i] as number];
    if (first === 0 && last === 0) continue;
    if (i < x.rank - 3) throw shapeError('pad', `mode '${mode}' is for the last three axes, got padding of axis ${i}`);
    const size = x.shape[i] as number;
    const most = mode === 'reflect' ? size - 1 : mode === 'circular' ? size : size === 0 ? 0 : Number.POSITIVE_INFINITY;
    if (Math.max(first, last) > most) {
      throw shapeError(
        'pad',
        `mode '${mode}' can add at most ${most} to axis ${i} of size ${size}, got ${Math.max(first, last)}`,
      );
    }
    if (first >= 2 ** 31 || last >= 2 ** 31)
      throw shapeError('pad', `padding must be below 2^31, got ${Math.max(first, last)}`);
  }
}

/**
 * `x` with a border around its last axes. Negative padding takes elements away.
 * @param padding - [before, after] of the last axis, then of the one before it, and so on
 * @param options - `{ mode, value }`: 'constant' (any axes), or 'reflect', 'replicate', 'circular' (the last three axes)
 * @example
 * pad(tensor([1, 2, 3]), [1, 2]); // [0, 1, 2, 3, 0, 0]
 * pad(tensor([1, 2, 3]), [2, 1], { mode: 'reflect' }); // [3, 2, 1, 2, 3, 2]
 */
export function pad<D extends DType>(x: Tensor<D>, padding: readonly number[], options: PadOptions = {}): Tensor<D> {
  requireTensor('pad', x);
  checkOptions('pad', options);
  const { mode = 'constant', value = 0 } = options;
  if (mode !== 'constant' && (typeof mode !== 'string' || !Object.hasOwn(modes, mode))) {
    throw argumentError(
      'pad',
      `mode must be 'constant', 'reflect', 'replicate' or 'circular', got ${formatValue(mode)}`,
    );
  }
  if (typeof value !== 'number') throw argumentError('pad', `value must be a number, got ${formatValue(value)}`);
  if (mode !== 'constant' && x.dtype === 'bool') throw dtypeError('pad', `mode '${mode}' is not defined for bool`);
  const border = borderOf(x, padding);
  checkedNumel(
    'pad',
    x.shape.map((size, i) => size + (border.before[i] as number) + (border.after[i] as number)),
  );
  return tidy(() => {
    const crops = [...border.before, ...border.after].some((n) => n < 0);
    const [kept, rest] = crops ? crop(x, border) : [x, border];
    if ([...rest.before, ...rest.after].every((n) => n === 0)) return clone(kept);
    if (mode === 'constant') return constantOp(kept, rest, value);
    checkRepeating(kept, rest, mode);
    return repeatOp(kept, rest, mode);
  }) as Tensor<D>;
}
