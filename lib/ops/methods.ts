// Hangs every op on Tensor: t.add(1) is add(t, 1). The elementwise families come whole, the rest from the list below.
import type { BackwardOptions } from '../autograd/backward.ts';
import { backward } from '../autograd/backward.ts';
import type { HookHandle } from '../autograd/hooks.ts';
import { registerHook, retainGrad } from '../autograd/hooks.ts';
import type { GradientHook } from '../autograd/tape.ts';
import type { Device } from '../core/device.ts';
import type { DType } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';
import { at } from './at.ts';
import type { Place, Read } from './at.ts';
import type { Index } from './at-plan.ts';
import type { ToOptions } from './cast.ts';
import { cast, clone, contiguous, detach, to } from './cast.ts';
import * as closeness from './closeness.ts';
import type { FixedSize } from './counted.ts';
import { index } from './index-select.ts';
import * as indexing from './indexing.ts';
import type { ElementwiseMethods } from './families.ts';
import { elementwise } from './families.ts';
import type { InPlaceMethods } from './inplace.ts';
import { copy_, fill_, inPlace, zero_ } from './inplace.ts';
import { linear, matmul } from './matmul.ts';
import * as matrices from './linear-algebra.ts';
import * as randomInPlace from './random-inplace.ts';
import * as shaping from './shaping.ts';
import type { Value } from './shared.ts';
import type { Range } from './slice.ts';
import { copySlice, slice } from './slice.ts';
import * as softmaxes from './softmax.ts';
import type { RepeatInterleaveOptions } from './tile.ts';
import { polygamma } from './gamma.ts';
import * as gated from './gated.ts';
import {
  broadcastTo,
  expand,
  flatten,
  narrow,
  permute,
  reshape,
  select,
  squeeze,
  transpose,
  unsqueeze,
  view,
} from './view.ts';
import { where } from './where.ts';

// A family's methods follow from what its file exports: every function takes the tensor first.
export type MethodOf<F> = F extends (x: never, ...rest: infer R) => infer O ? (...rest: R) => O : never;
export type MethodsOf<M> = { readonly [K in keyof M]: MethodOf<M[K]> };

declare module '../core/tensor.ts' {
  interface Tensor<D extends DType = DType>
    extends ElementwiseMethods,
      InPlaceMethods<Tensor<D>>,
      MethodsOf<typeof gated>,
      MethodsOf<typeof closeness>,
      MethodsOf<typeof matrices>,
      MethodsOf<typeof softmaxes>,
      MethodsOf<typeof indexing>,
      MethodsOf<typeof randomInPlace>,
      MethodsOf<typeof shaping> {
    /** The n-th derivative of digamma here. */
    polygamma(n: number): Tensor;
    /** Adds gradients into `grad` of the leaves this tensor depends on; see `backward`. */
    backward(options?: BackwardOptions): void;
    /** Calls `hook` with each gradient of this tensor; see `registerHook`. */
    registerHook(hook: GradientHook): HookHandle;
    /** Has `backward` keep this tensor's gradient though an op made it; see `retainGrad`. */
    retainGrad(): void;
    /** This tensor where `condition` holds, else `other`. */
    where(condition: Tensor, other: Value): Tensor;
    matmul(other: Tensor): Tensor;
    linear(weight: Tensor, bias?: Tensor | null): Tensor;
    reshape(shape: readonly number[]): Tensor<D>;
    view(shape: readonly number[]): Tensor<D>;
    flatten(start?: number, end?: number): Tensor<D>;
    permute(order: readonly number[]): Tensor<D>;
    transpose(a?: number, b?: number): Tensor<D>;
    expand(shape: readonly number[]): Tensor<D>;
    broadcastTo(shape: readonly number[]): Tensor<D>;
    squeeze(axis?: number | readonly number[]): Tensor<D>;
    unsqueeze(axis: number | readonly number[]): Tensor<D>;
    narrow(axis: number, start: number, length: number): Tensor<D>;
    select(axis: number, index: number): Tensor<D>;
    slice(ranges: readonly Range[], steps?: readonly number[]): Tensor<D>;
    copySlice(src: Tensor, ranges: readonly Range[], steps?: readonly number[]): Tensor<D>;
    index(indices: Tensor | readonly number[], axis?: number): Tensor<D>;
    repeatInterleave(repeats: Tensor, options?: { readonly axis?: number }): Promise<Tensor>;
    repeatInterleave(repeats: number | readonly number[] | Tensor, options?: RepeatInterleaveOptions): Tensor;
    /** Elements named by an index for each axis, to read, overwrite or add to; see `at`. */
    at<const I extends readonly Index[]>(...indices: I): Place<D, Read<D, I>>;
    nonzero(): Promise<Tensor<'int32' | 'int64'>>;
    nonzero(options: FixedSize): Tensor<'int32' | 'int64'>;
    argwhere(): Promise<Tensor<'int32' | 'int64'>>;
    argwhere(options: FixedSize): Tensor<'int32' | 'int64'>;
    maskedSelect(mask: Tensor): Promise<Tensor<D>>;
    maskedSelect(mask: Tensor, options: FixedSize): Tensor<D>;
    cast<E extends DType>(dtype: E): Tensor<E>;
    to<E extends DType>(target: E): Tensor<E>;
    to(target: string | Device): Tensor<D>;
    to<E extends DType = D>(target: ToOptions<E>): Tensor<E>;
    clone(): Tensor<D>;
    contiguous(): Tensor<D>;
    detach(): Tensor<D>;
    copy_(source: Tensor): this;
    fill_(value: number | bigint): this;
    zero_(): this;
  }
}

/** Functions whose first argument becomes `this`. */
const methods = {
  ...elementwise,
  ...inPlace,
  polygamma: (x: Tensor, n: number) => polygamma(n, x),
  ...gated,
  ...closeness,
  ...matrices,
  ...softmaxes,
  ...indexing,
  ...randomInPlace,
  ...{ backward, registerHook, retainGrad, matmul, linear },
  ...shaping,
  ...{
    reshape,
    view,
    flatten,
    permute,
    transpose,
    expand,
    broadcastTo,
    squeeze,
    unsqueeze,
    narrow,
    select,
    slice,
    copySlice,
  },
  ...{ index, cast, to, clone, contiguous, detach, copy_, fill_, zero_ },
  where: (a: Tensor, condition: Tensor, b: Value): Tensor => where(condition, a, b),
};

// Up to four arguments by name: a rest array per call would cost more than the dispatch itself.
type Method = (this: Tensor, a?: unknown, b?: unknown, c?: unknown, d?: unknown) => unknown;

/** Makes functions that take a tensor first its methods; methods-*.ts hang families of their own. */
export function hang(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, op] of Object.entries(functions)) {
    const call = op as (x: Tensor, a?: unknown, b?: unknown, c?: unknown, d?: unknown) => unknown;
    const method: Method = function (a, b, c, d) {
      return call(this, a, b, c, d);
    };
    Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true });
  }
}

hang(methods);
// The one method whose number of arguments matters.
Object.defineProperty(Tensor.prototype, 'at', {
  value(this: Tensor, ...indices: readonly Index[]) {
    return at(this, ...indices);
  },
  writable: true,
  configurable: true,
});
