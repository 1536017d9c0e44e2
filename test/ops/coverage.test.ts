// Every op that lib/ops exports has an entry in one of the files here.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import { binary, unary } from '../support/reference/elementwise.ts';
import { definedOps } from '../../lib/autograd/index.ts';
import { publicOps } from '../support/op-list.ts';

const folder = new URL('.', import.meta.url);
const text = readdirSync(folder)
  .filter((file) => file.endsWith('.test.js'))
  .map((file) => readFileSync(new URL(file, folder), 'utf8'))
  .join('\n');
const listed = new Set<string>();
for (const [, name = ''] of text.matchAll(/checkOp\(\s*'(\w+)'/g)) listed.add(name);
for (const [, list = ''] of text.matchAll(/covers = \[([^\]]*)\]/g))
  for (const [, name = ''] of list.matchAll(/'(\w+)'/g)) listed.add(name);
// Families are registered in loops over these tables, views over theirs.
for (const [, table = ''] of text.matchAll(/for \(const name of \[([^\]]*)\]/g))
  for (const [, name = ''] of table.matchAll(/'(\w+)'/g)) listed.add(name);

for (const name of [...Object.keys(unary), ...Object.keys(binary)]) listed.add(name);
for (const [, name = ''] of text.matchAll(/^\s*'(\w+)',\n\s*ops\.\1,/gm)) listed.add(name);

test('every exported op has a test entry', () => {
  // An alias is the same function under another name: the entry of that serves.
  const missing = publicOps()
    .filter(({ form }) => form !== 'alias')
    .map(({ name }) => name)
    .filter((name) => !listed.has(name));
  assert.deepEqual(missing, []);
});

test('every recorded op has a backward or is known to have none', () => {
  const without = [...definedOps().values()]
    .filter((op) => op.backward === undefined && op.fastBackward === undefined)
    .map((op) => op.name);
  const known = [
    'eq',
    'ne',
    'lt',
    'le',
    'gt',
    'ge',
    'logicalAnd',
    'logicalOr',
    'logicalXor',
    'bitwiseAnd',
    'bitwiseOr',
    'bitwiseXor',
    'bitwiseLeftShift',
    'bitwiseRightShift',
    'gcd',
    'lcm',
    'oneHot',
    'argmax',
    'argmin',
    'standardGamma',
    'arange',
    'uniform',
    'normal',
    'rand',
    'randn',
    'sign',
    'floor',
  ];
  assert.deepEqual(
    without.filter((name) => !known.includes(name)),
    [],
  );
});

test.run();
