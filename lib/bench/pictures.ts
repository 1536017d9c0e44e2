// The report's pictures: the roofline, bandwidth by working set, and a bar for each case.
import { bandwidth, type Ceilings } from './ceilings.ts';
import type { Report, ReportedCase } from './report.ts';
import { percent, rate, time } from './table.ts';
import { drawSvg, type Spec } from './vega.ts';

const known = (value: number | null): value is number => value !== null && value > 0;
const hover = (one: ReportedCase): string =>
  `${one.name}: ${time(one.median)}, ${rate(one)}, ${percent(one.share)} of the ceiling`;

// Colours of Okabe and Ito first, which people who see few colours can tell apart; all read on white and on black.
const colours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999', '#8c6bb1', '#b3a000'];
const moreColours = ['#17a2b8', '#e377c2', '#8c564b'];

/** The same colour for a family in every picture of a report. */
function familyColour(cases: Report['cases'], shown: readonly { readonly family: string }[] | null): Spec {
  const domain = [...new Set(cases.map(({ family }) => family))];
  // Of those in this picture.
  const legend = shown === null ? null : { values: [...new Set(shown.map(({ family }) => family))] };
  const range = domain.map((_, i) => [...colours, ...moreColours][i % 12]);
  return {
    field: 'family',
    type: 'nominal',
    scale: { domain, range },
    ...(legend ? { title: null } : { legend: null }),
  };
}

const log = { type: 'log', nice: false } as const;
const dots = { type: 'point', filled: true, opacity: 0.85, size: 45 } as const;

/**
 * Rates against arithmetic intensity. Under the slanted lines, memory is what bounds; under the level ones, arithmetic. Empty when no
 * case counts both.
 */
export async function rooflineSvg({ ceilings, cases }: Pick<Report, 'ceilings' | 'cases'>): Promise<string> {
  const points = cases.flatMap((one) => {
    if (!known(one.flops) || !known(one.bytes) || !known(one.gflops)) return [];
    return [{ family: one.family, x: one.flops / one.bytes, y: one.gflops, about: hover(one) }];
  });
  if (points.length === 0) return '';
  const low = Math.min(0.05, ...points.map(({ x }) => x / 2));
  const high = Math.max(500, ...points.map(({ x }) => x * 2));
  const roofs = roofsOf(ceilings, low, high);
  const bottom = Math.min(...points.map(({ y }) => y / 2), ...roofs.map(({ y }) => y));
  const top = Math.max(...roofs.map(({ y }) => y), ...points.map(({ y }) => y)) * 2;
  const x = { field: 'x', type: 'quantitative', scale: { ...log, domain: [low, high] }, title: 'operations a byte' };
  const y = { field: 'y', type: 'quantitative', scale: { ...log, domain: [bottom, top] }, title: 'GFLOP/s' };
  return await drawSvg({
    width: 640,
    height: 360,
    layer: [
      {
        data: { values: roofs },
        mark: { type: 'line', strokeWidth: 1.5, color: '#7d8590', clip: true },
        encoding: { x, y, detail: { field: 'roof' }, description: { field: 'label' } },
      },
      {
        data: { values: roofs.filter(({ labelled }) => labelled) },
        mark: { type: 'text', align: 'left', dx: 4, dy: -6, color: '#7d8590', fontSize: 10, clip: true },
        encoding: { x, y, text: { field: 'label' } },
      },
      {
        data: { values: points },
        mark: dots,
        encoding: { x, y, color: familyColour(cases, points), description: { field: 'about' } },
      },
    ],
  });
}

interface RoofPoint {
  readonly roof: string;
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly labelled: boolean;
}

/** Each level's slope up to the highest rate of arithmetic, and each rate from where memory allows it. */
function roofsOf({ compute: all, memory }: Ceilings, low: number, high: number): RoofPoint[] {
  const compute = all.filter(({ name }) => !name.startsWith('float64'));
  const most = Math.max(...compute.map(({ gflops }) => gflops));
  const fastest = Math.max(...memory.map(bandwidth));
  const line = (roof: string, label: string, ends: readonly (readonly [number, number])[]): RoofPoint[] =>
    ends.map(([x, y], i) => ({ roof, label, x, y, labelled: i === 0 }));
  const slopes = memory.flatMap((level) => {
    const gbps = bandwidth(level);
    const knee = Math.min(high, most / gbps);
    return line(level.name, `${level.name} ${gbps.toFixed(0)} GB/s`, [
      [low, low * gbps],
      [knee, knee * gbps],
    ]);
  });
  const levels = compute.flatMap(({ name, gflops }) =>
    line(name, `${name} ${gflops.toFixed(0)} GFLOP/s`, [
      [Math.min(high, gflops / fastest), gflops],
      [high, gflops],
    ]),
  );
  return [...slopes, ...levels];
}

/** Bytes a second of the cases that only memory bounds, against how many bytes they are about, under what each level allows. */
export async function bandwidthSvg({ ceilings, cases }: Pick<Report, 'ceilings' | 'cases'>): Promise<string> {
  const points = cases.flatMap((one) => {
    if (one.bound !== 'memory' || !known(one.bytes) || !known(one.gbps)) return [];
    const shown = one.sets > 1 ? one.bytes * one.sets : one.bytes;
    return [{ family: one.family, x: shown, y: one.gbps, about: hover(one) }];
  });
  if (points.length === 0) return '';
  const low = Math.min(...points.map(({ x }) => x / 2), 2 ** 13);
  const high = Math.max(...points.map(({ x }) => x * 2), 2 ** 30);
  let from = low;
  const steps = ceilings.memory.flatMap((level) => {
    const to = Math.min(level.bytes, high);
    if (to <= from) return [];
    const label = `${level.name} ${bandwidth(level).toFixed(0)} GB/s`;
    const ends = [from, to].map((x, i) => ({ x, y: bandwidth(level), label, labelled: i === 0 }));
    from = to;
    return ends;
  });
  const tops = steps.map(({ y }) => y);
  const least = Math.min(...points.map(({ y }) => y), ...tops);
  const axis = { format: '.0s' };
  const x = { field: 'x', type: 'quantitative', scale: { ...log, domain: [low, high] }, title: 'bytes in turn', axis };
  const domain = [least / 2, Math.max(...tops, ...points.map(({ y }) => y)) * 1.6];
  const y = { field: 'y', type: 'quantitative', scale: { ...log, domain }, title: 'GB/s' };
  return await drawSvg({
    width: 640,
    height: 260,
    layer: [
      {
        data: { values: steps },
        mark: { type: 'line', strokeWidth: 1.5, color: '#7d8590' },
        encoding: { x, y, detail: { field: 'label' }, description: { field: 'label' } },
      },
      {
        data: { values: steps.filter(({ labelled }) => labelled) },
        mark: { type: 'text', align: 'left', dx: 4, dy: -6, color: '#7d8590', fontSize: 10 },
        encoding: { x, y, text: { field: 'label' } },
      },
      {
        data: { values: points },
        mark: dots,
        encoding: { x, y, color: familyColour(cases, points), description: { field: 'about' } },
      },
    ],
  });
}

/** Every case's share of its ceiling, by family; a case without a ceiling has no bar, and its time beside its name all the same. */
export async function barsSvg({ cases }: Pick<Report, 'cases'>): Promise<string> {
  const values = cases.map((one) => ({
    name: `${one.name}  ${time(one.median)}`,
    family: one.family,
    share: one.share ?? 0,
    about: hover(one),
  }));
  const bars: Spec = {
    data: { values },
    width: 420,
    height: { step: 15 },
    mark: { type: 'bar', height: 11 },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: null, title: null, axis: { labelLimit: 430, labelFontSize: 10 } },
      x: {
        field: 'share',
        type: 'quantitative',
        title: 'share of what this machine allows',
        axis: { format: '.0%', orient: 'top' },
        scale: { domainMin: 0 },
      },
      color: familyColour(cases, null),
      description: { field: 'about' },
    },
  };
  return await drawSvg(bars);
}
