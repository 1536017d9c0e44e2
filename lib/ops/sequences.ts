// Evenly spaced numbers.
import { argumentError, dtypeError } from '../errors.ts';
import type { CreateOptions } from '../core/create.ts';
import { create } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { pow } from './binary.ts';
import { fillWith } from './shared.ts';

function checkEnds(op: string, start: number, end: number, options: CreateOptions): void {
  checkOptions(op, options);
  if (options.dtype === 'bool') throw dtypeError(op, 'is not defined for bool');
  for (const each of [start, end]) {
    if (typeof each !== 'number' || !Number.isFinite(each)) {
      throw argumentError(op, `start and end must be finite numbers, got ${formatValue(each)}`);
    }
  }
}

/**
 * `steps` numbers from `start` to `end`, both included, evenly spaced; integer dtypes cut fractions off.
 * @returns [steps]
 * @example
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkEnds('linspace', start, end, options);
  const out = create<D>('linspace', [steps], options);
  fillWith(out, (target) => kernels.linspace(target, start, end));
  return out;
}

export interface LogspaceOptions<D extends DType = DType> extends CreateOptions<D> {
  /** What is raised to the evenly spaced powers. Default 10. */
  readonly base?: number | undefined;
}

/**
 * `steps` numbers from base^start to base^end, both included, whose logarithms are evenly spaced.
 * @returns [steps]
 * @example
 * logspace(0, 2, 3); // [1, 10, 100]
 */
export function logspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: LogspaceOptions<D> = {},
): Tensor<D> {
  checkEnds('logspace', start, end, options);
  const { base = 10, ...rest } = options;
  if (typeof base !== 'number') throw argumentError('logspace', `base must be a number, got ${formatValue(base)}`);
  const out = create<D>('logspace', [steps], rest);
  tidy(() => {
    const powers = linspace(start, end, steps, { dtype: 'float64', device: out.device });
    kernels.copy(out, pow(base, powers));
  });
  return out;
}
