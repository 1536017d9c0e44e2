// Convolutions of 3 x 3 and 5 x 5 taps on the CPU, which are computed by Winograd's method unless the precision is 'strict':
// values and gradients held to float64 and to the plain sum's errors, at the edges of tiles, blocks of tiles and panels of filters.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Float32Precision, Tensor } from '../../lib/index.ts';
import {
  conv2d,
  convTranspose2d,
  getFloat32Precision,
  grad,
  setFloat32Precision,
  setThreads,
} from '../../lib/index.ts';
import { rand } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import { elements, type Layout, make, valuesOf } from '../support/tensors.ts';

type Options = { readonly padding?: number | readonly number[]; readonly stride?: number };

interface Case {
  readonly name: string;
  readonly op?: (x: Tensor, weight: Tensor, bias: Tensor | null, options: Options) => Tensor;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly bias?: boolean;
  readonly padding?: number | readonly number[];
  readonly stride?: number;
  readonly layouts?: readonly [Layout, Layout];
}

const cases: readonly Case[] = [
  { name: 'whole tiles', x: [1, 32, 32, 32], weight: [32, 32, 3, 3], padding: 1 },
  { name: 'odd sizes', x: [3, 19, 21, 17], weight: [37, 19, 3, 3], padding: 1, bias: true },
  { name: 'no padding', x: [2, 24, 18, 23], weight: [35, 24, 3, 3] },
  { name: 'padding of 2 and 0', x: [2, 17, 12, 19], weight: [33, 17, 3, 3], padding: [2, 0], bias: true },
  { name: 'more padding than taps', x: [4, 20, 7, 6], weight: [20, 20, 3, 3], padding: 4 },
  { name: 'planes below a tile', x: [40, 48, 3, 2], weight: [48, 48, 3, 3], padding: 1 },
  { name: 'rows longer than a run', x: [1, 16, 9, 150], weight: [18, 16, 3, 3], padding: 1, bias: true },
  { name: 'few tiles, many channels', x: [8, 130, 8, 8], weight: [70, 130, 3, 3], padding: 1 },
  { name: 'several lots of shared tiles', x: [1, 272, 62, 62], weight: [16, 272, 3, 3], padding: 1 },
  { name: 'many filters', x: [4, 70, 9, 7], weight: [259, 70, 3, 3], padding: 1, bias: true },
  { name: 'many filters and channels', x: [2, 260, 14, 14], weight: [520, 260, 3, 3], padding: 1 },
  { name: 'many filters, several blocks', x: [1, 66, 40, 40], weight: [256, 66, 3, 3], padding: 1 },
  { name: 'many filters, one block of one panel', x: [4, 66, 14, 14], weight: [256, 66, 3, 3], padding: 1 },
  { name: 'more weights than the caches hold', x: [15, 512, 7, 7], weight: [512, 512, 3, 3], padding: 1 },
  {
    name: 'many filters, sliced',
    x: [4, 66, 10, 8],
    weight: [256, 66, 3, 3],
    padding: 1,
    layouts: ['sliced', 'transposed'],
  },
  { name: 'sliced', x: [2, 32, 20, 20], weight: [32, 32, 3, 3], padding: 1, layouts: ['sliced', 'transposed'] },
  { name: 'backwards', x: [2, 32, 20, 20], weight: [32, 32, 3, 3], padding: 1, layouts: ['reversed', 'reversed'] },
  { name: 'repeated', x: [2, 32, 20, 20], weight: [32, 32, 3, 3], padding: 1, layouts: ['broadcast', 'broadcast'] },
  { name: 'transposed', op: convTranspose2d, x: [2, 22, 15, 18], weight: [22, 35, 3, 3], padding: 1, bias: true },
  { name: 'five taps', x: [4, 32, 14, 14], weight: [64, 32, 5, 5], padding: 2, bias: true },
  { name: 'five taps, odd sizes', x: [3, 37, 19, 21], weight: [35, 37, 5, 5], padding: [0, 3] },
  {
    name: 'five taps, sliced',
    x: [2, 33, 15, 9],
    weight: [33, 33, 5, 5],
    padding: 2,
    layouts: ['sliced', 'transposed'],
  },
  { name: 'five taps, transposed', op: convTranspose2d, x: [2, 34, 11, 12], weight: [34, 33, 5, 5], padding: 1 },
  { name: 'five taps, many filters', x: [4, 48, 9, 11], weight: [270, 48, 5, 5], padding: 2 },
  { name: 'stride 2, many filters', x: [5, 80, 18, 16], weight: [264, 80, 3, 3], padding: 1, stride: 2, bias: true },
  { name: 'stride 2', x: [2, 64, 32, 32], weight: [96, 64, 3, 3], padding: 1, stride: 2, bias: true },
  { name: 'stride 2, odd sizes', x: [3, 70, 17, 23], weight: [67, 70, 3, 3], padding: 1, stride: 2 },
  { name: 'stride 2, even padding', x: [3, 128, 25, 20], weight: [128, 128, 3, 3], padding: [0, 2], stride: 2 },
  { name: 'stride 2, more padding than taps', x: [3, 64, 10, 9], weight: [64, 64, 3, 3], padding: [3, 5], stride: 2 },
  {
    name: 'stride 2, transposed',
    op: convTranspose2d,
    x: [4, 128, 12, 12],
    weight: [128, 128, 3, 3],
    padding: 1,
    stride: 2,
  },
];

/** The result, and with a `dy` the gradients of x and weight. */
function results(each: Case, inputs: readonly Tensor[], dy: Tensor | null): Tensor[] {
  const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor?];
  x.requiresGrad = weight.requiresGrad = dy !== null;
  const y = (each.op ?? conv2d)(x, weight, bias ?? null, { padding: each.padding ?? 0, stride: each.stride ?? 1 });
  return dy === null ? [y] : [y, ...(grad(y, [x, weight], { gradOutputs: dy }) as Tensor[])];
}

/** Root mean square errors relative to the values' own, of the result and of the gradients of x and weight. */
function measure(each: Case, modes: readonly Float32Precision[]): { rms: number[]; bits: Float32Array[] }[] {
  const filters = each.weight[each.op ? 1 : 0] as number;
  const specs = [rand(...each.x), rand(...each.weight), ...(each.bias ? [rand(filters)] : [])];
  const places = specs.map((_, i) => {
    return { device: 'cpu', dtype: 'float32', layout: each.layouts?.[i] ?? 'contiguous' } as const;
  });
  const exact = { device: 'cpu', dtype: 'float64', layout: 'contiguous' } as const;
  const wide = (values: NDArray): Tensor => make({ values, dtype: null, grad: false }, exact);
  const wideInputs = specs.map((spec, i) => wide(valuesOf(spec, places[i] as (typeof places)[0])));
  const slope = rand(...(results(each, wideInputs, null)[0] as Tensor).shape);
  const plain = { device: 'cpu', dtype: 'float32', layout: 'contiguous' } as const;
  const wanted = results(each, wideInputs, wide(valuesOf(slope, plain))).map(elements);
  const before = getFloat32Precision();
  try {
    return modes.map((mode) => {
      setFloat32Precision(mode);
      const inputs = specs.map((spec, i) => make(spec, places[i] as (typeof places)[0]));
      const got = results(each, inputs, make(slope, plain)).map(elements);
      const rms = got.map((values, which) => {
        let [square, total] = [0, 0];
        for (let i = 0; i < values.length; i++) {
          const right = (wanted[which] as ArrayLike<number>)[i] as number;
          square += ((values[i] as number) - right) ** 2;
          total += right ** 2;
        }
        return Math.sqrt(square / total);
      });
      return { rms, bits: got.map((values) => Float32Array.from(values as ArrayLike<number>)) };
    });
  } finally {
    setFloat32Precision(before);
  }
}

for (const each of cases) {
  test(`${each.name}: errors against float64 and the plain sum's`, () => {
    const [strict, highest, high] = measure(each, ['strict', 'highest', 'high']).map(({ rms }) => rms);
    strict?.forEach((sum, which) => {
      assert.ok(sum < 2e-6, `strict: ${sum}`);
      // The plain weight gradient adds up short sums, of a few images each, and may err less than the transforms' own rounding.
      const plain = which === 2 ? Math.max(sum, 3.2e-7) : sum;
      // Up to nine terms a channel are added before they are rounded, so sums over few channels gain less.
      assert.ok((highest?.[which] as number) < 1.3 * plain, `highest ${which}: ${highest?.[which]} of ${plain}`);
      assert.ok((high?.[which] as number) < 4 * plain, `high: ${high?.[which]} of ${plain}`);
    });
  });
}

test('the method follows the precision: other bits in each', () => {
  const [strict, highest, high, medium] = measure(cases[0] as Case, ['strict', 'highest', 'high', 'medium']);
  for (const which of [0, 1, 2]) {
    assert.not.equal(strict?.bits[which], highest?.bits[which]);
    assert.not.equal(highest?.bits[which], high?.bits[which]);
    assert.equal(high?.bits[which], medium?.bits[which]);
  }
});

for (const name of ['five taps', 'stride 2', 'stride 2, transposed', 'stride 2, even padding']) {
  test(`${name}: other bits than the plain sum's`, () => {
    const [strict, highest, high] = measure(cases.find((one) => one.name === name) as Case, [
      'strict',
      'highest',
      'high',
    ]);
    for (const which of [0, 1, 2]) {
      // An input gradient of even padding is a plain sum: its tiles would begin within a phase.
      if (which === 1 && name.includes('even')) assert.equal(strict?.bits[which], highest?.bits[which]);
      else assert.not.equal(strict?.bits[which], highest?.bits[which]);
      assert.equal(highest?.bits[which], high?.bits[which]);
    }
  });
}

test('the same bits for 1, 2 and 3 threads', () => {
  for (const name of [
    'odd sizes',
    'whole tiles',
    'few tiles, many channels',
    'several lots of shared tiles',
    'many filters and channels',
    'many filters, several blocks',
    'many filters, one block of one panel',
    'five taps',
    'stride 2',
  ]) {
    const each = cases.find((one) => one.name === name) as Case;
    const x = make(rand(...each.x), { device: 'cpu', dtype: 'float32', layout: 'contiguous' });
    const weight = make(rand(...each.weight), { device: 'cpu', dtype: 'float32', layout: 'contiguous' });
    for (const mode of ['highest', 'high'] as const) {
      setFloat32Precision(mode);
      const [one, ...others] = [1, 2, 3].map((threads) => {
        setThreads(threads);
        const y = conv2d(x, weight, null, { padding: each.padding ?? 0, stride: each.stride ?? 1 });
        return results(each, [x, weight], y).map(elements);
      });
      for (const other of others) assert.equal(other, one, `${name}, ${mode}`);
    }
  }
  setFloat32Precision('highest');
});

test.run();
