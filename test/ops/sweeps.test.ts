// Tensors of several chunks on the CPU, which one op takes from first to last and the next from last to first
// (native/cpu/pool.h): the bits of a few rows at a time, whichever way it goes and in any number of threads.
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import * as ops from '../../lib/index.ts';
import { elements, sameElements } from '../support/tensors.ts';

const rowwise: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  relu: (x) => ops.relu(x),
  add: (x) => ops.add(x, x),
  'a copy of all columns but one': (x) => ops.narrow(x, -1, 1, columns - 1).contiguous(),
  sum: (x) => ops.sum(x, -1),
  softmax: (x) => ops.softmax(x, -1),
  layerNorm: (x) => ops.layerNorm(x, [x.shape[1] as number]),
  cumsum: (x) => ops.cumsum(x, -1),
  'pooled rows': (x) => ops.maxPool2d(ops.reshape(x, [x.shape[0] as number, 1, 10, -1]), 2),
};

const columns = 500;
/** Rows of two chunks and less than a third, of the most that turn, and of one more. */
for (const rows of [140, 2097, 2163]) {
  test(`${rows} rows of ${columns}: the bits of a few rows`, () =>
    ops.scope(() => {
      ops.manualSeed(7);
      const x = ops.randn([rows, columns]);
      const parts = Array.from({ length: Math.ceil(rows / 60) }, (_, i) =>
        ops.narrow(x, 0, i * 60, Math.min(60, rows - i * 60)).contiguous(),
      );
      for (const [name, f] of Object.entries(rowwise)) {
        const wanted = elements(ops.cat(parts.map(f), 0));
        for (const threads of [1, 3]) {
          ops.setThreads(threads);
          // Two in a row go both ways.
          for (let i = 0; i < 2; i++) sameElements(f(x), wanted, `${name}, ${threads} threads, ${i}`);
        }
      }
    }));
}

test('the transposed, and back', () =>
  ops.scope(() => {
    const x = ops.randn([700, 701]);
    const wanted = elements(x);
    for (let i = 0; i < 3; i++) {
      const turned = ops.transpose(x).contiguous();
      sameElements(ops.transpose(turned).contiguous(), wanted);
    }
  }));

test.run();
