import { withContextSync } from '../core/context.ts';
import { type Device, device } from '../core/device.ts';
import { type DType, dtypes, isFloat } from '../core/dtype.ts';
import { scopeChildren } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { checkFunction, checkOptions, formatValue } from '../core/values.ts';
import { argumentError, shapeError } from '../errors.ts';
import { dropGrads } from '../ops/optim-lists.ts';
import { type Buffer, buffer, type Parameter, parameter, roleOf } from './parameter.ts';

/** A module's parameters and buffers by path, in the order of declaration. */
export type StateDict = Map<string, Tensor>;

/** A module that maps one tensor to one tensor: what Sequential and Trainer take. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** Paths where a state dict and a module differ. */
export interface StateDifference {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/**
 * Base of everything with parameters. A module's state is what its properties hold: tensors marked by `parameter()` or
 * `buffer()`, other modules, and arrays of modules. There is nothing to register; private `#fields` stay out.
 *
 * @example
 * class Net extends nn.Module {
 *   hidden = new nn.Linear(2, 8);
 *   out = new nn.Linear(8, 1);
 *   forward(x: Tensor): Tensor { return this.out.forward(this.hidden.forward(x).tanh()); }
 * }
 * new Net().parameters().length; // 4
 */
export abstract class Module {
  /** Whether layers such as Dropout and BatchNorm2d behave as in training; set by `train()` and `eval()`. */
  training = true;

  /** Direct children with their property names; the elements of an array are `name.0`, `name.1`, … */
  *namedChildren(): Generator<[string, Module], void, undefined> {
    for (const [key, value] of Object.entries(this)) {
      if (value instanceof Module) yield [key, value];
      if (!Array.isArray(value)) continue;
      for (const [i, each] of value.entries()) if (each instanceof Module) yield [`${key}.${i}`, each];
    }
  }

  children(): Module[] {
    return [...this.namedChildren()].map(([, child]) => child);
  }

  /** This module (path '') and all below it, each once. */
  *namedModules(): Generator<[string, Module], void, undefined> {
    const seen = new Set<Module>();
    const stack: [string, Module][] = [['', this]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [path, module] = top;
      if (seen.has(module)) continue;
      seen.add(module);
      yield top;
      const below = [...module.namedChildren()].map(([name, child]): [string, Module] => [join(path, name), child]);
      stack.push(...below.reverse());
    }
  }

  modules(): Module[] {
    return [...this.namedModules()].map(([, module]) => module);
  }

  /** Parameters with their paths, each tensor once, own ones before those of children. */
  *namedParameters(): Generator<[string, Parameter], void, undefined> {
    for (const [path, t] of once(this.#state('parameter'))) yield [path, t as Parameter];
  }

  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, t]) => t);
  }

  /** Buffers with their paths, each tensor once. */
  *namedBuffers(): Generator<[string, Buffer], void, undefined> {
    for (const [path, t] of once(this.#state('buffer'))) yield [path, t as Buffer];
  }

  buffers(): Buffer[] {
    return [...this.namedBuffers()].map(([, t]) => t);
  }

  *#state(role: 'parameter' | 'buffer' | 'any'): Generator<[string, Tensor], void, undefined> {
    for (const [path, module] of this.namedModules()) {
      for (const [key, value] of Object.entries(module)) {
        const found = roleOf(value);
        if (found !== null && (role === 'any' || role === found)) yield [join(path, key), value as Tensor];
      }
    }
  }

  /** Puts this module and all below it into training mode. */
  train(): this {
    for (const module of this.modules()) module.training = true;
    return this;
  }

  /** Puts this module and all below it into evaluation mode. */
  eval(): this {
    for (const module of this.modules()) module.training = false;
    return this;
  }

  /**
   * The parameters and buffers by path: the tensors themselves, not copies.
   * @example
   * [...new nn.Linear(2, 3).stateDict().keys()]; // ['weight', 'bias']
   */
  stateDict(): StateDict {
    return new Map(this.#state('any'));
  }

  /**
   * Copies the values of `state` into the parameters and buffers; everything is checked before anything is copied.
   * @param options.strict - whether missing and unexpected paths are errors (the default) or only reported
   * @throws ERR_ARGUMENT naming the paths that differ, ERR_SHAPE naming every tensor of another shape.
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options: { readonly strict?: boolean } = {}): StateDifference {
    checkOptions('loadStateDict', options);
    const { strict = true } = options;
    if (!(state instanceof Map))
      throw argumentError('loadStateDict', `wanted a Map of tensors, got ${formatValue(state)}`);
    for (const t of state.values()) requireTensor('loadStateDict', t, 'each value of the state');
    const own = this.stateDict();
    const missing = [...own.keys()].filter((path) => !state.has(path));
    const unexpected = [...state.keys()].filter((path) => !own.has(path));
    if (strict && missing.length + unexpected.length > 0) {
      const parts = [list('missing', missing), list('unexpected', unexpected)].filter((part) => part !== '');
      throw argumentError('loadStateDict', `${this.constructor.name} and the state differ: ${parts.join('; ')}`);
    }
    const pairs = [...own].flatMap(([path, target]) => {
      const source = state.get(path);
      return source === undefined ? [] : [{ path, target, source }];
    });
    const wrong = pairs
      .filter(({ target, source }) => target.shape.join() !== source.shape.join())
      .map(
        ({ path, target, source }) => `${path} wants [${target.shape.join(', ')}], got [${source.shape.join(', ')}]`,
      );
    if (wrong.length > 0) throw shapeError('loadStateDict', list('', wrong));
    withContextSync({ gradMode: false }, () => {
      for (const { target, source } of pairs) copyInto(target, source);
    });
    return { missing, unexpected };
  }

  /**
   * Moves parameters and buffers to a device, or casts the fractional ones to a dtype. They become new tensors when that
   * changes anything, so make the optimizer afterwards.
   * @example
   * new nn.Linear(2, 3).to('float64').weight.dtype; // 'float64'
   */
  to(target: string | Device | DType): this {
    const moved = new Map<Tensor, Tensor>(); // a tensor shared by two modules stays shared
    for (const module of this.modules()) {
      for (const [key, value] of Object.entries(module)) {
        const role = roleOf(value);
        if (role === null) continue;
        const old = value as Tensor;
        const made = moved.get(old) ?? moveOne(old, role, target);
        moved.set(old, made);
        if (made !== old) Reflect.set(module, key, made);
      }
    }
    for (const [old, made] of moved) if (made !== old) old.dispose();
    return this;
  }

  /** Drops every gradient. */
  zeroGrad(): this {
    dropGrads(this.parameters());
    return this;
  }

  /** Says whether the parameters are trained; `requiresGrad_(false)` freezes them. */
  requiresGrad_(value = true): this {
    for (const p of this.parameters()) p.requiresGrad = value;
    return this;
  }

  /**
   * Calls `fn` with this module and all below it.
   * @example
   * net.apply((m) => { if (m instanceof nn.Linear) nn.init.zeros(m.weight); });
   */
  apply(fn: (module: Module, path: string) => void): this {
    checkFunction('apply', 'fn', fn);
    for (const [path, module] of [...this.namedModules()]) fn(module, path);
    return this;
  }

  /** Frees the parameters, buffers and gradients. */
  dispose(): void {
    this.zeroGrad();
    for (const [, t] of this.#state('any')) t.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The options that `toString` shows in parentheses. */
  protected options(): string {
    return '';
  }

  /** The tree of layers and the number of parameters. */
  toString(): string {
    const count = this.parameters().reduce((sum, p) => sum + p.size, 0);
    return `${tree(this)}\n${count.toLocaleString('en-US')} parameters`;
  }

  /** One module's line for `toString`. */
  static describe(module: Module): string {
    return `${module.constructor.name}(${module.options()})`;
  }
}

// What a scope searches for tensors when a module is its result. (A computed member has no type in isolated declarations.)
Object.defineProperty(Module.prototype, scopeChildren, {
  value: function* (this: Module): Generator<unknown, void, undefined> {
    for (const module of this.modules()) for (const value of Object.values(module)) if (value !== module) yield value;
  },
});

function tree(module: Module): string {
  const below = [...module.namedChildren()];
  const line = Module.describe(module);
  if (below.length === 0) return line;
  const inner = below.map(([name, child]) => `(${name}): ${tree(child)}`.replace(/^/gm, '  '));
  return `${line.slice(0, -1)}\n${inner.join('\n')}\n)`;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function* once(entries: Iterable<[string, Tensor]>): Generator<[string, Tensor], void, undefined> {
  const seen = new Set<Tensor>();
  for (const [path, t] of entries) {
    if (seen.has(t)) continue;
    seen.add(t);
    yield [path, t];
  }
}

function list(label: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const shown = items.slice(0, 5).join(', ');
  return `${label} ${shown}${items.length > 5 ? ` and ${items.length - 5} more` : ''}`.trim();
}

function copyInto(target: Tensor, source: Tensor): void {
  if (target === source) return;
  if (target.device === source.device) {
    target.copy_(source);
    return;
  }
  const here = source.to(target.device);
  target.copy_(here);
  here.dispose();
}

function moveOne(t: Tensor, role: 'parameter' | 'buffer', target: string | Device | DType): Tensor {
  const dtype = dtypes.find((each) => each === target);
  if (dtype !== undefined && !isFloat(dtype))
    throw argumentError('Module.to', `wanted a fractional dtype, got ${dtype}`);
  if (dtype === undefined ? device(target) === t.device : dtype === t.dtype || !isFloat(t.dtype)) return t;
  const made = withContextSync({ gradMode: false, scope: null }, () => t.to(target));
  if (role === 'buffer') return buffer(made);
  const moved = parameter(made);
  moved.requiresGrad = t.requiresGrad;
  return moved;
}
