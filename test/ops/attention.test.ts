import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import { Generator, grad, scope, setThreads, type Tensor, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { AttentionOptions } from '../../lib/ops/index.ts';
import { checkOp, throwsCode } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { constant, given, mask, noGradient, rand, randIn, withDtype } from '../support/random.ts';
import * as reference from '../support/reference/attention.ts';
import { elements } from '../support/tensors.ts';

/** The op with its tensors as arguments, where checkOp finds them. */
const attend = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  masking: Tensor | null = null,
  alibi: Tensor | null = null,
  { maskIsBool: _, ...options }: AttentionOptions & { maskIsBool?: boolean } = {},
): Tensor[] => ops.scaledDotProductAttention(q, k, v, { ...options, mask: masking, alibi, returnLse: true });

const few = ['contiguous', 'transposed', 'sliced', 'reversed'] as const;

// A weight is a quotient of sums of exponentials; its error is that of the scores, which are of the order of 1 here.
checkOp('scaledDotProductAttention', attend, {
  reference: reference.attention,
  ulps: 64,
  magnitude: (q, k, v, m, a, o) =>
    reference.attention(q, k, v, m, a, o).map((t) => ({ ...t, data: t.data.map(() => 1) })),
  cases: [
    {
      name: 'heads, an added mask and slopes',
      args: [rand(2, 3, 2), rand(2, 4, 2), rand(2, 4, 3), rand(3, 4), rand(2), { maskIsBool: false }],
    },
    { name: 'a matrix', args: [rand(3, 4), rand(5, 4), rand(5, 2)] },
    { name: 'a batch of heads', args: [rand(2, 2, 3, 2), rand(2, 2, 3, 2), rand(2, 2, 3, 2)], layouts: few },
    { name: 'leading axes broadcast', args: [rand(2, 1, 3, 2), rand(2, 3, 2), rand(1, 1, 3, 2)], layouts: few },
    { name: 'five axes', args: [rand(2, 1, 2, 3, 2), rand(1, 2, 2, 3, 2), rand(2, 3, 2)], layouts: few },
    { name: 'causal', args: [rand(2, 4, 2), rand(2, 4, 2), rand(2, 4, 2), null, null, { isCausal: true }] },
    { name: 'causal, fewer keys', args: [rand(5, 2), rand(3, 2), rand(3, 2), null, null, { isCausal: true }] },
    { name: 'a bool mask', args: [rand(2, 4, 2), rand(2, 4, 2), rand(2, 4, 2), mask(4, 4)], layouts: few },
    {
      name: 'a mask for each batch and head, a scale',
      args: [rand(2, 2, 2, 2), rand(2, 2, 3, 2), rand(2, 2, 3, 2), mask(2, 1, 1, 3), null, { scale: -0.7 }],
      layouts: few,
    },
    { name: 'a sliding window', args: [rand(1, 6, 2), rand(1, 6, 2), rand(1, 6, 2), null, null, { window: [2, 1] }] },
    {
      name: 'grouped queries',
      args: [rand(2, 4, 3, 2), rand(2, 2, 4, 2), rand(2, 2, 4, 2), null, null, { enableGqa: true, isCausal: true }],
      layouts: few,
    },
    { name: 'no queries', args: [rand(2, 0, 2), rand(2, 3, 2), rand(2, 3, 2)] },
    { name: 'no keys', args: [rand(2, 3, 2), rand(2, 0, 2), rand(2, 0, 2)], grad: false },
    {
      name: 'several blocks of queries and keys',
      args: [rand(1, 150, 17), rand(1, 300, 17), rand(1, 300, 9), null, null, { window: [170, 60] }],
      grad: false,
      layouts: ['contiguous', 'sliced'],
    },
    {
      name: 'large scores',
      args: [given([30, -30, 100, 1], [2, 2]), given([30, 1, -30, 2, 5, 5], [3, 2]), rand(3, 2)],
      grad: false,
      layouts: ['contiguous'],
      dtypes: ['float64'],
    },
    {
      name: 'NaN stays in its row',
      args: [given([Number.NaN, 1, 0, 1], [2, 2]), randIn(-1, 1, 3, 2), rand(3, 2)],
      grad: false,
      layouts: ['contiguous'],
    },
  ],
  rejects: [
    { name: 'other depths', args: () => [rand(2, 3), rand(2, 4), rand(2, 4)], code: 'ERR_SHAPE', message: /last size/ },
    { name: 'other numbers of keys', args: () => [rand(2, 3), rand(4, 3), rand(5, 3)], code: 'ERR_SHAPE' },
    { name: 'vectors', args: () => [rand(3), rand(3), rand(3)], code: 'ERR_SHAPE' },
    { name: 'heads that differ', args: () => [rand(4, 2, 3), rand(2, 2, 3), rand(2, 2, 3)], code: 'ERR_SHAPE' },
    {
      name: 'groups that do not divide',
      args: () => [rand(3, 2, 3), rand(2, 2, 3), rand(2, 2, 3), null, null, { enableGqa: true }],
      code: 'ERR_SHAPE',
    },
    {
      name: 'a mask of another shape',
      args: () => [rand(2, 3), rand(4, 3), rand(4, 3), mask(3, 4)],
      code: 'ERR_SHAPE',
    },
    {
      name: 'an integer mask',
      args: () => [rand(2, 3), rand(4, 3), rand(4, 3), withDtype(rand(2, 4), 'int32')],
      code: 'ERR_DTYPE',
    },
    {
      name: 'slopes for other heads',
      args: () => [rand(2, 2, 3), rand(2, 2, 3), rand(2, 2, 3), null, rand(3)],
      code: 'ERR_SHAPE',
    },
    {
      name: 'a probability of 1',
      args: () => [rand(2, 3), rand(2, 3), rand(2, 3), null, null, { dropout: 1 }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a NaN scale',
      args: () => [rand(2, 3), rand(2, 3), rand(2, 3), null, null, { scale: Number.NaN }],
      code: 'ERR_ARGUMENT',
    },
    {
      name: 'a window of one number',
      args: () => [rand(2, 3), rand(2, 3), rand(2, 3), null, null, { window: 3 }],
      code: 'ERR_ARGUMENT',
    },
    { name: 'null for keys', args: () => [rand(2, 3), null, rand(2, 3)], code: 'ERR_ARGUMENT' },
  ],
});

// Without the log-sum-exp, which is minus infinity there and has no differences.
checkOp('scaledDotProductAttention', (...args: Parameters<typeof attend>) => attend(...args)[0], {
  reference: (...args: Parameters<typeof reference.attention>) => reference.attention(...args)[0],
  ulps: 64,
  cases: [
    {
      name: 'queries without a key',
      args: [
        rand(2, 3, 2),
        rand(2, 3, 2),
        rand(2, 3, 2),
        withDtype(given([1, 0, 1, 0, 0, 0, 1, 1, 1], [3, 3]), 'bool'),
      ],
      layouts: ['contiguous'],
    },
    {
      name: 'minus infinity everywhere',
      args: [rand(2, 2), rand(3, 2), rand(3, 2), noGradient(constant(-Infinity, 2, 3)), null, { maskIsBool: false }],
    },
  ],
});

for (const device of testDevices) {
  test(`attention drops the weights that dropout drops on ${device}`, () => {
    for (const dtype of ['float32', 'float64'] as const) {
      scope(() => {
        const [q, k, v] = [1, 2, 3].map((seed) =>
          ops.randn([2, 7, 3], { generator: new Generator(seed, device), dtype, device, requiresGrad: true }),
        ) as [Tensor, Tensor, Tensor];
        const options = { dropout: 0.4, generator: new Generator(8, device), isCausal: true };
        const fused = ops.scaledDotProductAttention(q, k, v, options);
        const seen = ops.le(ops.arange(7, { device }), ops.unsqueeze(ops.arange(7, { device }), 1));
        const scores = ops.where(seen, ops.div(ops.matmul(q, ops.transpose(k)), Math.sqrt(3)), -Infinity);
        const kept = ops.dropout(ops.softmax(scores), { p: 0.4, generator: new Generator(8, device) });
        const plain = ops.matmul(kept, v);
        const weights = ops.randn([2, 7, 3], { generator: new Generator(4, device), dtype, device });
        const gradients = [fused, plain].map((y) => grad(ops.sum(ops.mul(y, weights)), [q, k, v]));
        const tolerance = dtype === 'float32' ? 1e-5 : 1e-13;
        const pairs = [[fused, plain], ...(gradients[0] ?? []).map((g, i) => [g, gradients[1]?.[i]])];
        for (const [a, b] of pairs as [Tensor, Tensor][]) {
          const wanted = elements(b);
          elements(a).forEach((value, i) => {
            assert.ok(Math.abs(value - (wanted[i] ?? Number.NaN)) < tolerance, `${value} for ${wanted[i]}`);
          });
        }
        // The composed gradient, used when it is recorded itself, draws the same mask.
        const again = ops.scaledDotProductAttention(q, k, v, { ...options, generator: new Generator(8, device) });
        const recorded = grad(ops.sum(ops.mul(again, weights)), [q], { createGraph: true })[0] as Tensor;
        const wanted = elements(gradients[1]?.[0] as Tensor);
        elements(recorded).forEach((value, i) => {
          assert.ok(Math.abs(value - (wanted[i] ?? Number.NaN)) < tolerance);
        });
      });
    }
  });

  test(`attention gives the same bits for any number of threads on ${device}`, () => {
    const run = (threads: number): Float64Array[] => {
      setThreads(threads);
      return scope(() => {
        const [q, k, v] = [1, 2, 3].map((seed) =>
          ops.randn([2, 333, 16], { generator: new Generator(seed, device), device, requiresGrad: true }),
        ) as [Tensor, Tensor, Tensor];
        const y = ops.scaledDotProductAttention(q, k, v, {
          isCausal: true,
          dropout: 0.1,
          generator: new Generator(5, device),
        });
        return [y, ...grad(ops.sum(ops.square(y)), [q, k, v])].map(elements);
      });
    };
    const one = run(1);
    assert.deepEqual(run(2), one);
    assert.deepEqual(run(3), one);
    setThreads(2);
  });
}

test('attention rejects what is not a tensor or an option', () => {
  const x = tensor([[1, 2]]);
  throwsCode(() => ops.scaledDotProductAttention(x, x, x, null as never), 'ERR_ARGUMENT', 'null options');
  throwsCode(() => ops.scaledDotProductAttention(x, x, x, { mask: 3 as never }), 'ERR_ARGUMENT', 'a number for a mask');
  throwsCode(() => ops.scaledDotProductAttention(x, x, x, { isCausal: 1 as never }), 'ERR_ARGUMENT', '1 for isCausal');
  throwsCode(
    () => ops.scaledDotProductAttention(x, x, x, { dropout: 0.5, generator: 1 as never }),
    'ERR_ARGUMENT',
    'a generator',
  );
  x.dispose();
});

test.run();
