import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { borrow, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = [
  'zeros',
  'ones',
  'full',
  'empty',
  'arange',
  'eye',
  'zerosLike',
  'onesLike',
  'fullLike',
  'emptyLike',
  'cast',
  'clone',
  'to',
  'tensor',
  'borrow',
];

const all: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'];

function holds(t: Tensor, dtype: DType, shape: readonly number[], values: readonly number[]): void {
  assert.equal(t.dtype, dtype);
  assert.deepEqual([...t.shape], shape);
  assert.deepEqual([...elements(t)], values);
  t.dispose();
}

for (const device of testDevices) {
  test(`filled tensors of every dtype on ${device}`, () => {
    for (const dtype of all) {
      holds(ops.zeros([2, 2], { dtype, device }), dtype, [2, 2], [0, 0, 0, 0]);
      holds(ops.ones([3], { dtype, device }), dtype, [3], [1, 1, 1]);
      holds(ops.full([2], dtype === 'bool' ? 1 : 7, { dtype, device }), dtype, [2], dtype === 'bool' ? [1, 1] : [7, 7]);
      holds(ops.zeros([], { dtype, device }), dtype, [], [0]);
      holds(ops.ones([0, 3], { dtype, device }), dtype, [0, 3], []);
      const like = ops.ones([2], { dtype, device });
      holds(ops.zerosLike(like), dtype, [2], [0, 0]);
      holds(ops.onesLike(like), dtype, [2], [1, 1]);
      holds(ops.fullLike(like, 1), dtype, [2], [1, 1]);
      const blank = ops.emptyLike(like);
      assert.equal(blank.dtype, dtype);
      blank.dispose();
      like.dispose();
      const unset = ops.empty([3, 2], { dtype, device });
      assert.equal(unset.size, 6);
      unset.dispose();
      holds(ops.eye(2, { dtype, device }), dtype, [2, 2], [1, 0, 0, 1]);
    }
    holds(ops.eye(2, { columns: 3, device }), 'float32', [2, 3], [1, 0, 0, 0, 1, 0]);
    holds(ops.full([2], 2n ** 53n, { dtype: 'int64', device }), 'int64', [2], [2 ** 53, 2 ** 53]);
  });

  test(`arange on ${device}`, () => {
    holds(ops.arange(4, { device }), 'float32', [4], [0, 1, 2, 3]);
    holds(ops.arange(2, 5, { device, dtype: 'int32' }), 'int32', [3], [2, 3, 4]);
    holds(ops.arange(1, 2, { step: 0.25, device }), 'float32', [4], [1, 1.25, 1.5, 1.75]);
    holds(ops.arange(5, 1, { step: -2, device, dtype: 'int64' }), 'int64', [2], [5, 3]);
    holds(ops.arange(0, { device }), 'float32', [0], []);
    throwsCode(() => ops.arange(0, 3, { step: 0, device }), 'ERR_ARGUMENT', 'step 0');
    throwsCode(() => ops.arange(0, Number.NaN, { device }), 'ERR_ARGUMENT', 'NaN');
    throwsCode(() => ops.arange(0, Number.POSITIVE_INFINITY, { device }), 'ERR_ARGUMENT', 'Infinity');
    throwsCode(
      () => ops.arange(0, 1, { step: 1e-300, device }),
      ['ERR_SHAPE', 'ERR_ARGUMENT', 'ERR_OUT_OF_MEMORY'],
      'a tiny step',
    );
  });

  test(`nested arrays and typed arrays on ${device}`, () => {
    holds(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device },
      ),
      'float32',
      [2, 2],
      [1, 2, 3, 4],
    );
    holds(tensor(5, { device }), 'float32', [], [5]);
    holds(tensor([], { device }), 'float32', [0], []);
    holds(tensor([[], []], { device }), 'float32', [2, 0], []);
    holds(tensor([true, false], { device }), 'bool', [2], [1, 0]);
    holds(tensor([1n, -2n], { device }), 'int64', [2], [1, -2]);
    holds(tensor(new Float64Array([0.1]), { device }), 'float64', [1], [0.1]);
    holds(tensor(new Uint8Array([1, 255]), { device }), 'uint8', [2], [1, 255]);
    holds(tensor(new Int32Array([1, 2, 3, 4]), { shape: [2, -1], device }), 'int32', [2, 2], [1, 2, 3, 4]);
    holds(tensor([1.9, -1.9], { dtype: 'int32', device }), 'int32', [2], [1, -1]);
    holds(tensor(new Int16Array([1, -2]), { dtype: 'float32', device }), 'float32', [2], [1, -2]);
    const source = new Float32Array([1, 2, 3]);
    const copy = tensor(source, { device });
    source.fill(9);
    holds(copy, 'float32', [3], [1, 2, 3]);
    holds(tensor(new Float32Array([1, 2, 3, 4]).subarray(1, 3), { device }), 'float32', [2], [2, 3]);
  });

  test(`what cannot be a tensor on ${device}`, () => {
    const before = liveBytes();
    // biome-ignore lint/suspicious/noExplicitAny: callers in JavaScript pass anything
    const anything = tensor as (...args: any[]) => unknown;
    const deep = new Array(9).fill(0).reduce((inner: unknown) => [inner], 1);
    const bad: [unknown[], string | string[]][] = [
      [[[[1, 2], [3]]], 'ERR_SHAPE'],
      [[[1, [2]]], 'ERR_SHAPE'],
      [[[[1], 2]], 'ERR_SHAPE'],
      [['text'], 'ERR_ARGUMENT'],
      [[undefined], 'ERR_ARGUMENT'],
      [[null], 'ERR_ARGUMENT'],
      [[{}], 'ERR_ARGUMENT'],
      [[['1']], 'ERR_ARGUMENT'],
      [[new Array(3)], 'ERR_ARGUMENT'],
      [[[1], { dtype: 'float16x' }], 'ERR_DTYPE'],
      [[[1], { dtype: 'constructor' }], 'ERR_DTYPE'],
      [[[1], { dtype: 'int32', requiresGrad: true }], 'ERR_DTYPE'],
      [[[1e10], { dtype: 'int32' }], 'ERR_ARGUMENT'],
      [[[Number.NaN], { dtype: 'int32' }], 'ERR_ARGUMENT'],
      [[[256], { dtype: 'uint8' }], 'ERR_ARGUMENT'],
      [[[2n ** 63n]], 'ERR_ARGUMENT'],
      [[new Float32Array(4), { shape: [3] }], 'ERR_SHAPE'],
      [[new Float32Array(4), { shape: [-1, -1] }], 'ERR_SHAPE'],
      [[new Float32Array(4), { shape: [2 ** 53, 2 ** 53] }], 'ERR_SHAPE'],
      [[new Uint16Array(4)], 'ERR_DTYPE'],
      [[new DataView(new ArrayBuffer(4))], 'ERR_DTYPE'],
      [[new Float32Array(new SharedArrayBuffer(8))], 'ERR_ARGUMENT'],
      [[[1], { device: 'toaster' }], 'ERR_ARGUMENT'],
      [[[1], { device: 'cpu:7' }], 'ERR_DEVICE'],
      [[deep], 'ERR_SHAPE'],
    ];
    for (const [args, code] of bad)
      throwsCode(
        () => anything(args[0], { device, ...(args[1] as object) }),
        code,
        `tensor(${String(args[0])}, ${JSON.stringify(args[1])})`,
      );
    const detached = new Float32Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    throwsCode(() => anything(detached), 'ERR_ARGUMENT', 'a detached array');
    throwsCode(() => borrow(detached), 'ERR_ARGUMENT', 'a detached array, borrowed');
    const Resizable = ArrayBuffer as unknown as new (size: number, options: { maxByteLength: number }) => ArrayBuffer;
    throwsCode(
      () => anything(new Float32Array(new Resizable(16, { maxByteLength: 32 }))),
      'ERR_ARGUMENT',
      'a resizable array',
    );
    throwsCode(() => borrow(new Float32Array(new SharedArrayBuffer(8))), 'ERR_ARGUMENT', 'a shared array, borrowed');
    assert.equal(liveBytes(), before);
  });

  test(`sizes at every edge on ${device}`, () => {
    const sizes: unknown[] = [
      -1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '3',
      null,
      undefined,
      {},
      [2],
      true,
      3n,
      2 ** 53,
      2 ** 54,
    ];
    for (const size of sizes) {
      for (const make of [ops.zeros, ops.empty, ops.rand]) {
        throwsCode(
          () => make([size as number], { device }),
          ['ERR_SHAPE', 'ERR_OUT_OF_MEMORY'],
          `a size of ${String(size)}`,
        );
        throwsCode(
          () => make([2, size as number, 3], { device }),
          ['ERR_SHAPE', 'ERR_OUT_OF_MEMORY'],
          `a size of ${String(size)} among others`,
        );
      }
    }
    throwsCode(
      () => ops.zeros([2 ** 31, 2 ** 31], { device }),
      ['ERR_SHAPE', 'ERR_OUT_OF_MEMORY'],
      'a product beyond 2^53',
    );
    throwsCode(() => ops.zeros([2 ** 26, 2 ** 26], { device }), 'ERR_OUT_OF_MEMORY', '16 PiB');
    throwsCode(() => ops.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1], { device }), 'ERR_SHAPE', 'rank 9');
    throwsCode(() => ops.zeros('3' as never, { device }), 'ERR_SHAPE', 'a string for a shape');
    throwsCode(() => ops.zeros(3 as never, { device }), 'ERR_SHAPE', 'a number for a shape');
    holds(ops.zeros([2 ** 40, 0], { device }), 'float32', [2 ** 40, 0], []);
    holds(ops.zeros([-0], { device }), 'float32', [0], []);
  });

  test(`casts follow one rule for every pair on ${device}`, () => {
    const values = [1.7, -2.2, 0, 300, -5, Number.NaN, 3e9, -3e9, Number.POSITIVE_INFINITY];
    const expected: Record<string, readonly number[]> = {
      int32: [1, -2, 0, 300, -5, 0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1],
      uint8: [1, 0, 0, 255, 0, 0, 255, 0, 255],
      bool: [1, 1, 0, 1, 1, 1, 1, 1, 1],
    };
    for (const from of ['float32', 'float64'] as const) {
      const x = tensor(values, { dtype: from, device });
      for (const [to, wanted] of Object.entries(expected))
        holds(ops.cast(x, to as DType), to as DType, [values.length], wanted);
      const wide = ops.cast(x, 'int64');
      assert.deepEqual([...(wide.dataSync() as BigInt64Array)].slice(0, 6), [1n, -2n, 0n, 300n, -5n, 0n]);
      assert.equal((wide.dataSync() as BigInt64Array)[8], 2n ** 63n - 1n);
      wide.dispose();
      x.dispose();
    }
    const ints = tensor([300, -1, 7], { dtype: 'int32', device });
    holds(ops.cast(ints, 'uint8'), 'uint8', [3], [44, 255, 7]);
    holds(ops.cast(ints, 'bool'), 'bool', [3], [1, 1, 1]);
    holds(ops.cast(ints, 'float64'), 'float64', [3], [300, -1, 7]);
    throwsCode(() => ops.cast(ints, 'half' as DType), 'ERR_DTYPE', 'an unknown dtype');
    const copy = ops.clone(ints);
    copy.fill_(0);
    holds(ints, 'int32', [3], [300, -1, 7]);
    copy.dispose();
  });
}

test.run();
