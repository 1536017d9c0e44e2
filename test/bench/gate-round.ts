// One process of the gate's test: measures ten cases of as many kinds and prints their results. WARPGRAD_TEST_SLOWDOWN=1.1 makes each
// call of theirs a tenth longer; nothing but this file reads it.
import { chosen } from '../../lib/bench/cases.ts';
import type { Case } from '../../lib/bench/family.ts';
import { askForPriority } from '../../lib/bench/rounds.ts';
import { batchSeconds, runCase } from '../../lib/bench/run.ts';
import { seconds } from '../../lib/bench/timing.ts';
import { device, scope, setThreads } from '../../lib/index.ts';

const names = [
  'matmul NN 512x512x512',
  'matmul NT 256x256x256',
  'conv forward 3x3 512-512 7x7 b1',
  'conv forward LeNet 5x5 32-64 14x14 b16',
  'attention causal forward small GPT 8x4x128x32',
  'rnn lstm forward 32x64x128',
  'elementwise gelu 1 MiB',
  'elementwise tanh 1 MiB',
  'softmax softmax, attention of GPT 4096x128',
  'step mlp 784-512-256-10, batch 128, captured',
];

const slowdown = Number(process.env['WARPGRAD_TEST_SLOWDOWN'] ?? 1);

/**
 * Calls that take so many times as long as they do. A short one is repeated every so often, which leaves the way it runs alone; a long
 * one, of which a batch has few, is followed by waiting. The same wrapper with 1 is what it is compared with.
 */
function slowed(one: Case): Case {
  return {
    ...one,
    make: () => {
      const { run, ...about } = one.make();
      const on = device('cpu');
      const timed = (): number => {
        const start = seconds();
        scope(() => void run());
        on.synchronizeSync();
        return seconds() - start;
      };
      timed();
      if (Math.min(timed(), timed(), timed()) < batchSeconds / 20) {
        let owed = 0;
        const repeated = (): unknown => {
          owed += slowdown - 1;
          if (owed < 1) return run();
          owed -= 1;
          run();
          return run();
        };
        return { ...about, run: repeated };
      }
      const waiting = (): unknown => {
        const start = seconds();
        const made = run();
        on.synchronizeSync();
        const until = start + (seconds() - start) * slowdown;
        while (seconds() < until);
        return made;
      };
      return { ...about, run: waiting };
    },
  };
}

const priority = askForPriority();
setThreads(1);
const all = chosen([]);
const results = [];
for (const name of names) {
  const one = all.find((each) => `${each.family} ${each.name}` === name);
  if (one === undefined) throw new Error(`there is no case ${name}`);
  const clock = priority ? 'wall' : 'cpu';
  const options = { device: 'cpu', dtype: 'float32', clock, inputs: 'warm', ceilings: null } as const;
  results.push(await runCase(slowed(one), { ...options, seconds: Number(process.argv[2] ?? 0.3) }));
}
console.log(JSON.stringify(results));
