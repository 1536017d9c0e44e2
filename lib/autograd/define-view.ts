import { isContiguous, numelOf } from '../core/shape.ts';
import { checkLive, Tensor } from '../core/tensor.ts';
import { register } from './define-op.ts';
import type { AxisRange, BackwardContext, Geometry, RecordedOp } from './tape.ts';
import { needsGrad, record, recording } from './tape.ts';
import type { ViewInfo, ViewStep } from './views.ts';
import { viewInfo } from './views.ts';

export interface ViewDefinition<A extends readonly unknown[]> {
  readonly name: string;
  /** In-place ops refuse the result and views of it. */
  readonly readOnly?: boolean;
  /** Where the result's elements lie; throws when there is no such view. */
  readonly geometry: (x: Tensor, ...args: A) => Geometry;
  /** The result leaves elements out: a sum of gradients of `x` takes its gradient at its place. */
  readonly partial?: boolean;
  /** Of a partial view: the range of one axis that it is, if it is one. */
  readonly range?: (x: Tensor, ...args: A) => AxisRange | null;
  /** The gradient of `x`. */
  readonly backward: (ctx: BackwardContext<readonly [Tensor, ...A]>, dy: Tensor) => Tensor;
}

/** Defines an op whose result shares its argument's storage. Its other arguments are plain values, checked before. */
export function defineView<A extends readonly unknown[]>(
  definition: ViewDefinition<A>,
): (x: Tensor, ...args: A) => Tensor {
  const { name, geometry, backward, range, readOnly = false, partial = false } = definition;
  const recorded: RecordedOp = register({
    name,
    saves: [],
    place: partial ? (sum, args) => geometry(sum, ...(args.slice(1) as unknown as A)) : undefined,
    range: range && ((args) => range(args[0] as Tensor, ...(args.slice(1) as unknown as A))),
    backward: (ctx, dy) => [backward(ctx, dy)],
  });
  const apply = (x: Tensor, ...args: A): Tensor => {
    checkLive(name, x);
    const { shape, strides, offset } = geometry(x, ...args);
    x.storage.retain();
    const size = numelOf(shape);
    // An empty view has no first element: an offset for one may lie beyond the storage.
    const start = size === 0 ? x.offset : offset;
    const out = new Tensor(x.storage, start, shape, strides, x.dtype, size, isContiguous(shape, strides));
    const parent = viewInfo(x);
    const step: ViewStep = { apply: apply as unknown as ViewStep['apply'], args };
    const live = recording();
    const view: ViewInfo =
      parent === null
        ? { base: x, tracked: live, readOnly, steps: [step] }
        : {
            base: parent.base,
            tracked: live && parent.tracked,
            readOnly: readOnly || parent.readOnly,
            steps: [...parent.steps, step],
          };
    out._view = view;
    view.base._views++;
    out._nodeVersion = x.storage.version;
    if (live && needsGrad(x)) record(recorded, [x, ...args], [out]);
    return out;
  };
  return apply;
}
