// Which ops there are and what is shown of each: npm run ops:report [-- --json | --write]
// Runs the op tests on the CPU and on cuda-emu, which note every value and derivative they compared with float64, and reads
// PyTorch's fixtures.
// --json prints one object; --write renews docs/ops.md; without either a table is printed.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execute, root } from './stages.mjs';

/** @param {string} path */
const load = (path) => import(pathToFileURL(join(root, '.test', path)).href);
const { publicOps } = await load('test/support/op-list.js');
const { merge } = await load('test/support/evidence.js');
const { families, impossible } = await load('test/parity/fixtures.js');
const { dtypes } = await load('lib/index.js');

/** @typedef {import('../test/support/evidence.ts').Evidence} Evidence */
/** @typedef {{ cases: number, kind: string, first: boolean, second: boolean, why: string }} Fixture */

/** @returns {Promise<Map<string, Evidence>>} */
async function evidence() {
  const folder = mkdtempSync(join(tmpdir(), 'warpgrad-'));
  try {
    const { code, output } = await execute(process.execPath, ['.test/test/support/run.js', 'ops/'], {
      env: { WARPGRAD_EVIDENCE: folder, WARPGRAD_TEST_DEVICES: 'cpu,cuda-emu' },
    });
    if (code !== 0) throw new Error(`the op tests fail:\n${output}`);
    const all = new Map();
    for (const file of readdirSync(folder)) {
      for (const [op, facts] of Object.entries(JSON.parse(readFileSync(join(folder, file), 'utf8')))) {
        const name = mainOf.get(op) ?? op;
        all.set(name, all.has(name) ? merge(all.get(name), facts) : facts);
      }
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns {Map<string, Fixture>} */
function fixtures() {
  const all = new Map();
  for (const { cases } of families()) {
    for (const { op: written, kind, first, second, why = '' } of cases) {
      const op = mainOf.get(written) ?? written;
      const before = all.get(op) ?? { cases: 0, kind, first: false, second: false, why: '' };
      const without = first === true && second !== true;
      all.set(op, {
        cases: before.cases + 1,
        kind: before.kind === 'native' ? 'native' : kind,
        first: before.first || first === true,
        second: before.second || second === true,
        why: without ? why || 'no second derivative there' : before.why,
      });
    }
  }
  return all;
}

const forms = publicOps();
const mainOf = new Map(forms.map((/** @type {any} */ { name, form, of }) => [name, form === 'alias' ? of : name]));
const proven = await evidence();
const torch = fixtures();
const ops = forms.filter((/** @type {{ form: string }} */ { form }) => form === 'op');

const rows = ops.map((/** @type {{ name: string }} */ { name }) => {
  const shown = proven.get(name);
  const fixture = torch.get(name);
  const others = forms.filter((/** @type {{ of?: string }} */ each) => each.of === name);
  return {
    name,
    others: others.map((/** @type {{ name: string }} */ each) => each.name),
    dtypes: shown?.dtypes ?? [],
    devices: shown?.devices ?? [],
    differentiable: shown?.differentiable || fixture?.first || false,
    first: shown?.first ?? false,
    second: shown?.second ?? false,
    parity: (fixture?.cases ?? 0) >= 3 ? fixture?.kind : '',
    why: impossible[name] ?? (fixture && !fixture.second ? fixture.why : ''),
  };
});

/** @param {(row: any) => boolean} test */
const count = (test) => rows.filter(test).length;
const summary = {
  ops: rows.length,
  differentiable: count((row) => row.differentiable),
  firstOrder: count((row) => row.first),
  secondOrder: count((row) => row.second),
  parity: count((row) => row.parity !== ''),
  impossible: Object.keys(impossible),
  devices: Object.fromEntries(['cpu', 'cuda-emu'].map((name) => [name, count((row) => row.devices.includes(name))])),
  dtypes: Object.fromEntries(dtypes.map((/** @type {string} */ d) => [d, count((row) => row.dtypes.includes(d))])),
};

function table() {
  const head = `# Ops

Written by \`npm run ops:report -- --write\` from what the tests compare. ${summary.ops} ops, counted once for each forward definition;
other forms of an op stand in its row. Derivatives are compared with float64 differences. *PyTorch*: fixtures of that op
(native), or of the same written in its ops (composed); in parentheses why there is no second derivative, or no fixture. *Devices*: where the comparisons with float64 pass; cuda-emu runs the CUDA kernels on the host.

| op | other forms | dtypes tested | devices | first derivative | second derivative | PyTorch |
| --- | --- | --- | --- | --- | --- | --- |
`;
  const mark = (/** @type {boolean} */ yes) => (yes ? 'yes' : '');
  const lines = rows.map(
    (/** @type {any} */ r) =>
      `| ${r.name} | ${r.others.join(', ')} | ${r.dtypes.join(' ')} | ${r.devices.join(' ')} | ${mark(r.first)} | ${mark(r.second)} | ${r.parity}${r.why ? ` (${r.why})` : ''} |`,
  );
  const unproven = rows.filter((/** @type {any} */ r) => r.differentiable && !(r.first && r.second));
  const names = unproven.map((/** @type {any} */ r) => r.name).join(', ');
  return `${head}${lines.join('\n')}\n${names && `\nDerivatives not compared with float64 differences: ${names}.\n`}`;
}

if (process.argv.includes('--json')) console.log(JSON.stringify(summary));
else if (process.argv.includes('--write')) writeFileSync(join(root, 'docs/ops.md'), table());
else console.log(`${table()}\n${JSON.stringify(summary)}`);
