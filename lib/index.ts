/**
 * Deep learning for Node.js: tensors with autograd over C++ and CUDA kernels of our own.
 * @packageDocumentation
 */
export type { ErrorCode } from './errors.ts';
export { errorCodes, WarpgradError } from './errors.ts';
export type { Captured, CaptureOptions } from './core/capture.ts';
export { capture } from './core/capture.ts';
export type { CreateOptions, NestedNumbers, TensorOptions } from './core/create.ts';
export { borrow, tensor } from './core/create.ts';
export type { DeviceInfo, MemoryInfo, Stats } from './core/device.ts';
export {
  Device,
  device,
  devices,
  getThreads,
  memory,
  resetPeakMemory,
  setMemoryLimit,
  setThreads,
  stats,
} from './core/device.ts';
export type { DType, TypedArrayOf } from './core/dtype.ts';
export type { Float32Precision } from './core/float32-precision.ts';
export { getFloat32Precision, setFloat32Precision } from './core/float32-precision.ts';
export { dtypes } from './core/dtype.ts';
export { defaultGenerator, Generator, manualSeed } from './core/generator.ts';
export type { ScopeOwner } from './core/scope.ts';
export { keep, scope, scopeChildren } from './core/scope.ts';
export { Tensor } from './core/tensor.ts';
export * from './autograd/index.ts';
export * from './ops/index.ts';
export * as nn from './nn/index.ts';
export * as optim from './optim/index.ts';
export * as data from './data/index.ts';
export * as io from './io/index.ts';
export * as train from './train/index.ts';
export { Trainer } from './train/index.ts';
