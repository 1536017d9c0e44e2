// Plants the bugs of defect-table.ts in the CUDA kernels, one at a time in a copy of them, and runs each on the emulator under
// every schedule, and with sanitizers when it is an overrun: node defects.js [part of a name …]. Needs `npm run build:emu`.
// Prints the table bug × caught by; a bug that nothing notices, or a sound kernel that something does, is a failure.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../support/package-root.ts';
import { type Defect, defects } from './defect-table.ts';
import { perform, type Run, schedules } from './emulated.ts';

const root = packageRoot(import.meta.url);
const scratch = join(root, '.cache/defects');
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer'];
const run = promisify(execFile);

interface Command {
  readonly directory: string;
  readonly command: string;
  readonly file: string;
}
/** How the objects of libwarpgrad_emu.so were compiled. */
const commands = (JSON.parse(readFileSync(join(root, 'build/compile_commands.json'), 'utf8')) as Command[]).filter(
  ({ command }) => /CMakeFiles\/(emu|emu_cuda|core)\.dir/.test(command),
);
const sourceOf = ({ file }: Command): string => file.slice(root.length + 1);
const objectOf = ({ directory, command }: Command): string => join(directory, / -o (\S+)/.exec(command)?.[1] ?? '');

/** Compiles a source of the emulator's library, taken from `tree`. */
async function compile(each: Command, tree: string, to: string, flags: readonly string[]): Promise<void> {
  mkdirSync(dirname(to), { recursive: true });
  const command = each.command
    .replace(/ -o \S+/, ` -o '${to}'`)
    .replace(` -c ${root}/`, ` -c ${tree}/`)
    .replaceAll(/ -[UD]_FORTIFY_SOURCE(=2)?/g, '');
  await run('sh', ['-c', `${command} -w ${flags.join(' ')}`], { cwd: each.directory, maxBuffer: 1 << 26 });
}

async function link(objects: readonly string[], to: string, flags: readonly string[]): Promise<void> {
  const map = `-Wl,--version-script=${join(root, 'native/backend.map')}`;
  await run('c++', ['-shared', '-fPIC', ...flags, '-o', to, ...objects, map, '-ldl', '-lpthread']);
}

/** Of everything but kernels, compiled with sanitizers; kernels that no bug is in stay as they are. */
const sanitizedObjects = new Map<string, string>();
async function sanitizedHost(): Promise<void> {
  for (const each of commands.filter(({ file }) => file.endsWith('.cc'))) {
    const to = join(scratch, 'sanitized', `${sourceOf(each)}.o`);
    await compile(each, root, to, sanitizers);
    sanitizedObjects.set(sourceOf(each), to);
  }
}

/** The emulator's library with this bug in it. */
async function build(defect: Defect, sanitized: boolean): Promise<string> {
  const tree = join(scratch, 'tree');
  rmSync(tree, { recursive: true, force: true });
  cpSync(join(root, 'native'), join(tree, 'native'), { recursive: true });
  const text = readFileSync(join(root, defect.file), 'utf8');
  const parts = text.split(defect.find);
  if (parts.length !== 2) throw new Error(`${defect.file} holds ${parts.length - 1} times: ${defect.find}`);
  writeFileSync(join(tree, defect.file), parts.join(defect.replace));
  const flags = sanitized ? sanitizers : [];
  const objects: string[] = [];
  for (const each of commands) {
    const source = sourceOf(each);
    if (defect.units.includes(source)) {
      const to = join(scratch, 'patched', `${source}.o`);
      await compile(each, tree, to, flags);
      objects.push(to);
    } else {
      objects.push((sanitized ? sanitizedObjects.get(source) : undefined) ?? objectOf(each));
    }
  }
  const library = join(scratch, sanitized ? 'libwarpgrad_asan.so' : 'libwarpgrad_emu.so');
  await link(objects, library, flags);
  return library;
}

/** What a run says of the bug: '' when it went unnoticed. */
function noticed({ verdicts, crash }: Run): string {
  if (crash !== '') return crash;
  const [only] = verdicts;
  if (only === undefined || only.verdict === 'unported') throw new Error(`the case did not run: ${only?.detail}`);
  if (only.verdict === 'right') return '';
  return only.verdict === 'wrong' ? 'a wrong result' : only.detail;
}

async function underSchedules(name: string, library: string): Promise<{ by: string; caught: boolean }> {
  const seen = new Map<string, string[]>();
  for (const schedule of schedules) {
    const what = noticed(await perform([name], schedule, { WARPGRAD_EMU_LIB: library }));
    if (what === '') continue;
    const kind = kindOf(what);
    seen.set(kind, [...(seen.get(kind) ?? []), schedule]);
  }
  const by = [...seen].map(([kind, which]) => `${kind} (${shorten(which)})`).join('; ');
  return { by: by === '' ? 'no schedule' : by, caught: seen.size > 0 };
}

/** What a report says besides kernel, thread and place. */
function kindOf(what: string): string {
  if (what === 'a wrong result') return what;
  const place = /^.*block \(\d+,\d+,\d+\)(, thread \(\d+,\d+,\d+\))?( at \S+:\d+)?: /;
  return `reported: ${what
    .replace(place, '')
    .replace(/[:;(].*/, '')
    .replaceAll(/\d+/g, 'n')
    .slice(0, 80)}`;
}

/** Schedules by what they have in common. */
function shorten(which: readonly string[]): string {
  if (which.length === schedules.length) return 'all 12';
  const words = ['forward', 'reverse', 'random', 'lockstep', 'greedy', 'early', 'late'];
  const common = words.filter((word) => which.every((name) => name.includes(word)));
  return `${which.length} of 12${common.length > 0 ? `, ${common.join(' ')}` : ''}`;
}

async function underSanitizers(defect: Defect, library: string): Promise<string> {
  const { stdout } = await run('c++', ['-print-file-name=libasan.so']);
  const env = { LD_PRELOAD: stdout.trim(), ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'halt_on_error=1' };
  const what = noticed(await perform([defect.run], 'forward-lockstep', { ...env, WARPGRAD_EMU_LIB: library }));
  const kind = /AddressSanitizer: [\w-]+|runtime error: [^']{0,60}/.exec(what)?.[0] ?? what;
  return kind === '' ? 'nothing' : kind;
}

const filters = process.argv.slice(2);
const chosen = defects.filter(
  ({ family, bug }) => filters.length === 0 || filters.some((f) => `${family} ${bug}`.includes(f)),
);
if (!existsSync(join(root, 'build/Release/libwarpgrad_emu.so'))) throw new Error('npm run build:emu first');
mkdirSync(scratch, { recursive: true });
const counts = { passed: 0, failed: 0 };
const sound = [...new Set(chosen.map((defect) => defect.run))];
for (const schedule of schedules) {
  const { verdicts, crash } = await perform(sound, schedule);
  const bad = verdicts.find(({ verdict }) => verdict !== 'right');
  if (bad !== undefined || crash !== '') {
    counts.failed++;
    console.log(`FAIL without any bug, ${schedule}: ${bad?.name} ${bad?.detail} ${crash}`);
  } else counts.passed++;
}
if (chosen.some(({ overrun }) => overrun)) await sanitizedHost();
console.log('| family | bug | caught by schedules | by sanitizers |\n| --- | --- | --- | --- |');
for (const defect of chosen) {
  const { by, caught } = await underSchedules(defect.run, await build(defect, false));
  const sanitized = defect.overrun ? await underSanitizers(defect, await build(defect, true)) : '–';
  const found = caught || (defect.overrun === true && sanitized !== 'nothing');
  counts[found ? 'passed' : 'failed']++;
  console.log(`| ${defect.family} | ${defect.bug} | ${by} | ${sanitized} |${found ? '' : ' NOT CAUGHT'}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;
