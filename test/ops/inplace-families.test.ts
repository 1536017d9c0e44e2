// The in-place forms that every elementwise op has by derivation.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { grad, noGrad, scope, tensor } from '../../lib/index.ts';
import { elementwise } from '../../lib/ops/families.ts';
import * as ops from '../../lib/ops/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { liveBytes, testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

/** Tested here by hand. */
export const covers = ['inPlace'];

type Form = (target: Tensor, ...rest: unknown[]) => Tensor;
type Plain = (x: Tensor, ...rest: unknown[]) => Tensor;

const forms = ops.inPlace as unknown as Record<string, Form>;
const plain = elementwise as unknown as Record<string, Plain>;

/** What the second and third arguments are, where a number will not do. */
const rest: Record<string, (device: string, dtype: DType) => unknown[]> = {
  lerp: () => [0.5, 0.25],
  addcmul: () => [2, 3],
  addcdiv: () => [2, 3],
  threshold: () => [1, 2],
  prelu: (device, dtype) => [tensor([0.25], { device, dtype: dtype === 'float64' ? dtype : 'float32' })],
  clamp: () => [{ min: 1.25, max: 2 }],
  maskedFill: (device) => [tensor([true, false, true, false], { device }), 3],
};
const unaries = new Set([
  'logicalNot',
  'bitwiseNot',
  ...Object.keys(elementwise).filter((name) => plain[name]?.length === 1),
]);
const argumentsFor = (name: string, device: string, dtype: DType): unknown[] =>
  rest[name]?.(device, dtype) ?? (unaries.has(name) ? [] : [2]);

const values: Record<string, readonly number[]> = {
  float32: [0.5, 1.5, 2.25, 3],
  int32: [0, 1, 2, 3],
  uint8: [0, 1, 2, 3],
};

for (const device of testDevices) {
  test(`every form computes what its op does, in every dtype that holds the result, on ${device}`, () => {
    let done = 0;
    for (const name of Object.keys(elementwise)) {
      for (const dtype of ['float32', 'int32', 'uint8'] as const) {
        const before = liveBytes();
        scope(() => {
          const args = argumentsFor(name, device, dtype);
          const x = tensor(values[dtype] as number[], { dtype, device });
          let wanted: Tensor;
          try {
            wanted = (plain[name] as Plain)(x, ...args);
          } catch {
            throwsCode(() => forms[`${name}_`]?.(x, ...args), ['ERR_DTYPE', 'ERR_ARGUMENT'], `${name}_ of ${dtype}`);
            return;
          }
          const wider = wanted.dtype.startsWith('float') && dtype !== 'float32';
          if (wider) {
            throwsCode(() => forms[`${name}_`]?.(x, ...args), 'ERR_DTYPE', `${name}_ of ${dtype}`, /does not fit/);
            assert.deepEqual([...elements(x)], values[dtype], `${name}_ of ${dtype}: the target is as it was`);
            return;
          }
          // Whole tensors, and views with a stride.
          const base = tensor(
            (values[dtype] as number[]).flatMap((each) => [each, 99]),
            { dtype, device },
          );
          const part = ops.slice(base, [[0, 8]], [2]);
          for (const target of [x, part]) {
            assert.equal(forms[`${name}_`]?.(target, ...args), target);
            assert.equal(target.dtype, dtype);
            assert.deepEqual([...elements(target)], [...elements(wanted.to(dtype))], `${name}_ of ${dtype}`);
          }
          assert.deepEqual(
            [...elements(base)].filter((_, i) => i % 2 === 1),
            [99, 99, 99, 99],
          );
          done++;
        });
        assert.equal(liveBytes(), before, `${name}_: storages left over`);
      }
    }
    assert.ok(done > 60, `${done} forms were compared`);
  });

  test(`every form has the gradients of its op, on the result and on a view of it, on ${device}`, () => {
    for (const name of Object.keys(elementwise)) {
      for (const view of [false, true]) {
        scope(() => {
          const args = argumentsFor(name, device, 'float64');
          const run = (change: (y: Tensor) => Tensor): [number[], number[]] => {
            const x = tensor([0.5, 1.5, 2.25, 3.1], { dtype: 'float64', device, requiresGrad: true });
            const y = ops.mul(x, 1.25);
            const whole = change(y);
            const weights = tensor(new Float64Array([1, -2, 3, 0.5]), { device });
            ops.sum(ops.mul(ops.square(whole), weights)).backward();
            return [[...elements(whole)], x.grad === null ? [0, 0, 0, 0] : [...elements(x.grad)]];
          };
          const half = name === 'maskedFill' ? [tensor([true, false], { device }), 3] : args;
          const apart = (y: Tensor): Tensor => {
            const result = (t: Tensor, a: unknown[]): Tensor => (plain[name] as Plain)(t, ...a).to('float64');
            if (!view) return result(y, args);
            return ops.cat([result(ops.slice(y, [[0, 2]]), half), ops.slice(y, [[2, 4]])]);
          };
          const inside = (y: Tensor): Tensor => {
            if (!view) return (forms[`${name}_`] as Form)(y, ...args);
            (forms[`${name}_`] as Form)(ops.slice(y, [[0, 2]]), ...half);
            return y;
          };
          let wanted: [number[], number[]];
          try {
            wanted = run(apart);
          } catch {
            return; // integers only
          }
          const got = run(inside);
          assert.deepEqual(got[0], wanted[0], `${name}_: values, view ${view}`);
          got[1].forEach((value, i) => {
            const other = wanted[1][i] as number;
            assert.ok(
              value === other ||
                Math.abs(value - other) <= 1e-12 * Math.max(1, Math.abs(other)) ||
                (Number.isNaN(value) && Number.isNaN(other)),
              `${name}_ [${i}]: ${value} for ${other}, view ${view}`,
            );
          });
        });
      }
    }
  });

  test(`gradients reach operands and options on ${device}`, () => {
    scope(() => {
      const x = tensor([1, 5, 2], { device, requiresGrad: true });
      const high = tensor([2, 2, 3], { device, requiresGrad: true });
      const y = ops.mul(x, 1);
      y.clamp_({ max: high });
      y.mul_(high);
      ops.sum(y).backward();
      assert.deepEqual([...elements(x.grad as Tensor)], [2, 0, 3]);
      assert.deepEqual([...elements(high.grad as Tensor)], [1, 4, 2]);
      const plainTarget = tensor([1, 2, 3], { device });
      plainTarget.fmod_(high);
      assert.ok(plainTarget.requiresGrad);
      const square = ops.mul(x, 1);
      square.mul_(square);
      ops.sum(square).backward();
      assert.deepEqual([...elements(x.grad as Tensor)], [4, 10, 7]);
      const half = ops.mul(x, 1);
      half.atan2_(ops.reshape(half, [3]));
    });
  });

  test(`every form refuses what it cannot change on ${device}`, () => {
    const leaf = tensor([1.5, 2], { device, requiresGrad: true });
    const spread = ops.expand(ops.ones([1], { device }), [2]);
    const x = tensor([1.5, 2, 3], { device });
    const tail = ops.slice(x, [[1, 3]]);
    const head = ops.slice(x, [[0, 2]]);
    const gone = tensor([1], { device });
    gone.dispose();
    for (const name of Object.keys(elementwise)) {
      const args = argumentsFor(name, device, 'float32');
      const form = forms[`${name}_`] as Form;
      throwsCode(() => form(leaf, ...args), 'ERR_GRAD', `${name}_ of a leaf`, /leaf/);
      throwsCode(() => form(spread, ...args), 'ERR_ARGUMENT', `${name}_ of an expanded tensor`, /overlap/);
      throwsCode(() => form(gone, ...args), 'ERR_DISPOSED', `${name}_ of a disposed tensor`);
      throwsCode(() => form(1 as never, ...args), 'ERR_ARGUMENT', `${name}_ of a number`);
      throwsCode(() => form(null as never, ...args), 'ERR_ARGUMENT', `${name}_ of null`);
      if (unaries.has(name) || rest[name]) continue;
      throwsCode(() => form(tail, head), 'ERR_ARGUMENT', `${name}_ of overlapping views`, /overlap/);
      throwsCode(() => form(x, null), 'ERR_ARGUMENT', `${name}_ with null`);
      throwsCode(() => form(x, gone), 'ERR_DISPOSED', `${name}_ with a disposed tensor`);
    }
    assert.deepEqual([...elements(x)], [1.5, 2, 3]);
    noGrad(() => leaf.exp_());
    for (const t of [leaf, spread, x, tail, head]) t.dispose();
  });

  test(`a saved tensor changed by a derived form is named on ${device}`, () => {
    scope(() => {
      const x = tensor([1, 2], { device, requiresGrad: true });
      const a = ops.mul(x, 1);
      const b = ops.mul(a, a);
      a.relu_();
      throwsCode(() => ops.sum(b).backward(), 'ERR_GRAD', 'mul then relu_', /relu_/);
      const c = ops.mul(x, 1);
      const d = ops.square(c);
      c.clampMin_(0);
      throwsCode(() => ops.sum(d).backward(), 'ERR_GRAD', 'square then clampMin_', /clampMin_/);
    });
  });

  test(`an integer form that fails leaves its target as it was on ${device}`, async () => {
    const x = tensor([7, 8], { dtype: 'int32', device });
    const zero = tensor([1, 0], { dtype: 'int32', device });
    x.floorDivide_(zero);
    await assert.rejects(x.device.synchronize(), { code: 'ERR_ARGUMENT' });
    assert.deepEqual([...elements(x)], [7, 8]);
    x.dispose();
    zero.dispose();
  });
}

for (const device of testDevices) {
  test(`ops at indices and on triangles work in place, with the gradients of their ops, on ${device}`, () =>
    scope(() => {
      const index = tensor([2, 0], { dtype: 'int32', device });
      const places = ops.reshape(tensor([0, 2, 1, 0, 2, 2], { dtype: 'int32', device }), [2, 3]);
      const draw = (...shape: number[]): Tensor => {
        const x = ops.randn(shape, { dtype: 'float64', device });
        x.requiresGrad = true;
        return x;
      };
      const mask = ops.gt(ops.randn([3, 3], { device }), 0);
      const calls: Record<string, readonly unknown[]> = {
        scatter: [0, places, draw(2, 3)],
        scatterAdd: [0, places, draw(2, 3)],
        scatterReduce: [0, places, draw(2, 3), { reduce: 'sum' }],
        indexAdd: [0, index, draw(2, 3)],
        indexCopy: [1, index, draw(3, 2)],
        indexFill: [0, index, 7],
        indexPut: [[index, index], draw(2)],
        put: [index, draw(2)],
        maskedScatter: [mask, draw(9)],
        tril: [],
        triu: [1],
        cumsum: [0],
        cumprod: [1],
      };
      const x = draw(3, 3);
      for (const [name, args] of Object.entries(calls)) {
        const op = (ops as unknown as Record<string, Plain>)[name] as Plain;
        const leaves = [
          x,
          ...args.filter((each): each is Tensor => each instanceof x.constructor && (each as Tensor).requiresGrad),
        ];
        const run = (change: (y: Tensor) => Tensor): number[][] => {
          const result = change(ops.mul(x, 1.5));
          const weighed = ops.sum(ops.square(result));
          const slopes = grad(weighed, leaves, { allowUnused: true });
          return [[...elements(result)], ...slopes.map((each) => (each === null ? [] : [...elements(each)]))];
        };
        const wanted = run((y) => op(y, ...args));
        const got = run((y) => {
          const changed = (forms[`${name}_`] as Form)(y, ...args);
          assert.equal(changed, y);
          return changed;
        });
        assert.deepEqual(got, wanted, name);
        const method = (y: Tensor): Tensor =>
          (y as unknown as Record<string, Plain>)[`${name}_`]?.(...(args as [Tensor])) as Tensor;
        assert.deepEqual(run(method), wanted, `${name} as a method`);
      }
      throwsCode(() => ops.inPlace.cumsum_(tensor([true], { device }), 0), 'ERR_DTYPE', 'sums of bools in bools');
      const drawn = ops.zeros([50], { device }).uniform_({ low: 2, high: 3 });
      assert.ok([...elements(drawn)].every((v) => v >= 2 && v < 3));
    }));
}

test.run();
