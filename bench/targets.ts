// npm run bench:targets -- FILE… of `npm run bench:peers -- --json --out FILE`: each family beside the ratio it is held to.
// Of a case that several files have, the last one's ratio counts: to the fastest of the peers a target names. Targets were set
// by one case or a few (`own`); a family is held to them in every shape it has here, and the table says both.
import { readFileSync } from 'node:fs';
import { mean } from '../lib/bench/statistics.ts';

interface Row {
  readonly case: string;
  readonly peerName: string;
  readonly ratio: number;
}
interface About {
  readonly cpu: string;
  readonly isa: string;
  readonly commit: string;
  readonly date: string;
  readonly threads: number;
  readonly precision: string;
  readonly busy: number;
}
interface Target {
  readonly name: string;
  readonly cases: RegExp;
  readonly not?: RegExp;
  /** Those the target was set by; all of them where it does not say. */
  readonly own?: RegExp;
  /** What every case reaches. */
  readonly each: number;
  /** What their geometric mean reaches. */
  readonly mean?: number;
  readonly against?: RegExp;
  readonly threads?: number;
  readonly precision?: string;
}

const libraries = /^(pytorch|onednn|openblas)/;
const wasm = /^tfjs-wasm$/;
const jax = /^jax-js$/;

/** Steps: one thread against the best of PyTorch's settings, two against the one that does not lose its memory. */
const steps = (name: string, cases: RegExp, one: number, two: number, precision = 'highest'): Target[] => [
  { name, cases, each: one, precision },
  { name: `${name}, two threads`, cases, each: two, precision, threads: 2 },
];

const targets: readonly Target[] = [
  { name: 'products', cases: /^matmul/, each: 0.95, mean: 1 },
  { name: 'products, squares from 256 on', cases: /^matmul (?:NN|NT|TN) (256|512|1024|2048)x\1x\1$/, each: 0.98 },
  { name: 'products, 64^3 and 128^3', cases: /^matmul NN (64x64x64|128x128x128)$/, each: 1 },
  { name: 'products, 128x10x256', cases: /128x10x256/, each: 1.3 },
  { name: 'products, 8x4096x4096', cases: /8x4096x4096/, each: 1.2 },
  { name: 'products, 32x3072x768', cases: /32x3072x768/, each: 1 },
  { name: 'products with a vector', cases: /^matmul vector/, each: 1.1 },
  { name: 'convolutions 3x3', cases: /^conv (forward|dx) 3x3/, each: 1.4 },
  { name: "convolutions 3x3, 'high'", cases: /^conv (forward|dx) 3x3/, each: 2.2, precision: 'high' },
  { name: 'convolutions, other', cases: /^conv/, not: /conv (forward|dx) 3x3|depthwise|dx 7x7/, each: 0.97 },
  { name: 'convolutions 7x7 stride 2, dx', cases: /^conv dx 7x7/, each: 3 },
  { name: 'convolutions, depthwise', cases: /^conv .*depthwise/, each: 1.2 },
  {
    name: 'sums and elementwise, cached',
    cases: /^(reduce sum|elementwise (add|relu)) .*(1 MiB|256x1024)$/,
    own: / 1 MiB$/,
    each: 1.1,
  },
  {
    name: 'sums and elementwise, memory',
    cases: /^(reduce sum|elementwise (add|relu)) .*(256 MiB|65536x1024)$/,
    own: / 256 MiB$/,
    each: 1,
  },
  { name: 'argmax', cases: /^reduce argmax .*(1 MiB|256x1024)$/, own: / 1 MiB$/, each: 15 },
  { name: 'softmax', cases: /^softmax (soft|logSoft)max/, not: /65536|backward/, own: /softmax 256x1024/, each: 2 },
  { name: 'layer norm', cases: /^norm layerNorm forward (GPT|256)/, own: /256x1024/, each: 3 },
  { name: 'tanh', cases: /^elementwise tanh 1 MiB/, each: 5 },
  { name: 'exp', cases: /^elementwise exp 1 MiB/, each: 1.5 },
  { name: 'transposes', cases: /^move transpose (512|1000)/, own: /512/, each: 2 },
  { name: 'max pooling', cases: /^pool maxPool forward \d/, own: /32x64x56x56/, each: 15 },
  { name: 'batch norm', cases: /^norm batchNorm .*backward ResNet/, own: /32x64x56x56/, each: 4 },
  { name: 'cross-entropy', cases: /^softmax crossEntropy/, own: /4096x1024/, each: 3 },
  { name: 'Adam', cases: /^optim .*[aA]dam/, own: /1 Mi/, each: 2 },
  {
    name: 'outputs over 32 MiB',
    cases: /^(elementwise|softmax|norm) .*(256 MiB|65536x1024)$/,
    not: /backward/,
    each: 5,
  },
  ...steps('MLP', /^step mlp/, 1.25, 2.2),
  ...steps('LeNet', /^step lenet/, 1.2, 1.6),
  ...steps('GPT', /^step gpt/, 1.5, 2.6),
  ...steps('ResNet-18', /^step resnet18/, 1.25, 1.35),
  ...steps("ResNet-18, 'high'", /^step resnet18/, 1.6, 1.7, 'high'),
  ...steps('LSTM', /^step lstm/, 1.6, 3),
  { name: 'XOR', cases: /^step xor .*captured/, each: 10 },
  { name: 'steps against tfjs-wasm', cases: /^step (mlp|gpt|lstm)/, each: 40, against: wasm },
  { name: 'MLP against jax-js', cases: /^step mlp/, each: 4, against: jax },
];

/** Least ratios by case, threads and precision; about: what was measured where. */
function read(files: readonly string[]): { ratios: Map<string, Row[]>; about: string[] } {
  const ratios = new Map<string, Row[]>();
  const about = new Set<string>();
  for (const file of files) {
    let head: About | undefined;
    const fresh = new Set<string>();
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const row = JSON.parse(line) as Partial<About & Row> & { about?: string };
      if (row.about !== undefined) {
        head = row as About;
        about.add(`${head.date} ${head.commit} ${head.cpu} ${head.isa}`);
      } else if (row.case !== undefined && head?.busy === 0) {
        const key = [head.threads, head.precision, row.case].join(' ');
        const one = row as Row;
        // A later file replaces what it has of the same peers.
        const kept = (ratios.get(key) ?? []).filter(
          (r) => fresh.has(`${key} ${r.peerName}`) || r.peerName !== one.peerName,
        );
        fresh.add(`${key} ${one.peerName}`);
        ratios.set(key, [...kept, one]);
      }
    }
  }
  return { ratios, about: [...about] };
}

function measured(target: Target, ratios: ReadonlyMap<string, readonly Row[]>): { name: string; ratio: number }[] {
  const place = `${target.threads ?? 1} ${target.precision ?? 'highest'} `;
  return [...ratios].flatMap(([key, rows]) => {
    const name = key.slice(place.length);
    const wanted = key.startsWith(place) && target.cases.test(name) && target.not?.test(name) !== true;
    const against = rows.filter((row) => (target.against ?? libraries).test(row.peerName));
    return wanted && against.length > 0 ? [{ name, ratio: Math.min(...against.map((row) => row.ratio)) }] : [];
  });
}

/** Of the target, what the least of `found` and their mean reach: 1 where both are met. */
function share(target: Target, found: readonly { readonly ratio: number }[]): number {
  const least = Math.min(...found.map(({ ratio }) => ratio)) / target.each;
  return target.mean === undefined ? least : Math.min(least, geomean(found) / target.mean);
}
const geomean = (found: readonly { readonly ratio: number }[]): number =>
  Math.exp(mean(found.map(({ ratio }) => Math.log(ratio))));
const verdictOf = (reached: number): string => (reached >= 1 ? 'met' : reached >= 0.9 ? 'below' : 'far below');

const { ratios, about } = read(process.argv.slice(2));
for (const line of about) console.log(`# ${line}`);
console.log(
  '| family | wanted | least | of | geometric mean | cases | | of its own cases | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
);
const every: number[] = [];
const own: number[] = [];
for (const target of targets) {
  const found = measured(target, ratios).sort((a, b) => a.ratio - b.ratio);
  const wanted = target.mean === undefined ? `${target.each}` : `${target.each}, mean ${target.mean}`;
  const [least] = found;
  if (least === undefined) {
    console.log(`| ${target.name} | ${wanted} | | | | 0 | not measured | | |`);
    continue;
  }
  const named = found.filter(({ name }) => target.own?.test(name) !== false);
  const reached = share(target, found);
  const reachedOwn = share(target, named);
  every.push(reached);
  own.push(reachedOwn);
  const lines = [
    target.name,
    wanted,
    least.ratio.toPrecision(3),
    least.name,
    geomean(found).toPrecision(3),
    found.length,
    verdictOf(reached),
    named.length > 0 ? Math.min(...named.map(({ ratio }) => ratio)).toPrecision(3) : '',
    named.length > 0 ? verdictOf(reachedOwn) : '',
  ];
  console.log(`| ${lines.join(' | ')} |`);
}
for (const [which, shares] of [
  ['in every case', every],
  ["in the targets' own cases", own],
] as const) {
  const below = shares.filter((each) => each < 1).length;
  const far = shares.filter((each) => each < 0.9).length;
  console.log(`# ${which}: ${below} of ${shares.length} below, ${far} of them by more than a tenth`);
}
