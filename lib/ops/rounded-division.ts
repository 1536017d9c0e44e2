// Quotients rounded to whole numbers, which integers keep; div and division.ts offer them.
import { argumentError } from '../errors.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import type { BinaryDefinition, BinaryOp } from './elementwise.ts';
import { defineBinary } from './elementwise.ts';
import { noSlope } from './operands.ts';
import type { Value } from './shared.ts';

/** Integers have no quotient by 0. A tensor's zeros are found by the kernel, which fails the result. */
export function checkDivisor(op: string, dtype: DType, b: Value): void {
  if (!isFloat(dtype) && !(b instanceof Tensor) && Number(b) === 0) {
    throw argumentError(op, `division of ${dtype} by zero`);
  }
}

const whole = (name: string, kernel: BinaryDefinition['kernel']): BinaryOp =>
  defineBinary({
    name,
    kernel,
    result: 'promote',
    saves: [],
    rejectsBool: true,
    check: (dtype, _a, b) => checkDivisor(name, dtype, b),
    backward: (ctx) => [noSlope(ctx.args[0], ctx.needs(0)), noSlope(ctx.args[1], ctx.needs(1))],
  });

export const floorDivide: BinaryOp = whole('floorDivide', (out, a, b) => kernels.floorDivide(out, a, b));
export const truncDivide: BinaryOp = whole('truncDivide', (out, a, b) => kernels.truncDivide(out, a, b));
