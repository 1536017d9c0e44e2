// What `import 'warpgrad'` costs a program: time from the start of its process to after the import, beside a program that imports an
// empty module, in turns and each in a process of its own; and the memory resident then.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../test/support/package-root.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { median, quantile } from '../../lib/bench/statistics.ts';

const rounds = 31;

interface Start {
  readonly ms: number;
  /** Of all its threads: what a busy machine does not lengthen. */
  readonly cpuMs: number;
  readonly mebibytes: number;
}

function start(file: string): Start {
  const program = `await import(${JSON.stringify(pathToFileURL(file).href)});
    const ms = performance.now(), { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000, mebibytes: process.memoryUsage.rss() / 2 ** 20 }));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
  ) as Start;
}

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-import-'));
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const index = join(packageRoot(import.meta.url), 'dist/index.js');
  const pairs = Array.from({ length: rounds }, () => ({ bare: start(empty), ours: start(index) }));
  rmSync(folder, { recursive: true });
  const more = (key: keyof Start): number[] => pairs.map(({ bare, ours }) => ours[key] - bare[key]);
  print({
    case: 'import',
    ...machine(),
    rounds,
    importMs: median(more('ms')),
    importMsP10: quantile(more('ms'), 0.1),
    importCpuMs: median(more('cpuMs')),
    bareMs: median(pairs.map(({ bare }) => bare.ms)),
    bareCpuMs: median(pairs.map(({ bare }) => bare.cpuMs)),
    mebibytes: median(pairs.map(({ ours }) => ours.mebibytes)),
    bareMebibytes: median(pairs.map(({ bare }) => bare.mebibytes)),
  });
}
