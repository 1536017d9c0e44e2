// The elementwise families: modules all of whose exports are ops of a tensor (and more) that keep its shape, or broadcast it. Their
// methods (methods.ts) and in-place forms (inplace.ts) follow from this list.
import type { Tensor } from '../core/tensor.ts';
import * as activation from './activation.ts';
import * as aliases from './aliases.ts';
import * as arithmetic from './arithmetic.ts';
import * as bessel from './bessel.ts';
import * as binary from './binary.ts';
import * as bitwise from './bitwise.ts';
import * as clipping from './clipping.ts';
import * as compare from './compare.ts';
import * as division from './division.ts';
import * as exponential from './exponential.ts';
import * as logic from './logic.ts';
import * as nanToNum from './nan-to-num.ts';
import * as predicates from './predicates.ts';
import * as rounding from './rounding.ts';
import * as slopes from './slopes.ts';
import * as special from './special.ts';
import * as ternary from './ternary.ts';
import * as trig from './trig.ts';
import * as unary from './unary.ts';
import { digamma, lgamma, mvlgamma } from './gamma.ts';
import type { MethodsOf } from './methods.ts';
import type { Value } from './shared.ts';

export type Elementwise = typeof activation &
  typeof aliases &
  typeof arithmetic &
  typeof bessel &
  typeof binary &
  typeof bitwise &
  typeof clipping &
  typeof compare &
  typeof division &
  typeof exponential &
  typeof logic &
  typeof nanToNum &
  typeof predicates &
  typeof rounding &
  typeof slopes &
  typeof special &
  typeof ternary &
  typeof trig &
  typeof unary & {
    readonly digamma: typeof digamma;
    readonly lgamma: typeof lgamma;
    readonly mvlgamma: typeof mvlgamma;
  };

type CompareMethods = { readonly [K in keyof typeof compare]: (other: Value) => Tensor<'bool'> };
/** What they add to a tensor. */
export type ElementwiseMethods = Omit<MethodsOf<Elementwise>, keyof CompareMethods> & CompareMethods;

export const elementwise: Elementwise = {
  ...activation,
  ...aliases,
  ...arithmetic,
  ...bessel,
  ...binary,
  ...bitwise,
  ...clipping,
  ...compare,
  ...division,
  ...exponential,
  ...logic,
  ...nanToNum,
  ...predicates,
  ...rounding,
  ...slopes,
  ...special,
  ...ternary,
  ...trig,
  ...unary,
  digamma,
  lgamma,
  mvlgamma,
};
