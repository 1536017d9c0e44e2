// Every write, fsync and rename of a save goes wrong once, in every way: there is always a whole checkpoint.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { type io, train } from '../../lib/index.ts';
import { packageRoot } from '../support/package-root.ts';
import { withFolder } from '../support/temporary.ts';
import { sanitizer } from '../support/sanitizer.ts';

const test = suite('train I/O faults');
const root = packageRoot(import.meta.url);
const full = process.env['WARPGRAD_TEST_LEVEL'] === 'full';
const modes = full ? ['kill', 'ENOSPC', 'EIO', 'short'] : ['kill', 'ENOSPC'];
// Header and data, JSON: three writes and two fsyncs; the folder's fsync, the rename, the parent's fsync.
const callsOfASave = 8;

function weights(i: number): Map<string, io.HostTensor> {
  return new Map([['w', { dtype: 'float32', shape: [3], data: Float32Array.of(i, i, i) }]]);
}

/** Saves checkpoint 2 in a process of its own. */
function saveSecond(folder: string, env: NodeJS.ProcessEnv): { status: number | null; output: string } {
  const script = join(root, '.test/test/support/checkpoint-writer.js');
  const { status, stdout } = spawnSync(process.execPath, [script, folder, '2', '1'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, output: stdout.trim() };
}

/** A library that is preloaded to make calls fail; null where there is no compiler, or no LD_PRELOAD to be had. */
function faultLibrary(folder: string): string | null {
  if (process.platform !== 'linux' || sanitizer !== '') return null;
  const library = join(folder, 'io-fault.so');
  const source = join(root, 'test/support/io-fault.c');
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  return status === 0 ? library : null;
}

function numberOf({ tensors, body }: train.Checkpoint): number {
  const { i } = body as { i: number };
  assert.ok(
    Array.from<number | bigint>(tensors.get('w')?.data ?? []).every((value) => value === i),
    'a mixed checkpoint',
  );
  return i;
}

for (const mode of modes) {
  test(`${mode} at every call of a save`, async () => {
    await withFolder(async (outer) => {
      const library = faultLibrary(outer);
      if (library === null) {
        console.log('\n# skipped: nothing can be preloaded here');
        return;
      }
      let failures = 0;
      for (let nth = 0; nth < callsOfASave; nth++) {
        const folder = join(outer, `run-${nth}`);
        const store = new train.CheckpointFolder(folder, { keep: 2 });
        await store.save(weights(1), { i: 1 });
        const fault = { LD_PRELOAD: library, IO_DIR: folder, IO_NTH: String(nth), IO_MODE: mode };
        const { status, output } = saveSecond(folder, fault);
        if (status !== 0) failures++;
        const newest = await store.latest();
        assert.ok(newest !== null, `call ${nth}: no checkpoint is left`);
        const found = numberOf(newest);
        // A failure may come after the rename: then the new one counts already.
        assert.ok(found === 2 || (found === 1 && status !== 0), `call ${nth}: found ${found}, ${status} ${output}`);
        if (status !== 0 && status !== null) assert.equal(output, 'ERR_IO');
        for (const name of await readdir(folder)) {
          if (name.startsWith('checkpoint-')) numberOf(await train.readCheckpoint(join(folder, name)));
        }
        await store.save(weights(3), { i: 3 }); // works whatever was left behind
        assert.equal(
          (await readdir(folder)).some((name) => name.endsWith('.tmp')),
          false,
        );
      }
      assert.equal(failures, mode === 'short' ? 0 : callsOfASave);
      console.log(`\n# ${mode}: ${callsOfASave} calls hit, never a broken checkpoint`);
    });
  });
}

test.run();
