// Where random ops get their numbers from.
import { argumentError } from '../errors.ts';
import type { CreateOptions } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import { device as findDevice } from '../core/device.ts';
import type { DType } from '../core/dtype.ts';
import { currentDevice, defaultGenerator, Generator } from '../core/generator.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';

export interface GeneratorOptions {
  /** Where the numbers come from; the device's default generator when omitted. */
  readonly generator?: Generator | undefined;
}

export interface RandomOptions<D extends DType = DType> extends CreateOptions<D>, GeneratorOptions {}

/** Checks that `generator`, where there is one, is one of the device that numbers are drawn on. */
export function checkGenerator(op: string, generator: unknown, device: string | Device | undefined): void {
  if (generator === undefined) return;
  if (!(generator instanceof Generator)) throw argumentError(op, 'generator must be a Generator');
  const target = device === undefined ? currentDevice() : findDevice(device);
  if (generator.device !== target)
    throw argumentError(op, `the generator is on ${generator.device.name}, the tensor on ${target.name}`);
}

/**
 * Reserves the numbers for the elements of `beside` and gives where they start. The state advances on the device, in order
 * with everything else, so a captured step draws fresh numbers at each replay.
 * @param counters - how many; one gives four float32 or two float64 numbers, or 128 bits
 */
export function take(op: string, generator: Generator | undefined, beside: Tensor, counters?: number): Tensor {
  checkGenerator(op, generator, beside.device);
  const { state } = generator ?? defaultGenerator(beside.device);
  const used = emptyTensor([2], 'int64', beside.storage.queue);
  state.storage.version++;
  state.storage.lastWriter = 'rngTake';
  kernels.rngTake(used, state, counters ?? Math.ceil(beside.size / (beside.dtype === 'float64' ? 2 : 4)));
  return used;
}
