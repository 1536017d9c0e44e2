import { argumentError } from '../errors.ts';
import { current } from './context.ts';
import type { Device } from './device.ts';
import { device as findDevice } from './device.ts';
import { copied, copyKernel } from './primitives.ts';
import { upload } from './storage.ts';
import { keep } from './scope.ts';
import { Tensor } from './tensor.ts';
import { checkOptions, formatValue } from './values.ts';

/**
 * A stream of random numbers: a seed and an offset that live on a device, so that a captured step draws fresh numbers at
 * each replay. The same seed gives the same numbers on every device and for any thread count.
 * @example
 * const g = new Generator(7); rand([2], { generator: g }); // the same two numbers every time
 */
export class Generator {
  /** @internal int64 [seed, offset] */
  readonly state: Tensor<'int64'>;

  constructor(seed: number | bigint, device?: string | Device) {
    const target = device === undefined ? currentDevice() : findDevice(device);
    const storage = upload(target.train, new BigInt64Array([checkSeed('Generator', seed), 0n]));
    this.state = keep(new Tensor(storage, 0, [2], [1], 'int64', 2, true));
  }

  get device(): Device {
    return this.state.device;
  }

  /** Starts the stream of `seed` from its beginning. */
  manualSeed(seed: number | bigint): this {
    this.state.write(new BigInt64Array([checkSeed('manualSeed', seed), 0n]));
    return this;
  }

  /** Seed and position, to continue later from the same place. */
  async getState(): Promise<{ seed: bigint; offset: bigint }> {
    const [seed = 0n, offset = 0n] = await this.state.data();
    return { seed, offset };
  }

  setState(state: { readonly seed: number | bigint; readonly offset: number | bigint }): this {
    checkOptions('setState', state);
    const { seed, offset } = state;
    this.state.write(new BigInt64Array([checkSeed('setState', seed), checkSeed('setState', offset)]));
    return this;
  }
}

function checkSeed(op: string, seed: number | bigint): bigint {
  if (typeof seed === 'bigint') return BigInt.asIntN(64, seed);
  if (Number.isSafeInteger(seed)) return BigInt(seed);
  throw argumentError(op, `a seed must be an integer, got ${formatValue(seed)}`);
}

export function currentDevice(): Device {
  return current().device ?? findDevice('cpu');
}

const generators = new Map<Device, Generator>();
let lastSeed: bigint | null = null;

/** The generator random ops use on `device` when none is named. */
export function defaultGenerator(device?: string | Device): Generator {
  const target = device === undefined ? currentDevice() : findDevice(device);
  let generator = generators.get(target);
  if (generator === undefined) {
    const seed = lastSeed ?? BigInt(Math.floor(Math.random() * 2 ** 52));
    generator = new Generator(seed, target);
    generators.set(target, generator);
  }
  return generator;
}

/** The positions of the default generators of `devices` at one moment, kept there: nothing is read or waited for. */
export class GeneratorStates {
  readonly #states = new Map<Generator, Tensor<'int64'>>();

  constructor(devices: Iterable<Device>) {
    for (const each of new Set(devices)) {
      const generator = defaultGenerator(each);
      this.#states.set(generator, snapshot(generator.state));
    }
  }

  /** Puts the generators back to that moment. */
  restore(): void {
    for (const [{ state }, saved] of this.#states) {
      copyKernel(state, saved);
      state.storage.version++;
      state.storage.lastWriter = 'checkpoint';
    }
  }

  dispose(): void {
    for (const saved of this.#states.values()) saved.dispose();
    this.#states.clear();
  }
}

function snapshot(state: Tensor<'int64'>): Tensor<'int64'> {
  const saved = copied(state, state.storage.queue);
  saved._kept = true;
  return saved;
}

/**
 * Seeds the default generator of every device.
 * @example
 * manualSeed(1); const a = rand([3]);
 */
export function manualSeed(seed: number | bigint): void {
  lastSeed = checkSeed('manualSeed', seed);
  for (const generator of generators.values()) generator.manualSeed(lastSeed);
}
