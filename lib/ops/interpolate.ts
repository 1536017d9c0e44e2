// Images at another size, and pixels moved between channels and space.
import { argumentError, shapeError } from '../errors.ts';
import { tidy } from '../core/scope.ts';
import { checkLive } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { formatShape } from '../core/shape.ts';
import type { Resampling } from './resample.ts';
import { resampleAxis } from './resample.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { permute, reshape } from './view.ts';
import type { Sizes } from './window.ts';
import { checkSizes, spatial } from './window.ts';

const modes = {
  nearest: { kernel: 'nearest', ranks: [1, 2, 3] },
  'nearest-exact': { kernel: 'nearest-exact', ranks: [1, 2, 3] },
  linear: { kernel: 'linear', ranks: [1] },
  bilinear: { kernel: 'linear', ranks: [2] },
  trilinear: { kernel: 'linear', ranks: [3] },
  bicubic: { kernel: 'cubic', ranks: [2] },
  area: { kernel: 'area', ranks: [1, 2, 3] },
} as const;

export type InterpolateMode = keyof typeof modes;

export interface InterpolateOptions {
  /** The spatial sizes of the result; this or `scaleFactor`. */
  readonly size?: Sizes | null | undefined;
  /** Sizes of the result by those of the input, rounded down. */
  readonly scaleFactor?: number | readonly number[] | null | undefined;
  /** Default 'nearest'. */
  readonly mode?: InterpolateMode | undefined;
  /** Whether the outermost elements' centres stay in place, instead of their outer edges. Default false. */
  readonly alignCorners?: boolean | undefined;
  /** Whether places follow from the sizes instead of `scaleFactor`, which need not divide evenly. Default false. */
  readonly recomputeScaleFactor?: boolean | undefined;
  /**
   * Whether an image that shrinks is smoothed over all that an output covers, as Pillow does it: for 'bilinear', and for
   * 'bicubic', then with a = -½. Default false.
   */
  readonly antialias?: boolean | undefined;
}

function checkScales(op: string, scale: number | readonly number[], rank: number): number[] {
  const list: readonly unknown[] = Array.isArray(scale) ? scale : new Array<unknown>(rank).fill(scale);
  const ok = (x: unknown): x is number => typeof x === 'number' && x > 0 && x < 2 ** 31;
  if (list.length !== rank || !list.every(ok))
    throw argumentError(op, `scaleFactor must be a number > 0 or an array of ${rank}, got ${formatValue(scale)}`);
  return [...(list as number[])];
}

/**
 * Images at another size. Output i of m stands for place (i + ½) n / m - ½ of n, with `alignCorners` i (n - 1) / (m - 1),
 * and mixes the elements around it: the nearest one, 2 ('linear', 'bilinear', 'trilinear'), 4 ('bicubic', Keys' kernel with
 * a = -¾), or all that it covers ('area').
 * @param x - [N, C, L], [N, C, H, W] or [N, C, D, H, W]
 * @example
 * interpolate(tensor([[[1, 3]]]), { scaleFactor: 2 }); // [[[1, 1, 3, 3]]]
 * interpolate(tensor([[[1, 3]]]), { size: 3, mode: 'linear', alignCorners: true }); // [[[1, 2, 3]]]
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const op = 'interpolate';
  checkOptions(op, options);
  requireTensor(op, x);
  checkLive(op, x);
  if (x.rank < 3 || x.rank > 5)
    throw shapeError(op, `input must be [N, C, …] with 1 to 3 more axes, got ${formatShape(x.shape)}`);
  requireFloat(op, x);
  const { size = null, scaleFactor = null, mode = 'nearest', alignCorners = false } = options;
  const chosen = Object.hasOwn(modes, mode) ? modes[mode] : null;
  if (chosen === null)
    throw argumentError(op, `mode must be one of ${Object.keys(modes).join(', ')}, got ${formatValue(mode)}`);
  const rank = x.rank - 2;
  if (!(chosen.ranks as readonly number[]).includes(rank))
    throw shapeError(op, `mode '${mode}' wants rank ${chosen.ranks[0] + 2}, got ${formatShape(x.shape)}`);
  const { antialias = false } = options;
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic')
    throw argumentError(op, `antialias is for modes 'bilinear' and 'bicubic', got '${mode}'`);
  const { kernel } = chosen;
  if (alignCorners && kernel !== 'linear' && kernel !== 'cubic')
    throw argumentError(op, `alignCorners has no meaning for mode '${mode}'`);
  if ((size === null) === (scaleFactor === null)) throw argumentError(op, 'wants either size or scaleFactor');
  const own = spatial(x);
  const scales = scaleFactor === null ? null : checkScales(op, scaleFactor, rank);
  const target = checkSizes(
    op,
    'size',
    size ?? own.map((n, i) => Math.floor(n * ((scales as number[])[i] as number))),
    rank,
    1,
  );
  if (own.includes(0)) throw shapeError(op, `spatial sizes must be ≥ 1, got ${formatShape(x.shape)}`);
  const given = options.recomputeScaleFactor === true ? null : scales;
  const axes = own.map((n, i) => {
    const m = target[i] as number;
    const free = given === null ? n / m : 1 / (given[i] as number);
    const ratio = alignCorners ? (m > 1 ? (n - 1) / (m - 1) : 0) : free;
    const smooth = antialias && (kernel === 'linear' || kernel === 'cubic') ? (`smooth-${kernel}` as const) : kernel;
    const resampling: Resampling = { mode: smooth, alignCorners, ratio };
    return { axis: i - rank, size: m, growth: m / n, resampling };
  });
  // What shrinks goes first, so that the passes after it have less to do.
  axes.sort((a, b) => a.growth - b.growth);
  return tidy(() => {
    const result = axes.reduce((t, each) => resampleAxis(t, each.axis, each.size, each.resampling), x);
    return result === x ? reshape(x, x.shape) : result;
  });
}

export { interpolate as upsample };

function checkFactor(op: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value >= 2 ** 31)
    throw argumentError(op, `${name} must be an integer ≥ 1, got ${formatValue(value)}`);
}

function checkPixels(op: string, x: Tensor, least: number): void {
  requireTensor(op, x);
  checkLive(op, x);
  if (x.rank < least) throw shapeError(op, `input must be of rank ${least} or more, got ${formatShape(x.shape)}`);
}

/** [B, …rest] with everything before the last `rest` axes merged. */
function merged(x: Tensor, shape: readonly number[]): Tensor {
  const lead = x.shape.slice(0, -3).reduce((a, b) => a * b, 1);
  return reshape(x, [lead, ...shape]);
}

/**
 * Channels spread over blocks of `factor`² pixels: [..., C · r², H, W] to [..., C, H · r, W · r].
 * @param factor - r
 * @example
 * pixelShuffle(arange(4).reshape([4, 1, 1]), 2); // [[[0, 1], [2, 3]]]
 */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  checkPixels('pixelShuffle', x, 3);
  checkFactor('pixelShuffle', 'factor', factor);
  const [c, h, w] = x.shape.slice(-3) as [number, number, number];
  if (c % factor ** 2 !== 0)
    throw shapeError('pixelShuffle', `${c} channels do not divide by ${factor}² in ${formatShape(x.shape)}`);
  const channels = c / factor ** 2;
  return tidy(() => {
    const blocks = permute(merged(x, [channels, factor, factor, h, w]), [0, 1, 4, 2, 5, 3]);
    return reshape(blocks, [...x.shape.slice(0, -3), channels, h * factor, w * factor]);
  });
}

/**
 * Blocks of `factor`² pixels gathered into channels: [..., C, H · r, W · r] to [..., C · r², H, W].
 * @param factor - r
 * @example
 * pixelUnshuffle(arange(4).reshape([1, 2, 2]), 2).shape; // [4, 1, 1]
 */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  checkPixels('pixelUnshuffle', x, 3);
  checkFactor('pixelUnshuffle', 'factor', factor);
  const [c, h, w] = x.shape.slice(-3) as [number, number, number];
  if (h % factor !== 0 || w % factor !== 0)
    throw shapeError('pixelUnshuffle', `${h} × ${w} pixels do not divide by ${factor}`);
  const [rows, cols] = [h / factor, w / factor];
  return tidy(() => {
    const blocks = permute(merged(x, [c, rows, factor, cols, factor]), [0, 1, 3, 5, 2, 4]);
    return reshape(blocks, [...x.shape.slice(0, -3), c * factor ** 2, rows, cols]);
  });
}

/**
 * Channels of `groups` groups interleaved: channel i of group g becomes channel i · groups + g.
 * @param x - [N, C, …]
 * @example
 * channelShuffle(arange(4).reshape([1, 4, 1]), 2); // [[[0], [2], [1], [3]]]
 */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  checkPixels('channelShuffle', x, 3);
  checkFactor('channelShuffle', 'groups', groups);
  const [n, c, ...rest] = x.shape as [number, number, ...number[]];
  if (c % groups !== 0) throw shapeError('channelShuffle', `groups ${groups} must divide ${c} channels`);
  const size = rest.reduce((a, b) => a * b, 1);
  return tidy(() => reshape(permute(reshape(x, [n, groups, c / groups, size]), [0, 2, 1, 3]), x.shape));
}
