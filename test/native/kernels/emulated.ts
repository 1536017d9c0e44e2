// Runs test/native/kernels/perform.ts in a process of its own: under a schedule of the emulator, with any build of it.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Verdict } from './perform.ts';

const orders = ['forward', 'reverse', 'random'];
const paces = ['lockstep', 'greedy'];
/** Every order of threads × how far one runs ahead × when asynchronous copies land. */
export const schedules: readonly string[] = orders.flatMap((order) =>
  paces.flatMap((pace) => ['early', 'late'].map((async) => `${order}-${pace}-${async}`)),
);

export interface Run {
  readonly verdicts: readonly Verdict[];
  /** How the process ended when not by itself, and its last words. */
  readonly crash: string;
}

export function perform(cases: readonly string[], schedule: string, env: Record<string, string> = {}): Promise<Run> {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'perform.js');
  const variables = { ...process.env, WARPGRAD_EMU_SCHEDULE: schedule, ...env };
  const child = spawn(process.execPath, [script, ...cases], {
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let words = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const lines = output.split('\n').filter((line) => line.startsWith('{'));
      const verdicts = lines.map((line) => JSON.parse(line) as Verdict);
      const ended = signal === 'SIGKILL' ? 'hung' : (signal ?? `ended with code ${code}`);
      resolve({ verdicts, crash: code === 0 ? '' : `${ended}: ${telling(words)}` });
    });
  });
}

/** The line of a sanitizer's report, or of node's, that says what happened. */
function telling(words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /runtime error|ERROR: |Error/.test(line)) ?? lines.at(-1) ?? '').trim();
}
