// Products, convolutions and attention; names and shapes as in bench/peers/gpu.py.
import {
  conv2d,
  gelu,
  grad,
  linear,
  matmul,
  permute,
  scaledDotProductAttention,
  scope,
  setFloat32Precision,
  transpose,
} from '../../lib/index.ts';
import type { Tensor } from '../../lib/index.ts';
import type { Bench } from './harness.ts';

const tokens = 32768;
const products: readonly (readonly [string, number, number, number])[] = [
  ['gpt2 qkv', tokens, 768, 2304],
  ['gpt2 proj', tokens, 768, 768],
  ['gpt2 fc1', tokens, 768, 3072],
  ['gpt2 fc2', tokens, 3072, 768],
  ['gpt2 head', tokens, 768, 50304],
  ['gpt2 wgrad fc1', 768, tokens, 3072],
  ['llama qkv', 4096, 4096, 12288],
  ['llama up', 4096, 4096, 22016],
  ['llama down', 4096, 11008, 4096],
  ['ragged', 4093, 1021, 2039],
];

export async function gemm(b: Bench): Promise<void> {
  for (const [name, dtype, precision] of [
    ['bf16', 'bfloat16', 'highest'],
    ['tf32', 'float32', 'high'],
    ['fp32', 'float32', 'highest'],
  ] as const) {
    setFloat32Precision(precision);
    for (const size of [8192, 4096, 2048, 1024]) {
      const [n] = b.shrink(size);
      for (const letters of size <= 4096 && name !== 'fp32' ? ['NN', 'NT', 'TN', 'TT'] : ['NN']) {
        const turned = (x: Tensor, letter: string | undefined): Tensor => (letter === 'N' ? x : transpose(x));
        const inputs = b.sets(() => [b.normal([n, n], dtype), b.normal([n, n], dtype)] as const, 8 * n * n);
        const product = (i: number): Tensor => {
          const [left, right] = inputs[i % inputs.length] as readonly [Tensor, Tensor];
          return matmul(turned(left, letters[0]), turned(right, letters[1]));
        };
        await b.row('gemm', `${name} ${size}^3 ${letters}`, product, { flops: 2 * n ** 3 });
        dispose(inputs);
      }
    }
  }
  setFloat32Precision('highest');
  for (const [tag, M, K, N] of products) {
    const [m, k, n] = b.shrink(M, K, N);
    const make = (): readonly [Tensor, Tensor] => [b.normal([m, k], 'bfloat16'), b.normal([k, n], 'bfloat16')];
    const inputs = b.sets(make, 2 * (m * k + k * n));
    const product = (i: number): Tensor => matmul(...(inputs[i % inputs.length] as readonly [Tensor, Tensor]));
    await b.row('gemm', `bf16 ${tag} ${M}x${K}x${N}`, product, { flops: 2 * m * k * n });
    dispose(inputs);
  }
  const [m, k, n] = b.shrink(32768, 768, 3072);
  const [x, w, bias] = [b.normal([m, k], 'bfloat16'), b.normal([n, k], 'bfloat16'), b.normal([n], 'bfloat16')] as const;
  const fused = (): Tensor => gelu(linear(x, w, bias));
  await b.row('gemm', 'bf16 linear+bias+gelu 32768x768x3072', fused, { flops: 2 * m * k * n });
  dispose([[x, w, bias]]);
}

function dispose(sets: readonly (readonly Tensor[])[]): void {
  for (const t of sets.flat()) t.dispose();
}

/** [N, C, H, W] whose channels lie together. */
function channelsLast(b: Bench, n: number, c: number, h: number, w: number): Tensor {
  return permute(b.normal([n, h, w, c], 'bfloat16'), [0, 3, 1, 2]);
}

// name, channels in and out, kernel, stride, side
const convolutions: readonly (readonly [string, number, number, number, number, number])[] = [
  ['3x3 64@56', 64, 64, 3, 1, 56],
  ['3x3 128@28', 128, 128, 3, 1, 28],
  ['3x3 256@14', 256, 256, 3, 1, 14],
  ['3x3 512@7', 512, 512, 3, 1, 7],
  ['1x1 64-256@56', 64, 256, 1, 1, 56],
  ['1x1 1024-2048s2@14', 1024, 2048, 1, 2, 14],
  ['7x7s2 3-64@224', 3, 64, 7, 2, 224],
];

export async function conv(b: Bench): Promise<void> {
  const batch = b.quick ? 2 : 256;
  for (const [tag, ciFull, coFull, k, stride, hFull] of convolutions) {
    const ci = b.quick ? Math.max(3, Math.floor(ciFull / 8)) : ciFull;
    const co = b.quick ? coFull / 8 : coFull;
    const h = b.quick ? Math.max(7, Math.floor(hFull / 8)) : hFull;
    const x = channelsLast(b, batch, ci, h, h);
    const w = channelsLast(b, co, ci, k, k);
    const options = { stride, padding: k >> 1 };
    const forward = (): Tensor => conv2d(x, w, options);
    const side = Math.floor((h + 2 * (k >> 1) - k) / stride) + 1;
    const flops = 2 * batch * co * side * side * ci * k * k;
    await b.row('conv', `bf16 fprop ${tag}`, forward, { flops });
    const dy = channelsLast(b, batch, co, side, side);
    if (ci > 3) await slopes(b, `bf16 dgrad ${tag}`, x, dy, forward, flops);
    await slopes(b, `bf16 wgrad ${tag}`, w, dy, forward, flops);
    dispose([[x, w, dy]]);
  }
  for (const [tag, cFull, k, hFull] of [
    ['dw3x3 384@56', 384, 3, 56],
    ['dw7x7 384@28', 384, 7, 28],
  ] as const) {
    const [c, h] = b.quick ? [cFull / 8, hFull / 4] : [cFull, hFull];
    const x = channelsLast(b, Math.max(1, batch >> 2), c, h, h);
    const w = b.normal([c, 1, k, k], 'bfloat16');
    const dy = channelsLast(b, Math.max(1, batch >> 2), c, h, h);
    x.requiresGrad = w.requiresGrad = true;
    const step = (): unknown => grad(conv2d(x, w, { padding: k >> 1, groups: c }), [x, w], { gradOutputs: dy });
    await b.row('conv', `bf16 fwd+bwd ${tag}`, step, { bytes: 2 * x.size * 5 });
    dispose([[x, w, dy]]);
  }
}

/** The backward pass to one input alone, of a graph that stands. */
async function slopes(
  b: Bench,
  name: string,
  to: Tensor,
  dy: Tensor,
  forward: () => Tensor,
  flops: number,
): Promise<void> {
  to.requiresGrad = true;
  const y = scope(forward);
  await b.row('conv', name, () => grad(y, to, { gradOutputs: dy, retainGraph: true }), { flops });
  y.dispose();
  to.requiresGrad = false;
}

export async function attention(b: Bench): Promise<void> {
  const [tokens, hidden] = b.quick ? [256, 128] : [16384, 2048];
  for (const d of [64, 128]) {
    for (const length of [2048, 4096, 8192, 16384]) {
      for (const isCausal of [false, true]) {
        const s = b.quick ? length / 64 : length;
        const [n, h] = [Math.max(1, Math.floor(tokens / s)), Math.max(1, Math.floor(hidden / d))];
        const make = (): Tensor => b.normal([n, h, s, d], 'bfloat16');
        const [q, k, v, dy] = [make(), make(), make(), make()] as const;
        for (const t of [q, k, v]) t.requiresGrad = true;
        const flops = 4 * n * h * s * s * d * (isCausal ? 0.5 : 1);
        const tag = `d${d} S${length}${isCausal ? ' causal' : ''}`;
        const forward = (): Tensor => scaledDotProductAttention(q, k, v, { isCausal });
        await b.row('attention', `bf16 fwd ${tag}`, forward, { flops });
        const y = scope(forward);
        const backward = (): unknown => grad(y, [q, k, v], { gradOutputs: dy, retainGraph: true });
        await b.row('attention', `bf16 bwd ${tag}`, backward, { flops: 2.5 * flops });
        dispose([[q, k, v, dy, y]]);
      }
    }
  }
}
