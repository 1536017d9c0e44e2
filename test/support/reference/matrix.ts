// Matrix products, convolution and pooling, one loop per index.
import { broadcastAt, broadcastShapes, build, NDArray, read, sizeOf } from './ndarray.ts';

/** torch.matmul: vectors are promoted, batch axes broadcast. */
export function matmul(a: NDArray, b: NDArray): NDArray {
  const left = a.rank === 1 ? new NDArray([1, ...a.shape], a.data) : a;
  const right = b.rank === 1 ? new NDArray([...b.shape, 1], b.data) : b;
  const inner = read(left.shape, left.rank - 1);
  const rows = read(left.shape, left.rank - 2);
  const columns = read(right.shape, right.rank - 1);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const product = build([...batch, rows, columns], (index) => {
    const lead = index.slice(0, -2);
    let total = 0;
    for (let k = 0; k < inner; k++) {
      total +=
        broadcastAt(left, [...lead, read(index, index.length - 2), k]) *
        broadcastAt(right, [...lead, k, read(index, index.length - 1)]);
    }
    return total;
  });
  const shape = [...batch, ...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  return new NDArray(shape, product.data);
}

/** x @ weightᵀ + bias. */
export function linear(x: NDArray, weight: NDArray, bias: NDArray | null = null): NDArray {
  const transposed = build([read(weight.shape, 1), read(weight.shape, 0)], ([i = 0, o = 0]) => weight.at(o, i));
  const y = matmul(x, transposed);
  return bias ? build(y.shape, (index) => broadcastAt(y, index) + broadcastAt(bias, index)) : y;
}

export type Pair = number | readonly [number, number];
const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

export interface Conv2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

const extent = (size: number, kernel: number, stride: number, padding: number, dilation: number): number =>
  Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;

export function conv2d(x: NDArray, weight: NDArray, bias: NDArray | null, options: Conv2dOptions = {}): NDArray {
  const [strideH, strideW] = pair(options.stride ?? 1);
  const [padH, padW] = pair(options.padding ?? 0);
  const [dilationH, dilationW] = pair(options.dilation ?? 1);
  const groups = options.groups ?? 1;
  const [n = 0, , height = 0, width = 0] = x.shape;
  const [outputs = 0, perGroup = 0, kernelH = 0, kernelW = 0] = weight.shape;
  const outH = extent(height, kernelH, strideH, padH, dilationH);
  const outW = extent(width, kernelW, strideW, padW, dilationW);
  return build([n, outputs, outH, outW], ([image = 0, o = 0, row = 0, column = 0]) => {
    const group = Math.floor(o / (outputs / groups));
    let total = bias ? bias.at(o) : 0;
    for (let c = 0; c < perGroup; c++) {
      for (let kh = 0; kh < kernelH; kh++) {
        for (let kw = 0; kw < kernelW; kw++) {
          const h = row * strideH - padH + kh * dilationH;
          const w = column * strideW - padW + kw * dilationW;
          if (h >= 0 && h < height && w >= 0 && w < width)
            total += x.at(image, group * perGroup + c, h, w) * weight.at(o, c, kh, kw);
        }
      }
    }
    return total;
  });
}

export interface Pool2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly countIncludePad?: boolean;
}

function pool(
  x: NDArray,
  size: Pair,
  options: Pool2dOptions,
  finish: (values: number[], area: number) => number,
): NDArray {
  const [kernelH, kernelW] = pair(size);
  const [strideH, strideW] = pair(options.stride ?? size);
  const [padH, padW] = pair(options.padding ?? 0);
  const [dilationH, dilationW] = pair(options.dilation ?? 1);
  const [n = 0, channels = 0, height = 0, width = 0] = x.shape;
  const outH = extent(height, kernelH, strideH, padH, dilationH);
  const outW = extent(width, kernelW, strideW, padW, dilationW);
  return build([n, channels, outH, outW], ([image = 0, c = 0, row = 0, column = 0]) => {
    const values: number[] = [];
    for (let kh = 0; kh < kernelH; kh++) {
      for (let kw = 0; kw < kernelW; kw++) {
        const h = row * strideH - padH + kh * dilationH;
        const w = column * strideW - padW + kw * dilationW;
        if (h >= 0 && h < height && w >= 0 && w < width) values.push(x.at(image, c, h, w));
      }
    }
    return finish(values, kernelH * kernelW);
  });
}

export const maxPool2d = (x: NDArray, size: Pair, options: Pool2dOptions = {}): NDArray =>
  pool(x, size, options, (values) =>
    values.reduce((a, b) => (Number.isNaN(a) || a >= b ? a : b), Number.NEGATIVE_INFINITY),
  );

export const avgPool2d = (x: NDArray, size: Pair, options: Pool2dOptions = {}): NDArray =>
  pool(
    x,
    size,
    options,
    (values, area) => values.reduce((a, b) => a + b, 0) / (options.countIncludePad === false ? values.length : area),
  );

export const isEmpty = (x: NDArray): boolean => sizeOf(x.shape) === 0;
