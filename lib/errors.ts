import { fileURLToPath } from 'node:url';

/** Every code a WarpgradError may carry. */
export const errorCodes = [
  'ERR_SHAPE',
  'ERR_DTYPE',
  'ERR_DEVICE',
  'ERR_ARGUMENT',
  'ERR_DISPOSED',
  'ERR_BOUNDS',
  'ERR_INDEX',
  'ERR_GRAD',
  'ERR_CAPTURE',
  'ERR_OUT_OF_MEMORY',
  'ERR_CUDA',
  'ERR_DEVICE_LOST',
  'ERR_UNSUPPORTED',
  'ERR_NATIVE_LOAD',
  'ERR_FORMAT',
  'ERR_INJECTED',
  'ERR_CANCELLED',
  'ERR_IO',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** The code of each number of `enum class Code` in native/core/stream.h; index 0 means success. */
export const nativeCodes: readonly (ErrorCode | null)[] = [
  null,
  'ERR_DISPOSED',
  'ERR_BOUNDS',
  'ERR_ARGUMENT',
  'ERR_INDEX',
  'ERR_OUT_OF_MEMORY',
  'ERR_DEVICE_LOST',
  'ERR_UNSUPPORTED',
  'ERR_CANCELLED',
  'ERR_INJECTED',
];

/**
 * The one error class of the library: `code` says what kind of mistake, the message names op, wanted and got.
 * @example
 * try { zeros([-1]); } catch (error) { error.code; } // 'ERR_SHAPE'
 */
export class WarpgradError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    // The stack's first line is written now and keeps the code; `name` stays plain for comparisons.
    this.name = `WarpgradError [${code}]`;
    Error.captureStackTrace(this, new.target);
    this.name = 'WarpgradError';
  }
}

/** Where frames of a stack are the library's own: its code, and its sources when node reads source maps. */
export const libraryFolders: readonly string[] = ['.', '../lib/'].flatMap((folder) => {
  const url = new URL(folder, import.meta.url);
  return [url.href, fileURLToPath(url)];
});

type Make = (op: string, text: string, cause?: unknown) => WarpgradError;

function maker(code: ErrorCode): Make {
  return function make(op, text, cause) {
    const error = new WarpgradError(code, `${op}: ${text}`, cause === undefined ? undefined : { cause });
    Error.captureStackTrace(error, make);
    return error;
  };
}

export const shapeError: Make = maker('ERR_SHAPE');
export const dtypeError: Make = maker('ERR_DTYPE');
export const deviceError: Make = maker('ERR_DEVICE');
export const argumentError: Make = maker('ERR_ARGUMENT');
export const disposedError: Make = maker('ERR_DISPOSED');
export const boundsError: Make = maker('ERR_BOUNDS');
export const indexError: Make = maker('ERR_INDEX');
export const gradError: Make = maker('ERR_GRAD');
export const captureError: Make = maker('ERR_CAPTURE');
export const outOfMemoryError: Make = maker('ERR_OUT_OF_MEMORY');
export const unsupportedError: Make = maker('ERR_UNSUPPORTED');
export const nativeLoadError: Make = maker('ERR_NATIVE_LOAD');
export const formatError: Make = maker('ERR_FORMAT');
