import { argumentError } from '../errors.ts';
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
