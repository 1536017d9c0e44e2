// Fails when a binary needs a newer C or C++ runtime than Node itself does, so that it loads wherever Node runs:
//   node tools/check-floor.mjs FILE … [--glibc 2.28] [--glibcxx 3.4.25]
// native/core/glibc_floor.h is what keeps a build on a new distribution below that.
import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

// Node 20 to 26 for linux-x64 need GLIBC 2.28; RHEL 8 and its kin ship GLIBCXX 3.4.25.
const { values, positionals } = parseArgs({
  options: { glibc: { type: 'string', default: '2.28' }, glibcxx: { type: 'string', default: '3.4.25' } },
  allowPositionals: true,
});
const floors = { GLIBC: values.glibc, GLIBCXX: values.glibcxx };
const number = (/** @type {string} */ version) =>
  version.split('.').reduce((sum, part, i) => sum + Number(part) * 1000 ** (2 - i), 0);

let failed = false;
for (const file of positionals) {
  const symbols = execFileSync('objdump', ['-T', file], { encoding: 'utf8', maxBuffer: 1 << 28 });
  for (const [library, floor] of Object.entries(floors)) {
    const needed = [...symbols.matchAll(new RegExp(`\\(?\\b${library}_([0-9.]+)\\)?\\s+(\\S+)$`, 'gm'))];
    const above = needed.filter((m) => number(m[1] ?? '0') > number(floor));
    const top =
      needed
        .map((m) => m[1] ?? '0')
        .sort((a, b) => number(a) - number(b))
        .at(-1) ?? 'none';
    console.log(`${basename(file)}: ${library} ${top} (at most ${floor})`);
    for (const m of above) console.log(`  ${m[2]} needs ${library}_${m[1]}`);
    failed ||= above.length > 0;
  }
}
process.exitCode = failed ? 1 : 0;
