import { noGrad } from '../autograd/index.ts';
import { type Captured, capture } from '../core/capture.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import type { LoaderState } from '../data/index.ts';
import { argumentError, WarpgradError } from '../errors.ts';
import { clipGradNorm } from '../optim/index.ts';
import { Ahead } from './ahead.ts';
import { CheckpointFolder } from './checkpoint.ts';
import type { Batches, EpochReport, Evaluation, FitOptions, FitResult, StepReport, TrainerOptions } from './options.ts';
import { Progress } from './progress.ts';
import { type EpochSums, fromJson, restoreTensors, type RunState, saveTensors, toJson } from './run-state.ts';
import { exitCode, onStopSignal, type StopSignal } from './signals.ts';
import { checkMethods, checkOptions, formatValue } from '../core/values.ts';

// Losses are read one step late: while a step runs the next one is queued. Two late would reach the queue's own bound
// (2 replays), and there JavaScript would block instead of waiting.
const readAhead = 1;
const noSums: EpochSums = { loss: 0, samples: 0, seconds: 0 };

/**
 * Trains a model on batches of [input, target]: epochs, validation, progress, checkpoints and exact resume. The step is
 * captured after its first runs and then replayed; a step that cannot be captured stays eager and says why, once.
 *
 * @example
 * const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 2));
 * const trainer = new Trainer({
 *   model,
 *   loss: new nn.CrossEntropyLoss(),
 *   optimizer: new optim.AdamW(model.parameters(), { lr: 0.01 }),
 *   metrics: { accuracy },
 *   progress: 'none',
 * });
 * const { epochs } = await trainer.fit(loader, { epochs: 3, validation: loader });
 * epochs.at(-1)?.validation?.metrics.accuracy;
 */
export class Trainer {
  readonly #options: TrainerOptions;
  readonly #progress: Progress;
  readonly #checkpoints: CheckpointFolder | null;
  #captured: Captured<[Tensor, Tensor], Tensor> | null = null;
  #step = 0;
  #epochs: EpochReport[] = [];
  #sums: EpochSums = noSums;
  #savedAt = '';
  #fitting = false;

  constructor(options: TrainerOptions) {
    checkOptions('Trainer', options);
    checkMethods('Trainer', 'model', options.model, 'forward', 'parameters', 'modules');
    checkMethods('Trainer', 'optimizer', options.optimizer, 'step', 'zeroGrad');
    if (typeof options.loss !== 'function') checkMethods('Trainer', 'loss', options.loss, 'forward');
    this.#options = options;
    const { checkpoint, progress = 'auto', output = process.stdout, unit = 'samples' } = options;
    checkCount('checkpoint.everySteps', checkpoint?.everySteps ?? 1);
    checkCount('checkpoint.everyEpochs', checkpoint?.everyEpochs ?? 1);
    this.#progress = new Progress(progress, output, unit);
    this.#checkpoints = checkpoint ? new CheckpointFolder(checkpoint.folder, checkpoint) : null;
    if (options.mode !== 'eager') {
      this.#captured = capture((x: Tensor, y: Tensor) => this.#eagerStep(x, y), { modules: options.model.modules() });
    }
  }

  /** Steps done so far. */
  get step(): number {
    return this.#step;
  }

  /** Whether the step is still meant to be replayed; false when it runs op by op. */
  get captured(): boolean {
    return this.#captured !== null;
  }

  /**
   * Trains until `epochs` epochs are done in all, or until it is told to stop.
   * @throws whatever the model, the loss, the loader or a callback throws; ERR_IO when a checkpoint cannot be written.
   */
  async fit(loader: Batches, options: FitOptions): Promise<FitResult> {
    checkMethods('Trainer.fit', 'loader', loader);
    checkOptions('Trainer.fit', options);
    if (this.#fitting) throw argumentError('Trainer.fit', 'is already running');
    checkCount('epochs', options.epochs, 0);
    this.#fitting = true;
    const stop = new Stop(options);
    try {
      if (options.resume === 'newest') await this.#resume(loader);
      this.#options.model.train();
      this.#options.optimizer.zeroGrad();
      while (loader.state.epoch < options.epochs && stop.reason === null) await this.#epoch(loader, options, stop);
      if (stop.reason !== null) await this.#save(loader.state);
    } finally {
      stop.close();
      this.#fitting = false;
    }
    return { epochs: this.#epochs, steps: this.#step, stopped: stop.reason };
  }

  /** Means of the loss and of every metric over `loader`, in evaluation mode and without gradients. */
  async evaluate(loader: AsyncIterable<readonly [Tensor, Tensor]>): Promise<Evaluation> {
    const { model, metrics = {} } = this.#options;
    const modes = model.modules().map((module) => ({ module, training: module.training }));
    model.eval();
    const names = Object.keys(metrics);
    const sums = [0, ...names.map(() => 0)];
    let samples = 0;
    const reads = new Ahead<{ values: readonly number[]; size: number }>(readAhead, ({ values, size }) => {
      values.forEach((value, k) => {
        sums[k] = (sums[k] ?? 0) + value * size;
      });
      samples += size;
    });
    try {
      for await (const [x, y] of loader) {
        const size = x.shape[0] ?? 1;
        const scalars = noGrad(() => scope(() => this.#scores(x, y)));
        const values = Promise.all(scalars.map((t) => t.item()));
        for (const t of [...scalars, x, y]) t.dispose();
        await reads.push(values.then((each) => ({ values: each, size })));
      }
      await reads.drain();
    } finally {
      for (const { module, training } of modes) module.training = training;
    }
    const mean = (k: number): number => (sums[k] ?? 0) / samples;
    return { loss: mean(0), metrics: Object.fromEntries(names.map((name, k) => [name, mean(k + 1)])) };
  }

  /** Frees the captured step. The model and the optimizer are their owner's. */
  dispose(): void {
    this.#captured?.dispose();
    this.#captured = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #scores(x: Tensor, y: Tensor): Tensor[] {
    const { model, metrics = {} } = this.#options;
    const { input, target } = this.#here(x, y);
    const output = model.forward(input);
    return [this.#loss(output, target), ...Object.values(metrics).map((metric) => metric(output, target))];
  }

  #loss(output: Tensor, target: Tensor): Tensor {
    const { loss } = this.#options;
    return typeof loss === 'function' ? loss(output, target) : loss.forward(output, target);
  }

  /** The batch on the model's device. */
  #here(x: Tensor, y: Tensor): { input: Tensor; target: Tensor } {
    const device = this.#options.optimizer.params[0]?.device ?? x.device;
    const move = (t: Tensor): Tensor => (t.device === device ? t : t.to(device));
    return { input: move(x), target: move(y) };
  }

  #eagerStep(x: Tensor, y: Tensor): Tensor {
    const { model, optimizer, clipNorm } = this.#options;
    return scope(() => {
      const { input, target } = this.#here(x, y);
      const loss = this.#loss(model.forward(input), target);
      loss.backward();
      if (clipNorm !== undefined) clipGradNorm(optimizer.params, clipNorm);
      optimizer.step();
      // Gradients end with the step, so that every step begins alike.
      optimizer.zeroGrad();
      return loss.detach();
    });
  }

  /** Replays the step, or runs it eagerly when it cannot be captured. */
  #runStep(x: Tensor, y: Tensor): Tensor {
    if (this.#captured !== null) {
      try {
        return this.#captured(x, y);
      } catch (error) {
        if (!(error instanceof WarpgradError) || error.code !== 'ERR_CAPTURE') throw error;
        this.#progress.line(`the step is not captured: ${error.message}`);
        this.dispose();
        this.#options.optimizer.zeroGrad();
      }
    }
    return this.#eagerStep(x, y);
  }

  /** Trains what is left of the loader's epoch; on a stop the loader is left exactly after the last step. */
  async #epoch(loader: Batches, options: FitOptions, stop: Stop): Promise<void> {
    const { schedule, optimizer, checkpoint, onStep } = this.#options;
    const { epoch } = loader.state;
    const before = this.#sums.seconds;
    let paused: LoaderState | null = null;
    let since = performance.now();
    const seconds = (): number => before + (performance.now() - since) / 1000;
    const reads = new Ahead<StepReport & { size: number }>(readAhead, ({ size, ...report }) => {
      const { loss, samples } = this.#sums;
      this.#sums = { loss: loss + report.loss * size, samples: samples + size, seconds: seconds() };
      onStep?.(report);
      this.#progress.update({
        epoch,
        epochs: options.epochs,
        batch: loader.state.cursor,
        batches: loader.length,
        loss: this.#sums.loss / this.#sums.samples,
        samplesPerSecond: this.#sums.samples / this.#sums.seconds,
      });
    });
    for await (const [x, y] of loader) {
      schedule?.apply(optimizer, this.#step);
      const report = { step: this.#step, epoch, lr: optimizer.lr, size: x.shape[0] ?? 1 };
      const result = this.#runStep(x, y);
      const loss = result.item();
      for (const t of [result, x, y]) t.dispose();
      this.#step++;
      await reads.push(loss.then((value) => ({ ...report, loss: value })));
      if (stop.reason !== null) {
        paused = loader.state;
        break;
      }
      if (checkpoint?.everySteps !== undefined && this.#step % checkpoint.everySteps === 0) {
        await reads.drain();
        const pausedAt = performance.now();
        await this.#save(loader.state);
        since += performance.now() - pausedAt;
      }
    }
    await reads.drain();
    if (paused !== null)
      loader.restore(paused); // leaving the loop gave up the rest of the epoch
    else await this.#endEpoch(loader, epoch, options);
  }

  async #endEpoch(loader: Batches, epoch: number, { validation, epochs }: FitOptions): Promise<void> {
    const { checkpoint, onEpoch } = this.#options;
    const { loss, samples, seconds } = this.#sums;
    const report: EpochReport = {
      epoch,
      steps: this.#step,
      loss: loss / samples,
      seconds,
      samplesPerSecond: samples / seconds,
      validation: validation === undefined ? null : await this.evaluate(validation),
    };
    this.#epochs = [...this.#epochs, report];
    this.#sums = noSums;
    this.#progress.line(this.#describe(report, epochs));
    await onEpoch?.(report);
    const last = epoch + 1 >= epochs;
    if (checkpoint && (last || (epoch + 1) % (checkpoint.everyEpochs ?? 1) === 0)) await this.#save(loader.state);
  }

  #describe({ epoch, loss, seconds, samplesPerSecond, validation }: EpochReport, epochs: number): string {
    const parts = [`epoch ${String(epoch + 1).padStart(String(epochs).length)}/${epochs}`, `loss ${loss.toFixed(4)}`];
    if (validation !== null) {
      const scores = Object.entries(validation.metrics).map(([name, value]) => ` ${name} ${value.toFixed(4)}`);
      parts.push(`validation loss ${validation.loss.toFixed(4)}${scores.join('')}`);
    }
    parts.push(this.#progress.speed(samplesPerSecond), `${seconds.toFixed(1)} s`);
    return parts.join('  ');
  }

  /** Saves the run, unless nothing has happened since the last time. */
  async #save(loader: LoaderState): Promise<void> {
    const { model, optimizer } = this.#options;
    const moment = `${this.#step} ${loader.epoch} ${loader.cursor}`;
    if (this.#checkpoints === null || moment === this.#savedAt) return;
    const { kind, groups } = optimizer.stateDict();
    const state: RunState = {
      step: this.#step,
      loader,
      sums: this.#sums,
      epochs: this.#epochs,
      optimizer: { kind, groups },
    };
    await this.#checkpoints.save(await saveTensors(model, optimizer), toJson(state));
    this.#savedAt = moment;
  }

  async #resume(loader: Batches): Promise<void> {
    const { model, optimizer } = this.#options;
    if (this.#checkpoints === null) throw argumentError('Trainer.fit', "resume: 'newest' wants a checkpoint folder");
    const found = await this.#checkpoints.latest();
    if (found === null) return;
    const state = fromJson(found.body);
    restoreTensors(model, optimizer, found.tensors, state.optimizer);
    loader.restore(state.loader);
    this.#step = state.step;
    this.#epochs = [...state.epochs];
    this.#sums = state.sums;
    this.#progress.line(`resumed from ${found.path}: epoch ${state.loader.epoch + 1}, step ${state.step}`);
  }
}

/** Whoever may stop a run: the caller's AbortSignal, and SIGINT or SIGTERM if asked for. */
class Stop {
  reason: StopSignal | 'aborted' | null = null;
  readonly #close: (() => void)[] = [];

  constructor({ signal, stopSignals }: FitOptions) {
    if (signal?.aborted) this.reason = 'aborted';
    const abort = (): void => {
      this.reason ??= 'aborted';
    };
    signal?.addEventListener('abort', abort);
    this.#close.push(() => signal?.removeEventListener('abort', abort));
    if (stopSignals !== 'save') return;
    this.#close.push(
      onStopSignal((name) => {
        this.reason ??= name;
        process.exitCode = exitCode(name);
      }),
    );
  }

  close(): void {
    for (const each of this.#close) each();
  }
}

function checkCount(name: string, value: number, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw argumentError('Trainer', `${name}: wanted an integer ≥ ${least}, got ${formatValue(value)}`);
  }
}
