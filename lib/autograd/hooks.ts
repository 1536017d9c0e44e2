import { dtypeError, gradError } from '../errors.ts';
import { addInPlaceKernel, copied } from '../core/primitives.ts';
import { watch } from '../core/storage.ts';
import { checkLive, requireTensor, type Tensor } from '../core/tensor.ts';
import { checkFunction } from '../core/values.ts';
import type { GradientHook, Hooks, LeafNode, Node } from './tape.ts';
import { gradNode } from './tape.ts';

/** What `registerHook` gives. */
export interface HookHandle {
  /** Takes the hook away; a second call does nothing. */
  remove(): void;
}

function nodeOf(op: string, x: Tensor): Node | LeafNode {
  requireTensor(op, x);
  checkLive(op, x);
  const node = gradNode(x);
  if (node === null) throw gradError(op, 'the tensor does not require grad');
  return node;
}

/**
 * Calls `hook` with the gradient of `x` each time one has been computed in full, before it is used. What the hook returns,
 * if anything, takes the gradient's place. The gradient handed over lives for the call; `clone()` it to keep it.
 * @throws ERR_GRAD when `x` needs no gradient, or in backward when the hook returns another shape or dtype
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * registerHook(x, (g) => g.mul(10));
 * x.square().sum().backward(); // x.grad is [20, 40]
 */
export function registerHook(x: Tensor, hook: GradientHook): HookHandle {
  checkFunction('registerHook', 'the hook', hook);
  const node = nodeOf('registerHook', x);
  node.hooks ??= new Map() as Hooks;
  const hooks = node.hooks.get(x._index) ?? new Set();
  node.hooks.set(x._index, hooks);
  const own: GradientHook = (g) => hook(g);
  hooks.add(own);
  return { remove: () => void hooks.delete(own) };
}

/**
 * Has `backward` keep the gradient of `x` in `x.grad` though `x` was made by an op; leaves do so anyway.
 * @throws ERR_GRAD when `x` needs no gradient
 * @example
 * const x = tensor([3], { requiresGrad: true });
 * const y = x.square();
 * retainGrad(y);
 * y.mul(2).sum().backward(); // y.grad is [2]
 */
export function retainGrad(x: Tensor): void {
  const node = nodeOf('retainGrad', x);
  if (node.leaf || retained.has(x)) return;
  retained.add(x);
  registerHook(x, (g) => {
    if (x.disposed) return;
    if (x._grad !== null && x._grad._state === 'live') {
      if (x._grad.dtype !== g.dtype)
        throw dtypeError('retainGrad', `grad is ${x._grad.dtype}, the gradient ${g.dtype}`);
      return addInPlaceKernel(x._grad, g);
    }
    x._grad = copied(g, g.storage.queue);
    x._grad._kept = true;
    watch(x._grad.storage);
  });
}

const retained = new WeakSet<Tensor>();
