import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { integers } from '../support/pairs.ts';
import { given, rand } from '../support/random.ts';
import { asArray, type NDArray, zip } from '../support/reference/ndarray.ts';

/** Tested here by hand. */
export const covers = ['allclose', 'allcloseSync', 'equal', 'equalSync'];

function isclose(
  a: NDArray | number,
  b: NDArray | number,
  { rtol = 1e-5, atol = 1e-8, equalNan = false } = {},
): NDArray {
  const close = (x: number, y: number): boolean => {
    if (x === y || (equalNan && Number.isNaN(x) && Number.isNaN(y))) return true;
    const error = Math.abs(x - y);
    return Number.isFinite(error) && error <= atol + rtol * Math.abs(y);
  };
  return zip((x, y) => Number(close(x, y)), asArray(a), asArray(b));
}

const [NaNs, Inf] = [Number.NaN, Number.POSITIVE_INFINITY];

checkOp('isclose', ops.isclose, {
  reference: isclose,
  differentiable: false,
  ulps: 0,
  resultDtype: () => 'bool',
  cases: [
    { name: 'wide tolerances', args: [rand(4, 1), rand(3), { rtol: 0.3, atol: 0.2 }] },
    { name: 'the usual ones', args: [given([1, 1, 100, 0]), given([1 + 1e-6, 1.001, 100.0001, 1e-9])] },
    { name: 'numbers', args: [rand(5), 0.5, { atol: 0.5 }] },
    { name: 'no tolerance', args: [given([1, 2]), given([1, 2.5]), { rtol: 0, atol: 0 }] },
    { name: 'NaN and infinities', args: [given([NaNs, NaNs, Inf, Inf, -Inf]), given([NaNs, 1, Inf, -Inf, 3])] },
    { name: 'NaN as equal', args: [given([NaNs, NaNs, Inf]), given([NaNs, 1, Inf]), { equalNan: true }] },
    { name: 'integers', args: [integers(-9, 9, 9), integers(-9, 9, 9), { atol: 3 }], dtypes: ['int32', 'int64'] },
    { name: 'bytes', args: [integers(0, 9, 9), integers(0, 9, 9), { atol: 3 }], dtypes: ['uint8'] },
    { name: 'bools', args: [integers(0, 1, 9), integers(0, 1, 9)], dtypes: ['bool'] },
    { name: 'empty', args: [rand(0), rand(0)] },
    { name: 'rank 0', args: [rand(), rand(), { atol: 2 }] },
  ],
  rejects: [
    { name: 'shapes', args: () => [rand(3), rand(4)], code: 'ERR_SHAPE' },
    {
      name: 'a negative tolerance',
      args: () => [rand(3), rand(3), { atol: -1 }],
      code: 'ERR_ARGUMENT',
      message: /atol/,
    },
    { name: 'NaN as tolerance', args: () => [rand(3), rand(3), { rtol: NaNs }], code: 'ERR_ARGUMENT', message: /rtol/ },
    { name: 'null', args: () => [rand(3), null], code: 'ERR_ARGUMENT' },
    { name: 'options that are none', args: () => [rand(3), rand(3), 1], code: 'ERR_ARGUMENT' },
    { name: 'a text flag', args: () => [rand(3), rand(3), { equalNan: 'yes' }], code: 'ERR_ARGUMENT' },
  ],
});

for (const device of testDevices) {
  test(`allclose and equal answer once on ${device}`, async () => {
    const before = liveBytes();
    const [a, b] = [tensor([1, 2], { device }), tensor([1, 2 + 1e-6], { device, requiresGrad: true })];
    const c = tensor([[1, 2]], { device });
    const none = ops.zeros([0, 2], { device });
    assert.equal(await ops.allclose(a, b), true);
    assert.equal(ops.allcloseSync(a, b), true);
    assert.equal(await ops.allclose(a, b, { rtol: 0, atol: 1e-8 }), false);
    assert.equal(a.allcloseSync(1.5, { atol: 0.5 }), true);
    assert.equal(await ops.allclose(none, none), true);
    assert.equal(await ops.equal(a, b), false);
    assert.equal(await ops.equal(a, a), true);
    assert.equal(ops.equalSync(a, c), false, 'shapes do not broadcast here');
    assert.equal(await ops.equal(a, c), false);
    assert.equal(ops.equalSync(none, none), true);
    const ints = tensor([1, 2], { dtype: 'int64', device });
    assert.equal(ops.equalSync(a, ints), true);
    const nan = tensor([NaNs], { device });
    assert.equal(ops.equalSync(nan, nan), false);
    throwsCode(() => ops.allclose(a, null as never), 'ERR_ARGUMENT', 'null');
    throwsCode(() => ops.allclose(a, ops.zeros([3], { device })), 'ERR_SHAPE', 'shapes');
    throwsCode(() => ops.equal(a, 1 as never), 'ERR_ARGUMENT', 'a number');
    throwsCode(() => ops.equalSync(null as never, a), 'ERR_ARGUMENT', 'null first');
    for (const t of [a, b, c, none, ints, nan]) t.dispose();
    assert.ok(liveBytes() - before <= 64, 'the rejected operand is all that is left');
  });
}

test.run();
