// A bar on stderr where somebody watches: what is measured and how much is left. Elsewhere nothing.
import type { WriteStream } from 'node:tty';

const barWidth = 24;

export class Progress {
  readonly #stream: WriteStream;
  readonly #total: number;
  #done = 0;

  constructor(total: number, stream: WriteStream = process.stderr) {
    this.#total = total;
    this.#stream = stream;
  }

  /** What begins now. */
  show(what: string): void {
    if (!this.#stream.isTTY) return;
    const filled = Math.round((this.#done / Math.max(1, this.#total)) * barWidth);
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
    const line = `${bar} ${this.#done}/${this.#total} ${what}`;
    this.#stream.write(`\r\x1b[2K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`);
  }

  advance(): void {
    this.#done++;
  }

  /** Leaves the line to what is printed next. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[2K');
  }
}
