// The process that makes the calls: a crash costs it alone, and the call under way stands in the journal it was given.
// Prints its figures as one line of JSON. WARPGRAD_FUZZ_CALL='{"op": …}' makes one call instead.
import './kernel-count.ts';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { device, dtypes, setMemoryLimit, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { collectDownTo, liveBytes, testDevices } from '../support/devices.ts';
import { publicOps } from '../support/op-list.ts';
import { fullLevel, testSeed } from '../support/random.ts';
import type { Call } from './call.ts';
import { validCalls } from './calls.ts';
import type { Mutation } from './calls-mutate.ts';
import { draws, mutated } from './calls-mutate.ts';
import type { Outcome } from './calls-perform.ts';
import { perform } from './calls-perform.ts';

export interface Figures {
  calls: number;
  reached: number;
  cells: number;
  cellsHit: number;
  /** Cells of the sweep that were not hit, and what happened instead. */
  missed: string[];
  refusals: Record<string, number>;
  /** Refusals that left memory for the garbage collector. */
  leftovers: number;
  problems: { call: Call; problem: string }[];
}

const wanted = Number(process.env['WARPGRAD_FUZZ_CALLS'] ?? (fullLevel ? 20_000 : 2_000));
const journal = process.argv[2];
const valid = validCalls();
const names = publicOps().map(({ name }) => name);
const figures: Figures = {
  calls: 0,
  reached: 0,
  cells: 0,
  cellsHit: 0,
  missed: [],
  refusals: {},
  leftovers: 0,
  problems: [],
};

let strays: string[] = [];
process.on('unhandledRejection', (error) => strays.push(`unhandled rejection: ${String(error)}`));
process.on('warning', (warning) => strays.push(`warning: ${warning.message}`));

async function attempt(call: Call): Promise<Outcome> {
  if (journal !== undefined) writeFileSync(journal, JSON.stringify(call));
  const outcome = await perform(call);
  if (strays.length === 0) return outcome;
  const [stray = ''] = strays;
  strays = [];
  return { ...outcome, problem: outcome.problem ?? stray };
}

/**
 * Every op once in every dtype, with its data in that dtype. The cell is hit when the call reached a kernel or was refused
 * with ERR_DTYPE or ERR_UNSUPPORTED: that op says that it does not take that dtype.
 */
async function sweep(): Promise<void> {
  for (const op of names) {
    for (const dtype of dtypes) {
      figures.cells++;
      let seen = 'no valid call is known';
      for (const call of valid.get(op) ?? []) {
        const changed = mutated(call, [{ kind: 'dtypes', slot: 0, dtype }]);
        const { reached, code, problem } = await attempt(changed);
        if (problem !== null) await report(call, [{ kind: 'dtypes', slot: 0, dtype }], problem);
        seen = code ?? 'no kernel was called';
        if (!reached && code !== 'ERR_DTYPE' && code !== 'ERR_UNSUPPORTED') continue;
        figures.cellsHit++;
        seen = '';
        break;
      }
      if (seen !== '') figures.missed.push(`${op} ${dtype}: ${seen}`);
    }
  }
}

/** Notes a problem of `call` under the fewest of its mutations that still show one. */
async function report(call: Call, mutations: readonly Mutation[], problem: string): Promise<void> {
  let [left, message] = [mutations, problem];
  for (let i = 0; i < left.length; ) {
    const fewer = left.filter((_, k) => k !== i);
    const { problem: still } = await attempt(mutated(call, fewer));
    if (still === null) i++;
    else [left, message] = [fewer, still];
  }
  figures.problems.push({ call: mutated(call, left), problem: message });
}

async function fuzz(): Promise<void> {
  const known = names.filter((name) => valid.has(name));
  for (const { op, call, mutations } of fc.sample(draws, { numRuns: wanted, seed: testSeed })) {
    const calls = valid.get(known[op % known.length] as string) as Call[];
    const base = calls[call % calls.length] as Call;
    const { reached, code, problem, left } = await attempt(mutated(base, mutations));
    figures.calls++;
    if (reached) figures.reached++;
    if (code !== null) figures.refusals[code] = (figures.refusals[code] ?? 0) + 1;
    if (left > 0) figures.leftovers++;
    if (problem !== null) await report(base, mutations, problem);
    if (figures.problems.length >= 40) return;
  }
}

for (const name of testDevices) {
  device(name);
  setMemoryLimit(2 ** 29, name);
  ops.rand([1], { device: name }).dispose(); // the generator's state stays
}
tensor(0).dispose();
const single = process.env['WARPGRAD_FUZZ_CALL'];
if (single !== undefined) console.log(await attempt(JSON.parse(single) as Call));
else {
  const before = liveBytes();
  await sweep();
  await fuzz();
  const after = await collectDownTo(before);
  if (after > before) {
    figures.problems.push({
      call: { op: '', args: [] },
      problem: `${after - before} bytes are left after garbage collection`,
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 1500)); // a failure nobody saw becomes a warning after a second
  for (const problem of strays) figures.problems.push({ call: { op: '', args: [] }, problem });
  console.log(JSON.stringify(figures));
}
