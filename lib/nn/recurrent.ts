import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';
import type { PackedSequence, RecurrentWeights } from '../ops/index.ts';
import { empty, gru, gruCell, lstm, lstmCell, rnn, rnnCell } from '../ops/index.ts';
import * as init from './init.ts';
import { Module } from './module.ts';
import { checkSizes, type LayerOptions } from './options.ts';
import { type Parameter, parameter } from './parameter.ts';

/** Options of `RNN`, `LSTM` and `GRU`. */
export interface RecurrentLayerOptions extends LayerOptions {
  readonly numLayers?: number | undefined;
  readonly bias?: boolean | undefined;
  /** Input and output are [batch, steps, features]. */
  readonly batchFirst?: boolean | undefined;
  /** Probability of an element between layers to become 0 while training. */
  readonly dropout?: number | undefined;
  readonly bidirectional?: boolean | undefined;
}

/** Options of `RNN`. */
export interface RNNOptions extends RecurrentLayerOptions {
  readonly nonlinearity?: 'tanh' | 'relu' | undefined;
}

/** Options of `LSTM`. */
export interface LSTMOptions extends RecurrentLayerOptions {
  /** Features of outputs and hidden states where they are fewer than the cell's: they are projected. */
  readonly projSize?: number | undefined;
}

type Input = Tensor | PackedSequence;

/** One set of weights, uniform in ±1/√H as PyTorch's. */
function draw(
  gates: number,
  features: number,
  hidden: number,
  bias: boolean,
  options: LayerOptions,
  projSize = 0,
): (Parameter | null)[] {
  const { generator, device, dtype } = options;
  const bound = 1 / Math.sqrt(hidden);
  const make = (...shape: number[]): Parameter =>
    parameter(init.uniform(empty(shape, { device, dtype }), -bound, bound, { generator }));
  const weights = [make(gates * hidden, features), make(gates * hidden, projSize || hidden)];
  const biases = bias ? [make(gates * hidden), make(gates * hidden)] : [null, null];
  return [...weights, ...biases, projSize > 0 ? make(projSize, hidden) : null];
}

/** The parameters of all layers under PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0, …_reverse. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bidirectional: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly #suffixes: string[] = [];
  readonly #generator: LayerOptions['generator'];

  constructor(gates: number, inputSize: number, hiddenSize: number, options: RecurrentLayerOptions, projSize = 0) {
    super();
    const name = new.target.name;
    checkOptions(name, options);
    const { numLayers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false, ...place } = options;
    checkSizes(name, { inputSize, hiddenSize, numLayers });
    if (typeof dropout !== 'number' || !(dropout >= 0 && dropout <= 1))
      throw argumentError(name, `dropout: wanted a probability from 0 to 1, got ${formatValue(dropout)}`);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bidirectional = bidirectional;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.#generator = place.generator;
    const ways = bidirectional ? ['', '_reverse'] : [''];
    for (let layer = 0; layer < numLayers; layer++) {
      for (const way of ways) {
        const suffix = `l${layer}${way}`;
        const features = layer === 0 ? inputSize : ways.length * (projSize || hiddenSize);
        const made = draw(gates, features, hiddenSize, bias, place, projSize);
        ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'].forEach((part, i) => {
          if (made[i] !== null) Reflect.set(this, `${part}_${suffix}`, made[i]);
        });
        this.#suffixes.push(suffix);
      }
    }
  }

  /** What the op takes: read anew at each call, because `to()` and `loadStateDict` may have changed them. */
  protected weights(): RecurrentWeights[] {
    const get = (name: string): Parameter | null => (Reflect.get(this, name) as Parameter | undefined) ?? null;
    return this.#suffixes.map((suffix) => ({
      inputWeight: get(`weight_ih_${suffix}`) as Parameter,
      hiddenWeight: get(`weight_hh_${suffix}`) as Parameter,
      inputBias: get(`bias_ih_${suffix}`),
      hiddenBias: get(`bias_hh_${suffix}`),
      projection: get(`weight_hr_${suffix}`),
    }));
  }

  protected settings(): {
    bidirectional: boolean;
    batchFirst: boolean;
    dropout: number;
    training: boolean;
    generator: LayerOptions['generator'];
  } {
    const { bidirectional, batchFirst, dropout, training } = this;
    return { bidirectional, batchFirst, dropout, training, generator: this.#generator };
  }

  protected override options(): string {
    const { inputSize, hiddenSize, numLayers, bidirectional } = this;
    const layers = numLayers > 1 ? `, numLayers: ${numLayers}` : '';
    return `${inputSize}, ${hiddenSize}${layers}${bidirectional ? ', bidirectional: true' : ''}`;
  }
}

/**
 * Elman's recurrent network over [steps, batch, features] or a packed sequence; see the op `rnn`.
 *
 * @example
 * new nn.RNN(3, 4).forward(ones([5, 2, 3]))[0].shape; // [5, 2, 4]
 */
export class RNN extends Recurrent {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    checkOptions('RNN', options);
    const { nonlinearity = 'tanh', ...rest } = options;
    super(1, inputSize, hiddenSize, rest);
    this.nonlinearity = nonlinearity;
  }

  /** [output, hidden [layers · directions, batch, H]] */
  forward<X extends Input>(x: X, hidden: Tensor | null = null): [output: X, hidden: Tensor] {
    return rnn(x, this.weights(), { ...this.settings(), hidden, nonlinearity: this.nonlinearity });
  }
}

/**
 * Long short-term memory over [steps, batch, features] or a packed sequence; see the op `lstm`.
 *
 * @example
 * new nn.LSTM(3, 4, { bidirectional: true }).forward(ones([5, 2, 3]))[0].shape; // [5, 2, 8]
 */
export class LSTM extends Recurrent {
  readonly projSize: number;

  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    checkOptions('LSTM', options);
    const { projSize = 0, ...rest } = options;
    if (!Number.isSafeInteger(projSize) || projSize < 0 || (projSize > 0 && projSize >= hiddenSize))
      throw argumentError(
        'LSTM',
        `projSize: wanted an integer from 0 to below ${hiddenSize}, got ${formatValue(projSize)}`,
      );
    super(4, inputSize, hiddenSize, rest, projSize);
    this.projSize = projSize;
  }

  /** [output, hidden, cell], the states [layers · directions, batch, H]; P features but of the cell with `projSize` P */
  forward<X extends Input>(
    x: X,
    state: readonly [hidden: Tensor, cell: Tensor] | null = null,
  ): [output: X, hidden: Tensor, cell: Tensor] {
    const [hidden = null, cell = null] = state ?? [];
    return lstm(x, this.weights(), { ...this.settings(), hidden, cell });
  }
}

/**
 * Gated recurrent units over [steps, batch, features] or a packed sequence; see the op `gru`.
 *
 * @example
 * new nn.GRU(3, 4, { numLayers: 2 }).forward(ones([5, 2, 3]))[1].shape; // [2, 2, 4]
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  /** [output, hidden [layers · directions, batch, H]] */
  forward<X extends Input>(x: X, hidden: Tensor | null = null): [output: X, hidden: Tensor] {
    return gru(x, this.weights(), { ...this.settings(), hidden });
  }
}

/** Options of the cells. */
export interface CellOptions extends LayerOptions {
  readonly bias?: boolean | undefined;
}

abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** [gates · H, features] */
  readonly weight_ih: Parameter;
  /** [gates · H, H] */
  readonly weight_hh: Parameter;
  readonly bias_ih: Parameter | null;
  readonly bias_hh: Parameter | null;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options);
    checkSizes(name, { inputSize, hiddenSize });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const made = draw(gates, inputSize, hiddenSize, options.bias ?? true, options);
    [this.weight_ih, this.weight_hh] = made as [Parameter, Parameter];
    this.bias_ih = made[2] ?? null;
    this.bias_hh = made[3] ?? null;
  }

  protected weights(): RecurrentWeights {
    return {
      inputWeight: this.weight_ih,
      hiddenWeight: this.weight_hh,
      inputBias: this.bias_ih,
      hiddenBias: this.bias_hh,
    };
  }

  protected override options(): string {
    return `${this.inputSize}, ${this.hiddenSize}`;
  }
}

/**
 * One step of a recurrent network: [batch, features] → [batch, H].
 *
 * @example
 * new nn.RNNCell(3, 4).forward(ones([2, 3])).shape; // [2, 4]
 */
export class RNNCell extends Cell {
  readonly nonlinearity: 'tanh' | 'relu';

  constructor(inputSize: number, hiddenSize: number, options: CellOptions & Pick<RNNOptions, 'nonlinearity'> = {}) {
    super(1, inputSize, hiddenSize, options);
    this.nonlinearity = options.nonlinearity ?? 'tanh';
  }

  forward(x: Tensor, hidden: Tensor | null = null): Tensor {
    return rnnCell(x, hidden, this.weights(), { nonlinearity: this.nonlinearity });
  }
}

/**
 * One step of long short-term memory: [batch, features] → [hidden, cell].
 *
 * @example
 * new nn.LSTMCell(3, 4).forward(ones([2, 3]))[1].shape; // [2, 4]
 */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }

  forward(x: Tensor, state: readonly [hidden: Tensor, cell: Tensor] | null = null): [hidden: Tensor, cell: Tensor] {
    return lstmCell(x, state, this.weights());
  }
}

/**
 * One step of gated recurrent units: [batch, features] → [batch, H].
 *
 * @example
 * new nn.GRUCell(3, 4).forward(ones([2, 3])).shape; // [2, 4]
 */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  forward(x: Tensor, hidden: Tensor | null = null): Tensor {
    return gruCell(x, hidden, this.weights());
  }
}
