// Every fenced block marked `ts run` in the documents is type-checked and run as a program of its own, against the built package.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from './support/package-root.ts';

const root = packageRoot(import.meta.url);
// Inside the repository, so that 'warpgrad' resolves to this package.
const folder = join(root, '.cache/docs');

interface Example {
  name: string;
  code: string;
}

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```ts run\n([\s\S]*?)^```$/gm)].map((m) => {
    const line = text.slice(0, m.index).split('\n').length;
    return { name: `${file.replace(/\W+/g, '-')}-line-${line}`, code: m[1] ?? '' };
  });
}

const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((f) => `docs/${f}`)].filter((f) =>
  f.endsWith('.md'),
);
const examples = documents.flatMap(examplesOf);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const { name, code } of examples) writeFileSync(join(folder, `${name}.ts`), code);
const options = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    rootDir: '.',
    outDir: 'out',
    incremental: false,
    tsBuildInfoFile: null,
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
  },
  include: ['*.ts'],
};
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));

test('there are examples', () => {
  assert.ok(examples.length > 5);
});

test('the examples compile as written', () => {
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
    { encoding: 'utf8' },
  );
  if (status !== 0) assert.unreachable(stdout);
});

for (const { name } of examples) {
  test(`${name} runs`, () => {
    execFileSync(process.execPath, [join(folder, 'out', `${name}.js`)], { encoding: 'utf8', timeout: 60_000 });
  });
}

test.run();
