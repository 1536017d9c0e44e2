// What `warpgrad bench` says and decides: statistics, verdicts, the table, the page and the command.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WriteStream } from 'node:tty';
import { suite } from 'uvu';
import { allCases, resized } from '../../lib/bench/cases.ts';
import { cacheSizes, measureCeilings } from '../../lib/bench/ceilings.ts';
import { benchCommand, benchUsage } from '../../lib/bench/command.ts';
import { compareCases } from '../../lib/bench/compare.ts';
import { reportPage } from '../../lib/bench/page.ts';
import { Progress } from '../../lib/bench/progress.ts';
import { mergeResults, printReport, type Report, type ReportedCase, readReport } from '../../lib/bench/report.ts';
import { runCase } from '../../lib/bench/run.ts';
import { mean, studentTail, variance } from '../../lib/bench/statistics.ts';
import { caseLines, ceilingLines, header, verdictLines } from '../../lib/bench/table.ts';
import { device } from '../../lib/index.ts';
import { addon } from '../../lib/native/load.ts';
import { testDevices } from '../support/devices.ts';
import { packageRoot } from '../support/package-root.ts';
import { Random } from '../support/random.ts';
import { withFolder } from '../support/temporary.ts';

const test = suite('bench report');

const ceilings = {
  device: 'cpu',
  threads: 1,
  compute: [{ name: 'float32 multiply-adds', gflops: 100 }],
  memory: [
    { name: 'L2', bytes: 2 ** 20, readGbps: 100, copyGbps: 90 },
    { name: 'memory', bytes: Number.MAX_SAFE_INTEGER, readGbps: 20, copyGbps: 10 },
  ],
} as const;

const peer = {
  name: 'a peer with a long name',
  version: '1.13.0a0+git12345',
  ours: { least: 1e-6, median: 1e-6 },
  ratio: 12.3456,
};

/** A result of every case, with times that do not come from a clock. */
const results: readonly ReportedCase[] = allCases.map((one, i) => {
  const median = 10 ** ((i % 12) - 8) * 9.996;
  return {
    ...{ name: `${one.family} ${one.name}`, family: one.family, params: one.params },
    ...{ median, p10: median * 0.9, p90: median * 1.1, least: median * 0.8, batches: 5, callsPerBatch: 3 },
    ...{ clock: 'wall', flops: 1e9, bytes: 1e7, gflops: 1e9 / median / 1e9, gbps: 1e7 / median / 1e9 },
    ...{ bound: i % 2 === 0 ? 'memory' : 'compute', share: i / 100, sets: 1 + (i % 2), rounds: [median * 0.8] },
    ...(i % 5 === 0 && { peers: [{ ...peer, least: median, median }] }),
  } as ReportedCase;
});

const report: Report = {
  format: 1,
  warpgrad: '0.1.0',
  date: '2026-01-01T00:00:00.000Z',
  machine: { cpu: 'a <processor> & "more"' },
  options: { threads: 1 },
  ceilings,
  cases: results,
  failures: [{ name: 'conv of something', message: 'WarpgradError [ERR_SHAPE]: <no>' }],
};

test("Student's t has the tails that tables give", () => {
  for (const [t, degrees, tail] of [
    [2.228, 10, 0.025],
    [1.812, 10, 0.05],
    [6.314, 1, 0.05],
    [3.365, 5, 0.01],
    [0, 7, 0.5],
    [-2.228, 10, 0.975],
  ] as const) {
    assert.ok(Math.abs(studentTail(t, degrees) - tail) < 2e-4, `${t} ${degrees}: ${studentTail(t, degrees)}`);
  }
});

/** Ten cases whose processes' numbers scatter by 2 %, and now and then are disturbed. */
function measured(random: Random, factor: number): ReportedCase[] {
  return results.slice(0, 10).map((one) => {
    const rounds = Array.from({ length: 8 }, () => {
      const noise = 0.02 * (random.next() + random.next() + random.next() - 1.5) * 2;
      return 1e-3 * factor * (1 + noise) * (random.next() < 0.2 ? 1.5 : 1);
    });
    return { ...one, rounds };
  });
}

test('no identical pair is called slower, and every tenth is seen, in a hundred made-up reports', () => {
  const random = new Random(7);
  let [wrong, caught] = [0, 0];
  for (let i = 0; i < 100; i++) {
    const before = measured(random, 1);
    const slower = (after: ReportedCase[]): number =>
      compareCases(before, after).filter(({ verdict }) => verdict === 'slower').length;
    wrong += slower(measured(random, 1)) > 0 ? 1 : 0;
    caught += slower(measured(random, 1.1));
    assert.equal(slower(measured(random, 0.9)), 0);
  }
  assert.ok(wrong <= 5, `${wrong} of 100 reports of the same code`);
  assert.ok(caught >= 950, `${caught} of 1000 slowdowns`);
});

test('verdicts name what is slower, faster and the same; cases of one report alone are left out', () => {
  const of = (name: string, time: number): ReportedCase => ({
    ...(results[0] as ReportedCase),
    name,
    rounds: Array.from({ length: 8 }, (_, i) => time * (1 + i / 2000)),
  });
  const found = compareCases(
    [of('a', 1), of('b', 1), of('c', 1), of('gone', 1)],
    [of('a', 1.2), of('b', 0.8), of('c', 1), of('new', 1)],
  );
  assert.deepEqual(
    found.map(({ name, verdict }) => [name, verdict]),
    [
      ['a', 'slower'],
      ['b', 'faster'],
      ['c', 'same'],
    ],
  );
  assert.deepEqual(verdictLines(found).at(-1), '1 slower, 1 faster, 1 the same, 0 unsure');
});

test('processes of the same case are merged', () => {
  const [one] = results as readonly [ReportedCase];
  const merged = mergeResults([one, { ...one, median: 3 * one.median, rounds: [5], least: one.least / 2 }]);
  assert.equal(merged.median, 2 * one.median);
  assert.deepEqual(merged.rounds, [...one.rounds, 5]);
  assert.equal(merged.least, one.least / 2);
  assert.ok(Math.abs((merged.gflops as number) - (one.gflops as number) / 2) < 1e-9);
  assert.deepEqual([mean([1, 3]), variance([1, 3]), variance([1])], [2, 2, 0]);
});

test('the table fits 80 columns', () => {
  const verdicts = compareCases(results, results);
  for (const { verdict } of verdicts) assert.notEqual(verdict, 'slower');
  const shown = verdicts.map((each) => ({ ...each, ratio: 12.3456, error: 0.12345, verdict: 'unsure' as const }));
  const lines = [header, ...ceilingLines(ceilings), ...results.flatMap(caseLines), ...verdictLines(shown)];
  for (const line of lines) assert.ok(line.length <= 80, `${line.length}: ${line}`);
});

test('the page has every case and needs nothing else', async () => {
  const page = await reportPage(report);
  const addresses = [...page.matchAll(/[a-z]+:\/\/[^"'\s<)]*/g)].map(([each]) => each);
  for (const each of addresses) assert.match(each, /^http:\/\/www\.w3\.org\/(2000\/svg|1999\/xlink)$/);
  const found = (pattern: RegExp): string | undefined => pattern.exec(page)?.[0];
  assert.equal(found(/<script|<link|@import|url\((?!#)|src=/), undefined);
  assert.equal(found(/.{30}(NaN|undefined|Infinity|\[object)/), undefined);
  const plain = page.replaceAll('&amp;', '&');
  for (const { name } of results) assert.ok(plain.split(name).length > 2, `${name} is in the table and a picture`);
  assert.ok(page.includes('a &lt;processor&gt; &amp; &quot;more&quot;'));
  assert.ok(page.includes('&lt;no&gt;'));
  const pictures = [...page.matchAll(/<svg[\s\S]*?<\/svg>/g)].map(([svg]) => svg);
  assert.equal(pictures.length, 3);
  for (const svg of pictures) balanced(svg);
  const [roofline = ''] = pictures;
  assert.ok((roofline.match(/<title>/g) ?? []).length >= results.length, 'points have titles');
  assert.match(roofline, /memory 20 GB\/s/);
  assert.match(roofline, /float32 multiply-adds 100 GFLOP\/s/);
});

/** Every element is closed in its order. */
function balanced(svg: string): void {
  const open: string[] = [];
  for (const [, end, name = '', self] of svg.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^>]*?)?(\/?)>/g)) {
    if (end === '/') assert.equal(open.pop(), name);
    else if (self !== '/') open.push(name);
  }
  assert.deepEqual(open, []);
}

test('reports are written and read; other files are refused', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'report.json');
    writeFileSync(file, printReport(report));
    assert.deepEqual(
      readReport(file).cases.map(({ name }) => name),
      results.map(({ name }) => name),
    );
    for (const text of ['{}', 'no JSON', 'null', '{"format":1,"cases":[{"name":"a","rounds":[]}]}']) {
      writeFileSync(file, text);
      assert.throws(() => readReport(file), { code: 'ERR_ARGUMENT' });
    }
    assert.throws(() => readReport(join(folder, 'absent')), { code: 'ERR_ARGUMENT' });
  });
});

test("cases of the reader's own sizes", () => {
  const sized = resized(allCases, ['16x24x8', '4x8']);
  const names = sized.map(({ family, name }) => `${family} ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('matmul NN 16x24x8') && names.includes('softmax softmax 4x8'), names.join('\n'));
  assert.ok(names.includes('reduce sum axis 0 4x8') && names.includes('reduce sum axis -1 4x8'));
  assert.equal(resized(allCases, ['2x2x2x2x2x2x2']).length, 0);
});

test('the machine has ceilings, and the addon refuses to measure nonsense', () => {
  const found = measureCeilings(device('cpu'), 0.002);
  assert.deepEqual(
    found.memory.map(({ name }) => name),
    ['L1', 'L2', 'L3', 'memory'],
  );
  for (const { readGbps, copyGbps } of found.memory) assert.ok(readGbps > 0.1 && copyGbps > 0.1);
  for (const { gflops } of found.compute) assert.ok(gflops > 0.1);
  assert.ok(cacheSizes().every((bytes) => bytes > 0));
  assert.throws(() => addon.ceiling(3 as never, 1, 1), { code: 'ERR_ARGUMENT' });
  assert.throws(() => addon.ceiling(1, -1, 1), { code: 'ERR_ARGUMENT' });
  assert.throws(() => addon.ceiling(1, 2 ** 40, 1), { code: 'ERR_ARGUMENT' });
  assert.ok(addon.ceiling(2, 0, 0) > 0, 'the least there is');
});

if (testDevices.includes('cuda-emu')) {
  test('a device has ceilings too', () => {
    const { compute, memory } = measureCeilings(device('cuda-emu'), 0);
    assert.deepEqual(
      compute.map(({ name }) => name.split(' ')[0]),
      ['float32', 'tf32', 'bfloat16', 'float16'],
    );
    for (const { gflops } of compute) assert.ok(gflops > 0);
    for (const { readGbps, copyGbps } of memory) assert.ok(readGbps > 0 && copyGbps > 0);
  });
}

test('inputs rotate where memory bounds a case, and only there', async () => {
  const options = { device: 'cpu', dtype: 'float32', seconds: 0, clock: 'wall', ceilings } as const;
  const setsOf = async (name: string, inputs: 'rotate' | 'warm'): Promise<number> => {
    const one = allCases.find((each) => `${each.family} ${each.name}` === name);
    assert.ok(one, name);
    return (await runCase(one, { ...options, inputs })).sets;
  };
  assert.ok((await setsOf('elementwise add 1 MiB', 'rotate')) > 1);
  assert.equal(await setsOf('elementwise add 1 MiB', 'warm'), 1);
  assert.equal(await setsOf('matmul NN 256x256x256', 'rotate'), 1);
});

test('progress is drawn where somebody watches and nowhere else', () => {
  const drawn = (isTTY: boolean): string => {
    let text = '';
    const write = (part: string): void => {
      text += part;
    };
    const stream = { isTTY, columns: 40, write } as unknown as WriteStream;
    const progress = new Progress(4, stream);
    progress.advance();
    progress.show('a case with a name that is longer than the line');
    progress.clear();
    return text;
  };
  assert.equal(drawn(false), '');
  assert.match(drawn(true), /██████░{18} 1\/4 a case/);
  const [, line = ''] = drawn(true).split('\r\x1b[2K');
  assert.ok(line.length < 40, line);
});

const main = join(packageRoot(import.meta.url), 'dist/cli/main.js');
const command = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [main, 'bench', ...args], { encoding: 'utf8' });

test('the command: a report, a page, a comparison and an exit code', async () => {
  await withFolder(async (folder) => {
    const [old, page] = [join(folder, 'old.json'), join(folder, 'page.html')];
    const few = ['matmul', 'softmax', '--sizes', '32x32x32,16x64', '--seconds', '0.01'];
    const first = command(...few, '--out', old, '--html', page);
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /Ceilings of cpu, 1 thread/);
    assert.match(first.stdout, /^NN 32x32x32 /m);
    for (const line of first.stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(readFileSync(page, 'utf8'), /matmul NN 32x32x32/);
    const report = JSON.parse(readFileSync(old, 'utf8')) as { cases: { rounds: number[] }[] };
    for (const each of report.cases) each.rounds = each.rounds.flatMap((time) => [time / 100, time / 100.1]);
    writeFileSync(old, JSON.stringify(report));
    const second = command(...few, '--json', '--rounds', '2', '--compare', old);
    assert.equal(second.status, 1, 'a hundred times slower');
    assert.equal((JSON.parse(second.stdout) as Report).cases[0]?.rounds.length, 2);
    assert.match(second.stderr, /\d+ slower, 0 faster/);
  });
});

test('the command refuses what it does not know', async () => {
  const wrong = [
    ['--dtype', 'int8'],
    ['--sizes', '0x3'],
    ['nothing of that name'],
    ['--seconds', 'x'],
    ['--threads', '0'],
  ];
  for (const args of wrong) await assert.rejects(benchCommand(args, main), { code: 'ERR_ARGUMENT' }, args.join(' '));
  const { status, stdout, stderr } = command('--odd');
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^Unknown option '--odd'/);
  for (const each of ['matmul', 'bfloat16', '--compare F']) assert.ok(benchUsage.includes(each));
});

test.run();
