import { strict as assert } from 'node:assert';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import { data, WarpgradError } from '../../lib/index.ts';
import { rejects, rejectsLater } from '../support/rejects.ts';

const test = suite('data.parseIdx');

let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warpgrad-idx-'));
});
test.after(() => rm(folder, { recursive: true }));

function idx(type: number, shape: readonly number[], body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, body]);
}

test('reads bytes and big-endian numbers', () => {
  assert.deepEqual(data.parseIdx(idx(8, [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6))), {
    data: Uint8Array.of(1, 2, 3, 4, 5, 6),
    shape: [2, 3],
  });
  assert.deepEqual(data.parseIdx(idx(0x0c, [1], Uint8Array.of(255, 255, 255, 254))).data, Int32Array.of(-2));
  assert.deepEqual(data.parseIdx(idx(0x0d, [1], Uint8Array.of(0x3f, 0xc0, 0, 0))).data, Float32Array.of(1.5));
  assert.deepEqual(
    data.parseIdx(idx(0x0e, [1], Uint8Array.of(0x3f, 0xf8, 0, 0, 0, 0, 0, 0))).data,
    Float64Array.of(1.5),
  );
  assert.deepEqual(data.parseIdx(idx(8, [0, 5], new Uint8Array())).shape, [0, 5]);
});

test('refuses damaged headers and sizes', () => {
  const good = idx(8, [2, 3], new Uint8Array(6));
  for (const [bytes, message] of [
    [good.subarray(0, 3), /at least 4 bytes/],
    [good.subarray(0, 9), /header of 12 bytes/],
    [good.subarray(0, 17), /wants a file of 18 bytes, got 17/],
    [Buffer.concat([good, Buffer.alloc(1)]), /got 19/],
    [idx(7, [1], new Uint8Array(1)), /unknown element type 0x07/],
    [idx(8, [], new Uint8Array()), /rank from 1 to 8, got 0/],
    [idx(8, new Array<number>(9).fill(1), new Uint8Array(1)), /rank from 1 to 8, got 9/],
    [idx(8, [2 ** 31, 2 ** 31, 2 ** 31], new Uint8Array()), /overflow/],
    [Uint8Array.of(1, 0, 8, 1), /two zero bytes/],
  ] as const) {
    rejects(() => data.parseIdx(bytes), 'ERR_FORMAT', message);
  }
  rejects(() => data.parseIdx(idx(9, [1], new Uint8Array(1))), 'ERR_UNSUPPORTED', /signed 8- and 16-bit/);
});

test('any bytes give a result or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set([0, 0, 8].slice(0, bytes.length));
      try {
        const { data: found, shape } = data.parseIdx(bytes);
        assert.equal(
          found.length,
          shape.reduce((a, b) => a * b, 1),
        );
      } catch (error) {
        assert.ok(error instanceof WarpgradError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('reads files, gzipped or not, up to a limit', async () => {
  const bytes = idx(8, [3], Uint8Array.of(7, 8, 9));
  await writeFile(join(folder, 'a'), bytes);
  await writeFile(join(folder, 'a.gz'), gzipSync(bytes));
  await writeFile(join(folder, 'cut.gz'), gzipSync(bytes).subarray(0, 20));
  await writeFile(join(folder, 'bomb.gz'), gzipSync(Buffer.alloc(2 ** 20)));
  assert.deepEqual((await data.readIdx(join(folder, 'a'))).data, Uint8Array.of(7, 8, 9));
  assert.deepEqual((await data.readIdx(join(folder, 'a.gz'))).data, Uint8Array.of(7, 8, 9));
  await rejectsLater(data.readIdx(join(folder, 'cut.gz')), 'ERR_FORMAT', /not a whole gzip file/);
  await rejectsLater(data.readIdx(join(folder, 'bomb.gz'), { maxBytes: 10_000 }), 'ERR_FORMAT', /at most 10000 bytes/);
  await rejectsLater(data.readIdx(join(folder, 'a'), { maxBytes: 5 }), 'ERR_FORMAT', /at most 5 bytes, got 11/);
  await rejectsLater(data.readIdx(join(folder, 'missing')), 'ERR_IO', /cannot read/);
});

test('loads a folder with the four files of MNIST', async () => {
  const images = (n: number): Uint8Array =>
    idx(
      8,
      [n, 28, 28],
      Uint8Array.from({ length: n * 784 }, (_, i) => i % 251),
    );
  const labels = (n: number): Uint8Array =>
    idx(
      8,
      [n],
      Uint8Array.from({ length: n }, (_, i) => i % 10),
    );
  await writeFile(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(images(100)));
  await writeFile(join(folder, 'train-labels-idx1-ubyte'), labels(100));
  await writeFile(join(folder, 't10k-images.idx3-ubyte'), images(20));
  await rejectsLater(data.loadMnist(folder), 'ERR_IO', /has no t10k-labels-idx1-ubyte/);
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), labels(19));
  await rejectsLater(data.loadMnist(folder), 'ERR_FORMAT', /t10k labels: wanted bytes \[20\], got \[19\]/);
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), labels(20));
  const { train, validation, test: held } = await data.loadMnist(folder);
  assert.deepEqual([train.length, validation.length, held.length], [90, 10, 20]);
  assert.equal(new Set(validation.fields[1].data).size, 10, 'one of each class');
});

test('the digits of the npm package are 10,000 in three fixed parts', async () => {
  const one = await data.mnistDigits();
  assert.deepEqual([one.train.length, one.validation.length, one.test.length], [7500, 500, 2000]);
  const counts = new Array<number>(10).fill(0);
  for (const label of one.test.fields[1].data) counts[label] = (counts[label] ?? 0) + 1;
  assert.ok(
    counts.every((n) => n >= 172 && n <= 226),
    counts.join(),
  );
  const two = await data.mnistDigits();
  assert.deepEqual(two.test.fields[0].data, one.test.fields[0].data);
});

test.run();
