// The addon's functions as TypeScript sees them. Only lib/native calls them.

/** One row of the op table. */
export interface OpRow {
  readonly name: string;
  /** argument names, separated by spaces */
  readonly arguments: string;
  readonly types: readonly string[];
}

export interface Schema {
  readonly ops: readonly OpRow[];
  /** member names of each parameter struct, in order */
  readonly structs: Readonly<Record<string, readonly string[]>>;
  readonly dtypes: readonly { readonly name: string; readonly bytes: number }[];
  readonly abi: number;
}

export interface NativeFailure {
  readonly id: number;
  readonly code: number;
  readonly op: number;
  readonly seq: number;
  readonly queue: number;
  readonly message: string;
}

/** [id, root failure or 0, op, sequence number, result] */
export type NativeCompletion = readonly [number, number, number, number, ArrayBuffer | null];

export interface NativeDevices {
  readonly message: string;
  readonly architecture: string;
  /** Ops whose kernels take float16 and bfloat16 as they are. */
  readonly halves: readonly string[];
  readonly list: readonly { readonly name: string; readonly memoryBytes: number }[];
}

export interface NativeMemory {
  readonly reserved: number;
  readonly cached: number;
  readonly peak: number;
  readonly limit: number;
}

export interface NativeStats {
  readonly slots: number;
  readonly commands: number;
  readonly flushes: number;
  readonly views: number;
  readonly graphs: number;
}

export interface Addon {
  readonly complaint: string | null;
  schema(): Schema;
  /** False: a queue is busy, synchronize and call again. */
  setCommandBuffer(buffer: ArrayBuffer, onWake?: () => void): boolean;
  openQueue(kind: string, device: number, lane: 0 | 1): number;
  flush(end: number, workNs: number): void;
  fence(end: number, queue: number, id: number): void;
  wait(queue: number, all: boolean): boolean;
  collect(): { readonly failures: readonly NativeFailure[]; readonly completions: readonly NativeCompletion[] };
  hold(keep: boolean): void;
  capture(records: ArrayBuffer, words: number, queue: number, maxAhead: number): number | string;
  /** null: comes later under `id`; false: the tensor failed, see the status words. */
  read(
    end: number,
    workNs: number,
    index: number,
    generation: number,
    offset: number,
    bytes: number,
    view: boolean,
    id: number,
  ): ArrayBuffer | null | false;
  /** null: not yet, call again; false: the tensor failed, see the status words. */
  readSync(
    end: number,
    workNs: number,
    index: number,
    generation: number,
    offset: number,
    to: ArrayBuffer,
  ): true | null | false;
  /** False: no memory. */
  upload(
    end: number,
    queue: number,
    index: number,
    generation: number,
    from: ArrayBuffer,
    offset: number,
    bytes: number,
  ): boolean;
  write(
    end: number,
    index: number,
    generation: number,
    at: number,
    from: ArrayBuffer,
    offset: number,
    bytes: number,
  ): void;
  borrow(
    end: number,
    queue: number,
    index: number,
    generation: number,
    from: ArrayBuffer,
    offset: number,
    bytes: number,
    id: number,
  ): void;
  detach(buffer: ArrayBuffer): void;
  stats(): NativeStats;
  trim(): void;
  /** Opens a backend library; '' or what went wrong. */
  loadBackend(kind: string, path: string): string;
  devices(kind: string): NativeDevices;
  memory(kind: string, device: number): NativeMemory;
  setLimit(kind: string, device: number, bytes: number): void;
  resetPeak(kind: string, device: number): void;
  configure(kind: string, key: string, value: number): number;
  setThreads(count: number): void;
  threads(): number;
  /**
   * The CPU's best rate in so many milliseconds at multiply-adds (0), or at reading (1) and copying (2) so many bytes of each thread; 0
   * when memory ran out.
   */
  ceiling(what: 0 | 1 | 2, bytes: number, milliseconds: number): number;
}
