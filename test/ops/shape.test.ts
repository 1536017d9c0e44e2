import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { given, noGradient, rand, type TensorSpec, withDtype } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/shape.ts';
import * as views from '../support/reference/views.ts';
import { elements } from '../support/tensors.ts';

const ints = (values: readonly number[], dtype: DType = 'int32'): TensorSpec => withDtype(given(values), dtype);
const noTensor = { name: 'no tensor', args: () => [null, 1, 1, 1], code: 'ERR_ARGUMENT' };
const every: DType[] = ['int32', 'int64', 'uint8', 'bool'];

checkOp('movedim', ops.movedim, {
  reference: reference.movedim,
  ulps: 0,
  cases: [
    { name: 'several axes', args: [rand(2, 3, 4, 1), [0, -1], [2, 0]] },
    { name: 'one axis to the end', args: [rand(2, 3, 4), 0, -1] },
    { name: 'rank 0', args: [rand(), [], []] },
  ],
  rejects: [
    { name: 'an axis twice', args: () => [rand(2, 3), [0, 0], [0, 1]], code: 'ERR_SHAPE' },
    { name: 'another number of places', args: () => [rand(2, 3), [0, 1], [0]], code: 'ERR_SHAPE' },
    { name: 'an axis out of range', args: () => [rand(2, 3), 2, 0], code: 'ERR_SHAPE' },
    { name: 'text', args: () => [rand(2, 3), 'a', 0], code: 'ERR_SHAPE' },
    noTensor,
  ],
});

checkOp('unflatten', ops.unflatten, {
  reference: reference.unflatten,
  ulps: 0,
  cases: [
    { name: 'the last axis', args: [rand(2, 6), -1, [3, -1]] },
    { name: 'the first axis', args: [rand(6, 2), 0, [2, 1, 3]] },
    { name: 'empty', args: [rand(2, 0), 1, [0, 4]] },
  ],
  rejects: [
    { name: 'sizes that do not fit', args: () => [rand(2, 6), 1, [4, 2]], code: 'ERR_SHAPE' },
    { name: 'rank 0', args: () => [rand(), 0, [1]], code: 'ERR_SHAPE' },
    { name: 'too many axes', args: () => [rand(1), 0, [1, 1, 1, 1, 1, 1, 1, 1, 1]], code: 'ERR_SHAPE' },
    noTensor,
  ],
});

checkOp('squeeze', ops.squeeze, {
  reference: views.squeeze,
  ulps: 0,
  cases: [{ name: 'two of three', args: [rand(1, 2, 1, 3, 1), [0, -1, 1]] }],
  rejects: [{ name: 'an axis twice', args: () => [rand(1, 2), [0, 0]], code: 'ERR_SHAPE' }],
});
checkOp('unsqueeze', ops.unsqueeze, {
  reference: (x: NDArray, axes: number[]) => {
    const rank = x.rank + axes.length;
    const places = axes.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
    return places.reduce((each, at) => views.unsqueeze(each, at), x);
  },
  ulps: 0,
  cases: [
    { name: 'in front and behind', args: [rand(2, 3), [-1, 0, 2]] },
    { name: 'none', args: [rand(2), []] },
  ],
  rejects: [
    { name: 'an axis twice', args: () => [rand(2), [0, -3]], code: 'ERR_SHAPE' },
    { name: 'text', args: () => [rand(2), 'a'], code: 'ERR_SHAPE' },
  ],
});

const flips: readonly (readonly [string, (x: Tensor) => Tensor, (x: NDArray) => NDArray, number])[] = [
  ['fliplr', ops.fliplr, (x) => reference.flip(x, 1), 2],
  ['flipud', ops.flipud, (x) => reference.flip(x, 0), 1],
];
for (const [name, op, ref, rank] of flips)
  checkOp(name, op, {
    reference: ref,
    ulps: 0,
    cases: [
      { name: 'a matrix', args: [rand(3, 4)] },
      { name: 'rank 3', args: [rand(2, 3, 2)] },
      { name: 'empty', args: [rand(0, 2)] },
    ],
    rejects: [{ name: 'too few axes', args: () => [rand(...[2].slice(0, rank - 1))], code: 'ERR_SHAPE' }, noTensor],
  });

checkOp('flip', ops.flip, {
  reference: reference.flip,
  ulps: 0,
  cases: [
    { name: 'two axes', args: [rand(2, 3, 4), [0, -1]] },
    { name: 'all axes', args: [rand(2, 3)] },
    { name: 'none', args: [rand(2, 3), []] },
    { name: 'rank 0', args: [rand()] },
    { name: 'empty', args: [rand(2, 0), 1] },
  ],
  rejects: [{ name: 'an axis twice', args: () => [rand(2, 3), [0, 0]], code: 'ERR_SHAPE' }, noTensor],
});

checkOp('rot90', ops.rot90, {
  reference: reference.rot90,
  ulps: 0,
  cases: [
    { name: 'once in other axes', args: [rand(2, 3, 4), 1, [2, 0]] },
    { name: 'once', args: [rand(2, 3)] },
    { name: 'twice', args: [rand(2, 3), 2] },
    { name: 'back', args: [rand(2, 3), -1] },
    { name: 'around', args: [rand(2, 3), 8] },
  ],
  rejects: [
    { name: 'a vector', args: () => [rand(3)], code: 'ERR_SHAPE' },
    { name: 'half a turn', args: () => [rand(2, 3), 0.5], code: 'ERR_SHAPE' },
    { name: 'one axis', args: () => [rand(2, 3), 1, [0, 0]], code: 'ERR_SHAPE' },
    noTensor,
  ],
});

checkOp('split', ops.split, {
  reference: reference.split,
  ulps: 0,
  cases: [
    { name: 'a shorter last part', args: [rand(2, 7), 3, 1] },
    { name: 'sizes', args: [rand(5, 2), [2, 0, 3]] },
    { name: 'a size beyond the axis', args: [rand(3), 9] },
    { name: 'empty', args: [rand(0, 2), 3] },
  ],
  rejects: [
    { name: 'sizes that do not add up', args: () => [rand(5), [2, 2]], code: 'ERR_SHAPE' },
    { name: 'size 0', args: () => [rand(5), 0], code: 'ERR_ARGUMENT' },
    { name: 'NaN', args: () => [rand(5), Number.NaN], code: 'ERR_ARGUMENT' },
    { name: 'rank 0', args: () => [rand(), 1], code: 'ERR_SHAPE' },
    noTensor,
  ],
});
checkOp('chunk', ops.chunk, {
  reference: reference.chunk,
  ulps: 0,
  cases: [
    { name: 'a shorter last part', args: [rand(2, 7), 3, -1] },
    { name: 'fewer parts than asked for', args: [rand(6), 4] },
  ],
  rejects: [{ name: 'no parts', args: () => [rand(5), 0], code: 'ERR_ARGUMENT' }, noTensor],
});
checkOp('unbind', ops.unbind, {
  reference: reference.unbind,
  ulps: 0,
  cases: [
    { name: 'rows', args: [rand(3, 2)] },
    { name: 'the last axis', args: [rand(2, 3), -1] },
  ],
  rejects: [{ name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' }, noTensor],
});

const badSections = [
  { name: 'no sections', args: () => [rand(4, 4, 4), 0], code: 'ERR_ARGUMENT' },
  { name: 'half a section', args: () => [rand(4, 4, 4), 1.5], code: 'ERR_ARGUMENT' },
  { name: 'half an index', args: () => [rand(4, 4, 4), [0.5]], code: 'ERR_ARGUMENT' },
  { name: 'rank 0', args: () => [rand(), 1], code: 'ERR_SHAPE' },
  noTensor,
];
checkOp('tensorSplit', ops.tensorSplit, {
  reference: reference.tensorSplit,
  ulps: 0,
  cases: [
    { name: 'uneven sections', args: [rand(2, 7), 3, 1] },
    { name: 'indices', args: [rand(7, 2), [2, -1, 5]] },
    { name: 'more sections than elements', args: [rand(2), 3], grad: false },
  ],
  rejects: badSections,
});
const stacks: readonly (readonly [string, (x: Tensor, s: number | number[]) => Tensor[], number])[] = [
  ['hsplit', ops.hsplit, 1],
  ['vsplit', ops.vsplit, 0],
  ['dsplit', ops.dsplit, 2],
];
for (const [name, op, axis] of stacks)
  checkOp(name, op, {
    reference: (x: NDArray, sections: number | number[]) =>
      reference.tensorSplit(x, sections, name === 'hsplit' && x.rank === 1 ? 0 : axis),
    ulps: 0,
    cases: [
      { name: 'equal parts', args: [rand(2, 4, 2), 2] },
      { name: 'indices', args: [rand(3, 3, 3), [1]] },
      ...(name === 'hsplit' ? [{ name: 'a vector', args: [rand(4), 2] }] : []),
    ],
    rejects: [...badSections, { name: 'unequal parts', args: () => [rand(3, 3, 3), 2], code: 'ERR_SHAPE' }],
  });

checkOp('diagonal', ops.diagonal, {
  reference: reference.diagonal,
  ulps: 0,
  cases: [
    { name: 'other axes and a diagonal above', args: [rand(3, 2, 4), { offset: 1, axis1: -1, axis2: 0 }] },
    { name: 'a matrix', args: [rand(3, 4)] },
    { name: 'below', args: [rand(4, 3), { offset: -2 }] },
    { name: 'outside', args: [rand(2, 2), { offset: 5 }] },
    { name: 'beside an empty axis', args: [rand(3, 0, 3), { offset: 1, axis2: 2 }] },
  ],
  rejects: [
    { name: 'a vector', args: () => [rand(3)], code: 'ERR_SHAPE' },
    { name: 'one axis', args: () => [rand(3, 3), { axis1: 1 }], code: 'ERR_SHAPE' },
    { name: 'half an offset', args: () => [rand(3, 3), { offset: 0.5 }], code: 'ERR_SHAPE' },
    noTensor,
  ],
});
checkOp('diagEmbed', ops.diagEmbed, {
  reference: reference.diagEmbed,
  ulps: 0,
  cases: [
    { name: 'a batch in other axes', args: [rand(2, 3), { offset: 1, axis1: 0, axis2: -1 }] },
    { name: 'a vector below', args: [rand(3), { offset: -2 }] },
    { name: 'empty', args: [rand(0)] },
    { name: 'integers', args: [rand(3)], dtypes: every },
  ],
  rejects: [
    { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' },
    { name: 'an offset beyond all memory', args: () => [rand(3), { offset: 2 ** 40 }], code: 'ERR_SHAPE' },
    noTensor,
  ],
});
checkOp('diag', ops.diag, {
  reference: reference.diag,
  ulps: 0,
  cases: [
    { name: 'a vector', args: [rand(3), 1] },
    { name: 'a matrix', args: [rand(3, 4), -1] },
  ],
  rejects: [{ name: 'rank 3', args: () => [rand(2, 2, 2)], code: 'ERR_SHAPE' }, noTensor],
});
checkOp('diagflat', ops.diagflat, {
  reference: reference.diagflat,
  ulps: 0,
  cases: [
    { name: 'a matrix', args: [rand(2, 2), 1] },
    { name: 'rank 0', args: [rand()] },
  ],
  rejects: [noTensor],
});
checkOp('trace', ops.trace, {
  reference: reference.trace,
  additive: true,
  cases: [{ name: 'a matrix', args: [rand(3, 4)] }],
  rejects: [{ name: 'a vector', args: () => [rand(3)], code: 'ERR_SHAPE' }, noTensor],
});
const triangles: readonly (readonly ['tril' | 'triu', (x: Tensor, diagonal?: number) => Tensor])[] = [
  ['tril', ops.tril],
  ['triu', ops.triu],
];
for (const [name, op] of triangles)
  checkOp(name, op, {
    reference: reference[name],
    ulps: 0,
    cases: [
      { name: 'a batch', args: [rand(2, 3, 4), 1] },
      { name: 'a matrix', args: [rand(4, 3)] },
      { name: 'below', args: [rand(4, 3), -2] },
      { name: 'far outside', args: [rand(2, 2), -(2 ** 40)] },
      { name: 'empty', args: [rand(0, 3)] },
      { name: 'NaN outside', args: [given([1, Number.NaN, Number.NaN, 1], [2, 2])], grad: false },
      { name: 'integers', args: [rand(3, 3)], dtypes: every },
      { name: 'rank 6', args: [rand(1, 2, 1, 2, 2, 2)] },
    ],
    rejects: [
      { name: 'a vector', args: () => [rand(3)], code: 'ERR_SHAPE' },
      { name: 'half a diagonal', args: () => [rand(2, 2), 0.5], code: 'ERR_SHAPE' },
      noTensor,
    ],
  });

checkOp('unfold', ops.unfold, {
  reference: reference.unfold,
  ulps: 1,
  cases: [
    { name: 'windows that share elements', args: [rand(2, 7, 2), 1, 3, 2] },
    { name: 'windows apart', args: [rand(7), 0, 2, 3] },
    { name: 'the last axis', args: [rand(2, 5), -1, 5, 1] },
    { name: 'size 0', args: [rand(3), 0, 0, 1], grad: false },
  ],
  rejects: [
    { name: 'a size beyond the axis', args: () => [rand(3), 0, 4, 1], code: 'ERR_SHAPE' },
    { name: 'step 0', args: () => [rand(3), 0, 1, 0], code: 'ERR_SHAPE' },
    { name: 'rank 8', args: () => [rand(1, 1, 1, 1, 1, 1, 1, 1), 0, 1, 1], code: 'ERR_SHAPE' },
    noTensor,
  ],
});
checkOp('asStrided', ops.asStrided, {
  reference: reference.asStrided,
  ulps: 1,
  cases: [
    { name: 'windows that share elements', args: [rand(2, 5), [3, 3], [2, 1], 1] },
    { name: 'repeated and reversed', args: [rand(6), [2, 3], [0, -1], 4] },
    { name: 'strides that cross', args: [rand(12), [3, 3], [2, 3]] },
    { name: 'rank 0', args: [rand(3), [], [], 2] },
    { name: 'nothing', args: [rand(3), [0, 9], [100, 100]] },
  ],
  rejects: [
    { name: 'an element outside', args: () => [rand(6), [2, 3], [3, 2]], code: 'ERR_BOUNDS', message: /7 of 6/ },
    { name: 'an element before', args: () => [rand(6), [2], [-1]], code: 'ERR_BOUNDS' },
    { name: 'a huge stride', args: () => [rand(6), [2], [2 ** 53 - 1]], code: 'ERR_BOUNDS' },
    { name: 'other strides than sizes', args: () => [rand(6), [2], [1, 1]], code: 'ERR_SHAPE' },
    { name: 'half a stride', args: () => [rand(6), [2], [0.5]], code: 'ERR_SHAPE' },
    { name: 'a start that is NaN', args: () => [rand(6), [2], [1], Number.NaN], code: 'ERR_SHAPE' },
    { name: 'a negative size', args: () => [rand(6), [-1], [1]], code: 'ERR_SHAPE' },
    noTensor,
  ],
});

checkOp('repeat', ops.repeat, {
  reference: reference.repeat,
  ulps: 0,
  cases: [
    { name: 'a new axis', args: [rand(2, 3), [2, 3, 2]] },
    { name: 'zero times', args: [rand(2, 3), [2, 0]], grad: false },
    { name: 'rank 8', args: [rand(1, 2, 1, 2, 1, 2, 1, 1), [2, 2, 1, 2, 1, 1, 2, 1]], layouts: ['contiguous'] },
    { name: 'rank 6', args: [rand(1, 2, 1, 2, 1, 2), [2, 2, 2, 1, 2, 2]], layouts: ['contiguous', 'reversed'] },
    { name: 'rank 0', args: [rand(), [3]] },
    { name: 'once', args: [rand(2), [1]] },
    { name: 'integers', args: [rand(3), [2]], dtypes: every },
  ],
  rejects: [
    { name: 'too few counts', args: () => [rand(2, 3), [2]], code: 'ERR_SHAPE' },
    { name: 'a negative count', args: () => [rand(2), [-1]], code: 'ERR_SHAPE' },
    { name: 'a number', args: () => [rand(2), 2], code: 'ERR_SHAPE' },
    { name: 'more than fits', args: () => [rand(2), [2 ** 53 - 1]], code: 'ERR_SHAPE' },
    noTensor,
  ],
});
checkOp('tile', ops.tile, {
  reference: reference.tile,
  ulps: 0,
  cases: [
    { name: 'the last axis', args: [rand(2, 3), [2]] },
    { name: 'a new axis', args: [rand(3), [2, 2]] },
  ],
  rejects: [{ name: 'text', args: () => [rand(2), '2'], code: 'ERR_SHAPE' }, noTensor],
});
checkOp('repeatInterleave', ops.repeatInterleave, {
  reference: reference.repeatInterleave,
  ulps: 0,
  cases: [
    { name: 'counts', args: [rand(2, 3), [2, 0, 1], { axis: 1 }] },
    { name: 'a count', args: [rand(2, 3, 2), 2, { axis: 1 }] },
    { name: 'flat', args: [rand(2, 3), 2] },
    { name: 'once', args: [rand(3), 1] },
    { name: 'never', args: [rand(3), 0], grad: false },
    {
      name: 'a tensor of counts',
      args: [rand(3, 2), ints([1, 0, 3]), { axis: 0, outputSize: 4 }],
      layouts: ['contiguous', 'reversed', 'sliced'],
    },
    { name: 'one count in a tensor', args: [rand(3), ints([2], 'int64'), { axis: 0, outputSize: 6 }] },
    { name: 'rank 8', args: [rand(1, 1, 2, 1, 1, 1, 1, 2), 2, { axis: 2 }], layouts: ['contiguous'] },
  ],
  rejects: [
    { name: 'a negative count', args: () => [rand(3), -1], code: 'ERR_ARGUMENT' },
    { name: 'half a count', args: () => [rand(3), [1, 1, 0.5]], code: 'ERR_ARGUMENT' },
    { name: 'too few counts', args: () => [rand(3), [1, 1]], code: 'ERR_SHAPE' },
    { name: 'float counts', args: () => [rand(3), rand(3), { outputSize: 3 }], code: 'ERR_DTYPE' },
    { name: 'too few counts in a tensor', args: () => [rand(3), ints([1, 2])], code: 'ERR_SHAPE' },
    { name: 'a negative outputSize', args: () => [rand(3), ints([1, 2, 3]), { outputSize: -1 }], code: 'ERR_ARGUMENT' },
    { name: 'no options', args: () => [rand(3), 2, null], code: 'ERR_ARGUMENT' },
    { name: 'text', args: () => [rand(3), '2'], code: 'ERR_ARGUMENT' },
    { name: 'more than fits', args: () => [rand(3), 2 ** 53 - 1], code: 'ERR_ARGUMENT' },
    noTensor,
  ],
});
checkOp('roll', ops.roll, {
  reference: reference.roll,
  ulps: 0,
  cases: [
    { name: 'two axes, one of them twice', args: [rand(3, 4, 2), [1, -3, 7], [0, 1, 0]] },
    { name: 'flat', args: [rand(2, 3), 2] },
    { name: 'back', args: [rand(5), -1, 0] },
    { name: 'empty', args: [rand(0, 2), 1, 0] },
    { name: 'integers', args: [rand(5), 2, 0], dtypes: every },
  ],
  rejects: [
    { name: 'another number of axes', args: () => [rand(3, 3), [1, 2], 0], code: 'ERR_SHAPE' },
    { name: 'two shifts without axes', args: () => [rand(3), [1, 2]], code: 'ERR_SHAPE' },
    { name: 'half a shift', args: () => [rand(3), 0.5], code: 'ERR_ARGUMENT' },
    { name: 'an axis out of range', args: () => [rand(3), 1, 1], code: 'ERR_SHAPE' },
    noTensor,
  ],
});

type Join = 'hstack' | 'vstack' | 'dstack' | 'columnStack' | 'broadcastTensors';
const joins: readonly (readonly [Join, (tensors: Tensor[]) => Tensor | Tensor[]])[] = [
  ['hstack', ops.hstack],
  ['vstack', ops.vstack],
  ['dstack', ops.dstack],
  ['columnStack', ops.columnStack],
  ['broadcastTensors', ops.broadcastTensors],
];
for (const [name, op] of joins)
  checkOp(name, op, {
    reference: reference[name],
    ulps: 0,
    cases: [
      { name: 'matrices', args: [[rand(2, 3), rand(2, 3)]] },
      { name: 'vectors', args: [[rand(3), rand(3), rand(3)]] },
      { name: 'rank 0', args: [[rand(), rand()]] },
    ],
    rejects: [
      { name: 'nothing', args: () => [[]], code: 'ERR_ARGUMENT' },
      { name: 'a number among them', args: () => [[rand(2), 1]], code: 'ERR_ARGUMENT' },
      { name: 'other sizes', args: () => [[rand(2, 3), rand(3, 2)]], code: 'ERR_SHAPE' },
      { name: 'no list', args: () => [rand(2)], code: 'ERR_ARGUMENT' },
    ],
  });
type Raise = 'atLeast1d' | 'atLeast2d' | 'atLeast3d';
for (const name of ['atLeast1d', 'atLeast2d', 'atLeast3d'] as Raise[])
  checkOp(name, ops[name], {
    reference: reference[name],
    ulps: 0,
    cases: [[2, 3], [], [3], [2, 2, 1], [1, 2, 1, 2]].map((shape) => ({
      name: `rank ${shape.length}`,
      args: [rand(...shape)],
    })),
    rejects: [noTensor],
  });
type Like = 'expandAs' | 'viewAs' | 'reshapeAs';
for (const name of ['expandAs', 'viewAs', 'reshapeAs'] as Like[])
  checkOp(name, ops[name], {
    reference: (x: NDArray, other: NDArray) =>
      name === 'expandAs' ? views.expand(x, [...other.shape]) : views.reshape(x, other.shape),
    ulps: 0,
    cases: [
      name === 'expandAs'
        ? { name: 'rows', args: [rand(3), noGradient(rand(2, 3))] }
        : { name: 'another rank', args: [rand(2, 6), noGradient(rand(3, 4))], layouts: ['contiguous'] },
    ],
    rejects: [
      { name: 'a shape', args: () => [rand(3), [3]], code: 'ERR_ARGUMENT' },
      { name: 'another size', args: () => [rand(3), rand(2)], code: 'ERR_SHAPE' },
      noTensor,
    ],
  });

/** Tested in loops above and by hand below; the last are other names. */
export const covers = [
  'fliplr',
  'flipud',
  'hsplit',
  'vsplit',
  'dsplit',
  'tril',
  'triu',
  'hstack',
  'vstack',
  'dstack',
  'columnStack',
  'broadcastTensors',
  'repeatInterleaveSync',
  'ravel',
  'moveaxis',
  'swapaxes',
  'concat',
  'rowStack',
];

test('names that share a definition', () => {
  const names = ['ravel', 'flatten', 'moveaxis', 'movedim', 'swapaxes', 'transpose', 'concat', 'cat'] as const;
  for (let i = 0; i < names.length; i += 2)
    assert.equal(ops[names[i] as 'ravel'], ops[names[i + 1] as 'flatten'], names[i]);
  assert.equal(ops.rowStack, ops.vstack);
});

for (const device of testDevices) {
  test(`views share memory and take writes through, ${device}`, () => {
    const before = liveBytes();
    const x = ops.arange(6, { device });
    const turned = ops.flip(x);
    turned.add_(tensor([10, 0, 0, 0, 0, 0], { device }));
    assert.deepEqual([...elements(x)], [0, 1, 2, 3, 4, 15]);
    const square = ops.reshape(ops.arange(4, { device }), [2, 2]);
    const main = ops.diagonal(square);
    main.fill_(9);
    assert.deepEqual([...elements(square)], [9, 1, 2, 9]);
    const apart = ops.unfold(x, 0, 2, 3);
    apart.zero_();
    assert.deepEqual([...elements(x)], [0, 0, 2, 0, 0, 15]);
    const shared = ops.unfold(x, 0, 3, 1);
    throwsCode(() => shared.add_(1), 'ERR_ARGUMENT', 'windows that share elements', /overlap/);
    const strided = ops.asStrided(x, [2, 2], [2, 1]);
    throwsCode(() => strided.add_(1), 'ERR_ARGUMENT', 'asStrided', /read-only/);
    const part = ops.select(strided, 0, 0);
    throwsCode(() => part.fill_(1), 'ERR_ARGUMENT', 'a view of asStrided', /read-only/);
    for (const t of [x, turned, square, main, apart, shared, strided, part]) t.dispose();
    assert.ok(liveBytes() >= before);
  });

  test(`repeatInterleave awaits the sum of its counts on ${device}`, async () => {
    const x = tensor([1, 2, 3], { device });
    const counts = tensor([2, 0, 1], { dtype: 'int32', device });
    const later = ops.repeatInterleave(x, counts);
    counts.fill_(7);
    const y = await later;
    assert.deepEqual([...(await y.data())], [1, 1, 3]);
    counts.write(new Int32Array([0, 1, 2]));
    assert.deepEqual([...elements(ops.repeatInterleaveSync(x, counts, { axis: 0 }))], [2, 3, 3]);
    assert.deepEqual([...elements(ops.repeatInterleaveSync(x, 2))], [1, 1, 2, 2, 3, 3]);
    const wrong = ops.repeatInterleave(x, counts, { outputSize: 4 });
    await assert.rejects(wrong.data(), { code: 'ERR_ARGUMENT' });
    const negative = ops.repeatInterleave(x, tensor([1, -1, 4], { dtype: 'int32', device }), { outputSize: 4 });
    await assert.rejects(negative.data(), { code: 'ERR_ARGUMENT' });
  });
}

test.run();
