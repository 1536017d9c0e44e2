// Recurrent layers unit by unit, one sequence after the other.
import { build, type NDArray, read } from './ndarray.ts';

export interface Weights {
  readonly inputWeight: NDArray;
  readonly hiddenWeight: NDArray;
  readonly inputBias?: NDArray | null;
  readonly hiddenBias?: NDArray | null;
  readonly projection?: NDArray | null;
}

export interface RecurrentReference {
  readonly bidirectional?: boolean;
  readonly batchFirst?: boolean;
  readonly nonlinearity?: 'tanh' | 'relu';
}

type Kind = 'rnn' | 'lstm' | 'gru';
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One step of one sequence. */
function step(
  kind: Kind,
  x: number[],
  h: number[],
  c: number[],
  w: Weights,
  relu: boolean,
): { h: number[]; c: number[] } {
  const size = kind === 'lstm' ? c.length : h.length;
  const part = (weight: NDArray, bias: NDArray | null | undefined, v: number[], row: number): number =>
    v.reduce((sum, value, i) => sum + weight.at(row, i) * value, bias ? read(bias.data, row) : 0);
  const fromX = (gate: number, u: number): number => part(w.inputWeight, w.inputBias, x, gate * size + u);
  const fromH = (gate: number, u: number): number => part(w.hiddenWeight, w.hiddenBias, h, gate * size + u);
  const both = (gate: number, u: number): number => fromX(gate, u) + fromH(gate, u);
  const units = Array.from({ length: size }, (_, u) => u);
  if (kind === 'rnn') return { h: units.map((u) => (relu ? Math.max(0, both(0, u)) : Math.tanh(both(0, u)))), c };
  if (kind === 'lstm') {
    const next = units.map((u) => sigmoid(both(1, u)) * read(c, u) + sigmoid(both(0, u)) * Math.tanh(both(2, u)));
    const full = units.map((u) => sigmoid(both(3, u)) * Math.tanh(read(next, u)));
    return { h: w.projection ? h.map((_, p) => part(w.projection as NDArray, null, full, p)) : full, c: next };
  }
  const next = units.map((u) => {
    const keep = sigmoid(both(1, u));
    const fresh = Math.tanh(fromX(2, u) + sigmoid(both(0, u)) * fromH(2, u));
    return (1 - keep) * fresh + keep * read(h, u);
  });
  return { h: next, c };
}

/** [output, hidden] or, for lstm, [output, hidden, cell]; x is [steps, batch, features]. */
export function recurrent(
  kind: Kind,
  x: NDArray,
  hidden: NDArray | null,
  cell: NDArray | null,
  weights: readonly Weights[],
  { bidirectional = false, batchFirst = false, nonlinearity = 'tanh' }: RecurrentReference = {},
): NDArray[] {
  const [steps, batch] = (batchFirst ? [x.shape[1], x.shape[0]] : x.shape) as [number, number];
  const size = read((weights[0] as Weights).hiddenWeight.shape, 1);
  const cells = (weights[0] as Weights).projection?.shape[1] ?? size;
  const ways = bidirectional ? 2 : 1;
  const ends: { h: number[]; c: number[] }[][] = weights.map(() => []);
  const outputs: number[][][] = [];
  for (let b = 0; b < batch; b++) {
    let rows = Array.from({ length: steps }, (_, t) =>
      Array.from({ length: read(x.shape, 2) }, (_, i) => (batchFirst ? x.at(b, t, i) : x.at(t, b, i))),
    );
    for (let layer = 0; layer < weights.length / ways; layer++) {
      const made: number[][] = rows.map(() => []);
      for (let way = 0; way < ways; way++) {
        const at = layer * ways + way;
        const initial = (state: NDArray | null, length = size): number[] =>
          Array.from({ length }, (_, u) => (state === null ? 0 : state.at(at, b, u)));
        let state = { h: initial(hidden), c: initial(cell, cells) };
        for (let k = 0; k < steps; k++) {
          const t = way === 0 ? k : steps - 1 - k;
          state = step(kind, rows[t] as number[], state.h, state.c, weights[at] as Weights, nonlinearity === 'relu');
          made[t]?.push(...state.h);
        }
        ends[at]?.push(state);
      }
      rows = made;
    }
    outputs.push(rows);
  }
  const output = build(
    batchFirst ? [batch, steps, ways * size] : [steps, batch, ways * size],
    ([i = 0, j = 0, u = 0]) => {
      const [t, b] = batchFirst ? [j, i] : [i, j];
      return outputs[b]?.[t]?.[u] ?? Number.NaN;
    },
  );
  const last = (of: 'h' | 'c'): NDArray =>
    build(
      [weights.length, batch, of === 'c' ? cells : size],
      ([at = 0, b = 0, u = 0]) => ends[at]?.[b]?.[of][u] ?? Number.NaN,
    );
  return kind === 'lstm' ? [output, last('h'), last('c')] : [output, last('h')];
}
