// The model-based fuzzer. WARPGRAD_FUZZ_RUNS programs (10,000 at the full level) split over the devices; WARPGRAD_TEST_SEED and the
// path fast-check prints repeat a failure: WARPGRAD_FUZZ_PATH.
import fc from 'fast-check';
import { test } from 'uvu';
import { testDevices } from '../support/devices.ts';
import { fullLevel, testSeed } from '../support/random.ts';
import { programs } from './commands.ts';
import { Runner } from './runner.ts';

const total = Number(process.env['WARPGRAD_FUZZ_RUNS'] ?? (fullLevel ? 10_000 : 300));
const path = process.env['WARPGRAD_FUZZ_PATH'];
const only = process.env['WARPGRAD_FUZZ_DEVICE'];

for (const device of testDevices) {
  if (only !== undefined && only !== device) continue;
  test(`random programs agree with the model on ${device}`, async () => {
    const runner = new Runner(device);
    let seed = testSeed;
    const start = performance.now();
    try {
      await fc.assert(
        fc.asyncProperty(programs, (program) => runner.run(program, ++seed)),
        {
          numRuns: Math.ceil(total / testDevices.length),
          seed: testSeed,
          ...(path === undefined ? {} : { path }),
          endOnFailure: false,
        },
      );
    } catch (error) {
      // fast-check puts what went wrong into the cause, where test runners do not look.
      const { message, cause } = error as Error;
      throw new Error(`${message}\n${cause instanceof Error ? cause.stack : ''}`);
    } finally {
      const { programs: done, commands, faults, refusals } = runner.figures;
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(
        `# ${device}: ${done} programs, ${commands} commands, ${faults} faults injected, ${refusals} calls refused, ${seconds} s`,
      );
    }
  });
}

test.run();
