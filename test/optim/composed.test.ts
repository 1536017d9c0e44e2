// Optimizers written in ops, and averages of parameters.
import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { capture, optim, type Tensor, tensor } from '../../lib/index.ts';
import { type AdafactorMemory, adafactor, muon } from '../support/composed-reference.ts';
import { testDevices } from '../support/devices.ts';
import { gradient, start } from '../support/optim-compare.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('composed optimizers');

type FloatDtype = 'float32' | 'float64';
const shapes: readonly (readonly number[])[] = [[4, 3], [2, 6], [5]];
const matrices = shapes.slice(0, 2);
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function make(of: readonly (readonly number[])[], dtype: FloatDtype, device: string): Tensor[] {
  return of.map((shape, k) => {
    const values = Array.from({ length: sizeOf(shape) }, (_, i) => start(k, i));
    const p = tensor(values, { dtype, device })
      .reshape([...shape])
      .clone();
    p.requiresGrad = true;
    return p;
  });
}

function run(
  of: readonly (readonly number[])[],
  dtype: FloatDtype,
  device: string,
  build: (params: readonly Tensor[]) => optim.Optimizer,
  update: (k: number, p: number[], g: readonly number[]) => void,
): void {
  const params = make(of, dtype, device);
  const wanted = params.map((p) => [...elements(p)]);
  const optimizer = build(params);
  for (let step = 0; step < 12; step++) {
    for (const [k, p] of params.entries()) {
      const g = Array.from({ length: p.size }, (_, i) => gradient(k, i, step));
      p.grad = tensor(g, { dtype, device }).reshape([...p.shape]);
      update(k, wanted[k] as number[], g);
    }
    optimizer.step();
  }
  // Newton and Schulz' quintic multiplies an error of float32 by 3.4 in each of five iterations.
  for (const [k, p] of params.entries()) close(elements(p), wanted[k] ?? [], dtype === 'float64' ? 1e-10 : 2e-3);
}

const adafactorDefaults = {
  lr: 1e-2,
  beta1: 0,
  decayRate: 0.8,
  eps: 1e-30,
  minScale: 1e-3,
  clipThreshold: 1,
  weightDecay: 0,
  relativeStep: true,
  scaleParameter: true,
  maximize: false,
};
const adafactorCases = [
  {},
  { lr: 0.5, clipThreshold: 0.7, weightDecay: 0.1 },
  { lr: 0.05, relativeStep: false, scaleParameter: false, beta1: 0.9, eps: 1e-3 },
  { lr: 0.05, relativeStep: false, decayRate: 0.5, maximize: true },
];
const muonDefaults = { lr: 0.02, momentum: 0.95, weightDecay: 0, nesterov: true, maximize: false };
const muonCases = [{}, { lr: 0.1, momentum: 0.8, weightDecay: 0.1 }, { nesterov: false, maximize: true }];

for (const device of testDevices) {
  for (const dtype of ['float64', 'float32'] as const) {
    for (const options of adafactorCases) {
      test(`Adafactor ${JSON.stringify(options)} ${dtype} ${device}`, () => {
        const all = { ...adafactorDefaults, ...options };
        const numbers = { ...all, relativeStep: Number(all.relativeStep), scaleParameter: Number(all.scaleParameter) };
        const memories = shapes.map((): AdafactorMemory => ({ step: 0, row: [], column: [], m: [] }));
        run(
          shapes,
          dtype,
          device,
          (params) => new optim.Adafactor(params, options),
          (k, p, g) => {
            const columns = shapes[k]?.[1] ?? 0;
            const turned = all.maximize ? g.map((each) => -each) : g;
            adafactor(p, turned, columns, memories[k] as AdafactorMemory, { ...numbers, maximize: 0 });
          },
        );
      });
    }
    for (const options of muonCases) {
      test(`Muon ${JSON.stringify(options)} ${dtype} ${device}`, () => {
        const all = { ...muonDefaults, ...options };
        const buffers: number[][] = matrices.map(() => []);
        run(
          matrices,
          dtype,
          device,
          (params) => new optim.Muon(params, options),
          (k, p, g) => {
            const turned = all.maximize ? g.map((each) => -each) : g;
            muon(p, turned, matrices[k]?.[1] ?? 0, buffers[k] as number[], all);
          },
        );
      });
    }
  }
}

const builders: Readonly<Record<string, (params: readonly Tensor[]) => optim.Optimizer>> = {
  Adafactor: (params) => new optim.Adafactor(params, { beta1: 0.5 }),
  Muon: (params) => new optim.Muon(params),
};

for (const [name, build] of Object.entries(builders)) {
  test(`${name}: a captured step is the eager one, bit for bit, and sees a changed rate`, () => {
    const outcome = (captured: boolean): Float64Array => {
      const [p] = make([[3, 2]], 'float32', 'cpu') as [Tensor];
      const optimizer = build([p]);
      const eager = (x: Tensor): Tensor => {
        const loss = p.sub(x).square().sum();
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return loss.detach();
      };
      const step = captured ? capture(eager) : eager;
      for (let i = 0; i < 12; i++) {
        optimizer.lr = 0.1 / (1 + i);
        step(tensor([i, 1]));
      }
      return elements(p);
    };
    assert.deepEqual(outcome(true), outcome(false));
  });

  test(`${name}: the state goes round`, () => {
    const advance = (params: readonly Tensor[], optimizer: optim.Optimizer, from: number): void => {
      for (let step = from; step < from + 3; step++) {
        for (const [k, p] of params.entries()) {
          const g = Array.from({ length: p.size }, (_, i) => gradient(k, i, step));
          p.grad = tensor(g, { dtype: 'float64' }).reshape([...p.shape]);
        }
        optimizer.step();
      }
    };
    const [one, two] = [make(matrices, 'float64', 'cpu'), make(matrices, 'float64', 'cpu')];
    const [first, second] = [build(one), build(two)];
    advance(one, first, 0);
    const { kind, groups, tensors } = first.stateDict();
    second.loadStateDict({ kind, tensors, groups: JSON.parse(JSON.stringify(groups)) as typeof groups });
    for (const [k, p] of one.entries()) two[k]?.write(Float64Array.from(elements(p)));
    advance(one, first, 3);
    advance(two, second, 3);
    for (const [k, p] of one.entries()) assert.deepEqual(elements(two[k] as Tensor), elements(p));
  });

  test(`${name}: a failed gradient changes no parameter and no state`, async () => {
    const params = make(matrices, 'float32', 'cpu');
    const optimizer = build(params);
    const before = params.map((p) => [...elements(p)]);
    (params[0] as Tensor).grad = tensor(new Array<number>(12).fill(1)).reshape([4, 3]);
    const wrong = tensor(new Array<number>(12).fill(1))
      .reshape([2, 6])
      .index(tensor([7, 0], { dtype: 'int32' }));
    (params[1] as Tensor).grad = wrong;
    optimizer.step();
    await assert.rejects(wrong.data(), { code: 'ERR_INDEX' });
    for (const [k, p] of params.entries()) assert.deepEqual([...(await p.data())], before[k]);
    for (const t of optimizer.stateDict().tensors.values())
      assert.ok([...(await t.data())].every((x) => Number(x) === 0));
  });
}

test('Adafactor and Muon refuse bad options', () => {
  const [p] = make([[2, 2]], 'float32', 'cpu') as [Tensor];
  rejects(() => new optim.Adafactor([p], { clipThreshold: 0 }), 'ERR_ARGUMENT', /clipThreshold/);
  rejects(() => new optim.Adafactor([p], { beta1: 1 }), 'ERR_ARGUMENT', /beta1/);
  rejects(() => new optim.Adafactor([p]).groups[0]?.set({ beta1: 0.5 }), 'ERR_ARGUMENT', /no buffers/);
  rejects(() => new optim.Muon([tensor([1], { requiresGrad: true })]), 'ERR_SHAPE', /wanted matrices, got \[1\]/);
  rejects(() => new optim.Muon([p], { iterations: 0 }), 'ERR_ARGUMENT', /iterations/);
  rejects(() => new optim.Muon([p], { momentum: 1 }), 'ERR_ARGUMENT', /momentum/);
});

test('averages follow, take the place of the parameters, and give it back', () => {
  for (const device of testDevices) {
    for (const warmup of [false, true]) {
      const a = tensor([1, 2], { device, requiresGrad: true });
      const b = tensor([[3]], { dtype: 'float64', device, requiresGrad: true });
      const ema = new optim.ExponentialMovingAverage([a, b], { decay: 0.8, warmup });
      const wanted = [1, 2, 3];
      for (let n = 0; n < 12; n++) {
        if (n === 6) ema.decay = 0.6;
        const values = [Math.sin(n), n, -n];
        a.write(Float32Array.from(values.slice(0, 2)));
        b.write(Float64Array.from(values.slice(2)));
        ema.update();
        const keep = Math.min(n < 6 ? 0.8 : 0.6, warmup ? (1 + n) / (10 + n) : 1);
        for (const [i, value] of values.entries()) wanted[i] = keep * (wanted[i] as number) + (1 - keep) * value;
      }
      ema.apply();
      close([...elements(a), ...elements(b)], wanted, 1e-5);
      rejects(() => ema.apply(), 'ERR_ARGUMENT', /already/);
      ema.restore();
      close([...elements(a), ...elements(b)], [Math.fround(Math.sin(11)), 11, -11], 0);
      rejects(() => ema.restore(), 'ERR_ARGUMENT', /nothing to restore/);
      const other = new optim.ExponentialMovingAverage([a, b], { decay: 0.8, warmup });
      other.loadStateDict(ema.stateDict());
      other.decay = 0.6;
      for (const each of [ema, other]) each.update();
      for (const [i, t] of ema.averages.entries()) assert.deepEqual(elements(other.averages[i] as Tensor), elements(t));
      ema.dispose();
    }
  }
});

test('a captured update of averages is the eager one', () => {
  const outcome = (captured: boolean): Float64Array => {
    const p = tensor([1, -2, 3], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 0.1 });
    const ema = new optim.ExponentialMovingAverage([p], { decay: 0.9, warmup: true });
    const eager = (x: Tensor): Tensor => {
      const loss = p.sub(x).square().sum();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      ema.update();
      return loss.detach();
    };
    const step = captured ? capture(eager) : eager;
    for (let i = 0; i < 12; i++) step(tensor([i, 1, 1]));
    return elements(ema.averages[0] as Tensor);
  };
  assert.deepEqual(outcome(true), outcome(false));
});

test('averages refuse what they cannot average', () => {
  const p = tensor([1], { requiresGrad: true });
  const make = (params: Iterable<Tensor>, options = {}): unknown => new optim.ExponentialMovingAverage(params, options);
  rejects(() => make([]), 'ERR_ARGUMENT', /got none/);
  rejects(() => make([p, p]), 'ERR_ARGUMENT', /twice/);
  rejects(() => make([tensor([1], { dtype: 'int32' })]), 'ERR_DTYPE', /got int32/);
  rejects(() => make([p], { decay: 1 }), 'ERR_ARGUMENT', /decay/);
  rejects(() => make([p], { warmup: 1 }), 'ERR_ARGUMENT', /warmup/);
  const ema = new optim.ExponentialMovingAverage([p]);
  const { kind, tensors } = ema.stateDict();
  rejects(() => ema.loadStateDict({ kind: 'Adam', tensors }), 'ERR_ARGUMENT', /something else/);
  rejects(() => ema.loadStateDict({ kind, tensors: new Map() }), 'ERR_ARGUMENT', /missing 0\.step/);
  const wrong = new Map([...tensors, ['0.average.0', tensor([1, 2])]]);
  rejects(() => ema.loadStateDict({ kind, tensors: wrong }), 'ERR_SHAPE', /0\.average\.0/);
});

test.run();
