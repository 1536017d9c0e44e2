import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { Generator } from '../core/generator.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add } from './binary.ts';
import { contiguous } from './cast.ts';
import { zeros } from './creation.ts';
import { cat, stack } from './join.ts';
import { linear } from './matmul.ts';
import type { PackedSequence } from './packed.ts';
import { checkPacked, isPacked, lastRows, reorder } from './packed.ts';
import { dropout } from './dropout.ts';
import { gruSteps, lstmSteps, projectedSteps, rnnSteps } from './recurrent-ops.ts';
import type { Steps } from './recurrent-steps.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { narrow, reshape, select, transpose, unsqueeze } from './view.ts';

/** One layer in one direction. Gates lie one after the other: LSTM i, f, g, o; GRU r, z, n. */
export interface RecurrentWeights {
  /** [gates · H, features] */
  readonly inputWeight: Tensor;
  /** [gates · H, H], or [gates · H, P] with a projection */
  readonly hiddenWeight: Tensor;
  /** [gates · H] */
  readonly inputBias?: Tensor | null | undefined;
  /** [gates · H] */
  readonly hiddenBias?: Tensor | null | undefined;
  /** LSTM only: [P, H], what the hidden state is multiplied by before it is given on (Sak et al. 2014, arXiv:1402.1128). */
  readonly projection?: Tensor | null | undefined;
}

export interface RecurrentOptions {
  /** [layers · directions, batch, H] (without batch for input without one); zeros when omitted. */
  readonly hidden?: Tensor | null | undefined;
  /** Each layer has a second direction, whose weights follow the first's. */
  readonly bidirectional?: boolean | undefined;
  /** Input and output are [batch, steps, features]. */
  readonly batchFirst?: boolean | undefined;
  /** Probability of an element between layers to become 0 while training. */
  readonly dropout?: number | undefined;
  readonly training?: boolean | undefined;
  readonly generator?: Generator | undefined;
}

export interface RnnOptions extends RecurrentOptions {
  readonly nonlinearity?: 'tanh' | 'relu' | undefined;
}

export interface LstmOptions extends RecurrentOptions {
  /** The initial cell state, as `hidden`. */
  readonly cell?: Tensor | null | undefined;
}

type Kind = 'rnn' | 'lstm' | 'gru';
const gateCounts = { rnn: 1, lstm: 4, gru: 3 } as const;
/** What a tensor input gives is a tensor, what a packed one gives is packed. */
type Input = Tensor | PackedSequence;

/** Sizes of one layer in one direction. */
interface LayerSizes {
  /** H, also that of the cell state. */
  readonly hidden: number;
  /** That of outputs and hidden states: H, or P with a projection. */
  readonly output: number;
}

/** Checks one set of weights for an input of `features`. */
function checkWeights(kind: Kind, like: Tensor, weights: RecurrentWeights, features: number): LayerSizes {
  checkOptions(kind, weights);
  const { inputWeight, hiddenWeight, inputBias, hiddenBias, projection } = weights;
  const named = { inputWeight, hiddenWeight, inputBias, hiddenBias, projection };
  for (const [label, t] of Object.entries(named)) {
    if (t == null && label !== 'inputWeight' && label !== 'hiddenWeight') continue;
    requireTensor(kind, t, label);
    checkArguments(kind, [like, t]);
    requireSameDtype(kind, like, t);
  }
  if (projection != null && kind !== 'lstm') throw argumentError(kind, 'only lstm has a projection');
  const gates = gateCounts[kind];
  const output = hiddenWeight.shape[1] ?? 0;
  const hidden = projection == null ? output : (projection.shape[1] ?? 0);
  const wanted = {
    inputWeight: [gates * hidden, features],
    hiddenWeight: [gates * hidden, output],
    inputBias: [gates * hidden],
    hiddenBias: [gates * hidden],
    projection: [output, hidden],
  };
  for (const [label, t] of Object.entries(named)) {
    const shape = wanted[label as keyof typeof wanted];
    if (t != null && !sameShape(t.shape, shape))
      throw shapeError(kind, `${label} must be ${formatShape(shape)}, got ${formatShape(t.shape)}`);
  }
  return { hidden, output };
}

interface States {
  readonly hidden: Tensor;
  readonly cell: Tensor | null;
}

/** The states after each sequence's last step. */
const lastOf = (all: Tensor, { sizes, reverse }: Steps): Tensor =>
  reverse ? narrow(all, 0, 0, sizes[0] as number) : lastRows(all, sizes);

/** All steps of one layer in one direction: the outputs of all rows, and the last states. */
function direction(
  kind: Kind,
  data: Tensor,
  { hidden, cell }: States,
  { inputWeight, hiddenWeight, inputBias, hiddenBias, projection }: RecurrentWeights,
  steps: Steps,
  relu: boolean,
): { output: Tensor; states: States } {
  const bias =
    kind === 'gru' || hiddenBias == null ? inputBias : inputBias == null ? hiddenBias : add(inputBias, hiddenBias);
  const x = linear(data, inputWeight, bias ?? null);
  if (projection != null) {
    const [output, cells] = projectedSteps(x, hidden, cell as Tensor, hiddenWeight, projection, steps);
    return { output, states: { hidden: lastOf(output, steps), cell: lastOf(cells, steps) } };
  }
  const [h0, weight] = [contiguous(hidden), contiguous(hiddenWeight)];
  if (kind === 'lstm') {
    const [output, cells] = lstmSteps(x, h0, contiguous(cell as Tensor), weight, steps) as [Tensor, Tensor];
    return { output, states: { hidden: lastOf(output, steps), cell: lastOf(cells, steps) } };
  }
  const output =
    kind === 'gru'
      ? gruSteps(x, h0, weight, hiddenBias == null ? null : contiguous(hiddenBias), steps)
      : rnnSteps(x, h0, weight, steps, relu);
  return { output, states: { hidden: lastOf(output, steps), cell: null } };
}

/** The initial state [layers · directions, batch, H], checked, in the order of the packed sequence. */
function initialState(
  kind: Kind,
  name: string,
  given: Tensor | null | undefined,
  shape: number[],
  like: Tensor,
): Tensor {
  if (given == null) return zeros(shape, { dtype: like.dtype, device: like.device });
  requireTensor(kind, given, name);
  checkArguments(kind, [like, given]);
  requireSameDtype(kind, like, given);
  if (!sameShape(given.shape, shape))
    throw shapeError(kind, `${name} must be ${formatShape(shape)}, got ${formatShape(given.shape)}`);
  return given;
}

function checkFlags(kind: Kind, options: LstmOptions & RnnOptions): void {
  checkOptions(kind, options);
  const { bidirectional = false, batchFirst = false, training = true, dropout: p = 0, nonlinearity = 'tanh' } = options;
  for (const [label, value] of Object.entries({ bidirectional, batchFirst, training }))
    if (typeof value !== 'boolean')
      throw argumentError(kind, `${label} must be true or false, got ${formatValue(value)}`);
  if (typeof p !== 'number' || !(p >= 0 && p <= 1))
    throw argumentError(kind, `dropout must be in [0, 1], got ${formatValue(p)}`);
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
    throw argumentError(kind, `nonlinearity must be 'tanh' or 'relu', got ${formatValue(nonlinearity)}`);
}

/** Rows of all steps, [total, features], and how many each step has. */
function rowsOfInput(
  kind: Kind,
  input: Input,
  batchFirst: boolean,
): { data: Tensor; sizes: readonly number[]; batched: boolean } {
  if (isPacked(input)) {
    checkPacked(kind, input);
    if (input.data.rank !== 2)
      throw shapeError(kind, `packed data must be [rows, features], got ${formatShape(input.data.shape)}`);
    return { data: input.data, sizes: input.batchSizes, batched: true };
  }
  if (input.rank !== 2 && input.rank !== 3)
    throw shapeError(
      kind,
      `input must be [steps, batch, features] or [steps, features], got ${formatShape(input.shape)}`,
    );
  const x = input.rank === 2 ? unsqueeze(input, 1) : batchFirst ? transpose(input, 0, 1) : input;
  const [steps, batch, features] = x.shape as [number, number, number];
  if (steps === 0) throw shapeError(kind, 'wants at least one step, got none');
  return {
    data: reshape(x, [steps * batch, features]),
    sizes: new Array<number>(steps).fill(batch),
    batched: input.rank === 3,
  };
}

function run(
  kind: Kind,
  input: Input,
  weights: readonly RecurrentWeights[],
  options: LstmOptions & RnnOptions,
): [Input, ...Tensor[]] {
  checkFlags(kind, options);
  const { bidirectional = false, batchFirst = false, dropout: p = 0, training = true, generator } = options;
  if (!isPacked(input)) requireTensor(kind, input);
  const like = isPacked(input) ? input.data : input;
  requireTensor(kind, like);
  checkArguments(kind, [like]);
  requireFloat(kind, like);
  const directions = bidirectional ? 2 : 1;
  if (!Array.isArray(weights) || weights.length === 0 || weights.length % directions !== 0)
    throw argumentError(
      kind,
      `wants ${directions === 2 ? 'two sets of weights a layer' : 'a set of weights a layer'} in an array`,
    );
  return tidy(() => {
    const { data, sizes, batched } = rowsOfInput(kind, input, batchFirst);
    const order = isPacked(input) ? input.sortedIndices : null;
    const layers = weights.length / directions;
    const batch = sizes[0] as number;
    let features = data.shape[1] as number;
    const { hidden, output: width } = checkWeights(kind, like, weights[0] as RecurrentWeights, features);
    const start = (name: 'hidden' | 'cell'): Tensor => {
      const shape = [weights.length, ...(batched ? [batch] : []), name === 'cell' ? hidden : width];
      const t = initialState(kind, name, options[name], shape, like);
      return reorder(batched ? t : unsqueeze(t, 1), order, false);
    };
    const [h0, c0] = [start('hidden'), kind === 'lstm' ? start('cell') : null];
    let current = data;
    const ends: States[] = [];
    for (let layer = 0; layer < layers; layer++) {
      const outputs: Tensor[] = [];
      for (let way = 0; way < directions; way++) {
        const at = layer * directions + way;
        const own = weights[at] as RecurrentWeights;
        const sizesHere = checkWeights(kind, like, own, features);
        if (sizesHere.hidden !== hidden || sizesHere.output !== width)
          throw shapeError(
            kind,
            `every layer must have ${hidden} hidden units and ${width} outputs, layer ${layer} has ${sizesHere.hidden} and ${sizesHere.output}`,
          );
        const states = { hidden: select(h0, 0, at), cell: c0 === null ? null : select(c0, 0, at) };
        const result = direction(
          kind,
          current,
          states,
          own,
          { sizes, reverse: way === 1 },
          options.nonlinearity === 'relu',
        );
        outputs.push(result.output);
        ends.push(result.states);
      }
      current = outputs.length === 1 ? (outputs[0] as Tensor) : cat(outputs, 1);
      features = width * directions;
      if (p > 0 && training && layer < layers - 1) current = dropout(current, { p, generator });
    }
    const final = (states: readonly Tensor[]): Tensor => {
      const all = reorder(stack(states), order, true);
      return batched ? all : select(all, 1, 0);
    };
    const rest = [final(ends.map((end) => end.hidden))];
    if (kind === 'lstm') rest.push(final(ends.map((end) => end.cell as Tensor)));
    if (isPacked(input)) return [{ ...input, data: current }, ...rest];
    const output = reshape(current, [sizes.length, batch, features]);
    return [batched ? (batchFirst ? transpose(output, 0, 1) : output) : select(output, 1, 0), ...rest];
  });
}

/**
 * Elman's recurrent network: h = tanh(W x + b + V h₋ + c), or with nonlinearity 'relu', over all steps and layers.
 * @param input - [steps, batch, features], [steps, features], or a packed sequence
 * @param weights - one for each layer (and direction)
 * @returns [output [steps, batch, directions · H], hidden [layers · directions, batch, H]]
 * @example
 * const w = { inputWeight: ones([4, 3]), hiddenWeight: ones([4, 4]) };
 * rnn(ones([5, 2, 3]), [w])[0].shape; // [5, 2, 4]
 */
export function rnn<X extends Input>(
  input: X,
  weights: readonly RecurrentWeights[],
  options: RnnOptions = {},
): [output: X, hidden: Tensor] {
  return run('rnn', input, weights, options) as [X, Tensor];
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997) over all steps and layers.
 * @param input - [steps, batch, features], [steps, features], or a packed sequence
 * @param weights - one for each layer (and direction), gates in the order i, f, g, o
 * @returns [output [steps, batch, directions · H], hidden and cell [layers · directions, batch, H]]; outputs and hidden
 * states have P features with a projection
 * @example
 * const w = { inputWeight: ones([16, 3]), hiddenWeight: ones([16, 4]) };
 * lstm(ones([5, 2, 3]), [w])[0].shape; // [5, 2, 4]
 */
export function lstm<X extends Input>(
  input: X,
  weights: readonly RecurrentWeights[],
  options: LstmOptions = {},
): [output: X, hidden: Tensor, cell: Tensor] {
  return run('lstm', input, weights, options) as unknown as [X, Tensor, Tensor];
}

/**
 * Gated recurrent units (Cho 2014, with the reset gate after the product as in cuDNN) over all steps and layers.
 * @param input - [steps, batch, features], [steps, features], or a packed sequence
 * @param weights - one for each layer (and direction), gates in the order r, z, n
 * @returns [output [steps, batch, directions · H], hidden [layers · directions, batch, H]]
 * @example
 * const w = { inputWeight: ones([12, 3]), hiddenWeight: ones([12, 4]) };
 * gru(ones([5, 2, 3]), [w])[0].shape; // [5, 2, 4]
 */
export function gru<X extends Input>(
  input: X,
  weights: readonly RecurrentWeights[],
  options: RecurrentOptions = {},
): [output: X, hidden: Tensor] {
  return run('gru', input, weights, options) as [X, Tensor];
}

/** One step of a layer for x [batch, features] or [features]. */
function cell(kind: Kind, x: Tensor, state: LstmOptions & RnnOptions, weights: RecurrentWeights): Tensor[] {
  requireTensor(kind, x);
  if (x.rank !== 1 && x.rank !== 2)
    throw shapeError(kind, `input must be [batch, features] or [features], got ${formatShape(x.shape)}`);
  return tidy(() => {
    const grown = (t: Tensor | null | undefined, name: string): Tensor | null => {
      if (t == null) return null;
      requireTensor(kind, t, name);
      return unsqueeze(t, 0);
    };
    const [, ...states] = run(kind, unsqueeze(x, 0), [weights], {
      ...state,
      hidden: grown(state.hidden, 'hidden'),
      cell: grown(state.cell, 'cell'),
    });
    return states.map((t) => select(t, 0, 0));
  });
}

/**
 * One step of `rnn`.
 * @param x - [batch, features] or [features]
 * @param hidden - [batch, H] or [H]; zeros when null
 * @returns the next hidden state
 * @example
 * rnnCell(ones([2, 3]), null, { inputWeight: ones([4, 3]), hiddenWeight: ones([4, 4]) }).shape; // [2, 4]
 */
export function rnnCell(
  x: Tensor,
  hidden: Tensor | null,
  weights: RecurrentWeights,
  options: Pick<RnnOptions, 'nonlinearity'> = {},
): Tensor {
  checkOptions('rnnCell', options);
  return cell('rnn', x, { hidden, nonlinearity: options.nonlinearity }, weights)[0] as Tensor;
}

/**
 * One step of `lstm`.
 * @param x - [batch, features] or [features]
 * @param state - hidden and cell state, [batch, H] or [H] each; zeros when null
 * @returns the next [hidden, cell]
 * @example
 * lstmCell(ones([2, 3]), null, { inputWeight: ones([16, 3]), hiddenWeight: ones([16, 4]) })[0].shape; // [2, 4]
 */
export function lstmCell(
  x: Tensor,
  state: readonly [hidden: Tensor, cell: Tensor] | null,
  weights: RecurrentWeights,
): [hidden: Tensor, cell: Tensor] {
  if (state !== null && (!Array.isArray(state) || state.length !== 2))
    throw argumentError('lstmCell', `state must be [hidden, cell] or null, got ${formatValue(state)}`);
  const [hidden = null, memory = null] = state ?? [];
  return cell('lstm', x, { hidden, cell: memory }, weights) as [Tensor, Tensor];
}

/**
 * One step of `gru`.
 * @param x - [batch, features] or [features]
 * @param hidden - [batch, H] or [H]; zeros when null
 * @returns the next hidden state
 * @example
 * gruCell(ones([2, 3]), null, { inputWeight: ones([12, 3]), hiddenWeight: ones([12, 4]) }).shape; // [2, 4]
 */
export function gruCell(x: Tensor, hidden: Tensor | null, weights: RecurrentWeights): Tensor {
  return cell('gru', x, { hidden }, weights)[0] as Tensor;
}
