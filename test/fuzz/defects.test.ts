// The places where test/fuzz/defects.ts plants its defects exist; that the fuzzer finds them is shown by the stage `defects`.
import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { defective, defects } from './defects.ts';

for (const defect of defects) {
  test(`${defect.name} can be planted`, () => assert(defective(defect).includes(defect.put)));
}

test.run();
