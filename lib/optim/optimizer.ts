import { withContextSync } from '../core/context.ts';
import type { Device } from '../core/device.ts';
import { computeDtype, isFloat } from '../core/dtype.ts';
import { keep } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkLive, requireTensor, Tensor } from '../core/tensor.ts';
import { checkArray, checkIterable, checkMap, checkOptions } from '../core/values.ts';
import { argumentError, deviceError, dtypeError, shapeError } from '../errors.ts';
import { zeros } from '../ops/index.ts';
import { dropGrads, stepWide } from '../ops/optim-lists.ts';
import type { StepTensors } from '../ops/optim-steps.ts';
import { type Hyper, ParamGroup } from './param-group.ts';

/** Parameters with hyper-parameters of their own; those left out are the optimizer's. */
export type GroupOptions<K extends string> = { readonly params: Iterable<Tensor> } & Partial<Hyper<K>>;

/** What an optimizer trains: parameters, or groups of them. */
export type Params<K extends string> = Iterable<Tensor> | readonly GroupOptions<K>[];

/** Options of `step`. */
export interface StepOptions {
  /** One bool on the parameters' device: where it is true nothing changes, counts of steps included. It is not read back. */
  readonly skip?: Tensor | null | undefined;
}

/** An optimizer's whole state: tensors by name, and numbers that fit into JSON. */
export interface OptimizerState {
  readonly kind: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly groups: readonly {
    readonly hyper: Readonly<Record<string, number>>;
    /** Parameters that have always been stepped together and share a step count. */
    readonly cohorts: readonly (readonly number[])[];
  }[];
}

/** Members of one group with the same number of steps behind them; a parameter may miss steps when it has no gradient. */
interface Cohort {
  readonly members: readonly number[];
  readonly state: Tensor;
}

interface GroupState {
  cohorts: Cohort[];
  /** One tensor for each parameter, by slot name: 'momentum', or 'm' and 'v'. */
  readonly slots: ReadonlyMap<string, readonly Tensor[]>;
}

/** One kernel call of a step. */
interface Call<K extends string> {
  readonly group: ParamGroup<K>;
  readonly tensors: StepTensors;
  readonly slots: ReadonlyMap<string, readonly Tensor[]>;
}

/**
 * Base of the optimizers: groups, state and its files. All state is made here, once, so that a captured step finds it; a
 * step is one kernel for all parameters of a group that have gradients.
 */
export abstract class Optimizer<K extends string = string> {
  readonly groups: readonly ParamGroup<K>[];
  readonly #states: readonly GroupState[];

  /**
   * @param defaults - every hyper-parameter in the kernel's order, 'lr' among them
   * @param variantSlots - names of slots this variant of the optimizer needs beside `slotNames`
   */
  protected constructor(params: Params<K>, defaults: Hyper<K>, variantSlots: readonly string[] = []) {
    const kind = this.constructor.name;
    const lists = toGroups(kind, params);
    const device = checkParams(
      kind,
      lists.flatMap((list) => list.params),
    );
    const base = (defaults as Readonly<Record<string, number>>)['lr'] ?? 0;
    this.groups = lists.map(({ params: members, ...own }) => {
      const values = pick(defaults, own);
      const lr = (values as Readonly<Record<string, number>>)['lr'] ?? 0;
      const check = (next: Hyper<K>): void => this.check(next, values);
      return new ParamGroup({ params: members, device, values, lrScale: base === 0 ? 1 : lr / base, check });
    });
    this.#states = withContextSync({ gradMode: false, scope: null }, () =>
      this.groups.map((group) => this.#makeState(group, variantSlots)),
    );
  }

  /** Throws ERR_ARGUMENT for values out of range; `first` are those the group was made with. */
  protected abstract check(values: Hyper<K>, first: Hyper<K>): void;

  /** Names of the tensors kept for each parameter of a group. */
  protected abstract slotNames(values: Hyper<K>): readonly string[];

  /** Shape of the tensor `name` kept for a parameter. */
  protected slotShape(_name: string, param: Tensor): Shape {
    return param.shape;
  }

  /** How many numbers, the count of steps first, a cohort keeps for all its parameters; they begin as 0. */
  protected stateSize(): number {
    return 1;
  }

  /** Queues one kernel. */
  protected abstract update(tensors: StepTensors, slots: ReadonlyMap<string, readonly Tensor[]>): void;

  /** The first group's learning rate; setting it changes every group in proportion to its own first one. */
  get lr(): number {
    return this.groups[0]?.lr ?? Number.NaN;
  }

  set lr(value: number) {
    for (const group of this.groups) group.lr = value * group.lrScale;
  }

  /** All parameters, group by group. */
  get params(): readonly Tensor[] {
    return this.groups.flatMap((group) => group.params);
  }

  /**
   * Changes every parameter that has a gradient. Parameters of float16 and bfloat16 are computed in float32, their state is
   * kept in it. Everything is checked before the first kernel is queued.
   * @throws ERR_DISPOSED when a parameter or gradient is gone.
   */
  step(options: StepOptions = {}): void {
    const where = `${this.constructor.name}.step`;
    checkOptions(where, options);
    const skip = checkSkip(where, this.params[0] as Tensor, options.skip ?? null);
    const calls = this.groups.flatMap((group, g) => this.#calls(group, this.#states[g] as GroupState, skip));
    for (const { tensors, slots } of calls) {
      stepWide(where, tensors.params, tensors.grads, (params, grads) =>
        this.update({ ...tensors, params, grads }, slots),
      );
    }
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    dropGrads(this.params);
  }

  /** Moments, step counts and hyper-parameters, to be continued by `loadStateDict`. */
  stateDict(): OptimizerState {
    const tensors = new Map<string, Tensor>();
    this.#states.forEach(({ cohorts, slots }, g) => {
      for (const [c, { state }] of cohorts.entries()) tensors.set(`${g}.step.${c}`, state);
      for (const [name, list] of slots) for (const [i, t] of list.entries()) tensors.set(`${g}.${name}.${i}`, t);
    });
    return {
      kind: this.constructor.name,
      tensors,
      groups: this.groups.map((group, g) => ({
        hyper: { ...group.values },
        cohorts: (this.#states[g] as GroupState).cohorts.map(({ members }) => [...members]),
      })),
    };
  }

  /**
   * Continues from a state of the same kind of optimizer over the same parameters; all of it is checked first.
   * @throws ERR_ARGUMENT or ERR_SHAPE naming what differs.
   */
  loadStateDict(state: OptimizerState): void {
    this.#checkState(state);
    withContextSync({ gradMode: false, scope: null }, () => {
      state.groups.forEach(({ hyper, cohorts }, g) => {
        const own = this.#states[g] as GroupState;
        if (!sameCohorts(own.cohorts, cohorts)) {
          for (const cohort of own.cohorts) cohort.state.dispose();
          const { device } = (this.groups[g] as ParamGroup<K>).hyper;
          own.cohorts = cohorts.map((members) => ({ members, state: this.#newState(device) }));
        }
        this.groups[g]?.set(hyper as Partial<Hyper<K>>);
      });
      for (const [name, target] of this.stateDict().tensors) {
        const source = state.tensors.get(name) as Tensor;
        const here = source.device === target.device ? source : source.to(target.device);
        target.copy_(here);
        if (here !== source) here.dispose();
      }
    });
  }

  /** Frees the optimizer's state; the parameters stay. */
  dispose(): void {
    for (const t of this.stateDict().tensors.values()) t.dispose();
    for (const group of this.groups) group.hyper.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #newState(device: Device): Tensor {
    return keep(zeros([this.stateSize()], { dtype: 'float64', device }));
  }

  #makeState(group: ParamGroup<K>, variantSlots: readonly string[]): GroupState {
    const { params } = group;
    const slots = new Map<string, readonly Tensor[]>();
    for (const name of [...this.slotNames(group.values), ...variantSlots]) {
      const zerosFor = ({ dtype, device }: Tensor, shape: Shape): Tensor =>
        keep(zeros(shape, { dtype: computeDtype[dtype], device }));
      slots.set(
        name,
        params.map((p) => zerosFor(p, this.slotShape(name, p))),
      );
    }
    const dtypes = [...new Set(params.map((p) => p.dtype))];
    const cohorts = dtypes.map((dtype) => ({
      members: params.flatMap((p, i) => (p.dtype === dtype ? [i] : [])),
      state: this.#newState(group.hyper.device),
    }));
    return { cohorts, slots };
  }

  #calls(group: ParamGroup<K>, own: GroupState, skip: Tensor | null): Call<K>[] {
    const where = `${this.constructor.name}.step`;
    const calls: Call<K>[] = [];
    for (const cohort of [...own.cohorts]) {
      const active = cohort.members.filter((i) => (group.params[i] as Tensor).grad !== null);
      if (active.length === 0) continue;
      for (const i of active) {
        const p = group.params[i] as Tensor;
        checkLive(where, p);
        checkLive(where, p.grad as Tensor);
      }
      const { state } = active.length === cohort.members.length ? cohort : split(own, cohort, active);
      const params = active.map((i) => group.params[i] as Tensor);
      const slots = new Map([...own.slots].map(([name, list]) => [name, active.map((i) => list[i] as Tensor)]));
      calls.push({
        group,
        slots,
        tensors: { params, grads: params.map((p) => p.grad as Tensor), state, hyper: group.hyper, skip },
      });
    }
    return calls;
  }

  #checkState(state: OptimizerState): void {
    const where = `${this.constructor.name}.loadStateDict`;
    checkOptions(where, state);
    if (state.kind !== this.constructor.name) throw argumentError(where, `the state is of ${state.kind}`);
    checkArray(where, 'groups', state.groups);
    checkMap(where, 'tensors', state.tensors);
    if (state.groups.length !== this.groups.length) {
      throw argumentError(where, `wanted ${this.groups.length} groups, got ${state.groups.length}`);
    }
    const wanted = new Map<string, readonly number[]>();
    state.groups.forEach(({ hyper, cohorts }, g) => {
      const { params, values } = this.groups[g] as ParamGroup<K>;
      checkPartition(where, cohorts, params);
      for (const c of cohorts.keys()) wanted.set(`${g}.step.${c}`, [this.stateSize()]);
      for (const [name, list] of (this.#states[g] as GroupState).slots) {
        for (const [i, t] of list.entries()) wanted.set(`${g}.${name}.${i}`, t.shape);
      }
      const missing = Object.keys(values).filter((name) => !Object.hasOwn(hyper, name));
      if (missing.length > 0) throw argumentError(where, `group ${g} has no ${missing.join(', ')}`);
      this.check(pick(values, hyper), values);
    });
    const unexpected = [...state.tensors.keys()].filter((name) => !wanted.has(name));
    if (unexpected.length > 0) throw argumentError(where, `unexpected ${unexpected.slice(0, 5).join(', ')}`);
    for (const [name, shape] of wanted) {
      const t = state.tensors.get(name);
      if (t === undefined) throw argumentError(where, `missing ${name}`);
      if (t.shape.join() !== shape.join()) {
        throw shapeError(where, `${name}: wanted [${shape.join(', ')}], got [${t.shape.join(', ')}]`);
      }
    }
  }
}

function checkSkip(where: string, beside: Tensor, skip: Tensor | null): Tensor | null {
  if (skip === null) return null;
  requireTensor(where, skip, 'skip');
  checkLive(where, skip);
  if (skip.dtype !== 'bool') throw dtypeError(where, `skip must be bool, got ${skip.dtype}`);
  if (skip.size !== 1) throw shapeError(where, `skip must be one bool, got [${skip.shape.join(', ')}]`);
  if (skip.device !== beside.device)
    throw deviceError(where, `skip is on ${skip.device.name}, the parameters are on ${beside.device.name}`);
  return skip;
}

/** Parts with the members that have gradients now: from here on their step counts differ. */
function split(own: GroupState, cohort: Cohort, active: readonly number[]): Cohort {
  const rest = cohort.members.filter((i) => !active.includes(i));
  const state = withContextSync({ gradMode: false, scope: null }, () => keep(cohort.state.clone()));
  const made = { members: active, state };
  own.cohorts = own.cohorts.flatMap((each) =>
    each === cohort ? [made, { members: rest, state: cohort.state }] : [each],
  );
  return made;
}

function sameCohorts(own: readonly Cohort[], other: readonly (readonly number[])[]): boolean {
  return own.length === other.length && own.every(({ members }, c) => members.join() === other[c]?.join());
}

/** Every parameter in exactly one cohort, and one dtype in each. */
function checkPartition(where: string, cohorts: readonly (readonly number[])[], params: readonly Tensor[]): void {
  const all = cohorts.flat().sort((a, b) => a - b);
  const whole = all.length === params.length && all.every((member, i) => member === i);
  const pure = cohorts.every((members) => new Set(members.map((i) => params[i]?.dtype)).size === 1);
  if (!whole || !pure) throw argumentError(where, 'the cohorts do not fit the parameters');
}

function pick<K extends string>(defaults: Hyper<K>, own: Readonly<Record<string, unknown>>): Hyper<K> {
  const values: Record<string, number> = { ...defaults };
  for (const name of Object.keys(defaults)) {
    const value = own[name];
    if (value !== undefined) values[name] = value as number; // checked by the optimizer's own rule
  }
  return values as Hyper<K>;
}

function toGroups<K extends string>(
  where: string,
  params: Params<K>,
): ({ readonly params: readonly Tensor[] } & Readonly<Record<string, unknown>>)[] {
  checkIterable(where, 'params', params);
  const items: readonly unknown[] = [...params];
  if (items.every((item) => item instanceof Tensor)) return [{ params: items }];
  return items.map((item, g) => {
    if (typeof item !== 'object' || item === null || !('params' in item)) {
      throw argumentError(where, `item ${g}: wanted a tensor or a group { params, … }, all of one sort`);
    }
    checkIterable(where, `params of group ${g}`, item.params);
    return { ...item, params: [...(item.params as Iterable<Tensor>)] };
  });
}

function checkParams(where: string, params: readonly Tensor[]): Tensor['device'] {
  const [first] = params;
  if (first === undefined) throw argumentError(where, 'wanted parameters, got none');
  requireTensor(where, first, 'each parameter');
  if (new Set(params).size !== params.length) throw argumentError(where, 'a parameter occurs twice');
  for (const p of params) {
    requireTensor(where, p, 'each parameter');
    checkLive(where, p);
    if (!isFloat(p.dtype)) throw dtypeError(where, `wanted float parameters, got ${p.dtype}`);
    if (!p.isLeaf) throw argumentError(where, 'wanted leaf tensors, got the result of an op');
    if (p.device !== first.device)
      throw deviceError(where, `parameters are on ${first.device.name} and ${p.device.name}`);
  }
  return first.device;
}
