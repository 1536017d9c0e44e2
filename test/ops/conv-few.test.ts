// Convolutions of few pixels on the CPU, which read their weights where they lie (native/cpu/conv_output_few.h), and
// whose gradients are one product each (native/cpu/conv_few.h): several blocks of lines and of filters, groups, strides
// and layouts, held to sums in float64 written out in JavaScript, because float64 takes the same way there.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../lib/index.ts';
import { conv2d, conv3d, grad, setThreads } from '../../lib/index.ts';
import { rand, type TensorSpec } from '../support/random.ts';
import { build, type NDArray, read } from '../support/reference/ndarray.ts';
import { conv, convTranspose } from '../support/reference/window.ts';
import { elements, type Layout, make, valuesOf } from '../support/tensors.ts';

interface Case {
  readonly x: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly stride?: readonly [number, number];
  readonly padding?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly groups?: number;
  /** Of x and of dy. */
  readonly layouts?: readonly [Layout, Layout];
}

const cases: Readonly<Record<string, Case>> = {
  'two blocks of lines': { x: [2, 40, 3, 3], weight: [66, 40, 3, 3], padding: [1, 1] },
  'filters multiplied in two goes': { x: [1, 30, 2, 2], weight: [520, 30, 3, 3], padding: [1, 1] },
  'two groups, stride 2': { x: [1, 70, 5, 4], weight: [140, 35, 3, 3], stride: [2, 2], padding: [1, 1], groups: 2 },
  'a block that ends inside a channel, dilation': {
    x: [2, 19, 7, 6],
    weight: [64, 19, 5, 3],
    dilation: [1, 2],
    padding: [2, 0],
  },
  'strides that leave pixels out': { x: [1, 35, 8, 9], weight: [64, 35, 2, 4], stride: [3, 4] },
  'a kernel of 17 x 17, more lines than a block': { x: [1, 2, 18, 17], weight: [64, 2, 17, 17] },
  'as many pixels as there may be': { x: [2, 5, 8, 8], weight: [65, 5, 3, 3], padding: [1, 1] },
  // 16 or 8 to a vector: three vectors and a pixel that is left over, in float32 and float64; two and two.
  'pixels of 7 x 7, two blocks of channels': { x: [1, 130, 7, 7], weight: [45, 130, 3, 3], padding: [1, 1] },
  'pixels of 5 x 5': { x: [1, 70, 5, 5], weight: [37, 70, 3, 3], padding: [1, 1] },
  'pixels of two images, one tap': { x: [2, 600, 3, 3], weight: [33, 600, 1, 1] },
  'one pixel': { x: [1, 600, 1, 1], weight: [33, 600, 1, 1] },
  'few pixels of two groups': { x: [2, 120, 7, 7], weight: [34, 60, 3, 3], stride: [2, 2], padding: [1, 1], groups: 2 },
  'a kernel of 23 x 23, a block that ends inside a channel': { x: [1, 2, 24, 23], weight: [16, 2, 23, 23] },
  'taps too far apart for a copy': { x: [1, 64, 60, 55], weight: [16, 64, 3, 3], dilation: [26, 25] },
  sliced: { x: [2, 40, 3, 3], weight: [66, 40, 3, 3], padding: [1, 1], layouts: ['sliced', 'transposed'] },
  repeated: { x: [2, 40, 3, 3], weight: [66, 40, 3, 3], padding: [1, 1], layouts: ['broadcast', 'broadcast'] },
};

const part = (of: NDArray, axis: number, begin: number, size: number): NDArray =>
  build(
    of.shape.map((n, i) => (i === axis ? size : n)),
    (index) => of.at(...index.map((at, i) => (i === axis ? begin + at : at))),
  );
const swapped = (of: NDArray): NDArray =>
  build([read(of.shape, 1), read(of.shape, 0), ...of.shape.slice(2)], ([a = 0, b = 0, ...rest]) =>
    of.at(b, a, ...rest),
  );

/** y; dx: dy spread over what its pixels read; dW: x convolved with dy, whose pixels then are taps. */
function references(
  { x: shape, weight: weightShape, ...options }: Case,
  x: NDArray,
  weight: NDArray,
  dy: NDArray,
  bias: NDArray,
) {
  const { stride = [1, 1], padding = [0, 0], dilation = [1, 1], groups = 1 } = options;
  const [, , height, width] = shape;
  const [filters, perGroup, tapsY, tapsX] = weightShape;
  const rest = (size: number, taps: number, axis: number): number =>
    (size + 2 * read(padding, axis) - read(dilation, axis) * (taps - 1) - 1) % read(stride, axis);
  const outputPadding = [rest(height, tapsY, 0), rest(width, tapsX, 1)];
  const dx = convTranspose(2)(dy, weight, null, { stride, padding, dilation, groups, outputPadding });
  const each = filters / groups;
  const byGroup = Array.from({ length: groups }, (_, g) =>
    conv(2)(swapped(part(x, 1, g * perGroup, perGroup)), swapped(part(dy, 1, g * each, each)), null, {
      stride: dilation,
      dilation: stride,
      padding,
    }),
  );
  const dWeight = build(weightShape, ([filter = 0, channel = 0, ...tap]) =>
    (byGroup[Math.floor(filter / each)] as NDArray).at(channel, filter % each, ...tap),
  );
  return [conv(2)(x, weight, bias, { stride, padding, dilation, groups }), dx, dWeight];
}

for (const [name, each] of Object.entries(cases)) {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, layouts = ['contiguous', 'contiguous'] } = each;
  const layoutOf = (i: number): Layout => (i === 0 ? layouts[0] : i === 2 ? layouts[1] : 'contiguous');
  const results = (dtype: 'float32' | 'float64', specs: readonly TensorSpec[]): readonly Float64Array[] => {
    const [x, weight, dy, bias] = specs.map((spec, i) => make(spec, { device: 'cpu', dtype, layout: layoutOf(i) })) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    x.requiresGrad = weight.requiresGrad = true;
    const y = conv2d(x, weight, bias, { stride, padding, dilation, groups });
    return [y, ...grad(y, [x, weight], { gradOutputs: dy })].map(elements);
  };
  const inputs = [rand(...each.x), rand(...each.weight)];
  const shape = conv2d(
    ...(inputs.map((spec) => make(spec, { device: 'cpu', dtype: 'float32', layout: 'contiguous' })) as [
      Tensor,
      Tensor,
    ]),
    null,
    { stride, padding, dilation, groups },
  ).shape;
  const specs = [...inputs, rand(...shape), rand(read(each.weight, 0))];

  for (const dtype of ['float32', 'float64'] as const) {
    test(`${name}, ${dtype}: the sums and their gradients, the same for 1, 2 and 3 threads`, () => {
      const [x, w, dy, bias] = specs.map((spec, i) =>
        valuesOf(spec, { device: 'cpu', dtype, layout: layoutOf(i) }),
      ) as [NDArray, NDArray, NDArray, NDArray];
      const wanted = references(each, x, w, dy, bias);
      const runs = [1, 2, 3].map((threads) => {
        setThreads(threads);
        return results(dtype, specs);
      });
      for (const run of runs) assert.equal(run, runs[0]);
      // Of sums of so many products of up to 4: a filter's taps, or pixels. One left out would be seen.
      const [filters, channels, tapsY, tapsX] = each.weight;
      const terms = [channels * tapsY * tapsX, (filters / groups) * tapsY * tapsX, dy.size / filters];
      const rounding = dtype === 'float32' ? 2 ** -24 : 2 ** -53;
      wanted.forEach((values, which) => {
        assert.is(runs[0]?.[which]?.length, values.size);
        const most = 4 * rounding * read(terms, which);
        Array.from(values.data).forEach((value, i) => {
          const got = runs[0]?.[which]?.[i] as number;
          assert.ok(
            Math.abs(got - value) <= most * (1 + Math.abs(value)),
            `${['y', 'dx', 'dW'][which]} [${i}]: wanted ${value}, got ${got}`,
          );
        });
      });
    });
  }
}

test('the planes of a 3-d convolution add to each other', () => {
  const [x, weight, bias] = [rand(2, 66, 2, 3, 3), rand(19, 66, 2, 3, 3), rand(19)];
  for (const dtype of ['float32', 'float64'] as const) {
    const how = { device: 'cpu', dtype, layout: 'contiguous' } as const;
    const options = { padding: [1, 1, 1] } as const;
    const got = elements(conv3d(make(x, how), make(weight, how), make(bias, how), options));
    const wanted = conv(3)(valuesOf(x, how), valuesOf(weight, how), valuesOf(bias, how), options);
    assert.is(got.length, wanted.size);
    const most = 4 * (dtype === 'float32' ? 2 ** -24 : 2 ** -53) * 66 * 18;
    Array.from(wanted.data).forEach((value, i) => {
      assert.ok(
        Math.abs(read(got, i) - value) <= most * (1 + Math.abs(value)),
        `[${i}]: wanted ${value}, got ${got[i]}`,
      );
    });
  }
});

test.run();
