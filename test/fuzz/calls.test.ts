// Hostile calls of every op: WARPGRAD_FUZZ_CALLS of them (20,000 at the full level) after a sweep over op × dtype, in a process of
// their own. WARPGRAD_TEST_SEED repeats a run, WARPGRAD_FUZZ_CALL='{"op": …}' node .test/test/fuzz/calls-main.js one call.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import { testSeed } from '../support/random.ts';
import { withFolder } from '../support/temporary.ts';
import type { Figures } from './calls-main.ts';

const stuckMs = 120_000;

interface Ended {
  readonly how: string;
  readonly output: string;
  readonly errors: string;
}

/** Runs calls-main.js until it ends, crashes or makes no call for `stuckMs`. */
function run(journal: string): Promise<Ended> {
  const main = fileURLToPath(new URL('./calls-main.js', import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--expose-gc', main, journal], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors, stuck] = ['', '', false];
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const started = Date.now();
    const watch = setInterval(() => {
      const last = statSync(journal, { throwIfNoEntry: false })?.mtimeMs ?? started;
      if (Date.now() - last < stuckMs) return;
      stuck = true;
      child.kill('SIGKILL');
    }, 1000);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ how: stuck ? 'hangs' : (signal ?? `code ${code}`), output, errors });
    });
  });
}

test('every call gives a result or a WarpgradError', () =>
  withFolder(async (folder) => {
    const journal = join(folder, 'call.json');
    const start = performance.now();
    const { how, output, errors } = await run(journal);
    const line = output.split('\n').find((each) => each.startsWith('{"calls"'));
    if (how !== 'code 0' || line === undefined) {
      assert.fail(`seed ${testSeed}: ended with ${how} at ${readFileSync(journal, 'utf8')}\n${errors}${output}`);
    }
    const { calls, reached, cells, cellsHit, missed, refusals, leftovers, problems } = JSON.parse(line) as Figures;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const percent = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`;
    const codes = Object.entries(refusals).map(([code, count]) => `${code} ${count}`);
    console.log(
      `# hostile calls: ${calls} with seed ${testSeed}, ${percent(reached, calls)} reached a kernel; ` +
        `${cellsHit} of ${cells} op × dtype cells hit (${percent(cellsHit, cells)}); 0 crashes, ${seconds} s`,
    );
    console.log(`# refusals: ${codes.join(', ')}; ${leftovers} left memory for the garbage collector`);
    const listed = problems.map(({ call, problem }) => `${problem}\n  ${JSON.stringify(call)}`);
    assert.equal(problems.length, 0, `seed ${testSeed}: ${problems.length} problems\n${listed.join('\n')}`);
    assert.ok(reached / calls >= 0.7, `${percent(reached, calls)} of the calls reached a kernel`);
    assert.ok(
      cellsHit / cells >= 0.95,
      `${percent(cellsHit, cells)} of the cells were hit; not:\n${missed.join('\n')}`,
    );
  }));

test.run();
