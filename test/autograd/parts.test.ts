// Gradients of parts of a tensor: those that meet are written side by side, others added, and what no part reached is zero.
import { test } from 'uvu';
import { strict as assert } from 'node:assert';
import { arange, grad, index, ones, slice, split, type Tensor, tensor, unbind } from '../../lib/index.ts';
import { testDevices } from '../support/devices.ts';
import { elements } from '../support/tensors.ts';

type Parts = (x: Tensor) => readonly Tensor[];

/** Of a [4, 6] tensor; the gradient of the last comes first. */
const programs: Readonly<Record<string, Parts>> = {
  'side by side': (x) => split(x, 2, -1),
  'side by side, backwards': (x) => split(x, 2, -1).reverse(),
  'rows, one by one': (x) => unbind(x),
  'columns of a turned one': (x) => unbind(x.transpose(0, 1)),
  'with a gap that is filled later': (x) => [x.narrow(1, 2, 2), x.narrow(1, 4, 2), x.narrow(1, 0, 2)],
  'with a gap that stays': (x) => [x.narrow(1, 5, 1), x.narrow(1, 1, 2)],
  'one in the middle': (x) => [x.narrow(1, 2, 3)],
  overlapping: (x) => [x.narrow(0, 0, 3), x.narrow(0, 1, 3)],
  'met, then overlapping': (x) => [x.narrow(0, 1, 2), x.narrow(0, 2, 2), x.narrow(0, 0, 2)],
  'of both axes': (x) => [x.narrow(1, 0, 3), x.narrow(0, 2, 2), x.narrow(0, 0, 2)],
  'a corner, and steps': (x) => [
    slice(
      x,
      [
        [0, 2],
        [1, 6],
      ],
      [1, 2],
    ),
    x.narrow(1, 3, 3),
    slice(x, [
      [1, 3],
      [2, 4],
    ]),
  ],
  'none of it': (x) => [x.narrow(1, 6, 0), x.narrow(1, 0, 2)],
  'all of it': (x) => [x.narrow(1, 0, 6), x.narrow(1, 0, 3)],
  'parts, and the whole': (x) => [x.narrow(1, 0, 3), x.narrow(1, 3, 3), x, x.narrow(1, 3, 3)],
  'the whole between': (x) => [x.narrow(1, 0, 3), x, x.narrow(1, 3, 3)],
};

for (const device of testDevices)
  for (const [name, parts] of Object.entries(programs))
    test(`${name}: what ops that may be differentiated again give, on ${device}`, () => {
      for (const between of [(x: Tensor) => x.mul(2), (x: Tensor) => x]) {
        const x = tensor(arange(24).reshape([4, 6]).toArraySync() as number[][], { device, requiresGrad: true });
        const pieces = parts(between(x));
        const slopes = pieces.map((piece, i) =>
          arange(piece.size, { device })
            .reshape([...piece.shape])
            .add(10 ** i),
        );
        const options = { gradOutputs: slopes.map((slope) => slope.detach()), retainGraph: true };
        const run = (createGraph: boolean): number[] => {
          const [dx] = grad(pieces, [x], { ...options, createGraph });
          return [...elements(dx as Tensor)];
        };
        const wanted = run(true);
        assert.deepEqual(run(false), wanted);
        pieces
          .reduce((sum, piece, i) => sum.add(piece.mul(slopes[i] as Tensor).sum()), tensor(0, { device }))
          .backward();
        assert.deepEqual([...elements(x.grad as Tensor)], wanted);
      }
    });

test('a part that failed spoils the whole, whichever comes first', async () => {
  for (const which of [0, 1]) {
    const x = ones([4], { requiresGrad: true });
    const halves = split(x.mul(1), 2);
    const failed = index(ones([4]), tensor([9, 9], { dtype: 'int32' }));
    const [dx] = grad(halves, [x], { gradOutputs: which === 0 ? [failed, ones([2])] : [ones([2]), failed] });
    await assert.rejects((dx as Tensor).data(), { code: 'ERR_INDEX' });
    await assert.rejects(failed.data(), { code: 'ERR_INDEX' });
  }
});

test.run();
