// Which ops one kernel computes, so that their in-place forms can let it write over the first operand.
import type { RecordedOp } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import type { KernelView } from '../native/kernels.ts';

export interface DirectForm {
  readonly recorded: RecordedOp;
  /** Whether the kernel takes a second operand. */
  readonly binary: boolean;
  readonly kernel: (out: KernelView, a: KernelView, b: KernelView | number) => void;
  /** Whether it writes `dtype` when that is what its operands have in common. */
  readonly writes: (dtype: DType) => boolean;
}

/** Notes the form on the op itself: families are made while modules are still loading, so no table exists yet. */
export function withDirectForm<F extends object>(op: F, direct: DirectForm | undefined): F {
  return direct === undefined ? op : Object.assign(op, { direct });
}

/** The form of an op's public function. */
export function directForm(op: unknown): DirectForm | undefined {
  return (op as { direct?: DirectForm }).direct;
}
