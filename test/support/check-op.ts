// One entry per op buys: values against a float64 reference in every dtype, device and memory layout; inputs unchanged; no
// storage left over; first and second derivatives against finite differences; backward equal to fastBackward; and bad calls
// that throw what they should.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { grad, scope, sum, tensor, WarpgradError } from '../../lib/index.ts';
import { add, mul } from '../../lib/ops/index.ts';
import { liveBytes, testDevices, wherePorted } from './devices.ts';
import { note } from './evidence.ts';
import { fullLevel, isSpec, Random, type TensorSpec, testSeed } from './random.ts';
import { broadcastAt, build, map, NDArray, read } from './reference/ndarray.ts';
import { assertClose, elements, type Layout, layouts, make, type Place, valuesOf } from './tensors.ts';

// biome-ignore lint/suspicious/noExplicitAny: ops and references of every argument list
type AnyFunction = (...args: any[]) => any;

export interface OpCase {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Instead of the op's dtypes. */
  readonly dtypes?: readonly DType[];
  /** False where the value is not smooth, or the reference has no finite value there. */
  readonly grad?: boolean;
  readonly layouts?: readonly Layout[];
}

export interface Rejected {
  readonly name: string;
  readonly args: () => unknown[];
  readonly code: string;
  readonly message?: RegExp;
}

export interface OpTest {
  /**
   * False for ops that refuse float16 and bfloat16. Others are run in both where they take float32: values as near as the
   * digits allow, and gradients in the dtype of the leaf, held to those of float64 unless 'values' says that these differ.
   */
  readonly halves?: false | 'values';
  /** Gets the arguments with NDArrays in place of tensors. */
  readonly reference: AnyFunction;
  readonly cases: readonly OpCase[];
  readonly rejects?: readonly Rejected[];
  /** Default: float32 and float64. */
  readonly dtypes?: readonly DType[];
  /** Default: the dtype under test. A list has one for each result. */
  readonly resultDtype?: (dtype: DType) => DType | readonly DType[];
  readonly differentiable?: boolean;
  /** Errors allowed in units of epsilon; see `additive`. Default 4: a polynomial and its rounding. */
  readonly ulps?: number;
  /**
   * The op adds products of its inputs: errors are relative to the sum of magnitudes, which is the reference applied to
   * absolute values, and grow at most with the square root of the number of terms (blocked sums).
   */
  readonly additive?: boolean;
  /** What errors are relative to, where neither the value nor the above says it. */
  readonly magnitude?: AnyFunction;
}

const isList = (value: unknown): value is readonly TensorSpec[] =>
  Array.isArray(value) && value.length > 0 && value.every(isSpec);

/** Applies `f` to every spec among the arguments, lists of specs included. */
function mapSpecs<T>(args: readonly unknown[], f: (spec: TensorSpec, index: number) => T): unknown[] {
  let index = 0;
  return args.map((arg) => {
    if (isSpec(arg)) return f(arg, index++);
    if (isList(arg)) return arg.map((each) => f(each, index++));
    if (!isOptions(arg)) return arg;
    return Object.fromEntries(Object.entries(arg).map(([key, each]) => [key, isSpec(each) ? f(each, index++) : each]));
  });
}

/** An options object; tensors among its values are found too. */
const isOptions = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function specsOf(args: readonly unknown[]): TensorSpec[] {
  return args.flatMap((arg) =>
    isSpec(arg) ? [arg] : isList(arg) ? [...arg] : isOptions(arg) ? Object.values(arg).filter(isSpec) : [],
  );
}

const many = <T>(result: T | readonly T[]): readonly T[] => (Array.isArray(result) ? result : [result as T]);

/** A fixed, uneven weight for element i of a result, so that a loss sees every element differently. */
const weight = (i: number): number => ((i * 7919) % 13) / 6.5 - 0.9;

const tensorsIn = (args: readonly unknown[]): Tensor[] =>
  args
    .flatMap((arg) => (isOptions(arg) ? Object.values(arg) : arg))
    .filter((arg): arg is Tensor => typeof arg === 'object' && arg !== null && 'storage' in arg);

function checkValues(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
  for (const dtype of each.dtypes ?? entry.dtypes ?? (['float32', 'float64'] as const)) {
    for (const layout of each.layouts ?? layouts) {
      const place: Place = { device, dtype, layout };
      const label = `${name} '${each.name}' ${dtype} ${layout} on ${device} (seed ${testSeed})`;
      const before = liveBytes();
      const plain = mapSpecs(each.args, (spec) => valuesOf(spec, place));
      const args = mapSpecs(each.args, (spec) => make(spec, place));
      const inputs = tensorsIn(args);
      const held = inputs.map(elements);
      const results = many<Tensor>(scope(() => op(...args) as Tensor | Tensor[]));
      const expected = many<NDArray>(entry.reference(...plain) as NDArray | NDArray[]);
      const sizes = entry.magnitude
        ? entry.magnitude(...plain)
        : entry.additive
          ? entry.reference(...plain.map(absolute))
          : null;
      const scales = sizes === null ? null : many<NDArray>(sizes as NDArray | NDArray[]);
      assert.equal(results.length, expected.length, `${label}: number of results`);
      results.forEach((result, i) => {
        const wanted = entry.resultDtype?.(dtype) ?? dtype;
        assert.equal(result.dtype, typeof wanted === 'string' ? wanted : wanted[i], `${label}: dtype`);
        assertClose(result, expected[i] as NDArray, { ulps: entry.ulps ?? 4, scale: scales?.[i] ?? null }, label);
      });
      inputs.forEach((input, i) => {
        assert.deepEqual(elements(input), held[i], `${label}: input ${i} was changed`);
      });
      for (const t of [...results, ...inputs]) t.dispose();
      assert.equal(liveBytes(), before, `${label}: storages left over`);
    }
    note(name, { dtypes: [dtype], devices: [device] });
  }
}

function absolute(arg: unknown): unknown {
  if (arg instanceof NDArray) return map(arg, Math.abs);
  return Array.isArray(arg) && arg.some((each) => each instanceof NDArray) ? arg.map(absolute) : arg;
}

const halves = { float16: { epsilon: 2 ** -10, largest: 3e4 }, bfloat16: { epsilon: 2 ** -7, largest: 1e30 } } as const;

/**
 * float16 and bfloat16: the result's dtype, and values within some roundings of what the op adds up. Cases with inputs that
 * overflow there are left to the wider dtypes.
 */
function checkHalves(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string, at: number): void {
  const own = each.dtypes ?? entry.dtypes;
  if (entry.halves === false || (own && !own.includes('float32'))) return;
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const allowed = each.layouts ?? layouts;
    const layout = allowed[at % allowed.length] as Layout;
    const place: Place = { device, dtype, layout };
    const label = `${name} '${each.name}' ${dtype} ${layout} on ${device} (seed ${testSeed})`;
    const plain = mapSpecs(each.args, (spec) => valuesOf(spec, place));
    const { epsilon, largest } = halves[dtype];
    const fits = (x: NDArray): boolean => x.data.every((value) => Math.abs(value) < largest);
    if (!plain.flat().every((arg) => !(arg instanceof NDArray) || fits(arg))) continue;
    const expected = many<NDArray>(entry.reference(...plain) as NDArray | NDArray[]);
    const before = liveBytes();
    const args = mapSpecs(each.args, (spec) => make(spec, place));
    const results = many<Tensor>(scope(() => op(...args) as Tensor | Tensor[]));
    results.forEach((result, i) => {
      const wanted = expected[i] as NDArray;
      const own = entry.resultDtype?.(dtype) ?? dtype;
      assert.equal(result.dtype, typeof own === 'string' ? own : own[i], `${label}: dtype`);
      assert.deepEqual([...result.shape], [...wanted.shape], `${label}: shape`);
      if (!fits(wanted)) return;
      const size = wanted.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      elements(result).forEach((value, k) => {
        const error = Math.abs(value - read(wanted.data, k));
        assert.ok(error <= 8 * epsilon * size, `${label} [${k}]: wanted ${wanted.data[k]}, got ${value}`);
      });
    });
    for (const t of [...results, ...tensorsIn(args)]) t.dispose();
    assert.equal(liveBytes(), before, `${label}: storages left over`);
  }
}

/** Gradients of float16 and bfloat16 leaves: their dtype, and the values float64 gives for the same numbers. */
function checkHalfGradients(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
  if (entry.halves !== undefined) return;
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const label = `gradient of ${name} '${each.name}' ${dtype} on ${device} (seed ${testSeed})`;
    const place: Place = { device, dtype, layout: 'contiguous' };
    const values = specsOf(each.args).map((spec) => valuesOf(spec, place));
    scope(() => {
      const exact = run(op, each, device, values, 'float64');
      const low = run(op, each, device, values, dtype);
      exact.loss.backward();
      low.loss.backward();
      exact.leaves.forEach((leaf, i) => {
        const got = low.leaves[i]?.grad;
        if (!leaf.grad) return;
        assert.equal(got?.dtype, dtype, `${label}: dtype of leaf ${i}`);
        const wanted = elements(leaf.grad);
        const size = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        elements(got as Tensor).forEach((value, k) => {
          const error = Math.abs(value - read(wanted, k));
          assert.ok(
            error <= 16 * halves[dtype].epsilon * size,
            `${label} ${i} [${k}]: wanted ${wanted[k]}, got ${value}`,
          );
        });
      });
    });
  }
}

/** Sum over the results of weight × value: one number that depends on every element. */
function referenceLoss(entry: OpTest, args: readonly unknown[]): number {
  let total = 0;
  for (const result of many<NDArray>(entry.reference(...args) as NDArray | NDArray[])) {
    result.data.forEach((value, i) => {
      total += value * weight(i);
    });
  }
  return total;
}

interface GradientRun {
  readonly leaves: Tensor[];
  readonly weights: Tensor[];
  readonly loss: Tensor;
}

/** The loss on the device, from leaves with `values`. */
function run(
  op: AnyFunction,
  each: OpCase,
  device: string,
  values: readonly NDArray[],
  dtype: DType = 'float64',
): GradientRun {
  const leaves: Tensor[] = [];
  const args = mapSpecs(each.args, (spec, i) => {
    const t = make({ ...spec, values: values[i] as NDArray }, { device, dtype, layout: 'contiguous' });
    if (spec.grad) {
      t.requiresGrad = true;
      leaves.push(t);
    }
    return t;
  });
  const results = many<Tensor>(op(...args) as Tensor | Tensor[]);
  const weights = results.map((result) => {
    const w = tensor(
      Float64Array.from({ length: result.size }, (_, i) => weight(i)),
      { device, shape: result.shape },
    );
    w.requiresGrad = true;
    return w;
  });
  const loss = results.map((result, i) => sum(mul(result, weights[i] as Tensor))).reduce((a, b) => add(a, b));
  return { leaves, weights, loss };
}

/** Central differences of the reference, one element after the other, against backward, which uses fastBackward where there is one. */
function checkFirst(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
  const specs = specsOf(each.args);
  const values = specs.map((spec) => valuesOf(spec, { device, dtype: 'float64', layout: 'contiguous' }));
  const label = `gradient of ${name} '${each.name}' on ${device} (seed ${testSeed})`;
  scope(() => {
    const { leaves, loss } = run(op, each, device, values);
    loss.backward({ retainGraph: true });
    const slow = grad(loss, leaves, { createGraph: true, allowUnused: true });
    let leaf = 0;
    specs.forEach((spec, which) => {
      if (!spec.grad) return;
      const here = leaf++;
      const own = values[which] as NDArray;
      const numeric = build(own.shape, (index) => {
        // The best step for central differences of a float64 function is about the cube root of epsilon.
        const h = 6e-6 * Math.max(1, Math.abs(own.at(...index)));
        const shifted = (delta: number): number => {
          const moved = build(
            own.shape,
            (at) => own.at(...at) + (at.every((i, axis) => i === index[axis]) ? delta : 0),
          );
          return referenceLoss(
            entry,
            mapSpecs(each.args, (_, i) => (i === which ? moved : values[i])),
          );
        };
        return (shifted(h) - shifted(-h)) / (2 * h);
      });
      const got = leaves[here]?.grad;
      assert.ok(got, `${label}: no gradient for input ${which}`);
      compareGradients(elements(got), numeric.data, 2e-6, `${label}, input ${which}`);
      const other = slow[here];
      if (other)
        compareGradients(
          elements(other),
          elements(got),
          1e-11,
          `${label}, backward against fastBackward, input ${which}`,
        );
      else
        assert.ok(
          elements(got).every((value) => value === 0),
          `${label}: createGraph gives no gradient for input ${which}`,
        );
    });
  });
}

function compareGradients(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, label: string): void {
  assert.equal(got.length, wanted.length, `${label}: size`);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(read(got, i) - read(wanted, i));
    assert.ok(error <= tolerance * scale, `${label} [${i}]: wanted ${wanted[i]}, got ${got[i]}`);
  }
}

/**
 * Second order, along random directions u and v in the space of all leaves and of the weights (which stand for dy):
 * the derivative of <gradient, v> along u, once by backward through backward and once by central differences of backward.
 */
function checkSecond(name: string, op: AnyFunction, each: OpCase, device: string): void {
  const specs = specsOf(each.args);
  const values = specs.map((spec) => valuesOf(spec, { device, dtype: 'float64', layout: 'contiguous' }));
  const random = new Random(testSeed + 1);
  const label = `second derivative of ${name} '${each.name}' on ${device} (seed ${testSeed})`;
  const direction = (shape: readonly number[]): NDArray => build(shape, () => random.between(-1, 1));
  const v = specs.map((spec) => direction(spec.values.shape));
  const u = specs.map((spec) => direction(spec.values.shape));
  /** <gradient at values + step u, v> as a graph, and the leaves it hangs on. */
  const slope = (step: number): { leaves: Tensor[]; dot: Tensor } => {
    const moved = values.map((value, i) =>
      specs[i]?.grad ? build(value.shape, (at) => value.at(...at) + step * broadcastAt(u[i] as NDArray, at)) : value,
    );
    const { leaves, loss } = run(op, each, device, moved);
    const gradients = grad(loss, leaves, { createGraph: true, allowUnused: true });
    const chosen = v.filter((_, i) => specs[i]?.grad);
    const dots = gradients.map((g, i) => {
      const along = chosen[i] as NDArray;
      return g
        ? sum(mul(g, tensor(along.data, { device, shape: along.shape })))
        : tensor(new Float64Array([0]), { device, shape: [] });
    });
    return { leaves, dot: dots.reduce((a, b) => add(a, b)) };
  };
  scope(() => {
    const { leaves, dot } = slope(0);
    let analytic = 0;
    if (dot.requiresGrad) {
      const second = grad(dot, leaves, { allowUnused: true });
      const chosen = u.filter((_, i) => specs[i]?.grad);
      second.forEach((g, i) => {
        if (!g) return;
        elements(g).forEach((value, k) => {
          analytic += value * read((chosen[i] as NDArray).data, k);
        });
      });
    }
    const h = 1e-5;
    const numeric = (slope(h).dot.itemSync() - slope(-h).dot.itemSync()) / (2 * h);
    const tolerance = 1e-5 * Math.max(1, Math.abs(numeric));
    assert.ok(Math.abs(analytic - numeric) <= tolerance, `${label}: wanted ${numeric}, got ${analytic}`);
  });
}

/** Runs `call` and checks that it throws a WarpgradError with one of the codes. */
export function throwsCode(
  call: () => unknown,
  code: string | readonly string[],
  label: string,
  message?: RegExp,
): void {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    assert.ok(error instanceof WarpgradError, `${label}: wanted a WarpgradError, got ${String(error)}`);
    assert.ok([code].flat().includes(error.code), `${label}: wanted ${code}, got ${error.code}: ${error.message}`);
    if (message) assert.match(error.message, message, label);
    return;
  }
  for (const t of many(result)) if (typeof t === 'object' && t !== null && 'dispose' in t) (t as Tensor).dispose();
  assert.fail(`${label}: wanted ${code}, nothing was thrown`);
}

/** Whether anything the op gives needs a gradient when its inputs do. */
function isDifferentiable(op: AnyFunction, each: OpCase, device: string): boolean {
  return scope(() => {
    const args = mapSpecs(each.args, (spec) => {
      const t = make(spec, { device, dtype: 'float64', layout: 'contiguous' });
      if (t.dtype === 'float64') t.requiresGrad = true;
      return t;
    });
    return many<Tensor>(op(...args) as Tensor | Tensor[]).some((result) => result.requiresGrad);
  });
}

function checkCase(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string, position: number): void {
  checkValues(name, op, entry, each, device);
  checkHalves(name, op, entry, each, device, position);
  if ((each.dtypes ?? entry.dtypes ?? ['float64']).includes('float64')) {
    note(name, { differentiable: isDifferentiable(op, each, device) });
  }
  const smooth = (entry.differentiable ?? true) && (each.grad ?? true) && specsOf(each.args).some((spec) => spec.grad);
  if (!smooth || (each.dtypes && !each.dtypes.includes('float64'))) return;
  checkFirst(name, op, entry, each, device);
  note(name, { first: true });
  if (!fullLevel && position !== 0) return;
  checkSecond(name, op, each, device);
  note(name, { second: true });
  if (position === 0) checkHalfGradients(name, op, entry, each, device);
}

/** Registers the tests of one op: one per case and device, one per bad call. */
export function checkOp(name: string, op: AnyFunction, entry: OpTest): void {
  for (const device of testDevices) {
    entry.cases.forEach((each, position) => {
      test(`${name}: ${each.name} on ${device}`, () => {
        wherePorted(name, device, () => checkCase(name, op, entry, each, device, position));
      });
    });
    for (const bad of entry.rejects ?? []) {
      test(`${name} rejects ${bad.name} on ${device}`, () => {
        const before = liveBytes();
        const args = scope(() =>
          mapSpecs(bad.args(), (spec) => make(spec, { device, dtype: 'float32', layout: 'contiguous' })),
        );
        throwsCode(() => op(...args), bad.code, `${name} with ${bad.name}`, bad.message);
        for (const t of tensorsIn(args)) t.dispose();
        assert.equal(liveBytes(), before, `${name} with ${bad.name}: storages left over`);
      });
    }
  }
}
