// The report as a page that needs nothing else: no script, no font, no address.
import { bandwidth } from './ceilings.ts';
import { barsSvg, bandwidthSvg, rooflineSvg } from './pictures.ts';
import type { Report, ReportedCase } from './report.ts';
import { legend, percent, rate, time } from './table.ts';

const style = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #7d859040; font-weight: normal; }
th { color: #7d8590; } td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } p, dl { color: #7d8590; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0 1rem; } dd { margin: 0; }
`;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const text = (value: unknown): string => String(value).replaceAll(/[&<>"]/g, (each) => escapes[each] ?? each);
const row = (tag: 'th' | 'td', cells: readonly string[]): string =>
  `<tr>${cells.map((each) => `<${tag}>${text(each)}</${tag}>`).join('')}</tr>`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<table>\n${row('th', head)}\n${rows.map((cells) => row('td', cells)).join('\n')}\n</table>`;
}

/** The whole page. */
export async function reportPage(report: Report): Promise<string> {
  const { warpgrad, date, machine, options, ceilings, cases, failures } = report;
  const about = { ...machine, ...options, warpgrad, date };
  const [roofline, bandwidths, bars] = [await rooflineSvg(report), await bandwidthSvg(report), await barsSvg(report)];
  const picture = (title: string, svg: string, note: string): string =>
    svg === '' ? '' : `<h2>${title}</h2>\n<p>${note}</p>\n${svg}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>warpgrad bench</title>
<style>${style}</style>
</head>
<body>
<h1>warpgrad bench</h1>
<dl>${Object.entries(about)
    .map(([key, value]) => `<dt>${text(key)}</dt><dd>${text(value)}</dd>`)
    .join('')}</dl>
<h2>Ceilings</h2>
${table(
  ['measured before the cases', 'GFLOP/s'],
  ceilings.compute.map(({ name, gflops }) => [name, gflops.toFixed(1)]),
)}
${table(
  ['working set', 'read GB/s', 'copy GB/s', 'ceiling GB/s'],
  ceilings.memory.map((each) => [
    each.name,
    each.readGbps.toFixed(1),
    each.copyGbps.toFixed(1),
    bandwidth(each).toFixed(1),
  ]),
)}
${picture('Roofline', roofline, 'Lines are the ceilings; point at a case to see it.')}
${picture('Bandwidth', bandwidths, 'Cases that memory bounds, by the bytes they are about, those in turn included.')}
${picture('Cases', bars, 'Medians, and their share of what the ceilings allow.')}
<h2>Table</h2>
<p>${legend.map(text).join('. ')}.</p>
${table(['case', 'median', 'p10', 'p90', 'rate', 'ceiling', 'bound', 'peers'], cases.map(caseCells))}
${
  failures.length === 0
    ? ''
    : `<h2>Failed</h2>\n${table(
        ['case', 'why'],
        failures.map(({ name, message }) => [name, message]),
      )}`
}
</body>
</html>
`;
}

function caseCells(one: ReportedCase): string[] {
  const { name, sets, median, p10, p90, share, bound, peers = [] } = one;
  const beside = peers.map((each) => `${each.name} ${time(each.least)} (${each.ratio.toFixed(2)})`);
  const cells = [time(median), time(p10), time(p90), rate(one), percent(share), bound ?? '', beside.join(', ')];
  return [name + (sets > 1 ? ' *' : ''), ...cells];
}
