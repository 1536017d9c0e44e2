// Where random ops get their numbers from.
import { argumentError } from '../errors.ts';
import type { CreateOptions } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { defaultGenerator, Generator } from '../core/generator.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';

export interface GeneratorOptions {
  /** Where the numbers come from; the device's default generator when omitted. */
  readonly generator?: Generator | undefined;
}

export interface RandomOptions<D extends DType = DType> extends CreateOptions<D>, GeneratorOptions {}

/**
 * Reserves the numbers for the elements of `beside` and gives where they start. The state advances on the device, in order
 * with everything else, so a captured step draws fresh numbers at each replay.
 * @param counters - how many; one gives four float32 or two float64 numbers, or 128 bits
 */
export function take(op: string, generator: Generator | undefined, beside: Tensor, counters?: number): Tensor {
  if (generator !== undefined && !(generator instanceof Generator))
    throw argumentError(op, 'generator must be a Generator');
  const { state } = generator ?? defaultGenerator(beside.device);
  if (state.device !== beside.device) {
    throw argumentError(op, `the generator is on ${state.device.name}, the tensor on ${beside.device.name}`);
  }
  const used = emptyTensor([2], 'int64', beside.storage.queue);
  state.storage.version++;
  state.storage.lastWriter = 'rngTake';
  kernels.rngTake(used, state, counters ?? Math.ceil(beside.size / (beside.dtype === 'float64' ? 2 : 4)));
  return used;
}
