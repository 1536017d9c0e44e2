// Which elements are in a set, and which sets elements make.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { computeDtype, promote } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { empty, full } from './creation.ts';
import { triuIndices } from './grids.ts';
import { logicalNot } from './logic.ts';
import { searchsorted } from './search.ts';
import { requireTensor } from './shared.ts';
import { sort } from './sort.ts';
import { take } from './take.ts';
import { clampMax } from './ternary.ts';
import { reshape, transpose, unsqueeze } from './view.ts';

export interface IsinOptions {
  /** Give which elements are not in the set. */
  readonly invert?: boolean | undefined;
}

/**
 * Whether each element of `x` equals one of `set`; NaN equals nothing.
 * @param set - a tensor of any shape, or one number
 * @returns bool of the shape of `x`
 * @example
 * isin(tensor([[1, 2], [3, 4]]), tensor([2, 3])); // [[false, true], [true, false]]
 */
export function isin(x: Tensor, set: Tensor | number, options: IsinOptions = {}): Tensor<'bool'> {
  requireTensor('isin', x);
  checkOptions('isin', options);
  const { invert = false } = options;
  if (typeof invert !== 'boolean')
    throw argumentError('isin', `invert must be true or false, got ${formatValue(invert)}`);
  if (!(set instanceof Tensor) && typeof set !== 'number')
    throw argumentError('isin', `the set must be a tensor or a number, got ${formatValue(set)}`);
  checkArguments('isin', [x, set]);
  return tidy(() => {
    const found = set instanceof Tensor ? among(x, set) : eq(x, set);
    return invert ? logicalNot(found) : found;
  }) as Tensor<'bool'>;
}

function among(x: Tensor, set: Tensor): Tensor {
  if (set.size === 0) return full(x.shape, 0, { dtype: 'bool', device: x.device });
  const met = promote(x.dtype, set.dtype);
  const common: DType = met === 'bool' ? 'uint8' : computeDtype[met];
  const values = castTo(x, common);
  const sorted = sort(castTo(reshape(set, [set.size]), common), 0)[0];
  // Where a value would stand in the sorted set, it stands if it is there; NaN would stand behind all.
  const place = clampMax(searchsorted(sorted, values), set.size - 1);
  return eq(take(sorted, place), values);
}

export interface CombinationsOptions {
  /** Whether an element may be chosen more than once. */
  readonly withReplacement?: boolean | undefined;
}

/** How many ways there are to choose `r` of `n`. */
function waysToChoose(n: number, r: number): number {
  let ways = 1;
  for (let i = 1; i <= r; i++) ways = Math.round((ways * (n - r + i)) / i);
  return r > n ? 0 : ways;
}

/** Every ascending choice of `r` indices below `n`, in lexical order; never descending with replacement. */
function choices(ways: number, n: number, r: number, replace: boolean): Int32Array {
  const rows = new Int32Array(ways * r);
  const current = Array.from({ length: r }, (_, i) => (replace ? 0 : i));
  for (let row = 0; row < ways; row++) {
    rows.set(current, row * r);
    let i = r - 1;
    const most = (at: number): number => (replace ? n - 1 : n - r + at);
    while (i >= 0 && current[i] === most(i)) i--;
    if (i < 0) break;
    const next = (current[i] as number) + 1;
    for (let j = i; j < r; j++) current[j] = replace ? next : next + (j - i);
  }
  return rows;
}

/**
 * Every choice of `r` elements of a vector, in the order of their places.
 * @param x - [n]
 * @returns [choices, r]; [0] for r = 0
 * @example
 * combinations(tensor([1, 2, 3])); // [[1, 2], [1, 3], [2, 3]]
 */
export function combinations<D extends DType>(x: Tensor<D>, r = 2, options: CombinationsOptions = {}): Tensor<D> {
  requireTensor('combinations', x);
  checkArguments('combinations', [x]);
  checkOptions('combinations', options);
  if (x.rank !== 1) throw shapeError('combinations', `wants one axis, got shape ${formatShape(x.shape)}`);
  const { withReplacement = false } = options;
  if (typeof withReplacement !== 'boolean')
    throw argumentError('combinations', `withReplacement must be true or false, got ${formatValue(withReplacement)}`);
  if (!Number.isSafeInteger(r) || r < 0 || r > 1e6)
    throw argumentError('combinations', `r must be an integer from 0 to 1000000, got ${formatValue(r)}`);
  const { size: n, device } = x;
  if (r === 0) return empty([0], { dtype: x.dtype, device });
  const ways = waysToChoose(withReplacement && n > 0 ? n + r - 1 : n, r);
  checkedNumel('combinations', [ways, r]);
  return tidy(() => {
    if (r === 1) return unsqueeze(x, 1);
    if (r === 2) return take(x, transpose(triuIndices(n, n, { offset: withReplacement ? 0 : 1, device })));
    // Reserved first, so that what does not fit is refused before it is counted out.
    const places = empty([ways, r], { dtype: 'int32', device });
    const order = tensor(choices(ways, n, r, withReplacement), { shape: places.shape, device });
    return take(x, order);
  }) as Tensor<D>;
}
