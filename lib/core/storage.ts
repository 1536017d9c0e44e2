// Device memory as TypeScript owns it: ids and counts live here, addresses live natively. Nothing else allocates or frees.
import { argumentError, disposedError, outOfMemoryError } from '../errors.ts';
import * as commands from '../native/command-buffer.ts';
import { addon } from '../native/load.ts';
import { current } from './context.ts';
import type { Device, Queue } from './device.ts';
import { memoryLimit } from './device.ts';

let writes: Set<Storage> | null = null;

/** Adds every storage whose version changes to `into`, until the returned function is called. */
export function trackWrites(into: Set<Storage>): () => void {
  const outer = writes;
  writes = into;
  return () => {
    writes = outer;
  };
}

/** A piece of device memory, counted: views, the tape, modules and scopes each hold one. */
export class Storage {
  readonly queue: Queue;
  readonly bytes: number;
  readonly index: number;
  readonly generation: number;
  #version = 0;
  /** The op that last changed it in place. */
  lastWriter = '';
  count = 1;
  /** Borrowed from an array of the user's. */
  readonly readOnly: boolean;
  /** @internal */ watched = false;

  constructor(queue: Queue, bytes: number, index: number, generation: number, readOnly: boolean) {
    this.queue = queue;
    this.bytes = bytes;
    this.index = index;
    this.generation = generation;
    this.readOnly = readOnly;
  }

  /** Changes of the contents since it was made. */
  get version(): number {
    return this.#version;
  }

  set version(value: number) {
    this.#version = value;
    if (writes !== null) writes.add(this);
  }

  get device(): Device {
    return this.queue.device;
  }

  get live(): boolean {
    return this.count > 0;
  }

  retain(): void {
    this.count++;
  }

  release(): void {
    if (--this.count === 0) free(this);
  }
}

// ---- ids ---------------------------------------------------------------------------------------------------------------

const generations: number[] = [];
const freeIndices: number[] = [];
const lastGeneration = 0xffff_fffe; // an index that used them all is retired

function takeIndex(): number {
  const index = freeIndices.pop() ?? generations.push(0) - 1;
  generations[index] = (generations[index] as number) + 1;
  return index;
}

/** As native/core/allocator.h rounds: eight sizes per power of two. */
function rounded(bytes: number): number {
  if (bytes <= 64) return 64;
  let step = 64;
  while (step * 16 < bytes) step *= 2;
  return Math.ceil(bytes / step) * step;
}

function reserve(op: string, device: Device, bytes: number): void {
  const size = rounded(bytes);
  const wanted = device.liveBytes + size;
  // Not `>`: a size that is NaN must not get through either.
  if (!(wanted <= memoryLimit(device) - commands.foreignBytes(device.number))) reserveSlowly(op, device, bytes);
  device.liveBytes += size;
  if (device.liveBytes > device.peakBytes) device.peakBytes = device.liveBytes;
}

/** Waits for queued frees and gives caches back before it gives up. */
function reserveSlowly(op: string, device: Device, bytes: number): void {
  commands.waitAll(device.train.id);
  addon.trim();
  const foreign = commands.foreignBytes(device.number);
  const limit = memoryLimit(device);
  if (device.liveBytes + rounded(bytes) <= limit - foreign) return;
  const others = foreign > 0 ? `, ${foreign} elsewhere` : '';
  throw outOfMemoryError(
    op,
    `${bytes} bytes do not fit on ${device.name}: ${device.liveBytes} of ${limit} are in use by tensors${others}`,
  );
}

function free(storage: Storage): void {
  const { queue, index, bytes } = storage;
  if (storage.watched) registry.unregister(storage);
  if (!storage.readOnly) queue.device.liveBytes -= rounded(bytes);
  commands.appendFree(queue.id, index, storage.generation);
  if (storage.generation < lastGeneration) freeIndices.push(index);
}

// ---- the safety net ----------------------------------------------------------------------------------------------------

// Counts are moot here: nobody can reach the storage any more.
const registry = new FinalizationRegistry<{
  queue: Queue;
  bytes: number;
  index: number;
  generation: number;
  readOnly: boolean;
}>(({ queue, bytes, index, generation, readOnly }) => {
  if (!readOnly) queue.device.liveBytes -= rounded(bytes);
  commands.appendFree(queue.id, index, generation);
  if (generation < lastGeneration) freeIndices.push(index);
});

/**
 * Has garbage collection free `storage` if nobody else does. Registering costs more than an op, so storages born in a scope
 * are only watched when they leave it.
 */
export function watch(storage: Storage): void {
  if (storage.watched || storage.count <= 0) return;
  storage.watched = true;
  const { queue, bytes, index, generation, readOnly } = storage;
  registry.register(storage, { queue, bytes, index, generation, readOnly }, storage);
}

function born(queue: Queue, bytes: number, index: number, readOnly: boolean): Storage {
  const storage = new Storage(queue, bytes, index, generations[index] as number, readOnly);
  if (current().scope === null) watchIfKept(storage);
  return storage;
}

// Born outside of any scope: most are disposed soon, so they are registered only if they outlive the turn.
const young: Storage[] = [];
const mostYoung = 1024;
let turnEndAwaited = false;

function watchIfKept(storage: Storage): void {
  if (young.push(storage) >= mostYoung) watchYoung();
  else if (!turnEndAwaited) {
    turnEndAwaited = true;
    setImmediate(() => {
      turnEndAwaited = false;
      watchYoung();
    });
  }
}

function watchYoung(): void {
  for (const storage of young) watch(storage);
  young.length = 0;
}

// ---- making ------------------------------------------------------------------------------------------------------------

/** Uninitialised memory. @throws ERR_OUT_OF_MEMORY */
export function allocate(queue: Queue, bytes: number): Storage {
  reserve('allocate', queue.device, bytes);
  const index = takeIndex();
  commands.appendAlloc(queue.id, index, generations[index] as number, bytes);
  return born(queue, bytes, index, false);
}

/** Memory holding a copy of `source`'s bytes. @throws ERR_OUT_OF_MEMORY */
export function upload(queue: Queue, source: ArrayBufferView): Storage {
  const { device } = queue;
  const bytes = source.byteLength;
  reserve('tensor', device, bytes);
  const index = takeIndex();
  let made = false;
  try {
    made = commands.upload(queue.id, index, generations[index] as number, source);
  } finally {
    if (!made) {
      device.liveBytes -= rounded(bytes);
      freeIndices.push(index);
    }
  }
  if (!made) throw outOfMemoryError('tensor', `${bytes} bytes could not be had on ${device.name}`);
  return born(queue, bytes, index, false);
}

const releases = new WeakMap<Storage, Promise<void>>();

/** The bytes of `source` themselves: read in place, never written; the caller leaves them alone until `released`. */
export function borrow(queue: Queue, source: ArrayBufferView): Storage {
  const index = takeIndex();
  let done = (): void => {};
  const promise = new Promise<void>((resolve) => {
    done = resolve;
  });
  try {
    commands.borrow(queue.id, index, generations[index] as number, source, done);
  } catch (error) {
    freeIndices.push(index);
    throw error;
  }
  const storage = born(queue, source.byteLength, index, true);
  releases.set(storage, promise);
  return storage;
}

/** Resolves when a borrowed array is no longer read: after the last tensor on it is disposed and queued work is done. */
export function released(storage: Storage): Promise<void> {
  const promise = releases.get(storage);
  return promise === undefined ? Promise.resolve() : commands.holdWhile(promise);
}

// ---- contents ----------------------------------------------------------------------------------------------------------

function checkRange(op: string, storage: Storage, byteOffset: number, byteLength: number): void {
  if (!storage.live) throw disposedError(op, 'the storage was already freed');
  if (byteOffset < 0 || byteLength < 0 || byteOffset + byteLength > storage.bytes) {
    throw argumentError(op, `${byteLength} bytes at ${byteOffset} reach outside a storage of ${storage.bytes}`);
  }
}

/** The bytes as they are at this point of the queue; later changes do not show. Zero-copy where that pays. */
export function read(storage: Storage, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
  checkRange('data', storage, byteOffset, byteLength);
  return commands.read(storage.index, storage.generation, byteOffset, byteLength, true);
}

/** `read` that blocks; always a copy. */
export function readSync(storage: Storage, byteOffset: number, byteLength: number): ArrayBuffer {
  checkRange('dataSync', storage, byteOffset, byteLength);
  return commands.readSync(storage.index, storage.generation, byteOffset, byteLength);
}

/** Overwrites bytes, in order with queued work. */
export function write(storage: Storage, byteOffset: number, source: ArrayBufferView): void {
  checkRange('write', storage, byteOffset, source.byteLength);
  commands.write(storage.index, storage.generation, byteOffset, source);
}

/** Queues a copy of `bytes` bytes at `byteOffset` into `to`, which is on another device and as large. */
export function transfer(to: Storage, from: Storage, byteOffset: number, bytes: number): void {
  checkRange('to', from, byteOffset, bytes);
  commands.appendTransfer(to.queue.id, to, from, byteOffset, bytes);
}

/** Calls the synchronous `fn` with the bytes in place where possible; afterwards the buffer is detached. */
export async function lend<T>(
  storage: Storage,
  byteOffset: number,
  byteLength: number,
  fn: (bytes: ArrayBuffer) => T,
): Promise<T> {
  checkRange('lend', storage, byteOffset, byteLength);
  const bytes = await commands.read(storage.index, storage.generation, byteOffset, byteLength, true);
  try {
    const result = fn(bytes);
    if (result instanceof Promise)
      throw argumentError('lend', 'fn must be synchronous: the array is detached when it returns');
    return result;
  } finally {
    addon.detach(bytes);
  }
}
