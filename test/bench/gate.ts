// Whether `--compare` can be trusted: while another program keeps a core busy, ten cases are measured twice as they are and once a tenth
// slower. Of the first pair none may be called slower, of the second all must be. node gate.js [processes] [seconds a case]
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { compareCases, type Verdict } from '../../lib/bench/compare.ts';
import { runRound } from '../../lib/bench/rounds.ts';
import { mergeResults, type ReportedCase } from '../../lib/bench/report.ts';
import { packageRoot } from '../support/package-root.ts';

const script = join(packageRoot(import.meta.url), '.test/test/bench/gate-round.js');
const [processes = '8', seconds = '0.3'] = process.argv.slice(2);

/** As many processes as asked for, one after another. */
async function measured(slowdown: number): Promise<ReportedCase[]> {
  process.env['WARPGRAD_TEST_SLOWDOWN'] = String(slowdown);
  const rounds: ReportedCase[][] = [];
  for (let i = 0; i < Number(processes); i++) {
    await runRound([script, seconds], i, 1, (line) => rounds.push(JSON.parse(line) as ReportedCase[]));
  }
  return (rounds[0] as ReportedCase[]).map((_, i) => mergeResults(rounds.map((each) => each[i] as ReportedCase)));
}

function show(title: string, verdicts: readonly Verdict[]): number {
  console.log(`\n${title}`);
  for (const { name, ratio, error, p, verdict } of verdicts) {
    const about = `ratio ${ratio.toFixed(3)} ± ${error.toFixed(3)}  p ${p.toExponential(0)}  ${verdict}`;
    console.log(`  ${name.padEnd(46)} ${about}`);
  }
  return verdicts.filter(({ verdict }) => verdict === 'slower').length;
}

const busy = spawn(process.execPath, ['-e', 'for (let x = 0; ; x = Math.sqrt(x + 1));'], { stdio: 'ignore' });
try {
  const before = await measured(1);
  const same = await measured(1);
  const slower = await measured(1.1);
  const flagged = show('the same code twice', compareCases(before, same));
  const caught = show('a tenth slower', compareCases(before, slower));
  const count = before.length;
  console.log(`\nflagged ${flagged} of ${count} identical pairs, caught ${caught} of ${count} slowdowns of 10 %`);
  const passed = (flagged === 0 ? count : 0) + caught;
  console.log(`${passed} passed, ${2 * count - passed} failed`);
  process.exitCode = passed === 2 * count ? 0 : 1;
} finally {
  busy.kill();
}
