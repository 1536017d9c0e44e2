// Every allocation our addon makes fails once, and then all from there on: an error with a code each time, never a crash.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import { fullLevel } from '../support/random.ts';
import { sanitizer } from '../support/sanitizer.ts';

const compiled = fileURLToPath(new URL('.', import.meta.url));
const root = join(compiled, '../../..');
const sources = join(root, 'test/support/native');
const headers = (createRequire(import.meta.url)('node-api-headers') as { include_dir: string }).include_dir;

/** The preloaded library and the addon that arms it, or null where nothing compiles or may be preloaded. */
function build(): { preload: string; arm: string } | null {
  if (process.platform !== 'linux' || !existsSync(sources) || sanitizer !== '') return null;
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-'));
  const preload = join(folder, 'fail_malloc.so');
  const arm = join(folder, 'arm.node');
  const compile = (...args: string[]): boolean =>
    spawnSync('cc', ['-O1', '-fPIC', '-shared', '-w', ...args]).status === 0;
  const made =
    compile('-o', preload, join(sources, 'fail_malloc.c'), '-ldl') &&
    compile(`-I${headers}`, '-o', arm, join(sources, 'arm.c'), '-ldl');
  return made ? { preload, arm } : null;
}

const child = `
  import { createRequire } from 'node:module';
  const [entry, armPath, sticky, limit] = process.argv.slice(1);
  const fault = createRequire('/')(armPath);
  const { add, borrow, conv2d, crossEntropy, device, matmul, nn, ones, optim, randn, scope, sum, tensor } = await import(entry);
  const jobs = {
    op: async () => { const x = ones([300, 300]); const y = scope(() => add(x, 1)); const v = await y.data(); x.dispose(); y.dispose(); return v[0]; },
    upload: async () => { const x = tensor(new Float32Array(70000)); const v = await x.data(); x.dispose(); return v[0]; },
    borrowed: async () => { const x = borrow(new Float32Array(5000)); const y = add(x, 2); const v = await y.data(); x.dispose(); y.dispose(); return v[0]; },
    products: async () => { const x = ones([200, 200]); const y = scope(() => sum(matmul(x, x))); const v = await y.item(); x.dispose(); y.dispose(); return v; },
    convolution: async () => { const y = scope(() => sum(conv2d(ones([2, 3, 30, 30]), ones([4, 3, 3, 3]), null))); const v = await y.item(); y.dispose(); return v; },
    training: async () => {
      const w = ones([40, 40], { requiresGrad: true });
      const o = new optim.AdamW([w], { lr: 0.1 });
      scope(() => { sum(matmul(w, w)).backward(); o.step(); });
      const v = (await w.data())[0];
      w.grad?.dispose(); w.dispose(); o.dispose();
      return v;
    },
    many: async () => { const list = Array.from({ length: 300 }, (_, i) => ones([i + 1])); const v = (await list[299].data())[0]; for (const t of list) t.dispose(); return v; },
  };
  let struck = 0, errors = 0;
  for (const [name, job] of Object.entries(jobs)) {
    const wanted = await job();
    for (let n = 0; n < Number(limit); n++) {
      fault.arm(n, sticky === '1');
      let value, error = null;
      try { value = await job(); await device('cpu').synchronize(); } catch (e) { error = e; }
      const calls = fault.calls();
      fault.arm(-1, false);
      if (error !== null) {
        errors++;
        if (typeof error.code !== 'string' || !error.code.startsWith('ERR_')) { console.log('BAD', name, n, error); process.exit(1); }
      } else if (value !== wanted) { console.log('WRONG', name, n, value, wanted); process.exit(1); }
      await device('cpu').synchronize().catch(() => {});
      const again = await job();
      if (again !== wanted) { console.log('AFTER', name, n, again, wanted); process.exit(1); }
      if (calls <= n) break;
      struck++;
    }
  }
  console.log('done ' + struck + ' ' + errors);`;

const tools = build();
for (const sticky of ['0', '1']) {
  const name = `the nth allocation ${sticky === '1' ? 'and all later ones fail' : 'fails'}, for every n`;
  if (tools === null) {
    test.skip(name, () => {});
    continue;
  }
  test(name, () => {
    const entry = new URL('../../lib/index.js', import.meta.url).href;
    const run = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', child, entry, tools.arm, sticky, fullLevel ? '2000' : '12'],
      {
        encoding: 'utf8',
        cwd: dirname(compiled),
        env: { ...process.env, LD_PRELOAD: tools.preload, WG_FAIL_MODULE: 'warpgrad.node' },
        timeout: 200_000,
      },
    );
    assert.equal(run.signal, null, `${run.stdout}${run.stderr}`);
    const [, struck = '0', errors = '0'] = /done (\d+) (\d+)/.exec(run.stdout) ?? [];
    assert.ok(Number(struck) > 0, `${run.stdout}${run.stderr}`);
    console.log(`# ${struck} failed allocations (${name}): ${errors} errors with a code, no crash`);
  });
}

test.run();
