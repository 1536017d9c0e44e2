// Processes that measure, one after another, each as undisturbed as can be had: on one core of its own choosing, ahead of others.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

/** The cores that this process may use; none where the system does not say or cannot tie a process to one. */
function cores(): number[] {
  try {
    const [, list = ''] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (spawnSync('taskset', ['--version']).status !== 0) return [];
    return list.split(',').flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
  } catch {
    return [];
  }
}

/**
 * Runs a program of Node's and hands over the lines that it prints. `round` chooses the core where the work is for one thread: each
 * process takes the next one, so that a neighbour who keeps to a core disturbs only some.
 */
export async function runRound(
  args: readonly string[],
  round: number,
  threads: number,
  onLine: (line: string) => void,
): Promise<void> {
  const allowed = threads === 1 ? cores() : [];
  const node = [process.execPath, ...args];
  const [command = '', ...rest] =
    allowed.length > 0 ? ['taskset', '-c', String(allowed[round % allowed.length]), ...node] : node;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  const code = await ended;
  if (code !== 0) throw new Error(`a process that measures ended with code ${code}`);
}

/** Asks for the highest priority, which the system gives to root and to those whom it lets. Threads started later inherit it. */
export function askForPriority(): boolean {
  try {
    setPriority(0, constants.priority.PRIORITY_HIGHEST);
    return true;
  } catch {
    return false;
  }
}
