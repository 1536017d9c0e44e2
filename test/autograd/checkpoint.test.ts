// checkpoint() gives the same numbers with less kept.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import {
  capture,
  checkpoint,
  dropout,
  grad,
  manualSeed,
  nn,
  noGrad,
  optim,
  rand,
  scope,
  sum,
  tensor,
} from '../../lib/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

for (const device of testDevices) {
  test(`values, gradients and random numbers are those of the plain call on ${device}`, () => {
    scope(() => rand([1], { device })); // makes the default generator
    const before = liveBytes();
    scope(() => {
      const [a, b] = [0, 1].map((i) => {
        manualSeed(5);
        const w = tensor(Float64Array.of(0.5, -1, 2, 1), { shape: [2, 2], device, requiresGrad: true });
        const x = tensor(Float64Array.of(1, 2, 3, 4), { shape: [2, 2], device, requiresGrad: true });
        const body = (t: Tensor): Tensor => dropout(t.matmul(w).tanh(), 0.5).mul(t).exp();
        const y = i === 0 ? body(x) : checkpoint(body, x);
        const after = rand([3], { device });
        y.sum().backward();
        const values = [y, x.grad, w.grad, after, rand([3], { device })].map((t) => [...elements(t as Tensor)]);
        for (const t of [x, w]) t.grad?.dispose();
        return values;
      });
      assert.deepEqual(b, a);
    });
    assert.equal(liveBytes(), before);
  });
}

test('second derivatives go through a checkpoint', () => {
  scope(() => {
    const x = tensor(Float64Array.of(0.3, 1.2), { requiresGrad: true });
    const body = (t: Tensor): Tensor => t.sin().mul(t);
    const twice = (y: Tensor): number[] => {
      const [first] = grad(y.sum(), x, { createGraph: true }) as [Tensor];
      return [...elements(grad(first.square().sum(), x)[0] as Tensor)].map(Number);
    };
    const plain = twice(body(x));
    close(twice(checkpoint(body, x)), plain, 1e-14);
    close(twice(checkpoint((t: Tensor) => checkpoint(body, t).mul(1), x)), plain, 1e-14);
  });
});

test('retainGraph recomputes again', () => {
  scope(() => {
    const x = tensor([2], { requiresGrad: true });
    let runs = 0;
    const y = checkpoint((t: Tensor) => {
      runs++;
      return t.square().square();
    }, x);
    y.backward({ retainGraph: true });
    y.backward();
    assert.equal((x.grad as Tensor).itemSync(), 2 * 4 * 8);
    assert.equal(runs, 3);
  });
});

test('nothing between the arguments and the result stays alive', () => {
  const layers = 16;
  const size = 2 ** 16;
  const body = (t: Tensor): Tensor => {
    let y = t;
    for (let i = 0; i < layers; i++) y = y.sin();
    return y;
  };
  const held = (run: (x: Tensor) => Tensor): number => {
    const x = rand([size]);
    x.requiresGrad = true;
    const before = liveBytes();
    const y = scope(() => sum(run(x)));
    const after = liveBytes() - before;
    y.backward();
    for (const t of [x, y]) t.dispose();
    x.grad?.dispose();
    return after;
  };
  const [plain, lean] = [held(body), held((x) => checkpoint(body, x))];
  assert.ok(plain >= (layers - 1) * size * 4, `${plain} bytes kept plainly`);
  assert.ok(lean < 3 * size * 4, `${lean} bytes kept by a checkpoint`);
});

test('a captured step may hold checkpoints', () => {
  const final = (wrap: boolean): number[] => {
    manualSeed(3);
    const layer = new nn.Linear(4, 4);
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
    const body = (t: Tensor): Tensor => dropout(layer.forward(t).tanh(), 0.3);
    const step = capture((x: Tensor) =>
      scope(() => {
        optimizer.zeroGrad();
        const loss = (wrap ? checkpoint(body, x) : body(x)).square().mean();
        loss.backward();
        optimizer.step();
        return loss;
      }),
    );
    for (let i = 0; i < 6; i++) {
      scope(() =>
        step(
          tensor(
            Float32Array.from({ length: 8 }, (_, k) => Math.sin(k + i)),
            { shape: [2, 4] },
          ),
        ),
      );
    }
    const result = [...elements(layer.weight)].map(Number);
    step.dispose();
    optimizer.dispose();
    layer.dispose();
    return result;
  };
  assert.deepEqual(final(true), final(false));
});

test('what checkpoint refuses', () => {
  scope(() => {
    const x = tensor([1, 2], { requiresGrad: true });
    rejects(() => checkpoint(3 as never, x), 'ERR_ARGUMENT', /function/);
    assert.equal(noGrad(() => checkpoint((t: Tensor) => t.mul(2), x)).requiresGrad, false);
    let first = true;
    const fickle = checkpoint((t: Tensor) => {
      const y = first ? t.sin() : t.sin().cos();
      first = false;
      return y;
    }, x);
    rejects(() => fickle.sum().backward(), 'ERR_GRAD', /repeat/);
    const y = checkpoint((t: Tensor) => t.sin(), x);
    noGrad(() => x.add_(1));
    rejects(() => y.sum().backward(), 'ERR_GRAD', /changed in place/);
  });
});

test.run();
