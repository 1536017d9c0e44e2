// Lookups and rotations, one element at a time.
import { broadcastAt, build, type NDArray, read } from './ndarray.ts';

export function embedding(indices: NDArray, weight: NDArray): NDArray {
  return build([...indices.shape, read(weight.shape, 1)], (index) =>
    weight.at(indices.at(...index.slice(0, -1)), read(index, index.length - 1)),
  );
}

export interface BagReference {
  readonly offsets?: readonly number[];
  readonly mode?: 'sum' | 'mean' | 'max';
  readonly paddingIdx?: number;
  readonly includeLastOffset?: boolean;
}

export function embeddingBag(
  indices: NDArray,
  weight: NDArray,
  scales: NDArray | null,
  { offsets, mode = 'mean', paddingIdx, includeLastOffset = false }: BagReference,
): NDArray {
  const rows = read(weight.shape, 0);
  const padding = paddingIdx === undefined ? -1 : paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  const length = indices.rank === 2 ? read(indices.shape, 1) : 0;
  const starts = offsets ?? Array.from({ length: read(indices.shape, 0) }, (_, i) => i * length);
  const bags = includeLastOffset ? starts.length - 1 : starts.length;
  return build([bags, read(weight.shape, 1)], ([bag = 0, column = 0]) => {
    const end = bag + 1 < bags ? read(starts, bag + 1) : indices.size;
    const values: number[] = [];
    for (let i = read(starts, bag); i < end; i++) {
      const row = read(indices.data, i);
      if (row !== padding) values.push(weight.at(row, column) * (scales === null ? 1 : read(scales.data, i)));
    }
    if (values.length === 0) return 0;
    if (mode === 'max') return Math.max(...values);
    const total = values.reduce((a, b) => a + b, 0);
    return mode === 'mean' ? total / values.length : total;
  });
}

export function rope(
  x: NDArray,
  positions: NDArray | null = null,
  { base = 10000, interleaved = false }: { readonly base?: number; readonly interleaved?: boolean } = {},
): NDArray {
  const size = read(x.shape, x.rank - 1);
  const half = size / 2;
  return build(x.shape, (index) => {
    const rows = index.slice(0, -1);
    const column = read(index, index.length - 1);
    const pair = interleaved ? Math.floor(column / 2) : column % half;
    const first = interleaved ? column % 2 === 0 : column < half;
    const position = positions === null ? read(rows, rows.length - 1) : broadcastAt(positions, rows);
    const angle = position * base ** ((-2 * pair) / size);
    const a = x.at(...rows, interleaved ? 2 * pair : pair);
    const b = x.at(...rows, interleaved ? 2 * pair + 1 : pair + half);
    return first ? a * Math.cos(angle) - b * Math.sin(angle) : b * Math.cos(angle) + a * Math.sin(angle);
  });
}
