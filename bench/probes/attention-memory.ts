// scaledDotProductAttention against matmul, softmax, matmul: forward and backward at S = 1024, interleaved, and the memory
// that S = 8192 takes beyond inputs and outputs, measured first while nothing is cached.
import {
  device,
  manualSeed,
  matmul,
  memory,
  mul,
  randn,
  resetPeakMemory,
  scaledDotProductAttention,
  scope,
  softmax,
  transpose,
} from '../../lib/index.ts';
import type { Tensor } from '../../lib/index.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { median } from '../../lib/bench/statistics.ts';
import { seconds } from '../../lib/bench/timing.ts';

const depth = 64;

interface Inputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly dy: Tensor;
}

function inputs(rows: number): Inputs {
  const make = (): Tensor => randn([1, rows, depth], { requiresGrad: true });
  return { q: make(), k: make(), v: make(), dy: randn([1, rows, depth]) };
}

function step({ q, k, v, dy }: Inputs, attend: (q: Tensor, k: Tensor, v: Tensor) => Tensor): Tensor {
  for (const t of [q, k, v]) t.grad = null;
  return scope(() => {
    const y = attend(q, k, v);
    y.backward({ gradient: dy });
    return y.detach();
  });
}

const composed = (q: Tensor, k: Tensor, v: Tensor): Tensor =>
  matmul(softmax(mul(matmul(q, transpose(k)), 1 / Math.sqrt(depth))), v);

export async function run(): Promise<void> {
  manualSeed(1);
  const cpu = device('cpu');
  const rows = 8192;
  const big = inputs(rows);
  cpu.synchronizeSync();
  resetPeakMemory(cpu);
  const before = memory()['cpu'] as { live: number; reserved: number };
  const y = step(big, scaledDotProductAttention);
  cpu.synchronizeSync();
  const after = memory()['cpu'] as { peak: number; reserved: number };
  const outputs = 4 * y.size * 4; // the result and three gradients
  // Tensors are counted by `peak`; what was reserved counts the kernels' scratch too.
  const tensorsBeyond = after.peak - before.live - outputs;
  const reservedBeyond = after.reserved - before.reserved - outputs;
  const allowed = 12 * rows * depth * 4;
  for (const t of [y, ...Object.values(big)]) t.dispose();
  const small = inputs(1024);
  const times: { fused: number[]; composed: number[] } = { fused: [], composed: [] };
  for (let round = 0; round < 31; round++) {
    for (const name of ['fused', 'composed'] as const) {
      const start = seconds();
      step(small, name === 'fused' ? scaledDotProductAttention : composed).dispose();
      cpu.synchronizeSync();
      times[name].push(seconds() - start);
    }
    await new Promise(setImmediate);
  }
  print({
    case: 'attention-memory',
    ...machine(),
    bytesBeyond: Math.max(tensorsBeyond, reservedBeyond),
    bytesAllowed: allowed,
    memoryRatio: Math.max(tensorsBeyond, reservedBeyond) / allowed,
    fusedMs: median(times.fused) * 1e3,
    composedMs: median(times.composed) * 1e3,
    timeRatio: median(times.fused) / median(times.composed),
    bestRatio: Math.min(...times.fused) / Math.min(...times.composed),
  });
}
