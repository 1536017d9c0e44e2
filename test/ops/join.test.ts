import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randInt, type TensorSpec, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/views.ts';

const rows = (values: readonly number[], dtype: DType = 'int32'): TensorSpec => withDtype(given(values), dtype);

checkOp('index', ops.index, {
  reference: reference.index,
  ulps: 0,
  cases: [
    { name: 'rows', args: [rand(5, 3), rows([4, 0, 2])] },
    { name: 'repeated rows', args: [rand(3, 2), rows([1, 1, 0, 1])] },
    { name: 'int64 indices', args: [rand(4, 2), rows([3, 1], 'int64')] },
    { name: 'uint8 indices', args: [rand(4, 2), rows([3, 1], 'uint8')] },
    { name: 'no index', args: [rand(4, 2), rows([])] },
    { name: 'a vector', args: [rand(6), rows([5, 5, 0])] },
    { name: 'indices of rank 2', args: [rand(4, 3), randInt(0, 3, [2, 5])] },
    { name: 'rank 4', args: [rand(3, 2, 2, 2), rows([2, 0])] },
  ],
  rejects: [
    { name: 'float indices', args: () => [rand(3, 2), rand(2)], code: 'ERR_DTYPE' },
    { name: 'rank 0', args: () => [rand(), rows([0])], code: 'ERR_SHAPE' },
  ],
});

checkOp('cat', ops.cat, {
  reference: reference.cat,
  ulps: 0,
  cases: [
    { name: 'rows', args: [[rand(2, 3), rand(1, 3), rand(3, 3)]] },
    { name: 'columns', args: [[rand(2, 3), rand(2, 1)], 1] },
    { name: 'the last axis', args: [[rand(2, 2, 3), rand(2, 2, 1)], -1] },
    { name: 'one tensor', args: [[rand(2, 3)]] },
    { name: 'with an empty part', args: [[rand(0, 3), rand(2, 3)]] },
    { name: 'vectors', args: [[rand(3), rand(4)]] },
  ],
  rejects: [
    { name: 'other sizes', args: () => [[rand(2, 3), rand(2, 4)]], code: 'ERR_SHAPE' },
    { name: 'other ranks', args: () => [[rand(2, 3), rand(3)]], code: 'ERR_SHAPE' },
    { name: 'nothing', args: () => [[]], code: 'ERR_ARGUMENT' },
    { name: 'an axis out of range', args: () => [[rand(2), rand(2)], 1], code: 'ERR_SHAPE' },
    { name: 'rank 0', args: () => [[rand(), rand()]], code: 'ERR_SHAPE' },
    { name: 'a number among them', args: () => [[rand(2), 3]], code: 'ERR_ARGUMENT' },
  ],
});

checkOp('stack', ops.stack, {
  reference: reference.stack,
  ulps: 0,
  cases: [
    { name: 'in front', args: [[rand(2, 3), rand(2, 3)]] },
    { name: 'behind', args: [[rand(2, 3), rand(2, 3)], -1] },
    { name: 'rank 0', args: [[rand(), rand(), rand()]] },
  ],
  rejects: [
    { name: 'other shapes', args: () => [[rand(2), rand(3)]], code: 'ERR_SHAPE' },
    { name: 'nothing', args: () => [[]], code: 'ERR_ARGUMENT' },
  ],
});

/** Another name for index. */
export const covers = ['indexSelect'];

for (const device of testDevices) {
  test(`an index out of range fails its result, names itself and leaves the device alone on ${device}`, async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { device },
    );
    for (const bad of [-1, 2, 2 ** 31 - 1, -(2 ** 31)]) {
      const indices = tensor([0, bad], { dtype: 'int32', device });
      const y = ops.index(x, indices);
      const z = ops.add(y, 1);
      await assert.rejects(
        y.data(),
        (error: { code?: string; message: string }) =>
          error.code === 'ERR_INDEX' && error.message.includes(String(bad)),
        `index ${bad}`,
      );
      await assert.rejects(z.data(), { code: 'ERR_INDEX' });
      for (const t of [indices, y, z]) t.dispose();
    }
    const far = tensor(new BigInt64Array([2n ** 40n]), { device });
    const y = ops.index(x, far);
    await assert.rejects(y.data(), { code: 'ERR_INDEX' });
    const good = ops.index(x, tensor([1], { dtype: 'int32', device }));
    assert.deepEqual([...(await good.data())], [3, 4]);
    for (const t of [far, y, good, x]) t.dispose();
  });

  test(`a label out of range fails the loss on ${device}`, async () => {
    for (const bad of [5, -1, 1000]) {
      const logits = ops.zeros([2, 5], { device });
      const labels = tensor([1, bad], { dtype: 'int32', device });
      const loss = ops.crossEntropy(logits, labels);
      await assert.rejects(loss.item(), { code: 'ERR_INDEX' }, `label ${bad}`);
      const nll = ops.nllLoss(logits, labels);
      await assert.rejects(nll.item(), { code: 'ERR_INDEX' }, `nll label ${bad}`);
      for (const t of [logits, labels, loss, nll]) t.dispose();
    }
  });
}

test.run();
