#!/usr/bin/env node
// The command `warpgrad`. What a command needs is loaded when it runs: `doctor` loads nothing that could end it.
import { fileURLToPath } from 'node:url';
import { examine, print } from './doctor.ts';

const [command, ...args] = process.argv.slice(2);
if (command === 'doctor') {
  const findings = examine();
  if (process.argv.includes('--json')) console.log(JSON.stringify(findings, null, 2));
  else print(findings);
  process.exitCode = findings.some(({ state }) => state === 'FAIL') ? 1 : 0;
} else if (command === 'bench') {
  try {
    const { benchCommand } = await import('../bench/command.ts');
    process.exitCode = await benchCommand(args, fileURLToPath(import.meta.url));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  }
} else {
  console.error('warpgrad doctor   says what of this machine warpgrad can use, and what to do about the rest; --json');
  console.error('warpgrad bench    times the kernels against what this machine can do; --help says more');
  process.exitCode = 2;
}
