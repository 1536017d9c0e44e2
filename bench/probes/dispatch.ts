// What an op costs besides its arithmetic: a million eager additions of eight elements, with the final synchronize.
import { device, scope, tensor } from '../../lib/index.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { median } from '../../lib/bench/statistics.ts';
import { seconds } from '../../lib/bench/timing.ts';

export async function run(): Promise<void> {
  const cpu = device('cpu');
  const a = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
  const b = tensor([8, 7, 6, 5, 4, 3, 2, 1]);
  const total = 1_000_000;
  const perScope = 100;
  const times: number[] = [];
  for (let round = 0; round < 7; round++) {
    const start = seconds();
    for (let i = 0; i < total; i += perScope) {
      scope(() => {
        for (let j = 0; j < perScope; j++) a.add(b);
      });
    }
    cpu.synchronizeSync();
    times.push((seconds() - start) / total);
    await new Promise(setImmediate);
  }
  const disposed: number[] = [];
  for (let round = 0; round < 7; round++) {
    const start = seconds();
    for (let i = 0; i < total; i++) a.add(b).dispose();
    cpu.synchronizeSync();
    disposed.push((seconds() - start) / total);
    await new Promise(setImmediate);
  }
  print({
    case: 'dispatch',
    ...machine(),
    opsPerRound: total,
    scopeUs: median(times) * 1e6,
    disposeUs: median(disposed) * 1e6,
  });
}
