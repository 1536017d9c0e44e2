// The ten dtypes: exact conversions of every pair, promotion, and what comes in and goes out.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DType, Tensor } from '../../lib/index.ts';
import { add, borrow, dtypes, eq, io, tensor, zeros } from '../../lib/index.ts';
import { promote } from '../../lib/core/dtype.ts';
import { halfBits, halfNumber } from '../../lib/core/half.ts';
import { testDevices } from '../support/devices.ts';
import { Random, rounded, testSeed } from '../support/random.ts';
import { decode, encode, formats } from '../support/reference/half.ts';
import { elements } from '../support/tensors.ts';

const code = (wanted: string) => (error: { code?: string }) => error.code === wanted;
const halves = ['float16', 'bfloat16'] as const;
const every = Array.from({ length: 65536 }, (_, bits) => bits);

/** Reads bits so that every NaN looks the same. */
const plain = (bits: ArrayLike<number>, dtype: 'float16' | 'bfloat16'): number[] =>
  Array.from(bits, (each) => (Number.isNaN(decode(each, formats[dtype])) ? 0x7fff : each));

/** Numbers at and around every rounding boundary of a format, and some far outside. */
function boundaries(dtype: 'float16' | 'bfloat16'): number[] {
  const { exponent, mantissa } = formats[dtype];
  const random = new Random(testSeed);
  const numbers = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300, 5e-324, 1e-46];
  const last = (2 ** exponent - 1) * 2 ** mantissa;
  for (let bits = 0; bits < last; bits += bits < 64 || bits > last - 64 ? 1 : 13) {
    const low = decode(bits, formats[dtype]);
    const high = bits + 1 < last ? decode(bits + 1, formats[dtype]) : 2 * low - decode(bits - 1, formats[dtype]);
    const tie = (low + high) / 2;
    const sign = random.next() < 0.5 ? -1 : 1;
    for (const x of [tie, tie * (1 + 2 ** -23), tie * (1 - 2 ** -23), tie * (1 + 2 ** -51), tie * (1 - 2 ** -51)])
      numbers.push(sign * x);
  }
  return numbers;
}

for (const dtype of halves) {
  test(`${dtype}: the library's bits and numbers are the reference's`, () => {
    for (const bits of every) {
      const wanted = decode(bits, formats[dtype]);
      assert.ok(Object.is(halfNumber(dtype, bits), wanted), `${bits}`);
      assert.equal(plain([halfBits(dtype, wanted)], dtype), plain([bits], dtype));
    }
    for (const x of boundaries(dtype)) assert.is(halfBits(dtype, x), encode(x, dtype), String(x));
  });

  for (const device of testDevices) {
    test(`${dtype}: all 65,536 patterns to float32 and back on ${device}`, () => {
      const stored = tensor(Uint16Array.from(every), { dtype, device });
      assert.equal(stored.dtype, dtype);
      const wide = stored.to('float32');
      const numbers = wide.dataSync();
      for (const bits of every) assert.ok(Object.is(numbers[bits], decode(bits, formats[dtype])), `${bits}`);
      assert.equal(plain(wide.to(dtype).dataSync(), dtype), plain(every, dtype));
      assert.equal(plain(stored.to('float64').to(dtype).dataSync(), dtype), plain(every, dtype));
    });

    test(`${dtype}: rounding is to nearest even, once, on ${device}`, () => {
      const numbers = boundaries(dtype);
      for (const from of ['float32', 'float64'] as const) {
        const source = tensor(from === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers), { device });
        const wanted = plain(
          Array.from(source.dataSync(), (x) => encode(x, dtype)),
          dtype,
        );
        assert.equal(plain(source.to(dtype).dataSync(), dtype), wanted, from);
      }
    });
  }
}

/** Values that every dtype tells apart, its limits among them, as `dtype` holds them. */
function samples(dtype: DType): number[] {
  if (dtype === 'bool') return [0, 1, 1, 0, 1];
  const near = [0, 1, 2, 3, 100, 127];
  if (dtype === 'uint8') return [...near, 128, 255];
  const signed = [...near, -1, -2, -100, -128];
  if (dtype === 'int8') return signed;
  const wide = [...signed, 128, 255, 256, 257, 2049, 4097, 32767, -32768, -129];
  if (dtype === 'int16') return wide;
  const wider = [...wide, 65519, 65520, 65536 + 129, 2 ** 24 + 1, 2 ** 31 - 1, -(2 ** 31), 2 ** 30 + 2 ** 21 + 1];
  if (dtype === 'int32') return wider;
  if (dtype === 'int64') return [...wider, 2 ** 40 + 3, -(2 ** 40) - 5, 2 ** 52 + 1];
  const special = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    0.5,
    1.9,
    -1.9,
    1e30,
    -1e30,
    1e-30,
  ];
  return [...wider, ...special].map((x) => rounded(x, dtype));
}

/** What a cast must give: integers wrap, fractions saturate and lose their fraction, halves are rounded once. */
function converted(x: number, from: DType, to: DType): number {
  if (to === 'bool') return Number(x !== 0);
  const bits = { int8: 8, uint8: 8, int16: 16, int32: 32, int64: 64 }[to as string];
  const whole = !['float16', 'bfloat16', 'float32', 'float64'].includes(from);
  if (bits === undefined || !whole) return rounded(x, to);
  const big = to === 'uint8' ? BigInt.asUintN(bits, BigInt(x)) : BigInt.asIntN(bits, BigInt(x));
  return Number(big);
}

for (const device of testDevices) {
  test(`every pair of dtypes converts exactly, contiguous and strided, on ${device}`, () => {
    for (const from of dtypes) {
      const values = samples(from);
      const array = from === 'int64' ? BigInt64Array.from(values, BigInt) : Float64Array.from(values);
      const source = tensor(array, { dtype: from, device });
      // More elements than a staging block holds, so that blocks and their ends are crossed.
      const long = source.unsqueeze(0).expand([701, values.length]);
      for (const to of dtypes) {
        const wanted = values.map((x) => converted(x, from, to));
        const label = `${from} to ${to}`;
        assert.equal([...elements(source.to(to))], wanted, label);
        const both = zeros([values.length, 2], { dtype: to, device });
        both.select(1, 1).copy_(source);
        assert.equal(
          [...elements(both)],
          wanted.flatMap((x) => [0, x]),
          `${label}, strided target`,
        );
        const rows = elements(long.to(to));
        assert.ok(
          rows.every(
            (x, i) => Object.is(x, (wanted[i % values.length] as number) + 0) || x === wanted[i % values.length],
          ),
          `${label}, long`,
        );
        const turned = elements(long.transpose().to(to));
        assert.ok(
          turned.every((x, i) => {
            const w = wanted[Math.floor(i / 701)] as number;
            return Object.is(x, w) || x === w;
          }),
          `${label}, transposed`,
        );
      }
    }
  });
}

// torch.promote_types of PyTorch 1.13, every pair in the order of the names.
const names = [
  'bool',
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
] as const;
const promoted = `
  bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64
  uint8 uint8 int16 int16 int32 int64 float16 bfloat16 float32 float64
  int8 int16 int8 int16 int32 int64 float16 bfloat16 float32 float64
  int16 int16 int16 int16 int32 int64 float16 bfloat16 float32 float64
  int32 int32 int32 int32 int32 int64 float16 bfloat16 float32 float64
  int64 int64 int64 int64 int64 int64 float16 bfloat16 float32 float64
  float16 float16 float16 float16 float16 float16 float16 float32 float32 float64
  bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32 bfloat16 float32 float64
  float32 float32 float32 float32 float32 float32 float32 float32 float32 float64
  float64 float64 float64 float64 float64 float64 float64 float64 float64 float64
`;

test('dtypes promote as in PyTorch, and so do tensors', () => {
  const rows = promoted
    .trim()
    .split('\n')
    .map((row) => row.trim().split(' '));
  names.forEach((a, i) => {
    names.forEach((b, j) => {
      const wanted = rows[i]?.[j] as DType;
      assert.is(promote(a, b), wanted, `${a} and ${b}`);
      assert.is(add(zeros([1], { dtype: a }), zeros([1], { dtype: b })).dtype, wanted, `${a} + ${b}`);
    });
  });
});

test('numbers are weak', () => {
  const weak: [DType, number, DType][] = [
    ['float16', 0.5, 'float16'],
    ['bfloat16', 2, 'bfloat16'],
    ['int8', 3, 'int8'],
    ['int16', 3, 'int16'],
    ['int8', 0.5, 'float32'],
    ['int16', Number.NaN, 'float32'],
  ];
  for (const [dtype, value, wanted] of weak)
    assert.is(add(zeros([1], { dtype }), value).dtype, wanted, `${dtype} + ${value}`);
});

test('values come in and go out', async () => {
  assert.is(tensor(new Int8Array([-1])).dtype, 'int8');
  assert.is(tensor(new Int16Array([-300])).dtype, 'int16');
  assert.is(tensor(new Uint8ClampedArray([3])).dtype, 'uint8');
  assert.throws(() => tensor(new Uint16Array(2)), code('ERR_DTYPE'));
  assert.throws(() => tensor([128], { dtype: 'int8' }), code('ERR_ARGUMENT'));
  assert.throws(() => tensor([-32769], { dtype: 'int16' }), code('ERR_ARGUMENT'));
  const x = tensor(
    [
      [1, 2.5],
      [-3, 1e9],
    ],
    { dtype: 'float16' },
  );
  assert.equal(await x.data(), Uint16Array.of(0x3c00, 0x4100, 0xc200, 0x7c00));
  assert.equal(await x.toArray(), [
    [1, 2.5],
    [-3, Number.POSITIVE_INFINITY],
  ]);
  assert.is(await x.select(0, 1).select(0, 0).item(), -3);
  assert.is(tensor(0.1, { dtype: 'bfloat16' }).itemSync(), 0.10009765625);
  assert.is(String(tensor([0.5, 1], { dtype: 'bfloat16' })), 'tensor([0.5, 1. ], bfloat16)');
  assert.is(String(tensor([-1, 2], { dtype: 'int8' })), 'tensor([-1,  2], int8)');
  x.write(Uint16Array.of(0, 0, 0, 0x3c00));
  assert.equal(x.toArraySync(), [
    [0, 0],
    [0, 1],
  ]);
  assert.throws(() => x.write(new Int16Array(4)), code('ERR_DTYPE'));
  const lent = borrow(Uint16Array.of(0x3f80), { dtype: 'bfloat16' });
  assert.is(lent.itemSync(), 1);
  assert.throws(() => borrow(new Uint16Array(1)), code('ERR_DTYPE'));
  assert.throws(() => borrow(new Float32Array(1), { dtype: 'float16' }), code('ERR_DTYPE'));
  assert.ok(eq(tensor([0.1], { dtype: 'float16' }), 0.1).itemSync() === 1, 'a number is rounded as the tensor was');
});

test('safetensors files hold them', () => {
  const tensors = new Map(
    (['float16', 'bfloat16', 'int8', 'int16'] as const).map((dtype) => {
      const t: Tensor = tensor([1, -2, 3], { dtype });
      return [dtype, { dtype, shape: [3], data: t.dataSync() }] as const;
    }),
  );
  const read = io.parseSafetensors(io.encodeSafetensors(tensors)).tensors;
  for (const [name, { dtype, data }] of tensors) assert.equal(read.get(name), { dtype, shape: [3], data });
});

test.run();
