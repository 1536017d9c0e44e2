// Mean and variance in one pass, around a guess from four elements: what they are where that guess is far off.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, scope, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

const ulp = 2 ** -23;

/** What the four elements hold that are looked at first, and what the others are spread around. */
const runs = {
  'four elements unlike the others': { four: 1000, around: 0 },
  'four elements far below the others': { four: -3e5, around: 20 },
  'all far from zero': { four: undefined, around: 4096 },
  'nothing unusual': { four: undefined, around: 0 },
} as const;

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length };
}

for (const device of testDevices) {
  for (const [name, { four, around }] of Object.entries(runs)) {
    for (const n of [7, 300, 1024, 2500]) {
      test(`${name}, ${n} of them, on ${device}`, () => {
        scope(() => {
          const given = ops.add(ops.randn([n], { generator: new Generator(n) }), around);
          const values = [...elements(given)];
          // Runs are taken in blocks of 1024.
          for (let from = 0; four !== undefined && from < n; from += 1024) {
            const length = Math.min(1024, n - from);
            for (let k = 0; k < 4; k++) values[from + Math.floor((length * k) / 4)] = four;
          }
          const { mean, variance } = moments(values);
          const close = (actual: Tensor, wanted: (i: number) => number, scale: number, what: string): void => {
            elements(actual).forEach((v, i) => {
              assert.ok(Math.abs(v - wanted(i)) <= 12 * ulp * scale, `${what} ${i}: wanted ${wanted(i)}, got ${v}`);
            });
          };
          const row = tensor([values], { device });
          close(ops.variance(row, { axis: -1, correction: 0 }), () => variance, variance, 'variance');

          const spread = Math.sqrt(variance + 1e-5);
          const normal = values.map((v) => (v - mean) / spread);
          const scale = Math.max(...normal.map(Math.abs)) + Math.abs(mean) / spread; // the mean is rounded before it is taken off
          close(ops.layerNorm(row, n), (i) => normal[i] as number, scale, 'layerNorm');

          // Two channels of the same numbers, in planes of 50 or in one.
          for (const length of n % 50 === 0 ? [50, n] : [n]) {
            const planes = Array.from({ length: n / length }, (_, i) => values.slice(i * length, (i + 1) * length));
            const x = tensor(
              planes.map((plane) => [plane, plane]),
              { device },
            );
            const [runningMean, runningVar] = [ops.zeros([2], { device }), ops.zeros([2], { device })];
            ops.batchNorm(x, { runningMean, runningVar, training: true, momentum: 1 });
            close(runningMean, () => mean, Math.abs(mean) + spread, 'mean of a channel');
            close(runningVar, () => (variance * n) / (n - 1), variance, 'variance of a channel');
          }
        });
      });
    }
  }
}

test.run();
