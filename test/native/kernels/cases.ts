// Small shapes that take every CUDA kernel with barriers, warps' exchanges or asynchronous copies through its cuts: of these
// the seeded bugs and the schedules are made. A case gives the same values on every device.
import * as wg from '../../../lib/index.ts';
import type { Tensor } from '../../../lib/index.ts';

export interface KernelCase {
  readonly name: string;
  /** Of the largest value: float32 in another order of summation, unless said. */
  readonly tolerance?: number;
  run(on: string): Tensor | readonly Tensor[];
}

const normal = (on: string, ...shape: number[]): Tensor => wg.randn(shape).to(on);
/** Whole numbers of which many are equal. */
const whole = (on: string, below: number, ...shape: number[]): Tensor => wg.randint(shape, { high: below }).to(on);

/** The value, and the gradients of what stands in `of` when the result is weighted at random. */
function withGradients(on: string, of: readonly Tensor[], f: () => Tensor): Tensor[] {
  for (const x of of) x.requiresGrad = true;
  const y = f();
  y.backward({ gradient: normal(on, ...y.shape) });
  return [y.detach(), ...of.map((x) => x.grad as Tensor)];
}
const slopes =
  (shapes: readonly (readonly number[])[], f: (...inputs: Tensor[]) => Tensor) =>
  (on: string): Tensor[] => {
    const inputs = shapes.map((shape) => normal(on, ...shape));
    return withGradients(on, inputs, () => f(...inputs));
  };

/** On arguments of 16 bits; the result as float32. */
const halved =
  (dtype: 'float16' | 'bfloat16', f: (...inputs: Tensor[]) => Tensor) =>
  (...inputs: Tensor[]): Tensor =>
    f(...inputs.map((x) => x.to(dtype))).to('float32');

const inMode =
  <R>(mode: wg.Float32Precision, run: (on: string) => R) =>
  (on: string): R => {
    const before = wg.getFloat32Precision();
    wg.setFloat32Precision(mode);
    try {
      return run(on);
    } finally {
      wg.setFloat32Precision(before);
    }
  };

const cases: readonly KernelCase[] = [
  { name: 'sum of rows, a block each', run: (on) => wg.sum(normal(on, 3, 5000), { axis: 1 }) },
  { name: 'sum of rows, some a block', run: (on) => wg.sum(normal(on, 40, 37), { axis: 1 }) },
  { name: 'sum of columns', run: (on) => wg.sum(normal(on, 500, 50), { axis: 0 }) },
  { name: 'sum of everything', run: (on) => wg.sum(normal(on, 90000)) },
  { name: 'variance of rows', run: (on) => wg.variance(normal(on, 3, 4100), { axis: 1 }) },
  { name: 'variance of columns', run: (on) => wg.variance(normal(on, 300, 33), { axis: 0 }) },
  { name: 'largest of rows and where', run: (on) => [wg.argmax(normal(on, 3, 5000), { axis: 1 })] },
  { name: 'product of columns', run: (on) => wg.prod(wg.rand([60, 40]).add(0.5).to(on), { axis: 0 }) },
  { name: 'running sum along rows', run: (on) => wg.cumsum(normal(on, 3, 5000), { axis: 1 }) },
  { name: 'running sum down columns', run: (on) => wg.cumsum(normal(on, 700, 40), { axis: 0 }) },
  { name: 'running largest', run: (on) => wg.cummax(normal(on, 3, 3000), { axis: 1 }) },
  { name: 'softmax of short rows', run: slopes([[9, 70]], (x) => wg.softmax(x, { axis: 1 })) },
  { name: 'softmax of resident rows', run: slopes([[2, 3000]], (x) => wg.softmax(x, { axis: 1 })) },
  { name: 'softmax of streamed rows', run: slopes([[2, 20000]], (x) => wg.softmax(x, { axis: 1 })) },
  { name: 'logsumexp', run: slopes([[3, 4000]], (x) => wg.logsumexp(x, { axis: 1 })) },
  {
    name: 'layer norm',
    run: slopes([[5, 1000], [1000], [1000]], (x, weight, bias) => wg.layerNorm(x, 1000, { weight, bias })),
  },
  { name: 'cross entropy', run: (on) => wg.crossEntropy(normal(on, 6, 3000), whole(on, 3000, 6)) },
  { name: 'sort of short rows', run: (on) => wg.sort(whole(on, 90, 3, 300), { axis: 1 }) },
  { name: 'sort of long rows', run: (on) => wg.sort(normal(on, 2, 6000), { axis: 1 }) },
  { name: 'sort of equals', run: (on) => wg.sort(whole(on, 7, 2, 5000), { axis: 1 }) },
  { name: 'largest few', run: (on) => wg.topk(normal(on, 3, 3000), 40) },
  { name: 'median', run: (on) => [wg.median(normal(on, 3, 2001), { axis: 1 })].flat() as Tensor[] },
  { name: 'mode', run: (on) => [wg.mode(whole(on, 30, 3, 800), { axis: 1 })].flat() as Tensor[] },
  {
    name: 'rows that meet',
    run: (on) => wg.zeros([20, 30], { device: on }).indexAdd(0, whole(on, 20, 300), normal(on, 300, 30)),
  },
  { name: 'embedding', run: slopes([[30, 20]], (table) => wg.embedding(whole(table.device.name, 30, 200), table)) },
  {
    name: 'matmul, tiles',
    run: slopes(
      [
        [130, 70],
        [70, 100],
      ],
      (a, b) => wg.matmul(a, b),
    ),
  },
  { name: 'matmul, split', run: (on) => wg.matmul(normal(on, 20, 3000), normal(on, 3000, 24)) },
  { name: 'matmul, thin', run: (on) => wg.matmul(normal(on, 2, 600), normal(on, 600, 200)) },
  {
    name: 'convolution',
    run: slopes(
      [
        [2, 8, 12, 12],
        [16, 8, 3, 3],
      ],
      (x, w) => wg.conv2d(x, w, { padding: 1 }),
    ),
  },
  {
    name: 'depthwise convolution',
    run: slopes(
      [
        [2, 6, 10, 10],
        [6, 1, 3, 3],
      ],
      (x, w) => wg.conv2d(x, w, { padding: 1, groups: 6 }),
    ),
  },
  {
    name: 'normalisation of batches',
    run: slopes([[3, 5, 7, 7], [5], [5]], (x, weight, bias) => wg.batchNorm(x, { weight, bias, training: true })),
    tolerance: 1e-5,
  },
  {
    name: 'normalisation of batches, channels cut',
    run: slopes([[2, 2, 100, 96]], (x) => wg.batchNorm(x, { training: true })),
    tolerance: 1e-4,
  },
  {
    name: 'matmul of bfloat16',
    run: slopes(
      [
        [70, 275],
        [275, 96],
      ],
      halved('bfloat16', (a, b) => wg.matmul(a, b)),
    ),
    tolerance: 1e-2,
  },
  {
    name: 'matmul of float16, split',
    run: (on) => halved('float16', (a, b) => wg.matmul(a, b))(normal(on, 20, 1500), normal(on, 1500, 24)),
    tolerance: 1e-3,
  },
  {
    name: 'matmul in tf32',
    run: inMode(
      'high',
      slopes(
        [
          [70, 84],
          [84, 96],
        ],
        (a, b) => wg.matmul(a, b),
      ),
    ),
    tolerance: 1e-3,
  },
  {
    name: 'convolution of bfloat16',
    run: slopes(
      [
        [2, 28, 8, 8],
        [16, 28, 3, 3],
      ],
      halved('bfloat16', (x, w) => wg.conv2d(x, w, { stride: 2, padding: 1 })),
    ),
    tolerance: 1e-2,
  },
  {
    name: 'convolution in tf32',
    run: inMode(
      'high',
      slopes(
        [
          [2, 10, 9, 9],
          [16, 10, 3, 3],
        ],
        (x, w) => wg.conv2d(x, w, { padding: 1 }),
      ),
    ),
    tolerance: 1e-3,
  },
  { name: 'largest of windows', run: slopes([[2, 3, 9, 9]], (x) => wg.maxPool2d(x, 3, { stride: 2 })) },
  { name: 'transform', run: (on) => wg.fft(normal(on, 3, 600, 2)) },
  { name: 'long transform', run: (on) => wg.fft(normal(on, 9000, 2)) },
  { name: 'solve', run: (on) => wg.solve(normal(on, 2, 40, 40), normal(on, 2, 40, 3)), tolerance: 1e-3 },
  { name: 'singular values', run: (on) => wg.svdvals(normal(on, 20, 12)), tolerance: 1e-3 },
  { name: 'distances', run: (on) => wg.cdist(normal(on, 40, 20), normal(on, 50, 20)) },
  {
    name: 'sampling a grid',
    run: slopes(
      [
        [1, 2, 9, 9],
        [1, 12, 12, 2],
      ],
      (x, grid) => wg.gridSample(x, grid),
    ),
  },
  {
    name: 'attention',
    run: slopes(
      [
        [2, 80, 32],
        [2, 90, 32],
        [2, 90, 32],
      ],
      (q, k, v) => wg.scaledDotProductAttention(q, k, v, {}),
    ),
  },
  {
    name: 'causal attention',
    run: slopes(
      [
        [2, 150, 64],
        [2, 150, 64],
        [2, 150, 64],
      ],
      (q, k, v) => wg.scaledDotProductAttention(q, k, v, { isCausal: true }),
    ),
  },
  {
    name: 'attention of 150 columns',
    run: slopes(
      [
        [1, 70, 150],
        [1, 50, 150],
        [1, 50, 150],
      ],
      (q, k, v) => wg.scaledDotProductAttention(q, k, v, {}),
    ),
  },
  {
    name: 'attention in bfloat16',
    tolerance: 2e-2,
    run: slopes(
      [
        [2, 150, 64],
        [2, 90, 64],
        [2, 90, 64],
      ],
      (q, k, v) => {
        const [a, b, c] = [q, k, v].map((each) => each.to('bfloat16')) as [Tensor, Tensor, Tensor];
        return wg.scaledDotProductAttention(a, b, c, { window: [70, 40] }).to('float32');
      },
    ),
  },
];

export const kernelCases: ReadonlyMap<string, KernelCase> = new Map(cases.map((each) => [each.name, each]));
