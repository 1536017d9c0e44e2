// Hooks on gradients, kept gradients of results, and what detectAnomaly says.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { detectAnomaly, grad, registerHook, scope, tensor } from '../../lib/index.ts';
import { liveBytes } from '../support/devices.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const near = (t: Tensor, wanted: readonly number[], tolerance: number): void => close(elements(t), wanted, tolerance);

const leaf = (...values: number[]): Tensor => tensor(Float64Array.from(values), { requiresGrad: true });

test('a hook sees the whole gradient, once, and may replace it', () => {
  const before = liveBytes();
  scope(() => {
    const x = leaf(1, 2);
    const y = x.square();
    const seen: number[][] = [];
    y.registerHook((g) => void seen.push(g.toArraySync() as number[]));
    const handle = x.registerHook((g) => g.mul(10));
    // Two uses of y: their gradients arrive together.
    y.sum().add(y.mul(2).sum()).backward({ retainGraph: true });
    assert.deepEqual(seen, [[3, 3]]);
    near(x.grad as Tensor, [60, 120], 1e-12);
    handle.remove();
    handle.remove();
    x.grad?.dispose();
    x.grad = null;
    y.sum().backward({ retainGraph: true });
    near(x.grad as unknown as Tensor, [2, 4], 1e-12);
    // grad() runs them too.
    registerHook(y, (g) => g.neg());
    near(grad(y.sum(), x)[0] as Tensor, [-2, -4], 1e-12);
    (x as Tensor).grad?.dispose();
    x.grad = null;
  });
  assert.equal(liveBytes(), before);
});

test('hooks take part in second derivatives', () => {
  scope(() => {
    const x = leaf(2);
    const y = x.pow(3);
    y.registerHook((g) => g.mul(x));
    const [first] = grad(y, x, { createGraph: true }) as [Tensor];
    near(first, [3 * 4 * 2], 1e-12); // x · 3x²
    near(grad(first, x)[0] as Tensor, [9 * 4], 1e-12);
  });
});

test('what a hook may not do', () => {
  scope(() => {
    const x = leaf(1, 2);
    x.registerHook(() => tensor([1]));
    rejects(() => x.mul(2).sum().backward(), 'ERR_GRAD', /must return float64 \[2\]/);
    rejects(() => tensor([1]).registerHook(() => {}), 'ERR_GRAD', /does not require grad/);
    rejects(() => registerHook(x, 3 as never), 'ERR_ARGUMENT', /function/);
    const failing = leaf(1);
    failing.registerHook(() => {
      throw new RangeError('from the hook');
    });
    assert.throws(() => failing.mul(2).backward(), RangeError);
  });
});

test('retainGrad keeps the gradient of a result', () => {
  const before = liveBytes();
  scope(() => {
    const x = leaf(3);
    const y = x.square();
    y.retainGrad();
    y.retainGrad();
    y.mul(2).sum().backward({ retainGraph: true });
    near(y.grad as Tensor, [2], 0);
    y.mul(5).sum().backward();
    near(y.grad as Tensor, [7], 0);
    near(x.grad as Tensor, [6 * 7], 0);
    rejects(() => tensor([1]).retainGrad(), 'ERR_GRAD', /require grad/);
    y.grad?.dispose();
    x.grad?.dispose();
    x.grad = null;
  });
  assert.equal(liveBytes(), before);
});

test('detectAnomaly names the op and the line that made the NaN', () => {
  scope(() => {
    const x = leaf(0);
    const run = (): void => detectAnomaly(() => x.sqrt().mul(0).sum().backward());
    assert.throws(run, (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_GRAD');
      assert.match(error.message, /^sqrt: .*NaN.*called at .*hooks\.test/);
      return true;
    });
  });
});

test.run();
