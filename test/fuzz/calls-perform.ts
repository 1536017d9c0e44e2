// Makes one call and judges it: a result or a WarpgradError with a known code, in time, and no memory left afterwards.
import { kernelCalls } from './kernel-count.ts';
import { device, errorCodes, Tensor, WarpgradError } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { NDArray } from '../support/reference/ndarray.ts';
import { make } from '../support/tensors.ts';
import type { Call, Json, Plan } from './call.ts';
import { isPlan } from './call.ts';

export interface Outcome {
  /**
   * Whether native code did something for this call beyond making its inputs: a kernel command was appended. A view
   * computes nothing; its elements are read through the kernel that copies strided memory, which counts.
   */
  readonly reached: boolean;
  /** The code of the refusal, null for a result. */
  readonly code: string | null;
  /** What is wrong, null when nothing is. */
  readonly problem: string | null;
  /** Bytes a refusal left for the garbage collector. */
  readonly left: number;
}

type AnyOp = (...args: unknown[]) => unknown;
const table = ops as unknown as Readonly<Record<string, AnyOp>>;
const hangMs = process.env['WARPGRAD_TEST_SANITIZER'] === undefined ? 5_000 : 30_000;

const specials: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  bigint: 2n ** 70n,
  symbol: Symbol('s'),
  function: () => 1,
  array: new Float32Array(3),
  huge: Array.from({ length: 100_000 }, () => 1),
  square: (x: Tensor) => ops.mul(x, x),
  total: (x: Tensor) => ops.sum(ops.mul(x, x)),
};

class Inputs {
  readonly made: Tensor[] = [];

  open(value: Json): unknown {
    if (isPlan(value)) return this.#place(value);
    if (Array.isArray(value)) return value.map((each) => this.open(each));
    if (typeof value !== 'object' || value === null) return value;
    if ('$' in value) return specials[value['$'] as string];
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.open(each)]));
  }

  #place({ $tensor }: Plan): Tensor {
    const { shape, data, dtype, layout, grad, disposed, same } = $tensor;
    const twin = same === undefined ? undefined : this.made[same];
    if (twin !== undefined) {
      this.made.push(twin);
      return twin;
    }
    const values = new NDArray(
      shape,
      data.map((each) => this.open(each) as number),
    );
    const t = make({ values, dtype, grad }, { device: $tensor.device, dtype, layout });
    this.made.push(t);
    if (grad && dtype.startsWith('float')) t.requiresGrad = true;
    if (disposed) t.dispose();
    return t;
  }
}

function tensorsOf(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsOf);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsOf) : [];
}

const inTime = <T>(promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${hangMs} ms`)), hangMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** The results of the call, read; and the backward pass of their sum when they have a gradient. Whatever is made goes into `made`. */
async function use(call: Call, args: readonly unknown[], inputs: readonly Tensor[], made: Tensor[]): Promise<void> {
  const keep = (t: Tensor): Tensor => {
    made.push(t);
    return t;
  };
  let returned = (table[call.op] as AnyOp)(...args);
  if (returned instanceof Promise) returned = await inTime(returned);
  if (call.op === 'at') returned = await inTime(Promise.resolve((returned as { get(): unknown }).get()));
  const results = tensorsOf(returned);
  made.push(...results);
  let loss: Tensor | null = null;
  for (const t of results) {
    const isView = inputs.some(({ storage }) => storage === t.storage);
    (isView ? keep(ops.clone(keep(ops.detach(t)))) : t).dataSync();
    if (!t.requiresGrad || t.isLeaf) continue;
    const total = keep(ops.sum(t));
    loss = loss === null ? total : keep(ops.add(loss, total));
  }
  loss?.backward();
  for (const { grad } of inputs) grad?.dataSync();
}

export async function perform(call: Call): Promise<Outcome> {
  const before = liveBytes();
  const inputs = new Inputs();
  const results: Tensor[] = [];
  const start = performance.now();
  let [reached, problem, code]: [boolean, string | null, string | null] = [false, null, null];
  const judge = (error: unknown): void => {
    const known = error instanceof WarpgradError && errorCodes.includes(error.code);
    // A kernel that finds its arguments not to fit each other was not protected by the checks before it.
    const ours = known && error.code === 'ERR_BOUNDS' && /of its queue/.test(error.message);
    if (known && !ours) code ??= error.code;
    else problem ??= `threw ${error instanceof Error ? error.stack : String(error)}`;
  };
  let kernels = Number.POSITIVE_INFINITY;
  try {
    const args = inputs.open(call.args) as unknown[]; // may be refused too: a rank of 9
    kernels = kernelCalls();
    await use(call, args, inputs.made, results);
  } catch (error) {
    judge(error);
  }
  for (const name of testDevices) {
    try {
      device(name).synchronizeSync();
    } catch (error) {
      judge(error);
    }
  }
  reached = kernelCalls() > kernels;
  for (const t of [...results, ...inputs.made]) {
    t.grad?.dispose();
    t.dispose();
  }
  const left = liveBytes() - before;
  if (left > 0 && code === null) problem ??= `${left} bytes are left after everything was disposed`;
  const ms = performance.now() - start;
  if (ms > hangMs) problem ??= `took ${Math.round(ms)} ms`;
  return { reached, code, problem, left: Math.max(0, left) };
}
