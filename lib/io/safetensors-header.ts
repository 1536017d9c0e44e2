import type { DType } from '../core/dtype.ts';
import { formatError, unsupportedError } from '../errors.ts';

/** What a hostile file may cost at most. */
export const limits = {
  headerBytes: 100_000_000,
  tensors: 100_000,
  nameBytes: 4096,
  rank: 8,
} as const;

/** One tensor's entry: its bytes are [begin, end) of the data that follow the header. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A checked header: entries in file order, without holes or overlap. */
export interface Header {
  readonly entries: readonly Entry[];
  readonly metadata: ReadonlyMap<string, string>;
}

interface FileType {
  readonly dtype: DType;
  readonly bytes: number;
}

/** The format's names of our dtypes. */
export const fileTypes: ReadonlyMap<string, FileType> = new Map<string, FileType>([
  ['F64', { dtype: 'float64', bytes: 8 }],
  ['I64', { dtype: 'int64', bytes: 8 }],
  ['F32', { dtype: 'float32', bytes: 4 }],
  ['I32', { dtype: 'int32', bytes: 4 }],
  ['F16', { dtype: 'float16', bytes: 2 }],
  ['BF16', { dtype: 'bfloat16', bytes: 2 }],
  ['I16', { dtype: 'int16', bytes: 2 }],
  ['I8', { dtype: 'int8', bytes: 1 }],
  ['U8', { dtype: 'uint8', bytes: 1 }],
  ['BOOL', { dtype: 'bool', bytes: 1 }],
]);

const otherTypes = new Set(['U16', 'U32', 'U64', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F4', 'F6_E2M3', 'F6_E3M2', 'C64']);

const where = 'parseSafetensors';

/**
 * Parses and checks a header. It is its own parser of the little JSON it allows, because JSON.parse keeps the last of
 * duplicate names without a word, and takes numbers and nesting that have no meaning here.
 * @param dataBytes - bytes that follow the header in the file; the tensors must cover exactly these
 * @throws ERR_FORMAT for anything but one exact layout, ERR_UNSUPPORTED for dtypes that warpgrad lacks.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw formatError(where, 'the header is not UTF-8', cause);
  }
  const header = new HeaderParser(text).parse();
  checkLayout(header.entries, dataBytes);
  return header;
}

class HeaderParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Header {
    const entries: Entry[] = [];
    const names = new Set<string>();
    let metadata: ReadonlyMap<string, string> = new Map();
    this.#object((name) => {
      if (names.has(name)) throw this.#error(`the name ${JSON.stringify(name)} occurs twice`);
      names.add(name);
      if (name === '__metadata__') metadata = this.#metadata();
      else entries.push(this.#entry(name));
      if (entries.length > limits.tensors) throw this.#error(`more than ${limits.tensors} tensors`);
    });
    // Writers pad the header with spaces so that the data are aligned.
    while (this.#text[this.#at] === ' ') this.#at++;
    if (this.#at < this.#text.length) throw this.#error('text after the header');
    return { entries: entries.sort((a, b) => a.begin - b.begin || a.end - b.end), metadata };
  }

  #entry(name: string): Entry {
    let type: string | null = null;
    let shape: number[] | null = null;
    let offsets: number[] | null = null;
    this.#object((key) => {
      if (key === 'dtype' && type === null) type = this.#string();
      else if (key === 'shape' && shape === null) shape = this.#integers(limits.rank);
      else if (key === 'data_offsets' && offsets === null) offsets = this.#integers(2);
      else throw this.#error(`${JSON.stringify(key)} is unknown or occurs twice in ${JSON.stringify(name)}`);
    });
    const [begin, end] = offsets ?? [];
    if (type === null || shape === null || begin === undefined || end === undefined) {
      throw this.#error(`${JSON.stringify(name)} wants dtype, shape and two data_offsets`);
    }
    return { name, ...checkSize(name, type, shape, begin, end), begin, end };
  }

  #metadata(): ReadonlyMap<string, string> {
    const metadata = new Map<string, string>();
    this.#object((key) => {
      if (metadata.has(key)) throw this.#error(`the metadata key ${JSON.stringify(key)} occurs twice`);
      metadata.set(key, this.#string());
      if (metadata.size > limits.tensors) throw this.#error(`more than ${limits.tensors} metadata entries`);
    });
    return metadata;
  }

  #object(member: (key: string) => void): void {
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const key = this.#string();
      if (key.length > limits.nameBytes || new TextEncoder().encode(key).length > limits.nameBytes) {
        throw this.#error(`a name of more than ${limits.nameBytes} bytes`);
      }
      this.#expect(':');
      member(key);
    } while (this.#accept(','));
    this.#expect('}');
  }

  #integers(most: number): number[] {
    const values: number[] = [];
    this.#expect('[');
    if (this.#accept(']')) return values;
    do {
      values.push(this.#integer());
      if (values.length > most) throw this.#error(`a list of more than ${most} numbers`);
    } while (this.#accept(','));
    this.#expect(']');
    return values;
  }

  #integer(): number {
    this.#space();
    const digits = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE+-])/y;
    digits.lastIndex = this.#at;
    const found = digits.exec(this.#text)?.[0];
    const value = Number(found);
    if (found === undefined || !Number.isSafeInteger(value)) throw this.#error('wanted an integer from 0 to 2^53 - 1');
    this.#at += found.length;
    return value;
  }

  #string(): string {
    this.#space();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#error('wanted a string');
    // The end is looked for by hand: a regular expression would run out of stack on a hostile string.
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    let value: unknown;
    try {
      value = JSON.parse(this.#text.slice(start, end + 1));
    } catch {
      throw this.#error('wanted a string');
    }
    this.#at = end + 1;
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
      throw this.#error('a string with half a surrogate pair');
    }
    return value;
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '.')) this.#at++;
  }

  #accept(token: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token))
      throw this.#error(`wanted '${token}', got ${JSON.stringify(this.#text[this.#at] ?? 'the end')}`);
  }

  #error(reason: string): Error {
    return formatError(where, `${reason} (header byte ${this.#at})`);
  }
}

function checkSize(
  name: string,
  type: string,
  shape: readonly number[],
  begin: number,
  end: number,
): { dtype: DType; shape: readonly number[] } {
  const known = fileTypes.get(type);
  const tensor = JSON.stringify(name);
  if (!known && otherTypes.has(type))
    throw unsupportedError(where, `${tensor} has dtype ${type}, which warpgrad does not have yet`);
  if (!known) throw formatError(where, `${tensor} has the unknown dtype ${JSON.stringify(type)}`);
  let bytes = known.bytes;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes))
      throw formatError(where, `${tensor}: the size of shape [${shape.join(', ')}] overflows`);
  }
  if (end - begin !== bytes) {
    throw formatError(
      where,
      `${tensor}: ${type} [${shape.join(', ')}] wants ${bytes} bytes, its data_offsets span ${end - begin}`,
    );
  }
  return { dtype: known.dtype, shape };
}

/** No hole, no overlap, nothing after the end: two readers can never see two different files in one. */
function checkLayout(entries: readonly Entry[], dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at) {
      throw formatError(where, `${JSON.stringify(name)} begins at ${begin}, the tensor before it ends at ${at}`);
    }
    at = end;
  }
  if (at !== dataBytes) throw formatError(where, `the tensors end at ${at}, the data at ${dataBytes}`);
}
