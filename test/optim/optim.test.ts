import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { capture, optim, type Tensor, tensor } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { compare, eachElement, gradient } from '../support/optim-compare.ts';
import { adam, freshMemory, sgd } from '../support/optim-reference.ts';
import { close, rejects } from '../support/rejects.ts';
import { elements } from '../support/tensors.ts';

const test = suite('optim');

const sgdCases = [
  { lr: 0.1 },
  { lr: 0.05, weightDecay: 0.1 },
  { lr: 0.05, momentum: 0.9 },
  { lr: 0.05, momentum: 0.9, dampening: 0.3, weightDecay: 0.01 },
  { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
];
const adamCases = [{}, { lr: 0.02, beta1: 0.8, beta2: 0.95, eps: 1e-6 }, { lr: 0.02, weightDecay: 0.1 }];

for (const device of testDevices) {
  for (const dtype of ['float64', 'float32'] as const) {
    for (const options of sgdCases) {
      test(`SGD ${JSON.stringify(options)} ${dtype} ${device}`, () => {
        const full = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
        compare(
          dtype,
          device,
          (params) => new optim.SGD(params, options),
          eachElement((p, g, memory) => sgd(p, g, memory, full)),
        );
      });
    }
    for (const options of adamCases) {
      for (const decoupled of [false, true]) {
        test(`${decoupled ? 'AdamW' : 'Adam'} ${JSON.stringify(options)} ${dtype} ${device}`, () => {
          const weightDecay = decoupled ? 0.01 : 0;
          const full = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay, ...options, decoupled };
          const make = (params: readonly Tensor[]): optim.Adam =>
            decoupled ? new optim.AdamW(params, options) : new optim.Adam(params, options);
          compare(
            dtype,
            device,
            make,
            eachElement((p, g, memory) => adam(p, g, memory, full)),
          );
        });
      }
    }
  }
}

test('a schedule writes the rate the kernel reads', () => {
  const schedule = new optim.CosineWarmup({ lr: 0.2, warmupSteps: 4, totalSteps: 10, minLr: 0.01 });
  compare(
    'float64',
    'cpu',
    (params) => new optim.SGD(params),
    eachElement((p, g, memory, step) =>
      sgd(p, g, memory, { lr: schedule.lrAt(step), momentum: 0, dampening: 0, weightDecay: 0, nesterov: false }),
    ),
    (optimizer, step) => schedule.apply(optimizer, step),
  );
  close(
    [0, 3, 4, 7, 10, 99].map((step) => schedule.lrAt(step)),
    [0.05, 0.2, 0.2, 0.105, 0.01, 0.01],
    1e-12,
  );
  rejects(
    () => new optim.CosineWarmup({ lr: 1, warmupSteps: 5, totalSteps: 4 }),
    'ERR_ARGUMENT',
    /warmupSteps ≤ totalSteps/,
  );
});

test('groups have their own hyper-parameters and keep their ratio under a schedule', () => {
  const [a, b] = [tensor([1], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
  const optimizer = new optim.AdamW(
    [
      { params: [a], weightDecay: 0 },
      { params: [b], lr: 0.1 },
    ],
    { lr: 0.2 },
  );
  assert.deepEqual(
    optimizer.groups.map(({ values }) => [values.lr, values.weightDecay]),
    [
      [0.2, 0],
      [0.1, 0.01],
    ],
  );
  optimizer.lr = 0.02;
  assert.deepEqual(
    optimizer.groups.map(({ lr }) => lr),
    [0.02, 0.01],
  );
  optimizer.groups[1]?.set({ weightDecay: 0.5 });
  close(elements(optimizer.groups[1]?.hyper ?? a), [0.01, 0.9, 0.999, 1e-8, 0.5], 0);
  rejects(() => optimizer.groups[0]?.set({ beta1: 1 }), 'ERR_ARGUMENT', /beta1: wanted a number in \[0, 1\)/);
  assert.equal(optimizer.groups[0]?.values.beta1, 0.9);
});

test('a parameter without a gradient stands still, and counts its own steps', () => {
  const params = [
    tensor([1, 2], { dtype: 'float64', requiresGrad: true }),
    tensor([3], { dtype: 'float64', requiresGrad: true }),
  ];
  const optimizer = new optim.Adam(params, { lr: 0.1 });
  const full = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: false };
  const wanted = [[1, 2], [3]];
  const memories = [[freshMemory(), freshMemory()], [freshMemory()]];
  for (let step = 0; step < 9; step++) {
    params.forEach((p, k) => {
      if (k === 1 && step % 3 !== 1) return;
      p.grad = tensor(
        Array.from({ length: p.size }, (_, i) => gradient(k, i, step)),
        { dtype: 'float64' },
      );
      wanted[k]?.forEach((value, i) => {
        (wanted[k] as number[])[i] = adam(value, gradient(k, i, step), memories[k]?.[i] ?? freshMemory(), full);
      });
    });
    optimizer.step();
    optimizer.zeroGrad();
  }
  for (const [k, p] of params.entries()) close(elements(p), wanted[k] ?? [], 1e-12);
  assert.deepEqual(optimizer.stateDict().groups[0]?.cohorts, [[0], [1]]);
});

test('the state goes round, cohorts and hyper-parameters included', () => {
  const make = (): { params: Tensor[]; optimizer: optim.SGD } => {
    const params = [tensor([1, 2], { requiresGrad: true }), tensor([3], { requiresGrad: true })];
    return { params, optimizer: new optim.SGD(params, { lr: 0.1, momentum: 0.9 }) };
  };
  const advance = ({ params, optimizer }: ReturnType<typeof make>, which: readonly number[]): void => {
    for (const k of which) (params[k] as Tensor).grad = tensor([0.5, -1].slice(k));
    optimizer.step();
    optimizer.zeroGrad();
  };
  const one = make();
  advance(one, [0, 1]);
  advance(one, [1]);
  one.optimizer.lr = 0.03;
  const two = make();
  const { kind, groups, tensors } = one.optimizer.stateDict();
  two.optimizer.loadStateDict({ kind, tensors, groups: JSON.parse(JSON.stringify(groups)) as typeof groups });
  for (const [k, p] of one.params.entries()) two.params[k]?.write(elements32(p));
  for (const each of [one, two]) for (let i = 0; i < 3; i++) advance(each, [0, 1]);
  for (const [k, p] of one.params.entries()) assert.deepEqual(elements(two.params[k] as Tensor), elements(p));
  rejects(
    () => two.optimizer.loadStateDict({ ...one.optimizer.stateDict(), kind: 'Adam' }),
    'ERR_ARGUMENT',
    /the state is of Adam/,
  );
  const broken = { kind, tensors, groups: [{ ...(groups[0] as (typeof groups)[number]), cohorts: [[0, 0]] }] };
  rejects(() => two.optimizer.loadStateDict(broken), 'ERR_ARGUMENT', /cohorts/);
});

function elements32(t: Tensor): Float32Array {
  return Float32Array.from(elements(t));
}

test('checks everything before it changes anything', () => {
  const params = [tensor([1], { requiresGrad: true }), tensor([2], { requiresGrad: true })];
  const optimizer = new optim.SGD([{ params: [params[0] as Tensor] }, { params: [params[1] as Tensor] }], { lr: 1 });
  for (const p of params) p.grad = tensor([1]);
  params[1]?.grad?.dispose();
  rejects(() => optimizer.step(), 'ERR_DISPOSED', /SGD\.step/);
  assert.deepEqual([...elements(params[0] as Tensor)], [1]);
});

test('refuses what it cannot train', () => {
  const p = tensor([1], { requiresGrad: true });
  rejects(() => new optim.SGD([]), 'ERR_ARGUMENT', /got none/);
  rejects(() => new optim.SGD([p, p]), 'ERR_ARGUMENT', /twice/);
  rejects(() => new optim.SGD([tensor([1], { dtype: 'int32' })]), 'ERR_DTYPE', /float parameters, got int32/);
  rejects(() => new optim.SGD([p.mul(2)]), 'ERR_ARGUMENT', /leaf/);
  rejects(() => new optim.SGD([p], { lr: Number.NaN }), 'ERR_ARGUMENT', /lr: wanted a finite number ≥ 0, got NaN/);
  rejects(() => new optim.SGD([p], { nesterov: true }), 'ERR_ARGUMENT', /nesterov wants a momentum/);
  rejects(() => new optim.SGD([p]).groups[0]?.set({ momentum: 0.9 }), 'ERR_ARGUMENT', /no buffers/);
  rejects(() => new optim.Adam([p], { beta2: 1 }), 'ERR_ARGUMENT', /beta2/);
});

test('clipGradNorm scales the gradients together and gives the norm before', () => {
  const params = [
    tensor([0, 0], { requiresGrad: true }),
    tensor([0], { requiresGrad: true }),
    tensor([0], { requiresGrad: true }),
  ];
  (params[0] as Tensor).grad = tensor([3, 0]);
  (params[1] as Tensor).grad = tensor([4]);
  close([optim.clipGradNorm(params, 10).itemSync()], [5], 1e-6);
  close(elements(params[0]?.grad as Tensor), [3, 0], 1e-6);
  close([optim.clipGradNorm(params, 1).itemSync()], [5], 1e-6);
  close(elements(params[0]?.grad as Tensor), [0.6, 0], 1e-5);
  close(elements(params[1]?.grad as Tensor), [0.8], 1e-5);
  assert.equal(optim.clipGradNorm([params[2] as Tensor], 1).itemSync(), 0);
  rejects(() => optim.clipGradNorm(params, 0), 'ERR_ARGUMENT', /maxNorm/);
});

test('a captured step sees a changed learning rate', () => {
  const run = (captured: boolean): Float64Array => {
    const p = tensor([1, -2, 3], { requiresGrad: true });
    const optimizer = new optim.Adam([p], { lr: 0.1 });
    const eager = (x: Tensor): Tensor => {
      const loss = p.sub(x).square().sum();
      loss.backward();
      optim.clipGradNorm([p], 2);
      optimizer.step();
      optimizer.zeroGrad();
      return loss.detach();
    };
    const step = captured ? capture(eager) : eager;
    for (let i = 0; i < 12; i++) {
      optimizer.lr = 0.1 / (1 + i);
      step(tensor([i, 1, 1]));
    }
    return elements(p);
  };
  assert.deepEqual(run(true), run(false));
});

test('a step over more parameters than one command buffer holds', () => {
  const gradients = Array.from({ length: 5000 }, () => tensor([3]));
  const params = gradients.map((grad) => {
    const param = tensor([1], { requiresGrad: true });
    param.grad = grad;
    return param;
  });
  new optim.SGD(params, { lr: 0.5 }).step();
  assert.ok(params.every((param) => param.dataSync()[0] === -0.5));
});

test.run();
