// Attention one query and one key at a time.
import { broadcastAt, build, type NDArray, read } from './ndarray.ts';

export interface AttentionReference {
  readonly isCausal?: boolean;
  readonly scale?: number;
  readonly window?: readonly [number, number];
  readonly enableGqa?: boolean;
  readonly maskIsBool?: boolean;
}

/** The weights of one query, zeros where it sees nothing, and the logarithm of their sum before scaling. */
function weightsOf(scores: number[]): { weights: number[]; lse: number } {
  const top = Math.max(...scores, -Infinity);
  if (top === -Infinity) return { weights: scores.map(() => 0), lse: -Infinity };
  const terms = scores.map((score) => Math.exp(score - top));
  const sum = terms.reduce((a, b) => a + b, 0);
  return { weights: terms.map((term) => term / sum), lse: top + Math.log(sum) };
}

/** [result, lse] for q [..., H, S, D] or [S, D], with k and v broadcast to its leading axes. */
export function attention(
  q: NDArray,
  k: NDArray,
  v: NDArray,
  mask: NDArray | null = null,
  alibi: NDArray | null = null,
  { isCausal = false, scale, window = [-1, -1], enableGqa = false, maskIsBool = true }: AttentionReference = {},
): [NDArray, NDArray] {
  const depth = read(q.shape, q.rank - 1);
  const keys = read(k.shape, k.rank - 2);
  const factor = scale ?? 1 / Math.sqrt(depth);
  const group = enableGqa ? read(q.shape, q.rank - 3) / read(k.shape, k.rank - 3) : 1;
  const rank = Math.max(q.rank, k.rank, v.rank);
  const lead = Array.from({ length: rank - 2 }, (_, axis) => {
    const sizes = [q, k, v].map((t) => t.shape[axis - rank + t.rank] ?? 1);
    return enableGqa && axis === rank - 3 ? read(q.shape, q.rank - 3) : (sizes.find((size) => size !== 1) ?? 1);
  });
  const rowOf = (index: readonly number[]): { weights: number[]; lse: number; at: (j: number) => number[] } => {
    const i = read(index, index.length - 1);
    const outer = index.slice(0, -1);
    const own = outer.map((at, axis) => (axis === outer.length - 1 ? Math.floor(at / group) : at));
    const scores = Array.from({ length: keys }, (_, j) => {
      if (isCausal && j > i) return -Infinity;
      if (window[0] >= 0 && j < i - window[0]) return -Infinity;
      if (window[1] >= 0 && j > i + window[1]) return -Infinity;
      let dot = 0;
      for (let d = 0; d < depth; d++) dot += broadcastAt(q, [...outer, i, d]) * broadcastAt(k, [...own, j, d]);
      let score = dot * factor;
      if (alibi !== null) score -= read(alibi.data, read(outer, outer.length - 1)) * Math.abs(i - j);
      if (mask === null) return score;
      const given = broadcastAt(mask, [...outer, i, j]);
      return maskIsBool ? (given !== 0 ? score : -Infinity) : score + given;
    });
    return { ...weightsOf(scores), at: (j) => [...own, j] };
  };
  const rows = read(q.shape, q.rank - 2);
  const width = read(v.shape, v.rank - 1);
  const cache = new Map<string, ReturnType<typeof rowOf>>();
  const cached = (index: readonly number[]): ReturnType<typeof rowOf> => {
    const key = index.join();
    const found = cache.get(key) ?? rowOf(index);
    cache.set(key, found);
    return found;
  };
  const result = build([...lead, rows, width], (index) => {
    const { weights, at } = cached(index.slice(0, -1));
    const column = read(index, index.length - 1);
    return weights.reduce((sum, w, j) => sum + (w === 0 ? 0 : w * broadcastAt(v, [...at(j), column])), 0);
  });
  return [result, build([...lead, rows], (index) => cached(index).lse)];
}
