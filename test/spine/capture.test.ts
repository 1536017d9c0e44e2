// A captured step does what the eager one does, bit for bit, whatever happens around it.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import {
  add,
  capture,
  crossEntropy,
  device,
  manualSeed,
  memory,
  mul,
  nn,
  noGrad,
  ones,
  optim,
  scope,
  sum,
  tensor,
} from '../../lib/index.ts';
import { addon } from '../../lib/native/load.ts';
import * as ops from '../../lib/ops/index.ts';
import { injectFault, isFaulty, liveBytes, testDevices } from '../support/devices.ts';
import { Random } from '../support/random.ts';
import { elements } from '../support/tensors.ts';

const steps = 50;

interface Setting {
  readonly name: string;
  readonly layers: (device: string) => nn.Module[];
  readonly optimizer: (params: Iterable<Tensor>) => optim.Optimizer;
  readonly clip?: number;
  readonly schedule?: boolean;
  readonly accumulate?: boolean;
  readonly lastBatch?: boolean;
  readonly evaluate?: boolean;
}

const plain = (device: string): nn.Module[] => [
  new nn.Linear(6, 16, { device }),
  new nn.ReLU(),
  new nn.Linear(16, 4, { device }),
];
const settings: Setting[] = [
  {
    name: 'SGD with momentum',
    layers: plain,
    optimizer: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
  },
  {
    name: 'dropout',
    layers: (device) => [new nn.Linear(6, 16, { device }), new nn.Dropout(0.5), new nn.Linear(16, 4, { device })],
    optimizer: (p) => new optim.SGD(p, { lr: 0.1 }),
  },
  { name: 'Adam', layers: plain, optimizer: (p) => new optim.Adam(p, { lr: 1e-2 }) },
  { name: 'AdamW with a schedule', layers: plain, optimizer: (p) => new optim.AdamW(p, { lr: 1e-2 }), schedule: true },
  { name: 'clipping', layers: plain, optimizer: (p) => new optim.SGD(p, { lr: 0.5 }), clip: 0.1 },
  { name: 'gradient accumulation', layers: plain, optimizer: (p) => new optim.SGD(p, { lr: 0.1 }), accumulate: true },
  {
    name: 'batch normalisation',
    layers: (device) => [
      new nn.Conv2d(1, 4, 3, { device }),
      new nn.BatchNorm2d(4, { device }),
      new nn.ReLU(),
      new nn.Flatten(),
      new nn.Linear(16, 4, { device }),
    ],
    optimizer: (p) => new optim.SGD(p, { lr: 0.1 }),
  },
  { name: 'a smaller last batch', layers: plain, optimizer: (p) => new optim.Adam(p, { lr: 1e-2 }), lastBatch: true },
  {
    name: 'evaluation in between',
    layers: (device) => [new nn.Linear(6, 16, { device }), new nn.Dropout(0.3), new nn.Linear(16, 4, { device })],
    optimizer: (p) => new optim.Adam(p, { lr: 1e-2 }),
    evaluate: true,
  },
];

/** Losses of every step and the final parameters. */
function train(setting: Setting, device: string, captured: boolean): { values: number[]; forms: number } {
  manualSeed(3);
  const random = new Random(17);
  const model = new nn.Sequential(...(setting.layers(device) as never[]));
  const optimizer = setting.optimizer(model.parameters());
  const forward = (x: Tensor): Tensor => model.forward(x) as Tensor;
  const body = (x: Tensor, labels: Tensor): Tensor => {
    if (!setting.accumulate) optimizer.zeroGrad();
    const loss = crossEntropy(forward(x), labels);
    loss.backward();
    if (setting.clip !== undefined) optim.clipGradNorm(model.parameters(), setting.clip);
    if (!setting.accumulate) optimizer.step();
    return loss;
  };
  const step = captured ? capture(body, { modules: [model] }) : body;
  const values: number[] = [];
  for (let i = 0; i < steps; i++) {
    const batch = setting.lastBatch && i % 5 === 4 ? 3 : 8;
    const image = setting.name === 'batch normalisation';
    const data = Float32Array.from({ length: batch * (image ? 16 : 6) }, () => random.between(-1, 1));
    const labels = Int32Array.from({ length: batch }, () => random.integer(0, 3));
    if (setting.schedule) for (const group of optimizer.groups) group.lr = 1e-2 / (1 + i);
    scope(() => {
      const x = tensor(data, { shape: image ? [batch, 1, 4, 4] : [batch, 6], device });
      values.push(step(x, tensor(labels, { device })).itemSync());
      if (setting.accumulate && i % 4 === 3) {
        optimizer.step();
        optimizer.zeroGrad();
      }
      if (setting.evaluate && i % 7 === 6) {
        model.eval();
        values.push(noGrad(() => sum(forward(x)).itemSync()));
        model.train();
      }
    });
  }
  values.push(
    ...model.parameters().flatMap((p) => [...elements(p)]),
    ...model.buffers().flatMap((b) => [...elements(b)]),
  );
  const forms = captured ? (step as unknown as { captured: number }).captured : 0;
  if (captured) (step as unknown as { dispose(): void }).dispose();
  optimizer.dispose();
  model.dispose();
  return { values, forms };
}

for (const device of testDevices) {
  for (const setting of settings) {
    test(`${setting.name}: captured equals eager over ${steps} steps on ${device}`, () => {
      const eager = train(setting, device, false);
      const captured = train(setting, device, true);
      assert.deepEqual(captured.values, eager.values);
      assert.ok(captured.forms >= 1, 'the step was captured');
    });
  }

  test(`misuses of capture throw on ${device}`, () => {
    const x = ones([3], { device });
    let count = 0;
    const misuses: [string, (t: Tensor) => unknown, string[]][] = [
      ['reading inside', (t) => add(t, 1).dataSync(), ['ERR_CAPTURE']],
      ['an async function', async (t) => add(t, 1), ['ERR_ARGUMENT', 'ERR_CAPTURE']],
      ['data from JavaScript', (t) => add(t, tensor([1, 2, 3], { device })), ['ERR_CAPTURE']],
      ['a number that changes', (t) => mul(t, ++count), ['ERR_CAPTURE']],
      ['ops that differ', (t) => (count++ % 2 === 0 ? add(t, 1) : mul(t, 2)), ['ERR_CAPTURE']],
    ];
    for (const [name, fn, codes] of misuses) {
      const step = capture(fn as (t: Tensor) => Tensor);
      assert.throws(
        () => {
          for (let i = 0; i < 6; i++) step(x);
        },
        (error: { code: string }) => codes.includes(error.code),
        name,
      );
      step.dispose();
    }
    const good = add(x, 1);
    assert.deepEqual([...elements(good)], [2, 2, 2], 'the library works afterwards');
    x.dispose();
    good.dispose();
  });

  test(`a replay writes what the function wrote outside, and bumps its version, on ${device}`, () => {
    const before = liveBytes();
    const total = ops.zeros([2], { device });
    const step = capture((x: Tensor) =>
      noGrad(() => {
        total.add_(x);
        return sum(total);
      }),
    );
    for (let i = 1; i <= 10; i++) {
      const version = total.version;
      scope(() => assert.equal(step(tensor([i, 1], { device })).itemSync(), (i * (i + 1)) / 2 + i));
      assert.ok(total.version > version);
    }
    assert.deepEqual([...elements(total)], [55, 10]);
    step.dispose();
    total.dispose();
    assert.equal(liveBytes(), before);
  });

  for (const how of ['dies before its first replay', 'cannot be built', 'was run with a failed tensor']) {
    if (how === 'cannot be built' && !isFaulty(device)) continue;
    test(`a graph that ${how} leaves blocks alone that queued ops still use on ${device}`, () => {
      const n = 5003; // no other test frees blocks of this size
      const filled = (value: number): Tensor => tensor(new Float32Array(n).fill(value), { device });
      const before = liveBytes();
      const x = filled(1);
      const nothing = ops.zeros([0, n], { device });
      if (isFaulty(device)) {
        injectFault('delayUs', 1000, device);
        if (how === 'cannot be built') injectFault('graphFailure', 1, device);
      }
      try {
        const failed =
          how === 'was run with a failed tensor'
            ? scope(() => ops.index(nothing, ops.zeros([1], { dtype: 'int32', device })))
            : x;
        const step = capture((t: Tensor) => sum(t.mul(2).add(failed)));
        const sums = [1, 2, 3, 4].map((value) => scope(() => sum(filled(value)))); // leaves blocks that are still read
        const results = [step(x), step(x)];
        assert.equal(step.captured, how === 'cannot be built' ? 0 : 1);
        step.dispose();
        for (let i = 5; i < 13; i++) sums.push(scope(() => sum(filled(i))));
        assert.deepEqual(
          sums.map((each) => each.itemSync() / n),
          [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        );
        for (const each of results) {
          if (failed === x) assert.equal(each.itemSync(), 3 * n);
          else assert.throws(() => each.itemSync(), { code: 'ERR_INDEX' });
        }
        for (const each of [x, nothing, failed, ...sums, ...results]) each.dispose();
      } finally {
        if (isFaulty(device)) for (const hook of ['delayUs', 'graphFailure']) injectFault(hook, 0, device);
      }
      assert.equal(liveBytes(), before);
    });
  }
}

test('a captured step needs no more memory than its eager runs left, and each intermediate only until its last use', async () => {
  const n = 500_000; // no other test frees blocks of this size
  const chain = (x: Tensor): Tensor => {
    let y = x;
    for (let i = 0; i < 12; i++) y = y.mul(1.5).add(1);
    return sum(y);
  };
  const step = capture(chain);
  const x = tensor(Float32Array.from({ length: n }, (_, i) => i % 7));
  const expected = scope(() => elements(chain(x)));
  const value = (): Float64Array => scope(() => elements(step(x)));
  assert.deepEqual([value(), value()], [expected, expected]);
  const eager = memory()['cpu']?.reserved as number;
  assert.deepEqual(value(), expected);
  assert.equal(step.captured, 1);
  assert.ok((memory()['cpu']?.reserved as number) <= eager, 'the graph took what was free');
  step.dispose();
  // By itself: two blocks in turns and the copy of the argument, where the eager run held all twenty-four.
  await device('cpu').synchronize();
  addon.trim();
  const before = memory()['cpu']?.reserved as number;
  const again = capture(chain);
  for (let i = 0; i < 3; i++) scope(() => again(x));
  await device('cpu').synchronize();
  addon.trim();
  const graph = (memory()['cpu']?.reserved as number) - before;
  assert.ok(graph >= 3 * 4 * n && graph < 6 * 4 * n, `the graph holds ${graph / (4 * n)} tensors`);
  again.dispose();
  x.dispose();
});

test.run();
