// The shared buffer through which ops reach native code: records are appended here and flushed many at once. A record is
// {length, op}, {queue, flags}, arguments, in 8-byte words; the first words are native's answers.
import { argumentError, captureError } from '../errors.ts';
import { addon } from './load.ts';
import { failureOf, noteFailure, noteSite } from './failures.ts';

// Numbers of native/binding/environment.{h,cc}.
const allocRecord = -1;
const freeRecord = -2;
const replayRecord = -3;
const releaseGraphRecord = -4;
const transferRecord = -5;
const statusWords = 16;
const crowdedQueue = 0;
const failuresLogged = 1;
const readRoot = 2;
const readOp = 3;
const decoded = 5;
const otherBytes = 8;

/** A flush happens at this many ops or this much estimated work: more only delays the device. */
const maxOps = 64;
const maxWorkNs = 20_000;

let capacity = 16_384; // words
let buffer = new ArrayBuffer(capacity * 8);
/** Three views of one buffer; encoders write through them. */
export let i32: Int32Array<ArrayBuffer> = new Int32Array(buffer);
export let f64: Float64Array<ArrayBuffer> = new Float64Array(buffer);

let end = statusWords;
let at = statusWords; // where the record being written stands
let ops = 0;
let workNs = 0;
let scheduled = false;
let logged = 0;
let blockedMs = 0;
let recorder: Recorder | null = null;
const sync: boolean = process.env['WARPGRAD_SYNC'] === '1';

/** Collects the records of a step that is being captured. */
export interface Recorder {
  record(words: Float64Array, workNs: number): void;
}

addon.setCommandBuffer(buffer, collect);
process.once('beforeExit', flush);

// ---- records ---------------------------------------------------------------------------------------------------------

/** Makes room for a record of at most `words` words; its arguments start at the returned word. */
export function begin(words: number): number {
  if (end + words > capacity) makeRoom(words);
  at = end;
  return end + 2;
}

/** Ends the record that began last: `next` is the first word behind it. */
export function finish(op: number, queue: number, next: number, ns: number): void {
  i32[at * 2] = next - at;
  i32[at * 2 + 1] = op;
  i32[at * 2 + 2] = queue;
  i32[at * 2 + 3] = 0;
  end = next;
  workNs += ns;
  ops++;
  if (sync) noteSite();
  if (ops >= maxOps || workNs >= maxWorkNs || sync) flush();
  else if (!scheduled) schedule();
}

function note(op: number, queue: number, index: number, generation: number, words: number): void {
  const start = end;
  i32[start * 2] = words;
  i32[start * 2 + 1] = op;
  i32[start * 2 + 2] = queue;
  i32[start * 2 + 3] = 0;
  i32[start * 2 + 4] = index;
  i32[start * 2 + 5] = generation;
  end = start + words;
  if (!scheduled) schedule();
}

export function appendAlloc(queue: number, index: number, generation: number, bytes: number): void {
  if (end + 4 > capacity) flush();
  f64[end + 3] = bytes;
  note(allocRecord, queue, index, generation, 4);
}

export function appendFree(queue: number, index: number, generation: number): void {
  if (end + 3 > capacity) flush();
  note(freeRecord, queue, index, generation, 3);
}

export function appendReplay(queue: number, graph: number, ns: number): void {
  if (end + 3 > capacity) flush();
  note(replayRecord, queue, graph, 0, 3);
  workNs += ns;
  if (++ops >= maxOps || workNs >= maxWorkNs) flush();
}

export function appendReleaseGraph(queue: number, graph: number): void {
  if (end + 3 > capacity) flush();
  note(releaseGraphRecord, queue, graph, 0, 3);
}

/** Bytes of one device's storage into another's, in the order of both. */
export function appendTransfer(
  queue: number,
  to: { readonly index: number; readonly generation: number },
  from: { readonly index: number; readonly generation: number },
  offset: number,
  bytes: number,
): void {
  refuseInCapture('to');
  if (end + 6 > capacity) flush();
  const start = end;
  i32[start * 2 + 6] = from.index;
  i32[start * 2 + 7] = from.generation;
  f64[start + 4] = offset;
  f64[start + 5] = bytes;
  note(transferRecord, queue, to.index, to.generation, 6);
  if (++ops >= maxOps) flush();
}

function schedule(): void {
  scheduled = true;
  setImmediate(endOfTurn);
}

function endOfTurn(): void {
  scheduled = false;
  flush();
}

function makeRoom(words: number): void {
  flush();
  if (end + words <= capacity) return;
  // One record larger than the whole buffer: a multi-tensor step over thousands of parameters.
  let wanted = capacity;
  while (statusWords + words > wanted) wanted *= 2;
  const larger = new ArrayBuffer(wanted * 8);
  do {
    for (let queue = 0; queue < queues; queue++) waitAll(queue);
  } while (!addon.setCommandBuffer(larger));
  capacity = wanted;
  buffer = larger;
  i32 = new Int32Array(buffer);
  f64 = new Float64Array(buffer);
}

// ---- flushing --------------------------------------------------------------------------------------------------------

/** Hands everything appended so far to native. Never throws on account of an op: failures belong to tensors. */
export function flush(): void {
  if (end === statusWords) return;
  handOver(addon.flush);
  settle();
  if (sync) for (let queue = 0; queue < queues; queue++) waitAll(queue);
}

/**
 * Has `call` decode what stands in the buffer, which then counts as empty. A call that fails before it gets that far (the
 * host is out of memory) leaves the records for the next one: dropping them would lose writes and frees.
 */
function handOver<T>(call: (words: number, ns: number) => T): T {
  f64[decoded] = 0;
  try {
    return call(end, workNs);
  } finally {
    if (f64[decoded] === 1) {
      if (recorder !== null) recorder.record(f64.subarray(statusWords, end), workNs);
      end = statusWords;
      ops = 0;
      workNs = 0;
    }
  }
}

function settle(): void {
  if (f64[failuresLogged] !== logged) collect();
  const crowded = f64[crowdedQueue] as number;
  if (crowded === 0) return;
  // JavaScript has run too far ahead. Short native waits in a loop here, so that a worker can be terminated.
  const start = performance.now();
  while (!addon.wait(crowded - 1, false));
  blockedMs += performance.now() - start;
}

/** Blocks until everything on `queue` is done. */
export function waitAll(queue: number): void {
  flush();
  const start = performance.now();
  while (!addon.wait(queue, true));
  blockedMs += performance.now() - start;
  collect();
}

/** Milliseconds JavaScript spent waiting for a queue. */
export function blockedTime(): number {
  return blockedMs;
}

/** Bytes in use on the device of `queue`'s number that no storage of this environment accounts for. */
export function foreignBytes(deviceNumber: number): number {
  return f64[otherBytes + deviceNumber] ?? 0;
}

// ---- queues ----------------------------------------------------------------------------------------------------------

let queues = 0;

export function openQueue(kind: string, device: number, lane: 0 | 1): number {
  flush();
  const queue = addon.openQueue(kind, device, lane);
  queues = Math.max(queues, queue + 1);
  return queue;
}

// ---- what comes back -------------------------------------------------------------------------------------------------

interface Waiting {
  resolve(value: ArrayBuffer | null): void;
  reject(error: unknown): void;
}

const waiting = new Map<number, Waiting>();
const released = new Map<number, () => void>();
let holders = 0;
let nextId = 1;

/** A pending promise keeps the event loop alive. */
function hold(change: 1 | -1): void {
  holders += change;
  if (holders === (change === 1 ? 1 : 0)) addon.hold(change === 1);
}

function collect(): void {
  const { failures, completions } = addon.collect();
  for (const row of failures) noteFailure(row);
  logged = f64[failuresLogged] as number;
  for (const [id, root, op, , result] of completions) {
    const promise = waiting.get(id);
    if (promise !== undefined) {
      waiting.delete(id);
      hold(-1);
      if (root === 0) promise.resolve(result);
      else promise.reject(failureOf(root, op));
    } else {
      released.get(id)?.();
      released.delete(id);
    }
  }
}

function promised(id: number): Promise<ArrayBuffer | null> {
  hold(1);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

/** Resolves when everything appended to `queue` so far is done. */
export function fence(queue: number): Promise<unknown> {
  refuseInCapture('synchronize');
  const id = nextId++;
  handOver((words) => addon.fence(words, queue, id));
  const promise = promised(id);
  settle();
  return promise;
}

// ---- bytes -----------------------------------------------------------------------------------------------------------

/** Below this a copy costs less than pinning a block. */
const viewBytes = 4096;
let inline = 0;

/** The bytes as they are at this point of the queue: a view of the block where that pays, else a copy. */
export function read(
  index: number,
  generation: number,
  offset: number,
  bytes: number,
  view: boolean,
): Promise<ArrayBuffer> {
  refuseInCapture('data');
  const id = nextId++;
  const result = handOver((words, ns) =>
    addon.read(words, ns, index, generation, offset, bytes, view && bytes >= viewBytes, id),
  );
  if (result === null) {
    const promise = promised(id) as Promise<ArrayBuffer>;
    settle();
    return promise;
  }
  const failure = result === false ? readFailure() : null;
  settle();
  if (failure !== null) return Promise.reject(failure);
  // A loop of awaits that are all answered at once would never let finalizers run: every 16th takes a real turn.
  if (++inline % 16 !== 0) return Promise.resolve(result as ArrayBuffer);
  return new Promise((resolve) => setImmediate(resolve, result as ArrayBuffer));
}

export function readSync(index: number, generation: number, offset: number, bytes: number): ArrayBuffer {
  refuseInCapture('dataSync');
  const to = new ArrayBuffer(bytes);
  const start = performance.now();
  for (;;) {
    const done = handOver((words, ns) => addon.readSync(words, ns, index, generation, offset, to));
    if (done !== null) {
      blockedMs += performance.now() - start;
      const failure = done ? null : readFailure();
      settle();
      if (failure !== null) throw failure;
      return to;
    }
  }
}

function readFailure(): Error {
  const root = f64[readRoot] as number;
  const op = f64[readOp] as number;
  collect();
  return failureOf(root, op);
}

export function upload(queue: number, index: number, generation: number, source: ArrayBufferView): boolean {
  refuseInCapture('tensor');
  const from = bufferOf(source);
  const made = handOver((words) =>
    addon.upload(words, queue, index, generation, from, source.byteOffset, source.byteLength),
  );
  settle();
  return made;
}

export function write(index: number, generation: number, offset: number, source: ArrayBufferView): void {
  refuseInCapture('write');
  const from = bufferOf(source);
  handOver((words) => addon.write(words, index, generation, offset, from, source.byteOffset, source.byteLength));
  settle();
}

/** @param onReleased called when native no longer reads the array */
export function borrow(
  queue: number,
  index: number,
  generation: number,
  source: ArrayBufferView,
  onReleased: () => void,
): void {
  refuseInCapture('borrow');
  const id = nextId++;
  const from = bufferOf(source);
  handOver((words) => addon.borrow(words, queue, index, generation, from, source.byteOffset, source.byteLength, id));
  released.set(id, onReleased);
  settle();
}

/** Keeps the event loop alive while somebody waits for a borrowed array. */
export function holdWhile<T>(promise: Promise<T>): Promise<T> {
  hold(1);
  return promise.finally(() => hold(-1));
}

function bufferOf(source: ArrayBufferView): ArrayBuffer {
  if (source.buffer instanceof ArrayBuffer) return source.buffer;
  throw argumentError('tensor', 'wants an ArrayBuffer, got a SharedArrayBuffer');
}

// ---- capture ---------------------------------------------------------------------------------------------------------

/** Until `stopRecording`, every flush also hands its records to `to`. */
export function startRecording(to: Recorder): void {
  flush();
  recorder = to;
}

export function stopRecording(): void {
  try {
    flush();
  } finally {
    recorder = null;
  }
}

export function isRecording(): boolean {
  return recorder !== null;
}

function refuseInCapture(op: string): void {
  if (recorder !== null) {
    throw captureError(op, 'a captured step may not move data between JavaScript and the device; do that outside');
  }
}
