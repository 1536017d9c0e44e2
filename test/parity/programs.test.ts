// Programs of views and in-place ops give PyTorch's values and gradients, and errors where it raises.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, sum, tensor } from '../../lib/index.ts';
import { throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { packageRoot } from '../support/package-root.ts';
import { elements } from '../support/tensors.ts';
import { programs } from './programs.ts';

interface Outcome {
  readonly values?: readonly number[];
  readonly gradient?: readonly number[];
  readonly raises?: string;
}

const file = join(packageRoot(import.meta.url), 'test/parity/fixtures/programs.json');
const recorded = JSON.parse(readFileSync(file, 'utf8')) as { torch: string; programs: Record<string, Outcome> };

const start = [0.5, -1, 2, 0.25];
const weight = (k: number): number => ((k * 7919) % 13) / 6.5 - 0.9;

function close(got: Tensor, wanted: readonly number[], label: string): void {
  const values = elements(got);
  assert.equal(values.length, wanted.length, label);
  wanted.forEach((want, k) => {
    assert.ok(
      Math.abs((values[k] as number) - want) <= 1e-12,
      `${label} [${k}]: PyTorch gives ${want}, we ${values[k]}`,
    );
  });
}

test('both languages have the same programs', () => {
  assert.deepEqual(Object.keys(programs), Object.keys(recorded.programs));
});

for (const device of testDevices) {
  const made = (): Tensor => tensor(new Float64Array(start), { shape: [2, 2], device, requiresGrad: true });

  const differentiated = (run: (x: Tensor) => Tensor, x: Tensor): Tensor => {
    const y = run(x);
    const weights = Float64Array.from({ length: y.size }, (_, k) => weight(k));
    sum(y.mul(tensor(weights, { shape: y.shape, device }))).backward();
    return y;
  };

  for (const [name, { run, code, plainly }] of Object.entries(programs)) {
    const { values = [], gradient = [], raises } = recorded.programs[name] ?? {};
    test(`'${name}' on ${device} as PyTorch ${recorded.torch}`, () => {
      scope(() => {
        const x = made();
        if (code !== undefined) {
          assert.ok(raises, 'PyTorch raises too');
          throwsCode(() => differentiated(run, x), code, raises);
          assert.deepEqual([...elements(x)], start, 'the leaf is as it was');
        } else if (plainly !== undefined) {
          assert.ok(raises, 'PyTorch raises');
          const other = made();
          close(differentiated(run, x), [...elements(differentiated(plainly, other))], 'values');
          close(x.grad as Tensor, [...elements(other.grad as Tensor)], 'gradient');
        } else {
          assert.equal(raises, undefined, 'PyTorch raises nothing');
          close(differentiated(run, x), values, 'values');
          close(x.grad as Tensor, gradient, 'gradient');
        }
      });
    });
  }
}

test.run();
