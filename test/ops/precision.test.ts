// Products of float16 and bfloat16, and of float32 in each precision, held to float64: every layout, sizes beyond and
// within tiles, batches, K split over blocks. Bounds are those of rounding the factors once, to nearest.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType, Float32Precision, Tensor } from '../../lib/index.ts';
import {
  autocast,
  getFloat32Precision,
  grad,
  linear,
  matmul,
  ones,
  setFloat32Precision,
  stats,
} from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { rand } from '../support/random.ts';
import { build, map, NDArray } from '../support/reference/ndarray.ts';
import { elements, type Layout, make, valuesOf } from '../support/tensors.ts';

const modes = ['strict', 'highest', 'high', 'medium'] as const;

function withPrecision<T>(mode: Float32Precision, fn: () => T): T {
  const before = getFloat32Precision();
  setFloat32Precision(mode);
  try {
    return fn();
  } finally {
    setFloat32Precision(before);
  }
}

/** In float64 on the CPU, whose products matmul.test.ts holds to plain loops. */
function inFloat64(left: NDArray, right: NDArray, bias: NDArray | null = null): NDArray {
  const place = { device: 'cpu', dtype: 'float64', layout: 'contiguous' } as const;
  const [a, b] = [left, right].map((values) => make({ values, dtype: null, grad: false }, place)) as [Tensor, Tensor];
  const y = bias === null ? matmul(a, b) : linear(a, b, make({ values: bias, dtype: null, grad: false }, place));
  return new NDArray(y.shape, elements(y));
}
const magnitude = (x: NDArray): NDArray => map(x, Math.abs);
const transposed = (m: NDArray): NDArray => build([...m.shape].reverse(), ([i = 0, j = 0]) => m.at(j, i));

interface Product {
  readonly name: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** With a bias of this many elements: x · weightᵀ + bias. */
  readonly bias?: number;
  /** Large: in one layout only. */
  readonly few?: boolean;
}

const products: readonly Product[] = [
  { name: 'one tile', a: [64, 64], b: [64, 64] },
  { name: 'odd sizes', a: [33, 147], b: [147, 50] },
  { name: 'more than a tile', a: [130, 40], b: [40, 97] },
  { name: 'few rows', a: [3, 520], b: [520, 70] },
  { name: 'a column', a: [70, 300], b: [300, 1] },
  { name: 'K split over blocks', a: [40, 1100], b: [1100, 48] },
  { name: 'batches', a: [3, 20, 72], b: [3, 72, 24] },
  { name: 'one matrix for every batch', a: [2, 2, 18, 40], b: [2, 1, 40, 66] },
  { name: 'many large tiles', a: [128, 66, 36], b: [1, 36, 68], few: true },
  { name: 'a bias', a: [37, 56], b: [43, 56], bias: 43 },
];

/** How the factors lie: along K both, along their rows both, one of each, apart, backwards, and the first axis repeated. */
const pairs: readonly (readonly [Layout, Layout])[] = [
  ['contiguous', 'contiguous'],
  ['contiguous', 'transposed'],
  ['transposed', 'contiguous'],
  ['transposed', 'transposed'],
  ['sliced', 'contiguous'],
  ['reversed', 'sliced'],
  ['broadcast', 'reversed'],
];

interface Run {
  readonly got: ArrayLike<number>;
  readonly wanted: NDArray;
  /** Sums of magnitudes, which errors are relative to. */
  readonly sizes: NDArray;
  readonly dtype: DType;
}

function multiply(each: Product, device: string, dtype: DType, layouts: readonly [Layout, Layout]): Run {
  const specs = [rand(...each.a), rand(...each.b)] as const;
  const places = layouts.map((layout) => ({ device, dtype, layout }));
  const plain = specs.map((spec, i) => valuesOf(spec, places[i] as (typeof places)[0]));
  const [a, b] = specs.map((spec, i) => make(spec, places[i] as (typeof places)[0])) as [Tensor, Tensor];
  const [left, right] = plain as [NDArray, NDArray];
  const own = each.bias === undefined ? null : rand(each.bias);
  const place = { device, dtype, layout: 'contiguous' } as const;
  const y = own === null ? matmul(a, b) : linear(a, b, make(own, place));
  const bias = own === null ? null : valuesOf(own, place);
  return {
    got: elements(y),
    wanted: inFloat64(left, right, bias),
    sizes: inFloat64(magnitude(left), magnitude(right), bias && magnitude(bias)),
    dtype: y.dtype,
  };
}

/** Largest error relative to what was added up, and the root of the mean square relative to that of the result. */
function errors({ got, wanted, sizes }: Run): { most: number; rms: number } {
  let most = 0;
  let square = 0;
  let total = 0;
  assert.is(got.length, wanted.size);
  wanted.data.forEach((value, i) => {
    const error = (got[i] as number) - value;
    most = Math.max(most, Math.abs(error) / (sizes.data[i] as number));
    square += error * error;
    total += value * value;
  });
  return { most, rms: Math.sqrt(square / total) };
}

const halves = { float16: 2 ** -11, bfloat16: 2 ** -8 } as const;

for (const device of testDevices) {
  for (const each of products) {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      test(`${dtype}: ${each.name} on ${device}`, () => {
        for (const layouts of each.few ? pairs.slice(1, 2) : pairs) {
          const run = multiply(each, device, dtype, layouts);
          assert.is(run.dtype, dtype);
          // Factors are exact, sums are float32: what is left is one rounding of the result.
          const { most } = errors(run);
          assert.ok(most <= halves[dtype] + 1e-6, `${layouts}: ${most}`);
        }
      });
    }
    // On CUDA the smallest products and those with few columns are plain in every mode.
    const onCores = device.startsWith('cuda') && !/few|column/.test(each.name);
    for (const [mode, unit, rms] of [
      ['high', 2 ** -11, 4e-4],
      ['medium', 2 ** -8, 3.2e-3],
    ] as const) {
      test(`float32, ${mode}: ${each.name} on ${device}`, () => {
        for (const layouts of each.few ? pairs.slice(1, 2) : pairs) {
          const found = errors(withPrecision(mode, () => multiply(each, device, 'float32', layouts)));
          assert.ok(found.most <= 2.1 * unit, `${layouts}: ${found.most}`);
          assert.ok(found.rms <= rms, `${layouts}: ${found.rms}`);
          assert.is(found.rms > 1e-5, onCores, `${layouts}: ${found.rms}`);
        }
      });
    }
    test(`float32, strict and highest: ${each.name} on ${device}`, () => {
      for (const mode of ['strict', 'highest'] as const) {
        const { rms } = errors(
          withPrecision(mode, () => multiply(each, device, 'float32', ['contiguous', 'transposed'])),
        );
        assert.ok(rms <= 1e-6, `${mode}: ${rms}`);
      }
    });
  }

  test(`NaN and infinities pass through in every precision on ${device}`, () => {
    const place = { device, dtype: 'float32', layout: 'contiguous' } as const;
    const spec = rand(40, 40);
    for (const [i, special] of [Number.NaN, Infinity, -Infinity].entries()) spec.values.data[i * 41] = special;
    for (const mode of modes) {
      withPrecision(mode, () => {
        const y = elements(matmul(make(spec, place), ones([40, 40], { device })));
        assert.ok(Number.isNaN(y[0]), mode);
        assert.is(y[40], Infinity, mode);
        assert.is(y[80], -Infinity, mode);
        assert.ok(Number.isFinite(y[120]), mode);
      });
    }
  });

  test(`gradients of float16 and bfloat16 products, first and second, on ${device}`, () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const specs = [rand(18, 20), rand(20, 22), rand(18, 22)];
      const place = { device, dtype, layout: 'contiguous' } as const;
      const [a, b, dy] = specs.map((spec) => make(spec, place)) as [Tensor, Tensor, Tensor];
      const [x, w, s] = specs.map((spec) => valuesOf(spec, place)) as [NDArray, NDArray, NDArray];
      a.requiresGrad = true;
      b.requiresGrad = true;
      dy.requiresGrad = true;
      const first = grad(matmul(a, b), [a, b], { gradOutputs: dy, createGraph: true }) as [Tensor, Tensor];
      assert.is(first[0].dtype, dtype);
      // d(dy · bᵀ) / d(dy), with ones for its gradient: ones · b.
      const [second] = grad(first[0], [dy], { gradOutputs: ones([18, 20], { device, dtype }) }) as [Tensor];
      assert.is(second.dtype, dtype);
      const all = map(x, () => 1);
      const near = (got: Tensor, left: NDArray, right: NDArray): void => {
        const { most } = errors({
          got: elements(got),
          wanted: inFloat64(left, right),
          sizes: inFloat64(magnitude(left), magnitude(right)),
          dtype,
        });
        assert.ok(most <= halves[dtype] + 1e-6, `${dtype}: ${most}`);
      };
      near(first[0], s, transposed(w));
      near(first[1], transposed(x), s);
      near(second, all, w);
    }
  });

  test(`autocast multiplies in its dtype and gives float32 gradients on ${device}`, () => {
    const place = { device, dtype: 'float32', layout: 'contiguous' } as const;
    const a = make(rand(18, 40), place);
    const b = make(rand(40, 18), place);
    a.requiresGrad = true;
    const y = autocast({ dtype: 'bfloat16' }, () => matmul(a, b));
    assert.is(y.dtype, 'bfloat16');
    const [da] = grad(y, [a], { gradOutputs: ones([18, 18], { device, dtype: 'bfloat16' }) }) as [Tensor];
    assert.is(da.dtype, 'float32');
  });
}

test('float16 and bfloat16 reach a kernel that takes them without a cast', () => {
  for (const device of testDevices) {
    const [a, b] = [ones([20, 20], { device, dtype: 'bfloat16' }), ones([20, 20], { device, dtype: 'bfloat16' })];
    a.device.synchronizeSync();
    const before = stats().commands;
    const y = matmul(a, b);
    a.device.synchronizeSync();
    const taken = stats().commands - before;
    assert.is(taken < 4, device.startsWith('cuda'), `${taken} commands on ${device}`);
    assert.is(elements(y)[7], 20);
  }
});

test('setFloat32Precision refuses what it does not know', () => {
  assert.is(getFloat32Precision(), 'highest');
  assert.throws(
    () => setFloat32Precision('low' as Float32Precision),
    (error: { code?: string; message: string }) =>
      error.code === 'ERR_ARGUMENT' && /'strict', 'highest', 'high', 'medium', got "?low/.test(error.message),
  );
  assert.is(getFloat32Precision(), 'highest');
});

test.run();
