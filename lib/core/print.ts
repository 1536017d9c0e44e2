import type { DType } from './dtype.ts';
import { isFloat } from './dtype.ts';
import type { Shape } from './shape.ts';

const edge = 3; // rows kept at each end of a long axis
const limit = 1000; // tensors with more elements are summarised
const width = 75;

type Value = number | bigint;

/** Text of a tensor in NumPy's manner, with the dtype named when it is not float32. */
export function formatTensor(data: ArrayLike<Value>, dtype: DType, shape: Shape): string {
  const size = shape.reduce((product, each) => product * each, 1);
  const suffix = dtype === 'float32' ? '' : `, ${dtype}`;
  if (size === 0) return `tensor([], shape=[${shape.join(', ')}]${suffix})`;
  const short = size > limit;
  const shown: Value[] = [];
  visit(shape, short, (index) => shown.push(data[index] as Value));
  const format = formatter(shown, dtype);
  const pad = Math.max(...shown.map((value) => format(value).length));
  const body = block(data, shape, short, 0, 0, (value) => format(value).padStart(shape.length === 0 ? 0 : pad), 7);
  return `tensor(${body}${suffix})`;
}

function indices(size: number, short: boolean): (number | null)[] {
  if (!short || size <= 2 * edge) return Array.from({ length: size }, (_, i) => i);
  return [0, 1, 2, null, size - 3, size - 2, size - 1];
}

function visit(shape: Shape, short: boolean, see: (index: number) => void, axis = 0, at = 0): void {
  if (axis === shape.length) {
    see(at);
    return;
  }
  const size = shape[axis] as number;
  for (const i of indices(size, short)) if (i !== null) visit(shape, short, see, axis + 1, at * size + i);
}

function block(
  data: ArrayLike<Value>,
  shape: Shape,
  short: boolean,
  axis: number,
  at: number,
  format: (value: Value) => string,
  indent: number,
): string {
  if (axis === shape.length) return format(data[at] as Value);
  const size = shape[axis] as number;
  const parts = indices(size, short).map((i) =>
    i === null ? '...' : block(data, shape, short, axis + 1, at * size + i, format, indent + 1),
  );
  if (axis < shape.length - 1) {
    const gap = `,${'\n'.repeat(shape.length - axis - 1)}${' '.repeat(indent + 1)}`;
    return `[${parts.join(gap)}]`;
  }
  const lines: string[] = [];
  let line = '';
  for (const [i, part] of parts.entries()) {
    const piece = i < parts.length - 1 ? `${part}, ` : part;
    if (line.length > 0 && indent + line.length + piece.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += piece;
  }
  lines.push(line);
  return `[${lines.join(`\n${' '.repeat(indent + 1)}`)}]`;
}

/** One format for all elements shown: as few decimals as they need, at most four, or scientific for a wide range. */
function formatter(values: readonly Value[], dtype: DType): (value: Value) => string {
  if (dtype === 'bool') return (value) => (value ? 'true' : 'false');
  if (!isFloat(dtype)) return String;
  const numbers = values.map(Number).filter(Number.isFinite);
  const sizes = numbers.filter((x) => x !== 0).map(Math.abs);
  const largest = Math.max(0, ...sizes);
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...sizes);
  const special = (x: number) => (Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf');
  if (
    largest >= 1e8 ||
    (sizes.length > 0 && (smallest < 1e-4 || largest / smallest > 1e5) && !numbers.every(Number.isInteger))
  ) {
    return (value) => (Number.isFinite(Number(value)) ? scientific(Number(value)) : special(Number(value)));
  }
  const decimals = Math.max(0, ...numbers.map((x) => x.toFixed(4).replace(/0+$/, '').split('.')[1]?.length ?? 0));
  return (value) => {
    const x = Number(value);
    if (!Number.isFinite(x)) return special(x);
    if (decimals === 0) return `${x.toFixed(0)}.`;
    const text = x.toFixed(decimals);
    return text.replace(/0+$/, '').padEnd(text.length);
  };
}

function scientific(x: number): string {
  return x.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2');
}
