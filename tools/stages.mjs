// What tools/ci.mjs and tools/full.mjs share: a stage is a named function that makes checks; each stage prints its minutes
// and the run ends with `N passed, N failed`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ env?: Record<string, string>, cwd?: string, show?: boolean }} RunOptions */

/**
 * Runs a command; its output is printed while it runs with `show`, else only when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function execute(command, args, { env = {}, cwd = root, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString();
      if (show) process.stdout.write(chunk);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The checks of one stage. */
export class Stage {
  /** @type {Counts} */
  counts = { passed: 0, failed: 0, skipped: 0 };

  /** Records one check; `detail` is printed when it failed.
   * @param {string} label @param {boolean} ok @param {string} [detail] */
  check(label, ok, detail = '') {
    if (ok) this.counts.passed += 1;
    else this.counts.failed += 1;
    console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${label}`);
    if (!ok && detail) console.log(detail.trimEnd().replace(/^/gm, '       '));
    return ok;
  }

  /** @param {string} label @param {string} reason */
  skip(label, reason) {
    this.counts.skipped += 1;
    console.log(`  skipped ${label} (${reason})`);
  }

  /** A command that must end with code 0.
   * @param {string} label @param {string} command @param {readonly string[]} args @param {RunOptions} [options] */
  async run(label, command, args, options) {
    const { code, output } = await execute(command, args, options);
    return this.check(label, code === 0, options?.show ? '' : output);
  }

  /** A command that must end with code 0, run by this very node.
   * @param {string} label @param {readonly string[]} args @param {RunOptions} [options] */
  node(label, args, options) {
    return this.run(label, process.execPath, args, options);
  }

  /** The project's tests whose path contains one of `filters` (all when empty); its counts are added to the stage's.
   * @param {readonly string[]} filters @param {Record<string, string>} [env]
   * @param {readonly string[]} [wrapper] a command that runs the command behind it */
  async tests(filters, env = {}, wrapper = []) {
    const [command = '', ...args] = [...wrapper, process.execPath, join(root, '.test/test/support/run.js'), ...filters];
    const { output } = await execute(command, args, { env, show: true });
    const last = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(output);
    if (!last) return this.check('the test run ended with a summary', false);
    this.counts.passed += Number(last[1]);
    this.counts.failed += Number(last[2]);
    this.counts.skipped += Number(last[3] ?? 0);
    return Number(last[2]) === 0;
  }
}

/** @param {Counts} c */
export const summary = (c) => `${c.passed} passed, ${c.failed} failed${c.skipped ? `, ${c.skipped} skipped` : ''}`;

/** A binary with this name, or a version suffix of it, that answers; null when there is none.
 * @param {readonly string[]} names */
export async function findTool(names) {
  for (const name of names) if ((await execute(name, ['--version'])).code === 0) return name;
  return null;
}

/** Files under a folder, with one of the extensions.
 * @param {string} dir @param {readonly string[]} extensions @returns {string[]} */
export function filesUnder(dir, extensions) {
  return readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((f) => extensions.some((e) => f.endsWith(e)))
    .map((f) => join(dir, f))
    .sort();
}

/** Runs `work` on every item, `width` at a time.
 * @template T @param {readonly T[]} items @param {number} width @param {(item: T) => Promise<void>} work */
export async function parallel(items, width, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/**
 * Runs the named stages, or all of them, in order.
 * @param {Record<string, (stage: Stage) => Promise<void> | void>} stages
 * @param {readonly string[]} names
 * @param {(name: string, counts: Counts, minutes: number) => void} [record]
 */
export async function runStages(stages, names, record) {
  const unknown = names.filter((n) => !(n in stages));
  if (unknown.length > 0) {
    console.error(`no stage ${unknown.join(', ')}; there are: ${Object.keys(stages).join(' ')}`);
    process.exit(2);
  }
  /** @type {Counts} */
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, body] of Object.entries(stages)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`== ${name}`);
    const start = performance.now();
    const stage = new Stage();
    try {
      await body(stage);
    } catch (error) {
      stage.check(
        'the stage ran to its end',
        false,
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
    }
    const minutes = (performance.now() - start) / 60_000;
    console.log(`== ${name}: ${summary(stage.counts)}; ${minutes.toFixed(2)} min\n`.replace('; ', ' in '));
    record?.(name, stage.counts, minutes);
    sum.passed += stage.counts.passed;
    sum.failed += stage.counts.failed;
    sum.skipped += stage.counts.skipped;
  }
  console.log(summary(sum));
  process.exitCode = sum.failed > 0 ? 1 : 0;
}
