// Asks a backend for its devices in a process of its own: a driver that crashes or hangs takes this process with it and not
// the program. As a program: node probe.js ADDON KIND LIBRARY prints what the addon's devices(kind) says, as JSON.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Addon, NativeDevices } from './addon.ts';

const here: string = fileURLToPath(import.meta.url);
const patience = 60_000; // the first start of a driver on a machine with many cards takes seconds

export interface Probe extends NativeDevices {
  /** Milliseconds to load the library, and to ask it. */
  readonly loadMs: number;
  readonly askMs: number;
}

/**
 * What the backend's library says when asked in another process; a text when that process did not survive it, null when
 * there could not be one.
 */
export function probeBackend(addonPath: string, kind: string, library: string): Probe | string | null {
  const { spawnSync } = process.getBuiltinModule('node:child_process'); // seldom needed, and slow to load
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [here, addonPath, kind, library], {
    encoding: 'utf8',
    timeout: patience,
    killSignal: 'SIGKILL',
    // Electron's executable is a node only when told so; what the host asked of its own node is not for this one.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
  });
  if (status === 0) return JSON.parse(stdout) as Probe;
  if (status === null && signal === null) return null;
  const how = signal === 'SIGKILL' ? `hung for ${patience / 1000} s` : `ended it with ${signal ?? `code ${status}`}`;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return `asking the driver in a process of its own ${how}${last === '' ? '' : `: ${last}`}`;
}

/** Where a driver would be, or what it makes: without any of these there is nothing that could crash. */
export function driverSigns(): string[] {
  const folders = [
    ...(process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib64',
    '/usr/lib',
    '/usr/lib/wsl/lib',
    '/usr/local/nvidia/lib64',
  ];
  return [...folders.map((folder) => join(folder, 'libcuda.so.1')), '/dev/nvidiactl', '/dev/dxg'].filter(existsSync);
}

if (process.argv[1] === here) {
  const [, , addonPath = '', kind = '', library = ''] = process.argv;
  const addon = createRequire(here)(addonPath) as Addon;
  const start = performance.now();
  const complaint = addon.loadBackend(kind, library);
  const loaded = performance.now();
  const found = addon.devices(kind);
  const probe: Probe = {
    ...found,
    message: complaint || found.message,
    loadMs: loaded - start,
    askMs: performance.now() - loaded,
  };
  console.log(JSON.stringify(probe));
  process.exit(0); // without the destructors of a driver that may be broken
}
