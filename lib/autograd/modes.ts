import { argumentError, dtypeError } from '../errors.ts';
import { withContext } from '../core/context.ts';
import type { Device } from '../core/device.ts';
import { device as findDevice } from '../core/device.ts';
import { checkOptions, formatValue } from '../core/values.ts';

function checkFunction(op: string, fn: unknown): void {
  if (typeof fn !== 'function') throw argumentError(op, `wants a function, got ${typeof fn}`);
}

/**
 * Runs `fn`, sync or async, without recording: its results need no gradient.
 * @returns what `fn` returns
 * @example
 * noGrad(() => tensor([1], { requiresGrad: true }).mul(2)).requiresGrad; // false
 */
export function noGrad<T>(fn: () => T): T {
  checkFunction('noGrad', fn);
  return withContext({ gradMode: false }, fn);
}

/**
 * Runs `fn`, sync or async, with recording on, also inside noGrad.
 * @returns what `fn` returns
 * @example
 * noGrad(() => enableGrad(() => tensor([1], { requiresGrad: true }).mul(2))).requiresGrad; // true
 */
export function enableGrad<T>(fn: () => T): T {
  checkFunction('enableGrad', fn);
  return withContext({ gradMode: true }, fn);
}

/**
 * Runs `fn`, sync or async, with another default device for tensors it makes.
 * @returns what `fn` returns
 * @example
 * withDevice('cpu', () => zeros([2])).device.name; // 'cpu'
 */
export function withDevice<T>(name: string | Device, fn: () => T): T {
  checkFunction('withDevice', fn);
  return withContext({ device: findDevice(name) }, fn);
}

/**
 * Runs `fn`, sync or async, checking every gradient for NaN and Infinity: ERR_GRAD names the op. Slow, for debugging.
 * @returns what `fn` returns
 * @example
 * detectAnomaly(() => tensor([2], { requiresGrad: true }).log().backward());
 */
export function detectAnomaly<T>(fn: () => T): T {
  checkFunction('detectAnomaly', fn);
  return withContext({ anomaly: true }, fn);
}

/**
 * Runs `fn`, sync or async, without recording and, with `{ queue: 'serve' }`, on the queue that goes before training.
 * @returns what `fn` returns
 * @example
 * inference(() => ones([2]).mul(2), { queue: 'serve' });
 */
export function inference<T>(fn: () => T, options: { readonly queue?: 'train' | 'serve' } = {}): T {
  checkFunction('inference', fn);
  checkOptions('inference', options);
  const { queue = 'train' } = options;
  if (queue !== 'train' && queue !== 'serve')
    throw argumentError('inference', `queue must be 'train' or 'serve', got ${formatValue(queue)}`);
  return withContext({ gradMode: false, inference: true, queue }, fn);
}

export interface AutocastOptions {
  /** What products are computed in. */
  readonly dtype?: 'float16' | 'bfloat16' | undefined;
  /** False turns autocast off, also inside another one. */
  readonly enabled?: boolean | undefined;
}

/**
 * Runs `fn`, sync or async, in mixed precision: matmul, linear, convolution and attention take float32 and half tensors as
 * `dtype` and give `dtype`; sums, softmax, normalisations and losses give float32. Gradients arrive in the dtypes of the
 * leaves. Call `backward` outside or inside. float16 wants `optim.GradScaler` too; bfloat16 has float32's range.
 * @returns what `fn` returns
 * @example
 * autocast({ dtype: 'bfloat16' }, () => ones([2, 2]).matmul(ones([2, 2]))).dtype; // 'bfloat16'
 */
export function autocast<T>(options: AutocastOptions, fn: () => T): T {
  checkOptions('autocast', options);
  checkFunction('autocast', fn);
  const { dtype = 'bfloat16', enabled = true } = options;
  if (dtype !== 'float16' && dtype !== 'bfloat16')
    throw dtypeError('autocast', `dtype must be float16 or bfloat16, got ${formatValue(dtype)}`);
  if (typeof enabled !== 'boolean')
    throw argumentError('autocast', `enabled must be true or false, got ${formatValue(enabled)}`);
  return withContext({ autocast: enabled ? dtype : null }, fn);
}
