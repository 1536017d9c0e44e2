// Every kernel case under schedules of the emulator: node schedules.js [--only SCHEDULE,…] [CASE…]. A result that one of them
// changes is a race. Prints a line a case and `N passed, N failed`.
import { parseArgs } from 'node:util';
import { kernelCases } from './cases.ts';
import { perform, schedules } from './emulated.ts';
import type { Verdict } from './perform.ts';

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const chosen = values.only?.split(',') ?? schedules;
const names = positionals.length > 0 ? positionals : [...kernelCases.keys()];
const found = new Map<string, { schedule: string; verdict: Verdict }[]>(names.map((name) => [name, []]));
const crashes: string[] = [];
for (const schedule of chosen) {
  const { verdicts, crash } = await perform(names, schedule);
  for (const verdict of verdicts) found.get(verdict.name)?.push({ schedule, verdict });
  if (crash !== '') crashes.push(`${schedule}: ${crash} after '${verdicts.at(-1)?.name ?? 'nothing'}'`);
}
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [name, runs] of found) {
  const wrong = runs.find(({ verdict }) => verdict.verdict === 'wrong' || verdict.verdict === 'reported');
  const digests = new Set(runs.map(({ verdict }) => verdict.digest));
  if (runs.length > 0 && runs.every(({ verdict }) => verdict.verdict === 'unported')) {
    counts.skipped++;
    console.log(`skipped ${name} (an op in it has no CUDA kernel)`);
  } else if (wrong === undefined && digests.size === 1 && runs.length === chosen.length) {
    counts.passed++;
    console.log(`ok   ${name}: the same bits under ${runs.length} schedules`);
  } else {
    counts.failed++;
    const why = wrong ? `${wrong.schedule}: ${wrong.verdict.detail}` : `${digests.size} results in ${runs.length} runs`;
    console.log(`FAIL ${name}: ${why}`);
  }
}
for (const crash of crashes) console.log(`FAIL ${crash}`);
const failed = counts.failed + crashes.length;
console.log(`${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
