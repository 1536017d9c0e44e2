// Every optimizer of one kernel: its formula, both devices, groups, captured steps, state, and PyTorch's own numbers.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { capture, optim, type Tensor, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { compare, eachElement, gradient, start } from '../support/optim-compare.ts';
import { adam, freshMemory, lamb, type Numbers, rules } from '../support/optim-reference.ts';
import { packageRoot } from '../support/package-root.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('fused optimizers');

type Options = Readonly<Record<string, number | boolean>>;
type Make = (params: optim.Params<'lr'>, options: Options) => optim.Optimizer;
const of =
  (type: unknown): Make =>
  (params, options) =>
    new (type as new (params: optim.Params<'lr'>, options: Options) => optim.Optimizer)(params, options);

const betas = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };
const other = { lr: 0.02, beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: 0.1 };
/** For each optimizer its defaults, and options to try. */
const table: Record<string, { readonly defaults: Numbers; readonly cases: readonly Options[] }> = {
  Adamax: { defaults: { lr: 2e-3, ...betas }, cases: [{}, other, { maximize: true }] },
  NAdam: {
    defaults: { lr: 2e-3, ...betas, momentumDecay: 4e-3 },
    cases: [{}, { ...other, momentumDecay: 0.1 }, { ...other, decoupledWeightDecay: true }],
  },
  RAdam: { defaults: { lr: 1e-3, ...betas }, cases: [{}, other, { ...other, decoupledWeightDecay: true }] },
  RMSprop: {
    defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0 },
    cases: [
      {},
      { lr: 0.02, alpha: 0.9, weightDecay: 0.1, momentum: 0.8 },
      { lr: 0.02, alpha: 0.9, centered: true, eps: 1e-3 },
      { lr: 0.02, alpha: 0.8, centered: true, eps: 1e-3, momentum: 0.7, maximize: true },
    ],
  },
  Adagrad: {
    defaults: { lr: 1e-2, lrDecay: 0, weightDecay: 0, eps: 1e-10 },
    cases: [{}, { lr: 0.1, lrDecay: 0.2, weightDecay: 0.1, initialAccumulatorValue: 0.3 }, { maximize: true }],
  },
  Adadelta: {
    defaults: { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 },
    cases: [{}, { lr: 0.5, rho: 0.8, eps: 1e-4, weightDecay: 0.1 }],
  },
  Lion: {
    defaults: { lr: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0 },
    cases: [{}, { lr: 0.02, beta1: 0.8, weightDecay: 0.1 }, { maximize: true }],
  },
  LAMB: { defaults: { lr: 1e-3, ...betas, eps: 1e-6 }, cases: [{}, other, { ...other, maximize: true }] },
};

const namespace: Readonly<Record<string, unknown>> = optim;

for (const [name, { defaults, cases }] of Object.entries(table)) {
  const make = of(namespace[name]);
  for (const device of testDevices) {
    for (const dtype of ['float64', 'float32'] as const) {
      for (const options of cases) {
        test(`${name} ${JSON.stringify(options)} ${dtype} ${device}`, () => {
          const numbers = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, Number(value)]));
          const hyper = { ...defaults, ...numbers, decoupled: numbers['decoupledWeightDecay'] ?? 0 };
          const sign = options['maximize'] === true ? -1 : 1;
          const rule = rules[name];
          const update: Parameters<typeof compare>[3] =
            rule === undefined
              ? (p, g, memories) =>
                  lamb(
                    p,
                    g.map((each) => sign * each),
                    memories,
                    hyper,
                  )
              : eachElement((p, g, memory) => rule(p, sign * g, memory, hyper));
          compare(dtype, device, (params) => make(params, options), update);
        });
      }
    }
  }

  test(`${name}: a captured step is the eager one, bit for bit`, () => {
    const run = (captured: boolean): Float64Array => {
      const p = tensor([1, -2, 3], { requiresGrad: true });
      const q = tensor([[0.5], [2]], { requiresGrad: true });
      const optimizer = make([p, q], {});
      const eager = (x: Tensor): Tensor => {
        const loss = p.sub(x).square().sum().add(q.pow(4).sum());
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return loss.detach();
      };
      const step = captured ? capture(eager) : eager;
      for (let i = 0; i < 12; i++) {
        optimizer.lr = 0.1 / (1 + i);
        step(tensor([i, 1, 1]));
      }
      return Float64Array.from([...elements(p), ...elements(q)]);
    };
    assert.deepEqual(run(true), run(false));
  });

  test(`${name}: groups, state round trip and refusals`, () => {
    const made = (): { readonly params: readonly Tensor[]; readonly optimizer: optim.Optimizer } => {
      const params = [1, 2].map((k) => tensor([start(k, 0), start(k, 1)], { dtype: 'float64', requiresGrad: true }));
      const [a, b] = params as [Tensor, Tensor];
      return { params, optimizer: make([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.1 }) };
    };
    const advance = ({ params, optimizer }: ReturnType<typeof made>, from: number): void => {
      for (let step = from; step < from + 3; step++) {
        for (const [k, p] of params.entries()) {
          p.grad = tensor([gradient(k, 0, step), gradient(k, 1, step)], { dtype: 'float64' });
        }
        optimizer.step();
      }
    };
    const [one, two] = [made(), made()];
    advance(one, 0);
    const { kind, groups, tensors } = one.optimizer.stateDict();
    assert.equal(kind, name);
    two.optimizer.loadStateDict({ kind, tensors, groups: JSON.parse(JSON.stringify(groups)) as typeof groups });
    for (const [k, p] of one.params.entries()) two.params[k]?.write(Float64Array.from(elements(p)));
    for (const each of [one, two]) advance(each, 3);
    for (const [k, p] of one.params.entries()) assert.deepEqual(elements(two.params[k] as Tensor), elements(p));

    const p = tensor([1], { requiresGrad: true });
    rejects(() => make([p], { lr: -1 }), 'ERR_ARGUMENT', new RegExp(`${name}: lr`));
    rejects(() => make([p], { weightDecay: Number.NaN }), 'ERR_ARGUMENT', /weightDecay/);
    rejects(() => make([p], { maximize: 1 }), 'ERR_ARGUMENT', /maximize: wanted true or false/);
    if ('beta2' in defaults) rejects(() => make([p], { beta2: 1 }), 'ERR_ARGUMENT', /beta2/);
    rejects(() => make([], {}), 'ERR_ARGUMENT', /got none/);
  });
}

for (const decoupled of [false, true]) {
  test(`amsgrad and maximize of ${decoupled ? 'AdamW' : 'Adam'}`, () => {
    const hyper = { lr: 0.02, beta1: 0.8, beta2: 0.9, eps: 1e-6, weightDecay: 0.1 };
    const options = { ...hyper, amsgrad: true, maximize: true };
    compare(
      'float64',
      'cpu',
      (params) => (decoupled ? new optim.AdamW(params, options) : new optim.Adam(params, options)),
      eachElement((p, g, memory) => adam(p, -g, memory, { ...hyper, decoupled, amsgrad: true })),
    );
  });
}

test('parameters of many chunks, strided gradients and empty ones', () => {
  for (const [name, { defaults }] of Object.entries(table)) {
    const size = 70_001;
    const p = tensor(new Float64Array(size).fill(1), { requiresGrad: true });
    const q = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { dtype: 'float64', requiresGrad: true },
    );
    const none = tensor(new Float64Array(0), { requiresGrad: true });
    const optimizer = of(namespace[name])([none, p, q], {});
    p.grad = tensor(Float64Array.from({ length: 2 * size }, (_, i) => Math.sin(i)))
      .reshape([size, 2])
      .select(1, 0);
    q.grad = tensor(
      [
        [1, -1, 2],
        [3, 0.5, -4],
      ],
      { dtype: 'float64' },
    ).transpose(0, 1);
    none.grad = tensor(new Float64Array(0));
    const grads = [p.grad, q.grad].map((g) => [...elements(g)]);
    optimizer.step();
    const rule = rules[name];
    for (const [k, t] of [p, q].entries()) {
      const wanted = k === 0 ? new Array<number>(size).fill(1) : [1, 2, 3, 4, 5, 6];
      const g = grads[k] as number[];
      const memories = g.map(freshMemory);
      if (rule === undefined) lamb(wanted, g, memories, defaults);
      else eachElement((value, d, memory) => rule(value, d, memory, defaults))(wanted, g, memories, 0);
      close(elements(t), wanted, 1e-12);
    }
  }
});

test('LAMB moves by the rate alone where a norm is 0', () => {
  const p = tensor([0, 0], { dtype: 'float64', requiresGrad: true });
  const optimizer = new optim.LAMB([p], { lr: 0.1, eps: 0 });
  p.grad = tensor([2, -3], { dtype: 'float64' });
  optimizer.step();
  close(elements(p), [-0.1, 0.1], 1e-12);
  p.grad = tensor([0, 0], { dtype: 'float64' });
  const still = new optim.LAMB([p], { lr: 0.1 });
  still.step();
  close(elements(p), [-0.1, 0.1], 1e-12);
});

interface PyTorch {
  readonly torch: string;
  readonly sizes: readonly number[];
  readonly steps: number;
  readonly cases: readonly { readonly name: string; readonly options: Options; readonly values: readonly number[][] }[];
}
const fixture = JSON.parse(
  readFileSync(join(packageRoot(import.meta.url), 'test/parity/optim.json'), 'utf8'),
) as PyTorch;

for (const { name, options, values } of fixture.cases) {
  test(`${name} ${JSON.stringify(options)} is PyTorch ${fixture.torch}'s`, () => {
    const params = fixture.sizes.map((size, k) =>
      tensor(
        Array.from({ length: size }, (_, i) => start(k, i)),
        { dtype: 'float64', requiresGrad: true },
      ),
    );
    const optimizer = of(namespace[name])(params, options);
    for (let step = 0; step < fixture.steps; step++) {
      for (const [k, p] of params.entries()) {
        p.grad = tensor(
          Array.from({ length: p.size }, (_, i) => gradient(k, i, step)),
          { dtype: 'float64' },
        );
      }
      optimizer.step();
    }
    for (const [k, p] of params.entries()) close(elements(p), values[k] ?? [], 1e-9);
  });
}

test('unscale divides gradients and finds what is not finite', () => {
  for (const device of testDevices) {
    const params = [tensor([1, 2, 3], { device, requiresGrad: true }), tensor([1], { device, requiresGrad: true })];
    const give = (first: readonly number[], second: number): void => {
      (params[0] as Tensor).grad = tensor(first, { device });
      (params[1] as Tensor).grad = tensor([second], { device });
    };
    give([4, -8, 0], 2);
    assert.equal(optim.unscale(params, 4).itemSync(), 0);
    close(elements(params[0]?.grad as Tensor), [1, -2, 0], 0);
    close(elements(params[1]?.grad as Tensor), [0.5], 0);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      give([4, bad, 0], 2);
      assert.equal(optim.unscale(params, tensor([2], { device })).itemSync(), 1);
      close(elements(params[1]?.grad as Tensor), [1], 0);
      give([4, 1, 0], bad);
      assert.equal(optim.unscale(params, tensor(2, { dtype: 'float64', device })).itemSync(), 1);
    }
  }
  const long = tensor(new Float32Array(100_003).fill(1), { requiresGrad: true });
  for (const at of [0, 50_000, 100_002]) {
    const values = new Float32Array(100_003).fill(3);
    values[at] = Number.NaN;
    long.grad = tensor(values);
    assert.equal(optim.unscale([long], 3).itemSync(), 1);
    assert.equal(elements(long.grad as Tensor)[at === 7 ? 8 : 7], 1);
  }
  const p = tensor([1], { requiresGrad: true });
  assert.equal(optim.unscale([p], 2).itemSync(), 0);
  rejects(() => optim.unscale([long], 0), 'ERR_ARGUMENT', /scale: wanted a number > 0/);
  rejects(() => optim.unscale([long], tensor([1, 2])), 'ERR_SHAPE', /one number/);
  rejects(() => optim.unscale([long], tensor(1, { dtype: 'int32' })), 'ERR_DTYPE', /float32 or float64/);
});

test.run();
