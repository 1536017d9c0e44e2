// One layer in one direction of rnn, lstm and gru as ops with gradients; every argument is checked and contiguous.
import { defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { precisionCode } from '../core/float32-precision.ts';
import type { Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { castTo, contiguous } from './cast.ts';
import { gt } from './compare.ts';
import { zeros } from './creation.ts';
import { indexAdd } from './index-put.ts';
import { cat } from './join.ts';
import { linear, matmul } from './matmul.ts';
import type { Steps } from './recurrent-steps.ts';
import {
  carryBack,
  firstRows,
  forEachStep,
  forEachStepBack,
  matrixLike,
  rows,
  shifted,
  withTurned,
} from './recurrent-steps.ts';
import { reduceRows } from './reduce.ts';
import { sigmoid, square, tanh } from './unary.ts';
import { narrow, transpose } from './view.ts';

const batchOf = (steps: Steps): number => steps.sizes[0] ?? 0;
const less = (t: Tensor): Tensor => sub(1, t);
/** The derivatives of sigmoid and tanh, from their values. */
const dSigmoid = (y: Tensor): Tensor => mul(y, less(y));
const dTanh = (y: Tensor): Tensor => less(square(y));

type RnnArguments = [x: Tensor, h0: Tensor, weight: Tensor, steps: Steps, relu: boolean];

/** h = tanh(x + h₋ · weightᵀ), or with relu: [total, H]. */
export const rnnSteps: Op<RnnArguments, Spec> = defineOp<RnnArguments, Spec>({
  name: 'rnn',
  infer: (x) => x,
  forward: (ctx, x, h0, weight, steps, relu) => {
    const hidden = h0.shape[1] as number;
    const part = matrixLike(x, [batchOf(steps), hidden], false);
    withTurned(weight, steps, (turned) => {
      forEachStep(steps, [{ initial: h0, all: ctx.out }], (_, start, count, [h]) => {
        const r = rows(part, 0, count);
        kernels.matmul(r, h as KernelView, turned, null, { precision: precisionCode() });
        kernels.rnnGates(rows(ctx.out, start, count), rows(x, start, count), r, relu ? 1 : 0);
      });
    });
    part.dispose();
  },
  backward: (ctx, dy): Gradients => {
    const [, h0, weight, steps, relu] = ctx.args;
    const slope = relu ? castTo(gt(ctx.out, 0), dy.dtype) : dTanh(ctx.out);
    const parts = new Map<number, Tensor>();
    const [dh0] = carryBack(steps, [dy], (start, count, [dh]) => {
      const d = mul(dh as Tensor, narrow(slope, 0, start, count));
      parts.set(start, d);
      return [matmul(d, weight)];
    });
    const dx = joined(parts);
    return [dx, dh0, matmul(transpose(dx), shifted(ctx.out, h0, steps)), null, null];
  },
  fastBackward: (ctx, dy): Gradients => {
    const [, h0, weight, steps, relu] = ctx.args;
    const dx = matrixLike(dy, ctx.out.shape, false);
    const carried = matrixLike(dy, h0.shape, true);
    const flow = contiguous(dy);
    forEachStepBack(steps, (start, count) => {
      const dh = rows(carried, 0, count);
      const d = rows(dx, start, count);
      kernels.add(dh, dh, rows(flow, start, count));
      kernels.rnnGatesGrad(d, rows(ctx.out, start, count), dh, relu ? 1 : 0);
      kernels.matmul(dh, d, weight, null, { precision: precisionCode() });
    });
    return [dx, carried, matmul(transpose(dx), shifted(ctx.out, h0, steps)), null, null];
  },
  saves: [1, 2],
  savesOutputs: [0],
});

/** The rows of all steps, from their starts. */
function joined(parts: ReadonlyMap<number, Tensor>): Tensor {
  const list = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
  return list.length === 1 ? (list[0] as Tensor) : cat(list);
}

type LstmArguments = [x: Tensor, h0: Tensor, c0: Tensor, weight: Tensor, steps: Steps];

/** Gates i, f, g, o of x + h₋ · weightᵀ; c = f c₋ + i g, h = o tanh c: hidden and cell states, [total, H] each. */
export const lstmSteps: Op<LstmArguments, [Spec, Spec]> = defineOp<LstmArguments, [Spec, Spec]>({
  name: 'lstm',
  infer: (x, h0) => {
    const spec = { shape: [x.shape[0] as number, h0.shape[1] as number], dtype: x.dtype };
    return [spec, spec];
  },
  forward: (ctx, x, h0, c0, weight, steps) => {
    const [y, cells] = ctx.outputs as [Tensor, Tensor];
    const part = matrixLike(x, [batchOf(steps), x.shape[1] as number], false);
    const gates = matrixLike(x, x.shape, false);
    const states = [
      { initial: h0, all: y },
      { initial: c0, all: cells },
    ];
    withTurned(weight, steps, (turned) => {
      forEachStep(steps, states, (_, start, count, [h, c]) => {
        const r = rows(part, 0, count);
        const at = (t: Tensor): KernelView => rows(t, start, count);
        kernels.matmul(r, h as KernelView, turned, null, { precision: precisionCode() });
        kernels.lstmGates(at(y), at(cells), at(gates), at(x), r, c as KernelView);
      });
    });
    ctx.save(gates);
    part.dispose();
  },
  backward: (ctx, dy, dCells): Gradients => {
    const [x, h0, c0, weight, steps] = ctx.args;
    const [y, cells] = ctx.outputs as [Tensor, Tensor];
    const hidden = h0.shape[1] as number;
    const before = shifted(y, h0, steps);
    const old = shifted(cells, c0, steps);
    const sums = add(x, matmul(before, transpose(weight)));
    const gate = (k: number): Tensor => narrow(sums, 1, k * hidden, hidden);
    const [i, f, g, o] = [sigmoid(gate(0)), sigmoid(gate(1)), tanh(gate(2)), sigmoid(gate(3))];
    const top = tanh(cells);
    // What a unit of dh or dc becomes in each gate.
    const throughCell = mul(o, dTanh(top));
    const slopes = [mul(g, dSigmoid(i)), mul(old, dSigmoid(f)), mul(i, dTanh(g)), mul(top, dSigmoid(o))];
    const parts = new Map<number, Tensor>();
    const [dh0, dc0] = carryBack(steps, [dy, dCells as Tensor], (start, count, [dh, dc]) => {
      const at = (t: Tensor): Tensor => narrow(t, 0, start, count);
      const flow = add(dc as Tensor, mul(dh as Tensor, at(throughCell)));
      const d = cat(
        slopes.map((slope, k) => mul(k === 3 ? (dh as Tensor) : flow, at(slope))),
        1,
      );
      parts.set(start, d);
      return [matmul(d, weight), mul(flow, at(f))];
    });
    const dx = joined(parts);
    return [dx, dh0, dc0, matmul(transpose(dx), before), null];
  },
  fastBackward: (ctx, dy, dCells): Gradients => {
    const [x, h0, c0, weight, steps] = ctx.args;
    const [y, cells] = ctx.outputs as [Tensor, Tensor];
    const gates = ctx.saved[0] as Tensor;
    const dx = matrixLike(dy, x.shape, false);
    const [dh0, dc0] = [matrixLike(dy, h0.shape, true), matrixLike(dy, c0.shape, true)];
    const old = shifted(cells, c0, steps);
    const [flow, cellFlow] = [contiguous(dy), contiguous(dCells as Tensor)];
    forEachStepBack(steps, (start, count) => {
      const at = (t: Tensor): KernelView => rows(t, start, count);
      const [dh, dc] = [rows(dh0, 0, count), rows(dc0, 0, count)];
      kernels.add(dh, dh, at(flow));
      kernels.add(dc, dc, at(cellFlow));
      kernels.lstmGatesGrad(at(dx), dc, at(gates), at(cells), at(old), dh, dc);
      kernels.matmul(dh, at(dx), weight, null, { precision: precisionCode() });
    });
    return [dx, dh0, dc0, matmul(transpose(dx), shifted(y, h0, steps)), null];
  },
  savesOutputs: [0, 1],
});

type GruArguments = [x: Tensor, h0: Tensor, weight: Tensor, bias: Tensor | null, steps: Steps];

/** Gates r, z, n, the last tanh(xₙ + r (h₋ · weightₙᵀ + biasₙ)); h = (1 − z) n + z h₋: [total, H]. */
export const gruSteps: Op<GruArguments, Spec> = defineOp<GruArguments, Spec>({
  name: 'gru',
  infer: (x, h0) => ({ shape: [x.shape[0] as number, h0.shape[1] as number], dtype: x.dtype }),
  forward: (ctx, x, h0, weight, bias, steps) => {
    const hidden = h0.shape[1] as number;
    const part = matrixLike(x, [batchOf(steps), 3 * hidden], false);
    const acts = matrixLike(x, [x.shape[0] as number, 4 * hidden], false);
    withTurned(weight, steps, (turned) => {
      forEachStep(steps, [{ initial: h0, all: ctx.out }], (_, start, count, [h]) => {
        const r = rows(part, 0, count);
        const at = (t: Tensor): KernelView => rows(t, start, count);
        kernels.matmul(r, h as KernelView, turned, bias, { precision: precisionCode() });
        kernels.gruGates(at(ctx.out), at(acts), at(x), r, h as KernelView);
      });
    });
    ctx.save(acts);
    part.dispose();
  },
  backward: (ctx, dy): Gradients => {
    const [x, h0, weight, bias, steps] = ctx.args;
    const hidden = h0.shape[1] as number;
    const before = shifted(ctx.out, h0, steps);
    const parts = linear(before, weight, bias);
    const of = (t: Tensor, k: number): Tensor => narrow(t, 1, k * hidden, hidden);
    const reset = sigmoid(add(of(x, 0), of(parts, 0)));
    const keep = sigmoid(add(of(x, 1), of(parts, 1)));
    const fresh = tanh(add(of(x, 2), mul(reset, of(parts, 2))));
    const toFresh = mul(less(keep), dTanh(fresh));
    const slopes = [mul(mul(toFresh, of(parts, 2)), dSigmoid(reset)), mul(sub(before, fresh), dSigmoid(keep))];
    const [dxs, drs] = [new Map<number, Tensor>(), new Map<number, Tensor>()];
    const [dh0] = carryBack(steps, [dy], (start, count, [flow]) => {
      const dh = flow as Tensor;
      const at = (t: Tensor): Tensor => narrow(t, 0, start, count);
      const shared = slopes.map((slope) => mul(dh, at(slope)));
      const dFresh = mul(dh, at(toFresh));
      const dr = cat([...shared, mul(dFresh, at(reset))], 1);
      dxs.set(start, cat([...shared, dFresh], 1));
      drs.set(start, dr);
      return [add(matmul(dr, weight), mul(dh, at(keep)))];
    });
    const dr = joined(drs);
    return [joined(dxs), dh0, matmul(transpose(dr), before), bias === null ? null : reduceRows(dr), null];
  },
  fastBackward: (ctx, dy): Gradients => {
    const [x, h0, weight, bias, steps] = ctx.args;
    const acts = ctx.saved[0] as Tensor;
    const [dx, dr] = [matrixLike(dy, x.shape, false), matrixLike(dy, x.shape, false)];
    const dh0 = matrixLike(dy, h0.shape, true);
    const direct = matrixLike(dy, h0.shape, false);
    const before = shifted(ctx.out, h0, steps);
    const dense = contiguous(dy);
    forEachStepBack(steps, (start, count) => {
      const at = (t: Tensor): KernelView => rows(t, start, count);
      const [dh, kept] = [rows(dh0, 0, count), rows(direct, 0, count)];
      kernels.add(dh, dh, at(dense));
      kernels.gruGatesGrad(at(dx), at(dr), kept, at(acts), at(before), dh);
      kernels.matmul(dh, at(dr), weight, null, { precision: precisionCode() });
      kernels.add(dh, dh, kept);
    });
    return [dx, dh0, matmul(transpose(dr), before), bias === null ? null : reduceRows(dr), null];
  },
  savesOutputs: [0],
});

/**
 * An LSTM whose hidden states are projected: h = m · projectionᵀ with m = o tanh c. Its gates read h₋ · weightᵀ, which is
 * m₋ · (weight · projection)ᵀ: the plain recurrence of m. Only the first h₋ is no projection; it goes in with the input.
 */
export function projectedSteps(
  x: Tensor,
  hidden: Tensor,
  cell: Tensor,
  weight: Tensor,
  projection: Tensor,
  steps: Steps,
): [Tensor, Tensor] {
  const input = indexAdd(x, 0, firstRows(steps), linear(hidden, weight));
  const nothing = zeros(cell.shape, { dtype: x.dtype, device: x.device });
  const [m, cells] = lstmSteps(input, nothing, contiguous(cell), matmul(weight, projection), steps) as [Tensor, Tensor];
  return [linear(m, projection), cells];
}
