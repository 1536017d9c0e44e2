// The view commands, each by its rule of shape, strides and offset.
import * as ops from '../../lib/ops/index.ts';
import type { Command } from './commands.ts';
import * as model from './model.ts';
import type { Sides } from './sides.ts';
import { after, live } from './sides.ts';

/** Makes a view of a chosen tensor on both sides. */
export function applyView(sides: Sides, { how, a: n, p, q }: Extract<Command, { kind: 'view' }>): void {
  const a = sides.choose(n);
  if (!a) return;
  const { m, r } = a;
  const rank = m.shape.length;
  if (how === 'detach') {
    sides.both(
      () => after(live(a), model.detach(m)),
      () => ops.detach(r),
      how,
    );
    return;
  }
  if (how === 'flatten') {
    if (!model.isContiguous(m)) return;
    const size = model.numel(m.shape);
    sides.both(
      () => after(live(a), model.view(m, [size], [1], m.offset)),
      () => ops.reshape(r, [size]),
      how,
    );
    return;
  }
  if (how === 'expand') {
    if (rank > 2) return;
    sides.both(
      () => after(live(a), model.view(m, [2, ...m.shape], [0, ...m.strides], m.offset)),
      () => ops.expand(r, [2, ...m.shape]),
      how,
    );
    return;
  }
  if (rank === 0) return;
  const axis = p % rank;
  const size = m.shape[axis] as number;
  const stride = m.strides[axis] as number;
  if (how === 'transpose') {
    if (rank < 2) return;
    sides.both(
      () => after(live(a), model.transpose(m)),
      () => ops.transpose(r),
      how,
    );
    return;
  }
  if (how === 'select') {
    if (size === 0) return;
    const at = q % size;
    sides.both(
      () => {
        live(a);
        return model.view(m, m.shape.toSpliced(axis, 1), m.strides.toSpliced(axis, 1), m.offset + at * stride);
      },
      () => ops.select(r, axis, at),
      how,
    );
    return;
  }
  const start = q % (size + 1);
  if (how === 'narrow') {
    const length = Math.min(size - start, 2);
    const offset = m.offset + (length > 0 ? start * stride : 0);
    sides.both(
      () => after(live(a), model.view(m, m.shape.with(axis, length), m.strides, offset)),
      () => ops.narrow(r, axis, start, length),
      how,
    );
    return;
  }
  const length = Math.ceil((size - start) / 2);
  const offset = m.offset + (length > 0 ? start * stride : 0);
  const ranges = m.shape.map((_, i) => (i === axis ? ([start, size] as const) : null));
  const steps = m.shape.map((_, i) => (i === axis ? 2 : 1));
  sides.both(
    () => after(live(a), model.view(m, m.shape.with(axis, length), m.strides.with(axis, 2 * stride), offset)),
    () => ops.slice(r, ranges, steps),
    how,
  );
}
