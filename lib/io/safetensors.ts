import { type FileHandle, open } from 'node:fs/promises';
import { tensor } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import type { AnyTypedArray, DType } from '../core/dtype.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { argumentError, formatError, WarpgradError } from '../errors.ts';
import { writeAtomic } from './atomic.ts';
import { type Entry, fileTypes, type Header, limits, parseHeader } from './safetensors-header.ts';
import { checkBytes, checkMap, checkOptions, checkPath, formatValue } from '../core/values.ts';

/** A tensor's elements on the host; `data` holds one byte an element for bool and bits for float16 and bfloat16. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: AnyTypedArray;
}

/** What a safetensors file holds. */
export interface SafetensorsFile<T> {
  readonly tensors: Map<string, T>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Decodes a whole safetensors file. Its header is checked to the last byte: limits, duplicates, sizes, holes.
 * @throws ERR_FORMAT, or ERR_UNSUPPORTED for a dtype that warpgrad lacks.
 * @example
 * const bytes = encodeSafetensors(new Map([['w', { dtype: 'float32', shape: [2], data: new Float32Array([1, 2]) }]]));
 * parseSafetensors(bytes).tensors.get('w'); // { dtype: 'float32', shape: [2], data: Float32Array [1, 2] }
 */
export function parseSafetensors(bytes: Uint8Array): SafetensorsFile<HostTensor> {
  checkBytes('parseSafetensors', bytes);
  const headerBytes = headerLength(bytes, bytes.length);
  const data = bytes.subarray(8 + headerBytes);
  const { entries, metadata } = parseHeader(bytes.subarray(8, 8 + headerBytes), data.length);
  return {
    // Not data.slice(): a Buffer's slice is a view of the same memory.
    tensors: new Map(
      entries.map((entry) => [entry.name, decode(entry, new Uint8Array(data.subarray(entry.begin, entry.end)))]),
    ),
    metadata,
  };
}

/**
 * Encodes tensors as a safetensors file; the largest elements come first, so that every tensor is aligned.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  checkMap('encodeSafetensors', 'tensors', tensors);
  checkMap('encodeSafetensors', 'metadata', metadata);
  const chunks = encodeChunks(tensors, metadata);
  const bytes = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Reads a safetensors file into tensors on `device`, by name.
 * @throws ERR_IO, ERR_FORMAT or ERR_UNSUPPORTED.
 */
export async function loadSafetensors(
  path: string,
  options: { readonly device?: string | Device } = {},
): Promise<SafetensorsFile<Tensor>> {
  checkOptions('loadSafetensors', options);
  const { device } = options;
  const { tensors, metadata } = await readSafetensors(path);
  const place = device === undefined ? {} : { device };
  const made = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data }] of tensors) made.set(name, tensor(data, { ...place, dtype, shape }));
  return { tensors: made, metadata };
}

/**
 * Writes tensors to a safetensors file, whole or not at all: a crash leaves the old file.
 * @example
 * await saveSafetensors('model.safetensors', model.stateDict());
 */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  options: { readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  checkPath('saveSafetensors', path);
  checkMap('saveSafetensors', 'tensors', tensors);
  for (const [name, t] of tensors) {
    checkName(name);
    requireTensor('saveSafetensors', t);
  }
  checkOptions('saveSafetensors', options);
  const { metadata = {} } = options;
  checkOptions('saveSafetensors', metadata);
  await writeAtomic(path, encodeChunks(await toHost(tensors), new Map(Object.entries(metadata))));
}

/** Copies of tensors on the host: one consistent moment, since every read is asked for before the first is awaited. */
export async function toHost(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const reads = [...tensors].map(async ([name, t]): Promise<[string, HostTensor]> => {
    const { dtype, shape } = t;
    return [name, { dtype, shape: [...shape], data: await t.data() }];
  });
  return new Map(await Promise.all(reads));
}

/** Reads a file tensor by tensor: each gets an aligned buffer of its own, and no size is believed before it is checked. */
export async function readSafetensors(path: string): Promise<SafetensorsFile<HostTensor>> {
  checkPath('readSafetensors', path);
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    throw new WarpgradError('ERR_IO', `readSafetensors: cannot open ${path}: ${String(cause)}`, { cause });
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) throw formatError('readSafetensors', 'not a regular file');
    const headerBytes = headerLength(await readAt(file, 0, Math.min(8, found.size)), found.size);
    const start = 8 + headerBytes;
    const header: Header = parseHeader(await readAt(file, 8, headerBytes), found.size - start);
    const tensors = new Map<string, HostTensor>();
    for (const entry of header.entries) {
      tensors.set(entry.name, decode(entry, await readAt(file, start + entry.begin, entry.end - entry.begin)));
    }
    return { tensors, metadata: header.metadata };
  } catch (cause) {
    if (cause instanceof WarpgradError) throw new WarpgradError(cause.code, `${cause.message} (${path})`, { cause });
    throw new WarpgradError('ERR_IO', `readSafetensors: cannot read ${path}: ${String(cause)}`, { cause });
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), position + done);
    if (bytesRead === 0) throw formatError('readSafetensors', `the file ended at byte ${position + done}`);
    done += bytesRead;
  }
  return bytes;
}

function headerLength(start: Uint8Array, fileBytes: number): number {
  if (fileBytes < 8) throw formatError('parseSafetensors', `wanted at least 8 bytes, got ${fileBytes}`);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(limits.headerBytes)) {
    throw formatError('parseSafetensors', `wanted a header of at most ${limits.headerBytes} bytes, got ${length}`);
  }
  if (8n + length > BigInt(fileBytes)) {
    throw formatError('parseSafetensors', `the header wants ${length} bytes, the file has ${fileBytes - 8} left`);
  }
  return Number(length);
}

/** `bytes` must own its buffer from offset 0. */
function decode({ name, dtype, shape }: Entry, bytes: Uint8Array<ArrayBuffer>): HostTensor {
  if (dtype === 'bool' && bytes.some((byte) => byte > 1)) {
    throw formatError('parseSafetensors', `${JSON.stringify(name)}: a BOOL byte must be 0 or 1`);
  }
  return { dtype, shape, data: viewAs(dtype, bytes.buffer) };
}

function viewAs(dtype: DType, buffer: ArrayBuffer): HostTensor['data'] {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
    case 'float16':
    case 'bfloat16':
      return new Uint16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
  }
}

const typeNames: ReadonlyMap<DType, string> = new Map([...fileTypes].map(([name, { dtype }]) => [dtype, name]));

/** The file as chunks: the header, then every tensor's own bytes, uncopied. */
export function encodeChunks(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: ReadonlyMap<string, string>,
): Uint8Array[] {
  const order = [...tensors].sort(
    ([a, left], [b, right]) => right.data.BYTES_PER_ELEMENT - left.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, shape, data }] of order) {
    checkName(name);
    checkHostTensor(name, dtype, shape, data);
    const end = at + data.byteLength;
    const entry = { dtype: typeNames.get(dtype), shape, data_offsets: [at, end] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at = end;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, 8);
  return [header, ...chunks];
}

function checkHostTensor(name: string, dtype: unknown, shape: unknown, data: unknown): void {
  if (typeNames.has(dtype as DType) && Array.isArray(shape) && ArrayBuffer.isView(data)) return;
  throw argumentError('encodeSafetensors', `${JSON.stringify(name)}: wanted { dtype, shape, data }`);
}

/** Names that our own reader, or another one, would refuse. */
function checkName(name: string): void {
  if (
    typeof name !== 'string' ||
    name === '__metadata__' ||
    /\p{Surrogate}/u.test(name) ||
    new TextEncoder().encode(name).length > limits.nameBytes
  ) {
    throw argumentError('saveSafetensors', `${formatValue(name)} cannot be a tensor's name`);
  }
}
