// Losses and norms by naive loops.
import { broadcastAt, broadcastShapes, build, map, NDArray, read, scalar, zip } from './ndarray.ts';

export type Reduce = 'mean' | 'sum' | 'none';
export interface WithReduction {
  readonly reduction?: Reduce;
}

export function reduced(losses: NDArray, options: WithReduction = {}): NDArray {
  const { reduction = 'mean' } = options;
  if (reduction === 'none') return losses;
  const total = losses.data.reduce((a, b) => a + b, 0);
  return scalar(reduction === 'sum' ? total : total / losses.size);
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const hinge = (x: number): number => Math.max(0, x);

/** Losses of one element against another. */
export const pointwise: Readonly<
  Record<string, (x: number, t: number, o: Record<string, number | boolean>) => number>
> = {
  mseLoss: (x, t) => (x - t) ** 2,
  l1Loss: (x, t) => Math.abs(x - t),
  smoothL1Loss: (x, t, { beta = 1 }) => {
    const d = Math.abs(x - t);
    return d < Number(beta) ? d ** 2 / 2 / Number(beta) : d - Number(beta) / 2;
  },
  huberLoss: (x, t, { delta = 1 }) => {
    const d = Math.abs(x - t);
    return d <= Number(delta) ? d ** 2 / 2 : Number(delta) * (d - Number(delta) / 2);
  },
  klDiv: (x, t, { logTarget = false }) => (logTarget ? Math.exp(t) * (t - x) : (t === 0 ? 0 : t * Math.log(t)) - t * x),
  poissonNllLoss: (x, t, { logInput = true, full = false, eps = 1e-8 }) => {
    const loss = logInput ? Math.exp(x) - t * x : x - t * Math.log(x + Number(eps));
    return loss + (full && t > 1 ? t * Math.log(t) - t + Math.log(2 * Math.PI * t) / 2 : 0);
  },
  binaryCrossEntropy: (p, t) => -(t * Math.max(Math.log(p), -100) + (1 - t) * Math.max(Math.log1p(-p), -100)),
  binaryCrossEntropyWithLogits: (x, t) => (1 - t) * x + softplus(-x),
  focalLoss: (x, t, { alpha = 0.25, gamma = 2 }) => {
    const p = sigmoid(x);
    const loss = ((1 - t) * x + softplus(-x)) * (p + t - 2 * p * t) ** Number(gamma);
    return Number(alpha) < 0 ? loss : loss * (Number(alpha) * t + (1 - Number(alpha)) * (1 - t));
  },
  softMarginLoss: (x, t) => softplus(-t * x),
  hingeEmbeddingLoss: (x, t, { margin = 1 }) => (t === 1 ? 0 : hinge(Number(margin) - x)) + (t === -1 ? 0 : x),
};

export function pointwiseLoss(name: string): (x: NDArray, t: NDArray, options?: WithReduction) => NDArray {
  const f = pointwise[name];
  if (f === undefined) throw new Error(name);
  return (x, t, options = {}) =>
    reduced(
      zip((a, b) => f(a as number, b as number, options as never), x, t),
      options,
    );
}

export function gaussianNll(
  x: NDArray,
  t: NDArray,
  v: NDArray,
  o: WithReduction & { full?: boolean; eps?: number } = {},
): NDArray {
  const f = (a: number, b: number, c: number): number => {
    const variance = Math.max(c, o.eps ?? 1e-6);
    return (Math.log(variance) + (a - b) ** 2 / variance) / 2 + (o.full ? Math.log(2 * Math.PI) / 2 : 0);
  };
  return reduced(
    zip((a, b, c) => f(a as number, b as number, c as number), x, t, v),
    o,
  );
}

export function marginRanking(
  a: NDArray,
  b: NDArray,
  t: NDArray,
  o: WithReduction & { margin?: number } = {},
): NDArray {
  return reduced(
    zip((x, y, s) => hinge(-(s as number) * ((x as number) - (y as number)) + (o.margin ?? 0)), a, b, t),
    o,
  );
}

/** Rows of the last axis as plain arrays. */
export function rows(x: NDArray): number[][] {
  const width = x.shape.at(-1) ?? 1;
  const count = width === 0 ? 0 : x.size / width;
  return Array.from({ length: count }, (_, r) => Array.from({ length: width }, (_, i) => read(x.data, r * width + i)));
}

const lead = (x: NDArray): readonly number[] => x.shape.slice(0, -1);

export function triplet(
  a: NDArray,
  p: NDArray,
  n: NDArray,
  o: WithReduction & { margin?: number; p?: number; eps?: number; swap?: boolean } = {},
): NDArray {
  const { margin = 1, p: power = 2, eps = 1e-6, swap = false } = o;
  const distance = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((s, v, i) => s + Math.abs(v - (y[i] as number) + eps) ** power, 0) ** (1 / power);
  const [ra, rp, rn] = [rows(a), rows(p), rows(n)] as [number[][], number[][], number[][]];
  const losses = ra.map((row, i) => {
    const [x, y] = [rp[i] as number[], rn[i] as number[]];
    const far = swap ? Math.min(distance(row, y), distance(x, y)) : distance(row, y);
    return hinge(distance(row, x) - far + margin);
  });
  return reduced(new NDArray(lead(a), losses), o);
}

export function cosineEmbedding(
  a: NDArray,
  b: NDArray,
  t: NDArray,
  o: WithReduction & { margin?: number } = {},
): NDArray {
  const [ra, rb] = [rows(a), rows(b)];
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((s, v, i) => s + v * (y[i] as number), 0);
  const losses = ra.map((x, i) => {
    const y = rb[i] as number[];
    const cosine = dot(x, y) / Math.sqrt((dot(x, x) + 1e-12) * (dot(y, y) + 1e-12));
    return t.data[i] === 1 ? 1 - cosine : hinge(cosine - (o.margin ?? 0));
  });
  return reduced(new NDArray(lead(a), losses), o);
}

export function multiMargin(
  x: NDArray,
  labels: NDArray,
  o: WithReduction & { margin?: number; p?: number; weight?: NDArray } = {},
): NDArray {
  const losses = rows(x).map((row, i) => {
    const label = read(labels.data, i);
    const own = read(row, label);
    const total = row.reduce((s, v, j) => s + (j === label ? 0 : hinge((o.margin ?? 1) - own + v) ** (o.p ?? 1)), 0);
    return (total / row.length) * (o.weight ? read(o.weight.data, label) : 1);
  });
  return reduced(new NDArray([losses.length], losses), o);
}

export function multilabelMargin(x: NDArray, labels: NDArray, o: WithReduction = {}): NDArray {
  const given = rows(labels);
  const losses = rows(x).map((row, n) => {
    const list = given[n] as number[];
    const end = list.findIndex((label) => label < 0);
    const own = end < 0 ? list : list.slice(0, end);
    let total = 0;
    for (const label of own)
      row.forEach((value, i) => {
        if (!own.includes(i)) total += hinge(1 - read(row, label) + value);
      });
    return total / row.length;
  });
  return reduced(new NDArray(lead(x), losses), o);
}

export function tripletSquares(
  a: NDArray,
  b: NDArray,
  c: NDArray,
  o: WithReduction & { margin?: number; swap?: boolean } = {},
): NDArray {
  const far = (x: NDArray, y: NDArray): number[] =>
    rows(zip((p, q) => ((p as number) - (q as number)) ** 2, x, y)).map((row) => row.reduce((s, v) => s + v, 0));
  const [near, apart, between] = [far(a, b), far(a, c), far(b, c)];
  const losses = near.map((d, i) => {
    const other = o.swap ? Math.min(read(apart, i), read(between, i)) : read(apart, i);
    return hinge(d - other + (o.margin ?? 1));
  });
  return reduced(new NDArray(lead(a), losses), o);
}

export function multilabelSoftMargin(x: NDArray, t: NDArray, o: WithReduction = {}): NDArray {
  const each = rows(zip((a, b) => (1 - (b as number)) * (a as number) + softplus(-(a as number)), x, t));
  return reduced(
    new NDArray(
      lead(x),
      each.map((row) => row.reduce((a, b) => a + b, 0) / row.length),
    ),
    o,
  );
}

export function dice(p: NDArray, t: NDArray, o: WithReduction & { smooth?: number } = {}): NDArray {
  const { smooth = 1 } = o;
  const count = p.shape[0] as number;
  const width = count === 0 ? 0 : p.size / count;
  const losses = Array.from({ length: count }, (_, n) => {
    let [overlap, size] = [0, 0];
    for (let i = n * width; i < (n + 1) * width; i++) {
      overlap += read(p.data, i) * read(t.data, i);
      size += read(p.data, i) + read(t.data, i);
    }
    return 1 - (2 * overlap + smooth) / (size + smooth);
  });
  return reduced(new NDArray([count], losses), o);
}

interface ClassOptions extends WithReduction {
  readonly weight?: NDArray;
  readonly ignoreIndex?: number;
  readonly labelSmoothing?: number;
}

/** scores [N, C, ...] → the scores of each place, class last. */
function places(scores: NDArray): number[][] {
  if (scores.rank === 1) return [Array.from(scores.data)];
  const [n = 0, c = 0, ...rest] = scores.shape;
  const inner = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: n * inner }, (_, i) =>
    Array.from({ length: c }, (_, k) => read(scores.data, (Math.floor(i / inner) * c + k) * inner + (i % inner))),
  );
}

const logSoftmax = (row: readonly number[]): number[] => {
  const top = Math.max(...row);
  const sum = Math.log(row.reduce((a, v) => a + Math.exp(v - top), 0)) + top;
  return row.map((v) => v - sum);
};

export function nll(logs: readonly number[][], labels: NDArray, o: ClassOptions): NDArray {
  const { ignoreIndex = -100, labelSmoothing = 0 } = o;
  let divisor = 0;
  const losses = logs.map((row, i) => {
    const label = read(labels.data, i);
    if (label === ignoreIndex) return 0;
    const weight = (k: number): number => (o.weight ? read(o.weight.data, k) : 1);
    divisor += weight(label);
    const even = -row.reduce((s, v, k) => s + v * weight(k), 0) / row.length;
    return -(1 - labelSmoothing) * weight(label) * read(row, label) + labelSmoothing * even;
  });
  if (o.reduction === 'none') return new NDArray(labels.shape, losses);
  const total = losses.reduce((a, b) => a + b, 0);
  return scalar(o.reduction === 'sum' ? total : total / divisor);
}

export function nllLoss(logProbs: NDArray, labels: NDArray, o: ClassOptions = {}): NDArray {
  return nll(places(logProbs), labels, o);
}

export function crossEntropy(logits: NDArray, target: NDArray, o: ClassOptions = {}): NDArray {
  const logs = places(logits).map(logSoftmax);
  if (target.rank !== logits.rank) return nll(logs, target, o);
  const { labelSmoothing = 0 } = o;
  const probabilities = places(target);
  const losses = logs.map((row, i) =>
    row.reduce((s, v, k) => {
      const p = read(probabilities[i] as number[], k) * (1 - labelSmoothing) + labelSmoothing / row.length;
      return s - p * v * (o.weight ? read(o.weight.data, k) : 1);
    }, 0),
  );
  const shape = logits.rank === 1 ? [] : [logits.shape[0] as number, ...logits.shape.slice(2)];
  return reduced(new NDArray(shape, losses), o);
}

/** Every path, one by one. */
export function ctc(
  logProbs: NDArray,
  targets: NDArray,
  inputLengths: readonly number[],
  targetLengths: readonly number[],
  o: WithReduction & { blank?: number; zeroInfinity?: boolean } = {},
): NDArray {
  const { blank = 0, zeroInfinity = false } = o;
  const [, count = 0, classes = 0] = logProbs.shape;
  const losses = Array.from({ length: count }, (_, n) => {
    const wanted = Array.from({ length: targetLengths[n] as number }, (_, s) => targets.at(n, s)).join();
    let total = 0;
    const visit = (t: number, path: readonly number[], p: number): void => {
      if (t === inputLengths[n]) {
        const spelt = path.filter((k, i) => k !== blank && k !== path[i - 1]).join();
        if (spelt === wanted) total += Math.exp(p);
        return;
      }
      for (let k = 0; k < classes; k++) visit(t + 1, [...path, k], p + logProbs.at(t, n, k));
    };
    visit(0, [], 0);
    return total === 0 && zeroInfinity ? 0 : -Math.log(total);
  });
  if (o.reduction === 'none' || o.reduction === 'sum') return reduced(new NDArray([count], losses), o);
  return scalar(losses.reduce((s, v, n) => s + v / Math.max(1, targetLengths[n] as number), 0) / count);
}

export function linearCrossEntropy(
  x: NDArray,
  weight: NDArray,
  labels: NDArray,
  o: ClassOptions & { bias?: NDArray } = {},
): NDArray {
  const logits = rows(x).map((row) =>
    rows(weight).map((w, k) => w.reduce((s, v, i) => s + v * (row[i] as number), o.bias ? read(o.bias.data, k) : 0)),
  );
  return nll(logits.map(logSoftmax), labels, o);
}

export function layerNorm(
  x: NDArray,
  shape: number | readonly number[],
  {
    weight = null,
    bias = null,
    eps = 1e-5,
    center = true,
  }: { weight?: NDArray | null; bias?: NDArray | null; eps?: number; center?: boolean } = {},
): NDArray {
  const width = typeof shape === 'number' ? shape : shape.reduce((a, b) => a * b, 1);
  const out = new Float64Array(x.size);
  for (let at = 0; at < x.size; at += width) {
    const row = Array.from(x.data.slice(at, at + width));
    const mean = center ? row.reduce((a, b) => a + b, 0) / width : 0;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
    row.forEach((v, i) => {
      const normal = (v - mean) / Math.sqrt(variance + eps);
      out[at + i] = normal * (weight ? read(weight.data, i) : 1) + (bias ? read(bias.data, i) : 0);
    });
  }
  return new NDArray(x.shape, out);
}

export function groupNorm(
  x: NDArray,
  groups: number,
  { weight = null, bias = null, eps = 1e-5 }: { weight?: NDArray | null; bias?: NDArray | null; eps?: number } = {},
): NDArray {
  const [n = 0, c = 0] = x.shape;
  const inner = n * c === 0 ? 0 : x.size / n / c;
  const normal = layerNorm(x, n === 0 ? 0 : x.size / n / groups, { eps });
  return new NDArray(
    x.shape,
    normal.data.map((v, i) => {
      const k = Math.floor(i / inner) % c;
      return v * (weight ? read(weight.data, k) : 1) + (bias ? read(bias.data, k) : 0);
    }),
  );
}

export function localResponse(
  x: NDArray,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: { alpha?: number; beta?: number; k?: number } = {},
): NDArray {
  const channels = x.shape[1] as number;
  return build(x.shape, (index) => {
    const c = index[1] as number;
    let total = 0;
    for (let j = c - Math.floor(size / 2); j < c - Math.floor(size / 2) + size; j++) {
      if (j >= 0 && j < channels) total += x.at(...index.map((v, i) => (i === 1 ? j : v))) ** 2;
    }
    return x.at(...index) / (k + (alpha * total) / size) ** beta;
  });
}

function lengths(x: NDArray, axis: number, p: number): NDArray {
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  return build(shape, (index) => {
    let total = 0;
    for (let j = 0; j < (x.shape[axis] as number); j++) {
      total += Math.abs(x.at(...index.map((v, i) => (i === axis ? j : v)))) ** p;
    }
    return total ** (1 / p);
  });
}

export function normalize(
  x: NDArray,
  { p = 2, axis = 1, eps = 1e-12 }: { p?: number; axis?: number; eps?: number } = {},
): NDArray {
  const along = axis < 0 ? axis + x.rank : axis;
  return zip((v, n) => (v as number) / Math.max(n as number, eps), x, lengths(x, along, p));
}

export function cosineSimilarity(
  a: NDArray,
  b: NDArray,
  { axis = 1, eps = 1e-8 }: { axis?: number; eps?: number } = {},
): NDArray {
  const shape = broadcastShapes(a.shape, b.shape);
  const along = axis < 0 ? axis + shape.length : axis;
  const wide = (t: NDArray): NDArray => build(shape, (index) => broadcastAt(t, index));
  const unit = (t: NDArray): NDArray => normalize(wide(t), { axis: along, eps });
  const products = zip((x, y) => (x as number) * (y as number), unit(a), unit(b));
  return build(
    shape.filter((_, i) => i !== along),
    (index) => {
      let total = 0;
      for (let j = 0; j < (shape[along] as number); j++) total += products.at(...index.toSpliced(along, 0, j));
      return total;
    },
  );
}

export function weightNorm(v: NDArray, g: NDArray, axis: number | null = 0): NDArray {
  const size = (at: number | null): number => {
    let total = 0;
    v.data.forEach((x, i) => {
      if (axis === null || indexOn(v.shape, i, axis) === at) total += x ** 2;
    });
    return Math.sqrt(total);
  };
  return new NDArray(
    v.shape,
    v.data.map((x, i) => {
      const at = axis === null ? null : indexOn(v.shape, i, axis);
      return (x * read(g.data, at ?? 0)) / size(at);
    }),
  );
}

function indexOn(shape: readonly number[], flat: number, axis: number): number {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Math.floor(flat / inner) % (shape[axis] as number);
}

export function spectralNorm(w: NDArray, u: NDArray, v: NDArray): NDArray {
  let sigma = 0;
  rows(w).forEach((row, i) => {
    row.forEach((x, j) => {
      sigma += read(u.data, i) * x * read(v.data, j);
    });
  });
  return map(w, (x) => x / sigma);
}
