// Convolution and pooling over 1 to 3 spatial axes, one loop per index.
import { build, forEachIndex, NDArray, read } from './ndarray.ts';

export type Sizes = number | readonly number[];

const list = (value: Sizes, rank: number): readonly number[] =>
  typeof value === 'number' ? new Array<number>(rank).fill(value) : value;

export interface ConvOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes | 'valid' | 'same';
  readonly dilation?: Sizes;
  readonly groups?: number;
}

const batched =
  <A extends unknown[]>(rank: number, f: (x: NDArray, ...rest: A) => NDArray) =>
  (x: NDArray, ...rest: A): NDArray => {
    if (x.rank === rank + 2) return f(x, ...rest);
    const y = f(new NDArray([1, ...x.shape], x.data), ...rest);
    return new NDArray(y.shape.slice(1), y.data);
  };

/** torch.conv1d, conv2d and conv3d; torch's 'same' puts the odd zero behind. */
export const conv = (rank: number): ((x: NDArray, w: NDArray, b?: NDArray | null, o?: ConvOptions) => NDArray) =>
  batched(rank, (x, weight, bias = null, options = {}) => {
    const stride = list(options.stride ?? 1, rank);
    const dilation = list(options.dilation ?? 1, rank);
    const { groups = 1, padding = 0 } = options;
    const [n = 0, , ...size] = x.shape;
    const [outputs = 0, perGroup = 0, ...kernel] = weight.shape;
    const spans = kernel.map((k, i) => read(dilation, i) * (k - 1));
    const before =
      padding === 'same'
        ? spans.map((s) => Math.floor(s / 2))
        : padding === 'valid'
          ? spans.map(() => 0)
          : list(padding, rank);
    const both = padding === 'same' ? spans : before.map((p) => 2 * p);
    const out = size.map((s, i) => Math.floor((s + read(both, i) - read(spans, i) - 1) / read(stride, i)) + 1);
    return build([n, outputs, ...out], ([image = 0, o = 0, ...place]) => {
      const group = Math.floor(o / (outputs / groups));
      let total = bias ? bias.at(o) : 0;
      for (let c = 0; c < perGroup; c++) {
        forEachIndex(kernel, (tap) => {
          const at = place.map((p, i) => p * read(stride, i) - read(before, i) + read(tap, i) * read(dilation, i));
          if (at.every((p, i) => p >= 0 && p < read(size, i)))
            total += x.at(image, group * perGroup + c, ...at) * weight.at(o, c, ...tap);
        });
      }
      return total;
    });
  });

export interface TransposeOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly outputPadding?: Sizes;
  readonly dilation?: Sizes;
  readonly groups?: number;
}

/** torch.conv_transpose1d, 2d and 3d, by spreading every input over the outputs it reaches. */
export const convTranspose = (
  rank: number,
): ((x: NDArray, w: NDArray, b?: NDArray | null, o?: TransposeOptions) => NDArray) =>
  batched(rank, (x, weight, bias = null, options = {}) => {
    const stride = list(options.stride ?? 1, rank);
    const dilation = list(options.dilation ?? 1, rank);
    const padding = list(options.padding ?? 0, rank);
    const extra = list(options.outputPadding ?? 0, rank);
    const { groups = 1 } = options;
    const [n = 0, channels = 0, ...size] = x.shape;
    const [, perGroup = 0, ...kernel] = weight.shape;
    const out = size.map(
      (s, i) =>
        (s - 1) * read(stride, i) -
        2 * read(padding, i) +
        read(dilation, i) * (read(kernel, i) - 1) +
        read(extra, i) +
        1,
    );
    const shape = [n, perGroup * groups, ...out];
    const result = build(shape, ([, o = 0]) => (bias ? bias.at(o) : 0));
    const offset = (index: readonly number[]): number => index.reduce((sum, p, axis) => sum * read(shape, axis) + p, 0);
    forEachIndex(x.shape, ([image = 0, c = 0, ...place]) => {
      const group = Math.floor(c / (channels / groups));
      for (let o = 0; o < perGroup; o++) {
        forEachIndex(kernel, (tap) => {
          const at = place.map((p, i) => p * read(stride, i) - read(padding, i) + read(tap, i) * read(dilation, i));
          if (!at.every((p, i) => p >= 0 && p < read(out, i))) return;
          const to = offset([image, group * perGroup + o, ...at]);
          result.data[to] = read(result.data, to) + x.at(image, c, ...place) * weight.at(c, o, ...tap);
        });
      }
    });
    return result;
  });

export interface PoolOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly dilation?: Sizes;
  readonly ceilMode?: boolean;
  readonly countIncludePad?: boolean;
  readonly divisorOverride?: number;
}

/** One window: its values with their places in the flattened image, and its volume with the padding it covers. */
interface View {
  readonly values: readonly number[];
  readonly places: readonly number[];
  readonly volume: number;
}

const poolOf =
  (rank: number, finish: (view: View, options: PoolOptions) => number) =>
  (input: NDArray, sizes: Sizes, options: PoolOptions = {}): NDArray =>
    batched(rank, (x: NDArray) => {
      const kernel = list(sizes, rank);
      const stride = list(options.stride ?? sizes, rank);
      const padding = list(options.padding ?? 0, rank);
      const dilation = list(options.dilation ?? 1, rank);
      const [n = 0, channels = 0, ...size] = x.shape;
      const out = size.map((s, i) => {
        const [k, st, p, d] = [read(kernel, i), read(stride, i), read(padding, i), read(dilation, i)];
        const room = (s + 2 * p - d * (k - 1) - 1) / st;
        const count = (options.ceilMode ? Math.ceil(room) : Math.floor(room)) + 1;
        // A window that would begin in the padding behind is left out.
        return options.ceilMode && (count - 1) * st >= s + p ? count - 1 : count;
      });
      return build([n, channels, ...out], ([image = 0, c = 0, ...place]) => {
        const values: number[] = [];
        const places: number[] = [];
        let volume = 0;
        forEachIndex(kernel, (tap) => {
          const at = place.map((p, i) => p * read(stride, i) - read(padding, i) + read(tap, i) * read(dilation, i));
          if (at.every((p, i) => p < read(size, i) + read(padding, i))) volume++;
          if (!at.every((p, i) => p >= 0 && p < read(size, i))) return;
          values.push(x.at(image, c, ...at));
          places.push(at.reduce((sum, p, i) => sum * read(size, i) + p, 0));
        });
        return finish({ values, places, volume }, options);
      });
    })(input);

/** Where the window's maximum stands among its values: the first of equals, the last NaN. */
export function winner(values: readonly number[]): number {
  let best = 0;
  values.forEach((value, i) => {
    if (value > read(values, best) || Number.isNaN(value)) best = i;
  });
  return best;
}

export const maxPool = (rank: number): ReturnType<typeof poolOf> =>
  poolOf(rank, ({ values }) => read(values, winner(values)));
export const maxPoolIndices = (rank: number): ReturnType<typeof poolOf> =>
  poolOf(rank, ({ values, places }) => read(places, winner(values)));
export const avgPool = (rank: number): ReturnType<typeof poolOf> =>
  poolOf(rank, ({ values, volume }, { countIncludePad = true, divisorOverride }) => {
    const total = values.reduce((a, b) => a + b, 0);
    return total / (divisorOverride ?? (countIncludePad ? volume : values.length));
  });

/** Ranges of adaptive windows: output i of m takes elements ⌊i n / m⌋ … ⌈(i + 1) n / m⌉ - 1 of n. */
const adaptive =
  (rank: number, finish: (values: readonly number[], places: readonly number[]) => number) =>
  (input: NDArray, sizes: number | null | readonly (number | null)[]): NDArray =>
    batched(rank, (x: NDArray) => {
      const [n = 0, channels = 0, ...size] = x.shape;
      const out = size.map((s, i) => (Array.isArray(sizes) ? sizes[i] : sizes) ?? s);
      return build([n, channels, ...out], ([image = 0, c = 0, ...place]) => {
        const from = place.map((o, i) => Math.floor((o * read(size, i)) / read(out, i)));
        const spans = place.map((o, i) => Math.ceil(((o + 1) * read(size, i)) / read(out, i)) - read(from, i));
        const values: number[] = [];
        const places: number[] = [];
        forEachIndex(spans, (tap) => {
          const at = tap.map((t, i) => t + read(from, i));
          values.push(x.at(image, c, ...at));
          places.push(at.reduce((sum, p, i) => sum * read(size, i) + p, 0));
        });
        return finish(values, places);
      });
    })(input);

export const adaptiveAvgPool = (rank: number): ReturnType<typeof adaptive> =>
  adaptive(rank, (values) => values.reduce((a, b) => a + b, 0) / values.length);
export const adaptiveMaxPool = (rank: number): ReturnType<typeof adaptive> =>
  adaptive(rank, (values) => read(values, winner(values)));
export const adaptiveMaxPoolIndices = (rank: number): ReturnType<typeof adaptive> =>
  adaptive(rank, (values, places) => read(places, winner(values)));

/** (Σ xᵖ)^(1/p) as torch.lp_pool computes it: the mean of each window times the whole window's volume. */
export const lpPool =
  (rank: number) =>
  (x: NDArray, norm: number, sizes: Sizes, options: PoolOptions = {}): NDArray => {
    const volume = list(sizes, rank).reduce((a, b) => a * b, 1);
    const powers = new NDArray(
      x.shape,
      x.data.map((value) => value ** norm),
    );
    const means = avgPool(rank)(powers, sizes, options);
    return new NDArray(
      means.shape,
      means.data.map((value) => (value * volume) ** (1 / norm)),
    );
  };

export interface UnpoolOptions {
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  readonly outputSize?: readonly number[];
}

export const maxUnpool =
  (rank: number) =>
  (x: NDArray, indices: NDArray, sizes: Sizes, options: UnpoolOptions = {}): NDArray => {
    const kernel = list(sizes, rank);
    const stride = list(options.stride ?? sizes, rank);
    const padding = list(options.padding ?? 0, rank);
    const lead = x.shape.slice(0, -rank);
    const own = x.shape.slice(-rank);
    const out =
      options.outputSize ?? own.map((n, i) => (n - 1) * read(stride, i) - 2 * read(padding, i) + read(kernel, i));
    const result = build([...lead, ...out], () => 0);
    const area = own.reduce((a, b) => a * b, 1);
    const whole = out.reduce((a, b) => a * b, 1);
    x.data.forEach((value, i) => {
      result.data[Math.floor(i / area) * whole + read(indices.data, i)] = value;
    });
    return result;
  };
