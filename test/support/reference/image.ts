// Resizing, sampling at points and boxes, one loop per index.
import { build, forEachIndex, type NDArray, read } from './ndarray.ts';

export interface InterpolateOptions {
  readonly size?: number | readonly number[];
  readonly scaleFactor?: number | readonly number[];
  readonly mode?: string;
  readonly alignCorners?: boolean;
  readonly recomputeScaleFactor?: boolean;
  readonly antialias?: boolean;
}

/** Keys' cubic convolution kernel, written as a function of the distance. */
function keys(distance: number, a = -0.75): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0;
}

type Weights = readonly (readonly [index: number, weight: number])[];

/** A filter as wide as the output's share of the axis where that is more than one element, brought to the sum 1. */
function smoothWeights(mode: string, ratio: number, o: number, n: number): Weights {
  const weights = Array.from({ length: n }, (_, i) => {
    const distance = (i + 0.5 - ratio * (o + 0.5)) / Math.max(ratio, 1);
    return mode === 'bicubic' ? keys(distance, -0.5) : Math.max(0, 1 - Math.abs(distance));
  });
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w, i) => [i, w / total] as const).filter(([, w]) => w !== 0);
}

function weightsOf(mode: string, align: boolean, ratio: number, o: number, out: number, n: number): Weights {
  const clamp = (i: number): number => Math.min(Math.max(i, 0), n - 1);
  if (mode === 'nearest') return [[clamp(Math.floor(Math.fround(o * ratio))), 1]];
  if (mode === 'nearest-exact') return [[clamp(Math.floor(Math.fround((o + 0.5) * ratio))), 1]];
  if (mode === 'area') {
    const from = Math.floor((o * n) / out);
    const to = Math.ceil(((o + 1) * n) / out);
    return Array.from({ length: to - from }, (_, i) => [from + i, 1 / (to - from)] as const);
  }
  const place = align ? o * ratio : (o + 0.5) * ratio - 0.5;
  if (mode === 'bicubic') {
    const first = Math.floor(place);
    return [-1, 0, 1, 2].map((k) => [clamp(first + k), keys(place - first - k)] as const);
  }
  const at = Math.max(place, 0);
  const first = Math.floor(at);
  return [
    [clamp(first), 1 - (at - first)],
    [clamp(first + 1), at - first],
  ];
}

export function interpolate(x: NDArray, options: InterpolateOptions): NDArray {
  const [n = 0, c = 0, ...size] = x.shape;
  const rank = size.length;
  const list = (value: number | readonly number[]): readonly number[] =>
    typeof value === 'number' ? new Array<number>(rank).fill(value) : value;
  const { mode = 'nearest', alignCorners = false } = options;
  const scales = options.scaleFactor === undefined ? null : list(options.scaleFactor);
  const out = scales ? size.map((s, i) => Math.floor(s * read(scales, i))) : list(options.size ?? 0);
  const weights = size.map((s, i) => {
    const m = read(out, i);
    const own = scales && !options.recomputeScaleFactor ? 1 / read(scales, i) : s / m;
    const ratio = alignCorners ? (m > 1 ? (s - 1) / (m - 1) : 0) : own;
    return Array.from({ length: m }, (_, o) =>
      options.antialias ? smoothWeights(mode, ratio, o, s) : weightsOf(mode, alignCorners, ratio, o, m, s),
    );
  });
  return build([n, c, ...out], ([image = 0, channel = 0, ...place]) => {
    const own = place.map((o, i) => (weights[i] as Weights[])[o] as Weights);
    let total = 0;
    forEachIndex(
      own.map((each) => each.length),
      (tap) => {
        const pairs = tap.map((t, i) => (own[i] as Weights)[t] as readonly [number, number]);
        const weight = pairs.reduce((product, [, w]) => product * w, 1);
        total += weight * x.at(image, channel, ...pairs.map(([index]) => index));
      },
    );
    return total;
  });
}

export interface GridOptions {
  readonly mode?: string;
  readonly paddingMode?: string;
  readonly alignCorners?: boolean;
}

/** Mirrors at the outer centres or edges, step by step, then keeps to the axis. */
function padded(place: number, n: number, padding: string, align: boolean): number {
  if (padding === 'zeros') return place;
  let at = place;
  if (padding === 'reflection') {
    const low = align ? 0 : -0.5;
    const high = align ? n - 1 : n - 0.5;
    if (low === high) return 0;
    while (at < low || at > high) at = at < low ? 2 * low - at : 2 * high - at;
  }
  return Math.min(Math.max(at, 0), n - 1);
}

function gridWeights(coordinate: number, n: number, o: Required<GridOptions>): Weights {
  const raw = o.alignCorners ? ((coordinate + 1) / 2) * (n - 1) : ((coordinate + 1) * n - 1) / 2;
  const inside = (pairs: Weights): Weights => pairs.filter(([i]) => i >= 0 && i < n);
  if (o.mode === 'bicubic') {
    const first = Math.floor(raw);
    return inside(
      [-1, 0, 1, 2].map((k) => [padded(first + k, n, o.paddingMode, o.alignCorners), keys(raw - first - k)] as const),
    );
  }
  const at = padded(raw, n, o.paddingMode, o.alignCorners);
  const first = Math.floor(at);
  if (o.mode === 'nearest') {
    const half = at - first === 0.5;
    return inside([[half ? first + (first % 2 === 0 ? 0 : 1) : Math.round(at), 1]]);
  }
  return inside([
    [first, 1 - (at - first)],
    [first + 1, at - first],
  ]);
}

export function gridSample(x: NDArray, grid: NDArray, options: GridOptions = {}): NDArray {
  const o = { mode: 'bilinear', paddingMode: 'zeros', alignCorners: false, ...options };
  const [n = 0, c = 0, ...size] = x.shape;
  return build([n, c, ...grid.shape.slice(1, -1)], ([image = 0, channel = 0, ...place]) => {
    const own = size.map((s, i) => gridWeights(grid.at(image, ...place, size.length - 1 - i), s, o));
    let total = 0;
    forEachIndex(
      own.map((each) => each.length),
      (tap) => {
        const pairs = tap.map((t, i) => (own[i] as Weights)[t] as readonly [number, number]);
        total += pairs.reduce((product, [, w]) => product * w, 1) * x.at(image, channel, ...pairs.map(([i]) => i));
      },
    );
    return total;
  });
}

export function affineGrid(theta: NDArray, size: readonly number[], options: { alignCorners?: boolean } = {}): NDArray {
  const [n = 0, , ...space] = size;
  const axes = space.length;
  return build([n, ...space, axes], (index) => {
    const image = read(index, 0);
    const row = read(index, axes + 1);
    const at = space.map((m, i) => {
      const o = read(index, i + 1);
      if (options.alignCorners) return m > 1 ? (2 * o) / (m - 1) - 1 : 0;
      return (2 * o + 1) / m - 1;
    });
    let total = theta.at(image, row, axes);
    at.reverse().forEach((coordinate, i) => {
      total += theta.at(image, row, i) * coordinate;
    });
    return total;
  });
}

export function pixelShuffle(x: NDArray, r: number): NDArray {
  const [c = 0, h = 0, w = 0] = x.shape.slice(-3);
  return build([...x.shape.slice(0, -3), c / r ** 2, h * r, w * r], (index) => {
    const [channel = 0, row = 0, col = 0] = index.slice(-3);
    const from = channel * r ** 2 + (row % r) * r + (col % r);
    return x.at(...index.slice(0, -3), from, Math.floor(row / r), Math.floor(col / r));
  });
}

export function pixelUnshuffle(x: NDArray, r: number): NDArray {
  const [c = 0, h = 0, w = 0] = x.shape.slice(-3);
  return build([...x.shape.slice(0, -3), c * r ** 2, h / r, w / r], (index) => {
    const [channel = 0, row = 0, col = 0] = index.slice(-3);
    const within = channel % r ** 2;
    const at = [Math.floor(channel / r ** 2), row * r + Math.floor(within / r), col * r + (within % r)];
    return x.at(...index.slice(0, -3), ...at);
  });
}

export function channelShuffle(x: NDArray, groups: number): NDArray {
  const each = read(x.shape, 1) / groups;
  return build(x.shape, ([image = 0, channel = 0, ...rest]) =>
    x.at(image, (channel % groups) * each + Math.floor(channel / groups), ...rest),
  );
}

/** Intersection over union of every pair of boxes [x1, y1, x2, y2]. */
export function boxIou(a: NDArray, b: NDArray): NDArray {
  const area = (t: NDArray, i: number): number => (t.at(i, 2) - t.at(i, 0)) * (t.at(i, 3) - t.at(i, 1));
  return build([read(a.shape, 0), read(b.shape, 0)], ([i = 0, j = 0]) => {
    const width = Math.max(0, Math.min(a.at(i, 2), b.at(j, 2)) - Math.max(a.at(i, 0), b.at(j, 0)));
    const height = Math.max(0, Math.min(a.at(i, 3), b.at(j, 3)) - Math.max(a.at(i, 1), b.at(j, 1)));
    return (width * height) / (area(a, i) + area(b, j) - width * height);
  });
}
