// A 2-8-1 network on XOR: what capturing a step saves when the arithmetic is nothing, and that it changes no bit.
import { capture, manualSeed, nn, optim, scope, tensor } from '../../lib/index.ts';
import type { Tensor } from '../../lib/index.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { median } from '../../lib/bench/statistics.ts';
import { seconds } from '../../lib/bench/timing.ts';

function makeStep(): { step: (x: Tensor, y: Tensor) => Tensor; model: nn.Module } {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  const step = (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad();
    const error = model.forward(x).sub(y);
    const loss = error.square().mean();
    loss.backward();
    optimizer.step();
    return loss.detach();
  };
  return { step, model };
}

export async function run(): Promise<void> {
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = tensor([[0], [1], [1], [0]]);
  const eager = makeStep();
  const { step, model } = makeStep();
  const captured = capture(step);
  const rounds = 9;
  const steps = 2000;
  const eagerTimes: number[] = [];
  const capturedTimes: number[] = [];
  const time = (fn: (x: Tensor, y: Tensor) => Tensor, times: number[]): number => {
    let last = 0;
    const start = seconds();
    for (let i = 0; i < steps; i++) {
      scope(() => {
        const loss = fn(x, y);
        if (i === steps - 1) last = loss.itemSync();
      });
    }
    times.push((seconds() - start) / steps);
    return last;
  };
  const pairs: boolean[] = [];
  for (let round = 0; round < rounds; round++) {
    const a = time(eager.step, eagerTimes);
    const b = time(captured, capturedTimes);
    pairs.push(Object.is(a, b));
    await new Promise(setImmediate);
  }
  const weights = async (module: nn.Module) => Promise.all(module.parameters().map(async (p) => [...(await p.data())]));
  const equal =
    JSON.stringify(await weights(eager.model)) === JSON.stringify(await weights(model)) && pairs.every(Boolean);
  const e = median(eagerTimes) * 1e6;
  const c = median(capturedTimes) * 1e6;
  print({
    case: 'capture',
    ...machine(),
    steps: rounds * steps,
    eagerUs: e,
    capturedUs: c,
    ratio: e / c,
    bitwiseEqual: equal,
  });
}
