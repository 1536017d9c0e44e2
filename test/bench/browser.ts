// The report's page in a browser: node browser.js CHROMIUM PICTURE.png [report.json]. Laid out, nothing fetched, every picture there, hover
// titles in place; leaves a screenshot to be looked at.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportPage } from '../../lib/bench/page.ts';
import { readReport } from '../../lib/bench/report.ts';
import { packageRoot } from '../support/package-root.ts';
import { withFolder } from '../support/temporary.ts';

const [browser = 'chromium', picture = 'report.png', given] = process.argv.slice(2);
const root = packageRoot(import.meta.url);

/** What the page says of itself once it is laid out. */
const probe = `<script>
const wide = [...document.querySelectorAll('svg')].map((each) => each.getBoundingClientRect());
document.body.dataset.found = JSON.stringify({
  widths: wide.map(({ width }) => Math.round(width)),
  heights: wide.map(({ height }) => Math.round(height)),
  titles: document.querySelectorAll('svg path > title').length,
  rows: document.querySelectorAll('table:last-of-type tr').length,
  fetched: performance.getEntriesByType('resource').length,
  beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
});
</script>`;

interface Found {
  readonly widths: readonly number[];
  readonly heights: readonly number[];
  readonly titles: number;
  readonly rows: number;
  readonly fetched: number;
  readonly beyond: number;
}

await withFolder(async (folder) => {
  const file = given ?? join(folder, 'report.json');
  if (given === undefined) {
    const words = ['elementwise', 'softmax', 'matmul', '!256 MiB', '!65536', '--seconds', '0.02', '--out', file];
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'bench', ...words], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  }
  const report = readReport(file);
  const page = await reportPage(report);
  const [plain, probed] = [join(folder, 'page.html'), join(folder, 'probed.html')];
  writeFileSync(plain, page);
  writeFileSync(probed, page.replace('</body>', `${probe}</body>`));
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--user-data-dir=${folder}/profile`,
  ];
  const run = (...args: string[]): string =>
    execFileSync(browser, [...flags, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 120_000,
    });
  const dom = run('--window-size=1000,1400', '--dump-dom', `file://${probed}`);
  const [, text = ''] = /data-found="([^"]*)"/.exec(dom) ?? [];
  const found = JSON.parse(text.replaceAll('&quot;', '"')) as Found;
  console.log(JSON.stringify(found));
  assert.equal(found.widths.length, 3, 'three pictures');
  for (const width of found.widths) assert.ok(width > 300 && width <= 1000);
  for (const height of found.heights) assert.ok(height > 150);
  assert.ok(found.titles >= report.cases.length, 'every case has a hover title');
  assert.ok(found.rows === report.cases.length + 1 || report.failures.length > 0, 'every case has a row');
  assert.equal(found.fetched, 0, 'nothing is fetched');
  assert.ok(found.beyond <= 0, 'nothing is wider than the window');
  const height = Math.min(6000, 1300 + 40 * report.cases.length);
  run(`--window-size=1000,${height}`, `--screenshot=${picture}`, `file://${plain}`);
  assert.ok(statSync(picture).size > 50_000, 'the screenshot shows something');
  console.log(`${picture}: ${statSync(picture).size} bytes\n7 passed, 0 failed`);
});
