import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Index, Tensor } from '../../lib/index.ts';
import { borrow, grad, noGrad, scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { liveBytes, sharesMemory, testDevices } from '../support/devices.ts';
import { fullLevel, Random, rand, testSeed } from '../support/random.ts';
import { type ModelIndex, named } from '../support/reference/at.ts';
import { broadcastAt, build, forEachIndex, NDArray, read } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

// ---- any index against the model -----------------------------------------------------------------------------------------

const random = new Random(testSeed);
const chance = (p: number): boolean => random.next() < p;

function randomIndices(shape: readonly number[]): ModelIndex[] {
  const indices: ModelIndex[] = [];
  const masked = chance(0.25);
  let tensors = masked ? 0 : 3;
  const common = Array.from({ length: random.integer(0, 2) }, () => random.integer(1, 3));
  let axis = 0;
  let nulls = 1;
  let rest = chance(0.4) ? random.integer(0, shape.length) : -1;
  let mask = masked;
  while (axis < shape.length) {
    const size = read(shape, axis);
    if (nulls > 0 && chance(0.15)) {
      indices.push(null);
      nulls--;
    } else if (rest === axis && chance(0.8)) {
      indices.push('...');
      axis += random.integer(0, shape.length - axis);
      rest = -1;
      // What the dots took is fixed by what follows: exactly one index for each axis left.
      for (; axis < shape.length; axis++) indices.push(chance(0.5) ? ':' : [random.integer(-3, 3), null]);
    } else if (mask && chance(0.5)) {
      const rank = random.integer(1, shape.length - axis);
      indices.push({ mask: build(shape.slice(axis, axis + rank), () => Number(chance(0.5))) });
      axis += rank;
      mask = false;
    } else if (tensors > 0 && size > 0 && chance(0.4)) {
      // Sizes of 1 and missing axes broadcast.
      const own = common.slice(random.integer(0, common.length)).map((each) => (chance(0.3) ? 1 : each));
      indices.push({ positions: build(own, () => random.integer(-size, size - 1)) });
      tensors--;
      axis++;
    } else if (size > 0 && chance(0.3)) {
      indices.push(random.integer(-size, size - 1));
      axis++;
    } else if (chance(0.7)) {
      const part = (): number | null => (chance(0.3) ? null : random.integer(-size - 2, size + 2));
      indices.push([part(), part(), random.pick([1, 1, 2, 3, -1, -2])]);
      axis++;
    } else if (chance(0.5)) {
      indices.push(':');
      axis++;
    } else break;
  }
  return indices;
}

const realised = (indices: readonly ModelIndex[], device: string): Index[] =>
  indices.map((each) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each as Index;
    if ('mask' in each) return make(each.mask, device, 'bool');
    return make((each as { positions: NDArray }).positions, device, chance(0.5) ? 'int32' : 'int64');
  });

function make(x: NDArray, device: string, dtype: 'float64' | 'int32' | 'int64' | 'bool' = 'float64'): Tensor {
  const array =
    dtype === 'int64'
      ? BigInt64Array.from(x.data, BigInt)
      : dtype === 'int32'
        ? Int32Array.from(x.data)
        : dtype === 'bool'
          ? Uint8Array.from(x.data)
          : x.data;
  return tensor(array, { device, dtype, shape: x.shape });
}

/** A value for a place of `shape`: sizes of 1 instead of some, axes missing in front. */
function randomValue(shape: readonly number[], keep: number): NDArray {
  const own = shape.map((size, i) => (i !== keep && chance(0.25) ? 1 : size));
  const first = keep < 0 && chance(0.3) ? random.integer(0, own.length) : 0;
  return build(own.slice(first), () => random.between(-2, 2));
}

const text = (indices: readonly ModelIndex[]): string =>
  JSON.stringify(indices, (_, value) =>
    value instanceof NDArray ? { shape: value.shape, data: [...value.data] } : value,
  );

const rounds = fullLevel ? 2000 : 150;

// Derivatives against differences; what any index gives is below.
const places = new NDArray([3], Float64Array.of(1, 0, 1));
checkOp('at', (x: Tensor, ...indices: Index[]) => x.at(...indices).getSync(), {
  reference: (x: NDArray, rows: readonly [number, number, number], column: number) =>
    build([Math.ceil((rows[1] - rows[0]) / rows[2]), x.shape[2] as number], ([i = 0, j = 0]) =>
      x.at(rows[0] + rows[2] * i, column, j),
    ),
  ulps: 0,
  cases: [{ name: 'a range and a number', args: [rand(5, 3, 4), [1, 5, 2], 2] }],
});
checkOp('at', (x: Tensor) => x.at('...', make(places, x.device.name, 'int32')).getSync(), {
  reference: (x: NDArray) => build([x.shape[0] as number, 3], ([i = 0, j = 0]) => x.at(i, 1 - (j % 2))),
  ulps: 0,
  cases: [{ name: 'places, one of them twice', args: [rand(3, 2)] }],
});

for (const device of testDevices) {
  test(`get, set and add at any index, with gradients, on ${device} (seed ${testSeed})`, () => {
    for (let round = 0; round < rounds; round++) {
      scope(() => {
        const shape = Array.from({ length: random.integer(1, 4) }, () => (chance(0.05) ? 0 : random.integer(1, 4)));
        const model = build(shape, () => random.between(-2, 2));
        const indices = randomIndices(shape);
        const label = `at(${text(indices)}) of [${shape}]`;
        const wanted = named(shape, indices);
        const place = realised(indices, device);
        const leaf = make(model, device);
        leaf.requiresGrad = true;

        const y = leaf.at(...place).getSync();
        assert.deepEqual([...y.shape], wanted.shape, label);
        assert.deepEqual(
          [...elements(y)],
          wanted.positions.map((p) => read(model.data, p)),
          label,
        );
        const weights = build(y.shape, () => random.between(-1, 1));
        // What holds nothing may be no part of the graph.
        const [dx] = y.requiresGrad ? grad(y.mul(make(weights, device)).sum(), [leaf], { allowUnused: true }) : [null];
        const added = new Float64Array(model.size);
        wanted.positions.forEach((p, i) => {
          added[p] = read(added, p) + read(weights.data, i);
        });
        if (dx) near(elements(dx), added, `gradient of ${label}`);

        // A mask's entries must be one, or all that there are.
        const at = indices.findIndex((each) => typeof each === 'object' && each !== null && 'mask' in each);
        const value = randomValue(wanted.shape, at >= 0 ? entriesAxis(shape, indices) : -1);
        for (const rule of ['set', 'add'] as const) {
          const base = leaf.clone();
          const other = make(value, device);
          other.requiresGrad = true;
          assert.equal(base.at(...place)[rule](other), base);
          const after = Float64Array.from(model.data);
          const last = new Int32Array(model.size).fill(-1);
          const given: number[] = [];
          forEachIndex(wanted.shape, (index) => given.push(broadcastAt(value, index)));
          wanted.positions.forEach((p, i) => {
            after[p] = rule === 'set' ? read(given, i) : read(after, p) + read(given, i);
            last[p] = i;
          });
          near(elements(base), after, `${rule} ${label}`);
          const slopes = build(shape, () => random.between(-1, 1));
          const [dBase, dValue] = grad(base.mul(make(slopes, device)).sum(), [leaf, other], { allowUnused: true });
          const wantBase = slopes.data.map((w, p) => (rule === 'set' && read(last, p) >= 0 ? 0 : w));
          if (dBase) near(elements(dBase), wantBase, `gradient of x in ${rule} ${label}`);
          const wantValue = new Float64Array(value.size);
          const origin = numbered(value);
          let i = 0;
          forEachIndex(wanted.shape, (index) => {
            const p = read(wanted.positions, i);
            const to = broadcastAt(origin, index);
            if (rule === 'add' || last[p] === i) wantValue[to] = read(wantValue, to) + read(slopes.data, p);
            i++;
          });
          if (dValue) near(elements(dValue), wantValue, `gradient of the value in ${rule} ${label}`);
          const plain = make(model, device);
          plain.at(...place)[rule](0.5);
          const filled = Float64Array.from(model.data);
          for (const p of wanted.positions) filled[p] = rule === 'set' ? 0.5 : read(filled, p) + 0.5;
          near(elements(plain), filled, `${rule} a number ${label}`);
        }
      });
    }
  });
}

const numbered = (x: NDArray): NDArray =>
  new NDArray(
    x.shape,
    x.data.map((_, i) => i),
  );

/** The axis of the result that counts the entries of the mask. */
function entriesAxis(shape: readonly number[], indices: readonly ModelIndex[]): number {
  const at = indices.findIndex((each) => typeof each === 'object' && each !== null && 'mask' in each);
  const { mask } = indices[at] as { mask: NDArray };
  const none = new NDArray(
    mask.shape,
    mask.data.map(() => 0),
  );
  const without = named(shape, indices.with(at, { mask: none }));
  const one = named(
    shape,
    indices.with(at, {
      mask: new NDArray(
        mask.shape,
        mask.data.map(() => 1),
      ),
    }),
  );
  return without.shape.findIndex((size, i) => size !== one.shape[i]);
}

function near(got: ArrayLike<number>, wanted: ArrayLike<number>, label: string): void {
  assert.equal(got.length, wanted.length, label);
  for (let i = 0; i < got.length; i++) {
    const [a, b] = [read(got, i), read(wanted, i)];
    assert.ok(Math.abs(a - b) <= 1e-12, `${label} [${i}]: wanted ${b}, got ${a}`);
  }
}

// ---- one by one ----------------------------------------------------------------------------------------------------------

for (const device of testDevices) {
  const numbers = (): Tensor => scope(() => ops.reshape(ops.arange(6, { device }), [2, 3]));
  const ints = (...values: number[]) => tensor(values, { dtype: 'int32', device });

  test(`views share memory, copies do not, on ${device}`, () => {
    scope(() => {
      const x = numbers();
      const turned = x.at(':', [null, null, -1]).get();
      turned.mul_(10);
      assert.deepEqual([...elements(x)], [0, 10, 20, 30, 40, 50]);
      const copy = x.at(ints(0)).get();
      copy.zero_();
      assert.deepEqual([...elements(x)], [0, 10, 20, 30, 40, 50]);
      assert.deepEqual(x.at(-1, null, [1]).get().shape, [1, 2]);
      assert.deepEqual(x.at('...', 0).get().shape, [2]);
      assert.deepEqual(x.at().get().shape, [2, 3]);
    });
  });

  test(`a mask is read by a promise or with a size on ${device}`, async () => {
    const x = numbers();
    const large = x.gt(2);
    assert.deepEqual([...elements(await x.at(large).get())], [3, 4, 5]);
    const rows = tensor([false, true], { device });
    assert.deepEqual((await x.at(rows).get()).shape, [1, 3]);
    const columns = tensor([true, false, true], { device });
    assert.deepEqual([...elements(await x.at(':', columns).get())], [0, 2, 3, 5]);
    const fixed: Tensor = x.at(':', columns).get({ size: 3, fill: -1 });
    assert.deepEqual([...elements(fixed)], [0, 2, -1, 3, 5, -1]);
    const none = ops.zeros([2, 0], { device });
    assert.deepEqual((await none.at(rows).get()).shape, [1, 0]);
    none.at(rows).set(1);
  });

  test(`values broadcast and are cast; what overlaps is copied first on ${device}`, () => {
    scope(() => {
      const x = numbers();
      x.at(0).set(tensor([[[7, 8, 9]]], { device }));
      x.at(1).set(x.at(0, [null, null, -1]).get());
      assert.deepEqual([...elements(x)], [7, 8, 9, 9, 8, 7]);
      x.at(ints(1, 0)).set(x);
      assert.deepEqual([...elements(x)], [9, 8, 7, 7, 8, 9]);
      const whole = tensor([1, 2, 3], { dtype: 'int32', device });
      whole.at(0).set(2.75);
      whole.at([1, 2]).set(tensor([5.5], { device }));
      whole.at(ints(2)).set(tensor(9.9, { device }));
      assert.deepEqual([...elements(whole)], [2, 5, 9]);
      whole.at(ints(0, 0, 2)).add(1);
      assert.deepEqual([...elements(whole)], [4, 5, 10]);
      const bits = tensor([true, true, false], { device });
      bits.at(bits.clone()).set(0);
      assert.deepEqual([...elements(bits)], [0, 0, 0]);
    });
  });

  test(`writes count versions and keep the rules of in-place ops on ${device}`, () => {
    scope(() => {
      const leaf = tensor([1, 2, 3], { device, requiresGrad: true });
      for (const place of [leaf.at(0), leaf.at(ints(0))]) throwsCode(() => place.set(1), 'ERR_GRAD', 'a leaf', /leaf/);
      noGrad(() => leaf.at(ints(0)).set(5));
      assert.deepEqual([...elements(leaf)], [5, 2, 3]);
      const y = leaf.mul(2);
      const z = y.square();
      const { version } = y;
      y.at(ints(1)).set(0);
      assert.equal(y.version, version + 1);
      throwsCode(() => z.sum().backward(), 'ERR_GRAD', 'a saved tensor', /indexPut|at/);
      if (!sharesMemory(device)) return;
      const lent = borrow(new Float32Array(2), { device });
      throwsCode(() => lent.at(0).set(1), 'ERR_ARGUMENT', 'a borrowed array');
      throwsCode(() => ops.expand(lent, [2, 2]).at(ints(0)).set(1), 'ERR_ARGUMENT', 'an expanded target');
    });
  });

  test(`mistakes have codes on ${device}`, async () => {
    const before = liveBytes();
    const x = numbers();
    const bad: [string, () => unknown, string][] = [
      ['a position outside', () => x.at(2), 'ERR_INDEX'],
      ['a position before', () => x.at(0, -4), 'ERR_INDEX'],
      ['half a position', () => x.at(0.5), 'ERR_ARGUMENT'],
      ['too many', () => x.at(0, 0, 0), 'ERR_SHAPE'],
      ['dots twice', () => x.at('...', '...'), 'ERR_ARGUMENT'],
      ['step 0', () => x.at([0, 1, 0]), 'ERR_ARGUMENT'],
      ['half a bound', () => x.at([0.5]), 'ERR_ARGUMENT'],
      ['a range of four', () => x.at([0, 1, 1, 1] as never), 'ERR_ARGUMENT'],
      ['text', () => x.at('1:2' as never), 'ERR_ARGUMENT'],
      ['undefined', () => x.at(undefined as never), 'ERR_ARGUMENT'],
      ['an object', () => x.at({} as never), 'ERR_ARGUMENT'],
      ['too many new axes', () => x.at(null, null, null, null, null, null, null), 'ERR_SHAPE'],
      ['float indices', () => x.at(x), 'ERR_DTYPE'],
      ['no tensor', () => ops.at(3 as never, 0), 'ERR_ARGUMENT'],
      ['a size without a mask', () => x.at(0).get({ size: 3 }), 'ERR_ARGUMENT'],
      ['a value that is text', () => x.at(0).set('1' as never), 'ERR_ARGUMENT'],
      ['a value that does not broadcast', () => scope(() => x.at(0).set(ops.zeros([2], { device }))), 'ERR_SHAPE'],
      ['a mask of another size', () => scope(() => x.at(tensor([true], { device }))), 'ERR_SHAPE'],
      ['a mask of rank 0', () => scope(() => x.at(tensor([true], { device }).reshape([]))), 'ERR_SHAPE'],
      ['a mask beside indices', () => scope(() => x.at(tensor([true, true], { device }), ints(0))), 'ERR_ARGUMENT'],
      ['indices that do not broadcast', () => scope(() => x.at(ints(0, 1), ints(0, 1, 2))), 'ERR_SHAPE'],
      [
        'halves added to integers',
        () =>
          scope(() =>
            ints(1)
              .at(ints(0))
              .add(tensor([0.5], { device })),
          ),
        'ERR_DTYPE',
      ],
    ];
    for (const [name, call, code] of bad) throwsCode(call, code, name);
    const index = ints(0, 2);
    const far = x.at(index).get();
    await assert.rejects(far.data(), { code: 'ERR_INDEX' });
    const wide = tensor([true, true], { device });
    const three = ops.ones([3, 3], { device });
    x.at(wide).set(three);
    for (const t of [index, far, wide, three]) t.dispose();
    assert.deepEqual([...(await x.data())], [0, 1, 2, 3, 4, 5], 'a failed source leaves the target as it was');
    x.dispose();
    throwsCode(() => x.at(0), 'ERR_DISPOSED', 'a disposed tensor');
    assert.equal(liveBytes(), before);
  });
}

test.run();
