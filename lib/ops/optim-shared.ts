// What the multi-tensor kernels of the optimizers check and note.
import { checkLive, checkWritable, type Tensor } from '../core/tensor.ts';
import { argumentError, deviceError, dtypeError, shapeError } from '../errors.ts';

/** Same device and dtype as the first. */
export function checkSame(op: string, name: string, first: Tensor, t: Tensor): void {
  checkLive(op, t);
  if (t.device !== first.device) throw deviceError(op, `${name} are on ${first.device.name} and ${t.device.name}`);
  if (t.dtype !== first.dtype)
    throw dtypeError(op, `${name} are ${first.dtype} and ${t.dtype}; step each dtype by itself`);
}

/** All parameters can be written, and every other list has tensors like them. */
export function checkLists(
  op: string,
  params: readonly Tensor[],
  lists: Readonly<Record<string, readonly Tensor[]>>,
): void {
  const first = params[0] as Tensor;
  for (const p of params) {
    checkSame(op, 'params', first, p);
    checkWritable(op, p);
  }
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== params.length) throw argumentError(op, `wanted ${params.length} ${name}, got ${list.length}`);
    list.forEach((t, k) => {
      checkSame(op, name, first, t);
      const wanted = params[k]?.shape ?? [];
      if (t.shape.join() === wanted.join()) return;
      throw shapeError(op, `${name}[${k}]: wanted [${wanted.join(', ')}], got [${t.shape.join(', ')}]`);
    });
  }
}

/** State and hyper-parameters are float64 vectors beside the parameters. */
export function checkState(
  op: string,
  params: readonly Tensor[],
  state: Tensor,
  states: number,
  hyper: Tensor,
  hypers: number,
): void {
  for (const [name, t, size] of [
    ['state', state, states],
    ['hyper', hyper, hypers],
  ] as const) {
    checkLive(op, t);
    if (t.device !== params[0]?.device)
      throw deviceError(op, `${name} must be on the parameters' device, is on ${t.device.name}`);
    if (t.dtype !== 'float64') throw dtypeError(op, `${name} must be float64, got ${t.dtype}`);
    if (t.shape.length !== 1 || t.size !== size)
      throw shapeError(op, `${name} wants [${size}], got [${t.shape.join(', ')}]`);
  }
}

/** Notes that `op` is about to write; before the kernel, so that a failed step leaves its targets valid. */
export function bump(op: string, ...lists: readonly (readonly Tensor[])[]): void {
  for (const list of lists) {
    for (const t of list) {
      t.storage.version++;
      t.storage.lastWriter = op;
    }
  }
}
