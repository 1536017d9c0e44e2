// Writes lib/native/kernels.gen.ts from the op table inside the built addon; with --check only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './stages.mjs';

/** @typedef {{ structs: Record<string, string[]>, ops: { name: string, arguments: string, types: string[] }[] }} Schema */

/** @type {Readonly<Record<string, string>>} */
const typescript = {
  number: 'number',
  Out: 'KernelView',
  InOut: 'KernelView',
  In: 'KernelView',
  MaybeIn: 'KernelView | null',
  Operand: 'KernelView | number',
  InList: 'readonly KernelView[]',
  InOutList: 'readonly KernelView[]',
};

/** The op table as TypeScript declarations. @param {Schema} schema */
function printKernels(schema) {
  const structs = Object.entries(schema.structs).map(
    ([name, members]) => `export interface ${name} {\n${members.map((m) => `  readonly ${m}: number;\n`).join('')}}\n`,
  );
  const rows = schema.ops.map(({ name, arguments: names, types }) => {
    const list = names.split(' ').map((argument, i) => `${argument}: ${typescript[types[i] ?? ''] ?? types[i]}`);
    return `  ${name}(${list.join(', ')}): void;\n`;
  });
  return `// Printed from native/ops.h by \`npm run gen\`; do not edit.
import type { KernelView } from './kernels.ts';

${structs.join('\n')}
/** Every kernel, in the order of the op table. */
export interface Kernels {
${rows.join('')}}
`;
}

const file = join(root, 'lib/native/kernels.gen.ts');
const addon = createRequire(import.meta.url)('node-gyp-build')(root);
const text = printKernels(addon.schema());
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('lib/native/kernels.gen.ts is not what the op table says; run: npm run gen');
  process.exitCode = 1;
}
