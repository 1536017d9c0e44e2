import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { arange, borrow, type DType, defineOp, full, Generator, keep, tensor, zeros } from '../../lib/index.ts';

const code = (wanted: string) => (error: { code?: string }) => error.code === wanted;

test('values give dtype and shape', () => {
  assert.is(tensor([1, 2]).dtype, 'float32');
  assert.is(tensor([true]).dtype, 'bool');
  assert.is(tensor([1n]).dtype, 'int64');
  assert.is(tensor(new Float64Array(2)).dtype, 'float64');
  assert.equal(tensor([[[1], [2]]]).shape, [1, 2, 1]);
  assert.equal(tensor([]).shape, [0]);
  assert.equal(tensor(5).shape, []);
  assert.equal(tensor(new Uint8Array(6), { shape: [2, -1] }).shape, [2, 3]);
});

test('bad values and options are refused', () => {
  assert.throws(() => tensor([[1], [1, 2]]), code('ERR_SHAPE'));
  assert.throws(() => tensor(['1'] as never), code('ERR_ARGUMENT'));
  assert.throws(() => tensor([1], { dtype: 'float99' as DType }), code('ERR_DTYPE'));
  assert.throws(() => tensor(new Float32Array(new SharedArrayBuffer(8))), code('ERR_ARGUMENT'));
  assert.throws(() => tensor([300], { dtype: 'uint8' }), code('ERR_ARGUMENT'));
  assert.throws(() => tensor([1], { dtype: 'int32', requiresGrad: true }), code('ERR_DTYPE'));
  for (const shape of [[-1], [1.5], [2 ** 53]]) assert.throws(() => zeros(shape), code('ERR_SHAPE'));
  const detached = new Float32Array(4);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  assert.throws(() => tensor(detached), code('ERR_ARGUMENT'));
});

test('a tensor is not a number', () => {
  const t = tensor([1]);
  assert.throws(() => (t as unknown as number) + 1, /item\(\)/);
  assert.throws(() => t.valueOf(), code('ERR_ARGUMENT'));
  assert.is(`${t}`, 'tensor([1.])');
  assert.throws(() => JSON.stringify({ t }), /toArray\(\)/);
});

test('fields and reads refuse what they cannot use', async () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const set = (field: 'grad' | 'requiresGrad', value: unknown) => () => Reflect.set(x, field, value);
  for (const value of [undefined, 5, {}, new Float32Array(2)]) assert.throws(set('grad', value), code('ERR_ARGUMENT'));
  assert.throws(set('grad', tensor([1])), code('ERR_SHAPE'));
  assert.throws(set('grad', tensor(new Float64Array(2))), code('ERR_DTYPE'));
  assert.throws(set('requiresGrad', 'yes'), code('ERR_ARGUMENT'));
  const t = zeros([2]);
  const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
  for (const source of [new Float32Array(new SharedArrayBuffer(8)), new Float32Array(resizable)]) {
    assert.throws(() => t.write(source), code('ERR_ARGUMENT'));
  }
  const detached = new Float32Array(2);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  assert.throws(() => t.write(detached), code('ERR_ARGUMENT'));
  assert.throws(() => t.write(5 as never), code('ERR_DTYPE'));
  await t.lend(5 as never).then(
    () => assert.unreachable(),
    (error: { code?: string }) => assert.is(error.code, 'ERR_ARGUMENT'),
  );
  assert.throws(() => keep(5 as never), code('ERR_ARGUMENT'));
  assert.throws(() => new Generator(1).setState(null as never), code('ERR_ARGUMENT'));
  assert.throws(() => defineOp(null as never), code('ERR_ARGUMENT'));
});

test('reads', async () => {
  const t = tensor([
    [1, 2],
    [3, 4],
  ]).transpose();
  assert.equal([...(await t.data())], [1, 3, 2, 4]);
  assert.equal(await t.toArray(), [
    [1, 3],
    [2, 4],
  ]);
  assert.equal(tensor([true, false]).toArraySync(), [true, false]);
  assert.is(await full([], 7).item(), 7);
  assert.throws(() => t.item(), code('ERR_SHAPE'));
  const big = tensor(2n ** 60n);
  assert.is(await big.itemBigInt(), 2n ** 60n);
  assert.throws(() => big.itemSync(), code('ERR_ARGUMENT'));
  assert.is((await zeros([0, 3]).data()).length, 0);
});

test('a borrowed array cannot be written', () => {
  const t = borrow(new Float32Array([1, 2]));
  assert.throws(() => t.add_(1), code('ERR_ARGUMENT'));
  assert.equal(t.add(1).toArraySync(), [2, 3]);
});

test('prints like NumPy', () => {
  assert.is(
    String(
      tensor([
        [1, 2.5],
        [-3, 4],
      ]),
    ),
    'tensor([[ 1. ,  2.5],\n        [-3. ,  4. ]])',
  );
  assert.is(String(tensor([1, 2], { dtype: 'int32' })), 'tensor([1, 2], int32)');
  assert.is(String(tensor([true, false])), 'tensor([ true, false], bool)');
  assert.is(String(tensor([Number.NaN, Infinity, 1])), 'tensor([nan, inf,  1.])');
  assert.is(String(tensor([1e10, 1])), 'tensor([1.0000e+10, 1.0000e+00])');
  assert.is(String(zeros([0, 3])), 'tensor([], shape=[0, 3])');
  assert.match(String(arange(2000)), /0\., {4}1\., {4}2\., \.\.\., 1997\., 1998\., 1999\./);
  assert.is(inspect(zeros([2], { dtype: 'int32' })), 'Tensor([2], int32, cpu)');
});

test.run();
