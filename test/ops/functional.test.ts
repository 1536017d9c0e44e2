// Derivatives as functions, beside formulas.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { grad, scope, tensor } from '../../lib/index.ts';
import { add, hessian, hvp, jacobian, jvp, matmul, mul, sin, stack, sum, vjp } from '../../lib/ops/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const near = (t: Tensor, wanted: readonly number[], tolerance: number): void => close(elements(t), wanted, tolerance);

export const covers = ['vjp', 'jvp', 'jacobian', 'hessian', 'hvp'];

const vector = (values: readonly number[], device: string): Tensor => tensor(Float64Array.from(values), { device });
/** f(x, y) = sin(x) ⊙ y with a row for each kind of dependence. */
const f = (x: Tensor, y: Tensor): Tensor => mul(sin(x), y);

for (const device of testDevices) {
  test(`products with the Jacobian on ${device}`, () => {
    const before = liveBytes();
    scope(() => {
      const [x, y] = [vector([0.3, -1], device), vector([2, 5], device)];
      const [value, [dx, dy]] = vjp(f, [x, y], vector([1, 10], device)) as [Tensor, [Tensor, Tensor]];
      near(value, [2 * Math.sin(0.3), 5 * Math.sin(-1)], 1e-12);
      near(dx, [2 * Math.cos(0.3), 50 * Math.cos(-1)], 1e-12);
      near(dy, [Math.sin(0.3), 10 * Math.sin(-1)], 1e-12);
      const [, tangent] = jvp(f, [x, y], [vector([1, 2], device), vector([3, 4], device)]);
      const wanted = [2 * Math.cos(0.3) + 3 * Math.sin(0.3), 10 * Math.cos(-1) + 4 * Math.sin(-1)];
      near(tangent, wanted, 1e-12);
      assert.equal(x.requiresGrad || x.grad !== null, false);
    });
    assert.equal(liveBytes(), before);
  });

  test(`Jacobians and Hessians on ${device}`, () => {
    const before = liveBytes();
    scope(() => {
      const a = tensor(Float64Array.of(1, 2, 3, 4, 5, 6), { shape: [2, 3], device });
      const linear = jacobian((x) => matmul(a, x), vector([1, 1, 1], device));
      assert.deepEqual([...linear.shape], [2, 3]);
      near(linear, [1, 2, 3, 4, 5, 6], 1e-12);
      const [jx, jy] = jacobian(f, [vector([0.3, -1], device), vector([2, 5], device)]) as [Tensor, Tensor];
      near(jx, [2 * Math.cos(0.3), 0, 0, 5 * Math.cos(-1)], 1e-12);
      near(jy, [Math.sin(0.3), 0, 0, Math.sin(-1)], 1e-12);
      // g(x, y) = Σ x² y: the blocks are 2 y, 2 x and 0.
      const g = (x: Tensor, y: Tensor): Tensor => sum(mul(mul(x, x), y));
      const [x, y] = [vector([1, 2], device), vector([3, 4], device)];
      const blocks = hessian(g, [x, y]);
      const flat = blocks.map((row) => row.map((each) => [...elements(each)].map(Number)));
      assert.deepEqual(flat, [
        [
          [6, 0, 0, 8],
          [2, 0, 0, 4],
        ],
        [
          [2, 0, 0, 4],
          [0, 0, 0, 0],
        ],
      ]);
      const [, [hx, hy]] = hvp(g, [x, y], [vector([1, 1], device), vector([1, -1], device)]) as [
        Tensor,
        [Tensor, Tensor],
      ];
      near(hx, [6 + 2, 8 - 4], 1e-12);
      near(hy, [2, 4], 1e-12);
    });
    assert.equal(liveBytes(), before);
  });
}

test('what does not depend on an input has a derivative of zeros', () => {
  scope(() => {
    const [x, y] = [vector([1, 2], 'cpu'), vector([3], 'cpu')];
    const [jx, jy] = jacobian((a) => mul(a, 2), [x, y]) as [Tensor, Tensor];
    near(jx, [2, 0, 0, 2], 1e-12);
    near(jy, [0, 0], 1e-12);
    near(jvp(() => tensor([5, 5]), x, vector([1, 1], 'cpu'))[1], [0, 0], 0);
    near(
      hessian((a) => sum(a), x),
      [0, 0, 0, 0],
      0,
    );
    near(hvp((a) => sum(a), x, x)[1], [0, 0], 0);
    assert.deepEqual([...jacobian((a) => a.narrow(0, 0, 0), x).shape], [0, 2]);
  });
});

test('createGraph connects the derivative with the inputs', () => {
  scope(() => {
    const x = tensor(Float64Array.of(0.5, 2), { requiresGrad: true });
    const cube = (t: Tensor): Tensor => t.pow(3);
    // The Jacobian's diagonal is 3 x²; its sum has the gradient 6 x.
    const [second] = grad(sum(jacobian(cube, x, { createGraph: true })), x) as [Tensor];
    near(second, [3, 12], 1e-9);
    const [along] = grad(sum(jvp(cube, x, vector([1, 1], 'cpu'), { createGraph: true })[1]), x) as [Tensor];
    near(along, [3, 12], 1e-9);
    const [third] = grad(sum(hessian((t) => sum(cube(t)), x, { createGraph: true })), x) as [Tensor];
    near(third, [6, 6], 1e-9);
    assert.equal(jacobian(cube, x).requiresGrad, false);
  });
});

test('functional derivatives refuse what they cannot use', () => {
  scope(() => {
    const x = vector([1, 2], 'cpu');
    const twice = (t: Tensor): Tensor => add(t, t);
    rejects(() => vjp(twice, x), 'ERR_GRAD', /one element/);
    rejects(() => jvp(twice, x, vector([1], 'cpu')), 'ERR_SHAPE', /tangents/);
    rejects(() => jvp(twice, x, tensor([1, 2])), 'ERR_DTYPE', /float64/);
    rejects(() => jvp(twice, x, [x, x]), 'ERR_ARGUMENT', /1 tangents/);
    rejects(() => hessian(twice, x), 'ERR_SHAPE', /one element/);
    rejects(() => jacobian(twice, []), 'ERR_ARGUMENT', /at least one/);
    rejects(() => jacobian(() => 3 as never, x), 'ERR_ARGUMENT', /fn returns/);
    rejects(() => jacobian(stack as never, tensor([1, 2], { dtype: 'int32' })), 'ERR_DTYPE', /gradients/);
  });
});

test.run();
