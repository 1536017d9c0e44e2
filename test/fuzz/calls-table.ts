// Valid calls of the ops that PyTorch's fixtures do not have: creation, random numbers, functions of functions.
import type { Call, Json } from './call.ts';
import { plan } from './call.ts';

const x = (): Json => plan([2, 3], [1, -2, 0.5, 3, 0.25, -1]);
const square = (): Json => plan([3, 3], [4, 1, 0.5, 1, 3, 0.25, 0.5, 0.25, 5]);
const share = (): Json => plan([2, 3], [0.1, 0.9, 0.5, 0.25, 0.75, 1]);
const flags = (): Json => plan([2, 3], [1, 0, 1, 0, 0, 1], 'bool');
const rows = (): Json => plan([2], [1, 0], 'int64');
const fn = (name: 'square' | 'total'): Json => ({ $: name });
const made = (): Json => ({ dtype: 'float32' });

const table: Record<string, Json[][]> = {
  add: [[x(), x()]],
  sub: [[x(), x()]],
  addcmul: [[x(), x(), x()]],
  zeros: [[[2, 3], made()]],
  ones: [[[2, 3], made()]],
  empty: [[[2, 3], made()]],
  full: [[[2, 3], 2, made()]],
  zerosLike: [[x()], [x(), made()]],
  onesLike: [[x()], [x(), made()]],
  emptyLike: [[x()], [x(), made()]],
  fullLike: [
    [x(), 2],
    [x(), 2, made()],
  ],
  arange: [
    [7, made()],
    [2, 9, { step: 3, dtype: 'float32' }],
  ],
  eye: [[3, { dtype: 'float32' }]],
  linspace: [[0, 1, 5, made()]],
  logspace: [[0, 1, 5, made()]],
  rand: [[[2, 3], made()]],
  randn: [[[2, 3], made()]],
  uniform: [[[2, 3], { low: -1, high: 2, dtype: 'float32' }]],
  normal: [[[2, 3], { mean: 1, std: 2, dtype: 'float32' }]],
  truncNormal: [[[2, 3], made()]],
  exponential: [[[2, 3], made()]],
  gumbel: [[[2, 3], made()]],
  cauchy: [[[2, 3], made()]],
  logNormal: [[[2, 3], made()]],
  geometric: [[[2, 3], { p: 0.5, dtype: 'float32' }]],
  randint: [[[2, 3], { low: 0, high: 9, dtype: 'int32' }]],
  randperm: [[7, { dtype: 'int32' }]],
  randLike: [[x()]],
  randnLike: [[x()]],
  randintLike: [[x(), { low: 0, high: 9 }]],
  bernoulli: [[share()]],
  poisson: [[share()]],
  standardGamma: [[share()]],
  multinomial: [[share(), 2, { replacement: true }]],
  uniform_: [[x()]],
  normal_: [[x()]],
  exponential_: [[x()]],
  bernoulli_: [[x()]],
  dropout: [[x(), 0.5]],
  alphaDropout: [[x(), 0.5]],
  featureDropout: [[plan([1, 2, 2], [1, 2, 3, 4]), 0.5]],
  featureAlphaDropout: [[plan([1, 2, 2], [1, 2, 3, 4]), 0.5]],
  allclose: [[x(), x()]],
  equal: [[x(), x()]],
  argwhere: [[x()]],
  at: [
    [x(), 1],
    [x(), [0, 2], [1, 3]],
    [x(), flags(), { size: 4, fill: 0 }],
    [x(), rows()],
  ],
  cast: [[x(), 'float32']],
  to: [[x(), 'float32']],
  copy_: [[x(), plan([3], [7, 8, 9])]],
  fill_: [[x(), 2]],
  zero_: [[x()]],
  detach: [[x()]],
  contiguous: [[x()]],
  clone: [[x()]],
  where: [[flags(), x(), x()]],
  index: [[x(), rows()]],
  matmul: [
    [x(), plan([3, 2], [1, 2, 3, 4, 5, 6])],
    [plan([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), plan([2, 2], [1, 0, 2, 1])],
  ],
  chainMatmul: [[[x(), plan([3, 2], [1, 2, 3, 4, 5, 6]), plan([2, 1], [1, 2])]]],
  linear: [[x(), plan([2, 3], [1, 2, 3, 4, 5, 6]), plan([2], [0.5, 1])]],
  avgPool2d: [[plan([1, 1, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), 2]],
  maxPool2d: [[plan([1, 1, 3, 4], [1, 9, 3, 4, 5, 6, 2, 8, 7, 10, 11, 12]), 2]],
  batchNorm: [
    [
      plan([3, 2], [1, 2, 3, 4, 5, 7]),
      { runningMean: plan([2], [0, 0]), runningVar: plan([2], [1, 1]), weight: plan([2], [2, 3]) },
    ],
    [plan([3, 2], [1, 2, 3, 4, 5, 7]), { training: true }],
  ],
  mseLoss: [[x(), x()]],
  crossEntropy: [[x(), rows()]],
  nllLoss: [[x(), rows()]],
  svd: [[square()]],
  eigh: [[square()]],
  jacobian: [[fn('square'), x()]],
  hessian: [[fn('total'), x()]],
  vjp: [[fn('square'), x(), x()]],
  jvp: [[fn('square'), x(), x()]],
  hvp: [[fn('total'), x(), x()]],
};

export const handwritten: readonly Call[] = Object.entries(table).flatMap(([op, calls]) =>
  calls.map((args) => ({ op, args })),
);
