// Every case of `npm run bench` runs, at a size that takes no time. How fast is for the benchmark to say.
import { strict as assert } from 'node:assert';
import { suite } from 'uvu';
import { allCases, chosen } from '../../lib/bench/cases.ts';
import { device, scope } from '../../lib/index.ts';

const test = suite('bench cases');

for (const each of allCases) {
  test(`${each.family} ${each.name}`, () => {
    scope(() => {
      const work = each.tiny().make();
      assert.ok((work.flops ?? work.bytes ?? -1) >= 0, 'what a call costs is known');
      scope(() => void work.run());
      device('cpu').synchronizeSync();
    });
  });
}

test('names are unique and choose cases', () => {
  const names = allCases.map(({ family, name }) => `${family} ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    chosen(['step', 'mlp', 'captured']).map(({ params }) => params['model']),
    ['mlp'],
  );
  assert.equal(chosen([]).length, names.length);
  assert.equal(chosen(['no such case']).length, 0);
});

test.run();
