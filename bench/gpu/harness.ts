// How our side of `npm run gpu:bench` measures: calls are issued in batches, and the device reads its clock before and after
// each. Inputs are random and rotate through more than three times the L2.
import { device, randn, scope } from '../../lib/index.ts';
import type { Device, DType, Tensor } from '../../lib/index.ts';
import { print } from '../../lib/bench/machine.ts';
import { median } from '../../lib/bench/statistics.ts';
import { timeCalls, usualClock } from '../../lib/bench/timing.ts';

const sweep = 200 * 2 ** 20; // bytes between two uses of the same input
const batchSeconds = 0.02;

export interface Work {
  readonly flops?: number;
  readonly bytes?: number;
  readonly samples?: number;
}

export class Bench {
  readonly on: string;
  /** Small shapes, one call each: shows that everything runs. */
  readonly quick: boolean;
  readonly #device: Device;

  constructor(on: string, quick: boolean) {
    this.on = on;
    this.quick = quick;
    this.#device = device(on);
  }

  shrink<T extends readonly number[]>(...sizes: T): { [K in keyof T]: number } {
    return sizes.map((n) => (this.quick ? Math.max(8, Math.floor(n / 64)) : n)) as { [K in keyof T]: number };
  }

  normal(shape: readonly number[], dtype: DType = 'float32'): Tensor {
    return scope(() => randn(shape, { device: this.on }).to(dtype) as Tensor);
  }

  /** Enough sets of inputs that one comes round after the L2 has forgotten it. */
  sets<T>(make: () => T, bytes: number): T[] {
    const count = this.quick ? 1 : Math.max(1, Math.min(16, Math.ceil(sweep / Math.max(1, bytes))));
    return Array.from({ length: count }, make);
  }

  /** Measures `f` and prints a line; what `f` makes is freed after each call. */
  async row(group: string, name: string, f: (i: number) => unknown, work: Work = {}, impl = 'warpgrad'): Promise<void> {
    try {
      const times = await this.#times(f);
      const ms = median(times);
      print({
        group,
        case: name,
        impl,
        median_ms: ms,
        min_ms: Math.min(...times),
        ...(work.flops === undefined ? {} : { tflops: work.flops / ms / 1e9 }),
        ...(work.bytes === undefined ? {} : { gbps: work.bytes / ms / 1e6 }),
        ...(work.samples === undefined ? {} : { samples_per_s: (work.samples / ms) * 1e3 }),
      });
    } catch (error) {
      print({ group, case: name, impl, error: error instanceof Error ? error.message.slice(0, 200) : String(error) });
      await this.#device.synchronize().catch(() => {}); // what else failed belongs to this case
    }
  }

  /** Milliseconds a call, of each batch. */
  async #times(f: (i: number) => unknown): Promise<number[]> {
    let i = 0;
    const batch = (calls: number): number =>
      timeCalls(() => f(i++), calls, this.#device, usualClock(this.#device)) * 1e3;
    await this.#device.synchronize();
    if (this.quick) return [batch(1)];
    batch(5);
    const calls = Math.max(1, Math.min(500, Math.ceil((batchSeconds * 1e3) / batch(5))));
    const times: number[] = [];
    for (let n = 0; n < 20; n++) times.push(batch(calls));
    return times;
  }
}
