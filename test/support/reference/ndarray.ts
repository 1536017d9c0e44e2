// Float64 arrays by naive loops: the values every kernel is held to. Nothing here is fast and nothing here is shared with lib/.

/** A row-major float64 array. Integer tensors up to 2^53 and bools (0 and 1) are held exactly. */
export class NDArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;

  constructor(shape: readonly number[], data: ArrayLike<number>) {
    const size = sizeOf(shape);
    if (data.length !== size) throw new Error(`NDArray: ${data.length} values for shape [${shape}]`);
    this.shape = [...shape];
    this.data = Float64Array.from(data);
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return this.data.length;
  }

  at(...index: readonly number[]): number {
    return read(this.data, offsetOf(this.shape, index));
  }
}

/** A value that exists because the index was computed from the shape. */
export function read(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`reference: index ${index} of ${values.length}`);
  return value;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length).fill(0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= read(shape, axis);
  }
  return strides;
}

export function offsetOf(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((offset, position, axis) => offset * read(shape, axis) + position, 0);
}

/** Calls `visit` with every index of `shape` in row-major order. The array is reused: copy it to keep it. */
export function forEachIndex(shape: readonly number[], visit: (index: number[], flat: number) => void): void {
  const size = sizeOf(shape);
  const index: number[] = new Array(shape.length).fill(0);
  for (let flat = 0; flat < size; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = read(index, axis) + 1;
      if (next < read(shape, axis)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
    }
  }
}

/** An array whose element at `index` is `value(index)`. */
export function build(shape: readonly number[], value: (index: readonly number[]) => number): NDArray {
  const data = new Float64Array(sizeOf(shape));
  forEachIndex(shape, (index, flat) => {
    data[flat] = value(index);
  });
  return new NDArray(shape, data);
}

export function scalar(value: number): NDArray {
  return new NDArray([], [value]);
}

export function full(shape: readonly number[], value: number): NDArray {
  return build(shape, () => value);
}

export function map(x: NDArray, f: (value: number) => number): NDArray {
  return new NDArray(x.shape, x.data.map(f));
}

export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own !== 1 && size !== 1 && own !== size) throw new Error(`cannot broadcast ${JSON.stringify(shapes)}`);
      if (own !== 1) size = own;
    }
    return size;
  });
}

/** The element of `x` that a broadcast to the shape of `index` reads. */
export function broadcastAt(x: NDArray, index: readonly number[]): number {
  const lead = index.length - x.rank;
  let offset = 0;
  for (let axis = 0; axis < x.rank; axis++) {
    const size = read(x.shape, axis);
    offset = offset * size + (size === 1 ? 0 : read(index, lead + axis));
  }
  return read(x.data, offset);
}

export function broadcastTo(x: NDArray, shape: readonly number[]): NDArray {
  return build(shape, (index) => broadcastAt(x, index));
}

export function zip(f: (...values: number[]) => number, ...arrays: NDArray[]): NDArray {
  const shape = broadcastShapes(...arrays.map((array) => array.shape));
  return build(shape, (index) => f(...arrays.map((array) => broadcastAt(array, index))));
}

export function asArray(x: NDArray | number): NDArray {
  return typeof x === 'number' ? scalar(x) : x;
}

/** Axes counted from the front, sorted, without doubles; all of them when `axis` is undefined. */
export function normalAxes(rank: number, axis: number | readonly number[] | undefined): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = typeof axis === 'number' ? [axis] : axis;
  return [...new Set(list.map((a) => (a < 0 ? a + rank : a)))].sort((a, b) => a - b);
}

/** Nested arrays to an NDArray. */
export function fromNested(nested: unknown): NDArray {
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat = (Array.isArray(nested) ? nested.flat(Number.POSITIVE_INFINITY) : [nested]) as unknown[];
  return new NDArray(shape, flat.map(Number));
}
