import { argumentError } from '../errors.ts';
import { formatValue } from './values.ts';

const modes = ['strict', 'highest', 'high', 'medium'] as const;

/** How exactly products of float32 are computed, from plain arithmetic to that of bfloat16. */
export type Float32Precision = (typeof modes)[number];

let code: number = modes.indexOf('highest');

/**
 * Sets how exactly matrix products and convolutions of float32 are computed from now on, in this thread, gradients
 * included. `'strict'` is plain float32 arithmetic; `'highest'`, the default, is as exact; `'high'` lets a device round the
 * factors to TF32 (10 bits behind the point instead of 23) and `'medium'` to bfloat16 (7 bits): a GPU then multiplies many
 * times faster. Sums are float32 in each. What was captured keeps the mode of its capture.
 *
 * On the CPU products are plain in every mode. Convolutions of 3×3 taps with stride 1 or 2, and of 5×5 taps, add before they
 * multiply (Winograd's method) unless the mode is `'strict'`: in `'highest'` errors are about those of the plain sum, in the
 * other two those of 3×3 and stride 1 are up to four times as large and the convolution up to three times as fast. Errors are then relative to the largest
 * values within five pixels, and a NaN or an infinity among them reaches results that the plain sum would keep finite.
 * @throws ERR_ARGUMENT for another mode
 * @example
 * setFloat32Precision('high');
 * getFloat32Precision(); // 'high'
 * setFloat32Precision('highest');
 */
export function setFloat32Precision(mode: Float32Precision): void {
  const found = modes.indexOf(mode);
  if (found < 0) {
    throw argumentError(
      'setFloat32Precision',
      `wanted ${modes.map((each) => `'${each}'`).join(', ')}, got ${formatValue(mode)}`,
    );
  }
  code = found;
}

/** What `setFloat32Precision` has set. */
export function getFloat32Precision(): Float32Precision {
  return modes[code] as Float32Precision;
}

/** The number kernels know the mode by: Precision in native/ops/precision.h. @internal */
export function precisionCode(): number {
  return code;
}
