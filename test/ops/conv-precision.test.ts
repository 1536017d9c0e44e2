// Convolutions of float16 and bfloat16, and of float32 in each precision, with both gradients, held to float64: as
// precision.test.ts for products of matrices.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConvOptions, DType, Tensor } from '../../lib/index.ts';
import { conv2d, conv3d, convTranspose2d, getFloat32Precision, grad, setFloat32Precision } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { rand } from '../support/random.ts';
import { map, type NDArray } from '../support/reference/ndarray.ts';
import { elements, type Layout, make, sameElements, valuesOf } from '../support/tensors.ts';

type Options = Omit<ConvOptions, 'padding'> & { readonly padding?: number | readonly number[] };

interface Convolution {
  readonly name: string;
  readonly op?: (x: Tensor, weight: Tensor, bias?: Tensor | null, options?: Options) => Tensor;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly bias?: boolean;
  readonly options?: Options;
  /** Which of the result and the gradients of x and weight CUDA computes on tensor cores in 'high' and 'medium'. */
  readonly cores: readonly [boolean, boolean, boolean];
}

const all = [true, true, true] as const;

const convolutions: readonly Convolution[] = [
  { name: 'whole pieces', x: [2, 16, 8, 8], weight: [24, 16, 3, 3], options: { padding: 1 }, cores: all },
  { name: 'odd channels', x: [2, 11, 7, 9], weight: [13, 11, 3, 2], bias: true, cores: all },
  { name: 'stride 2', x: [1, 12, 11, 10], weight: [16, 12, 3, 3], options: { stride: 2, padding: 1 }, cores: all },
  {
    name: 'stride beyond the kernel, dilation',
    x: [1, 9, 13, 12],
    weight: [10, 9, 2, 2],
    options: { stride: 3, dilation: 2, padding: [2, 0] },
    cores: all,
  },
  { name: 'groups', x: [2, 24, 6, 6], weight: [20, 12, 3, 3], bias: true, options: { groups: 2 }, cores: all },
  { name: 'a kernel of one', x: [2, 20, 8, 9], weight: [18, 20, 1, 1], bias: true, cores: all },
  { name: 'many places', x: [4, 9, 34, 33], weight: [16, 9, 3, 3], options: { padding: 1 }, cores: all },
  // Few lines, or one channel a group: too little for a tile.
  { name: 'few filters', x: [1, 12, 6, 6], weight: [3, 12, 3, 3], cores: [false, true, true] },
  {
    name: 'depthwise',
    x: [2, 6, 7, 7],
    weight: [6, 1, 3, 3],
    bias: true,
    options: { groups: 6 },
    cores: [false, false, false],
  },
  {
    name: 'transposed',
    op: convTranspose2d,
    x: [2, 12, 5, 5],
    weight: [12, 10, 3, 3],
    bias: true,
    options: { stride: 2 },
    cores: all,
  },
  { name: 'volumes', op: conv3d, x: [1, 10, 4, 5, 6], weight: [12, 10, 2, 3, 3], options: { padding: 1 }, cores: all },
];

/** How x and weight lie; 'transposed' ends in another axis than the channels, see also the test of channels last. */
const pairs: readonly (readonly [Layout, Layout])[] = [
  ['contiguous', 'contiguous'],
  ['sliced', 'transposed'],
  ['reversed', 'broadcast'],
];

/** The result and the gradients of x and weight, with a gradient of the result that is 1. */
function results(each: Convolution, x: Tensor, weight: Tensor, bias: Tensor | null, dy: Tensor): Tensor[] {
  x.requiresGrad = true;
  weight.requiresGrad = true;
  const y = (each.op ?? conv2d)(x, weight, bias, each.options);
  return [y, ...grad(y, [x, weight], { gradOutputs: dy })];
}

function check(
  each: Convolution,
  device: string,
  dtype: DType,
  layouts: readonly [Layout, Layout],
  unit: number,
  verify: (rms: number, which: number) => void,
): void {
  const exact = { device: 'cpu', dtype: 'float64', layout: 'contiguous' } as const;
  const plain = { device, dtype, layout: 'contiguous' } as const;
  const outputs = each.op === convTranspose2d ? (each.weight[1] as number) : (each.weight[0] as number);
  const specs = [rand(...each.x), rand(...each.weight), ...(each.bias ? [rand(outputs)] : [])];
  const places = specs.map((_, i) => ({ device, dtype, layout: layouts[i] ?? 'contiguous' }));
  const values = specs.map((spec, i) => valuesOf(spec, places[i] as (typeof places)[0]));
  const given = specs.map((spec, i) => make(spec, places[i] as (typeof places)[0]));
  const as64 = (f: (v: NDArray) => NDArray): Tensor[] =>
    values.map((v) => make({ values: f(v), dtype: null, grad: false }, exact));
  const [x, weight, bias] = as64((v) => v) as [Tensor, Tensor, Tensor?];
  const size = (each.op ?? conv2d)(x, weight, bias ?? null, each.options).shape;
  const slope = rand(...size);
  const dy = valuesOf(slope, plain);
  const got = results(each, given[0] as Tensor, given[1] as Tensor, given[2] ?? null, make(slope, plain));
  const wanted = results(each, x, weight, bias ?? null, make({ values: dy, dtype: null, grad: false }, exact));
  const [ax, aw, ab] = as64((v) => map(v, Math.abs)) as [Tensor, Tensor, Tensor?];
  const ady = make({ values: map(dy, Math.abs), dtype: null, grad: false }, exact);
  const sizes = results(each, ax, aw, ab ?? null, ady);
  got.forEach((t, which) => {
    assert.is(t.dtype, dtype);
    const [found, right, scale] = [t, wanted[which] as Tensor, sizes[which] as Tensor].map(elements) as unknown as [
      ArrayLike<number>,
      ArrayLike<number>,
      ArrayLike<number>,
    ];
    let [square, total] = [0, 0];
    for (let i = 0; i < right.length; i++) {
      const error = (found[i] as number) - (right[i] as number);
      square += error * error;
      total += (right[i] as number) ** 2;
      const most = unit * (scale[i] as number) + 1e-12;
      assert.ok(Math.abs(error) <= most, `${which} [${i}]: wanted ${right[i]}, got ${found[i]}, ${layouts}`);
    }
    verify(Math.sqrt(square / total), which);
  });
}

const halves = { float16: 2 ** -11, bfloat16: 2 ** -8 } as const;

for (const device of testDevices) {
  for (const each of convolutions) {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      test(`${dtype}: ${each.name} on ${device}`, () => {
        for (const layouts of pairs) check(each, device, dtype, layouts, halves[dtype] + 2e-6, () => {});
      });
    }
    for (const [mode, unit, most] of [
      ['high', 2.1 * 2 ** -11, 4.5e-4],
      ['medium', 2.1 * 2 ** -8, 3.6e-3],
    ] as const) {
      test(`float32, ${mode}: ${each.name} on ${device}`, () => {
        const before = getFloat32Precision();
        setFloat32Precision(mode);
        try {
          check(each, device, 'float32', ['contiguous', 'contiguous'], unit, (rms, which) => {
            assert.ok(rms <= most, `${which}: ${rms}`);
            assert.is(rms > 1e-5, device.startsWith('cuda') && each.cores[which], `${which}: ${rms}`);
          });
        } finally {
          setFloat32Precision(before);
        }
      });
    }
  }

  test(`images whose channels lie together on ${device}`, () => {
    const place = { device, dtype: 'bfloat16', layout: 'contiguous' } as const;
    const images = make(rand(2, 6, 7, 16), place);
    const weight = make(rand(24, 3, 3, 16), place);
    const inPlace = conv2d(images.permute([0, 3, 1, 2]), weight.permute([0, 3, 1, 2]));
    const moved = conv2d(images.permute([0, 3, 1, 2]).contiguous(), weight.permute([0, 3, 1, 2]).contiguous());
    sameElements(inPlace, elements(moved));
  });
}

test.run();
