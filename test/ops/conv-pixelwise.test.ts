// Convolutions of one tap that meets every pixel in turn on the CPU, which are products (native/cpu/conv_pixelwise.h,
// conv_weight.cc): values and gradients held to sums in float64 written out in JavaScript, because float64 takes the same way
// there.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../lib/index.ts';
import { conv2d, conv3d, grad, manualSeed, narrow, randn, scope, setThreads } from '../../lib/index.ts';
import { rand } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import { elements, type Layout, make, sameElements, valuesOf } from '../support/tensors.ts';

interface Case {
  /** [N, C, …]; three sizes behind those are a volume's. */
  readonly x: readonly [number, number, ...number[]];
  readonly filters: number;
  readonly groups?: number;
  readonly bias?: boolean;
  /** Of x and dy, and of the weight. */
  readonly layouts?: readonly [Layout, Layout];
}

const cases: Readonly<Record<string, Case>> = {
  'one image': { x: [1, 20, 12, 16], filters: 30, bias: true },
  'images that end inside a vector': { x: [3, 17, 13, 41], filters: 33, bias: true },
  'one more than whole panels': { x: [2, 9, 7, 55], filters: 5 },
  'as few pixels as there may be': { x: [2, 19, 8, 16], filters: 14 },
  'one less, which windows take': { x: [2, 19, 1, 127], filters: 14, bias: true },
  'as few pixels as weight gradients may have': { x: [3, 19, 8, 12], filters: 14 },
  'one less, which blocks of pixels take': { x: [3, 19, 5, 19], filters: 14 },
  'few channels, many filters': { x: [5, 16, 12, 12], filters: 70, bias: true },
  'images with sums of their own': { x: [16, 20, 40, 32], filters: 33 },
  'planes cut into chunks': { x: [1, 34, 60, 71], filters: 40, bias: true },
  'channels and filters multiplied in several goes': { x: [1, 1030, 10, 13], filters: 523, bias: true },
  'three groups': { x: [2, 24, 12, 12], filters: 15, groups: 3, bias: true },
  'no channels': { x: [2, 0, 12, 12], filters: 3, bias: true },
  'no filters': { x: [2, 3, 12, 12], filters: 0 },
  'one filter': { x: [2, 30, 12, 12], filters: 1, bias: true },
  volumes: { x: [2, 5, 3, 12, 12], filters: 7, bias: true },
  'weights of another order': { x: [2, 18, 12, 12], filters: 20, layouts: ['contiguous', 'transposed'] },
  'images that lie apart': { x: [2, 18, 12, 12], filters: 20, layouts: ['sliced', 'contiguous'] },
  backwards: { x: [2, 18, 12, 12], filters: 20, layouts: ['reversed', 'reversed'] },
  repeated: { x: [2, 18, 12, 12], filters: 20, layouts: ['broadcast', 'broadcast'] },
};

const numberAt = ({ data }: NDArray, i: number): number => data[i] as number;

for (const [name, each] of Object.entries(cases)) {
  const { filters, groups = 1 } = each;
  const [images, channels, ...space] = each.x;
  const pixels = space.reduce((n, size) => n * size, 1);
  const per = channels / groups;
  const shapeOut = [images, filters, ...space];
  const specs = [rand(...each.x), rand(filters, per, ...space.map(() => 1)), rand(filters), rand(...shapeOut)];
  const [image = 'contiguous', weights = 'contiguous'] = each.layouts ?? [];
  const layouts = [image, weights, 'contiguous', image] as const;

  for (const dtype of ['float32', 'float64'] as const) {
    test(`${name}, ${dtype}: the sums and their gradient, the same for 1, 2 and 3 threads`, () => {
      const places = specs.map((_, i) => ({ device: 'cpu', dtype, layout: layouts[i] as Layout }) as const);
      const [x, weight, bias, dy] = specs.map((spec, i) => valuesOf(spec, places[i] as (typeof places)[0])) as [
        NDArray,
        NDArray,
        NDArray,
        NDArray,
      ];
      const y = new Float64Array(images * filters * pixels);
      const dx = new Float64Array(images * channels * pixels);
      const dw = new Float64Array(filters * per);
      for (let n = 0; n < images; n++) {
        for (let f = 0; f < filters; f++) {
          const out = (n * filters + f) * pixels;
          if (each.bias) y.fill(numberAt(bias, f), out, out + pixels);
          for (let c = 0; c < per; c++) {
            const w = numberAt(weight, f * per + c);
            let sum = 0;
            const from = (n * channels + Math.floor((f * groups) / filters) * per + c) * pixels;
            for (let p = 0; p < pixels; p++) {
              y[out + p] = (y[out + p] as number) + w * numberAt(x, from + p);
              dx[from + p] = (dx[from + p] as number) + w * numberAt(dy, out + p);
              sum += numberAt(x, from + p) * numberAt(dy, out + p);
            }
            dw[f * per + c] = (dw[f * per + c] as number) + sum;
          }
        }
      }
      const runs = [1, 2, 3].map((threads) => {
        setThreads(threads);
        const inputs = specs.map((spec, i) => make(spec, places[i] as (typeof places)[0])) as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        inputs[0].requiresGrad = inputs[1].requiresGrad = true;
        const conv = space.length === 3 ? conv3d : conv2d;
        const result = conv(inputs[0], inputs[1], each.bias ? inputs[2] : null, { groups });
        return [result, ...grad(result, [inputs[0], inputs[1]], { gradOutputs: inputs[3] })].map(elements);
      });
      for (const run of runs) assert.equal(run, runs[0]);
      const rounding = dtype === 'float32' ? 2 ** -24 : 2 ** -53;
      for (const [which, wanted, terms] of [
        [0, y, per + 1],
        [1, dx, filters / groups],
        [2, dw, images * pixels],
      ] as const) {
        const got = runs[0]?.[which] as Float64Array;
        assert.is(got.length, wanted.length);
        wanted.forEach((value, i) => {
          const off = Math.abs((got[i] as number) - value);
          assert.ok(
            off <= 4 * terms * rounding * (1 + Math.abs(value)),
            `${which} [${i}]: wanted ${value}, got ${got[i]}`,
          );
        });
      }
    });
  }
}

test('results of more than 32 MiB, which are written past the caches: the bits of each image alone', () => {
  manualSeed(5);
  for (const size of [112, 111])
    scope(() => {
      const [x, weight, bias] = [randn([6, 5, size, size]), randn([120, 5, 1, 1]), randn([120])];
      const whole = conv2d(x, weight, bias);
      for (const image of [0, 5])
        scope(() =>
          sameElements(narrow(whole, 0, image, 1), elements(conv2d(narrow(x, 0, image, 1), weight, bias)), `${image}`),
        );
    });
});

test.run();
