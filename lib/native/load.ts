import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeLoadError } from '../errors.ts';
import type { Addon } from './addon.ts';

const here: string = fileURLToPath(import.meta.url);
const require = createRequire(here);

/** The package's own folder, found from wherever this file was compiled to. */
function findRoot(): string {
  for (let dir = dirname(here); ; dir = dirname(dir)) {
    const file = join(dir, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === 'warpgrad')
      return dir;
    if (dir === dirname(dir)) throw nativeLoadError('warpgrad', `no package.json of its own above ${here}`);
  }
}

export const packageRoot: string = findRoot();

/** What to do about a binary that would not load, from what the dynamic loader said. */
function remedy(message: string): string {
  if (/GLIBC(XX)?_/.test(message))
    return 'this system is older than the binary supports: build it with `npx warpgrad-build`';
  if (/ERR_DLOPEN_DISABLED|addons/.test(message)) return 'node was started with --no-addons: start it without';
  if (/file too short|ends early/.test(message)) return 'the file is damaged: reinstall the package';
  if (/invalid ELF|wrong ELF class|not a valid Win32|mach-o/i.test(message)) {
    return 'the binary is for another platform: reinstall on this one, or run `npx warpgrad-build`';
  }
  return 'build it with `npx warpgrad-build` (needs a C++20 compiler and CMake, or Python 3 and make)';
}

/** Where node-gyp-build looks, and what lies there. */
function places(): string {
  const base = process.env['WARPGRAD_PREBUILD'] || packageRoot;
  const folders = ['build/Release', 'build/Debug', `prebuilds/${process.platform}-${process.arch}`];
  return folders
    .map((folder) => {
      const path = join(base, folder);
      if (!existsSync(path)) return `  ${path}: not there`;
      const found = readdirSync(path).filter((name) => name.endsWith('.node'));
      return `  ${path}: ${found.join(', ') || 'no addon in it'}`;
    })
    .join('\n');
}

/** Loading a shared object that was cut off ends the process by SIGBUS; its header says how long it should be. */
function checkWhole(path: string): void {
  const header = Buffer.alloc(64);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
    const { size } = fstatSync(file);
    if (header.toString('latin1', 0, 5) !== '\x7fELF\x02') return;
    const whole = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
    if (size < whole) throw new Error(`the file ends early: ${size} of ${whole} bytes`);
  } finally {
    closeSync(file);
  }
}

function load(): { addon: Addon; path: string } {
  const resolver = require('node-gyp-build') as { path(dir: string): string };
  let path = '';
  try {
    path = resolver.path(packageRoot);
    checkWhole(path);
    return { addon: require(path) as Addon, path };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const what = path === '' ? `no native addon for ${process.platform}-${process.arch}` : `${path} does not load`;
    throw nativeLoadError('warpgrad', `${what}; ${remedy(why)}\n${why.trimEnd()}\nlooked in\n${places()}`, error);
  }
}

const loaded = load();

export const addon: Addon = loaded.addon;
export const addonPath: string = loaded.path;

if (addon.complaint !== null) throw nativeLoadError('warpgrad', addon.complaint);

/** What the library of a backend is called; the emulated CUDA's is that of `emu`. */
function backendFile(kind: string): string {
  return `libwarpgrad_${kind.replace('cuda-', '')}.so`;
}

const companion = 'warpgrad-cuda';

/** The version of this package, which that of the CUDA library's has to be. */
function ownVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The package that brings the CUDA library: beside this one, or where the program runs. */
function companionPackage(): { folder: string; version: string } | null {
  try {
    const file = require.resolve(`${companion}/package.json`, { paths: [packageRoot, process.cwd()] });
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return { folder: dirname(file), version };
  } catch {
    return null;
  }
}

/** Where the library of a backend lies, or null: beside the addon, among the prebuilt binaries, or in the package of its own. */
export function backendPath(kind: string): string | null {
  const file = backendFile(kind);
  const places = [
    process.env[`WARPGRAD_${kind.replace('cuda-', '').toUpperCase()}_LIB`],
    join(dirname(addonPath), file),
    join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}`, file),
  ];
  const found = places.find((path): path is string => path !== undefined && path !== '' && existsSync(path));
  if (found !== undefined || kind !== 'cuda') return found ?? null;
  const brought = companionPackage();
  const path = brought?.version === ownVersion() ? join(brought.folder, file) : '';
  return existsSync(path) ? path : null;
}

/** Why the library of a backend was not found, and what to do about it. */
export function backendMissing(kind: string): { readonly found: string; readonly remedy: string } {
  const found = `${backendFile(kind)} is not installed`;
  if (kind !== 'cuda') return { found, remedy: `build it with \`npm run build:${kind.replace('cuda-', '')}\`` };
  const own = ownVersion();
  const other = companionPackage()?.version ?? own;
  return {
    found: other === own ? found : `${companion} is ${other} and warpgrad ${own}`,
    remedy: `get it with \`npm install ${companion}@${own}\`, or build it with \`npx warpgrad-build --cuda\` (CUDA toolkit 13)`,
  };
}
