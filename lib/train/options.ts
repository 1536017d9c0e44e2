import type { Tensor } from '../core/tensor.ts';
import type { LoaderState } from '../data/index.ts';
import type { Layer } from '../nn/index.ts';
import type { Optimizer, Schedule } from '../optim/index.ts';
import type { Metric } from './metrics.ts';
import type { Output, ProgressStyle } from './progress.ts';
import type { StopSignal } from './signals.ts';

/** A loss as a function, or as a module such as `CrossEntropyLoss`. */
export type Loss = ((output: Tensor, target: Tensor) => Tensor) | { forward(output: Tensor, target: Tensor): Tensor };

/** What a Trainer asks of an optimizer. */
export type AnyOptimizer = Pick<Optimizer, 'step' | 'zeroGrad' | 'lr' | 'params' | 'stateDict' | 'loadStateDict'>;

/** What a Trainer asks of a loader of [input, target]: a `DataLoader` of two fields is one. */
export interface Batches extends AsyncIterable<readonly [Tensor, Tensor]> {
  readonly length: number;
  readonly state: LoaderState;
  restore(state: LoaderState): void;
}

/** One training step that has been computed. */
export interface StepReport {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly lr: number;
}

/** One epoch that is over; metrics are those of the validation set. */
export interface EpochReport {
  readonly epoch: number;
  readonly steps: number;
  readonly loss: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly validation: Evaluation | null;
}

/** Means over a whole data set: the loss, and every metric by name. */
export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Where and how often a run saves itself. */
export interface CheckpointOptions {
  readonly folder: string;
  /** Newest checkpoints that stay. */
  readonly keep?: number;
  /** Also saves in the middle of an epoch, every so many steps. */
  readonly everySteps?: number;
  /** Saves at the end of every so many epochs. */
  readonly everyEpochs?: number;
}

/** What a Trainer trains, and how. */
export interface TrainerOptions {
  readonly model: Layer;
  readonly loss: Loss;
  /** Made from the model's parameters, on their device. */
  readonly optimizer: AnyOptimizer;
  readonly schedule?: Schedule;
  /** Upper bound of the gradients' common norm. */
  readonly clipNorm?: number;
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** 'captured' records the step once and replays it; 'eager' queues it op by op. */
  readonly mode?: 'captured' | 'eager';
  readonly checkpoint?: CheckpointOptions;
  readonly progress?: ProgressStyle;
  /** Where progress is printed; stdout when omitted. */
  readonly output?: Output;
  /** What a sample is called in "1,234 images/s". */
  readonly unit?: string;
  /** Called for every step, a few steps late, in order. */
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (report: EpochReport) => void | Promise<void>;
}

/** How long `fit` trains, and when it stops. */
export interface FitOptions {
  /** Epochs in all, those before a resume included. */
  readonly epochs: number;
  readonly validation?: Batches;
  /** Stops after the step that runs; with a checkpoint folder the run is saved first. */
  readonly signal?: AbortSignal;
  /** 'newest' continues from the newest sound checkpoint, if there is one. */
  readonly resume?: 'newest' | 'never';
  /**
   * 'save' makes SIGINT and SIGTERM stop the run like `signal` and sets the exit code 130 or 143; a second signal ends the
   * process at once. By default no handler is installed.
   */
  readonly stopSignals?: 'save' | 'ignore';
}

/** What `fit` did. */
export interface FitResult {
  readonly epochs: readonly EpochReport[];
  /** Steps in all, those before a resume included. */
  readonly steps: number;
  /** Why the run ended before its last epoch. */
  readonly stopped: StopSignal | 'aborted' | null;
}
