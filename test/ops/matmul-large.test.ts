// Large products, whose packed factors all chunks share, and long ones of few columns: the bits of the same product cut into blocks
// small enough to be worked out on their own, which ops/matmul holds to its reference.
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { cat, linear, manualSeed, matmul, narrow, randn, scope, setThreads, transpose } from '../../lib/index.ts';
import { elements, sameElements } from '../support/tensors.ts';

/** Rows or columns [from, from + 60) and so on. */
function pieces<T>(size: number, piece: (from: number, count: number) => T): T[] {
  return Array.from({ length: Math.ceil(size / 60) }, (_, i) => piece(i * 60, Math.min(60, size - i * 60)));
}

function inBlocks(a: Tensor, b: Tensor): Tensor {
  const rows = pieces(a.shape[a.rank - 2] as number, (row, height) => {
    const part = narrow(a, -2, row, height);
    return cat(
      pieces(b.shape[b.rank - 1] as number, (column, width) => matmul(part, narrow(b, -1, column, width))),
      -1,
    );
  });
  return cat(rows, -2);
}

interface Case {
  readonly name: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly dtype?: DType;
  /** Of b's columns, from the fourth: its rows lie as far apart as ever. */
  readonly columns?: number;
}
const cases: readonly Case[] = [
  { name: 'odd sizes', a: [263, 701], b: [701, 389] },
  { name: 'more depth than is packed at once', a: [1101, 2050], b: [2050, 1057] },
  { name: 'little depth', a: [517, 67], b: [67, 1001] },
  { name: 'rows a page apart', a: [263, 1024], b: [1024, 1024], columns: 1003 },
  { name: 'rows a page apart, float64', a: [263, 512], b: [512, 512], columns: 497, dtype: 'float64' },
  { name: 'panels that stay in the cache', a: [389, 37], b: [37, 640], columns: 599 },
  { name: 'panels that stay in the cache, float64', a: [389, 29], b: [29, 640], dtype: 'float64' },
  { name: 'float64', a: [263, 701], b: [701, 389], dtype: 'float64' },
  { name: 'batches', a: [2, 263, 701], b: [701, 389] },
];

for (const { name, a, b, dtype, columns } of cases) {
  test(`${name}: the bits of its blocks, however the factors lie`, () => {
    manualSeed(1);
    const place = dtype === undefined ? {} : { dtype };
    const [x, whole] = [randn(a, place) as Tensor, randn(b, place) as Tensor];
    const y = columns === undefined ? whole : narrow(whole, -1, 3, columns);
    const turned = [x, y].map((t) => transpose(transpose(t).contiguous())) as [Tensor, Tensor];
    const wanted = elements(inBlocks(x, y));
    sameElements(matmul(x, y), wanted, 'NN');
    sameElements(matmul(x, turned[1]), wanted, 'NT');
    sameElements(matmul(turned[0], y), wanted, 'TN');
    sameElements(matmul(turned[0], turned[1]), wanted, 'TT');
  });
}

test('results of more than 32 MiB, which are written past the caches: the bits of rows a few at a time', () => {
  manualSeed(6);
  for (const [m, k, n] of [
    [4099, 37, 2064],
    [8207, 130, 1040],
    [3001, 9, 3001],
  ] as const)
    scope(() => {
      const [x, w, bias] = [randn([m, k]), randn([n, k]), randn([n])];
      const products: Readonly<Record<string, (x: Tensor) => Tensor>> = {
        matmul: (part) => matmul(part, transpose(w)),
        linear: (part) => linear(part, w, bias),
      };
      for (const [name, product] of Object.entries(products))
        scope(() => {
          const whole = product(x);
          for (const row of [0, 1, Math.floor(m / 2), m - 61])
            sameElements(narrow(whole, 0, row, 61), elements(product(narrow(x, 0, row, 61))), `${name}, row ${row}`);
        });
    });
});

test('few columns: the bits of blocks of rows, in any number of threads', () => {
  manualSeed(3);
  for (const columns of [3, 10, 12]) {
    const [x, y] = [randn([323, 650]), randn([650, columns])];
    const parts = pieces(323, (row, height) => matmul(narrow(x, 0, row, height), y));
    const wanted = elements(cat(parts, 0));
    for (const threads of [1, 2, 3]) {
      setThreads(threads);
      sameElements(matmul(x, y), wanted);
    }
    sameElements(matmul(x, transpose(transpose(y).contiguous())), wanted, 'NT');
  }
});

test('gradients of weights, whose depth several threads share: the bits of blocks, in any number of threads', () => {
  manualSeed(4);
  for (const [m, k, n] of [
    [140, 1024, 135],
    [97, 1100, 101],
    [90, 2041, 80],
    [311, 520, 100],
  ] as const) {
    for (const dtype of ['float32', 'float64'] as const) {
      const [x, y] = [randn([m, k], { dtype }), randn([k, n], { dtype })];
      const wanted = elements(inBlocks(x, y));
      const turned = transpose(transpose(x).contiguous());
      for (const threads of [1, 2, 3]) {
        setThreads(threads);
        sameElements(matmul(turned, y), wanted, `${m}x${k}x${n} ${dtype}, ${threads} threads`);
      }
    }
  }
});

test("products of few rows or columns, which have orders of their own, give one thread's bits in any number", () => {
  manualSeed(5);
  for (const [m, k, n] of [
    [1000, 1024, 12],
    [9001, 1024, 1],
    [8, 1024, 2000],
  ] as const) {
    const [x, y] = [transpose(randn([k, m])), randn([k, n])];
    setThreads(1);
    const wanted = elements(matmul(x, y));
    for (const threads of [2, 3]) {
      setThreads(threads);
      sameElements(matmul(x, y), wanted, `${m}x${k}x${n}, ${threads} threads`);
    }
  }
});

test('a bias is added after the last term, in any number of threads', () => {
  manualSeed(2);
  const [x, weight, bias] = [randn([323, 650]), randn([403, 650]), randn([403])];
  const wanted = elements(
    cat(
      pieces(323, (row, height) => linear(narrow(x, 0, row, height), weight, bias)),
      0,
    ),
  );
  for (const threads of [1, 2, 3]) {
    setThreads(threads);
    sameElements(linear(x, weight, bias), wanted);
  }
});

test.run();
