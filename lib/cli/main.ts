#!/usr/bin/env node
// The command `warpgrad`.
import { examine, print } from './doctor.ts';

const [command] = process.argv.slice(2);
if (command === 'doctor') {
  const findings = examine();
  if (process.argv.includes('--json')) console.log(JSON.stringify(findings, null, 2));
  else print(findings);
  process.exitCode = findings.some(({ state }) => state === 'FAIL') ? 1 : 0;
} else {
  console.error('warpgrad doctor   says what of this machine warpgrad can use, and what to do about the rest; --json');
  process.exitCode = 2;
}
