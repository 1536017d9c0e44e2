import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase, type Rejected, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { rand } from '../support/random.ts';
import { broadcastTo, NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/views.ts';
import { elements } from '../support/tensors.ts';

// biome-ignore lint/suspicious/noExplicitAny: ops and references of every argument list
type AnyFunction = (...args: any[]) => any;

const views: readonly (readonly [string, AnyFunction, AnyFunction, OpCase[], Rejected[]])[] = [
  [
    'reshape',
    ops.reshape,
    reference.reshape,
    [
      { name: 'another rank', args: [rand(2, 6), [3, 4]] },
      { name: 'an inferred size', args: [rand(2, 6), [-1, 3]] },
      { name: 'to rank 0', args: [rand(1, 1), []] },
      { name: 'from rank 0', args: [rand(), [1, 1]] },
      { name: 'empty', args: [rand(0, 3), [3, 0, 2]] },
      { name: 'the same shape', args: [rand(2, 3), [2, 3]] },
    ],
    [
      {
        name: 'another number of elements',
        args: () => [rand(2, 3), [4]],
        code: 'ERR_SHAPE',
        message: /^reshape: .*\[2, 3\]|6/,
      },
      { name: 'two inferred sizes', args: () => [rand(2, 3), [-1, -1]], code: 'ERR_SHAPE' },
      { name: 'a size that does not divide', args: () => [rand(2, 3), [-1, 4]], code: 'ERR_SHAPE' },
      { name: 'an inferred size of nothing', args: () => [rand(0, 3), [-1, 0]], code: 'ERR_SHAPE' },
      { name: 'a fraction', args: () => [rand(2, 3), [1.5, 4]], code: 'ERR_SHAPE' },
      { name: 'NaN', args: () => [rand(2, 3), [Number.NaN]], code: 'ERR_SHAPE' },
      { name: 'a string', args: () => [rand(2, 3), '6'], code: 'ERR_SHAPE' },
      { name: 'rank 9', args: () => [rand(1), [1, 1, 1, 1, 1, 1, 1, 1, 1]], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'flatten',
    ops.flatten,
    reference.flatten,
    [
      { name: 'everything', args: [rand(2, 3, 2)] },
      { name: 'from axis 1', args: [rand(2, 3, 2), 1] },
      { name: 'two in the middle', args: [rand(2, 3, 2, 2), 1, 2] },
      { name: 'rank 0', args: [rand()] },
      { name: 'empty', args: [rand(2, 0, 3), 1] },
    ],
    [
      { name: 'an end before the start', args: () => [rand(2, 3, 4), 2, 1], code: 'ERR_SHAPE' },
      { name: 'an axis out of range', args: () => [rand(2, 3), 5], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'permute',
    ops.permute,
    reference.permute,
    [
      { name: 'a cycle', args: [rand(2, 3, 4), [2, 0, 1]] },
      { name: 'negative axes', args: [rand(2, 3, 4), [-1, 0, 1]] },
      { name: 'rank 0', args: [rand(), []] },
      { name: 'rank 5', args: [rand(2, 1, 3, 2, 2), [4, 2, 0, 3, 1]] },
    ],
    [
      { name: 'an axis twice', args: () => [rand(2, 3), [0, 0]], code: 'ERR_SHAPE' },
      { name: 'too few axes', args: () => [rand(2, 3), [0]], code: 'ERR_SHAPE' },
      { name: 'no list', args: () => [rand(2, 3), 1], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'transpose',
    ops.transpose,
    reference.transpose,
    [
      { name: 'the last two axes', args: [rand(2, 3, 4)] },
      { name: 'named axes', args: [rand(2, 3, 4), 0, 2] },
      { name: 'an axis with itself', args: [rand(2, 3), 1, 1] },
    ],
    [
      { name: 'rank 1', args: () => [rand(3)], code: 'ERR_SHAPE' },
      { name: 'an axis out of range', args: () => [rand(2, 3), 0, 2], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'expand',
    ops.expand,
    reference.expand,
    [
      { name: 'an axis of size 1', args: [rand(3, 1), [3, 4]] },
      { name: 'a new axis', args: [rand(3), [2, 3]] },
      { name: 'a kept size', args: [rand(3, 1), [-1, 4]] },
      { name: 'rank 0', args: [rand(), [2, 2]] },
      { name: 'to nothing', args: [rand(1, 3), [0, 3]] },
    ],
    [
      { name: 'a size that is not 1', args: () => [rand(3, 2), [3, 4]], code: 'ERR_SHAPE' },
      { name: 'a smaller rank', args: () => [rand(3, 2), [3]], code: 'ERR_SHAPE' },
      { name: 'a kept size of a new axis', args: () => [rand(3), [-1, 3]], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'broadcastTo',
    ops.broadcastTo,
    broadcastTo,
    [{ name: 'two axes', args: [rand(3, 1), [2, 3, 4]] }],
    [{ name: 'sizes that differ', args: () => [rand(3), [4]], code: 'ERR_SHAPE' }],
  ],
  [
    'squeeze',
    ops.squeeze,
    reference.squeeze,
    [
      { name: 'all of them', args: [rand(1, 3, 1, 2)] },
      { name: 'one', args: [rand(1, 3, 1), 2] },
      { name: 'one that is not 1', args: [rand(2, 3), 0] },
      { name: 'a negative axis', args: [rand(3, 1), -1] },
    ],
    [{ name: 'an axis out of range', args: () => [rand(1, 3), 2], code: 'ERR_SHAPE' }],
  ],
  [
    'unsqueeze',
    ops.unsqueeze,
    reference.unsqueeze,
    [
      { name: 'in front', args: [rand(3, 2), 0] },
      { name: 'behind', args: [rand(3, 2), -1] },
      { name: 'in between', args: [rand(3, 2), 1] },
      { name: 'rank 0', args: [rand(), 0] },
    ],
    [
      { name: 'an axis out of range', args: () => [rand(3), 3], code: 'ERR_SHAPE' },
      { name: 'rank 8', args: () => [rand(1, 1, 1, 1, 1, 1, 1, 1), 0], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'select',
    ops.select,
    reference.select,
    [
      { name: 'a row', args: [rand(3, 4), 0, 1] },
      { name: 'a column from the end', args: [rand(3, 4), 1, -1] },
      { name: 'to rank 0', args: [rand(3), 0, 2] },
      { name: 'the middle axis', args: [rand(2, 3, 4), 1, 0] },
    ],
    [
      { name: 'an index out of range', args: () => [rand(3, 4), 0, 3], code: 'ERR_ARGUMENT', message: /^select: .*3/ },
      { name: 'an index before the first', args: () => [rand(3, 4), 0, -4], code: 'ERR_ARGUMENT' },
      { name: 'half an index', args: () => [rand(3, 4), 0, 0.5], code: 'ERR_ARGUMENT' },
      { name: 'an axis out of range', args: () => [rand(3, 4), 2, 0], code: 'ERR_SHAPE' },
      { name: 'rank 0', args: () => [rand(), 0, 0], code: 'ERR_SHAPE' },
    ],
  ],
  [
    'narrow',
    ops.narrow,
    reference.narrow,
    [
      { name: 'rows', args: [rand(5, 2), 0, 1, 3] },
      { name: 'the last columns', args: [rand(2, 5), 1, -2, 2] },
      { name: 'nothing', args: [rand(2, 3), 1, 3, 0] },
      { name: 'everything', args: [rand(2, 3), 1, 0, 3] },
    ],
    [
      { name: 'too much', args: () => [rand(5), 0, 3, 3], code: 'ERR_SHAPE' },
      { name: 'a negative length', args: () => [rand(5), 0, 3, -1], code: 'ERR_SHAPE' },
      { name: 'a start behind the end', args: () => [rand(5), 0, 6, 0], code: 'ERR_SHAPE' },
      { name: 'NaN', args: () => [rand(5), 0, Number.NaN, 1], code: 'ERR_SHAPE' },
    ],
  ],
];

for (const [name, op, ref, cases, rejects] of views)
  checkOp(name, op, {
    reference: ref,
    ulps: 0,
    cases,
    rejects: [...rejects, { name: 'no tensor', args: () => [[1, 2], [0]], code: 'ERR_ARGUMENT' }],
  });

type Range = number | readonly [number, number?] | null;
const sliced = (x: NDArray, ranges: readonly Range[], steps: readonly number[] = []): NDArray => {
  const starts: number[] = [];
  const lengths: number[] = [];
  x.shape.forEach((size, axis) => {
    const range = ranges[axis] ?? null;
    const clamp = (value: number): number => Math.min(size, Math.max(0, value < 0 ? value + size : value));
    const [from, to] =
      range === null ? [0, size] : typeof range === 'number' ? [range, size] : [range[0], range[1] ?? size];
    starts.push(clamp(from));
    lengths.push(Math.max(0, Math.ceil((clamp(to) - clamp(from)) / (steps[axis] ?? 1))));
  });
  return reference.strided(
    x,
    starts,
    lengths,
    x.shape.map((_, axis) => steps[axis] ?? 1),
  );
};

checkOp('slice', ops.slice, {
  reference: sliced,
  ulps: 0,
  cases: [
    {
      name: 'ranges',
      args: [
        rand(4, 5),
        [
          [1, 3],
          [0, 4],
        ],
      ],
    },
    { name: 'from the end', args: [rand(6), [[-4, -1]]] },
    { name: 'a start only', args: [rand(6, 2), [2]] },
    { name: 'steps', args: [rand(7, 5), [null, [1, 5]], [3, 2]] },
    { name: 'bounds beyond the axis', args: [rand(4), [[-9, 9]]] },
    { name: 'nothing', args: [rand(4, 2), [[3, 1]]] },
    { name: 'a step beyond the axis', args: [rand(4), [null], [9]] },
  ],
  rejects: [
    { name: 'too many ranges', args: () => [rand(3), [null, null]], code: 'ERR_SHAPE' },
    { name: 'step 0', args: () => [rand(3), [null], [0]], code: 'ERR_SHAPE' },
    { name: 'half a bound', args: () => [rand(3), [[0.5, 2]]], code: 'ERR_SHAPE' },
    { name: 'a bound that is text', args: () => [rand(3), [['0', 2]]], code: 'ERR_SHAPE' },
  ],
});

checkOp('copySlice', ops.copySlice, {
  reference: (x: NDArray, src: NDArray, ranges: readonly Range[], steps: readonly number[] = []) => {
    const out = x.data.slice();
    const place = sliced(numbered(x), ranges, steps);
    const source = broadcastTo(src, place.shape);
    place.data.forEach((at, i) => {
      out[at] = source.data[i] ?? 0;
    });
    return new NDArray(x.shape, out);
  },
  ulps: 0,
  cases: [
    {
      name: 'a block',
      args: [
        rand(4, 5),
        rand(2, 3),
        [
          [1, 3],
          [0, 3],
        ],
      ],
    },
    { name: 'a broadcast row', args: [rand(4, 3), rand(3), [[0, 2]]] },
    { name: 'a scalar with steps', args: [rand(7), rand(), [[1, 7]], [2]] },
    { name: 'everything', args: [rand(2, 3), rand(2, 3), []] },
    { name: 'nothing', args: [rand(3), rand(0), [[2, 2]]] },
  ],
  rejects: [
    { name: 'a source that does not fit', args: () => [rand(4), rand(3), [[0, 2]]], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(4), 3, [[0, 2]]], code: 'ERR_ARGUMENT' },
  ],
});

function numbered(x: NDArray): NDArray {
  return new NDArray(
    x.shape,
    x.data.map((_, i) => i),
  );
}

for (const device of testDevices) {
  test(`views share memory and see each other's changes on ${device}`, () => {
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { device },
    );
    const row = ops.select(x, 0, 1);
    const turned = ops.transpose(x);
    const flat = ops.view(x, [-1]);
    row.mul_(10);
    assert.deepEqual([...elements(x)], [1, 2, 3, 40, 50, 60]);
    assert.deepEqual([...elements(turned)], [1, 40, 2, 50, 3, 60]);
    x.dispose();
    assert.deepEqual([...elements(flat)], [1, 2, 3, 40, 50, 60], 'a view outlives its base');
    for (const t of [row, turned, flat]) t.dispose();
  });

  test(`view refuses what needs a copy on ${device}`, () => {
    const x = ops.transpose(
      tensor(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { device },
      ),
    );
    throwsCode(() => ops.view(x, [6]), 'ERR_SHAPE', 'view of a transposed tensor', /reshape/);
    const copy: Tensor = ops.reshape(x, [6]);
    assert.deepEqual([...elements(copy)], [1, 4, 2, 5, 3, 6]);
    const detached = ops.detach(x);
    const packed = ops.contiguous(x);
    assert.equal(packed.isContiguous, true);
    assert.deepEqual([...elements(detached)], [1, 4, 2, 5, 3, 6]);
    for (const t of [x, copy, detached, packed]) t.dispose();
  });
}

for (const device of testDevices) {
  test(`transposes of every item size, in tiles and beyond them, keep their elements on ${device}`, () => {
    const shapes = [
      [64, 128],
      [65, 129],
      [1000, 9],
      [7, 333],
      [31, 15],
    ] as const;
    for (const dtype of ['float32', 'float64', 'int16', 'uint8'] as const) {
      for (const [rows, columns] of shapes) {
        scope(() => {
          const values = Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 251);
          const turned = ops.contiguous(ops.transpose(tensor(values, { device, dtype, shape: [rows, columns] })));
          const got = elements(turned);
          const wrong = got.findIndex((v, i) => Number(v) !== values[(i % rows) * columns + Math.floor(i / rows)]);
          assert.equal(wrong, -1, `${dtype} [${rows}, ${columns}], element ${wrong}`);
        });
      }
    }
    // Written past the caches.
    scope(() => {
      const [rows, columns] = [2048, 2112];
      const turned = ops.contiguous(ops.transpose(ops.arange(rows * columns, { device }).reshape([rows, columns])));
      const got = elements(turned);
      for (const i of [0, 1, rows - 1, rows, 1_234_567, rows * columns - 1])
        assert.equal(got[i], (i % rows) * columns + Math.floor(i / rows));
      assert.equal(
        got.findIndex((v, i) => v !== (i % rows) * columns + Math.floor(i / rows)),
        -1,
      );
    });
  });
}

/** Tested above by hand: view, detach, contiguous. */
export const covers = ['view', 'detach', 'contiguous'];

test.run();
