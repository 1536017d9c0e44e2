// What x.at(…) names, element by element: positions in x for every element of the result.
import { broadcastAt, broadcastShapes, forEachIndex, NDArray, offsetOf, read } from './ndarray.ts';

/** As the arguments of at(), with tensors as arrays of positions or masks. */
export type ModelIndex =
  | number
  | readonly (number | null)[]
  | ':'
  | '...'
  | null
  | { readonly positions: NDArray }
  | { readonly mask: NDArray };

type Item =
  | { kind: 'fixed'; axis: number; at: number }
  | { kind: 'new' }
  | { kind: 'list'; axis: number; list: number[] }
  | { kind: 'tensor'; axis: number; positions: NDArray };

function listOf(range: readonly (number | null)[], size: number): number[] {
  const step = range[2] ?? 1;
  const fix = (value: number): number => (value < 0 ? value + size : value);
  const list: number[] = [];
  if (step > 0) {
    const stop = Math.min(size, range[1] == null ? size : fix(range[1]));
    for (let i = Math.max(0, range[0] == null ? 0 : fix(range[0])); i < stop; i += step) list.push(i);
  } else {
    const stop = Math.max(-1, range[1] == null ? -1 : fix(range[1]));
    for (let i = Math.min(size - 1, range[0] == null ? size - 1 : fix(range[0])); i > stop; i += step) list.push(i);
  }
  return list;
}

function itemsOf(shape: readonly number[], indices: readonly ModelIndex[]): Item[] {
  const taken = (each: ModelIndex): number =>
    each === null || each === '...' ? 0 : typeof each === 'object' && 'mask' in each ? each.mask.rank : 1;
  const rest = shape.length - indices.reduce<number>((sum, each) => sum + taken(each), 0);
  const items: Item[] = [];
  let axis = 0;
  const whole = (count: number): void => {
    for (let k = 0; k < count; k++, axis++) items.push({ kind: 'list', axis, list: listOf([], read(shape, axis)) });
  };
  for (const each of indices) {
    const size = shape[axis] ?? 0;
    if (each === null) items.push({ kind: 'new' });
    else if (each === '...') whole(rest);
    else if (each === ':') whole(1);
    else if (typeof each === 'number') items.push({ kind: 'fixed', axis: axis++, at: each < 0 ? each + size : each });
    else if ('positions' in each) {
      const wrapped = each.positions.data.map((i) => (i < 0 ? i + size : i));
      items.push({ kind: 'tensor', axis: axis++, positions: new NDArray(each.positions.shape, wrapped) });
    } else if ('mask' in each) {
      const rows: number[][] = [];
      forEachIndex(each.mask.shape, (at, i) => {
        if (each.mask.data[i] !== 0) rows.push([...at]);
      });
      for (let k = 0; k < each.mask.rank; k++) {
        const column = rows.map((row) => read(row, k));
        items.push({ kind: 'tensor', axis: axis++, positions: new NDArray([rows.length], column) });
      }
    } else items.push({ kind: 'list', axis: axis++, list: listOf(each, size) });
  }
  whole(indices.includes('...') ? 0 : rest);
  return items;
}

export function named(
  shape: readonly number[],
  indices: readonly ModelIndex[],
): { shape: number[]; positions: number[] } {
  const items = itemsOf(shape, indices).filter((item) => item.kind !== 'fixed');
  const fixed = itemsOf(shape, indices).filter((item) => item.kind === 'fixed');
  const places = items.flatMap((item, i) => (item.kind === 'tensor' ? [i] : []));
  const common =
    places.length === 0
      ? []
      : broadcastShapes(...items.flatMap((item) => (item.kind === 'tensor' ? [item.positions.shape] : [])));
  const together = places.every((place, i) => place === read(places, 0) + i);
  const start = together ? (places[0] ?? 0) : 0;
  const rest = items.filter((item) => item.kind !== 'tensor');
  const sizes = rest.map((item) => (item.kind === 'list' ? item.list.length : 1));
  const result = [...sizes.slice(0, start), ...common, ...sizes.slice(start)];
  const positions: number[] = [];
  forEachIndex(result, (at) => {
    const shared = at.slice(start, start + common.length);
    const own = [...at.slice(0, start), ...at.slice(start + common.length)];
    const index: number[] = new Array(shape.length).fill(0);
    for (const item of fixed) if (item.kind === 'fixed') index[item.axis] = item.at;
    rest.forEach((item, i) => {
      if (item.kind === 'list') index[item.axis] = read(item.list, read(own, i));
    });
    for (const item of items) if (item.kind === 'tensor') index[item.axis] = broadcastAt(item.positions, shared);
    positions.push(offsetOf(shape, index));
  });
  return { shape: result, positions };
}
