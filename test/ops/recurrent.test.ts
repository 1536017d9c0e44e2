import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, grad, scope, setThreads, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { LstmOptions, PackedSequence, RecurrentWeights, RnnOptions } from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { rand, randIn, type TensorSpec } from '../support/random.ts';
import type { NDArray } from '../support/reference/ndarray.ts';
import * as reference from '../support/reference/recurrent.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['rnnCell', 'lstmCell', 'gruCell'];

type Kind = 'rnn' | 'lstm' | 'gru';
const gates = { rnn: 1, lstm: 4, gru: 3 } as const;

/** Weights as a list of tensors, four for each layer and direction, which checkOp turns into arguments. */
function listed(kind: Kind, features: number, hidden: number, layers: number, ways: number): TensorSpec[] {
  const specs: TensorSpec[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let way = 0; way < ways; way++) {
      const rows = gates[kind] * hidden;
      const columns = layer === 0 ? features : ways * hidden;
      specs.push(randIn(-1, 1, rows, columns), randIn(-1, 1, rows, hidden), randIn(-1, 1, rows), randIn(-1, 1, rows));
    }
  }
  return specs;
}

function grouped<T>(list: readonly T[]): { inputWeight: T; hiddenWeight: T; inputBias: T; hiddenBias: T }[] {
  const sets = [];
  for (let i = 0; i < list.length; i += 4) {
    const [inputWeight, hiddenWeight, inputBias, hiddenBias] = list.slice(i, i + 4) as [T, T, T, T];
    sets.push({ inputWeight, hiddenWeight, inputBias, hiddenBias });
  }
  return sets;
}

const few = ['contiguous', 'transposed', 'sliced', 'reversed'] as const;

for (const name of ['rnn', 'lstm', 'gru'] as const) {
  const layer = (
    x: Tensor,
    hidden: Tensor | null,
    cell: Tensor | null,
    weights: Tensor[],
    options: LstmOptions & RnnOptions = {},
  ) => ops[name](x, grouped(weights), { ...options, hidden, ...(name === 'lstm' ? { cell } : {}) });
  const state = (...shape: number[]): TensorSpec | null => rand(...shape);
  const cell = (...shape: number[]): TensorSpec | null => (name === 'lstm' ? rand(...shape) : null);
  checkOp(name, layer, {
    reference: (x, h, c, w: NDArray[], o) => reference.recurrent(name, x, h, c, grouped(w), o),
    // Errors of a step pass through the next ones; sums are of a few terms of the order of 1.
    ulps: 128,
    magnitude: (x, h, c, w: NDArray[], o) =>
      reference.recurrent(name, x, h, c, grouped(w), o).map((t) => ({ ...t, data: t.data.map(() => 1) })),
    cases: [
      {
        name: 'two layers, two directions',
        args: [rand(3, 2, 2), state(4, 2, 2), cell(4, 2, 2), listed(name, 2, 2, 2, 2), { bidirectional: true }],
        layouts: few,
      },
      { name: 'one layer from zeros', args: [rand(4, 2, 3), null, null, listed(name, 3, 2, 1, 1)], layouts: few },
      {
        name: 'batch first',
        args: [rand(2, 3, 2), state(1, 2, 3), cell(1, 2, 3), listed(name, 2, 3, 1, 1), { batchFirst: true }],
        layouts: ['contiguous', 'sliced'],
      },
      {
        name: 'one step',
        args: [rand(1, 2, 2), state(1, 2, 1), cell(1, 2, 1), listed(name, 2, 1, 1, 1)],
        layouts: ['contiguous'],
      },
      {
        name: 'more units than a block',
        args: [rand(2, 3, 5), null, null, listed(name, 5, 137, 1, 1)],
        grad: false,
        layouts: ['contiguous'],
      },
      {
        name: 'no sequences',
        args: [rand(2, 0, 3), null, null, listed(name, 3, 2, 1, 1)],
        grad: false,
        layouts: ['contiguous'],
      },
      ...(name === 'rnn'
        ? [
            {
              name: 'relu',
              args: [rand(3, 2, 2), state(1, 2, 3), null, listed(name, 2, 3, 1, 1), { nonlinearity: 'relu' }],
              layouts: few,
            },
          ]
        : []),
    ],
    rejects: [
      {
        name: 'no steps',
        args: () => [rand(0, 2, 3), null, null, listed(name, 3, 2, 1, 1)],
        code: 'ERR_SHAPE',
        message: /at least one step/,
      },
      {
        name: 'other features',
        args: () => [rand(2, 2, 4), null, null, listed(name, 3, 2, 1, 1)],
        code: 'ERR_SHAPE',
        message: /inputWeight must be/,
      },
      {
        name: 'another hidden state',
        args: () => [rand(2, 2, 3), rand(1, 3, 2), null, listed(name, 3, 2, 1, 1)],
        code: 'ERR_SHAPE',
        message: /hidden must be/,
      },
      { name: 'a vector', args: () => [rand(3), null, null, listed(name, 3, 2, 1, 1)], code: 'ERR_SHAPE' },
      {
        name: 'one direction of two',
        args: () => [rand(2, 2, 3), null, null, listed(name, 3, 2, 1, 1), { bidirectional: true }],
        code: 'ERR_ARGUMENT',
      },
      {
        name: 'a probability above 1',
        args: () => [rand(2, 2, 3), null, null, listed(name, 3, 2, 1, 1), { dropout: 2 }],
        code: 'ERR_ARGUMENT',
      },
      { name: 'null for input', args: () => [null, null, null, listed(name, 3, 2, 1, 1)], code: 'ERR_ARGUMENT' },
    ],
  });
}

/** Weights with projections: five for each layer and direction. */
function projected(features: number, hidden: number, outputs: number, layers: number, ways: number): TensorSpec[] {
  return Array.from({ length: layers * ways }, (_, at) => {
    const columns = at < ways ? features : ways * outputs;
    const [rows, r] = [4 * hidden, (...shape: number[]): TensorSpec => randIn(-1, 1, ...shape)];
    return [r(rows, columns), r(rows, outputs), r(rows), r(rows), r(outputs, hidden)];
  }).flat();
}
function withProjection<T>(list: readonly T[]) {
  return Array.from({ length: list.length / 5 }, (_, i) => {
    const [inputWeight, hiddenWeight, inputBias, hiddenBias, projection] = list.slice(5 * i) as [T, T, T, T, T];
    return { inputWeight, hiddenWeight, inputBias, hiddenBias, projection };
  });
}
const projectedLstm = (x: Tensor, hidden: Tensor | null, cell: Tensor | null, w: Tensor[], o: LstmOptions = {}) =>
  ops.lstm(x, withProjection(w), { ...o, hidden, cell });
checkOp('lstm', projectedLstm as never, {
  reference: (x, h, c, w: NDArray[], o) => reference.recurrent('lstm', x, h, c, withProjection(w), o),
  ulps: 128,
  magnitude: (x, h, c, w: NDArray[], o) =>
    reference.recurrent('lstm', x, h, c, withProjection(w), o).map((t) => ({ ...t, data: t.data.map(() => 1) })),
  cases: [
    {
      name: 'projected, two layers, two directions',
      args: [rand(3, 2, 2), rand(4, 2, 2), rand(4, 2, 3), projected(2, 3, 2, 2, 2), { bidirectional: true }],
      layouts: few,
    },
    { name: 'projected, from zeros', args: [rand(4, 2, 3), null, null, projected(3, 4, 1, 1, 1)], layouts: few },
    { name: 'no sequences', args: [rand(2, 0, 3), null, null, projected(3, 4, 2, 1, 1)], layouts: few },
  ],
  rejects: [
    {
      name: 'a hidden state as wide as the cell',
      args: () => [rand(2, 2, 3), rand(1, 2, 4), null, projected(3, 4, 2, 1, 1)],
      code: 'ERR_SHAPE',
      message: /hidden must be/,
    },
    {
      name: 'layers of two widths',
      args: () => [rand(2, 2, 3), null, null, [...projected(3, 4, 2, 1, 1), ...projected(2, 4, 1, 1, 1)]],
      code: 'ERR_SHAPE',
      message: /4 hidden units and 2 outputs/,
    },
  ],
});
checkOp('gru', (x: Tensor, w: Tensor[]) => ops.gru(x, withProjection(w)), {
  reference: () => [],
  cases: [],
  rejects: [{ name: 'a projection', args: () => [rand(2, 2, 3), projected(3, 4, 2, 1, 1)], code: 'ERR_ARGUMENT' }],
});

const close = (a: Tensor, b: Tensor, tolerance = 1e-12): void => {
  assert.deepEqual([...a.shape], [...b.shape]);
  const wanted = elements(b);
  elements(a).forEach((value, i) => {
    assert.ok(Math.abs(value - (wanted[i] as number)) <= tolerance, `[${i}] ${value} for ${wanted[i]}`);
  });
};

for (const device of testDevices) {
  const place = { device, dtype: 'float64' as const };
  const draw = (seed: number, ...shape: number[]): Tensor =>
    ops.randn(shape, { ...place, generator: new Generator(seed, device), requiresGrad: true });
  const weightsFor = (kind: Kind, features: number, hidden: number, count: number): RecurrentWeights[] =>
    Array.from({ length: count }, (_, i) => ({
      inputWeight: draw(10 * i + 1, gates[kind] * hidden, i < 2 ? features : 2 * hidden),
      hiddenWeight: draw(10 * i + 2, gates[kind] * hidden, hidden),
      inputBias: draw(10 * i + 3, gates[kind] * hidden),
      hiddenBias: draw(10 * i + 4, gates[kind] * hidden),
    }));

  for (const kind of ['rnn', 'lstm', 'gru'] as const) {
    test(`packed sequences give ${kind} what each gives alone, gradients included, on ${device}`, () => {
      scope(() => {
        const lengths = [2, 4, 1, 4];
        const weights = weightsFor(kind, 3, 2, 4);
        const leaves = weights.flatMap((set) => Object.values(set) as Tensor[]);
        const x = draw(5, 4, 4, 3);
        const [h0, c0] = [draw(6, 4, 4, 2), draw(7, 4, 4, 2)];
        const options = { bidirectional: true, hidden: h0, ...(kind === 'lstm' ? { cell: c0 } : {}) };
        const packed = ops.packPaddedSequence(x, lengths);
        assert.deepEqual(packed.batchSizes, [4, 3, 2, 2]);
        const [y, ...states] = ops[kind](packed, weights, options) as unknown as [PackedSequence, ...Tensor[]];
        const [padded, back] = ops.padPackedSequence(y);
        assert.deepEqual(back, lengths);
        const alone = lengths.map((length, b) => {
          const own = (t: Tensor): Tensor => ops.narrow(t, 1, b, 1);
          const part = ops.narrow(own(x), 0, 0, length);
          const mine = { bidirectional: true, hidden: own(h0), ...(kind === 'lstm' ? { cell: own(c0) } : {}) };
          return ops[kind](part, weights, mine) as Tensor[];
        });
        const blank = (t: Tensor): Tensor => ops.zeros([4 - (t.shape[0] as number), 1, 4], place);
        const wanted = ops.cat(
          alone.map(([out]) => ops.cat([out as Tensor, blank(out as Tensor)])),
          1,
        );
        close(padded, wanted);
        states.forEach((each, i) => {
          close(
            each,
            ops.cat(
              alone.map((list) => list[i + 1] as Tensor),
              1,
            ),
          );
        });
        const total = (out: Tensor, ends: readonly Tensor[]): Tensor =>
          [out, ...ends].map((t, i) => ops.sum(ops.mul(ops.square(t), i + 1))).reduce((a, b) => ops.add(a, b));
        const wantedStates = states.map((_, i) =>
          ops.cat(
            alone.map((list) => list[i + 1] as Tensor),
            1,
          ),
        );
        const inputs = [x, h0, ...(kind === 'lstm' ? [c0] : []), ...leaves];
        const a = grad(total(padded, states), inputs, { retainGraph: true });
        const b = grad(total(wanted, wantedStates), inputs);
        const c = grad(total(padded, states), inputs, { createGraph: true });
        a.forEach((each, i) => {
          close(each as Tensor, b[i] as Tensor, 1e-11);
          close(c[i] as Tensor, b[i] as Tensor, 1e-11);
        });
      });
    });
  }

  test(`cells are one step, and sequences need no batch, on ${device}`, () => {
    scope(() => {
      const [x, h, c] = [draw(1, 2, 3), draw(2, 2, 2), draw(3, 2, 2)];
      const [w] = weightsFor('lstm', 3, 2, 1) as [RecurrentWeights];
      const [h1, c1] = ops.lstmCell(x, [h, c], w);
      const [, hn, cn] = ops.lstm(ops.unsqueeze(x, 0), [w], { hidden: ops.unsqueeze(h, 0), cell: ops.unsqueeze(c, 0) });
      close(h1, ops.select(hn, 0, 0));
      close(c1, ops.select(cn, 0, 0));
      const [g] = weightsFor('gru', 3, 2, 1) as [RecurrentWeights];
      close(
        ops.gruCell(x, h, g),
        ops.select(ops.gru(ops.unsqueeze(x, 0), [g], { hidden: ops.unsqueeze(h, 0) })[1], 0, 0),
      );
      const [r] = weightsFor('rnn', 3, 2, 1) as [RecurrentWeights];
      const row = (t: Tensor): Tensor => ops.select(t, 0, 0);
      close(ops.rnnCell(row(x), row(h), r), row(ops.rnnCell(x, h, r)));
      const relu = ops.rnnCell(x, null, r, { nonlinearity: 'relu' });
      close(relu, ops.relu(ops.add(ops.linear(x, r.inputWeight, r.inputBias), r.hiddenBias as Tensor)));
      const [out, end] = ops.gru(x, [g]);
      assert.deepEqual(
        [out.shape, end.shape],
        [
          [2, 2],
          [1, 2],
        ],
      );
    });
  });

  test(`packing keeps what it is given on ${device}`, () => {
    scope(() => {
      const list = [draw(1, 2, 3), draw(2, 5, 3), draw(3, 3, 3)];
      const packed = ops.packSequence(list);
      assert.deepEqual(
        [packed.batchSizes, packed.sortedIndices],
        [
          [3, 3, 2, 1, 1],
          [1, 2, 0],
        ],
      );
      const [padded, lengths] = ops.padPackedSequence(packed, { batchFirst: true, paddingValue: 7, totalLength: 6 });
      assert.deepEqual(
        [[...padded.shape], lengths],
        [
          [3, 6, 3],
          [2, 5, 3],
        ],
      );
      list.forEach((each, i) => {
        close(ops.narrow(ops.select(padded, 0, i), 0, 0, each.shape[0] as number), each, 0);
      });
      assert.ok(elements(ops.narrow(ops.select(padded, 0, 0), 0, 2, 4)).every((value) => value === 7));
      const first = ops.packPaddedSequence(padded, [5, 3, 1], { batchFirst: true, enforceSorted: true });
      assert.equal(first.sortedIndices, null);
      ops.sum(padded).backward();
      assert.ok(elements(list[0]?.grad as Tensor).every((value) => value === 1));
      throwsCode(
        () => ops.packPaddedSequence(padded, [3, 5, 1], { batchFirst: true, enforceSorted: true }),
        'ERR_ARGUMENT',
        'unsorted',
      );
      throwsCode(() => ops.packPaddedSequence(padded, [3, 7, 1], { batchFirst: true }), 'ERR_ARGUMENT', 'too long');
      throwsCode(() => ops.packPaddedSequence(padded, [3], { batchFirst: true }), 'ERR_SHAPE', 'too few lengths');
      throwsCode(() => ops.packPaddedSequence(padded, null as never), 'ERR_ARGUMENT', 'null lengths');
      throwsCode(() => ops.padPackedSequence(packed, { totalLength: 4 }), 'ERR_ARGUMENT', 'too short');
      throwsCode(() => ops.padPackedSequence({ ...packed, batchSizes: [1, 2] }), 'ERR_ARGUMENT', 'rising sizes');
      throwsCode(() => ops.padPackedSequence({ ...packed, sortedIndices: [0, 0, 1] }), 'ERR_ARGUMENT', 'a place twice');
      throwsCode(() => ops.padPackedSequence(3 as never), 'ERR_ARGUMENT', 'a number');
      throwsCode(() => ops.packSequence([]), 'ERR_ARGUMENT', 'nothing');
      throwsCode(() => ops.packSequence([draw(1, 2, 3), draw(1, 2, 4)]), 'ERR_SHAPE', 'other features');
    });
  });

  test(`packed sequences of a projected lstm go through as each alone on ${device}`, () =>
    scope(() => {
      const lengths = [3, 1, 4];
      const xs = lengths.map((n, i) => draw(50 + i, n, 2));
      const weights = weightsFor('lstm', 2, 3, 2).map((w, i) => ({
        ...w,
        hiddenWeight: draw(60 + i, 12, 2),
        projection: draw(70 + i, 2, 3),
      }));
      const [h0, c0] = [draw(80, 2, 3, 2), draw(81, 2, 3, 3)];
      const packed = ops.packSequence(xs, { enforceSorted: false });
      const [out, h, c] = ops.lstm(packed, weights, { bidirectional: true, hidden: h0, cell: c0 });
      const [padded] = ops.padPackedSequence(out);
      lengths.forEach((n, b) => {
        const own = (t: Tensor): Tensor => ops.narrow(t, 1, b, 1);
        const [y, hb, cb] = ops.lstm(ops.unsqueeze(xs[b] as Tensor, 1), weights, {
          bidirectional: true,
          hidden: own(h0),
          cell: own(c0),
        });
        close(ops.narrow(own(padded), 0, 0, n), y);
        close(own(h), hb);
        close(own(c), cb);
      });
    }));

  test(`lstm gives the same bits for any number of threads on ${device}`, () => {
    const run = (threads: number): Float64Array[] => {
      setThreads(threads);
      return scope(() => {
        const weights = weightsFor('lstm', 40, 96, 1);
        const x = draw(4, 5, 70, 40);
        const [y] = ops.lstm(x, weights);
        return [y, ...grad(ops.sum(ops.square(y)), [x, weights[0]?.hiddenWeight as Tensor])].map(elements);
      });
    };
    const one = run(1);
    assert.deepEqual(run(2), one);
    setThreads(2);
  });
}

test('dropout between layers, and only there', () => {
  scope(() => {
    const x = tensor(new Float64Array(6).fill(0.5), { shape: [3, 1, 2] });
    const w = (): RecurrentWeights => ({
      inputWeight: ops.ones([2, 2], { dtype: 'float64' }),
      hiddenWeight: ops.ones([2, 2], { dtype: 'float64' }),
    });
    const plain = ops.rnn(x, [w(), w()])[0];
    const dropped = ops.rnn(x, [w(), w()], { dropout: 1 })[0];
    assert.notDeepEqual(elements(plain), elements(dropped));
    assert.deepEqual(elements(ops.rnn(x, [w(), w()], { dropout: 1, training: false })[0]), elements(plain));
    assert.deepEqual(elements(ops.rnn(x, [w()], { dropout: 1 })[0]), elements(ops.rnn(x, [w()])[0]));
  });
});

test.run();
