/**
 * Reads that are awaited a few steps late: the device always has the next step queued, and the host never runs further
 * ahead than that. Each await lets the event loop turn.
 */
export class Ahead<T> {
  readonly #pending: Promise<T>[] = [];
  readonly #depth: number;
  readonly #take: (value: T) => void;

  constructor(depth: number, take: (value: T) => void) {
    this.#depth = depth;
    this.#take = take;
  }

  async push(read: Promise<T>): Promise<void> {
    read.catch(() => {}); // reported when its turn comes
    this.#pending.push(read);
    while (this.#pending.length > this.#depth) await this.#next();
  }

  async drain(): Promise<void> {
    while (this.#pending.length > 0) await this.#next();
  }

  async #next(): Promise<void> {
    const read = this.#pending.shift();
    if (read !== undefined) this.#take(await read);
  }
}
