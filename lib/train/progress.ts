/** A stream that may be a terminal: `process.stdout` is one. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** How a run reports itself: a moving bar on a terminal, a line now and then elsewhere. */
export type ProgressStyle = 'auto' | 'bar' | 'lines' | 'none';

/** What is known in the middle of an epoch. */
export interface Moment {
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  readonly loss: number;
  readonly samplesPerSecond: number;
}

const barMs = 100;
const lineMs = 10_000;
const barWidth = 24;

/** Prints the progress of a run. */
export class Progress {
  readonly #output: Output;
  readonly #style: 'bar' | 'lines' | 'none';
  readonly #unit: string;
  #last = performance.now();
  #barShown = false;

  constructor(style: ProgressStyle, output: Output, unit: string) {
    this.#output = output;
    this.#style = style === 'auto' ? (output.isTTY ? 'bar' : 'lines') : style;
    this.#unit = unit;
  }

  /** Shows `moment` if the last sign of life is long enough ago. */
  update(moment: Moment): void {
    if (this.#style === 'none') return;
    const now = performance.now();
    if (now - this.#last < (this.#style === 'bar' ? barMs : lineMs)) return;
    this.#last = now;
    const { epoch, epochs, batch, batches, loss, samplesPerSecond } = moment;
    const numbers = `loss ${loss.toFixed(4)}  ${this.speed(samplesPerSecond)}`;
    const place = `epoch ${epoch + 1}/${epochs}`;
    if (this.#style === 'lines') {
      this.line(`${place}  batch ${batch}/${batches}  ${numbers}`);
      return;
    }
    const done = batches === 0 ? 1 : batch / batches;
    const text = `${place} ${bar(done)} ${String(Math.floor(done * 100)).padStart(3)} %  ${numbers}`;
    this.#output.write(`\r\x1b[2K${text.slice(0, (this.#output.columns ?? 80) - 1)}`);
    this.#barShown = true;
  }

  /** Prints a line that stays. */
  line(text: string): void {
    if (this.#style === 'none') return;
    this.#output.write(`${this.#barShown ? '\r\x1b[2K' : ''}${text}\n`);
    this.#barShown = false;
  }

  speed(samplesPerSecond: number): string {
    return `${Math.round(samplesPerSecond).toLocaleString('en-US')} ${this.#unit}/s`;
  }
}

function bar(done: number): string {
  const full = Math.round(Math.min(1, done) * barWidth);
  return '█'.repeat(full) + '░'.repeat(barWidth - full);
}
