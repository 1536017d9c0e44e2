import { open } from 'node:fs/promises';
import { formatError, unsupportedError, WarpgradError } from '../errors.ts';
import type { HostArray, HostData } from './dataset.ts';
import { checkBytes, checkOptions, checkPath } from '../core/values.ts';

// Fashion-MNIST's largest file is 47 MB; a gzip bomb or a wrong path must not fill the memory.
const defaultLimit = 2 ** 30;

interface ElementType {
  readonly bytes: number;
  read(view: DataView, start: number, count: number): HostData;
}

/** The IDX format's type byte; the signed byte and short types have no tensor dtype yet. */
const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [
    0x08,
    {
      bytes: 1,
      read: (view, start, count) =>
        new Uint8Array(view.buffer.slice(view.byteOffset + start, view.byteOffset + start + count)),
    },
  ],
  [
    0x0c,
    {
      bytes: 4,
      read: (view, start, count) => Int32Array.from({ length: count }, (_, i) => view.getInt32(start + 4 * i)),
    },
  ],
  [
    0x0d,
    {
      bytes: 4,
      read: (view, start, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i)),
    },
  ],
  [
    0x0e,
    {
      bytes: 8,
      read: (view, start, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(start + 8 * i)),
    },
  ],
]);

/**
 * Decodes an IDX file (the format of MNIST): two zero bytes, a type, a rank, big-endian sizes, then exactly the elements.
 * @throws ERR_FORMAT when a byte is missing or left over, ERR_UNSUPPORTED for 8- and 16-bit signed elements.
 * @example
 * parseIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 5, 6])); // { data: Uint8Array [5, 6], shape: [2] }
 */
export function parseIdx(bytes: Uint8Array): HostArray {
  checkBytes('parseIdx', bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) throw formatError('parseIdx', `wanted a header of at least 4 bytes, got ${bytes.length}`);
  const magic = view.getUint16(0);
  if (magic !== 0)
    throw formatError('parseIdx', `wanted two zero bytes first, got 0x${magic.toString(16).padStart(4, '0')}`);
  const type = view.getUint8(2);
  const rank = view.getUint8(3);
  const element = elementTypes.get(type);
  if (type === 0x09 || type === 0x0b)
    throw unsupportedError('parseIdx', 'signed 8- and 16-bit elements have no dtype here');
  if (!element) throw formatError('parseIdx', `unknown element type 0x${type.toString(16).padStart(2, '0')}`);
  if (rank < 1 || rank > 8) throw formatError('parseIdx', `wanted a rank from 1 to 8, got ${rank}`);
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw formatError('parseIdx', `wanted a header of ${start} bytes, got ${bytes.length}`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) throw formatError('parseIdx', `the sizes [${shape.join(', ')}] overflow`);
  }
  const wanted = start + count * element.bytes;
  if (bytes.length !== wanted) {
    throw formatError('parseIdx', `shape [${shape.join(', ')}] wants a file of ${wanted} bytes, got ${bytes.length}`);
  }
  return { data: element.read(view, start, count), shape };
}

/**
 * Reads an IDX file, gzipped or not.
 * @param options.maxBytes - refuses files (and unpacked contents) above this
 * @throws ERR_IO when the file cannot be read, ERR_FORMAT when it is not what it should be.
 */
export async function readIdx(path: string, options: { readonly maxBytes?: number } = {}): Promise<HostArray> {
  checkPath('readIdx', path);
  checkOptions('readIdx', options);
  const { maxBytes = defaultLimit } = options;
  const raw = await readBytes(path, maxBytes);
  try {
    return parseIdx(raw[0] === 0x1f && raw[1] === 0x8b ? await unzip(raw, { maxOutputLength: maxBytes }) : raw);
  } catch (cause) {
    if (cause instanceof WarpgradError) throw new WarpgradError(cause.code, `${cause.message} (${path})`, { cause });
    throw formatError(
      'readIdx',
      `${path} is not a whole gzip file of at most ${maxBytes} bytes: ${String(cause)}`,
      cause,
    );
  }
}

function unzip(bytes: Uint8Array, options: { maxOutputLength: number }): Promise<Buffer> {
  // Loaded when files are compressed: it is seldom needed, and slow to load.
  const { promisify } = process.getBuiltinModule('node:util');
  return promisify<Uint8Array, { maxOutputLength: number }, Buffer>(process.getBuiltinModule('node:zlib').gunzip)(
    bytes,
    options,
  );
}

async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw formatError('readIdx', `${path}: wanted at most ${maxBytes} bytes, got ${size}`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof WarpgradError) throw cause;
    throw new WarpgradError('ERR_IO', `readIdx: cannot read ${path}: ${String(cause)}`, { cause });
  }
}
