// The op table as the addon prints it against what lib/ believes, and what the addon does with records that lib/ would never
// write: it refuses them, and goes on.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import { dtypeCode, dtypes, itemSize } from '../../lib/core/dtype.ts';
import type { NativeFailure } from '../../lib/native/addon.ts';
import { addon } from '../../lib/native/load.ts';
import { packageRoot } from '../support/package-root.ts';
import { Random, testSeed } from '../support/random.ts';

const schema = addon.schema();
const opNumber = (name: string): number => schema.ops.findIndex((row) => row.name === name);

test('dtypes, their codes and sizes are those of lib/core/dtype.ts', () => {
  assert.deepEqual(
    schema.dtypes.map(({ name, bytes }) => [name, bytes]),
    dtypes.map((name) => [name, itemSize[name]]),
  );
  for (const [code, name] of dtypes.entries()) assert.equal(dtypeCode[name], code, name);
});

test('lib/native/kernels.gen.ts declares this very table', () => {
  execFileSync(process.execPath, [join(packageRoot(import.meta.url), 'tools/gen.mjs'), '--check']);
});

test('every op names all its arguments and writes to its first', () => {
  const plain = ['number', 'Out', 'InOut', 'In', 'MaybeIn', 'Operand', 'InList', 'InOutList'];
  assert.equal(new Set(schema.ops.map(({ name }) => name)).size, schema.ops.length, 'names are unique');
  for (const { name, arguments: list, types } of schema.ops) {
    const names = list.split(' ');
    assert.equal(names.length, types.length, `${name}(${list})`);
    assert.equal(new Set(names).size, names.length, `${name}(${list})`);
    for (const argument of names) assert.match(argument, /^[a-z]\w*$/i, `${name}(${list})`);
    for (const type of types) assert.ok(plain.includes(type) || type in schema.structs, `${name}: ${type}`);
    assert.match(types[0] ?? '', /Out/, `${name} writes to its first argument`);
  }
});

test('every struct is used, and its members have names of their own', () => {
  const used = new Set(schema.ops.flatMap(({ types }) => types));
  for (const [name, members] of Object.entries(schema.structs)) {
    assert.ok(used.has(name), name);
    assert.ok(members.length > 0 && new Set(members).size === members.length, name);
  }
});

// ---- records --------------------------------------------------------------------------------------------------------

const statusWords = 16;
const buffer = new ArrayBuffer(1 << 16);
const f64 = new Float64Array(buffer);
const i32 = new Int32Array(buffer);
assert.ok(addon.setCommandBuffer(buffer, () => {}));
const queue = addon.openQueue('cpu', 0, 0);
const alloc = -1;
const noSlot = -1;

type Word = number | readonly [number, number];

/** Writes records as lists of words, a pair being two 32-bit halves, and flushes them. */
function send(...records: (readonly Word[])[]): void {
  let at = statusWords;
  for (const word of records.flat()) {
    if (typeof word === 'number') f64[at] = word;
    else i32.set(word, at * 2);
    at++;
  }
  addon.flush(at, 0);
}

const record = (op: number, ...words: Word[]): Word[] => [[words.length + 2, op], [queue, 0], ...words];
const view = (slot: number, generation: number, sizes: readonly number[], strides = [1], dtype = 0): Word[] => [
  [slot, generation],
  [dtype, sizes.length],
  0,
  ...sizes,
  ...strides,
];

function collected(): NativeFailure[] {
  for (let i = 0; i < 100 && !addon.wait(queue, true); i++);
  return [...addon.collect().failures];
}

/** The addon still works: a new tensor of four elements is filled and read. */
let fresh = 100;
function assertAlive(): void {
  const slot = fresh++;
  send(record(alloc, [slot, 1], 16), record(opNumber('fill'), ...view(slot, 1, [4]), 7));
  const to = new ArrayBuffer(16);
  let done: boolean | null = null;
  for (let i = 0; i < 1000 && done === null; i++) done = addon.readSync(statusWords, 0, slot, 1, 0, to);
  assert.equal(done, true);
  assert.deepEqual([...new Float32Array(to)], [7, 7, 7, 7]);
}

/** The op's record is refused when it is decoded: one failure, with this message. */
function refused(message: RegExp, words: readonly Word[]): void {
  collected();
  send(words);
  const [failure, ...more] = collected();
  assert.match(failure?.message ?? 'no failure', message);
  assert.equal(more.length, 0);
  assertAlive();
}

const fill = opNumber('fill');
const add = opNumber('add');
send(record(alloc, [1, 1], 16));

test('a record that is no record ends the flush with an error', () => {
  const broken: Record<string, Word[]> = {
    'an unknown op': record(schema.ops.length, 0),
    'an unknown command': record(-99, 0),
    'a queue that does not exist': [[3, fill], [77, 0], 0],
    'a length of nothing': [
      [0, fill],
      [queue, 0],
    ],
    'a negative length': [
      [-5, fill],
      [queue, 0],
    ],
    'a length beyond the end': [
      [1000, fill],
      [queue, 0],
    ],
    'an allocation with a word too many': record(alloc, [50, 1], 16, 0),
    'a replay that lacks its graph': record(-3),
  };
  for (const [what, words] of Object.entries(broken)) {
    assert.throws(() => send(words), /broken record/, what);
    assertAlive();
  }
});

test('a record shorter or longer than its op is refused', () => {
  const whole = record(fill, ...view(1, 1, [4]), 7);
  for (let words = 2; words < whole.length; words++) {
    const short = whole.slice(0, words);
    short[0] = [words, fill];
    refused(/shorter/, short);
  }
  refused(/longer/, record(fill, ...view(1, 1, [4]), 7, 7));
});

test('views that reach outside, and slots that are gone, are refused', () => {
  const one = (...words: Word[]): Word[] => record(fill, ...words, 1);
  refused(/freed/, one(...view(9999, 1, [4])));
  refused(/freed/, one(...view(1, 2, [4])));
  refused(/freed/, one(...view(noSlot, 3, [4])));
  refused(/outside/, one(...view(1, 1, [5])));
  refused(/outside/, one(...view(1, 1, [4], [-1])));
  refused(/outside/, one(...view(1, 1, [4], [1], dtypeCode.float64)));
  refused(/outside|too large/, one(...view(1, 1, [2 ** 40, 2 ** 40], [1, 1])));
  refused(/too large|outside/, one(...view(1, 1, [2 ** 53], [2 ** 53])));
  refused(/integers/, one(...view(1, 1, [1.5])));
  refused(/integers/, one(...view(1, 1, [-4])));
  refused(/integers/, one(...view(1, 1, [Number.NaN])));
  refused(/integers/, one(...view(1, 1, [4], [Number.POSITIVE_INFINITY])));
  refused(/out of range/, one([1, 1], [0, 9], 0, ...new Array<number>(18).fill(1)));
  refused(/out of range/, one([1, 1], [0, -1], 0));
  refused(/out of range/, one(...view(1, 1, [4], [1], dtypes.length)));
  refused(/offset/, one([1, 1], [0, 1], 0.5, 1, 1));
  refused(/outside/, one([1, 1], [0, 1], -1, 1, 1));
});

test('lists and numbers that are none are refused', () => {
  const norm = opNumber('globalNorm');
  for (const count of [-1, 1e9, 0.5, Number.NaN]) refused(/list length/, record(norm, ...view(1, 1, [], []), count));
  const sgd = opNumber('sgdStep');
  const nothing = [0, 0, 0] as const; // three empty lists
  const vectors = [
    ...view(1, 1, [1], [1], dtypeCode.float64),
    ...view(1, 1, [2], [1], dtypeCode.float64),
    [noSlot, 0] as const,
  ];
  refused(/32-bit integer/, record(sgd, ...nothing, ...vectors, 2 ** 40));
  refused(/32-bit integer/, record(sgd, ...nothing, ...vectors, 0.5));
});

test('no sequence of words crashes the addon', () => {
  const random = new Random(testSeed);
  const odd = [0, 1, 2, 4, 8, -1, 0.5, 1e9, 2 ** 31, 2 ** 53, -(2 ** 53), 1e300, Number.NaN, Number.NEGATIVE_INFINITY];
  const pairs: Word[] = [1, 2, 9999, noSlot].flatMap((slot) => [0, 1, 2].map((g): Word => [slot, g]));
  const kinds: Word[] = [-1, 0, 1, 5, 6, 0x100].flatMap((kind) => [0, 1, 2, 8, 9].map((rank): Word => [kind, rank]));
  let refusals = 0;
  for (let i = 0; i < 3000; i++) {
    const valid = view(1, 1, [random.pick([1, 2, 4])]);
    const words = Array.from({ length: random.integer(0, 12) }, () =>
      random.pick([random.pick(odd), random.pick(odd), random.pick(pairs), random.pick(kinds)]),
    );
    const mixed = random.pick([
      words,
      [...valid, ...words],
      [...valid, ...valid, ...words],
      [...valid, ...valid, ...valid],
    ]);
    try {
      send(record(random.integer(-2, schema.ops.length - 1), ...mixed), record(add, ...valid, ...words, ...valid));
    } catch (error) {
      assert.match(String(error), /broken record/);
      refusals++;
    }
    if (i % 50 === 0) refusals += collected().length;
  }
  refusals += collected().length;
  console.log(`# 6000 garbled records, ${refusals} refusals collected`);
  assert.ok(refusals > 100);
  assertAlive();
});

test.run();
