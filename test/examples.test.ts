// The examples run in a small size and reach what they should.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { packageRoot } from './support/package-root.ts';
import { withFolder } from './support/temporary.ts';

const test = suite('examples');
const root = packageRoot(import.meta.url);

test('mnist.ts learns the digits in two epochs, draws its picture and ends with the accuracy', async () => {
  await withFolder(async (folder) => {
    const script = join(root, '.test/examples/mnist.js');
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, '--quick'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.match(stdout, /[\d,]+ images\/s/);
    const accuracy = Number(/^test accuracy (0\.\d{4})$/.exec(lines.at(-1) ?? '')?.[1]);
    assert.ok(accuracy > 0.96, lines.at(-1));
    assert.equal(
      lines.some((line) => line.includes('not captured')),
      false,
      stdout,
    );
    await access(join(folder, 'runs', 'mnist.svg'));
  });
});

test.run();
