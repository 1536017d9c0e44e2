export { type Checkpoint, CheckpointFolder, type Json, readCheckpoint } from './checkpoint.ts';
export { accuracy, type Metric } from './metrics.ts';
export type {
  AnyOptimizer,
  Batches,
  CheckpointOptions,
  EpochReport,
  Evaluation,
  FitOptions,
  FitResult,
  Loss,
  StepReport,
  TrainerOptions,
} from './options.ts';
export type { Output, ProgressStyle } from './progress.ts';
export type { StopSignal } from './signals.ts';
export { Trainer } from './trainer.ts';
