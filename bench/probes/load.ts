// What loading costs: the addon, and the CUDA library on a machine that may have no driver. Each in fresh processes; the package
// as a whole is the probe `import`.
import { execFileSync } from 'node:child_process';
import { addonPath, backendPath } from '../../lib/native/load.ts';
import { probeBackend } from '../../lib/native/probe.ts';
import { machine, print } from '../../lib/bench/machine.ts';
import { median } from '../../lib/bench/statistics.ts';

const rounds = 15;

/** Median milliseconds that a process of its own says a piece of code took. */
function timed(code: string): number {
  const program = `const start = performance.now(); ${code}; console.log(performance.now() - start);`;
  const once = (): number =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
  return median(Array.from({ length: rounds }, once));
}

export async function run(): Promise<void> {
  const require = `(await import('node:module')).createRequire('/')`;
  const library = backendPath('cuda');
  const probes = Array.from({ length: library === null ? 0 : rounds }, () =>
    probeBackend(addonPath, 'cuda', library as string),
  ).filter((probe) => probe !== null && typeof probe !== 'string');
  print({
    case: 'load',
    ...machine(),
    addonMs: timed(`${require}(${JSON.stringify(addonPath)})`),
    // null: the library is not built
    cudaLibraryMs: probes.length > 0 ? median(probes.map(({ loadMs }) => loadMs)) : null,
    cudaDevicesMs: probes.length > 0 ? median(probes.map(({ askMs }) => askMs)) : null,
    cudaSays: probes[0]?.message ?? null,
  });
}
