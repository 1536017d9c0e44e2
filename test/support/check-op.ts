// One entry per op buys: values against a float64 reference in every dtype, device and memory layout; inputs unchanged; no
// storage left over; first and second derivatives against finite differences; backward equal to fastBackward; and bad calls
// that throw what they should.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { device as deviceNamed, scope, WarpgradError } from '../../lib/index.ts';
import { checkFirst, checkHalfGradients, checkSecond, isDifferentiable } from './check-gradients.ts';
import { checkHalves, checkNarrow, checkValues } from './check-values.ts';
import { liveBytes, testDevices } from './devices.ts';
import { note } from './evidence.ts';
import { type AnyFunction, many, mapSpecs, type OpCase, type OpTest, specsOf, tensorsIn } from './op-case.ts';
import { fullLevel } from './random.ts';
import { make } from './tensors.ts';

export type { OpCase, OpTest, Rejected } from './op-case.ts';

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

function checkCase(name: string, op: AnyFunction, entry: OpTest, each: OpCase, device: string, position: number): void {
  checkValues(name, op, entry, each, device);
  checkHalves(name, op, entry, each, device, position);
  checkNarrow(name, op, entry, each, device, position);
  if ((each.dtypes ?? entry.dtypes ?? ['float64']).includes('float64')) {
    note(name, { differentiable: isDifferentiable(op, each, device) });
  }
  const smooth = (entry.differentiable ?? true) && (each.grad ?? true) && specsOf(each.args).some((spec) => spec.grad);
  if (!smooth || (each.dtypes && !each.dtypes.includes('float64'))) return;
  checkFirst(name, op, entry, each, device);
  note(name, { first: true });
  // Derivatives of nothing cost nothing.
  const empty = specsOf(each.args).some(({ values }) => values.shape.includes(0));
  if (!fullLevel && position !== 0 && !empty) return;
  checkSecond(name, op, each, device);
  note(name, { second: true });
  if (position === 0) checkHalfGradients(name, op, entry, each, device);
}

/** Registers the tests of one op: one per case and device, one per bad call. */
export function checkOp(name: string, op: AnyFunction, entry: OpTest): void {
  for (const device of testDevices) {
    entry.cases.forEach((each, position) => {
      test(`${name}: ${each.name} on ${device}`, () => {
        checkCase(name, op, entry, each, device, position);
        deviceNamed(device).synchronizeSync(); // throws when an op failed whose result nobody read
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
