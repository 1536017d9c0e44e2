// npm run pictures: draws docs/pictures/ from bench/results/, so that what README shows is what was measured.
// `npm run pictures -- mnist LOG` first keeps what `npm start > LOG` said of each epoch; `-- roofline REPORT.json` keeps a report of
// `npx warpgrad bench --out`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rooflineSvg } from '../lib/bench/pictures.ts';
import { printReport, readReport } from '../lib/bench/report.ts';
import { drawSvg } from '../lib/bench/vega.ts';
import { packageRoot } from '../test/support/package-root.ts';

const root = packageRoot(import.meta.url);
const results = (file: string): string => join(root, 'bench/results', file);
const epochsFile = results('mnist.jsonl');
const reportFile = results('roofline.json');

interface Epoch {
  readonly epoch: number;
  readonly loss: number;
  readonly validationLoss: number;
  readonly accuracy: number;
}

function keepEpochs(log: string): void {
  const line = /^epoch\s+(\d+)\/\d+\s+loss ([\d.]+)\s+validation loss ([\d.]+) accuracy ([\d.]+)/gm;
  const epochs = [...readFileSync(log, 'utf8').matchAll(line)].map((found): Epoch => {
    const [epoch = 0, loss = 0, validationLoss = 0, accuracy = 0] = found.slice(1).map(Number);
    return { epoch, loss, validationLoss, accuracy };
  });
  writeFileSync(epochsFile, epochs.map((each) => `${JSON.stringify(each)}\n`).join(''));
}

/** Loss of training and validation, and under it the accuracy, by epoch. */
async function trainingSvg(epochs: readonly Epoch[]): Promise<string> {
  const x = { field: 'epoch', type: 'quantitative', axis: { tickMinStep: 1, grid: false } };
  const losses = epochs.flatMap(({ epoch, loss, validationLoss }) => [
    { epoch, value: loss, of: 'training loss' },
    { epoch, value: validationLoss, of: 'validation loss' },
  ]);
  const colour = { field: 'of', type: 'nominal', scale: { range: ['#0072b2', '#e69f00'] }, title: null };
  return await drawSvg({
    hconcat: [
      {
        data: { values: losses },
        width: 300,
        height: 220,
        mark: { type: 'line', point: true },
        encoding: {
          x,
          y: { field: 'value', type: 'quantitative', scale: { zero: false }, title: 'loss' },
          color: { ...colour, legend: { orient: 'top-right' } },
        },
      },
      {
        data: { values: epochs },
        width: 240,
        height: 220,
        mark: { type: 'line', point: true, color: '#009e73' },
        encoding: {
          x,
          y: {
            field: 'accuracy',
            type: 'quantitative',
            scale: { zero: false },
            axis: { format: '.1%' },
            title: 'validation accuracy',
          },
        },
      },
    ],
  });
}

const [what, file = ''] = process.argv.slice(2);
if (what === 'mnist') keepEpochs(file);
if (what === 'roofline') writeFileSync(reportFile, printReport(readReport(file)));

const folder = join(root, 'docs/pictures');
mkdirSync(folder, { recursive: true });
const epochs = readFileSync(epochsFile, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Epoch);
writeFileSync(join(folder, 'training.svg'), await trainingSvg(epochs));
writeFileSync(join(folder, 'roofline.svg'), await rooflineSvg(readReport(reportFile)));
