// Writes lib/native/kernels.gen.ts from the op table inside the built addon; with --check only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './stages.mjs';

const file = join(root, 'lib/native/kernels.gen.ts');
const addon = createRequire(import.meta.url)('node-gyp-build')(root);
const { printKernels } = await import(pathToFileURL(join(root, 'dist/native/print-kernels.js')).href);
const text = printKernels(addon.schema());
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('lib/native/kernels.gen.ts is not what the op table says; run: npm run gen');
  process.exitCode = 1;
}
