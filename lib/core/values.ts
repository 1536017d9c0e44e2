// Arguments may come from JavaScript without types: how they are written in messages, and the check options share.
import { argumentError } from '../errors.ts';

/** How a value of any kind is written in messages. Runs no code of the value's own, so it throws for nothing. */
export function formatValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    default:
      return String(value);
  }
}

/** Throws ERR_ARGUMENT unless `options` is an object whose fields may be read. */
export function checkOptions(op: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options) && !('storage' in options)) return;
  const got =
    typeof options === 'object' && options !== null && 'storage' in options ? 'a tensor' : formatValue(options);
  throw argumentError(op, `options must be an object, got ${got}`);
}

/** Throws ERR_ARGUMENT unless `value` is a number, not NaN, for which `holds`; `wanted` says that in words. */
export function checkNumber(
  op: string,
  name: string,
  value: unknown,
  holds: (value: number) => boolean = () => true,
  wanted = '',
): void {
  if (typeof value === 'number' && !Number.isNaN(value) && holds(value)) return;
  throw argumentError(op, `${name} must be a number${wanted && ` ${wanted}`}, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` can be walked with for … of. */
export function checkIterable(op: string, name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return;
  throw argumentError(op, `${name} must be an array or another iterable, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is an array. */
export function checkArray(op: string, name: string, value: unknown): void {
  if (!Array.isArray(value)) throw argumentError(op, `${name} must be an array, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is a function. */
export function checkFunction(op: string, name: string, value: unknown): void {
  if (typeof value !== 'function') throw argumentError(op, `${name} must be a function, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is a path as a string. */
export function checkPath(op: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return;
  throw argumentError(op, `the path must be a string that is not empty, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is an object that has all of `methods`. */
export function checkMethods(op: string, name: string, value: unknown, ...methods: readonly string[]): void {
  const has = (method: string): boolean => typeof (value as Record<string, unknown>)[method] === 'function';
  if (typeof value === 'object' && value !== null && methods.every(has)) return;
  throw argumentError(op, `${name} must have ${methods.join(', ')}, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is a Map. */
export function checkMap(op: string, name: string, value: unknown): void {
  if (!(value instanceof Map)) throw argumentError(op, `${name} must be a Map, got ${formatValue(value)}`);
}

/** Throws ERR_ARGUMENT unless `value` is a Uint8Array. */
export function checkBytes(op: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw argumentError(op, `wants a Uint8Array, got ${formatValue(value)}`);
}

/** Rejects memory that may shrink, move or change under us. */
export function checkBuffer(op: string, source: ArrayBufferView): void {
  const { buffer } = source;
  if (!(buffer instanceof ArrayBuffer)) throw argumentError(op, 'wants an ArrayBuffer, got a SharedArrayBuffer');
  const { resizable, detached } = buffer as ArrayBuffer & { resizable?: boolean; detached?: boolean };
  if (resizable) throw argumentError(op, 'wants a fixed ArrayBuffer, got a resizable one');
  // Node 20 has no `detached`; there a detached array shows as one that lost its length.
  if (detached ?? (buffer.byteLength === 0 && isDetached(buffer)))
    throw argumentError(op, 'the ArrayBuffer is detached');
}

function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
