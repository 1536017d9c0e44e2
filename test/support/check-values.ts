// Values of an op against its reference, in every dtype and memory layout.
import { strict as assert } from 'node:assert';
import type { Tensor } from '../../lib/index.ts';
import { scope } from '../../lib/index.ts';
import { liveBytes } from './devices.ts';
import { note } from './evidence.ts';
import { type AnyFunction, halves, many, mapSpecs, type OpCase, type OpTest, specsOf, tensorsIn } from './op-case.ts';
import { testSeed } from './random.ts';
import { map, NDArray, read } from './reference/ndarray.ts';
import { assertClose, elements, type Layout, layouts, make, type Place, valuesOf } from './tensors.ts';

export function checkValues(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string): void {
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

/**
 * float16 and bfloat16: the result's dtype, and values within some roundings of what the op adds up. Cases with inputs that
 * overflow there are left to the wider dtypes.
 */
export function checkHalves(
  name: string,
  op: AnyFunction,
  entry: OpTest,
  each: OpCase,
  device: string,
  at: number,
): void {
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
    note(name, { dtypes: [dtype], devices: [device] });
  }
}

const narrow = { int8: 2 ** 7, int16: 2 ** 15 } as const;

/**
 * int8 and int16, where the op takes int32: the result's dtype, and the values, unless one of them is beyond the dtype
 * (kernels count in int32 and store the low bits).
 */
export function checkNarrow(
  name: string,
  op: AnyFunction,
  entry: OpTest,
  each: OpCase,
  device: string,
  at: number,
): void {
  if (entry.narrow === false || !(each.dtypes ?? entry.dtypes)?.includes('int32')) return;
  if (!specsOf(each.args).some((spec) => spec.dtype === null)) return;
  for (const dtype of ['int8', 'int16'] as const) {
    const allowed = each.layouts ?? layouts;
    const place: Place = { device, dtype, layout: allowed[at % allowed.length] as Layout };
    const label = `${name} '${each.name}' ${dtype} ${place.layout} on ${device} (seed ${testSeed})`;
    const plain = mapSpecs(each.args, (spec) => valuesOf(spec, place));
    const expected = many<NDArray>(entry.reference(...plain) as NDArray | NDArray[]);
    const before = liveBytes();
    const args = mapSpecs(each.args, (spec) => make(spec, place));
    const results = many<Tensor>(scope(() => op(...args) as Tensor | Tensor[]));
    results.forEach((result, i) => {
      const wanted = expected[i] as NDArray;
      const own = entry.resultDtype?.(dtype) ?? dtype;
      assert.equal(result.dtype, typeof own === 'string' ? own : own[i], `${label}: dtype`);
      if (wanted.data.some((value) => Math.abs(value) >= narrow[dtype])) return;
      assertClose(result, wanted, { ulps: 0, scale: null }, label);
    });
    for (const t of [...results, ...tensorsIn(args)]) t.dispose();
    assert.equal(liveBytes(), before, `${label}: storages left over`);
    note(name, { dtypes: [dtype], devices: [device] });
  }
}
