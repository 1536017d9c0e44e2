// Kernels of rows, columns and lines at the sizes where a GPU cuts them otherwise: rows split among blocks, rows that do
// not fit registers, columns side by side, lines in chunks, packs and what is left of them. Held to the CPU's values.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import { emptyTensor } from '../../lib/core/tensor.ts';
import { kernels } from '../../lib/native/kernels.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

type Layout = 'dense' | 'turned' | 'behind' | 'narrow';
interface Input {
  readonly shape: readonly number[];
  /** Of the elements in memory: axes exchanged, one element further, or rows in wider ones. */
  readonly layout?: Layout;
  readonly values?: (i: number) => number;
  readonly dtype?: DType;
}
interface Case {
  readonly name: string;
  readonly dtypes: readonly DType[];
  readonly inputs: readonly Input[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly dtype?: DType }[];
  readonly run: (outputs: Tensor[], inputs: Tensor[]) => void;
}

// Values without a pattern that sums could share, exact in every dtype for integers.
const wave = (i: number): number => ((i * 7919) % 257) / 64 - 2;

function make(input: Input, dtype: DType, device: string): Tensor {
  const { shape, layout = 'dense', values = wave } = input;
  const type = input.dtype ?? dtype;
  const size = shape.reduce((a, b) => a * b, 1);
  const number = /int|bool/.test(type) ? (i: number) => Math.abs(Math.trunc(values(i))) : values;
  const list = (n: number, f: (i: number) => number): Float64Array | BigInt64Array =>
    type === 'int64'
      ? BigInt64Array.from({ length: n }, (_, i) => BigInt(f(i)))
      : Float64Array.from({ length: n }, (_, i) => f(i));
  if (layout === 'turned')
    return tensor(list(size, number), { dtype: type, device, shape: [...shape].reverse() }).transpose(0, -1);
  if (layout === 'behind')
    return ops.reshape(ops.narrow(tensor(list(size + 1, number), { dtype: type, device }), 0, 1, size), [...shape]);
  if (layout === 'narrow') {
    const wide = [...shape.slice(0, -1), (shape.at(-1) as number) + 3];
    const base = tensor(
      list(
        wide.reduce((a, b) => a * b, 1),
        number,
      ),
      { dtype: type, device, shape: wide },
    );
    return ops.narrow(base, -1, 2, shape.at(-1) as number);
  }
  return tensor(list(size, number), { dtype: type, device, shape: [...shape] });
}

function results(c: Case, dtype: DType, device: string): Float64Array[] {
  const inputs = c.inputs.map((input) => make(input, dtype, device));
  const { queue } = (inputs[0] as Tensor).storage;
  const outputs = c.outputs.map((o) => emptyTensor([...o.shape], o.dtype ?? dtype, queue));
  c.run(outputs, inputs);
  return outputs.map((t) => elements(t));
}

const floats: DType[] = ['float32', 'float64'];
const cases: Case[] = [];

const reduced = (shape: readonly number[], axes: readonly number[]): number[] =>
  shape.map((n, i) => (axes.includes(i) ? 1 : n));
for (const [shape, axes, layout] of [
  [[2, 40000], [1], 'dense'],
  [[3, 20001], [1], 'dense'],
  [[1, 30000], [1], 'behind'],
  [[300, 200], [1], 'narrow'],
  [[4200, 12], [1], 'dense'],
  [[20000, 6], [0], 'dense'],
  [[3000, 5], [0], 'behind'],
  [[700, 260], [0], 'dense'],
  [[500, 33], [0], 'narrow'],
  [[9, 40, 64], [0, 2], 'dense'],
  [[9, 40, 33], [0, 2], 'dense'],
  [[200, 7, 90], [1], 'turned'],
  [[40, 50, 60], [0, 1, 2], 'narrow'],
] as [number[], number[], Layout][]) {
  const name = `[${shape.join(', ')}] over ${axes.join(', ')}, ${layout}`;
  const inputs = [{ shape, layout }];
  const out = { shape: reduced(shape, axes) };
  const add = (op: string, dtypes: DType[], run: Case['run'], dtype?: DType, values?: Input['values']): void => {
    const output = dtype === undefined ? out : { ...out, dtype };
    const input = values === undefined ? inputs : [{ shape, layout, values }];
    cases.push({ name: `${op} ${name}`, dtypes, inputs: input, outputs: [output], run });
  };
  add('sum', floats, ([y], [x]) => kernels.sum(y as Tensor, x as Tensor));
  add('sum', ['int32', 'uint8'], ([y], [x]) => kernels.sum(y as Tensor, x as Tensor), 'int64');
  add(
    'variance',
    floats,
    ([y], [x]) => kernels.variance(y as Tensor, x as Tensor, 1),
    undefined,
    (i) => wave(i) + 300,
  );
  add('amin', ['float32', 'int64', 'uint8'], ([y], [x]) => kernels.amin(y as Tensor, x as Tensor));
  add(
    'prod',
    floats,
    ([y], [x]) => kernels.prod(y as Tensor, x as Tensor),
    undefined,
    (i) => 1 + wave(i) / 4096,
  );
  if (axes.length === 1) {
    add('argmax', ['float32', 'float64', 'uint8'], ([y], [x]) => kernels.argmax(y as Tensor, x as Tensor), 'int64');
  }
}

for (const [shape, axis, layout] of [
  [[2, 40000], 1, 'dense'],
  [[3, 9001], 1, 'dense'],
  [[2100, 40], 1, 'narrow'],
  [[20000, 3], 0, 'dense'],
  [[300, 150], 0, 'dense'],
  [[5, 700], 1, 'turned'],
] as [number[], number, Layout][]) {
  const name = `[${shape.join(', ')}] along ${axis}, ${layout}`;
  const inputs = [{ shape, layout }];
  const shorter = shape.map((n, i) => (i === axis ? n - 1 : n));
  cases.push(
    {
      name: `cumsum ${name}`,
      dtypes: [...floats, 'int64', 'uint8'],
      inputs,
      outputs: [{ shape }],
      run: ([y], [x]) => kernels.cumsum(y as Tensor, x as Tensor, axis),
    },
    {
      name: `logcumsumexp ${name}`,
      dtypes: floats,
      inputs,
      outputs: [{ shape }],
      run: ([y], [x]) => kernels.logcumsumexp(y as Tensor, x as Tensor, axis),
    },
    {
      name: `cummin ${name}`,
      dtypes: ['float32', 'int64', 'uint8'],
      inputs,
      outputs: [{ shape }, { shape, dtype: 'int32' }],
      run: ([y, at], [x]) => kernels.cummin(y as Tensor, at as Tensor, x as Tensor, axis),
    },
    {
      name: `linearScan ${name}`,
      dtypes: floats,
      inputs: [
        { shape: shorter, values: (i) => wave(i) / 2.5 },
        { shape, layout },
      ],
      outputs: [{ shape }],
      run: ([y], [a, b]) => kernels.linearScan(y as Tensor, a as Tensor, b as Tensor, axis),
    },
  );
}

for (const [shape, layout] of [
  [[3, 9000], 'dense'],
  [[2, 9001], 'dense'],
  [[3, 1000], 'dense'],
  [[2050, 24], 'dense'],
  [[70, 333], 'behind'],
  [[50, 40], 'narrow'],
  [[100, 300], 'turned'],
] as [number[], Layout][]) {
  const name = `[${shape.join(', ')}], ${layout}`;
  const [rows, width] = shape as [number, number];
  const x: Input = { shape, layout };
  const column = { shape: [rows] };
  const vector: Input = { shape: [width], values: (i) => 1 + wave(i) / 8 };
  const perRow: Input = { shape: [rows], values: (i) => 1 + wave(i) / 8 };
  const labels: Input = { shape: [rows], values: (i) => (i * 31) % width, dtype: 'int32' };
  cases.push(
    {
      name: `softmax ${name}`,
      dtypes: floats,
      inputs: [x],
      outputs: [{ shape }],
      run: ([y], [t]) => kernels.softmax(y as Tensor, t as Tensor),
    },
    {
      name: `logSoftmax ${name}`,
      dtypes: floats,
      inputs: [x],
      outputs: [{ shape }],
      run: ([y], [t]) => kernels.logSoftmax(y as Tensor, t as Tensor),
    },
    {
      name: `logsumexp ${name}`,
      dtypes: floats,
      inputs: [x],
      outputs: [{ shape: [rows, 1] }],
      run: ([y], [t]) => kernels.logsumexp(y as Tensor, t as Tensor),
    },
    {
      name: `softmaxGrad ${name}`,
      dtypes: floats,
      inputs: [x, { shape }],
      outputs: [{ shape }],
      run: ([d], [y, dy]) => kernels.softmaxGrad(d as Tensor, y as Tensor, dy as Tensor),
    },
    {
      name: `logSoftmaxGrad ${name}`,
      dtypes: floats,
      inputs: [x, { shape }],
      outputs: [{ shape }],
      run: ([d], [y, dy]) => kernels.logSoftmaxGrad(d as Tensor, y as Tensor, dy as Tensor),
    },
    {
      name: `rowNorm ${name}`,
      dtypes: floats,
      inputs: [x, vector, vector],
      outputs: [{ shape }, column, column],
      run: ([y, m, r], [t, w, b]) =>
        kernels.rowNorm(y as Tensor, m as Tensor, r as Tensor, t as Tensor, w as Tensor, b as Tensor, 1e-5, 1),
    },
    {
      name: `rowNormGrad ${name}`,
      dtypes: floats,
      inputs: [x, perRow, perRow, vector, { shape }],
      outputs: [{ shape }],
      run: ([d], [t, m, r, w, dy]) =>
        kernels.rowNormGrad(d as Tensor, t as Tensor, m as Tensor, r as Tensor, w as Tensor, dy as Tensor, 1),
    },
    {
      name: `rowNormGradWeight ${name}`,
      dtypes: floats,
      inputs: [x, perRow, perRow, { shape }],
      outputs: [{ shape: [width] }, { shape: [width] }],
      run: ([dw, db], [t, m, r, dy]) =>
        kernels.rowNormGradWeight(dw as Tensor, db as Tensor, t as Tensor, m as Tensor, r as Tensor, dy as Tensor),
    },
    {
      name: `rowNormGrads ${name}`,
      dtypes: floats,
      inputs: [x, perRow, perRow, vector, { shape }],
      outputs: [{ shape }, { shape: [width] }, { shape: [width] }],
      run: (outs, [t, m, r, w, dy]) => {
        const [d, dw, db] = outs as [Tensor, Tensor, Tensor];
        kernels.rowNormGrads(d, dw, db, t as Tensor, m as Tensor, r as Tensor, w as Tensor, dy as Tensor, 1);
      },
    },
    {
      name: `crossEntropy ${name}`,
      dtypes: floats,
      inputs: [x, labels],
      outputs: [column, column],
      run: ([l, e], [t, label]) => kernels.crossEntropy(l as Tensor, e as Tensor, t as Tensor, label as Tensor, 1),
    },
    {
      name: `crossEntropyGrad ${name}`,
      dtypes: floats,
      inputs: [x, perRow, labels, perRow],
      outputs: [{ shape }],
      run: ([d], [t, e, label, dl]) =>
        kernels.crossEntropyGrad(d as Tensor, t as Tensor, e as Tensor, label as Tensor, dl as Tensor, 1),
    },
  );
}

for (const device of testDevices.filter((name) => name !== 'cpu')) {
  for (const c of cases) {
    test(`${c.name} on ${device}`, () => {
      for (const dtype of c.dtypes) {
        const wanted = results(c, dtype, 'cpu');
        const got = results(c, dtype, device);
        wanted.forEach((values, k) => {
          const scale = values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
          const tolerance = dtype === 'float32' ? 1e-5 : dtype === 'float64' ? 1e-12 : 0;
          values.forEach((v, i) => {
            const g = (got[k] as Float64Array)[i] as number;
            assert.ok(Math.abs(g - v) <= tolerance * scale, `${dtype} output ${k} [${i}]: wanted ${v}, got ${g}`);
          });
        });
      }
    });
  }
}

test.run();
