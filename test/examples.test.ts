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

/** Runs a compiled example as a user does, and gives what it printed. */
function output(script: string, ...args: string[]): string {
  const path = join(root, '.test/examples', script);
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('xor.ts learns it', () => {
  const answers = [...output('xor.js').matchAll(/xor \d = (\d\.\d+)/g)].map(([, share]) => Math.round(Number(share)));
  assert.deepEqual(answers, [0, 1, 1, 0]);
});

test('custom-op.ts trains through an op of its own', () => {
  const [, levels, loss] = /^(\d+) different weights .* loss (\S+)$/m.exec(output('custom-op.js')) ?? [];
  assert.ok(Number(levels) <= 7, levels);
  assert.ok(Number(loss) < 0.05, loss);
});

test('serve answers while it trains, and with newer weights later', async () => {
  const { makeService } = await import('../examples/serve/service.ts');
  const { app, learner } = await makeService();
  const classify = (body: Uint8Array<ArrayBuffer>) => app.request('/classify', { method: 'POST', body });
  const refused = await classify(new Uint8Array(3));
  assert.equal(refused.status, 400);

  await app.request('/training', { method: 'POST', body: '{"on":true}' });
  const image = new Uint8Array(784);
  const versions = new Set<number>();
  while (learner.steps < 120) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => classify(image)));
    for (const answer of answers) {
      const { digit, share, version } = (await answer.json()) as { digit: number; share: number; version: number };
      assert.ok(Number.isInteger(digit) && digit >= 0 && digit < 10 && share > 0 && share <= 1);
      versions.add(version);
    }
  }
  await app.request('/training', { method: 'POST', body: '{"on":false}' });
  const { steps, loss, captured } = (await (await app.request('/status')).json()) as Record<string, unknown>;
  assert.ok(versions.size >= 2, `versions ${[...versions].join()}`);
  assert.ok(captured === true && Number(steps) >= 120 && Number(loss) < 2.5);
});

test('its load test prints answers, delays and what training lost', () => {
  const printed = output('serve/load.js', '--rate', '40', '--seconds', '1', '--rounds', '1');
  assert.match(printed, /^both .*\d$/m);
  assert.match(printed, /^p99 with training: [\d.]+ times that without$/m);
  assert.match(printed, /^training throughput lost to requests: -?[\d.]+ %$/m);
});

test.run();
