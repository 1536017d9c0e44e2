import { strict as assert } from 'node:assert';
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { type io, train } from '../../lib/index.ts';
import { rejectsLater } from '../support/rejects.ts';
import { withFolder } from '../support/temporary.ts';

const test = suite('train.CheckpointFolder');

function tensors(value: number): Map<string, io.HostTensor> {
  return new Map([['w', { dtype: 'float32', shape: [2], data: Float32Array.of(value, -value) }]]);
}

test('numbers its checkpoints, keeps the newest, and gives back what was saved', async () => {
  await withFolder(async (folder) => {
    const store = new train.CheckpointFolder(join(folder, 'deep', 'er'), { keep: 2 });
    assert.equal(await store.latest(), null);
    for (let i = 1; i <= 4; i++) await store.save(tensors(i), { step: i, note: 'ünï"\n', list: [1.5, null, true] });
    assert.deepEqual(await readdir(store.folder), ['checkpoint-000003', 'checkpoint-000004']);
    const found = await store.latest();
    assert.deepEqual(found?.body, { step: 4, note: 'ünï"\n', list: [1.5, null, true] });
    assert.deepEqual(found?.tensors, tensors(4));
  });
});

test('passes over a damaged checkpoint', async () => {
  const damages: readonly ((path: string) => Promise<unknown>)[] = [
    (path) => truncate(join(path, 'tensors.safetensors'), 20),
    (path) => writeFile(join(path, 'tensors.safetensors'), ''),
    (path) => truncate(join(path, 'checkpoint.json'), 30),
    (path) => writeFile(join(path, 'checkpoint.json'), '{}'),
    async (path) => {
      const file = join(path, 'checkpoint.json');
      await writeFile(file, (await readFile(file, 'utf8')).replace('step', 'stop'));
    },
    async (path) => {
      const file = join(path, 'tensors.safetensors');
      const bytes = await readFile(file);
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      await writeFile(file, bytes);
    },
  ];
  for (const damage of damages) {
    await withFolder(async (folder) => {
      const store = new train.CheckpointFolder(folder);
      await store.save(tensors(1), { step: 1 });
      const newest = await store.save(tensors(2), { step: 2 });
      await damage(newest);
      await rejectsLater(train.readCheckpoint(newest), 'ERR_FORMAT', /checksum|JSON/);
      assert.deepEqual((await store.latest())?.body, { step: 1 });
      await store.save(tensors(3), { step: 3 });
      assert.deepEqual((await store.latest())?.body, { step: 3 });
    });
  }
});

test('clears what a killed writer left, and nothing else', async () => {
  await withFolder(async (folder) => {
    await mkdir(join(folder, '.checkpoint-000001.99-0.tmp'));
    await writeFile(join(folder, '.checkpoint-000001.99-0.tmp', 'tensors.safetensors'), 'half');
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await mkdir(join(folder, 'checkpoint-other'));
    const store = new train.CheckpointFolder(folder);
    await store.save(tensors(1), null);
    assert.deepEqual(await readdir(folder), ['checkpoint-000001', 'checkpoint-other', 'notes.txt']);
  });
});

test('a folder that cannot be written is ERR_IO, and old checkpoints stay', async () => {
  await withFolder(async (folder) => {
    const store = new train.CheckpointFolder(folder);
    await store.save(tensors(1), { step: 1 });
    await writeFile(join(folder, 'file'), '');
    await rejectsLater(
      new train.CheckpointFolder(join(folder, 'file')).save(tensors(1), null),
      'ERR_IO',
      /cannot save/,
    );
    await chmod(folder, 0o500);
    // Root may write everywhere; then there is nothing to see here.
    if (process.getuid?.() !== 0) await rejectsLater(store.save(tensors(2), null), 'ERR_IO', /EACCES/);
    await chmod(folder, 0o700);
    assert.deepEqual((await store.latest())?.body, { step: 1 });
  });
});

test.run();
