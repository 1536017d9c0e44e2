// The documentation site: node tools/docs.mjs builds .cache/site from docs/ (VitePress) and from lib/'s comments (typedoc), and
// checks every link in it that leads to a page of its own.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, filesUnder, root } from './stages.mjs';

const site = '.cache/site';

/** Builds the site; '' or what went wrong. */
export async function buildSite() {
  rmSync(join(root, site), { recursive: true, force: true });
  const steps = [
    ['typedoc/bin/typedoc', '--options', 'docs/typedoc.json', '--logLevel', 'Error'],
    ['vitepress/bin/vitepress.js', 'build', 'docs'],
  ];
  for (const [program = '', ...args] of steps) {
    const { code, output } = await execute(process.execPath, [join(root, 'node_modules', program), ...args]);
    if (code !== 0) return output;
  }
  return '';
}

/** @param {string} text */
const unescaped = (text) => text.replaceAll('&amp;', '&').replaceAll('&#x27;', "'").replaceAll('&quot;', '"');

/** What a browser could be sent to in a page, and where it could be sent within it. @param {string} html */
function parts(html) {
  const ids = new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id = '']) => unescaped(id)));
  const links = [...html.matchAll(/<a\s[^>]*?href="([^"]*)"/g)].map(([, href = '']) => unescaped(href));
  return { ids, links: new Set(links) };
}

/** Counts the links of the built site that stay in it, and lists those that lead nowhere. */
export function checkSite() {
  const pages = new Map(
    filesUnder(site, ['.html']).map((file) => [file, parts(readFileSync(join(root, file), 'utf8'))]),
  );
  let links = 0;
  /** @type {string[]} */
  const broken = [];
  for (const [file, { links: found }] of pages) {
    for (const link of found) {
      if (/^[a-z]+:/.test(link)) continue;
      links += 1;
      const [path = '', anchor = ''] = link.split('#').map(decodeURIComponent);
      let target = path === '' ? file : path.startsWith('/') ? join(site, path) : normalize(join(dirname(file), path));
      if (statSync(join(root, target), { throwIfNoEntry: false })?.isDirectory()) target = join(target, 'index.html');
      const page = pages.get(target);
      const exists = page !== undefined || statSync(join(root, target), { throwIfNoEntry: false }) !== undefined;
      if (!exists || (anchor !== '' && page !== undefined && !page.ids.has(anchor))) broken.push(`${file}: ${link}`);
    }
  }
  return { pages: pages.size, links, broken };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const start = performance.now();
  const complaint = await buildSite();
  if (complaint !== '') {
    console.error(complaint);
    process.exit(1);
  }
  const { pages, links, broken } = checkSite();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${pages} pages in ${site}, ${links} links, ${broken.length} broken, ${seconds} s`);
  for (const each of broken) console.error(each);
  process.exitCode = broken.length > 0 ? 1 : 0;
}
