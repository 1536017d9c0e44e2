// What one eager run of a step appended to the command buffer, and whether two runs did the same.
import type { Recorder } from '../native/command-buffer.ts';
import { argumentNames, opName, slotWords } from '../native/kernels.ts';

/** A record's header and where it starts. */
interface Row {
  readonly at: number;
  readonly words: number;
  readonly op: number;
}

const allocRecord = -1;
const freeRecord = -2;

export class Recording implements Recorder {
  #words = new Float64Array(1024);
  length = 0;
  /** Estimated work of the whole step. */
  workNs = 0;

  record(words: Float64Array, workNs: number): void {
    const length = this.length + words.length;
    if (length > this.#words.length) {
      const larger = new Float64Array(Math.max(length, this.#words.length * 2));
      larger.set(this.#words.subarray(0, this.length));
      this.#words = larger;
    }
    this.#words.set(words, this.length); // same element type: bits are kept, NaNs too
    this.length = length;
    this.workNs += workNs;
  }

  #parsed: Parsed | null = null;

  parsed(): Parsed {
    this.#parsed ??= parse(this.#words, this.length);
    return this.#parsed;
  }
}

interface Parsed {
  /** Everything but frees: those depend on when garbage is collected, and a replay frees nothing. */
  readonly rows: readonly Row[];
  readonly doubles: Float64Array;
  readonly ints: Int32Array;
  /** Storages made in the run, by their slot word, in order. */
  readonly made: ReadonlyMap<bigint, number>;
  readonly slots: BigUint64Array;
}

function parse(doubles: Float64Array, length: number): Parsed {
  const ints = new Int32Array(doubles.buffer);
  const slots = new BigUint64Array(doubles.buffer);
  const rows: Row[] = [];
  const made = new Map<bigint, number>();
  for (let at = 0; at < length; ) {
    const words = ints[at * 2] as number;
    const op = ints[at * 2 + 1] as number;
    if (op === allocRecord) made.set(slots[at + 2] as bigint, made.size);
    if (op !== freeRecord) rows.push({ at, words, op });
    at += words;
  }
  return { rows, doubles, ints, made, slots };
}

/**
 * Where `current` first differs from `previous`, as a sentence, or null when they are the same up to the names of storages
 * made inside. `beforePrevious` tells which storages the previous run found made by the run before it.
 */
export function difference(previous: Recording, current: Recording, beforePrevious: Recording | null): string | null {
  const a = previous.parsed();
  const b = current.parsed();
  const beforeA = beforePrevious?.parsed().made;
  for (let i = 0; i < Math.max(a.rows.length, b.rows.length); i++) {
    const rowA = a.rows[i];
    const rowB = b.rows[i];
    if (rowA === undefined || rowB === undefined) {
      const [more, row] = rowA === undefined ? ['more', rowB as Row] : ['fewer', rowA];
      return `the step ran ${more} ops than before, from ${opName(row.op)} (number ${i}) on`;
    }
    if (rowA.op !== rowB.op) return `op ${i} was ${opName(rowA.op)}, now it is ${opName(rowB.op)}`;
    const slotsA = slotWords(a.doubles, a.ints, rowA.at);
    if (rowA.words !== rowB.words) return `op ${i}, ${opName(rowA.op)}, got arguments of another shape than before`;
    for (let word = 1; word < rowA.words; word++) {
      const wordA = a.slots[rowA.at + word] as bigint;
      const wordB = b.slots[rowB.at + word] as bigint;
      if (wordA === wordB) continue;
      const slot = slotsA.indexOf(rowA.at + word);
      if (slot >= 0 && sameStorage(wordA, wordB, a, b, beforeA)) continue;
      const what =
        slot >= 0 ? `argument ${argumentNames(rowA.op)[slot] ?? slot} is another tensor` : 'a number or shape changed';
      return `op ${i}, ${opName(rowA.op)}: ${what}`;
    }
  }
  return null;
}

function sameStorage(
  slotA: bigint,
  slotB: bigint,
  a: Parsed,
  b: Parsed,
  beforeA: ReadonlyMap<bigint, number> | undefined,
): boolean {
  const insideA = a.made.get(slotA);
  const insideB = b.made.get(slotB);
  if (insideA !== undefined || insideB !== undefined) return insideA === insideB;
  const handedA = beforeA?.get(slotA);
  const handedB = a.made.get(slotB);
  return handedA !== undefined && handedA === handedB;
}

/**
 * The records with every storage that the run itself freed freed right behind its last use. A run keeps its tensors until their
 * scope ends, since JavaScript may still look at them; a replay's are nobody's, so its memory is as small as the work allows.
 */
export function freedEarly(recording: Recording): { readonly buffer: ArrayBuffer; readonly length: number } {
  const { rows, doubles, ints, slots, made } = recording.parsed();
  const freeOf = new Map<bigint, number>();
  for (let at = 0; at < recording.length; at += ints[at * 2] as number) {
    const slot = slots[at + 2] as bigint;
    if (ints[at * 2 + 1] === freeRecord && made.has(slot)) freeOf.set(slot, at);
  }
  const lastUse = new Map<bigint, number>();
  for (const { at } of rows) {
    for (const word of slotWords(doubles, ints, at)) lastUse.set(slots[word] as bigint, at);
  }
  const words = new Float64Array(recording.length); // bits are kept: same element type
  let length = 0;
  const append = (at: number): void => {
    const record = doubles.subarray(at, at + (ints[at * 2] as number));
    words.set(record, length);
    length += record.length;
  };
  for (const { at } of rows) {
    append(at);
    for (const word of slotWords(doubles, ints, at)) {
      const slot = slots[word] as bigint;
      const free = freeOf.get(slot);
      if (free === undefined || lastUse.get(slot) !== at) continue;
      append(free);
      freeOf.delete(slot); // another argument may name it again
    }
  }
  return { buffer: words.buffer, length };
}

/** The op of `current` that reads a storage the run before made, or null: a replay could not find it. */
export function carried(previous: Recording, current: Recording): string | null {
  const before = previous.parsed().made;
  const { rows, doubles, ints, slots, made } = current.parsed();
  for (const { at, op } of rows) {
    if (op < 0) continue;
    const words = slotWords(doubles, ints, at);
    for (let i = 0; i < words.length; i++) {
      const slot = slots[words[i] as number] as bigint;
      if (!made.has(slot) && before.has(slot)) return `${opName(op)} reads ${argumentNames(op)[i] ?? 'a tensor'}`;
    }
  }
  return null;
}
