// Parameters of float16 and bfloat16, and the scaling of losses.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../lib/index.ts';
import { autocast, capture, matmul, mseLoss, optim, tensor } from '../../lib/index.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { rounded } from '../support/random.ts';
import { elements } from '../support/tensors.ts';

const code = (wanted: string) => (error: { code?: string }) => error.code === wanted;

for (const device of testDevices) {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    test(`${dtype} parameters step as float32 ones, rounded after each step, on ${device}`, () => {
      const start = [0.5, -1.25, 3, 0.0625];
      const slopes = [0.3, -2, 0.001, 7].map((x) => rounded(x, dtype));
      for (const make of [
        (p: Tensor) => new optim.SGD([p], { lr: 0.1, momentum: 0.9 }),
        (p: Tensor) => new optim.AdamW([p], { lr: 0.01 }),
      ]) {
        const low = tensor(start, { dtype, device, requiresGrad: true });
        const wide = tensor(start, { device, requiresGrad: true });
        const [lowOptimizer, wideOptimizer] = [make(low), make(wide)];
        const before = liveBytes();
        for (let step = 0; step < 4; step++) {
          low.grad = tensor(slopes, { dtype, device });
          wide.grad = tensor(slopes, { device });
          lowOptimizer.step();
          wideOptimizer.step();
          // From here on the wide ones continue from what the low ones hold.
          assert.equal(
            [...elements(low)],
            [...elements(wide)].map((x) => rounded(x, dtype)),
            `step ${step}`,
          );
          wide.write(Float32Array.from(elements(low)));
          lowOptimizer.zeroGrad();
          wideOptimizer.zeroGrad();
        }
        assert.is(liveBytes(), before, 'a step leaves nothing behind');
        for (const [name, t] of lowOptimizer.stateDict().tensors)
          assert.is(t.dtype, name.includes('step') ? 'float64' : 'float32', name);
      }
    });

    test(`${dtype} gradients are clipped by their float32 norm on ${device}`, () => {
      const p = tensor([3, 4], { dtype, device, requiresGrad: true });
      p.grad = tensor([3, 4], { dtype, device });
      const norm = optim.clipGradNorm([p], 2.5);
      assert.is(norm.dtype, 'float32');
      assert.is(norm.itemSync(), 5);
      assert.equal([...elements(p.grad as unknown as Tensor)], [1.5, 2]);
    });
  }

  test(`GradScaler keeps small float16 gradients and leaves out bad steps whole, on ${device}`, async () => {
    const w = tensor([[1, 2]], { device, requiresGrad: true });
    const other = tensor([1], { device, requiresGrad: true });
    const sgd = new optim.SGD([w, other], { lr: 1 });
    const scaler = new optim.GradScaler({ initScale: 1024, growthInterval: 2, device });
    const tiny = tensor([[2 ** -12], [2 ** -13]], { device });
    const loss = (): Tensor =>
      autocast({ dtype: 'float16' }, () =>
        matmul(w, tiny)
          .mul(2 ** -13)
          .sum()
          .mul(other)
          .sum(),
      );
    scaler.scale(loss()).backward();
    scaler.step(sgd);
    assert.is(await scaler.skipped(sgd), false);
    scaler.update();
    assert.equal([...elements(w)], [Math.fround(1 - 2 ** -25), Math.fround(2 - 2 ** -26)]);
    sgd.zeroGrad();

    // One infinite gradient among several: nothing moves.
    const held = [elements(w), elements(other)];
    scaler
      .scale(
        mseLoss(w, tensor([[1e30, 0]], { device }))
          .mul(other)
          .sum(),
      )
      .backward();
    scaler.step(sgd);
    assert.is(await scaler.skipped(sgd), true);
    assert.equal([elements(w), elements(other)], held);
    scaler.update();
    assert.is(await scaler.currentScale(), 512);
    sgd.zeroGrad();

    for (let i = 0; i < 2; i++) {
      scaler.scale(w.sum().add(other.sum())).backward();
      scaler.unscale(sgd);
      assert.equal([...elements(w.grad as unknown as Tensor)], [1, 1]);
      assert.throws(() => scaler.unscale(sgd), code('ERR_ARGUMENT'));
      scaler.step(sgd);
      assert.throws(() => scaler.step(sgd), code('ERR_ARGUMENT'));
      scaler.update();
      sgd.zeroGrad();
    }
    assert.is(await scaler.currentScale(), 1024, 'two good steps let it grow');
    const copy = new optim.GradScaler({ device });
    copy.loadStateDict(await scaler.stateDict());
    assert.equal(await copy.stateDict(), await scaler.stateDict());
    copy.dispose();
  });
}

/** Optimizers of every kind, those of one kernel and those written in ops. */
const kinds: Readonly<Record<string, (p: Tensor[]) => optim.Optimizer>> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 }),
  Adam: (p) => new optim.Adam(p, { lr: 0.1, amsgrad: true }),
  Adamax: (p) => new optim.Adamax(p),
  NAdam: (p) => new optim.NAdam(p),
  RAdam: (p) => new optim.RAdam(p),
  RMSprop: (p) => new optim.RMSprop(p, { centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p),
  Adadelta: (p) => new optim.Adadelta(p),
  Lion: (p) => new optim.Lion(p),
  LAMB: (p) => new optim.LAMB(p),
  Adafactor: (p) => new optim.Adafactor(p),
  Muon: (p) => new optim.Muon(p),
};

for (const device of testDevices) {
  test(`every optimizer leaves out a step that the device says to skip, on ${device}`, () => {
    for (const [name, make] of Object.entries(kinds)) {
      const p = tensor([1, 2, 3, 4, 5, 6], { device, requiresGrad: true }).reshape([2, 3]).detach();
      p.requiresGrad = true;
      const optimizer = make([p]);
      const snapshot = (): number[][] => [p, ...optimizer.stateDict().tensors.values()].map((t) => [...elements(t)]);
      const [yes, no] = [tensor(true, { device }), tensor(false, { device })];
      const slope = (value: number): void => {
        p.grad?.dispose();
        p.grad = tensor([value, -1, 2, 1, 0.5, 3], { device }).reshape([2, 3]);
      };
      slope(1);
      optimizer.step({ skip: no });
      const first = snapshot();
      slope(Number.NaN);
      optimizer.step({ skip: yes });
      assert.equal(snapshot(), first, `${name}: nothing moved`);
      slope(1);
      optimizer.step({ skip: no });
      assert.ok(
        snapshot().every((values, i) => i > 1 || values.join() !== first[i]?.join()),
        `${name}: moved again`,
      );
      assert.throws(() => optimizer.step({ skip: p }), code('ERR_DTYPE'));
      assert.throws(() => optimizer.step({ skip: true as unknown as Tensor }), code('ERR_ARGUMENT'));
      for (const t of [yes, no, p]) t.dispose();
      optimizer.dispose();
    }
  });

  test(`a captured step scales, unscales, skips and follows the scale as an eager one, on ${device}`, async () => {
    const run = async (captured: boolean): Promise<{ values: number[][]; scales: number[] }> => {
      const w = tensor([1, -2, 0.5], { device, requiresGrad: true });
      const optimizer = new optim.AdamW([w], { lr: 0.1 });
      const scaler = new optim.GradScaler({ initScale: 2 ** 14, growthInterval: 2, device });
      const step = (x: Tensor): Tensor => {
        const loss = w.mul(x).square().mean();
        scaler.scale(loss).backward();
        scaler.unscale(optimizer);
        optim.clipGradNorm([w], 1);
        scaler.step(optimizer);
        scaler.update();
        optimizer.zeroGrad();
        return loss.detach();
      };
      const call = captured ? capture(step) : step;
      const values: number[][] = [];
      const scales: number[] = [];
      for (const size of [1, 2, Number.POSITIVE_INFINITY, 0.5, 3, Number.NaN, 1, 1, 2]) {
        const x = tensor([1, size, 2], { device });
        call(x);
        values.push([...elements(w)]);
        scales.push(await scaler.currentScale());
      }
      return { values, scales };
    };
    const eager = await run(false);
    assert.equal(
      eager.scales.map((s) => Math.log2(s)),
      [14, 15, 14, 14, 15, 14, 14, 15, 15],
    );
    assert.equal(eager.values[2], eager.values[1], 'the infinite step is left out');
    assert.equal(await run(true), eager);
  });
}

test('a disabled GradScaler hands through', async () => {
  const w = tensor([1], { requiresGrad: true });
  const sgd = new optim.SGD([w], { lr: 1 });
  const scaler = new optim.GradScaler({ enabled: false });
  scaler.scale(w.sum()).backward();
  scaler.step(sgd);
  assert.is(await scaler.skipped(sgd), false);
  assert.is(await scaler.currentScale(), 1);
  assert.is(w.itemSync(), 0);
});

test('GradScaler refuses what it cannot use', () => {
  const bad = [
    { initScale: 0 },
    { initScale: Number.NaN },
    { growthFactor: 0.5 },
    { backoffFactor: 0 },
    { growthInterval: 0 },
  ];
  for (const options of [...bad, { enabled: 1 as unknown as boolean }, null as unknown as object])
    assert.throws(() => new optim.GradScaler(options), code('ERR_ARGUMENT'));
  const scaler = new optim.GradScaler();
  assert.throws(() => scaler.scale(null as unknown as Tensor), code('ERR_ARGUMENT'));
  assert.throws(() => scaler.unscale(null as unknown as optim.SGD), code('ERR_ARGUMENT'));
  assert.throws(() => scaler.loadStateDict({ scale: -1, goodSteps: 0 }), code('ERR_ARGUMENT'));
});

test.run();
