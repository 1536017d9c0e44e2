export {
  Hardsigmoid,
  Hardswish,
  LogSigmoid,
  Mish,
  ReLU,
  ReLU6,
  SELU,
  Sigmoid,
  SiLU,
  Softsign,
  Tanh,
  Tanhshrink,
} from './activation.ts';
export {
  CELU,
  ELU,
  GEGLU,
  GELU,
  GLU,
  Hardshrink,
  Hardtanh,
  LeakyReLU,
  PReLU,
  RReLU,
  Softplus,
  Softshrink,
  SwiGLU,
  Threshold,
} from './activation-with.ts';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from './batch-norm.ts';
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
} from './conv.ts';
export {
  AlphaDropout,
  Dropout,
  Dropout2d,
  Dropout2d as Dropout1d,
  Dropout2d as Dropout3d,
  FeatureAlphaDropout,
} from './dropout.ts';
export * as init from './init.ts';
export { Linear, type LinearOptions } from './linear.ts';
export * from './loss.ts';
export { type Layer, Module, type StateDict, type StateDifference } from './module.ts';
export * from './norm.ts';
export {
  InstanceNorm as InstanceNorm1d,
  InstanceNorm as InstanceNorm2d,
  InstanceNorm as InstanceNorm3d,
} from './norm.ts';
export type { LayerOptions } from './options.ts';
export { type Buffer, buffer, type Parameter, parameter } from './parameter.ts';
export * from './pooling.ts';
export * from './resizing.ts';
export { Flatten, Sequential } from './sequential.ts';
export { type AttendOptions, MultiheadAttention, type MultiheadAttentionOptions } from './attention.ts';
export { Embedding, EmbeddingBag, type EmbeddingBagLayerOptions, type EmbeddingLayerOptions } from './embedding.ts';
export {
  type CellOptions,
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type LSTMOptions,
  type RecurrentLayerOptions,
  RNN,
  RNNCell,
  type RNNOptions,
} from './recurrent.ts';
export * from './transformer.ts';
export * from './transformer-layer.ts';
export * from './padding.ts';
export * from './shaping.ts';
export * from './similarity.ts';
export * from './softmax.ts';
