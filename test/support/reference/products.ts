// Products of tensors by their definitions: one loop over every index of the result and of what is summed.
import { build, NDArray, read } from './ndarray.ts';

/** einsum with letters only: every combination of indices, one product each. `sizes` of size-1 axes broadcast. */
export function einsum(equation: string, ...operands: NDArray[]): NDArray {
  const [left = '', right] = equation.replace(/\s/g, '').split('->');
  const terms = left.split(',').map((term, i) => expand(term, operands[i]?.rank ?? 0));
  const all = terms.join('');
  const hidden = [...new Set(all.replace(/[^A-Z]/g, ''))].sort();
  const implicit = [...all].filter((c) => c === c.toLowerCase() && all.indexOf(c) === all.lastIndexOf(c)).sort();
  const result = right === undefined ? [...hidden, ...implicit].join('') : right.replace('...', hidden.join(''));
  const size = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    for (const [axis, c] of [...term].entries()) {
      const own = read(operands[i]?.shape ?? [], axis);
      if (own !== 1 || !size.has(c)) size.set(c, own);
    }
  }
  const summed = [...size.keys()].filter((c) => !result.includes(c));
  const sizesOf = (letters: string | string[]): number[] => [...letters].map((c) => size.get(c) as number);
  return build(sizesOf(result), (index) => {
    let total = 0;
    build(sizesOf(summed), (inner) => {
      const at = new Map([...result].map((c, i) => [c, read(index, i)]));
      summed.forEach((c, i) => {
        at.set(c, read(inner, i));
      });
      let product = 1;
      terms.forEach((term, i) => {
        const x = operands[i] as NDArray;
        product *= x.at(...[...term].map((c, axis) => (x.shape[axis] === 1 ? 0 : (at.get(c) as number))));
      });
      total += product;
      return 0;
    });
    return total;
  });
}

/** Ellipses as capital letters, the last axis Z. */
function expand(term: string, rank: number): string {
  const hidden = rank - term.replace('...', '').length;
  const letters = Array.from({ length: hidden }, (_, i) => String.fromCharCode(90 - hidden + 1 + i)).join('');
  return term.replace('...', letters);
}

const letters = (count: number, from: number): string =>
  Array.from({ length: count }, (_, i) => String.fromCharCode(97 + from + i)).join('');

export function tensordot(a: NDArray, b: NDArray, axes: number | [number | number[], number | number[]] = 2): NDArray {
  const [fromA, fromB] =
    typeof axes === 'number'
      ? [Array.from({ length: axes }, (_, i) => a.rank - axes + i), Array.from({ length: axes }, (_, i) => i)]
      : [[axes[0]].flat().map((i) => (i + a.rank) % a.rank), [axes[1]].flat().map((i) => (i + b.rank) % b.rank)];
  const left = letters(a.rank, 0);
  const right = [...letters(b.rank, a.rank)];
  fromB.forEach((axis, i) => {
    right[axis] = left[fromA[i] as number] as string;
  });
  const freeA = [...left].filter((_, i) => !fromA.includes(i));
  const freeB = right.filter((_, i) => !fromB.includes(i));
  return einsum(`${left},${right.join('')}->${freeA.join('')}${freeB.join('')}`, a, b);
}

export function kron(a: NDArray, b: NDArray): NDArray {
  const rank = Math.max(a.rank, b.rank);
  const pad = (x: NDArray): NDArray => new NDArray([...new Array(rank - x.rank).fill(1), ...x.shape], x.data);
  const [x, y] = [pad(a), pad(b)];
  return build(
    x.shape.map((size, i) => size * read(y.shape, i)),
    (index) =>
      x.at(...index.map((k, i) => Math.floor(k / read(y.shape, i)))) *
      y.at(...index.map((k, i) => k % read(y.shape, i))),
  );
}
