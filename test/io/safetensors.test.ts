import { strict as assert } from 'node:assert';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import { io, ones, type Tensor, tensor, WarpgradError } from '../../lib/index.ts';
import { rejects, rejectsLater } from '../support/rejects.ts';

const test = suite('io.safetensors');

let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warpgrad-io-'));
});
test.after(() => rm(folder, { recursive: true }));

/** A file with any text as its header. */
function file(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const all: ReadonlyMap<string, io.HostTensor> = new Map<string, io.HostTensor>([
  ['flag', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ['weight', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, -2, Number.NaN, Number.POSITIVE_INFINITY) }],
  ['deep.ünï "quoted"\\', { dtype: 'float64', shape: [], data: Float64Array.of(Math.PI) }],
  ['count', { dtype: 'int64', shape: [1], data: BigInt64Array.of(-(2n ** 62n)) }],
  ['index', { dtype: 'int32', shape: [1, 3], data: Int32Array.of(-1, 0, 1) }],
  ['bytes', { dtype: 'uint8', shape: [5], data: Uint8Array.of(0, 1, 2, 254, 255) }],
  ['empty', { dtype: 'float32', shape: [0, 7], data: new Float32Array() }],
  ['__proto__', { dtype: 'float32', shape: [1], data: Float32Array.of(9) }],
]);

test('every dtype goes round, aligned, with metadata', () => {
  const metadata = new Map([
    ['format', 'pt'],
    ['constructor', 'x\n"'],
  ]);
  const bytes = io.encodeSafetensors(all, metadata);
  const found = io.parseSafetensors(bytes);
  assert.equal(found.tensors.size, all.size);
  for (const [name, wanted] of all) assert.deepEqual(found.tensors.get(name), wanted, name);
  assert.deepEqual(new Map(found.metadata), metadata);
  const header = JSON.parse(
    Buffer.from(bytes.subarray(8, 8 + Number(Buffer.from(bytes).readBigUInt64LE()))).toString(),
  ) as Record<string, { data_offsets: number[] }>;
  assert.equal(Number(Buffer.from(bytes).readBigUInt64LE()) % 8, 0);
  assert.equal((header['weight']?.data_offsets[0] ?? 1) % 4, 0);
  assert.deepEqual(io.parseSafetensors(io.encodeSafetensors(new Map())).tensors.size, 0);
});

test('reads what other writers write: white space, padding, any order of keys', () => {
  const { tensors } = io.parseSafetensors(
    file('{ "a" :{"data_offsets":[ 0, 4 ],"shape":[1],\n"dtype":"F32"}, "__metadata__":{} }   ', 4),
  );
  assert.deepEqual(tensors.get('a'), { dtype: 'float32', shape: [1], data: Float32Array.of(0) });
});

const f32 = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';
const hostile: readonly (readonly [name: string, bytes: Uint8Array, message: RegExp])[] = [
  ['nothing', new Uint8Array(), /at least 8 bytes/],
  ['a short length', new Uint8Array(7), /at least 8 bytes/],
  ['a header beyond the file', Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /wants 9 bytes, the file has 1/],
  ['a huge header', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]), /at most 100000000 bytes/],
  ['no header', file(''), /wanted '\{'/],
  ['a list', file('[]'), /wanted '\{'/],
  ['bytes that are not UTF-8', file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22)), /not UTF-8/],
  ['a byte order mark', file('\ufeff{}'), /wanted '\{'/],
  ['a cut header', file(`{"a":{${f32}}`, 4), /wanted '}', got "the end"/],
  ['text after the header', file(`{"a":{${f32}}}x`, 4), /text after the header/],
  ['a trailing comma', file(`{"a":{${f32}},}`, 4), /wanted a string/],
  ['a duplicate name', file(`{"a":{${f32}},"a":{${f32}}}`, 4), /"a" occurs twice/],
  ['a duplicate by escapes', file(`{"a":{${f32}},"\\u0061":{${f32}}}`, 4), /"a" occurs twice/],
  ['a duplicate key', file(`{"a":{${f32},"dtype":"F32"}}`, 4), /"dtype" is unknown or occurs twice/],
  ['an unknown key', file(`{"a":{${f32},"x":1}}`, 4), /"x" is unknown/],
  ['a missing key', file('{"a":{"dtype":"F32","shape":[1]}}', 4), /wants dtype, shape and two data_offsets/],
  ['nesting', file('{"a":{"dtype":{"b":1}}}'), /wanted a string/],
  ['deep nesting', file(`{"a":{"shape":${'['.repeat(10_000)}`), /wanted an integer/],
  ['a negative size', file('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4), /wanted an integer/],
  ['a fraction', file('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4), /wanted an integer/],
  ['an exponent', file('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4), /wanted an integer/],
  ['a leading zero', file('{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', 4), /wanted an integer/],
  ['a number beyond 2^53', file('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4), /2\^53/],
  [
    'a size product that wraps',
    file('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
    /overflows/,
  ],
  [
    'a product that wraps to zero',
    file('{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991,0],"data_offsets":[0,0]}}'),
    /overflows/,
  ],
  ['rank 9', file('{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}', 4), /more than 8 numbers/],
  ['three offsets', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4), /more than 2 numbers/],
  [
    'offsets that do not fit the shape',
    file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
    /wants 8 bytes, its data_offsets span 4/,
  ],
  ['offsets backwards', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4), /span -4/],
  [
    'a hole at the start',
    file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8),
    /begins at 4, the tensor before it ends at 0/,
  ],
  ['overlap', file(`{"a":{${f32}},"b":{${f32}}}`, 4), /begins at 0, the tensor before it ends at 4/],
  ['bytes after the last tensor', file(`{"a":{${f32}}}`, 5), /end at 4, the data at 5/],
  ['a tensor beyond the file', file(`{"a":{${f32}}}`, 3), /end at 4, the data at 3/],
  ['an unknown dtype', file('{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}', 4), /unknown dtype "f32"/],
  ['half a surrogate pair', file(`{"\\ud800":{${f32}}}`, 4), /surrogate/],
  ['a long name', file(`{"${'x'.repeat(4097)}":{${f32}}}`, 4), /more than 4096 bytes/],
  ['metadata that is not text', file('{"__metadata__":{"a":1}}'), /wanted a string/],
  ['duplicate metadata', file('{"__metadata__":{"a":"1","a":"2"}}'), /metadata key "a" occurs twice/],
  [
    'a bool byte of 2',
    Buffer.concat([file('{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}'), Uint8Array.of(2)]),
    /0 or 1/,
  ],
  ['a string without end', file(`{"${'\\\\'.repeat(2_000_000)}`), /wanted a string/],
  ['a very long name', file(`{"${'x\\n'.repeat(3_000_000)}":1}`), /more than 4096 bytes/],
  [
    'too many tensors',
    file(
      `{${Array.from({ length: 100_001 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join()}}`,
    ),
    /more than 100000 tensors/,
  ],
];
for (const [name, bytes, message] of hostile) {
  test(`refuses ${name}`, () => rejects(() => io.parseSafetensors(bytes), 'ERR_FORMAT', message));
}

test('names dtypes that are known but not here yet', () => {
  rejects(
    () => io.parseSafetensors(file('{"a":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}', 2)),
    'ERR_UNSUPPORTED',
    /U16/,
  );
});

test('damaged files give a typed error or a valid result, never more', () => {
  const good = io.encodeSafetensors(all, new Map([['format', 'pt']]));
  const headerEnd = 8 + Number(Buffer.from(good).readBigUInt64LE());
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(headerEnd - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(good.length),
      (edits, cut) => {
        const bytes = edits.length === 4 ? good.slice(0, cut) : good.slice();
        for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
        try {
          const { tensors } = io.parseSafetensors(bytes);
          // What our parser takes, JSON.parse must understand in the same way.
          const length = Number(Buffer.from(bytes).readBigUInt64LE());
          const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<
            string,
            { shape: number[] }
          >;
          for (const [name, { shape }] of tensors) {
            assert.deepEqual(Object.getOwnPropertyDescriptor(header, name)?.value.shape, shape);
          }
        } catch (error) {
          assert.ok(error instanceof WarpgradError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('saves and loads tensors by path', async () => {
  const path = join(folder, 'model.safetensors');
  const tensors = new Map<string, Tensor>([
    [
      'a',
      tensor([
        [1, 2],
        [3, 4],
      ]).transpose(),
    ],
    ['b', tensor(BigInt64Array.of(5n))],
    ['c', tensor([true, false])],
  ]);
  await io.saveSafetensors(path, tensors, { metadata: { step: '3' } });
  const loaded = await io.loadSafetensors(path, { device: 'cpu' });
  assert.deepEqual([...loaded.metadata], [['step', '3']]);
  for (const [name, t] of tensors) {
    assert.equal(loaded.tensors.get(name)?.dtype, t.dtype);
    assert.deepEqual(await loaded.tensors.get(name)?.toArray(), await t.toArray());
  }
  assert.deepEqual(await readdir(folder), ['model.safetensors'], 'no temporary file is left');
  await rejectsLater(io.loadSafetensors(join(folder, 'none')), 'ERR_IO', /cannot open/);
  await writeFile(join(folder, 'pickle.pt'), Buffer.from('\x80\x02}q\x00.and more than eight bytes', 'latin1'));
  await rejectsLater(io.loadSafetensors(join(folder, 'pickle.pt')), 'ERR_FORMAT', /pickle\.pt/);
  await rejectsLater(io.readSafetensors(folder), 'ERR_FORMAT', /regular file/);
  await rejectsLater(io.saveSafetensors(join(folder, 'no', 'x'), tensors), 'ERR_IO', /cannot write/);
  await rejectsLater(
    io.saveSafetensors(path, new Map([['__metadata__', ones([1])]])),
    'ERR_ARGUMENT',
    /cannot be a tensor's name/,
  );
  assert.ok((await readFile(path)).length > 0);
});

test.run();
