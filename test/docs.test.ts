// The documents are true: every fenced block of TypeScript is compiled and run as a program of its own against the built package
// and prints what its comments say, every quoted piece of source stands in its file, every link leads somewhere.
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { brokenLinks, type Fence, fencesOf, missingFiles } from './support/documents.ts';
import { publicOps } from './support/op-list.ts';
import { packageRoot } from './support/package-root.ts';

const root = packageRoot(import.meta.url);
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
// Inside the repository, so that 'warpgrad' resolves to this package.
const folder = join(root, '.cache/docs');

const guides = readdirSync(join(root, 'docs')).filter((f) => f.endsWith('.md'));
const documents = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...guides.map((f) => `docs/${f}`),
];
const fences = documents.flatMap((file) => fencesOf(file, read(file)));
const examples = fences.filter(({ language, label }) => language === 'ts' && label === '');
const nameOf = ({ file, line }: Fence): string => `${file.replace(/\W+/g, '-')}-line-${line}`;

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const each of examples) writeFileSync(join(folder, `${nameOf(each)}.ts`), each.code);
const options = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    rootDir: '.',
    outDir: 'out',
    incremental: false,
    tsBuildInfoFile: null,
    isolatedDeclarations: false,
    declaration: false,
    emitDeclarationOnly: false,
    noUnusedLocals: false,
    noUncheckedIndexedAccess: false, // strict, and no stricter than readers are
  },
  include: ['*.ts'],
};
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));

test('the examples compile as written', () => {
  assert.ok(examples.length > 40, `only ${examples.length}`);
  console.log(`# ${examples.length} examples in ${documents.length} documents`);
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder];
  const { stdout, status } = spawnSync(process.execPath, tsc, { encoding: 'utf8' });
  if (status !== 0) assert.unreachable(stdout);
});

const run = promisify(execFile);
const bare = (text: string): string => text.replace(/\s+/g, '');

for (const example of examples) {
  const name = nameOf(example);
  test(`${name} runs and prints what it says`, async () => {
    const program = join(folder, 'out', `${name}.js`);
    const { stdout } = await run(process.execPath, [program], { cwd: folder, timeout: 120_000 });
    const printed = bare(stdout);
    let at = 0;
    for (const [, promised = ''] of example.code.matchAll(/\/\/ → (.*)$/gm)) {
      const found = printed.indexOf(bare(promised), at);
      assert.ok(found >= 0, `wanted "${promised}", printed:\n${stdout}`);
      at = found + bare(promised).length;
    }
  });
}

test('quoted source is what the files say', () => {
  const quotes = fences.filter(({ label }) => label.includes('/'));
  assert.ok(quotes.length > 0);
  for (const { file, line, label, code } of quotes) {
    assert.ok(existsSync(join(root, label)), `${file}:${line} quotes ${label}, which is not there`);
    assert.ok(bare(read(label)).includes(bare(code)), `${file}:${line} is not what stands in ${label}`);
  }
});

test('no example is left out by its label', () => {
  for (const { file, line, language, label } of fences) {
    const peer = language === 'javascript' && label === 'TensorFlow.js';
    assert.not.ok(/^(js|javascript|typescript)$/.test(language) && !peer, `${file}:${line}: write \`ts\``);
  }
});

for (const file of documents) {
  test(`the links and files that ${file} names exist`, () => {
    assert.equal(brokenLinks(root, file), []);
    assert.equal(missingFiles(root, read(file)), []);
  });
}

test('docs/ops.md has every op', () => {
  const rows = new Set([...read('docs/ops.md').matchAll(/^\| (\w+) \|/gm)].map(([, name]) => name));
  const ops = publicOps().filter(({ form }) => form === 'op');
  const missing = ops.map(({ name }) => name).filter((name) => !rows.has(name));
  assert.equal(missing, [], 'run: npm run ops:report -- --write');
});

test.run();
