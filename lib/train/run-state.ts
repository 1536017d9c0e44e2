import { tensor } from '../core/create.ts';
import { defaultGenerator, Generator } from '../core/generator.ts';
import type { Tensor } from '../core/tensor.ts';
import type { LoaderState } from '../data/index.ts';
import { formatError } from '../errors.ts';
import { type HostTensor, toHost } from '../io/safetensors.ts';
import type { Module } from '../nn/index.ts';
import type { OptimizerState } from '../optim/index.ts';
import { type Json, member } from './checkpoint.ts';
import type { AnyOptimizer, EpochReport } from './options.ts';

/** Sums over the part of the epoch that is done. */
export interface EpochSums {
  readonly loss: number;
  readonly samples: number;
  readonly seconds: number;
}

/** The numbers of a run; with its tensors they are all there is to continue it exactly. */
export interface RunState {
  readonly step: number;
  readonly loader: LoaderState;
  readonly sums: EpochSums;
  readonly epochs: readonly EpochReport[];
  readonly optimizer: Pick<OptimizerState, 'kind' | 'groups'>;
}

/** Everything on the device that a step reads and changes, by name. */
function runTensors(model: Module, optimizer: AnyOptimizer): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [path, t] of model.stateDict()) tensors.set(`model.${path}`, t);
  for (const [name, t] of optimizer.stateDict().tensors) tensors.set(`optimizer.${name}`, t);
  for (const [name, generator] of generators(model, optimizer)) tensors.set(name, generator.state);
  return tensors;
}

/** The device's own generator and those that layers were given. */
function generators(model: Module, optimizer: AnyOptimizer): Map<string, Generator> {
  const found = new Map<string, Generator>([['generator', defaultGenerator(optimizer.params[0]?.device)]]);
  for (const [path, module] of model.namedModules()) {
    for (const [key, value] of Object.entries(module)) {
      if (value instanceof Generator) found.set(`generator.${path === '' ? key : `${path}.${key}`}`, value);
    }
  }
  return found;
}

/** Copies of the run's tensors on the host, all of one moment. */
export function saveTensors(model: Module, optimizer: AnyOptimizer): Promise<Map<string, HostTensor>> {
  return toHost(runTensors(model, optimizer));
}

/** Writes saved tensors back into the model, the optimizer and the generators. */
export function restoreTensors(
  model: Module,
  optimizer: AnyOptimizer,
  saved: ReadonlyMap<string, HostTensor>,
  numbers: RunState['optimizer'],
): void {
  const device = optimizer.params[0]?.device;
  const part = (prefix: string): Map<string, Tensor> =>
    new Map(
      [...saved].flatMap(([name, { data, dtype, shape }]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor(data, { dtype, shape, device })] as const] : [],
      ),
    );
  const forModel = part('model.');
  const forOptimizer = part('optimizer.');
  try {
    model.loadStateDict(forModel);
    optimizer.loadStateDict({ ...numbers, tensors: forOptimizer });
    for (const [name, generator] of generators(model, optimizer)) {
      const state = saved.get(name)?.data;
      if (!(state instanceof BigInt64Array)) throw formatError('resume', `the checkpoint has no state of ${name}`);
      generator.state.write(state);
    }
  } finally {
    for (const t of [...forModel.values(), ...forOptimizer.values()]) t.dispose();
  }
}

/** A run's numbers as JSON. */
export function toJson(state: RunState): Json {
  return JSON.parse(JSON.stringify(state)) as Json; // drops what JSON has no word for
}

/** Reads a run's numbers, believing nothing. */
export function fromJson(body: unknown): RunState {
  const loader = member(body, 'loader');
  const sums = member(body, 'sums');
  const optimizer = member(body, 'optimizer');
  return {
    step: count(body, 'step'),
    loader: {
      epoch: count(loader, 'epoch'),
      cursor: count(loader, 'cursor'),
      seed: count(loader, 'seed'),
      samples: count(loader, 'samples'),
      batchSize: count(loader, 'batchSize'),
    },
    sums: { loss: number(sums, 'loss'), samples: count(sums, 'samples'), seconds: number(sums, 'seconds') },
    epochs: list(body, 'epochs').map(epochReport),
    optimizer: { kind: text(optimizer, 'kind'), groups: list(optimizer, 'groups').map(groupState) },
  };
}

function epochReport(value: unknown): EpochReport {
  const validation = member(value, 'validation');
  return {
    epoch: count(value, 'epoch'),
    steps: count(value, 'steps'),
    loss: number(value, 'loss'),
    seconds: number(value, 'seconds'),
    samplesPerSecond: number(value, 'samplesPerSecond'),
    validation:
      validation === null
        ? null
        : { loss: number(validation, 'loss'), metrics: numbers(member(validation, 'metrics')) },
  };
}

function groupState(value: unknown): OptimizerState['groups'][number] {
  const cohorts = list(value, 'cohorts').map((cohort) => {
    if (Array.isArray(cohort) && cohort.every((i) => Number.isSafeInteger(i))) return cohort as number[];
    throw formatError('resume', 'a cohort is not a list of integers');
  });
  return { hyper: numbers(member(value, 'hyper')), cohorts };
}

/** A finite number; JSON writes NaN and infinities as null. */
function asNumber(value: unknown, key: string): number {
  if (value === null) return Number.NaN;
  if (typeof value === 'number') return value;
  throw formatError('resume', `${key}: wanted a number, got ${typeof value}`);
}

function number(value: unknown, key: string): number {
  return asNumber(member(value, key), key);
}

function count(value: unknown, key: string): number {
  const found = member(value, key);
  if (typeof found === 'number' && Number.isSafeInteger(found) && found >= 0) return found;
  throw formatError('resume', `${key}: wanted an integer ≥ 0, got ${String(found)}`);
}

function text(value: unknown, key: string): string {
  const found = member(value, key);
  if (typeof found === 'string') return found;
  throw formatError('resume', `${key}: wanted a text, got ${typeof found}`);
}

function list(value: unknown, key: string): readonly unknown[] {
  const found = member(value, key);
  if (Array.isArray(found)) return found;
  throw formatError('resume', `${key}: wanted a list, got ${typeof found}`);
}

function numbers(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) throw formatError('resume', 'wanted numbers by name');
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asNumber(each, key)]));
}
