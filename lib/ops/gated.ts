// Gated linear units (Shazeer 2020): one half of an axis times an activation of the other, in one pass each way.
import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape } from '../core/shape.ts';
import { emptyTensor, type Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { gelu, silu } from './activation.ts';
import { geluSlope, siluSlope } from './activation-slopes.ts';
import type { AxisArgument } from './axis.ts';
import { resolveAxis } from './axis.ts';
import { mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { cat } from './join.ts';
import { floatOf, requireTensor, sliceView } from './shared.ts';
import { sigmoid } from './unary.ts';
import { narrow } from './view.ts';

interface Gate {
  readonly name: string;
  readonly kernel: (out: KernelView, a: KernelView, gate: KernelView) => void;
  readonly gradKernel: (dgate: KernelView, a: KernelView, gate: KernelView, dy: KernelView) => void;
  /** Whether the gate is the first half. */
  readonly first: boolean;
  readonly activation: (x: Tensor) => Tensor;
  readonly slope: (x: Tensor) => Tensor;
}

const half = (shape: Shape, axis: number): Shape => shape.map((size, i) => (i === axis ? size / 2 : size));

/** The first or second half of `t` along `axis`. */
function halfView(t: Tensor, axis: number, second: boolean): KernelView {
  const lengths = half(t.shape, axis);
  const starts = lengths.map((size, i) => (i === axis && second ? size : 0));
  return sliceView(
    t,
    starts,
    lengths,
    lengths.map(() => 1),
  );
}

function defineGate({ name, kernel, gradKernel, first, activation, slope }: Gate): Op<[x: Spec, axis: number], Spec> {
  return defineOp({
    name,
    infer: (x: Spec, axis: number): Spec => ({ shape: half(x.shape, axis), dtype: x.dtype }),
    forward: (ctx, x, axis) => kernel(ctx.out, halfView(x, axis, first), halfView(x, axis, !first)),
    backward: ({ args: [x, axis] }, dy): Gradients => {
      const size = (x.shape[axis] as number) / 2;
      const a = narrow(x, axis, first ? size : 0, size);
      const gate = narrow(x, axis, first ? 0 : size, size);
      const da = mul(dy, activation(gate));
      const dgate = mul(mul(dy, a), slope(gate));
      return [cat(first ? [dgate, da] : [da, dgate], axis), null];
    },
    fastBackward: ({ args: [x, axis] }, dy): Gradients => {
      const dx = emptyTensor(x.shape, x.dtype, dy.storage.queue);
      const gate = halfView(x, axis, !first);
      kernel(halfView(dx, axis, first), dy, gate);
      gradKernel(halfView(dx, axis, !first), halfView(x, axis, first), gate, dy);
      return [dx, null];
    },
    saves: [0],
  });
}

function along(name: string, op: Op<[x: Spec, axis: number], Spec>, x: Tensor, argument: AxisArgument): Tensor {
  requireTensor(name, x);
  if (x.rank === 0) throw shapeError(name, 'wants an axis to halve, got a tensor of rank 0');
  const axis = resolveAxis(name, x, argument);
  if ((x.shape[axis] as number) % 2 !== 0)
    throw shapeError(name, `axis ${axis} must have an even size, got ${formatShape(x.shape)}`);
  const dtype = floatOf(x.dtype);
  return x.dtype === dtype ? op(x, axis) : tidy(() => op(castTo(x, dtype), axis));
}

const gluOp = defineGate({
  name: 'glu',
  kernel: (out, a, gate) => kernels.glu(out, a, gate),
  gradKernel: (dgate, a, gate, dy) => kernels.gluGrad(dgate, a, gate, dy),
  first: false,
  activation: sigmoid,
  slope: (x) => {
    const s = sigmoid(x);
    return mul(s, sub(1, s));
  },
});

/**
 * a · σ(b) with a the first and b the second half of x along `axis` (Dauphin et al. 2017); integers give float32.
 * @returns the shape of `x` with `axis` halved
 * @throws ERR_SHAPE when the size of `axis` is odd
 * @example
 * glu(tensor([2, 0])); // [1]
 */
export function glu(x: Tensor, axis: AxisArgument = -1): Tensor {
  return along('glu', gluOp, x, axis);
}

const swigluOp = defineGate({
  name: 'swiglu',
  kernel: (out, a, gate) => kernels.swiglu(out, a, gate),
  gradKernel: (dgate, a, gate, dy) => kernels.swigluGrad(dgate, a, gate, dy),
  first: true,
  activation: silu,
  slope: siluSlope,
});

/**
 * silu(a) · b with a the first and b the second half of x along `axis`: the gate comes first, as in LLaMA's
 * [gate, up] projection; integers give float32.
 * @returns the shape of `x` with `axis` halved
 * @throws ERR_SHAPE when the size of `axis` is odd
 * @example
 * swiglu(tensor([1, 2])); // [1.4621]
 */
export function swiglu(x: Tensor, axis: AxisArgument = -1): Tensor {
  return along('swiglu', swigluOp, x, axis);
}

const gegluOp = defineGate({
  name: 'geglu',
  kernel: (out, a, gate) => kernels.geglu(out, a, gate),
  gradKernel: (dgate, a, gate, dy) => kernels.gegluGrad(dgate, a, gate, dy),
  first: false,
  activation: (x) => gelu(x),
  slope: geluSlope,
});

/**
 * a · gelu(b) with a the first and b the second half of x along `axis`: the gate comes second, as in glu; integers give
 * float32.
 * @returns the shape of `x` with `axis` halved
 * @throws ERR_SHAPE when the size of `axis` is odd
 * @example
 * geglu(tensor([2, 1])); // [1.6827]
 */
export function geglu(x: Tensor, axis: AxisArgument = -1): Tensor {
  return along('geglu', gegluOp, x, axis);
}
