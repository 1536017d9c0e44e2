import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { rand, randIn, randInt, type TensorSpec } from '../support/random.ts';
import { build, type NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/image.ts';
import { elements } from '../support/tensors.ts';

/** Errors are absolute: results mix values below 2 by weights that nearly cancel. */
const eight = (result: NDArray): NDArray => build(result.shape, () => 8);
const few = ['contiguous', 'transposed', 'reversed'] as const;
const plane = (): TensorSpec => rand(2, 2, 4, 5);

const resizings: OpCase[] = [
  { name: 'bilinear', args: [plane(), { size: [7, 3], mode: 'bilinear' }] },
  { name: 'nearest, larger', args: [plane(), { scaleFactor: 2 }] },
  { name: 'nearest, uneven', args: [plane(), { size: [3, 8] }], layouts: few },
  { name: 'nearest by a scale that does not divide', args: [plane(), { scaleFactor: [1.7, 0.6] }], layouts: few },
  { name: 'nearest-exact', args: [plane(), { size: [9, 3], mode: 'nearest-exact' }], layouts: few },
  { name: 'bilinear, corners', args: [plane(), { size: [6, 3], mode: 'bilinear', alignCorners: true }], layouts: few },
  { name: 'bilinear by a scale', args: [plane(), { scaleFactor: 1.3, mode: 'bilinear' }], layouts: few },
  {
    name: 'bilinear by a scale, recomputed',
    args: [plane(), { scaleFactor: 1.3, mode: 'bilinear', recomputeScaleFactor: true }],
    layouts: few,
  },
  { name: 'bicubic', args: [plane(), { size: [7, 3], mode: 'bicubic' }], layouts: few },
  { name: 'bicubic, corners', args: [plane(), { size: [3, 9], mode: 'bicubic', alignCorners: true }], layouts: few },
  { name: 'to one pixel', args: [plane(), { size: 1, mode: 'bicubic', alignCorners: true }], layouts: few },
  { name: 'bilinear, smoothed', args: [plane(), { size: [2, 3], mode: 'bilinear', antialias: true }] },
  { name: 'bicubic, smoothed', args: [plane(), { size: [2, 9], mode: 'bicubic', antialias: true }], layouts: few },
  {
    name: 'smoothed by a scale, corners',
    args: [rand(1, 2, 9, 7), { scaleFactor: [0.4, 0.5], mode: 'bicubic', antialias: true, alignCorners: true }],
    layouts: few,
  },
  {
    name: 'smoothed, more taps than stand on the stack',
    args: [rand(2, 1, 150, 5), { size: [2, 3], mode: 'bicubic', antialias: true }],
    grad: false,
    layouts: ['contiguous', 'transposed'],
  },
  { name: 'smoothed to one pixel', args: [plane(), { size: 1, mode: 'bilinear', antialias: true }], layouts: few },
  { name: 'area', args: [plane(), { size: [3, 7], mode: 'area' }], layouts: few },
  { name: 'rows', args: [rand(2, 3, 5), { size: 8, mode: 'linear' }] },
  { name: 'rows, nearest', args: [rand(2, 3, 5), { size: [3] }], layouts: few },
  { name: 'volumes', args: [rand(1, 2, 3, 2, 4), { size: [4, 5, 3], mode: 'trilinear' }], layouts: few },
  {
    name: 'volumes, corners',
    args: [rand(1, 1, 3, 2, 4), { scaleFactor: 2, mode: 'trilinear', alignCorners: true }],
    layouts: few,
  },
  { name: 'volumes, nearest', args: [rand(1, 2, 3, 2, 4), { size: [2, 4, 7] }], layouts: few },
  { name: 'the same size', args: [plane(), { size: [4, 5], mode: 'bilinear' }], layouts: few },
  { name: 'an empty batch', args: [rand(0, 2, 4, 4), { size: 3, mode: 'bilinear' }], layouts: few },
  {
    name: 'more than one chunk',
    args: [rand(3, 5, 70, 65), { size: [90, 130], mode: 'bilinear' }],
    grad: false,
    layouts: ['contiguous', 'transposed'],
  },
];

checkOp('interpolate', ops.interpolate, {
  reference: reference.interpolate,
  // A place, up to the longest size, is rounded; the weights lose as much, times the cubic's slope.
  magnitude: (x: NDArray, options: reference.InterpolateOptions) => {
    const { shape } = reference.interpolate(x, options);
    return build(shape, () => 2 * Math.max(...shape.slice(2), ...x.shape.slice(2)));
  },
  ulps: 6,
  cases: resizings,
  rejects: [
    { name: 'no size', args: () => [plane(), {}], code: 'ERR_ARGUMENT', message: /either size or scaleFactor/ },
    { name: 'both', args: () => [plane(), { size: 3, scaleFactor: 2 }], code: 'ERR_ARGUMENT' },
    { name: 'no options', args: () => [plane()], code: 'ERR_ARGUMENT' },
    {
      name: 'an unknown mode',
      args: () => [plane(), { size: 3, mode: 'lanczos' }],
      code: 'ERR_ARGUMENT',
      message: /bicubic/,
    },
    { name: 'a mode of another rank', args: () => [plane(), { size: 3, mode: 'linear' }], code: 'ERR_SHAPE' },
    { name: 'corners of nearest', args: () => [plane(), { size: 3, alignCorners: true }], code: 'ERR_ARGUMENT' },
    {
      name: 'smoothing of nearest',
      args: () => [plane(), { size: 3, antialias: true }],
      code: 'ERR_ARGUMENT',
      message: /antialias is for/,
    },
    { name: 'size 0', args: () => [plane(), { size: 0 }], code: 'ERR_ARGUMENT' },
    { name: 'a scale to nothing', args: () => [plane(), { scaleFactor: 0.1 }], code: 'ERR_ARGUMENT' },
    { name: 'NaN as scale', args: () => [plane(), { scaleFactor: Number.NaN }], code: 'ERR_ARGUMENT' },
    { name: 'rank 2', args: () => [rand(4, 4), { size: 3 }], code: 'ERR_SHAPE' },
    { name: 'an empty image', args: () => [rand(1, 1, 0, 4), { size: 3 }], code: 'ERR_SHAPE' },
    { name: 'integers', args: () => [randInt(0, 3, [1, 1, 4]), { size: 3 }], code: 'ERR_DTYPE' },
  ],
});

// Points on both sides of the border, away from where weights have a kink.
const points = (...shape: number[]): TensorSpec => randIn(-1.3, 1.3, ...shape);
const sampled = (options: object, layouts: typeof few | undefined = few): OpCase => ({
  name: Object.values(options).join(' '),
  args: [plane(), points(2, 3, 2, 2), options],
  ...(layouts ? { layouts } : {}),
});

for (const mode of ['bilinear', 'bicubic', 'nearest'] as const) {
  const cases: OpCase[] = [
    { name: 'planes', args: [rand(1, 2, 4, 5), points(1, 3, 2, 2), { mode }] },
    ...(['border', 'reflection'] as const).map((paddingMode) => sampled({ mode, paddingMode })),
    ...(['zeros', 'border', 'reflection'] as const).map((paddingMode) =>
      sampled({ mode, paddingMode, alignCorners: true }),
    ),
    {
      name: 'far outside',
      args: [plane(), randIn(-9, 9, 2, 2, 2, 2), { mode, paddingMode: 'reflection' }],
      layouts: few,
      grad: false,
    },
    {
      name: 'one pixel',
      args: [rand(1, 1, 1, 1), points(1, 2, 1, 2), { mode, alignCorners: true }],
      layouts: few,
      grad: false,
    },
    { name: 'an empty batch', args: [rand(0, 2, 3, 3), points(0, 2, 2, 2), { mode }], layouts: few },
    { name: 'no points', args: [rand(1, 2, 3, 3), points(1, 0, 2, 2), { mode }], layouts: few },
  ];
  if (mode !== 'bicubic') {
    cases.push(
      { name: 'volumes', args: [rand(1, 2, 2, 3, 3), points(1, 2, 1, 2, 3), { mode }], layouts: few },
      {
        name: 'volumes, reflected',
        args: [rand(2, 1, 3, 2, 3), points(2, 1, 2, 2, 3), { mode, paddingMode: 'reflection', alignCorners: true }],
        layouts: few,
      },
    );
  }
  checkOp(mode === 'bilinear' ? 'gridSample' : `gridSample, ${mode}`, ops.gridSample, {
    reference: reference.gridSample,
    // A coordinate's rounding moves the place by up to the axis' length of its epsilons, and the sample by as many slopes.
    magnitude: (...args: never[]) => eight((reference.gridSample as (...args: never[]) => NDArray)(...args)),
    ulps: 64,
    ...(mode === 'nearest' ? { dtypes: ['float64'] as const } : {}),
    cases,
    rejects:
      mode !== 'bilinear'
        ? []
        : [
            {
              name: 'a mode',
              args: () => [plane(), points(2, 1, 1, 2), { mode: 'area' }],
              code: 'ERR_ARGUMENT',
              message: /bilinear, nearest, bicubic/,
            },
            {
              name: 'a padding',
              args: () => [plane(), points(2, 1, 1, 2), { paddingMode: 'same' }],
              code: 'ERR_ARGUMENT',
            },
            {
              name: 'another batch',
              args: () => [plane(), points(3, 1, 1, 2)],
              code: 'ERR_SHAPE',
              message: /must be \[2, …, 2\]/,
            },
            { name: 'three coordinates', args: () => [plane(), points(2, 1, 1, 3)], code: 'ERR_SHAPE' },
            {
              name: 'bicubic volumes',
              args: () => [rand(1, 1, 2, 2, 2), points(1, 1, 1, 1, 3), { mode: 'bicubic' }],
              code: 'ERR_ARGUMENT',
            },
            { name: 'rows', args: () => [rand(1, 1, 4), points(1, 4, 1)], code: 'ERR_SHAPE' },
            { name: 'an empty image', args: () => [rand(1, 1, 0, 4), points(1, 1, 1, 2)], code: 'ERR_SHAPE' },
            { name: 'no grid', args: () => [plane(), null], code: 'ERR_ARGUMENT' },
          ],
  });
}

test('gridSample reads zeros, not memory, where coordinates are not numbers', () => {
  const grid = tensor([Number.NaN, Number.NaN, Infinity, 0, -1e38, 1e38], { shape: [1, 3, 1, 2] });
  for (const mode of ['bilinear', 'nearest', 'bicubic'] as const) {
    assert.deepEqual([...elements(ops.gridSample(ops.ones([1, 1, 2, 2]), grid, { mode }))], [0, 0, 0]);
    const inside = elements(ops.gridSample(ops.ones([1, 1, 2, 2]), grid, { mode, paddingMode: 'reflection' }));
    assert.ok(
      inside.every((value) => value === 0 || Math.abs(value - 1) < 1e-6),
      `${mode}: ${inside}`,
    );
  }
});

checkOp('affineGrid', ops.affineGrid, {
  reference: reference.affineGrid,
  additive: false,
  magnitude: (...args: never[]) => eight((reference.affineGrid as (...args: never[]) => NDArray)(...args)),
  ulps: 8,
  cases: [
    { name: 'planes', args: [rand(2, 2, 3), [2, 1, 3, 4]] },
    { name: 'corners', args: [rand(1, 2, 3), [1, 1, 3, 2], { alignCorners: true }] },
    { name: 'one pixel', args: [rand(1, 2, 3), [1, 1, 1, 1], { alignCorners: true }] },
    { name: 'volumes', args: [rand(1, 3, 4), [1, 2, 2, 1, 3]] },
    { name: 'an empty batch', args: [rand(0, 2, 3), [0, 1, 2, 2]] },
  ],
  rejects: [
    {
      name: 'another theta',
      args: () => [rand(1, 3, 3), [1, 1, 2, 2]],
      code: 'ERR_SHAPE',
      message: /theta must be \[1, 2, 3\]/,
    },
    { name: 'a short size', args: () => [rand(1, 2, 3), [2, 2]], code: 'ERR_ARGUMENT' },
    { name: 'a negative size', args: () => [rand(1, 2, 3), [1, 1, -2, 2]], code: 'ERR_SHAPE' },
  ],
});

checkOp('pixelShuffle', ops.pixelShuffle, {
  reference: reference.pixelShuffle,
  ulps: 0,
  cases: [
    { name: 'a batch', args: [rand(2, 8, 2, 3), 2] },
    { name: 'no batch', args: [rand(9, 1, 2), 3] },
    { name: 'many axes', args: [rand(1, 2, 1, 2, 4, 1, 2), 2] },
    { name: 'by one', args: [rand(2, 3, 2), 1] },
    { name: 'an empty batch', args: [rand(0, 4, 2, 2), 2] },
  ],
  rejects: [
    {
      name: 'channels that do not divide',
      args: () => [rand(1, 6, 2, 2), 2],
      code: 'ERR_SHAPE',
      message: /6 channels/,
    },
    { name: 'factor 0', args: () => [rand(1, 4, 2, 2), 0], code: 'ERR_ARGUMENT' },
    { name: 'rank 2', args: () => [rand(4, 2), 2], code: 'ERR_SHAPE' },
  ],
});

checkOp('pixelUnshuffle', ops.pixelUnshuffle, {
  reference: reference.pixelUnshuffle,
  ulps: 0,
  cases: [
    { name: 'a batch', args: [rand(2, 2, 4, 6), 2] },
    { name: 'no batch', args: [rand(1, 3, 6), 3] },
    { name: 'an empty batch', args: [rand(0, 1, 2, 2), 2] },
  ],
  rejects: [{ name: 'pixels that do not divide', args: () => [rand(1, 5, 4), 2], code: 'ERR_SHAPE', message: /5 × 4/ }],
});

checkOp('channelShuffle', ops.channelShuffle, {
  reference: reference.channelShuffle,
  ulps: 0,
  cases: [
    { name: 'planes', args: [rand(2, 6, 2, 2), 3] },
    { name: 'rows', args: [rand(1, 4, 3), 2] },
    { name: 'an empty batch', args: [rand(0, 4, 3), 2] },
  ],
  rejects: [{ name: 'groups that do not divide', args: () => [rand(1, 5, 2), 2], code: 'ERR_SHAPE' }],
});

export const covers = ['gridSample', 'upsample'];

test('upsample is interpolate under another name', () => assert.equal(ops.upsample, ops.interpolate));

test.run();
