// Contractions named by letters or axes, brought to matrix products by permuting and merging axes.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, maxRank, normalizeAxis, numelOf } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { mul } from './binary.ts';
import { matmul } from './matmul.ts';
import { diagonalOf } from './matrix-parts.ts';
import { sumOver } from './reduce.ts';
import { requireTensor } from './shared.ts';
import { permute, reshape } from './view.ts';

/** A tensor whose axes have names. */
interface Named {
  readonly t: Tensor;
  readonly axes: readonly string[];
}

const sizeOf = ({ t, axes }: Named, axis: string): number => t.shape[axes.indexOf(axis)] as number;

/** The axes of `from` in the order of `axes`, which names each of them once. */
function ordered({ t, axes: from }: Named, axes: readonly string[]): Tensor {
  if (axes.every((axis, i) => axis === from[i])) return t;
  return permute(
    t,
    axes.map((axis) => from.indexOf(axis)),
  );
}

/** `x` summed over the axes that are not in `kept`. */
function sumAway(x: Named, kept: ReadonlySet<string>): Named {
  const gone = x.axes.flatMap((axis, i) => (kept.has(axis) ? [] : [i]));
  if (gone.length === 0) return x;
  return { t: sumOver(x.t, gone, false), axes: x.axes.filter((axis) => kept.has(axis)) };
}

/** An axis named twice becomes its diagonal. */
function withoutRepeats(x: Named): Named {
  let { t, axes } = x;
  for (let second = axes.length - 1; second > 0; second--) {
    const first = axes.indexOf(axes[second] as string);
    if (first === second) continue;
    const rest = t.shape.flatMap((_, i) => (i === first || i === second ? [] : [i]));
    t = diagonalOf(permute(t, [...rest, first, second]));
    axes = [...rest.map((i) => axes[i] as string), axes[second] as string];
    second = axes.length;
  }
  return { t, axes };
}

/** The product of `a` and `b`, summed over the axes that are not in `kept`, as one batched matrix product. */
function contract(a: Named, b: Named, kept: ReadonlySet<string>): Named {
  const shared = a.axes.filter((axis) => b.axes.includes(axis));
  const batch = shared.filter((axis) => kept.has(axis));
  const inner = shared.filter((axis) => !kept.has(axis));
  const left = sumAway(a, new Set([...kept, ...shared]));
  const right = sumAway(b, new Set([...kept, ...shared]));
  const rows = left.axes.filter((axis) => !shared.includes(axis));
  const columns = right.axes.filter((axis) => !shared.includes(axis));
  const sizes = (x: Named, axes: readonly string[]): number[] => axes.map((axis) => sizeOf(x, axis));
  const shape = [...sizes(left, batch), ...sizes(left, rows), ...sizes(right, columns)];
  if (shape.length > maxRank)
    throw shapeError('einsum', `ranks must be at most ${maxRank}, an inner result needs more`);
  const [count, m, k, n] = [
    numelOf(sizes(left, batch)),
    numelOf(sizes(left, rows)),
    numelOf(sizes(left, inner)),
    numelOf(sizes(right, columns)),
  ];
  const x = ordered(left, [...batch, ...rows, ...inner]);
  const y = ordered(right, [...batch, ...inner, ...columns]);
  const lead = batch.length > 0 ? [count] : [];
  const product =
    inner.length > 0
      ? matmul(reshape(x, [...lead, m, k]), reshape(y, [...lead, k, n]))
      : mul(reshape(x, [...lead, m, 1]), reshape(y, [...lead, 1, n]));
  return { t: reshape(product, shape), axes: [...batch, ...rows, ...columns] };
}

/** The names of one operand's axes; an ellipsis stands for numbered ones, counted from the right so that they broadcast. */
function namesOf(text: string, rank: number, equation: string): string[] {
  const [before = '', after, ...more] = text.split('...');
  const letters = [...before, ...(after ?? '')];
  if (more.length > 0 || !letters.every((each) => /[a-zA-Z]/.test(each))) {
    throw argumentError('einsum', `wants letters, one '...' at most and one '->', got ${formatValue(equation)}`);
  }
  const hidden = rank - letters.length;
  if (hidden < 0 || (after === undefined && hidden > 0)) {
    throw shapeError('einsum', `${formatValue(text)} names ${letters.length} axes of an operand of rank ${rank}`);
  }
  return [...before, ...Array.from({ length: hidden }, (_, i) => String(hidden - 1 - i)), ...(after ?? '')];
}

/** The axes of the result: those after the arrow, or the ellipsis and the letters that appear once, in order. */
function resultNames(text: string | undefined, inputs: readonly Named[], equation: string): string[] {
  const all = inputs.flatMap((x) => x.axes);
  const hidden = [...new Set(all.filter((axis) => /\d/.test(axis)))].sort((a, b) => Number(b) - Number(a));
  if (text === undefined) {
    const once = all.filter((axis) => !/\d/.test(axis) && all.indexOf(axis) === all.lastIndexOf(axis));
    return [...hidden, ...once.sort()];
  }
  const letters = text.replace('...', '').length;
  const names = namesOf(text, text.includes('...') ? letters + hidden.length : letters, equation);
  for (const [i, axis] of names.entries()) {
    if (!all.includes(axis) || names.indexOf(axis) !== i) {
      throw argumentError('einsum', `the result's ${axis} must appear in an operand and once in ${formatValue(text)}`);
    }
  }
  return names;
}

/** Axes of size 1 that meet a longer one of the same name are dropped: they broadcast. */
function agree(inputs: readonly Named[], equation: string): Named[] {
  const sizes = new Map<string, number>();
  for (const x of inputs) {
    for (const [i, axis] of x.axes.entries()) {
      const size = x.t.shape[i] as number;
      const known = sizes.get(axis) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw shapeError('einsum', `axis ${axis} has sizes ${known} and ${size} in ${formatValue(equation)}`);
      }
      if (known === 1) sizes.set(axis, size);
    }
  }
  return inputs.map(({ t, axes }) => {
    const kept = axes.flatMap((axis, i) => (t.shape[i] === sizes.get(axis) ? [i] : []));
    if (kept.length === axes.length) return { t, axes };
    return {
      t: reshape(
        t,
        kept.map((i) => t.shape[i] as number),
      ),
      axes: kept.map((i) => axes[i] as string),
    };
  });
}

/** The pair whose product grows memory least, found anew after each step. */
function bestPair(inputs: readonly Named[], result: readonly string[]): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < inputs.length; i++) {
    for (let j = i + 1; j < inputs.length; j++) {
      const [a, b] = [inputs[i] as Named, inputs[j] as Named];
      const kept = keptAxes(inputs, [i, j], result);
      const axes = [...new Set([...a.axes, ...b.axes])].filter((axis) => kept.has(axis));
      const size = numelOf(axes.map((axis) => (a.axes.includes(axis) ? sizeOf(a, axis) : sizeOf(b, axis))));
      const growth = size - a.t.size - b.t.size;
      if (growth < least) [least, best] = [growth, [i, j]];
    }
  }
  return best;
}

/** Axes somebody still needs after the operands at `pair` are multiplied. */
function keptAxes(inputs: readonly Named[], pair: readonly number[], result: readonly string[]): Set<string> {
  return new Set([...result, ...inputs.flatMap((x, k) => (pair.includes(k) ? [] : x.axes))]);
}

/**
 * Products summed over the letters that the result does not name (Einstein's convention). A letter repeated within an
 * operand reads its diagonal, `...` stands for axes that broadcast, and without `->` the result has the letters that
 * appear once, in alphabetical order. Operands are contracted in pairs, each a matrix product, the smallest results first.
 * @example
 * einsum('ij,jk->ik', tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  if (typeof equation !== 'string') {
    throw argumentError('einsum', `the equation must be a string such as 'ij,jk->ik', got ${formatValue(equation)}`);
  }
  for (const each of operands) requireTensor('einsum', each, 'operand');
  checkArguments('einsum', operands);
  const [left = '', right, ...more] = equation.replace(/\s/g, '').split('->');
  const terms = left.split(',');
  if (more.length > 0 || terms.length !== operands.length || operands.length === 0) {
    throw argumentError('einsum', `${formatValue(equation)} is for ${terms.length} operands, got ${operands.length}`);
  }
  const given = operands.map((t, i): Named => ({ t, axes: namesOf(terms[i] as string, t.rank, equation) }));
  const result = resultNames(right, given, equation);
  return tidy(() => {
    const inputs = agree(given.map(withoutRepeats), equation);
    while (inputs.length > 1) {
      const [i, j] = bestPair(inputs, result);
      const product = contract(inputs[i] as Named, inputs[j] as Named, keptAxes(inputs, [i, j], result));
      inputs.splice(j, 1);
      inputs.splice(i, 1, product);
    }
    const last = sumAway(inputs[0] as Named, new Set(result));
    const t = ordered(last, result);
    return operands.includes(t) ? reshape(t, t.shape) : t;
  });
}

/** Axes of `t` to sum over, checked. */
function axesOf(axes: unknown, t: Tensor): number[] {
  const list = typeof axes === 'number' ? [axes] : axes;
  if (!Array.isArray(list)) throw argumentError('tensordot', `axes must be integers, got ${formatValue(axes)}`);
  const result = list.map((axis: number) => normalizeAxis('tensordot', axis, t.rank));
  if (t.rank < result.length || new Set(result).size !== result.length) {
    throw shapeError('tensordot', `axes ${formatShape(list)} are not different axes of ${formatShape(t.shape)}`);
  }
  return result;
}

/**
 * Products summed over pairs of axes: the last `axes` of `a` with the first of `b`, or the listed ones of each.
 * @param axes - a count (2 by default), or [axes of a, axes of b]
 * @returns the other axes of `a`, then the other axes of `b`
 * @example
 * tensordot(ones([2, 3, 4]), ones([3, 4, 5])).shape; // [2, 5]
 */
export function tensordot(
  a: Tensor,
  b: Tensor,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): Tensor {
  requireTensor('tensordot', a, 'left');
  requireTensor('tensordot', b, 'right');
  checkArguments('tensordot', [a, b]);
  let [fromA, fromB]: [number[], number[]] = [[], []];
  if (typeof axes === 'number') {
    if (!Number.isInteger(axes) || axes < 0 || axes > Math.min(a.rank, b.rank)) {
      throw shapeError('tensordot', `cannot sum over ${formatValue(axes)} axes of ranks ${a.rank} and ${b.rank}`);
    }
    fromA = Array.from({ length: axes }, (_, i) => a.rank - axes + i);
    fromB = Array.from({ length: axes }, (_, i) => i);
  } else {
    if (!Array.isArray(axes) || axes.length !== 2) {
      throw argumentError('tensordot', `axes must be a count or [axes of a, axes of b], got ${formatValue(axes)}`);
    }
    [fromA, fromB] = [axesOf(axes[0], a), axesOf(axes[1], b)];
  }
  const sizes = (t: Tensor, list: readonly number[]): number[] => list.map((axis) => t.shape[axis] as number);
  const [inner, other] = [sizes(a, fromA), sizes(b, fromB)];
  if (inner.length !== other.length || inner.some((size, i) => size !== other[i])) {
    throw shapeError(
      'tensordot',
      `summed axes must match, ${formatShape(inner)} of ${formatShape(a.shape)} and ${formatShape(other)} of ${formatShape(b.shape)}`,
    );
  }
  const free = (t: Tensor, list: readonly number[]): number[] =>
    t.shape.flatMap((_, axis) => (list.includes(axis) ? [] : [axis]));
  const [freeA, freeB] = [free(a, fromA), free(b, fromB)];
  const shape = [...sizes(a, freeA), ...sizes(b, freeB)];
  if (shape.length > maxRank) throw shapeError('tensordot', `the result's rank must be at most ${maxRank}`);
  return tidy(() => {
    const k = numelOf(inner);
    const x = reshape(permute(a, [...freeA, ...fromA]), [numelOf(sizes(a, freeA)), k]);
    const y = reshape(permute(b, [...fromB, ...freeB]), [k, numelOf(sizes(b, freeB))]);
    return reshape(matmul(x, y), shape);
  });
}

/**
 * The product of a chain of matrices, in the order that needs the fewest multiplications; the first and the last may be
 * vectors.
 * @example
 * multiDot([ones([2, 3]), ones([3, 4]), ones([4])]); // [12, 12]
 */
export function multiDot(matrices: readonly Tensor[]): Tensor {
  if (!Array.isArray(matrices) || matrices.length < 2) {
    throw argumentError('multiDot', `wants an array of two or more matrices, got ${formatValue(matrices)}`);
  }
  const list = matrices as readonly Tensor[];
  for (const [i, each] of list.entries()) {
    requireTensor('multiDot', each, 'matrix');
    const end = i === 0 || i === list.length - 1;
    if (each.rank === 2 || (end && each.rank === 1)) continue;
    throw shapeError('multiDot', `wants matrices (vectors at the ends), got ${formatShape(each.shape)} at ${i}`);
  }
  checkArguments('multiDot', list);
  const first = list[0] as Tensor;
  // sizes[i], sizes[i + 1]: the shape of matrix i.
  const sizes = [first.rank === 1 ? 1 : (first.shape[0] as number)];
  for (const [i, each] of list.entries()) {
    const rows = i === 0 && each.rank === 1 ? 1 : (each.shape[0] as number);
    if (rows !== sizes[i]) {
      throw shapeError('multiDot', `${formatShape(each.shape)} at ${i} does not fit its left neighbour's ${sizes[i]}`);
    }
    sizes.push(each.rank === 1 ? (i === 0 ? (each.shape[0] as number) : 1) : (each.shape[1] as number));
  }
  const cut = cheapestCuts(sizes);
  const product = (from: number, to: number): Tensor => {
    if (from === to) return list[from] as Tensor;
    const at = cut(from, to);
    return matmul(product(from, at), product(at + 1, to));
  };
  return tidy(() => product(0, list.length - 1));
}

/** Where to split the chain from i to j so that the multiplications are fewest: dynamic programming over lengths. */
function cheapestCuts(sizes: readonly number[]): (from: number, to: number) => number {
  const n = sizes.length - 1;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const cuts = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length;
      let least = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const work =
          (cost[i]?.[k] as number) +
          (cost[k + 1]?.[j] as number) +
          (sizes[i] as number) * (sizes[k + 1] as number) * (sizes[j + 1] as number);
        if (work < least) {
          least = work;
          (cost[i] as number[])[j] = work;
          (cuts[i] as number[])[j] = k;
        }
      }
    }
  }
  return (from, to) => cuts[from]?.[to] as number;
}

export { multiDot as chainMatmul };
