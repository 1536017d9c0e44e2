import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  broadcastShapes,
  checkedNumel,
  inferShape,
  isContiguous,
  normalizeAxes,
  viewStrides,
} from '../../lib/core/shape.ts';

const code = (wanted: string) => (error: { code?: string }) => error.code === wanted;

test('sizes are checked before anything is multiplied', () => {
  assert.is(checkedNumel('t', [2, 3]), 6);
  assert.is(checkedNumel('t', []), 1);
  assert.is(checkedNumel('t', [2 ** 31, 0, 3]), 0);
  const bad: unknown[] = [
    [-1],
    [1.5],
    [Number.NaN],
    ['3'],
    [2 ** 53],
    [2 ** 27, 2 ** 27],
    new Array(9).fill(1),
    3,
    null,
    [Infinity],
  ];
  for (const shape of bad) assert.throws(() => checkedNumel('t', shape as number[]), code('ERR_SHAPE'));
});

test('broadcasting follows NumPy', () => {
  assert.equal(broadcastShapes('t', [2, 1, 3], [4, 1]), [2, 4, 3]);
  assert.equal(broadcastShapes('t', [0, 1], [3]), [0, 3]);
  assert.throws(() => broadcastShapes('t', [2], [3]), /2 ≠ 3/);
});

test('one size may be inferred', () => {
  assert.equal(inferShape('t', [2, -1], 6), [2, 3]);
  assert.throws(() => inferShape('t', [-1, 4], 6), code('ERR_SHAPE'));
  assert.throws(() => inferShape('t', [-1, -1], 6), code('ERR_SHAPE'));
  assert.throws(() => inferShape('t', [-1, 0], 0), code('ERR_SHAPE'));
});

test('axes count from either end and appear once', () => {
  assert.equal(normalizeAxes('t', [-1, 0], 3), [0, 2]);
  for (const axis of [3, -4, 0.5, Number.NaN]) assert.throws(() => normalizeAxes('t', axis, 3), code('ERR_SHAPE'));
  assert.throws(() => normalizeAxes('t', [0, -3], 3), /twice/);
});

test('views need no copy exactly where strides allow', () => {
  assert.equal(viewStrides([2, 3], [3, 1], [6]), [1]);
  assert.is(viewStrides([3, 2], [1, 3], [6]), null);
  assert.equal(viewStrides([2, 3, 4], [24, 4, 1], [2, 12]), [24, 1]);
  assert.equal(
    viewStrides([3, 2], [1, 3], [3, 1, 2])?.filter((_, i) => i !== 1),
    [1, 3],
  );
  assert.ok(isContiguous([1, 3], [99, 1]));
});

test.run();
