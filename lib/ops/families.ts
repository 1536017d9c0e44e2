// The elementwise families: modules all of whose exports are ops of a tensor (and more) that keep its shape, or broadcast it. Their
// methods (methods.ts) and in-place forms (inplace.ts) follow from this list.
import * as arithmetic from './arithmetic.ts';
import * as binary from './binary.ts';
import * as bitwise from './bitwise.ts';
import * as compare from './compare.ts';
import * as division from './division.ts';
import * as logic from './logic.ts';
import * as ternary from './ternary.ts';
import * as unary from './unary.ts';

export type Elementwise = typeof arithmetic &
  typeof binary &
  typeof bitwise &
  typeof compare &
  typeof division &
  typeof logic &
  typeof ternary &
  typeof unary;

export const elementwise: Elementwise = {
  ...arithmetic,
  ...binary,
  ...bitwise,
  ...compare,
  ...division,
  ...logic,
  ...ternary,
  ...unary,
};
