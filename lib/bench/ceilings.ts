// What this machine can do at most, measured before the cases. On the CPU, loops that do nothing else; on a CUDA device our own
// largest products and copies, which is the most that has been seen there and not what its maker promises.
import { existsSync, readFileSync } from 'node:fs';
import {
  type Device,
  type DType,
  getThreads,
  matmul,
  randn,
  scope,
  setFloat32Precision,
  type Tensor,
} from '../index.ts';
import { addon } from '../native/load.ts';
import { type Call, seconds, timeCalls } from './timing.ts';

export interface ComputeCeiling {
  /** `float32 multiply-adds`, `bfloat16 products` */
  readonly name: string;
  readonly gflops: number;
}

/** Bytes read and written a second over a working set. */
export interface MemoryCeiling {
  readonly name: 'L1' | 'L2' | 'L3' | 'memory';
  /** Of all threads together: working sets up to this one are held to its rates. */
  readonly bytes: number;
  readonly readGbps: number;
  readonly copyGbps: number;
}

export interface Ceilings {
  readonly device: string;
  readonly threads: number;
  readonly compute: readonly ComputeCeiling[];
  /** From small to large; the last is beyond every cache. */
  readonly memory: readonly MemoryCeiling[];
}

/** `budget`: seconds for each rate. */
export function measureCeilings(on: Device, budget: number = 0.25): Ceilings {
  return on.kind === 'cpu' ? cpuCeilings(Math.ceil(budget * 1000)) : deviceCeilings(on, budget);
}

/** The rate that bounds work of this dtype: kernels on the CPU compute float16 and bfloat16 in float32. */
export function computeCeiling({ compute }: Ceilings, dtype: DType): ComputeCeiling {
  const [first] = compute;
  return compute.find(({ name }) => name.startsWith(dtype)) ?? (first as ComputeCeiling);
}

/** The level that a working set fits into. */
export function memoryCeiling({ memory }: Ceilings, bytes: number): MemoryCeiling {
  return memory.find((each) => each.bytes >= bytes) ?? (memory.at(-1) as MemoryCeiling);
}

/** The faster of reading and copying: what no mix of both can beat by much. */
export const bandwidth = ({ readGbps, copyGbps }: MemoryCeiling): number => Math.max(readGbps, copyGbps);

/** Sizes of this machine's data caches in bytes, the third level's as a whole; usual ones where it does not say. */
export function cacheSizes(): readonly [number, number, number] {
  const folder = '/sys/devices/system/cpu/cpu0/cache';
  const sizes: [number, number, number] = [32 * 2 ** 10, 2 ** 20, 32 * 2 ** 20];
  for (let i = 0; i < 8; i++) {
    const at = `${folder}/index${i}`;
    if (!existsSync(`${at}/size`)) break;
    const read = (file: string): string => readFileSync(`${at}/${file}`, 'utf8').trim();
    const [, number = '', unit] = /^(\d+)([KM])$/.exec(read('size')) ?? [];
    const level = Number(read('level'));
    if (read('type') !== 'Instruction' && level >= 1 && level <= 3 && number !== '')
      sizes[level - 1] = Number(number) * (unit === 'M' ? 2 ** 20 : 2 ** 10);
  }
  return sizes;
}

function cpuCeilings(milliseconds: number): Ceilings {
  const threads = getThreads();
  const [l1, l2, l3] = cacheSizes();
  const fma = addon.ceiling(0, 0, milliseconds) / 1e9;
  // A level is measured with half of it in use: the other half is for what else runs.
  const sets: readonly (readonly [MemoryCeiling['name'], number, number])[] = [
    ['L1', l1 * threads, l1 / 2],
    ['L2', l2 * threads, l2 / 2],
    ['L3', l3, l3 / 2 / threads],
    ['memory', Number.POSITIVE_INFINITY, Math.min(2 ** 29, Math.max(2 ** 27, 4 * l3)) / threads],
  ];
  const memory = sets.map(([name, bytes, each]) => ({
    name,
    bytes: Math.min(bytes, Number.MAX_SAFE_INTEGER),
    readGbps: addon.ceiling(1, each, milliseconds) / 1e9,
    copyGbps: addon.ceiling(2, each, milliseconds) / 1e9,
  }));
  const compute = [
    { name: 'float32 multiply-adds', gflops: fma },
    { name: 'float64 multiply-adds', gflops: fma / 2 }, // half as many lanes
  ];
  return { device: 'cpu', threads, compute, memory };
}

/** Small on the emulator, which takes seconds for what a card does in no time. */
function deviceCeilings(on: Device, budget: number): Ceilings {
  const real = on.kind === 'cuda';
  const side = real ? 8192 : 64;
  const compute: ComputeCeiling[] = [];
  for (const [name, dtype, precision] of [
    ['float32 products', 'float32', 'highest'],
    ['tf32 products', 'float32', 'high'],
    ['bfloat16 products', 'bfloat16', 'highest'],
    ['float16 products', 'float16', 'highest'],
  ] as const) {
    setFloat32Precision(precision);
    const rate = scope(() => {
      const make = (): Tensor => randn([side, side], { device: on, dtype }) as Tensor;
      const [a, b] = [make(), make()];
      return 1 / leastSeconds(() => matmul(a, b), on, real ? budget : 0);
    });
    compute.push({ name, gflops: (rate * 2 * side ** 3) / 1e9 });
  }
  setFloat32Precision('highest');
  const elements = real ? 2 ** 28 : 2 ** 14;
  const [readGbps, copyGbps] = scope(() => {
    const x = randn([elements], { device: on });
    const gbps = (bytes: number, run: Call): number => bytes / leastSeconds(run, on, real ? budget : 0) / 1e9;
    return [gbps(4 * elements, () => x.sum()), gbps(8 * elements, () => x.clone())];
  });
  const memory = [{ name: 'memory' as const, bytes: Number.MAX_SAFE_INTEGER, readGbps, copyGbps }];
  return { device: on.name, threads: getThreads(), compute, memory };
}

/** Of batches of ten, or of single calls where there is no time for more. */
function leastSeconds(run: Call, on: Device, budget: number): number {
  timeCalls(run, 2, on, 'wall');
  let least = Number.POSITIVE_INFINITY;
  const until = seconds() + budget;
  do least = Math.min(least, timeCalls(run, budget > 0 ? 10 : 1, on, 'wall'));
  while (seconds() < until);
  return least;
}
