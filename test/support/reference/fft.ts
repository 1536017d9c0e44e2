// Discrete Fourier transforms by their sums. Complex arrays have a last axis of size 2.
import { build, NDArray, read } from './ndarray.ts';

interface Options {
  readonly n?: number;
  readonly axis?: number;
  readonly norm?: string;
}

const scales: Record<string, (n: number, inverse: boolean) => number> = {
  backward: (n, inverse) => (inverse ? 1 / n : 1),
  forward: (n, inverse) => (inverse ? 1 : 1 / n),
  ortho: (n) => 1 / Math.sqrt(n),
};

/** Σⱼ xⱼ exp(∓2πi jk / n) along one axis of complex numbers. */
export function dft(x: NDArray, options: Options = {}, inverse = false): NDArray {
  const axis = ((options.axis ?? -1) + x.rank - 1) % (x.rank - 1);
  const have = read(x.shape, axis);
  const n = options.n ?? have;
  const scale = (scales[options.norm ?? 'backward'] as (n: number, inverse: boolean) => number)(n, inverse);
  return build(
    x.shape.map((size, i) => (i === axis ? n : size)),
    (at) => {
      let total = 0;
      for (let j = 0; j < Math.min(n, have); j++) {
        const turn = (((j * read(at, axis)) % n) / n) * 2 * Math.PI * (inverse ? 1 : -1);
        const from = at.slice(0, -1).map((each, i) => (i === axis ? j : each));
        const [re, im] = [x.at(...from, 0), x.at(...from, 1)];
        total +=
          at.at(-1) === 0 ? re * Math.cos(turn) - im * Math.sin(turn) : re * Math.sin(turn) + im * Math.cos(turn);
      }
      return total * scale;
    },
  );
}

export const fft = (x: NDArray, options?: Options): NDArray => dft(x, options);
export const ifft = (x: NDArray, options?: Options): NDArray => dft(x, options, true);

const paired = (x: NDArray): NDArray =>
  build([...x.shape, 2], (at) => (at.at(-1) === 0 ? x.at(...at.slice(0, -1)) : 0));

export function rfft(x: NDArray, options: Options = {}): NDArray {
  const axis = ((options.axis ?? -1) + x.rank) % x.rank;
  const full = dft(paired(x), options);
  const keep = Math.floor(read(full.shape, axis) / 2) + 1;
  return build(
    full.shape.map((size, i) => (i === axis ? keep : size)),
    (at) => full.at(...at),
  );
}

export function irfft(x: NDArray, options: Options = {}): NDArray {
  const axis = ((options.axis ?? -1) + x.rank - 1) % (x.rank - 1);
  const have = read(x.shape, axis);
  const n = options.n ?? 2 * (have - 1);
  const full = build(
    x.shape.map((size, i) => (i === axis ? n : size)),
    (at) => {
      const k = read(at, axis);
      const mirrored = 2 * k > n;
      const from = mirrored ? n - k : k;
      const imaginary = at.at(-1) === 1;
      if (from >= have || (imaginary && (from === 0 || 2 * from === n))) return 0;
      const value = x.at(...at.map((each, i) => (i === axis ? from : each)));
      return mirrored && imaginary ? -value : value;
    },
  );
  const result = dft(full, { ...options, n }, true);
  return build(result.shape.slice(0, -1), (at) => result.at(...at, 0));
}

/** torch.stft with its defaults spelled out, one window after the other. */
export function stft(x: NDArray, nFft: number, options: Record<string, unknown> = {}): NDArray {
  const rows = x.rank === 1 ? new NDArray([1, ...x.shape], x.data) : x;
  const length = read(rows.shape, 1);
  const hop = (options['hopLength'] as number | undefined) ?? Math.floor(nFft / 4);
  const pad = options['center'] === false ? 0 : Math.floor(nFft / 2);
  const mode = (options['padMode'] as string | undefined) ?? 'reflect';
  const count = 1 + Math.floor((length + 2 * pad - nFft) / hop);
  const factors = windowOf(nFft, options);
  const sample = (b: number, i: number): number => {
    if (i >= 0 && i < length) return rows.at(b, i);
    if (mode === 'constant') return 0;
    if (mode === 'replicate') return rows.at(b, i < 0 ? 0 : length - 1);
    if (mode === 'circular') return rows.at(b, (i + length) % length);
    return rows.at(b, i < 0 ? -i : 2 * (length - 1) - i);
  };
  const frames = build(
    [read(rows.shape, 0), count, nFft],
    ([b = 0, t = 0, j = 0]) => sample(b, t * hop + j - pad) * read(factors, j),
  );
  const norm = options['normalized'] ? 'ortho' : 'backward';
  const spectra = options['onesided'] === false ? dft(paired(frames), { norm }) : rfft(frames, { norm });
  const [b = 0, t = 0, f = 0] = spectra.shape;
  const result = build([b, f, t, 2], ([i = 0, k = 0, w = 0, part = 0]) => spectra.at(i, w, k, part));
  return x.rank === 1 ? new NDArray(result.shape.slice(1), result.data) : result;
}

function windowOf(nFft: number, options: Record<string, unknown>): number[] {
  const length = (options['winLength'] as number | undefined) ?? nFft;
  const window = options['window'] as NDArray | undefined;
  const left = Math.floor((nFft - length) / 2);
  return Array.from({ length: nFft }, (_, j) => {
    const i = j - left;
    return i < 0 || i >= length ? 0 : window ? window.at(i) : 1;
  });
}
