// What this machine can do: multiply-adds a second, and bytes a second by the size of what is passed over. Measured by
// bench/native/peak.cc, which the system's compiler builds; null where there is none.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../test/support/package-root.ts';
import type { Work } from '../lib/bench/family.ts';

export interface Peak {
  readonly gflops: number;
  /** From small to large; the last is beyond every cache. */
  readonly sets: readonly { readonly bytes: number; readonly gbps: number }[];
}

export function measurePeak(threads: number): Peak | null {
  const root = packageRoot(import.meta.url);
  const source = join(root, 'bench/native/peak.cc');
  const program = join(root, '.cache/bench-peak');
  try {
    if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
      mkdirSync(join(root, '.cache'), { recursive: true });
      const flags = ['-std=c++17', '-O3', '-march=native', '-mprefer-vector-width=512', '-pthread'];
      execFileSync(process.env['CXX'] ?? 'c++', [...flags, source, '-o', program], { stdio: 'pipe' });
    }
    return JSON.parse(execFileSync(program, [String(threads)], { encoding: 'utf8' })) as Peak;
  } catch {
    return null;
  }
}

/** Seconds below which this machine cannot do the work. */
export function floorSeconds(peak: Peak, { flops = 0, bytes = 0 }: Work): number {
  const set = peak.sets.find((each) => each.bytes >= bytes) ?? peak.sets.at(-1);
  return Math.max(flops / peak.gflops, set === undefined ? 0 : bytes / set.gbps) / 1e9;
}
