// Runs every compiled test file in a process of its own, so that a crash costs one file, and ends with `N passed, N failed`.
//   node .test/test/support/run.js [part of a path …] [--devices NAME,…] [--timeout SECONDS] [--jobs N] [--list]
// WARPGRAD_TEST_NODE is the command for them, where it is not this node.
// A line that a test prints with a leading `# ` is a figure and is shown even when the file passes.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const [node = '', ...nodeOptions] = (process.env['WARPGRAD_TEST_NODE'] ?? process.execPath).split(' ');
const testRoot = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Folders whose files only compute, several at a time; the others measure time, memory or threads, or start programs. */
const computing = ['autograd', 'core', 'data', 'io', 'nn', 'ops', 'optim', 'parity'];

interface FileResult {
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

function testFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return entry.name.endsWith('.test.js') ? [path] : [];
    })
    .sort();
}

/** uvu's closing lines, whose total leaves the skipped out; null when the file ended without them, which is a crash or a promise that never settled. */
function summary(output: string): { passed: number; failed: number; skipped: number } | null {
  const count = (name: string): number =>
    Number(new RegExp(`^\\s*${name}:\\s+(\\d+)\\s*$`, 'm').exec(output)?.[1] ?? Number.NaN);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  return Number.isNaN(total) ? null : { passed, skipped, failed: total - passed };
}

function runFile(file: string, timeoutSeconds: number): Promise<FileResult> {
  return new Promise((resolve) => {
    const child = spawn(node, [...nodeOptions, '--expose-gc', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      detached: true, // its own group: a test that hangs takes its own children with it
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, timeoutSeconds * 1000);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const counts = summary(output) ?? { passed: 0, failed: 0, skipped: 0 };
      const clean = code === 0 && summary(output) !== null;
      if (!clean && counts.failed === 0) {
        counts.failed = 1;
        output += timedOut
          ? `\nstopped after ${timeoutSeconds} s\n`
          : `\nended with ${signal ?? `code ${code}`} and no failed test\n`;
      }
      resolve({ ...counts, output });
    });
  });
}

const { values, positionals } = parseArgs({
  options: {
    timeout: { type: 'string', default: process.env['WARPGRAD_TEST_TIMEOUT'] ?? '300' },
    list: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    devices: { type: 'string' }, // instead of those present
  },
  allowPositionals: true,
});
if (values.devices !== undefined) process.env['WARPGRAD_TEST_DEVICES'] = values.devices;
const files = testFiles(testRoot).filter((file) => {
  const name = relative(testRoot, file);
  return positionals.length === 0 || positionals.some((part) => name.includes(part));
});
if (values.list) {
  for (const file of files) console.log(relative(testRoot, file));
} else {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const run = async (file: string): Promise<void> => {
    const start = performance.now();
    const result = await runFile(file, Number(values.timeout));
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    const verdict = result.failed > 0 ? 'FAIL' : 'ok  ';
    console.log(`${verdict} ${seconds} s ${String(result.passed).padStart(5)} passed  ${relative(testRoot, file)}`);
    if (result.failed > 0) console.log(result.output.replace(/^/gm, '    '));
    else
      for (const line of result.output.split('\n')) if (line.startsWith('# ')) console.log(`       ${line.slice(2)}`);
    sum.passed += result.passed;
    sum.failed += result.failed;
    sum.skipped += result.skipped;
  };
  const computes = (file: string): boolean => computing.includes(relative(testRoot, file).split(sep)[0] ?? '');
  const together = files.filter(computes)[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const file of together) await run(file);
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
  for (const file of files) if (!computes(file)) await run(file);
  if (files.length === 0) sum.failed = 1; // a filter that matches nothing is a mistake, not a success
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
  console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
  process.exitCode = sum.failed > 0 ? 1 : 0;
}
