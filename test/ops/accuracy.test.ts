// float32 functions over their whole range: every exponent, denormals, and dense samples where they bend. The error is
// counted in units in the last place (ULP) of the float64 value that the JavaScript engine gives, which is near exact here.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { fullLevel, Random, testSeed } from '../support/random.ts';
import { elements } from '../support/tensors.ts';

interface Bound {
  readonly op: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  readonly ulps: number;
}

const bounds: Readonly<Record<string, Bound>> = {
  exp: { op: ops.exp, exact: Math.exp, ulps: 1 },
  log: { op: ops.log, exact: Math.log, ulps: 2 },
  sqrt: { op: ops.sqrt, exact: Math.sqrt, ulps: 1 },
  reciprocal: { op: ops.reciprocal, exact: (x) => 1 / x, ulps: 1 },
  sin: { op: ops.sin, exact: Math.sin, ulps: 2 },
  cos: { op: ops.cos, exact: Math.cos, ulps: 2 },
  tanh: { op: ops.tanh, exact: Math.tanh, ulps: 2 },
  sigmoid: { op: ops.sigmoid, exact: (x) => 1 / (1 + Math.exp(-x)), ulps: 2 },
  expm1: { op: ops.expm1, exact: Math.expm1, ulps: 3 },
  log1p: { op: ops.log1p, exact: Math.log1p, ulps: 3 },
};

const largest = (2 - 2 ** -23) * 2 ** 127;
const specials = [0, -0, 1, -1, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -149), 2 ** -126, largest, -largest];

function inputs(random: Random, samples: number): Float32Array {
  const values = [...specials];
  for (let i = 0; i < samples; i++) {
    const sign = i % 2 === 0 ? 1 : -1;
    values.push(sign * random.between(1, 2) * 2 ** Math.floor(random.between(-149, 128)));
    values.push(random.between(-110, 110), random.between(-7, 7));
  }
  return Float32Array.from(values);
}

/** Units in the last place of float32 between `got` and `wanted`; a number beyond the range is worth the next power of two. */
function ulpsBetween(got: number, wanted: number): number {
  if (Number.isNaN(wanted)) return Number.isNaN(got) ? 0 : Infinity;
  const clip = (x: number): number => Math.max(-(2 ** 128), Math.min(2 ** 128, x));
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(clip(wanted)))));
  return Math.abs(clip(got) - clip(wanted)) / 2 ** (Math.min(exponent, 127) - 23);
}

for (const device of testDevices) {
  for (const [name, { op, exact, ulps }] of Object.entries(bounds)) {
    test(`${name} stays within ${ulps} ULP in float32 on ${device}`, () => {
      const x = inputs(new Random(testSeed), fullLevel ? 100_000 : 5_000);
      const got = scope(() => elements(op(tensor(x, { device }))));
      let worst = 0;
      let where = 0;
      for (let i = 0; i < x.length; i++) {
        const error = ulpsBetween(got[i] as number, exact(x[i] as number));
        if (error > worst) [worst, where] = [error, x[i] as number];
      }
      assert.ok(worst <= ulps, `${name}(${where}): ${worst} ULP, seed ${testSeed}`);
    });
  }
}

test.run();
