// Max pooling by windows at random distances (Graham 2014, arXiv:1412.6071).
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { arange, full } from './creation.ts';
import { max } from './extreme.ts';
import { gather } from './gather.ts';
import { cat } from './join.ts';
import type { WithIndices } from './pool.ts';
import { rand } from './random.ts';
import type { GeneratorOptions } from './random-shared.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { clampMax } from './ternary.ts';
import { floor } from './unary.ts';
import { reshape, select, squeeze, unsqueeze } from './view.ts';
import type { Sizes } from './window.ts';
import { checkImages, checkSizes, withBatch } from './window.ts';

export interface FractionalPoolOptions extends GeneratorOptions {
  /** Spatial sizes of the result: this or `outputRatio` must be given. */
  readonly outputSize?: Sizes | undefined;
  /** Sizes of the result over those of the input, in (0, 1). */
  readonly outputRatio?: number | readonly number[] | undefined;
  /** [N, C, spatial axes] in [0, 1): decides where the windows of each image lie; drawn when omitted. */
  readonly randomSamples?: Tensor | undefined;
  /** Return [values, indices]: where the maxima stand in each flattened image, int32. */
  readonly returnIndices?: boolean | undefined;
}

/** The result's spatial sizes. */
function target(op: string, x: Tensor, rank: number, window: readonly number[], o: FractionalPoolOptions): number[] {
  const own = x.shape.slice(-rank);
  const { outputSize, outputRatio } = o;
  if ((outputSize === undefined) === (outputRatio === undefined))
    throw argumentError(op, 'wants either outputSize or outputRatio');
  let size: number[];
  if (outputSize !== undefined) size = checkSizes(op, 'outputSize', outputSize, rank, 1);
  else {
    const ratios: readonly unknown[] = Array.isArray(outputRatio) ? outputRatio : new Array(rank).fill(outputRatio);
    if (ratios.length !== rank || !ratios.every((r) => typeof r === 'number' && r > 0 && r < 1))
      throw argumentError(
        op,
        `outputRatio must be a number in (0, 1) or ${rank} of them, got ${formatValue(outputRatio)}`,
      );
    size = own.map((n, i) => Math.floor(n * (ratios[i] as number)));
  }
  if (size.some((n, i) => n < 1 || n + (window[i] as number) - 1 > (own[i] as number)))
    throw shapeError(
      op,
      `${formatShape(size)} windows of ${formatShape(window)} do not fit into ${formatShape(x.shape)}`,
    );
  return size;
}

/** Where `count` windows begin along an axis: [N, C, count], the last at the end. `samples` is [N, C]. */
function starts(samples: Tensor, size: number, count: number, window: number): Tensor {
  const { device } = samples;
  const last = size - window;
  const end = full([...samples.shape, 1], last, { dtype: 'int32', device });
  if (count === 1) return end;
  const step = last / (count - 1);
  const shift = unsqueeze(samples, -1);
  const index = arange(count - 1, { dtype: samples.dtype, device });
  const begin = sub(floor(mul(add(index, shift), step)), floor(mul(shift, step)));
  return cat([clampMax(castTo(begin, 'int32'), last), end], -1);
}

/** `images` [N, C, …] pooled: [values, indices]. */
function pooled(images: Tensor, window: readonly number[], out: readonly number[], samples: Tensor): Tensor[] {
  const [n, c, ...size] = images.shape as [number, number, ...number[]];
  const rank = size.length;
  const ones = new Array<number>(rank).fill(1);
  // Places in the flattened image: [N, C, …out, …window].
  const places = size
    .map((own, axis) => {
      // PyTorch's samples of planes are for the width first.
      const drawn = select(samples, 2, rank === 2 ? 1 - axis : axis);
      const first = starts(drawn, own, out[axis] as number, window[axis] as number);
      const offsets = arange(window[axis] as number, { dtype: 'int32', device: images.device });
      const along = add(
        reshape(first, [n, c, ...ones.with(axis, out[axis] as number), ...ones]),
        reshape(offsets, ones.with(axis, window[axis] as number)),
      );
      return mul(
        along,
        size.slice(axis + 1).reduce((a, b) => a * b, 1),
      );
    })
    .reduce((a, b) => add(a, b));
  const taps = window.reduce((a, b) => a * b, 1);
  const count = out.reduce((a, b) => a * b, 1);
  const flat = reshape(images, [n, c, size.reduce((a, b) => a * b, 1)]);
  const taken = gather(flat, -1, reshape(places, [n, c, count * taps]));
  const [values, which] = max(reshape(taken, [n, c, ...out, taps]), -1);
  const indices = gather(reshape(places, [n, c, ...out, taps]), -1, unsqueeze(which, -1));
  return [values, squeeze(indices, -1)];
}

function fractionalMaxPool(rank: number, x: Tensor, size: Sizes, options: FractionalPoolOptions): Tensor | Tensor[] {
  const op = `fractionalMaxPool${rank}d`;
  checkImages(op, x, rank);
  requireFloat(op, x);
  checkOptions(op, options);
  const window = checkSizes(op, 'size', size, rank, 1);
  const out = target(op, x, rank, window, options);
  const { randomSamples, generator, returnIndices = false } = options;
  const [n, c] = x.rank === rank + 2 ? (x.shape as [number, number]) : [1, x.shape[0] as number];
  if (x.shape.slice(-rank).reduce((a, b) => a * b, 1) >= 2 ** 31)
    throw shapeError(op, 'an image of 2^31 elements has no int32 indices');
  if (randomSamples !== undefined) {
    requireTensor(op, randomSamples, 'randomSamples');
    checkArguments(op, [x, randomSamples]);
    requireFloat(op, randomSamples, 'randomSamples');
    if (!sameShape(randomSamples.shape, [n, c, rank]))
      throw shapeError(
        op,
        `randomSamples must be ${formatShape([n, c, rank])}, got ${formatShape(randomSamples.shape)}`,
      );
  }
  const results = tidy(() => {
    const dtype = x.dtype === 'float64' ? 'float64' : 'float32';
    const samples = randomSamples?.detach() ?? rand([n, c, rank], { dtype, device: x.device, generator });
    return withBatch(x, rank, (images) => pooled(images, window, out, samples).slice(0, returnIndices ? 2 : 1));
  });
  return returnIndices ? results : (results[0] as Tensor);
}

/**
 * The largest element of windows that lie at random, overlapping distances, so that images shrink by any ratio.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param size - of the windows
 * @param options - `outputSize` or `outputRatio`
 * @returns [N, C, OH, OW], or [values, indices] with `returnIndices`
 * @example
 * fractionalMaxPool2d(ones([1, 1, 6, 6]), 2, { outputSize: 4 }).shape; // [1, 1, 4, 4]
 */
export function fractionalMaxPool2d(
  x: Tensor,
  size: Sizes,
  options: WithIndices<FractionalPoolOptions>,
): [Tensor, Tensor<'int32'>];
export function fractionalMaxPool2d(x: Tensor, size: Sizes, options: FractionalPoolOptions): Tensor;
export function fractionalMaxPool2d(x: Tensor, size: Sizes, options: FractionalPoolOptions = {}): Tensor | Tensor[] {
  return fractionalMaxPool(2, x, size, options);
}

/**
 * `fractionalMaxPool2d` of volumes.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @returns [N, C, OD, OH, OW], or [values, indices] with `returnIndices`
 * @example
 * fractionalMaxPool3d(ones([1, 4, 6, 6]), 2, { outputRatio: 0.5 }).shape; // [1, 2, 3, 3]
 */
export function fractionalMaxPool3d(
  x: Tensor,
  size: Sizes,
  options: WithIndices<FractionalPoolOptions>,
): [Tensor, Tensor<'int32'>];
export function fractionalMaxPool3d(x: Tensor, size: Sizes, options: FractionalPoolOptions): Tensor;
export function fractionalMaxPool3d(x: Tensor, size: Sizes, options: FractionalPoolOptions = {}): Tensor | Tensor[] {
  return fractionalMaxPool(3, x, size, options);
}
