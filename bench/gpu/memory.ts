// What memory's speed bounds, the optimizers, and what an op costs besides; names and shapes as in bench/peers/gpu.py.
import * as wg from '../../lib/index.ts';
import type { DType, Tensor } from '../../lib/index.ts';
import { print } from '../../lib/bench/machine.ts';
import { seconds } from '../../lib/bench/timing.ts';
import type { Bench } from './harness.ts';

const wide = 'float32';
const half = 'bfloat16';
const bytesOf = (dtype: DType): number => (dtype === wide ? 4 : 2);
function drop(...tensors: readonly Tensor[]): void {
  for (const t of tensors) t.dispose();
}

export async function memoryBound(b: Bench): Promise<void> {
  await softmaxes(b);
  await norms(b);
  await losses(b);
  for (const dtype of [wide, half] as const) await whole(b, dtype);
  await planes(b);
  await lookups(b);
}

async function softmaxes(b: Bench): Promise<void> {
  for (const [rows, columns] of [
    [16384, 1024],
    [8192, 8192],
    [16384, 131072],
  ] as const) {
    for (const dtype of [half, wide] as const) {
      const [r, c] = b.shrink(rows, columns);
      const size = r * c * bytesOf(dtype);
      const inputs = b.sets(() => b.normal([r, c], dtype), size);
      const forward = (i: number): Tensor => wg.softmax(inputs[i % inputs.length] as Tensor, { axis: -1 });
      await b.row('softmax', `${dtype} fwd ${rows}x${columns}`, forward, { bytes: 2 * size });
      const x = inputs[0] as Tensor;
      const dy = b.normal([r, c], dtype);
      x.requiresGrad = true;
      const both = (): unknown => wg.grad(wg.softmax(x, { axis: -1 }), x, { gradOutputs: dy });
      await b.row('softmax', `${dtype} fwd+bwd ${rows}x${columns}`, both, { bytes: 5 * size });
      drop(...inputs, dy);
    }
  }
}

async function norms(b: Bench): Promise<void> {
  for (const [rows, columns] of [
    [32768, 768],
    [16384, 2048],
    [8192, 4096],
    [4096, 8192],
  ] as const) {
    const [r, c] = b.shrink(rows, columns);
    const [x, dy] = [b.normal([r, c], half), b.normal([r, c], half)] as const;
    const weight = wg.ones([c], { device: b.on, dtype: half });
    const bias = wg.zeros([c], { device: b.on, dtype: half });
    const forward = (): Tensor => wg.layerNorm(x, c, { weight, bias });
    for (const t of [x, weight, bias]) t.requiresGrad = true;
    await b.row('layernorm', `bf16 fwd ${rows}x${columns}`, forward, { bytes: 4 * r * c });
    const both = (): unknown => wg.grad(forward(), [x, weight, bias], { gradOutputs: dy });
    await b.row('layernorm', `bf16 fwd+bwd ${rows}x${columns}`, both, { bytes: 10 * r * c });
    drop(x, dy, weight, bias);
  }
}

async function losses(b: Bench): Promise<void> {
  for (const [rows, classes] of [
    [8192, 50304],
    [8192, 128256],
  ] as const) {
    const [r, v] = b.shrink(rows, classes);
    const x = b.normal([r, v], half);
    const t = wg.randint([r], { high: v, device: b.on });
    x.requiresGrad = true;
    const both = (): unknown => wg.grad(wg.crossEntropy(x, t), x);
    await b.row('cross_entropy', `bf16 fwd+bwd ${rows}x${classes}`, both, { bytes: 4 * r * v });
    drop(x, t);
  }
}

async function whole(b: Bench, dtype: typeof wide | typeof half): Promise<void> {
  const full = 2 ** 28;
  const n = b.quick ? 2 ** 16 : full;
  const e = bytesOf(dtype);
  const x = b.normal([n], dtype);
  const y = b.normal([n], dtype);
  const rows = wg.reshape(x, [-1, 4096]);
  const other = dtype === wide ? half : wide;
  const reductions: readonly (readonly [string, () => unknown])[] = [
    ['sum', () => wg.sum(x)],
    ['max', () => wg.amax(x)],
    ['var', () => wg.variance(x)],
    ['sum rows', () => wg.sum(rows, { axis: 1 })],
    ['sum columns', () => wg.sum(rows, { axis: 0 })],
    ['argmax', () => wg.argmax(x)],
  ];
  for (const [name, f] of reductions) await b.row('reduce', `${dtype} ${name} ${full}`, f, { bytes: n * e });
  const maps: readonly (readonly [string, () => unknown, number])[] = [
    ['add', () => wg.add(x, y), 3],
    ['gelu', () => wg.gelu(x), 2],
    ['cast', () => x.to(other), dtype === wide ? 1.5 : 3],
    ['copy', () => wg.clone(x), 2],
  ];
  for (const [name, f, k] of maps) await b.row('elementwise', `${dtype} ${name} ${full}`, f, { bytes: k * n * e });
  drop(rows, x, y);
}

async function planes(b: Bench): Promise<void> {
  const [n] = b.shrink(8192);
  const x = b.normal([n, n]);
  const bytes = 8 * n * n;
  await b.row('elementwise', 'float32 transpose 8192^2', () => wg.contiguous(wg.transpose(x)), { bytes });
  await b.row('scan', 'float32 cumsum rows 8192x8192', () => wg.cumsum(x, { axis: 1 }), { bytes });
  await b.row('scan', 'float32 topk 64 rows 8192x8192', () => wg.topk(x, Math.min(64, n)), { bytes: bytes / 2 });
  drop(x);
}

async function lookups(b: Bench): Promise<void> {
  const [tokens, rows, width] = b.shrink(32768, 50304, 768);
  const table = b.normal([rows, width]);
  const ids = wg.randint([tokens], { high: rows, device: b.on });
  const dy = b.normal([tokens, width]);
  const bytes = 8 * tokens * width;
  await b.row('embedding', 'float32 fwd 32768x768', () => wg.embedding(ids, table), { bytes });
  table.requiresGrad = true;
  const both = (): unknown => wg.grad(wg.embedding(ids, table), table, { gradOutputs: dy });
  await b.row('embedding', 'float32 bwd 32768x768', both, { bytes: bytes + 4 * rows * width });
  drop(table, ids, dy);
}

export async function optimizers(b: Bench): Promise<void> {
  for (const [tag, full] of [
    ['124M', 124e6],
    ['1B', 1e9],
  ] as const) {
    const n = b.quick ? full / 1000 : full;
    const parameters = Array.from({ length: 64 }, () => b.normal([Math.floor(n / 64)]));
    for (const p of parameters) {
      p.requiresGrad = true;
      p.grad = b.normal(p.shape);
    }
    const adam = new wg.optim.AdamW(parameters, { lr: 1e-3 });
    await b.row('optim', `float32 adamw ${tag}`, () => adam.step(), { bytes: 28 * n });
    const clip = (): unknown => wg.optim.clipGradNorm(parameters, 1e9);
    await b.row('optim', `float32 clip_grad_norm ${tag}`, clip, { bytes: 4 * n });
    for (const p of parameters) drop(p.grad as Tensor, p);
  }
}

export async function dispatch(b: Bench): Promise<void> {
  const [x, y] = [b.normal([1024]), b.normal([1024])] as const;
  const calls = b.quick ? 200 : 20000;
  const issue = (count: number): void => {
    for (let i = 0; i < count; i++) wg.add(x, y).dispose();
  };
  issue(100);
  await x.device.synchronize();
  const start = seconds();
  issue(calls);
  const ms = ((seconds() - start) / calls) * 1e3;
  await x.device.synchronize();
  print({ group: 'dispatch', case: 'float32 add 1024', impl: 'warpgrad', median_ms: ms });
  drop(x, y);
  const host = wg.randn([b.quick ? 2 ** 16 : 2 ** 26]);
  await b.row('dispatch', 'float32 H2D pinned 256MiB', () => host.to(b.on), { bytes: 4 * host.size });
}
