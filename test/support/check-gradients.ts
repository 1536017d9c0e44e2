// Gradients of an op against finite differences of its reference (first order) and of themselves (second order).
import { strict as assert } from 'node:assert';
import type { DType, Tensor } from '../../lib/index.ts';
import { grad, scope, sum, tensor } from '../../lib/index.ts';
import { add, mul } from '../../lib/ops/index.ts';
import { type AnyFunction, halves, many, mapSpecs, type OpCase, type OpTest, specsOf } from './op-case.ts';
import { Random, testSeed } from './random.ts';
import { broadcastAt, build, type NDArray, read } from './reference/ndarray.ts';
import { elements, make, type Place, valuesOf } from './tensors.ts';

/** A fixed, uneven weight for element i of a result, so that a loss sees every element differently. */
const weight = (i: number): number => ((i * 7919) % 13) / 6.5 - 0.9;

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
export function checkFirst(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
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
export function checkSecond(name: string, op: AnyFunction, each: OpCase, device: string): void {
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

/** Gradients of float16 and bfloat16 leaves: their dtype, and the values float64 gives for the same numbers. */
export function checkHalfGradients(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
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

/** Whether anything the op gives needs a gradient when its inputs do. */
export function isDifferentiable(op: AnyFunction, each: OpCase, device: string): boolean {
  return scope(() => {
    const args = mapSpecs(each.args, (spec) => {
      const t = make(spec, { device, dtype: 'float64', layout: 'contiguous' });
      if (t.dtype === 'float64') t.requiresGrad = true;
      return t;
    });
    return many<Tensor>(op(...args) as Tensor | Tensor[]).some((result) => result.requiresGrad);
  });
}
