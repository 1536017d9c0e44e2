import { formatValue } from '../core/values.ts';
import { argumentError } from '../errors.ts';

/**
 * A small seeded generator for the host side: shuffles, splits, augmentation. Its numbers are a pure function of the
 * words given to the constructor, so `new Random(seed, epoch)` is the same shuffle on every run and machine.
 * (Tensors draw from the device's `Generator` instead.)
 *
 * @example
 * const random = new Random(7, 0);
 * random.int(10); // 0 … 9
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(...words: readonly number[]) {
    for (const word of words) {
      if (typeof word !== 'number') throw argumentError('Random', `seeds must be numbers, got ${formatValue(word)}`);
    }
    // Three hashes of the words with different starts; the counter's low word alone would leave near seeds correlated.
    this.#a = hashWords(0x9e3779b9, words);
    this.#b = hashWords(0x243f6a88, words);
    this.#c = hashWords(0xb7e15162, words);
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 random bits (the sfc32 generator). */
  bits(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** A number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 4294967296);
  }

  /** An integer in [0, n); without bias for every n up to 2^32. */
  int(n: number): number {
    const limit = 4294967296 - (4294967296 % n);
    let bits = this.bits();
    while (bits >= limit) bits = this.bits();
    return bits % n;
  }

  /** Shuffles `items` in place (Fisher–Yates) and returns it. */
  shuffle<T extends Int32Array | number[]>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = items[i] ?? 0;
      items[i] = items[j] ?? 0;
      items[j] = kept;
    }
    return items;
  }
}

/** FNV-like mixing with murmur3's finaliser; fractions and the high half of a word count too. */
function hashWords(start: number, words: readonly number[]): number {
  let hash = start | 0;
  for (const word of words) {
    for (const part of [word | 0, Math.floor(word / 4294967296) | 0]) {
      hash = Math.imul(hash ^ part, 0x01000193);
      hash ^= hash >>> 16;
      hash = Math.imul(hash, 0x85ebca6b);
      hash ^= hash >>> 13;
      hash = Math.imul(hash, 0xc2b2ae35);
      hash ^= hash >>> 16;
    }
  }
  return hash;
}
