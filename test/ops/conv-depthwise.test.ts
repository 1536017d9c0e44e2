// Depthwise convolutions on the CPU, which run plane by plane: values and both gradients in float32 held to float64, which
// takes the general way, over rows of several vectors, strides, kernels and layouts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../lib/index.ts';
import { conv2d, grad, setThreads } from '../../lib/index.ts';
import { rand } from '../support/random.ts';
import { elements, type Layout, make, valuesOf } from '../support/tensors.ts';

interface Case {
  readonly x: readonly number[];
  /** Filters of a channel. */
  readonly each?: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number | readonly number[];
  readonly bias?: boolean;
  readonly layouts?: readonly [Layout, Layout];
}

const cases: Readonly<Record<string, Case>> = {
  'rows of one vector': { x: [2, 3, 7, 7], kernel: 3, padding: 1 },
  'rows of several': { x: [2, 3, 9, 75], kernel: 3, padding: 1, bias: true },
  'half a vector more': { x: [1, 5, 56, 56], kernel: 3, padding: 1 },
  'all numbers of rows': { x: [1, 2, 13, 21], kernel: 3 },
  'more padding than taps': { x: [2, 3, 5, 18], kernel: 3, padding: 4 },
  'padding of 2 and 0': { x: [2, 3, 11, 34], kernel: 3, padding: [2, 0] },
  'stride 2': { x: [2, 3, 13, 71], kernel: 3, stride: 2, padding: 1, bias: true },
  'stride 2, even sizes': { x: [1, 4, 28, 28], kernel: 3, stride: 2, padding: 1 },
  'stride 2, no padding': { x: [2, 3, 16, 67], kernel: 3, stride: 2 },
  'stride 2, more padding than taps': { x: [2, 3, 9, 40], kernel: 3, stride: 2, padding: [4, 5] },
  'stride 2, one row': { x: [2, 2, 1, 70], kernel: 3, stride: 2, padding: 1 },
  'stride 2, planes cut into ranges of rows': { x: [1, 1, 401, 650], kernel: 3, stride: 2, padding: 1 },
  '5 x 5, stride 2, different paddings': { x: [2, 3, 14, 66], kernel: 5, stride: 2, padding: [0, 1] },
  '5 x 5': { x: [2, 3, 15, 40], kernel: 5, padding: 2, bias: true },
  '5 x 5, stride 2': { x: [2, 3, 15, 41], kernel: 5, stride: 2, padding: 2 },
  '7 x 7': { x: [2, 3, 14, 37], kernel: 7, padding: 3 },
  'two filters a channel': { x: [2, 4, 10, 33], each: 2, kernel: 3, padding: 1, bias: true },
  'planes cut into ranges of rows': { x: [1, 1, 400, 330], kernel: 3, padding: 1 },
  sliced: { x: [2, 3, 12, 20], kernel: 3, padding: 1, layouts: ['sliced', 'transposed'] },
  backwards: { x: [2, 3, 12, 20], kernel: 3, padding: 1, layouts: ['reversed', 'reversed'] },
  repeated: { x: [2, 3, 12, 20], kernel: 5, padding: 2, layouts: ['broadcast', 'broadcast'] },
};

/** The result and the gradients of x and weight. */
function results({ x: shape, stride = 1, padding = 0 }: Case, inputs: readonly Tensor[], dy: Tensor | null): Tensor[] {
  const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor?];
  x.requiresGrad = dy !== null;
  weight.requiresGrad = dy !== null;
  const y = conv2d(x, weight, bias ?? null, { stride, padding, groups: shape[1] });
  return dy === null ? [y] : [y, ...grad(y, [x, weight], { gradOutputs: dy })];
}

for (const [name, each] of Object.entries(cases)) {
  test(`${name}: float64's values and gradients, the same for 1, 2 and 3 threads`, () => {
    const filters = (each.x[1] as number) * (each.each ?? 1);
    const specs = [rand(...each.x), rand(filters, 1, each.kernel, each.kernel), ...(each.bias ? [rand(filters)] : [])];
    const plain = { device: 'cpu', dtype: 'float32', layout: 'contiguous' } as const;
    const places = specs.map((_, i) => ({ ...plain, layout: each.layouts?.[i] ?? 'contiguous' }) as const);
    const exact = { device: 'cpu', dtype: 'float64', layout: 'contiguous' } as const;
    const wide = specs.map((spec, i) => {
      return make({ values: valuesOf(spec, places[i] as (typeof places)[0]), dtype: null, grad: false }, exact);
    });
    const slope = rand(...(results(each, wide, null)[0] as Tensor).shape);
    const wideSlope = make({ values: valuesOf(slope, plain), dtype: null, grad: false }, exact);
    const wanted = results(each, wide, wideSlope).map(elements);
    const runs = [1, 2, 3].map((threads) => {
      setThreads(threads);
      const inputs = specs.map((spec, i) => make(spec, places[i] as (typeof places)[0]));
      return results(each, inputs, make(slope, plain)).map(elements);
    });
    for (const run of runs) assert.equal(run, runs[0]);
    wanted.forEach((values, which) => {
      // The weight's gradient sums over pixels: rounding errors of a few at a time add up at random.
      const pixels = slope.values.size / filters;
      const most = which === 2 ? 1e-6 * Math.sqrt(pixels) : 4e-6;
      values.forEach((value, i) => {
        const got = runs[0]?.[which]?.[i] as number;
        assert.ok(
          Math.abs(got - value) <= most * (1 + Math.abs(value)),
          `${which} [${i}]: wanted ${value}, got ${got}`,
        );
      });
    });
  });
}

test.run();
