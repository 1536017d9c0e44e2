import { argumentError, deviceError } from '../errors.ts';
import type { NativeMemory } from '../native/addon.ts';
import { blockedTime, fence, openQueue, waitAll } from '../native/command-buffer.ts';
import { takeUnseen } from '../native/failures.ts';
import { addon, addonPath, backendMissing, backendPath } from '../native/load.ts';
import { driverSigns, probeBackend } from '../native/probe.ts';
import { formatValue } from './values.ts';

/** The kinds of device there are libraries for; `cuda-emu` (CUDA's kernels on the host) and `fake` are for tests. */
const kinds = ['cpu', 'cuda', 'cuda-emu', 'fake'] as const;
export type DeviceKind = (typeof kinds)[number];

/** An ordered stream of work on a device. */
export class Queue {
  readonly id: number;
  readonly device: Device;

  constructor(device: Device, id: number) {
    this.device = device;
    this.id = id;
  }
}

/** A place tensors live and ops run. Get one by name: `device('cpu')`. */
export class Device {
  readonly name: string;
  readonly kind: DeviceKind;
  readonly index: number;
  /** Where ops run unless told otherwise. */
  readonly train: Queue;
  /** Bytes of live storages of this thread, rounded as the allocator does. @internal */
  liveBytes = 0;
  /** The most there were. @internal */
  peakBytes = 0;
  /** Rows of the op table whose kernels compute on float16 and bfloat16 themselves. @internal */
  readonly halves: ReadonlySet<string>;
  /** Number natively, in order of first use. @internal */
  readonly number: number;
  /** A function cannot be cloned, so neither can anything that holds a device: tensors stay in their thread. @internal */
  readonly uncloneable: () => void = () => {};
  #serve: Queue | null = null;

  constructor(kind: DeviceKind, index: number, number: number, halves: readonly string[]) {
    this.kind = kind;
    this.halves = new Set(halves);
    this.index = index;
    this.name = kind === 'cpu' || index === 0 ? kind : `${kind}:${index}`;
    this.number = number;
    this.train = new Queue(this, openQueue(kind, index, 0));
  }

  /** A second queue whose work goes before training's; started when first asked for. */
  get serve(): Queue {
    this.#serve ??= new Queue(this, openQueue(this.kind, this.index, 1));
    return this.#serve;
  }

  #queues(): Queue[] {
    return this.#serve === null ? [this.train] : [this.train, this.#serve];
  }

  /** Resolves when everything asked for so far is done; rejects with the failures nobody has seen. */
  async synchronize(): Promise<void> {
    await Promise.all(this.#queues().map((queue) => fence(queue.id)));
    this.#throwUnseen();
  }

  /** `synchronize()` that blocks the event loop. */
  synchronizeSync(): void {
    for (const queue of this.#queues()) waitAll(queue.id);
    this.#throwUnseen();
  }

  #throwUnseen(): void {
    for (const queue of this.#queues()) {
      const error = takeUnseen(queue.id);
      if (error !== null) throw error;
    }
  }
}

const opened = new Map<string, Device>();

/**
 * The device of that name: `'cpu'`, `'cuda'`, `'cuda:1'`. Opening a GPU loads its library on first use.
 * @throws ERR_ARGUMENT for a bad name, ERR_DEVICE when there is no such device, with the remedy
 * @example
 * device('cpu').name; // 'cpu'
 */
export function device(name: string | Device): Device {
  if (name instanceof Device) return name;
  const known = opened.get(name);
  if (known !== undefined) return known;
  const [, kindName, indexText = '0'] = typeof name === 'string' ? (/^([a-z-]+)(?::(\d{1,3}))?$/.exec(name) ?? []) : [];
  const kind = kinds.find((each) => each === kindName);
  if (kind === undefined) {
    throw argumentError('device', `wanted 'cpu', 'cuda' or 'cuda:N', got ${formatValue(name)}`);
  }
  const index = Number(indexText);
  const canonical = `${kind}:${index}`;
  let found = opened.get(canonical);
  if (found === undefined) {
    loadKind(kind);
    const { list, message, halves } = addon.devices(kind);
    if (index >= list.length) {
      throw deviceError(
        'device',
        list.length > 0 ? `there is no ${name}: ${list.length} found` : `no ${kind} device: ${message}`,
      );
    }
    found = new Device(kind, index, new Set(opened.values()).size, halves);
    opened.set(canonical, found);
  }
  opened.set(name, found);
  return found;
}

function loadKind(kind: DeviceKind): void {
  if (kind === 'cpu') return;
  const path = backendPath(kind);
  if (path === null) {
    const { found, remedy } = backendMissing(kind);
    throw deviceError('device', `${found}; ${remedy}`);
  }
  const complaint = (kind === 'cuda' ? driverComplaint(path) : '') || addon.loadBackend(kind, path);
  if (complaint !== '') throw deviceError('device', `${kind}: ${complaint}`);
}

let driverSaid: string | null = null;

/** What a broken NVIDIA driver does to a process of its own, before it can do it to this one; '' when it is sound. */
function driverComplaint(library: string): string {
  if (process.env['WARPGRAD_CUDA_PROBE'] === '0' || driverSigns().length === 0) return '';
  if (driverSaid === null) {
    const probe = probeBackend(addonPath, 'cuda', library);
    driverSaid = typeof probe === 'string' ? `${probe}; run \`npx warpgrad doctor\`` : '';
  }
  return driverSaid;
}

export interface DeviceInfo {
  readonly device: string;
  /** What the maker calls it. */
  readonly description: string;
  readonly memoryBytes: number;
  /** Instruction set or architectures the kernels in use were built for. */
  readonly architecture: string;
}

/**
 * The CPU and every GPU that can be used.
 * @example
 * devices()[0].device; // 'cpu'
 */
export function devices(): DeviceInfo[] {
  const found: DeviceInfo[] = [];
  for (const kind of ['cpu', 'cuda'] as const) {
    try {
      loadKind(kind);
    } catch {
      continue; // not installed, or not for this machine: device(kind) says why
    }
    const { list, architecture } = addon.devices(kind);
    list.forEach(({ name, memoryBytes }, i) => {
      found.push({ device: i === 0 ? kind : `${kind}:${i}`, description: name, memoryBytes, architecture });
    });
  }
  return found;
}

export interface MemoryInfo {
  /** Bytes of this thread's tensors. */
  readonly live: number;
  /** The most `live` has been. */
  readonly peak: number;
  /** Bytes the process has taken from the device, in use or kept for reuse. */
  readonly reserved: number;
  /** Bytes free for any thread to reuse. */
  readonly cached: number;
  readonly limit: number;
}

/**
 * Bytes in use, by device.
 * @example
 * memory().cpu.live;
 */
export function memory(): Record<string, MemoryInfo> {
  const result: Record<string, MemoryInfo> = {};
  for (const each of new Set(opened.values())) {
    const { reserved, cached, limit }: NativeMemory = addon.memory(each.kind, each.index);
    result[each.name] = { live: each.liveBytes, peak: each.peakBytes, reserved, cached, limit };
  }
  return result;
}

/** Starts `memory().<device>.peak` anew. */
export function resetPeakMemory(name: string | Device = 'cpu'): void {
  const each = device(name);
  each.peakBytes = each.liveBytes;
  addon.resetPeak(each.kind, each.index);
}

/** The most bytes warpgrad may take from a device; ops that would cross it throw ERR_OUT_OF_MEMORY. */
export function setMemoryLimit(bytes: number, name: string | Device = 'cpu'): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw argumentError('setMemoryLimit', `wanted bytes, got ${formatValue(bytes)}`);
  const each = device(name);
  addon.setLimit(each.kind, each.index, bytes);
  limits.delete(each);
}

const limits = new Map<Device, number>();

/** @internal */
export function memoryLimit(each: Device): number {
  let limit = limits.get(each);
  if (limit === undefined) {
    ({ limit } = addon.memory(each.kind, each.index));
    limits.set(each, limit);
  }
  return limit;
}

/** How many threads CPU kernels use; at first what the machine and its container allow. */
export function getThreads(): number {
  return addon.threads();
}

/**
 * Sets how many threads CPU kernels use, in the whole process. Results do not depend on it.
 * @example
 * setThreads(1);
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > 256) {
    throw argumentError('setThreads', `wanted an integer from 1 to 256, got ${formatValue(count)}`);
  }
  addon.setThreads(count);
}

export interface Stats {
  /** Storages alive natively, flushed ones only. */
  readonly slots: number;
  /** Commands and flushes since the start. */
  readonly commands: number;
  readonly flushes: number;
  /** Arrays given out by `data()` that still look at tensor memory. */
  readonly views: number;
  readonly graphs: number;
  /** Milliseconds JavaScript was blocked waiting for a device. */
  readonly blockedMs: number;
}

export function stats(): Stats {
  return { ...addon.stats(), blockedMs: blockedTime() };
}
