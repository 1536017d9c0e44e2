// float16 and bfloat16 from their definition alone: a table of every number, and the nearest of them found by search.

interface Format {
  readonly exponent: number;
  readonly mantissa: number;
}

export const formats: Readonly<Record<'float16' | 'bfloat16', Format>> = {
  float16: { exponent: 5, mantissa: 10 },
  bfloat16: { exponent: 8, mantissa: 7 },
};

/** The number 16 bits stand for, by IEEE 754's words. */
export function decode(bits: number, { exponent, mantissa }: Format): number {
  const text = bits.toString(2).padStart(16, '0');
  const sign = text[0] === '1' ? -1 : 1;
  const power = Number.parseInt(text.slice(1, 1 + exponent), 2);
  const fraction = Number.parseInt(text.slice(1 + exponent), 2);
  const bias = 2 ** (exponent - 1) - 1;
  if (power === 2 ** exponent - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (power === 0) return sign * (fraction / 2 ** mantissa) * 2 ** (1 - bias);
  return sign * (1 + fraction / 2 ** mantissa) * 2 ** (power - bias);
}

function positives(format: Format): Float64Array {
  const infinite = (2 ** format.exponent - 1) * 2 ** format.mantissa;
  return Float64Array.from({ length: infinite }, (_, bits) => decode(bits, format));
}

const tables = { float16: positives(formats.float16), bfloat16: positives(formats.bfloat16) };

/** The bits of the number nearest to `x`; of two equally near ones that with an even last bit. NaN gives a quiet NaN. */
export function encode(x: number, dtype: 'float16' | 'bfloat16'): number {
  const table = tables[dtype];
  const { exponent, mantissa } = formats[dtype];
  if (Number.isNaN(x)) return (2 ** exponent - 1) * 2 ** mantissa + 2 ** (mantissa - 1);
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  let low = 0;
  let high = table.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((table[middle] as number) <= size) low = middle;
    else high = middle - 1;
  }
  // What follows the largest number is infinity; roundings act as if the exponent went on.
  const below = table[low] as number;
  const above = low + 1 < table.length ? (table[low + 1] as number) : 2 * below - (table[low - 1] as number);
  const nearer = size - below - (above - size);
  return sign + (nearer > 0 || (nearer === 0 && low % 2 === 1) ? low + 1 : low);
}
