import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { grad, noGrad, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { given, mask, rand, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/index.ts';
import { elements } from '../support/tensors.ts';

const badSizes = (...args: unknown[]) => [
  { name: 'a negative size', args: () => [...args, { size: -1 }], code: 'ERR_ARGUMENT' },
  { name: 'half a size', args: () => [...args, { size: 1.5 }], code: 'ERR_ARGUMENT' },
  { name: 'a huge size', args: () => [...args, { size: 2 ** 52 }], code: 'ERR_OUT_OF_MEMORY' },
  { name: 'no size', args: () => [...args, {}], code: 'ERR_ARGUMENT' },
  { name: 'a number for options', args: () => [...args, 3], code: 'ERR_ARGUMENT' },
  { name: 'a fill that is text', args: () => [...args, { size: 1, fill: '1' }], code: 'ERR_ARGUMENT' },
];

checkOp('nonzero', ops.nonzero, {
  reference: reference.nonzero,
  differentiable: false,
  resultDtype: () => 'int32',
  ulps: 0,
  cases: [
    { name: 'a matrix with room', args: [given([0, 3, 0, -1, Number.NaN, 0], [2, 3]), { size: 5, fill: -1 }] },
    { name: 'less room than elements', args: [mask(3, 4), { size: 2 }] },
    { name: 'rank 6', args: [mask(2, 1, 2, 1, 3, 2), { size: 24 }] },
    { name: 'rank 0', args: [rand(), { size: 2 }] },
    { name: 'nothing', args: [rand(0, 3), { size: 1, fill: 9 }] },
    { name: 'integers', args: [rand(9), { size: 9 }], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
    { name: 'two blocks', args: [mask(40000), { size: 40000 }], layouts: ['contiguous', 'reversed'] },
  ],
  rejects: [...badSizes(rand(3)), { name: 'no tensor', args: () => [[1], { size: 1 }], code: 'ERR_ARGUMENT' }],
});

checkOp('maskedSelect', ops.maskedSelect, {
  reference: reference.maskedSelect,
  ulps: 0,
  cases: [
    { name: 'with room', args: [rand(3, 4), mask(3, 4), { size: 15, fill: 7 }] },
    { name: 'less room than elements', args: [rand(3, 4), withDtype(given([1, 1, 0, 1]), 'bool'), { size: 4 }] },
    { name: 'a mask of rows', args: [rand(4, 3), mask(4, 1), { size: 12 }] },
    { name: 'a row and a mask', args: [rand(3), mask(4, 3), { size: 12 }] },
    { name: 'rank 0', args: [rand(), withDtype(given([1], []), 'bool'), { size: 1 }] },
    { name: 'nothing', args: [rand(0), mask(0), { size: 2 }] },
    { name: 'integers', args: [rand(9), mask(9), { size: 9 }], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
    {
      name: 'two blocks',
      args: [rand(40000), mask(40000), { size: 30000 }],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
  ],
  rejects: [
    ...badSizes(rand(3), mask(3)),
    { name: 'a float mask', args: () => [rand(3), rand(3), { size: 1 }], code: 'ERR_DTYPE' },
    { name: 'shapes that do not broadcast', args: () => [rand(3), mask(2), { size: 1 }], code: 'ERR_SHAPE' },
  ],
});

checkOp('maskedScatter', ops.maskedScatter, {
  reference: reference.maskedScatter,
  ulps: 0,
  cases: [
    { name: 'a source with more than enough', args: [rand(3, 4), mask(3, 4), rand(4, 4)] },
    { name: 'a mask of rows', args: [rand(4, 3), mask(4, 1), rand(12)] },
    { name: 'rank 0', args: [rand(), withDtype(given([1], []), 'bool'), rand(2)] },
    { name: 'nothing', args: [rand(0), mask(0), rand(0)] },
    { name: 'integers', args: [rand(9), mask(9), rand(9)], dtypes: ['int32', 'int64', 'uint8', 'bool'] },
  ],
  rejects: [
    { name: 'a larger mask', args: () => [rand(3), mask(2, 3), rand(6)], code: 'ERR_SHAPE' },
    { name: 'another dtype', args: () => [rand(3), mask(3), withDtype(rand(3), 'int32')], code: 'ERR_DTYPE' },
    { name: 'a float mask', args: () => [rand(3), rand(3), rand(3)], code: 'ERR_DTYPE' },
    { name: 'a number', args: () => [rand(3), mask(3), 1], code: 'ERR_ARGUMENT' },
  ],
});

/** Tested below; argwhere is nonzero. */
export const covers = ['nonzeroSync', 'maskedSelectSync', 'argwhere', 'argwhereSync'];

for (const device of testDevices) {
  test(`without a size the count is awaited on ${device}`, async () => {
    const before = liveBytes();
    const x = tensor(
      [
        [0, 3, 0],
        [5, 0, 6],
      ],
      { device },
    );
    const later = ops.nonzero(x);
    const values = ops.maskedSelect(x, x.gt(0));
    x.fill_(1); // what was asked for is what stood there
    const where = await later;
    assert.deepEqual(await where.toArray(), [
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    const kept = await values;
    assert.deepEqual([...(await kept.data())], [3, 5, 6]);
    assert.equal(kept.storage.bytes, 12, 'a result has memory of its own size');
    for (const t of [x, where, kept]) t.dispose();
    await new Promise((done) => setImmediate(done));
    globalThis.gc?.();
    await new Promise((done) => setImmediate(done));
    assert.ok(liveBytes() <= before + 64, `storages left over: ${liveBytes() - before} bytes`);
  });

  test(`the blocking forms on ${device}`, () => {
    const before = liveBytes();
    const x = tensor([0, 3, 0, 4], { device });
    const positive = x.gt(0);
    const where = ops.nonzeroSync(x);
    const values = ops.maskedSelectSync(x, positive);
    assert.deepEqual(where.toArraySync(), [[1], [3]]);
    assert.deepEqual([...elements(values)], [3, 4]);
    for (const t of [x, positive, where, values]) t.dispose();
    assert.equal(liveBytes(), before);
    assert.equal(ops.argwhere, ops.nonzero);
  });

  test(`gradients of an awaited selection, and the grad mode of the call, on ${device}`, async () => {
    const x = tensor([1, 2, 3], { device, requiresGrad: true });
    const positive = x.detach().gt(1);
    const y = await ops.maskedSelect(x, positive);
    const [dx] = grad(y.square().sum(), [x]);
    assert.deepEqual([...elements(dx as never)], [0, 4, 6]);
    const free = noGrad(() => ops.maskedSelect(x, positive));
    assert.equal((await free).requiresGrad, false);
    const blocked = ops.maskedSelectSync(x, positive);
    assert.equal(blocked.requiresGrad, true);
  });

  test(`an awaited result belongs to the scope of the call on ${device}`, async () => {
    const x = tensor([1, 0, 3], { device });
    const before = liveBytes();
    const total = await scope(async () => {
      const where = await ops.nonzero(x);
      return where.sum().item();
    });
    assert.equal(total, 2);
    assert.equal(liveBytes(), before);
    x.dispose();
  });

  test(`a source that is too small fails what reads the result on ${device}`, async () => {
    const y = ops.maskedScatter(
      ops.zeros([3], { device }),
      ops.ones([3], { device, dtype: 'bool' }),
      ops.ones([2], { device }),
    );
    await assert.rejects(y.data(), { code: 'ERR_ARGUMENT' });
    throwsCode(() => ops.nonzero(null as never), 'ERR_ARGUMENT', 'nonzero of null');
    throwsCode(() => ops.maskedSelectSync(null as never, null as never), 'ERR_ARGUMENT', 'maskedSelectSync of null');
    const gone = ops.ones([2], { device });
    gone.dispose();
    throwsCode(() => ops.nonzeroSync(gone), 'ERR_DISPOSED', 'a disposed tensor');
  });
}

test.run();
