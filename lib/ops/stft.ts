// Short-time Fourier transforms: spectra of overlapping windows of a signal, and the signal back from them.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul } from './binary.ts';
import { ones, zeros } from './creation.ts';
import { fft, irfft, rfft } from './fft.ts';
import { index } from './index-select.ts';
import { cat, stack } from './join.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { square } from './unary.ts';
import { narrow, reshape, squeeze, transpose, unsqueeze } from './view.ts';

/** Rows of frames added at their places in a signal; the reverse of reading them by index. */
const overlapAdd = defineOp({
  name: 'overlapAdd',
  infer: (frames: Spec, _places: Spec, length: number): Spec => ({
    shape: [length, ...frames.shape.slice(1)],
    dtype: frames.dtype,
  }),
  forward: (ctx, frames, places) => {
    kernels.fill(ctx.out, 0);
    kernels.indexAdd(ctx.out, places, frames);
  },
  backward: (ctx, dy): Gradients => [index(dy, ctx.args[1]), null, null],
  saves: [1],
});

interface Framing {
  readonly hop: number;
  readonly window: Tensor;
}

export interface FramingOptions {
  /** Samples from one window to the next, a quarter of nFft by default. */
  readonly hopLength?: number | undefined;
  /** Length of the window, nFft by default; a shorter one is centred in zeros. */
  readonly winLength?: number | undefined;
  /** [winLength] factors; ones by default. */
  readonly window?: Tensor | null | undefined;
  /** Windows are centred on multiples of the hop (true, the default), or begin there. */
  readonly center?: boolean | undefined;
  /** Divide by √nFft. */
  readonly normalized?: boolean | undefined;
  /** Only the ⌊nFft / 2⌋ + 1 frequencies a real signal needs; true by default. */
  readonly onesided?: boolean | undefined;
}

export interface StftOptions extends FramingOptions {
  /** What stands before and after the signal with `center`: 'reflect' by default. */
  readonly padMode?: 'reflect' | 'constant' | 'replicate' | 'circular' | undefined;
}

export interface IstftOptions extends FramingOptions {
  /** Samples of the result: what the frames cover by default. */
  readonly length?: number | undefined;
}

function positive(op: string, name: string, value: unknown, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw argumentError(op, `${name} must be an integer in [1, ${most}], got ${formatValue(value)}`);
}

function framing(op: string, x: Tensor, nFft: number, options: FramingOptions): Framing {
  checkOptions(op, options);
  positive(op, 'nFft', nFft, 2 ** 31 - 1);
  for (const name of ['center', 'normalized', 'onesided'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw argumentError(op, `${name} must be true or false, got ${formatValue(value)}`);
    }
  }
  const hop = positive(op, 'hopLength', options.hopLength ?? Math.max(1, Math.floor(nFft / 4)), 2 ** 31 - 1);
  const length = positive(op, 'winLength', options.winLength ?? nFft, nFft);
  const { window } = options;
  if (window != null) {
    requireTensor(op, window, 'window');
    checkArguments(op, [x, window]);
    requireSameDtype(op, x, window);
    if (window.rank !== 1 || window.shape[0] !== length) {
      throw shapeError(op, `window must be [${length}], got ${formatShape(window.shape)}`);
    }
  }
  const like = { dtype: x.dtype, device: x.device };
  const own = window ?? ones([length], like);
  const left = Math.floor((nFft - length) / 2);
  const wide = length === nFft ? own : cat([zeros([left], like), own, zeros([nFft - length - left], like)]);
  return { hop, window: wide };
}

/** Where sample `i` of the padded signal lies in one of `length`; `length` itself stands for a zero. */
function source(i: number, length: number, mode: string): number {
  if (i >= 0 && i < length) return i;
  switch (mode) {
    case 'reflect':
      return i < 0 ? -i : 2 * (length - 1) - i;
    case 'replicate':
      return i < 0 ? 0 : length - 1;
    case 'circular':
      return (i + length) % length;
    default:
      return length;
  }
}

function checkPadding(length: number, pad: number, mode: unknown): void {
  const limits: Record<string, number> = {
    reflect: length - 1,
    replicate: Infinity,
    circular: length,
    constant: Infinity,
  };
  const limit = typeof mode === 'string' && Object.hasOwn(limits, mode) ? (limits[mode] as number) : undefined;
  if (limit === undefined) {
    throw argumentError('stft', `padMode must be one of ${Object.keys(limits).join(', ')}, got ${formatValue(mode)}`);
  }
  if (pad > limit || (length === 0 && mode !== 'constant')) {
    throw shapeError('stft', `a signal of ${length} samples is too short for ${pad} of padding by ${mode}`);
  }
}

/**
 * Spectra of windows along a signal: x[t · hop + j] · window[j], transformed over j.
 * @param x - [L] or [B, L]
 * @param nFft - samples of one window
 * @returns [F, T, 2] or [B, F, T, 2]: frequencies, windows, real and imaginary parts
 * @example
 * stft(ones([16]), 8).shape; // [5, 9, 2]
 */
export function stft(x: Tensor, nFft: number, options: StftOptions = {}): Tensor {
  requireTensor('stft', x);
  requireFloat('stft', x);
  if (x.rank !== 1 && x.rank !== 2) throw shapeError('stft', `wants [L] or [B, L], got ${formatShape(x.shape)}`);
  return tidy(() => {
    const { hop, window } = framing('stft', x, nFft, options);
    const { center = true, padMode = 'reflect', normalized = false, onesided = true } = options;
    const length = x.shape.at(-1) as number;
    const pad = center ? Math.floor(nFft / 2) : 0;
    if (center) checkPadding(length, pad, padMode);
    if (length + 2 * pad < nFft) {
      throw shapeError('stft', `a signal of ${length} samples is shorter than a window of ${nFft}`);
    }
    const count = 1 + Math.floor((length + 2 * pad - nFft) / hop);
    const places = tensor(
      Int32Array.from({ length: count * nFft }, (_, i) =>
        source(Math.floor(i / nFft) * hop + (i % nFft) - pad, length, padMode),
      ),
      { device: x.device },
    );
    const rows = x.rank === 1 ? unsqueeze(x, 0) : x;
    const batch = rows.shape[0] as number;
    const like = { dtype: x.dtype, device: x.device };
    const padded = center && padMode === 'constant' ? cat([rows, zeros([batch, 1], like)], 1) : rows;
    const frames = mul(reshape(index(padded, places, 1), [batch, count, nFft]), window);
    const norm = normalized ? 'ortho' : 'backward';
    const spectra = onesided ? rfft(frames, { norm }) : fft(stack([frames, zeros(frames.shape, like)], -1), { norm });
    const result = transpose(spectra, 1, 2);
    return x.rank === 1 ? squeeze(result, 0) : result;
  });
}

/**
 * The signal whose `stft` is x, in the sense of least squares: inverse transforms are windowed, added where they lie and
 * divided by the sum of the squared windows, which must not vanish.
 * @param x - [F, T, 2] or [B, F, T, 2]
 * @param nFft - samples of one window
 * @returns [L] or [B, L]
 * @example
 * istft(stft(ones([16]), 8), 8).shape; // [16]
 */
export function istft(x: Tensor, nFft: number, options: IstftOptions = {}): Tensor {
  requireTensor('istft', x);
  requireFloat('istft', x);
  if ((x.rank !== 3 && x.rank !== 4) || x.shape.at(-1) !== 2) {
    throw shapeError('istft', `wants [F, T, 2] or [B, F, T, 2], got ${formatShape(x.shape)}`);
  }
  return tidy(() => {
    const { hop, window } = framing('istft', x, nFft, options);
    const { center = true, normalized = false, onesided = true, length } = options;
    const wanted = onesided ? Math.floor(nFft / 2) + 1 : nFft;
    const [bins, count] = [x.shape.at(-3), x.shape.at(-2) as number];
    if (bins !== wanted || count === 0) {
      throw shapeError('istft', `wants ${wanted} frequencies and a window or more, got ${formatShape(x.shape)}`);
    }
    const batched = x.rank === 3 ? unsqueeze(x, 0) : x;
    const spectra = transpose(batched, 1, 2);
    const norm = normalized ? 'ortho' : 'backward';
    // A real signal's other frequencies are the mirror of these: they are not read.
    const frames = irfft(narrow(spectra, 2, 0, Math.floor(nFft / 2) + 1), { n: nFft, norm });
    const whole = nFft + hop * (count - 1);
    const places = tensor(
      Int32Array.from({ length: count * nFft }, (_, i) => Math.floor(i / nFft) * hop + (i % nFft)),
      { device: x.device },
    );
    const batch = batched.shape[0] as number;
    const rows = transpose(reshape(mul(frames, window), [batch, count * nFft]), 0, 1);
    const signal = overlapAdd(rows, places, whole);
    const squares = reshape(mul(ones([count, 1], { dtype: x.dtype, device: x.device }), square(window)), [
      count * nFft,
    ]);
    const envelope = unsqueeze(overlapAdd(squares, places, whole), 1);
    const start = center ? Math.floor(nFft / 2) : 0;
    const covered = whole - start - (center && length === undefined ? Math.floor(nFft / 2) : 0);
    const total = length === undefined ? covered : positive('istft', 'length', length, 2 ** 31 - 1);
    const kept = Math.min(total, covered);
    if (kept <= 0) throw shapeError('istft', `${count} windows of ${nFft} leave nothing between their centres`);
    const part = div(narrow(signal, 0, start, kept), narrow(envelope, 0, start, kept));
    const rest = zeros([total - kept, batch], { dtype: x.dtype, device: x.device });
    const result = transpose(total > kept ? cat([part, rest]) : part, 0, 1);
    return x.rank === 3 ? squeeze(result, 0) : result;
  });
}
