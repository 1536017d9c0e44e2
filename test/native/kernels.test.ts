// What is planted by `npm run test:full -- seeded-bugs` still fits the kernels. The cases themselves run there and in the
// stage `schedules`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/package-root.ts';
import { kernelCases } from './kernels/cases.ts';
import { defects } from './kernels/defect-table.ts';

const root = packageRoot(import.meta.url);
const { cuda } = JSON.parse(readFileSync(join(root, 'native/sources.json'), 'utf8')) as { cuda: string[] };

for (const { family, bug, file, find, units, run } of defects) {
  test(`${family}: ${bug}`, () => {
    assert.is(readFileSync(join(root, file), 'utf8').split(find).length, 2, 'the text to replace stands once');
    for (const unit of units) assert.ok(cuda.includes(unit), unit);
    assert.ok(kernelCases.has(run), run);
  });
}

test.run();
