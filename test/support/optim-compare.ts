import { strict as assert } from 'node:assert';
import { type optim, type Tensor, tensor } from '../../lib/index.ts';
import { freshMemory, type Memory } from './optim-reference.ts';
import { close } from './rejects.ts';
import { elements } from './tensors.ts';

const sizes: readonly number[] = [1, 7, 300];
const steps = 13;

// Any numbers will do, as long as they change sign and size.
export const start = (k: number, i: number): number => Math.sin(3 * k + i) * 2;
export const gradient = (k: number, i: number, step: number): number =>
  Math.cos(k + 0.7 * i + 1.3 * step) * 10 ** ((i % 5) - 2);

export type FloatDtype = 'float32' | 'float64';
/** Changes one parameter's numbers by one step. */
export type Update = (p: number[], g: readonly number[], memories: readonly Memory[], step: number) => void;

/** A rule for one element as one for all of a tensor. */
export function eachElement(rule: (p: number, g: number, memory: Memory, step: number) => number): Update {
  return (p, g, memories, step) => {
    for (const [i, value] of p.entries()) p[i] = rule(value, g[i] as number, memories[i] as Memory, step);
  };
}

/** Runs an optimizer beside its formula; `before` may change the optimizer before a step. */
export function compare<O extends Pick<optim.Optimizer, 'step' | 'zeroGrad'>>(
  dtype: FloatDtype,
  device: string,
  make: (params: readonly Tensor[]) => O,
  update: Update,
  before: (optimizer: O, step: number) => void = () => {},
): void {
  const params = sizes.map((size, k) =>
    tensor(
      Array.from({ length: size }, (_, i) => start(k, i)),
      { dtype, device, requiresGrad: true },
    ),
  );
  const wanted = params.map((p) => [...elements(p)]);
  const memories = sizes.map((size) => Array.from({ length: size }, freshMemory));
  const optimizer = make(params);
  for (let step = 0; step < steps; step++) {
    before(optimizer, step);
    for (const [k, p] of params.entries()) {
      const grads = Array.from({ length: p.size }, (_, i) => gradient(k, i, step));
      p.grad = tensor(grads, { dtype, device });
      update(wanted[k] as number[], grads, memories[k] as Memory[], step);
    }
    optimizer.step();
    optimizer.zeroGrad();
    assert.ok(params.every((p) => p.grad === null));
  }
  for (const [k, p] of params.entries()) close(elements(p), wanted[k] ?? [], dtype === 'float64' ? 1e-12 : 2e-5);
}
