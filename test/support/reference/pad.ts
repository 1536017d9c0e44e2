// Borders and windows by their definitions.
import { build, NDArray, offsetOf, read } from './ndarray.ts';

function origin(i: number, size: number, mode: string): number {
  if (i >= 0 && i < size) return i;
  if (mode === 'replicate') return i < 0 ? 0 : size - 1;
  if (mode === 'circular') return ((i % size) + size) % size;
  return mode === 'reflect' ? (i < 0 ? -i : 2 * (size - 1) - i) : -1;
}

/** Negative padding first takes elements away. */
export function pad(
  x: NDArray,
  padding: readonly number[],
  { mode = 'constant', value = 0 }: { mode?: string; value?: number } = {},
): NDArray {
  const of = (axis: number, side: number): number => padding[2 * (x.rank - 1 - axis) + side] ?? 0;
  const crop = x.shape.map((_, axis) => Math.max(0, -of(axis, 0)));
  const size = x.shape.map((n, axis) => n - read(crop, axis) - Math.max(0, -of(axis, 1)));
  return build(
    x.shape.map((n, axis) => n + of(axis, 0) + of(axis, 1)),
    (at) => {
      const from = at.map((i, axis) => origin(i - Math.max(0, of(axis, 0)), read(size, axis), mode));
      return from.includes(-1) ? value : x.at(...from.map((i, axis) => i + read(crop, axis)));
    },
  );
}

interface Windows {
  stride?: number | readonly [number, number];
  padding?: number | readonly [number, number];
  dilation?: number | readonly [number, number];
}
const pair = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

/** For each column and row of the result, the pixel it shows (or null in the padding). */
function pixels(height: number, width: number, kernelSize: number | readonly [number, number], options: Windows) {
  const [kh, kw] = pair(kernelSize);
  const [sh, sw] = pair(options.stride ?? 1);
  const [ph, pw] = pair(options.padding ?? 0);
  const [dh, dw] = pair(options.dilation ?? 1);
  const down = Math.floor((height + 2 * ph - dh * (kh - 1) - 1) / sh) + 1;
  const across = Math.floor((width + 2 * pw - dw * (kw - 1) - 1) / sw) + 1;
  const pixel = (place: number, window: number): [number, number] | null => {
    const row = Math.floor(window / across) * sh - ph + Math.floor(place / kw) * dh;
    const column = (window % across) * sw - pw + (place % kw) * dw;
    return row < 0 || row >= height || column < 0 || column >= width ? null : [row, column];
  };
  return { places: kh * kw, windows: down * across, pixel };
}

export function im2col(x: NDArray, kernelSize: number | readonly [number, number], options: Windows = {}): NDArray {
  if (x.rank === 3) {
    const y = im2col(new NDArray([1, ...x.shape], x.data), kernelSize, options);
    return new NDArray(y.shape.slice(1), y.data);
  }
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const { places, windows, pixel } = pixels(h, w, kernelSize, options);
  return build([n, c * places, windows], ([b = 0, row = 0, window = 0]) => {
    const at = pixel(row % places, window);
    return at === null ? 0 : x.at(b, Math.floor(row / places), ...at);
  });
}

export function col2im(
  x: NDArray,
  size: number | readonly [number, number],
  kernelSize: number | readonly [number, number],
  options: Windows = {},
): NDArray {
  if (x.rank === 2) {
    const y = col2im(new NDArray([1, ...x.shape], x.data), size, kernelSize, options);
    return new NDArray(y.shape.slice(1), y.data);
  }
  const [h, w] = pair(size);
  const { places, windows, pixel } = pixels(h, w, kernelSize, options);
  const [n, rows] = x.shape as [number, number];
  const shape = [n, rows / places, h, w];
  const out = new Float64Array(n * (rows / places) * h * w);
  build([n, rows, windows], ([b = 0, row = 0, window = 0]) => {
    const at = pixel(row % places, window);
    if (at !== null) {
      const to = offsetOf(shape, [b, Math.floor(row / places), ...at]);
      out[to] = read(out, to) + x.at(b, row, window);
    }
    return 0;
  });
  return new NDArray(shape, out);
}
