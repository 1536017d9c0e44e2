// Runs cases: each made, warmed up and timed, with its place under the machine's ceilings.
import { type Device, device, manualSeed, scope, withDevice } from '../index.ts';
import { bandwidth, type Ceilings, cacheSizes, computeCeiling, memoryCeiling } from './ceilings.ts';
import type { Case, Work } from './family.ts';
import { type InputDtype, setInputDtype } from './inputs.ts';
import { type Measurement, summarise } from './measure.ts';
import { callsOf, type Clock, seconds, timeCalls } from './timing.ts';

export interface RunOptions {
  readonly device: string;
  readonly dtype: InputDtype;
  readonly seconds: number;
  readonly clock: Clock;
  /** `rotate`: cases bound by memory take other inputs in each call, so many that none is in a cache when its turn comes. */
  readonly inputs: 'rotate' | 'warm';
  readonly ceilings: Ceilings | null;
}

/** What the report says of a case. */
export interface CaseResult extends Measurement {
  readonly family: string;
  readonly params: Case['params'];
  /** What bounds it on this machine, by its arithmetic and its bytes. */
  readonly bound: 'compute' | 'memory' | null;
  /** Of what that bound allows, by the median. */
  readonly share: number | null;
  /** How many sets of inputs there were. */
  readonly sets: number;
  /** The least of each process that measured it: what `--compare` compares. */
  readonly rounds: readonly number[];
}

const itemBytes: Readonly<Record<InputDtype, number>> = { float32: 4, float64: 8, float16: 2, bfloat16: 2 };
/** Memory for sets of inputs beyond the first. */
const mostBytes = 2 ** 29;
const mostSets = 256;
/** What is smaller stays in the caches in any program. */
const leastBytes = 2 ** 18;

/** Seconds a call cannot take less of on this machine, and what it is that takes them. */
export function floorOf(
  ceilings: Ceilings,
  { flops = 0, bytes = 0 }: { flops?: number; bytes?: number },
  dtype: InputDtype,
  beyondCaches: boolean,
): { seconds: number; bound: 'compute' | 'memory' } {
  const compute = flops / computeCeiling(ceilings, dtype).gflops / 1e9;
  const level = memoryCeiling(ceilings, beyondCaches ? Number.MAX_SAFE_INTEGER : bytes);
  const memory = bytes / bandwidth(level) / 1e9;
  return compute >= memory ? { seconds: compute, bound: 'compute' } : { seconds: memory, bound: 'memory' };
}

/** A case ready to be timed. */
export class Prepared {
  readonly of: Case;
  readonly works: readonly Work[];
  readonly flops: number | null;
  readonly bytes: number | null;
  readonly bound: 'compute' | 'memory' | null;
  readonly #on: Device;
  readonly #options: RunOptions;
  #call = 0;

  constructor(of: Case, options: RunOptions) {
    this.of = of;
    this.#options = options;
    this.#on = device(options.device);
    setInputDtype(options.dtype);
    manualSeed(1);
    const first = of.make();
    const { flops, bytes } = first;
    this.flops = flops ?? null;
    this.bytes = bytes === undefined ? null : (bytes * itemBytes[options.dtype]) / 4;
    this.bound =
      options.ceilings === null
        ? null
        : floorOf(options.ceilings, { flops: flops ?? 0, bytes: this.bytes ?? 0 }, options.dtype, true).bound;
    const count = this.#setsWanted();
    this.works = [first, ...Array.from({ length: count - 1 }, () => of.make())];
  }

  #setsWanted(): number {
    if (this.#options.inputs === 'warm' || this.bound !== 'memory' || this.bytes === null || this.bytes === 0) return 1;
    const caches = this.#on.kind === 'cpu' ? cacheSizes()[2] : 2 ** 26;
    if (this.bytes < leastBytes) return 1;
    const count = Math.ceil((3 * caches) / this.bytes);
    return Math.max(1, Math.min(count, mostSets, Math.floor(mostBytes / this.bytes)));
  }

  /** Seconds a call. */
  time(calls: number): number {
    const { works } = this;
    return timeCalls(() => (works[this.#call++ % works.length] as Work).run(), calls, this.#on, this.#options.clock);
  }

  result(times: readonly number[], calls: number): CaseResult {
    const { of, flops, bytes } = this;
    const { ceilings, clock, dtype } = this.#options;
    const measured = summarise(`${of.family} ${of.name}`, times, { flops, bytes, calls, clock });
    const floor =
      ceilings === null
        ? null
        : floorOf(ceilings, { flops: flops ?? 0, bytes: bytes ?? 0 }, dtype, this.works.length > 1);
    const known = (flops ?? 0) > 0 || (bytes ?? 0) > 0;
    return {
      ...measured,
      family: of.family,
      params: of.params,
      bound: known ? (floor?.bound ?? null) : null,
      share: known && floor !== null ? floor.seconds / measured.median : null,
      sets: this.works.length,
      rounds: [measured.least],
    };
  }
}

/** Short, so that many batches pass undisturbed on a machine that others use too. */
export const batchSeconds = 0.002;

/** Makes, warms up and times one case. */
export async function runCase(one: Case, options: RunOptions): Promise<CaseResult> {
  return await withDevice(options.device, () =>
    scope(async () => {
      const ready = new Prepared(one, options);
      const calls = await callsOf((n) => ready.time(n), batchSeconds);
      const times: number[] = [];
      const until = seconds() + options.seconds;
      while (times.length < 5 || seconds() < until) {
        times.push(ready.time(calls));
        if (times.length % 8 === 0) await new Promise(setImmediate);
      }
      return ready.result(times, calls);
    }),
  );
}
