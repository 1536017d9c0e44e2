// `warpgrad doctor`: everything that a machine needs to compute, what was found of it, and what to do about the rest. Nothing is
// loaded into this process, so that it can report what would kill it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeDevices } from '../native/addon.ts';
import { driverSigns, type Probe, probeBackend } from '../native/probe.ts';
import type { SelfTest } from './self-test.ts';

export interface Finding {
  /** `none`: absent, and nothing is wrong with that. */
  readonly state: 'ok' | 'none' | 'FAIL';
  readonly what: string;
  readonly found: string;
  readonly remedy?: string;
}

interface Inspection {
  readonly addonPath: string;
  readonly loadMs: number;
  readonly threads: number;
  readonly cpu: NativeDevices;
  readonly cudaLibrary: string | null;
  readonly cudaMissing: { readonly found: string; readonly remedy: string } | null;
}

const driver = 'driver 580 or newer (https://www.nvidia.com/drivers)';
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const inContainer = (): boolean => existsSync('/.dockerenv') || existsSync('/run/.containerenv');

/** All findings, in the order in which one thing needs the other. */
export function examine(): Finding[] {
  const findings = [node(), libc()];
  const inspection = ask<Inspection>('inspect');
  if (typeof inspection === 'string') {
    const [complaint = '', ...details] = inspection.split('\n');
    const [found = '', remedy] = complaint.split('; ');
    const how = remedy ?? 'build it with `npx warpgrad-build`';
    return [...findings, { state: 'FAIL', what: 'addon', found: [found, ...details].join(' ').trim(), remedy: how }];
  }
  const { addonPath, loadMs, threads, cpu } = inspection;
  findings.push({ state: 'ok', what: 'addon', found: `${addonPath}, loads in ${loadMs.toFixed(0)} ms` });
  const memory = gib(cpu.list[0]?.memoryBytes ?? 0);
  findings.push({ state: 'ok', what: 'cpu', found: `${cpu.architecture} kernels, ${threads} threads, ${memory}` });
  findings.push(toolkit());
  return [...findings, ...cuda(inspection), ...selfTest()];
}

function node(): Finding {
  const found = `${process.version} on ${process.platform}-${process.arch}`;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > 20 || (major === 20 && minor >= 19);
  return recent
    ? { state: 'ok', what: 'node', found }
    : { state: 'FAIL', what: 'node', found, remedy: 'install Node 20.19 or newer' };
}

function libc(): Finding {
  if (process.platform !== 'linux') return { state: 'none', what: 'libc', found: `that of ${process.platform}` };
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const version = header.glibcVersionRuntime;
  return version === undefined
    ? { state: 'none', what: 'libc', found: 'not glibc: no binary is shipped for it, `npx warpgrad-build` makes one' }
    : { state: 'ok', what: 'libc', found: `glibc ${version}` };
}

/** What a neighbour of this file prints as a program of its own; a text when it ended otherwise. */
function ask<T extends object>(name: string): T | string {
  // Its name ends as this file's: .js once compiled.
  const script = join(dirname(fileURLToPath(import.meta.url)), `${name}.js`);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status === 0) return JSON.parse(stdout) as T;
  return stderr.trim() || `ended a process with ${signal ?? `code ${status}`}`;
}

/** Computes on every device that can be used. */
function selfTest(): Finding[] {
  const results = ask<SelfTest[]>('self-test');
  const what = 'test';
  const remedy =
    'report it with this output; until then `WARPGRAD_ISA=base` may help, on a GPU an update of its driver';
  if (typeof results === 'string') return [{ state: 'FAIL', what, found: results.replaceAll('\n', ' '), remedy }];
  return results.map(({ device, complaint, gflops }) =>
    complaint === ''
      ? { state: 'ok', what, found: `${device}: values and gradients are right; ${gflops.toFixed(0)} GFLOP/s` }
      : { state: 'FAIL', what, found: `${device}: ${complaint}`, remedy },
  );
}

function toolkit(): Finding {
  for (const command of ['nvcc', '/usr/local/cuda/bin/nvcc']) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    const version = /release ([\d.]+)/.exec(stdout ?? '')?.[1];
    if (status === 0) return { state: 'ok', what: 'toolkit', found: `nvcc ${version} (needed only to build)` };
  }
  return { state: 'none', what: 'toolkit', found: 'no nvcc (needed only to build)' };
}

function cuda({ addonPath, cudaLibrary: library, cudaMissing }: Inspection): Finding[] {
  const cards = nvidiaCards();
  if (library === null) {
    const { found = '', remedy = '' } = cudaMissing ?? {};
    if (cards === 0) return [{ state: 'none', what: 'cuda', found: `${found}, and there is no NVIDIA card here` }];
    return [{ state: 'FAIL', what: 'cuda', found, remedy }];
  }
  const probe = probeBackend(addonPath, 'cuda', library);
  if (probe === null) return [{ state: 'FAIL', what: 'cuda', found: 'no process could be started to ask the driver' }];
  if (typeof probe === 'string') return [crashed(probe)];
  const times = `loads in ${probe.loadMs.toFixed(1)} ms, answers in ${probe.askMs.toFixed(1)} ms`;
  const found = `${library}: ${probe.architecture}; ${times}; needs glibc ${newestGlibc(library)}`;
  const built: Finding = { state: 'ok', what: 'cuda', found };
  if (probe.architecture === '') return [{ ...foreign(probe.message, library) }];
  if (probe.list.length > 0) return [built, ...probe.list.map((each, i) => card(each, i, probe))];
  return [built, withoutDevices(probe.message, cards)];
}

/** The newest glibc whose names a library asks for: they stand in its table of strings. */
function newestGlibc(library: string): string {
  const names = readFileSync(library, 'latin1').matchAll(/\0GLIBC_2\.(\d+)/g);
  return `2.${Math.max(0, ...[...names].map(([, minor]) => Number(minor)))}`;
}

function crashed(found: string): Finding {
  const remedy = `the NVIDIA driver is broken: reinstall ${driver}; until then ops run on the CPU`;
  return { state: 'FAIL', what: 'driver', found, remedy };
}

/** The library did not let itself be loaded. */
function foreign(found: string, library: string): Finding {
  const remedy = /GLIBC/.test(found)
    ? 'this system is older than the library supports: build it here with `npx warpgrad-build --cuda`'
    : process.env['WARPGRAD_CUDA_LIB']
      ? `WARPGRAD_CUDA_LIB names ${library}: unset it`
      : 'build it anew with `npx warpgrad-build --cuda`';
  return { state: 'FAIL', what: 'cuda', found, remedy };
}

function card({ name, memoryBytes }: Probe['list'][number], i: number, { architecture }: Probe): Finding {
  const found = `${name}, ${gib(memoryBytes)}`;
  const version = Number(/sm_(\d+)/.exec(name)?.[1] ?? 0);
  const exact = [...architecture.matchAll(/sm_(\d+)(a?)/g)].some(([, number, special]) => {
    const built = Number(number);
    // Code for a version runs on later ones of the same generation, code for `a` on that version alone.
    return special === 'a'
      ? built === version
      : built <= version && Math.floor(built / 10) === Math.floor(version / 10);
  });
  const translated = [...architecture.matchAll(/PTX (\d+)(?!a)/g)].some(([, number]) => Number(number) <= version);
  if (exact) return { state: 'ok', what: `cuda:${i}`, found };
  if (translated)
    return { state: 'ok', what: `cuda:${i}`, found: `${found}; the driver translates kernels at first use` };
  const remedy =
    version < 80
      ? 'warpgrad needs an Ampere card (sm_80) or newer'
      : `build kernels for it: \`npx warpgrad-build --cuda --arch sm_${version}\``;
  return { state: 'FAIL', what: `cuda:${i}`, found: `${found}: no kernels for it (${architecture})`, remedy };
}

function withoutDevices(message: string, cards: number): Finding {
  const fail = (remedy: string): Finding => ({ state: 'FAIL', what: 'driver', found: message, remedy });
  if (/no NVIDIA driver/.test(message)) {
    if (cards === 0) return { state: 'none', what: 'driver', found: `${message}, and no card on the PCI bus` };
    return fail(
      inContainer()
        ? 'start the container with its cards: `docker run --gpus all …` (NVIDIA Container Toolkit)'
        : `install NVIDIA's ${driver}`,
    );
  }
  if (/driver supports CUDA/.test(message)) return fail(`update to NVIDIA's ${driver}`);
  if (process.env['CUDA_VISIBLE_DEVICES'] !== undefined) {
    return fail(`CUDA_VISIBLE_DEVICES='${process.env['CUDA_VISIBLE_DEVICES']}' may hide the cards: unset it`);
  }
  if (!existsSync('/dev/nvidiactl') && !existsSync('/dev/dxg')) {
    return fail(
      inContainer()
        ? 'the container has the driver and no card: start it with `--gpus all`'
        : 'the kernel module is not loaded: `sudo modprobe nvidia && sudo modprobe nvidia_uvm`',
    );
  }
  return fail('see whether `nvidia-smi` lists the card; after an update of the driver, reboot');
}

/** NVIDIA display controllers on the PCI bus, or what stands for them in WSL. */
function nvidiaCards(): number {
  const bus = '/sys/bus/pci/devices';
  if (!existsSync(bus)) return existsSync('/dev/dxg') ? 1 : 0;
  const read = (device: string, file: string): string => readFileSync(join(bus, device, file), 'latin1').trim();
  const found = readdirSync(bus).filter(
    (device) => read(device, 'vendor') === '0x10de' && read(device, 'class').startsWith('0x03'),
  );
  return found.length > 0 ? found.length : driverSigns().some((sign) => sign.startsWith('/dev/')) ? 1 : 0;
}

export function print(findings: readonly Finding[]): void {
  for (const { state, what, found, remedy } of findings) {
    console.log(`${state.padEnd(5)} ${what.padEnd(8)} ${found}`);
    if (remedy !== undefined) console.log(`${' '.repeat(15)}→ ${remedy}`);
  }
}
