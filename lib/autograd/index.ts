export type { BackwardOptions, GradOptions } from './backward.ts';
export { backward, grad } from './backward.ts';
export type { ForwardContext, Op, OpDefinition, Spec } from './define-op.ts';
export { defineOp, definedOps } from './define-op.ts';
export type { GradCheckOptions } from './grad-check.ts';
export { gradCheck } from './grad-check.ts';
export { detectAnomaly, enableGrad, inference, noGrad, withDevice } from './modes.ts';
export type { BackwardContext, Gradients } from './tape.ts';
