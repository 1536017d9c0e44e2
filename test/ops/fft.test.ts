import { strict as assert } from 'node:assert';
import { test } from 'uvu';
import type { Tensor } from '../../lib/index.ts';
import { scope, tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import { checkOp, type OpCase } from '../support/check-op.ts';
import { testDevices } from '../support/devices.ts';
import { given, rand, randInt, withDtype } from '../support/random.ts';
import { rejects } from '../support/rejects.ts';
import * as reference from '../support/reference/fft.ts';
import { build, full, type NDArray, read } from '../support/reference/ndarray.ts';
import { elements } from '../support/tensors.ts';

/** Errors of a transform are relative to its largest result. */
// biome-ignore lint/suspicious/noExplicitAny: references of every argument list
function relative(f: (...args: any[]) => NDArray) {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const magnitude = (...args: any[]): NDArray => {
    const result = f(...args);
    return full(result.shape, Math.max(1e-300, ...result.data.map(Math.abs).filter(Number.isFinite)));
  };
  return { reference: f, magnitude, ulps: 64 };
}
const wrongOptions = [
  { name: 'a length', args: () => [rand(3, 2), { n: 0 }], code: 'ERR_ARGUMENT' },
  { name: 'a fraction of a length', args: () => [rand(3, 2), { n: 1.5 }], code: 'ERR_ARGUMENT' },
  { name: 'a norm', args: () => [rand(3, 2), { norm: 'x' }], code: 'ERR_ARGUMENT' },
  { name: 'an axis', args: () => [rand(3, 2), { axis: 2 }], code: 'ERR_SHAPE' },
  { name: 'options that are none', args: () => [rand(3, 2), 4], code: 'ERR_ARGUMENT' },
  { name: 'integers', args: () => [randInt(0, 3, [3, 2])], code: 'ERR_DTYPE' },
  { name: 'no tensor', args: () => [null], code: 'ERR_ARGUMENT' },
];
const notComplex = [
  { name: 'real numbers', args: () => [rand(3, 3)], code: 'ERR_SHAPE' },
  { name: 'rank 1', args: () => [rand(2)], code: 'ERR_SHAPE' },
];

// Every radix, products of them, and lengths with large prime factors.
const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 19, 23, 30, 34, 49, 64, 105, 121];
const long = (shape: (n: number) => number[], from = 0): OpCase[] =>
  lengths
    .slice(from)
    .map((n) => ({ name: `length ${n}`, args: [rand(...shape(n))], grad: false, layouts: ['contiguous', 'reversed'] }));

for (const name of ['fft', 'ifft'] as const) {
  checkOp(name, ops[name], {
    ...relative(reference[name]),
    cases: [
      { name: 'filled with zeros, along the first axis', args: [rand(3, 2, 2), { axis: 0, n: 5, norm: 'ortho' }] },
      { name: 'a batch', args: [rand(2, 3, 4, 2)] },
      { name: 'cut', args: [rand(5, 2), { n: 3, norm: 'forward' }] },
      { name: 'an empty batch', args: [rand(0, 3, 2)] },
      ...long((n) => [n, 2]),
    ],
    rejects: [...wrongOptions, ...notComplex, { name: 'nothing', args: () => [rand(0, 2)], code: 'ERR_ARGUMENT' }],
  });
}
checkOp('rfft', ops.rfft, {
  ...relative(reference.rfft),
  cases: [
    { name: 'filled with zeros, along the first axis', args: [rand(3, 2), { axis: 0, n: 6, norm: 'ortho' }] },
    { name: 'an odd length', args: [rand(2, 5)] },
    { name: 'an even length', args: [rand(2, 6)] },
    { name: 'cut', args: [rand(7), { n: 4, norm: 'forward' }] },
    ...long((n) => [n]),
  ],
  rejects: [...wrongOptions, { name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' }],
});
checkOp('irfft', ops.irfft, {
  ...relative(reference.irfft),
  cases: [
    { name: 'along the first axis', args: [rand(3, 2, 2), { axis: 0, norm: 'ortho' }] },
    { name: 'an odd length', args: [rand(2, 3, 2), { n: 5 }] },
    { name: 'an even length', args: [rand(2, 4, 2)] },
    { name: 'cut', args: [rand(5, 2), { n: 4, norm: 'forward' }] },
    { name: 'filled with zeros', args: [rand(2, 2), { n: 9 }] },
    ...long((n) => [Math.floor(n / 2) + 1, 2], 1),
  ],
  rejects: [...wrongOptions, ...notComplex],
});

type Plane = { s?: [number, number]; axis?: [number, number]; norm?: string };
const plane =
  (rows: typeof reference.fft, columns: typeof reference.fft, first: 0 | 1) =>
  (x: NDArray, { s, axis = [-2, -1], norm = 'backward' }: Plane = {}): NDArray => {
    const options = (i: 0 | 1) => ({ axis: axis[i], norm, ...(s ? { n: s[i] } : {}) });
    return columns(rows(x, options(first)), options(first === 1 ? 0 : 1));
  };
const planes = {
  fft2: plane(reference.fft, reference.fft, 1),
  ifft2: plane(reference.ifft, reference.ifft, 1),
  rfft2: plane(reference.rfft, reference.fft, 1),
  irfft2: plane(reference.ifft, reference.irfft, 0),
};
for (const name of ['fft2', 'ifft2', 'rfft2', 'irfft2'] as const) {
  const pair = name === 'rfft2' ? [] : [2];
  checkOp(name, ops[name], {
    ...relative(planes[name]),
    cases: [
      { name: 'a plane', args: [rand(3, 4, ...pair), { norm: 'ortho' }] },
      { name: 'other axes and lengths', args: [rand(3, 2, 4, ...pair), { axis: [0, 2], s: [2, 5] }] },
    ],
    rejects: [
      { name: 'one axis', args: () => [rand(3, 4, ...pair), { axis: 0 }], code: 'ERR_ARGUMENT' },
      { name: 'an axis twice', args: () => [rand(3, 4, ...pair), { axis: [0, 0] }], code: 'ERR_SHAPE' },
      { name: 'one length', args: () => [rand(3, 4, ...pair), { s: [2] }], code: 'ERR_ARGUMENT' },
      { name: 'no tensor', args: () => [3], code: 'ERR_ARGUMENT' },
    ],
  });
}

// Beyond a thread's own memory, or a block's, in one row and in several; a prime goes through a longer transform.
const large = [
  [1, 65536],
  [3, 40000],
  [1, 40009],
] as const;
const middle = [
  [1, 8192],
  [3, 4620],
  [2, 2503],
] as const;
for (const [rows, n, device] of testDevices.flatMap((name) =>
  (name === 'cpu' ? large : middle).map((size) => [...size, name] as const),
)) {
  test(`a transform of ${rows} × ${n} has the right spectrum and comes back, on ${device}`, () => {
    scope(() => {
      const [frequency, phase] = [1001, 0.3];
      const x = tensor(
        Float64Array.from({ length: rows * n }, (_, i) =>
          Math.cos(((((i % n) * frequency) % n) / n) * 2 * Math.PI + phase),
        ),
        { shape: [rows, n], device },
      );
      const spectrum = ops.rfft(x);
      const values = elements(spectrum);
      const half = Math.floor(n / 2) + 1;
      for (let k = 0; k < half; k++) {
        const peak = k === frequency ? n / 2 : 0;
        const [re, im] = [read(values, 2 * k), read(values, 2 * k + 1)];
        assert.ok(Math.abs(re - peak * Math.cos(phase)) < 1e-7 && Math.abs(im - peak * Math.sin(phase)) < 1e-7, `${k}`);
      }
      const near = (a: Tensor, b: Tensor) => {
        const error = elements(ops.sub(a, b)).reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        assert.ok(error < 1e-12, `${error}`);
      };
      near(ops.irfft(spectrum, { n }), x);
      const pairs = ops.stack([x, x], -1);
      near(ops.ifft(ops.fft(pairs)), pairs);
    });
  });
}

const shift =
  (by: (n: number) => number) =>
  (x: NDArray, { axis }: { axis?: number | number[] } = {}): NDArray => {
    const axes = axis === undefined ? x.shape.map((_, i) => i) : [axis].flat().map((each) => (each + x.rank) % x.rank);
    return build(x.shape, (at) =>
      x.at(...at.map((i, k) => (axes.includes(k) ? (i + by(read(x.shape, k))) % read(x.shape, k) : i))),
    );
  };
const shifts = { fftshift: shift((n) => Math.ceil(n / 2)), ifftshift: shift((n) => Math.floor(n / 2)) };
for (const name of ['fftshift', 'ifftshift'] as const) {
  checkOp(name, ops[name], {
    reference: shifts[name],
    ulps: 0,
    cases: [
      { name: 'every axis', args: [rand(3, 4)] },
      { name: 'one axis', args: [rand(5, 2), { axis: 0 }] },
      { name: 'rank 0', args: [rand()] },
      { name: 'an empty axis', args: [rand(0, 3)] },
    ],
    rejects: [
      { name: 'an axis', args: () => [rand(2), { axis: 1 }], code: 'ERR_SHAPE' },
      { name: 'no tensor', args: () => ['x'], code: 'ERR_ARGUMENT' },
    ],
  });
}

const complexMul = (a: NDArray, b: NDArray): NDArray =>
  build(a.shape, (at) => {
    const lead = at.slice(0, -1);
    const other = lead.slice(lead.length - b.rank + 1);
    const [ar, ai, br, bi] = [a.at(...lead, 0), a.at(...lead, 1), b.at(...other, 0), b.at(...other, 1)];
    return at.at(-1) === 0 ? ar * br - ai * bi : ar * bi + ai * br;
  });
checkOp('complexMul', ops.complexMul, {
  ...relative(complexMul),
  cases: [{ name: 'a broadcast row', args: [rand(3, 4, 2), rand(4, 2)] }],
  rejects: [{ name: 'real numbers', args: () => [rand(3), rand(2)], code: 'ERR_SHAPE' }],
});
checkOp('complexAbs', ops.complexAbs, {
  reference: (x: NDArray) => build(x.shape.slice(0, -1), (at) => Math.hypot(x.at(...at, 0), x.at(...at, 1))),
  cases: [
    { name: 'a batch', args: [rand(3, 2)] },
    { name: 'zero', args: [given([0, 0])], grad: false },
  ],
  rejects: [{ name: 'real numbers', args: () => [rand(3)], code: 'ERR_SHAPE' }],
});
checkOp('complexConj', ops.complexConj, {
  reference: (x: NDArray) => build(x.shape, (at) => (at.at(-1) === 0 ? 1 : -1) * x.at(...at)),
  cases: [{ name: 'a batch', args: [rand(3, 2)] }],
  rejects: [{ name: 'rank 0', args: () => [rand()], code: 'ERR_SHAPE' }],
});
checkOp('complex', ops.complex, {
  reference: (a: NDArray, b: NDArray) =>
    build([...a.shape, 2], (at) => (at.at(-1) === 0 ? a : b).at(...at.slice(0, -1))),
  cases: [{ name: 'two vectors', args: [rand(3), rand(3)] }],
  rejects: [{ name: 'shapes that differ', args: () => [rand(3), rand(2)], code: 'ERR_SHAPE' }],
});

/** Arguments with the window as one of them: checkOp makes tensors of arguments, not of what options hold. */
const stftOf = (x: Tensor, window: Tensor | null, nFft: number, options: ops.StftOptions = {}): Tensor =>
  ops.stft(x, nFft, { ...options, window });
checkOp('stft', stftOf, {
  ...relative((x: NDArray, window: NDArray | null, nFft: number, options: object = {}) =>
    reference.stft(x, nFft, { ...options, ...(window ? { window } : {}) }),
  ),
  cases: [
    { name: 'a batch with a window', args: [rand(2, 12), rand(6), 8, { winLength: 6, hopLength: 3 }] },
    { name: 'one signal', args: [rand(12), null, 8] },
    { name: 'not centred, every frequency', args: [rand(9), rand(4), 4, { center: false, onesided: false }] },
    ...(['constant', 'replicate', 'circular'] as const).map((padMode) => ({
      name: padMode,
      args: [rand(7), null, 5, { padMode, normalized: true, hopLength: 2 }],
    })),
  ],
  rejects: [
    { name: 'rank 3', args: () => [rand(1, 2, 8), null, 4], code: 'ERR_SHAPE' },
    { name: 'a signal too short to reflect', args: () => [rand(3), null, 8], code: 'ERR_SHAPE' },
    { name: 'a signal shorter than a window', args: () => [rand(3), null, 8, { center: false }], code: 'ERR_SHAPE' },
    { name: 'a window of another length', args: () => [rand(9), rand(3), 4], code: 'ERR_SHAPE' },
    { name: 'a window of another dtype', args: () => [rand(9), withDtype(rand(4), 'float64'), 4], code: 'ERR_DTYPE' },
    { name: 'a hop of 0', args: () => [rand(9), null, 4, { hopLength: 0 }], code: 'ERR_ARGUMENT' },
    { name: 'a padding', args: () => [rand(9), null, 4, { padMode: 'x' }], code: 'ERR_ARGUMENT' },
    { name: 'a flag', args: () => [rand(9), null, 4, { center: 1 }], code: 'ERR_ARGUMENT' },
    { name: 'no size', args: () => [rand(9), null], code: 'ERR_ARGUMENT' },
  ],
});
// Of a signal's own spectra the inverse gives the signal: the reference is its first argument, scaled.
const roundTrip = (x: Tensor, window: Tensor | null, nFft: number, options: ops.IstftOptions = {}): Tensor =>
  ops.istft(ops.mul(ops.stft(x, nFft, { ...options, window }), 2), nFft, { ...options, window });
checkOp('istft', roundTrip, {
  ...relative((x: NDArray, _window: NDArray | null, _nFft: number, { length }: { length?: number } = {}) =>
    build([...x.shape.slice(0, -1), length ?? read(x.shape, x.rank - 1)], (at) =>
      read(at, at.length - 1) < read(x.shape, x.rank - 1) ? 2 * x.at(...at) : 0,
    ),
  ),
  cases: [
    {
      name: 'a batch with a window',
      args: [rand(2, 12), given([1, 2, 3, 2, 1, 1]), 8, { winLength: 6, hopLength: 3 }],
    },
    { name: 'one signal', args: [rand(12), null, 8, { normalized: true }] },
    { name: 'not centred, every frequency', args: [rand(9), null, 4, { center: false, onesided: false }] },
    { name: 'a shorter length', args: [rand(12), null, 8, { length: 12 }] },
  ],
  rejects: [],
});
test('istft rejects what is no spectrum', () => {
  const x = tensor(new Float32Array(30), { shape: [5, 3, 2] });
  rejects(() => ops.istft(x, 7), 'ERR_SHAPE', /istft: wants 4 frequencies/);
  rejects(() => ops.istft(tensor([1, 2]), 7), 'ERR_SHAPE', /istft: wants \[F, T, 2\]/);
  rejects(() => ops.istft(x, 8, { length: 0 }), 'ERR_ARGUMENT', /istft: length/);
  assert.deepEqual([...ops.istft(x, 8, { length: 30 }).shape], [30]);
});

/** Symmetric windows of 5 by their formulas, at 0, ¼, ½, ¾, 1. */
const quarter = [0, 0.25, 0.5, 0.75, 1];
const windows = {
  hannWindow: (t: number) => Math.sin(Math.PI * t) ** 2,
  hammingWindow: (t: number) => 0.08 + 0.92 * Math.sin(Math.PI * t) ** 2,
  blackmanWindow: (t: number) => 0.42 - 0.5 * Math.cos(2 * Math.PI * t) + 0.08 * Math.cos(4 * Math.PI * t),
  bartlettWindow: (t: number) => Math.min(2 * t, 2 - 2 * t),
  kaiserWindow: (t: number) => (t === 0.5 ? 1 : t === 0 || t === 1 ? 5.27734413201e-5 : 0.215672744759),
} as const;
for (const name of ['hannWindow', 'hammingWindow', 'blackmanWindow', 'bartlettWindow', 'kaiserWindow'] as const) {
  test(`${name} follows its formula, periodic or symmetric`, () => {
    const dtype = 'float64';
    const symmetric = elements(ops[name](5, { periodic: false, dtype }));
    quarter.forEach((t, i) => {
      assert.ok(Math.abs(read(symmetric, i) - windows[name](t)) < 1e-7, `${name}(${t}): ${symmetric[i]}`);
    });
    assert.deepEqual([...elements(ops[name](4, { dtype }))], [...symmetric.slice(0, 4)]);
    assert.deepEqual([...elements(ops[name](1))], [1]);
    assert.deepEqual([...elements(ops[name](0))], []);
    assert.equal(ops[name](3).dtype, 'float32');
    for (const bad of [-1, 4n, Symbol('length')])
      rejects(() => ops[name](bad as never, { periodic: false }), 'ERR_ARGUMENT', /length/);
    rejects(() => ops[name](3, { periodic: 1 as never }), 'ERR_ARGUMENT', /periodic/);
    rejects(() => ops[name](3, { dtype: 'int32' }), 'ERR_DTYPE', /dtype/);
    rejects(() => ops[name](2 ** 31), 'ERR_ARGUMENT', /length/);
  });
}
for (const name of ['fftfreq', 'rfftfreq'] as const) {
  test(`${name} counts frequencies`, () => {
    for (const n of [1, 2, 3, 4, 5, 8]) {
      const all = Array.from({ length: n }, (_, i) => (i < n / 2 ? i : i - n) / (n * 0.5));
      const half = Array.from({ length: Math.floor(n / 2) + 1 }, (_, i) => i / (n * 0.5));
      assert.deepEqual([...elements(ops[name](n, { d: 0.5, dtype: 'float64' }))], name === 'fftfreq' ? all : half);
    }
    rejects(() => ops[name](0), 'ERR_ARGUMENT', /n must be/);
    rejects(() => ops[name](3, { d: 0 }), 'ERR_ARGUMENT', /d must be/);
  });
}

test.run();
