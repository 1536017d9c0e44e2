export {
  Adadelta,
  type AdadeltaOptions,
  Adagrad,
  type AdagradOptions,
  RMSprop,
  type RMSpropOptions,
} from './adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { Adamax, type AdamaxOptions, NAdam, type NAdamOptions, RAdam, type RAdamOptions } from './adam-kin.ts';
export { clipGradNorm, unscale } from './clip.ts';
export type { ModeOptions } from './fused.ts';
export { LAMB, type LAMBOptions, Lion, type LionOptions } from './lion.ts';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.ts';
export { type GroupOptions, Optimizer, type OptimizerState, type Params, type StepOptions } from './optimizer.ts';
export { type Hyper, type Moments, ParamGroup } from './param-group.ts';
export { CosineWarmup, type CosineWarmupOptions, Schedule } from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export { Adafactor, type AdafactorOptions } from './adafactor.ts';
export { type AverageState, ExponentialMovingAverage, type ExponentialMovingAverageOptions } from './average.ts';
export { Muon, type MuonOptions } from './muon.ts';
export { type PlateauState, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.ts';
export {
  ExponentialLR,
  type ExponentialLROptions,
  MultiStepLR,
  type MultiStepLROptions,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
  type StepLROptions,
} from './schedules-decay.ts';
export {
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
  LinearWarmup,
  type LinearWarmupOptions,
  OneCycleLR,
  type OneCycleLROptions,
} from './schedules-wave.ts';
