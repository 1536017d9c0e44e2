// A family of cases: named shapes that users recognise, and how to make one ready to run.

/** What a case is made from; a peer gets the same numbers under the same names. */
export type Params = Readonly<Record<string, number | string | boolean>>;

/** A case ready to run. */
export interface Work {
  /** Multiplications and additions of one call, where they are what bounds it. */
  readonly flops?: number;
  /** Bytes that one call cannot avoid to read or write, of float32 inputs. */
  readonly bytes?: number;
  /** One call; the tensors it makes are freed by the caller's scope. */
  run(): unknown;
}

export interface Case {
  readonly family: string;
  readonly name: string;
  readonly params: Params;
  /** Whether its inputs can be of any dtype; cases with layers are of float32. */
  readonly anyDtype: boolean;
  /** With inputs of its size; call it in a scope, which frees them. */
  make(): Work;
  /** The same case at a size that takes no time. */
  tiny(): Case;
  /** The same at the reader's own sizes; null where a case has another number of them. */
  resized(sizes: readonly number[]): Case | null;
}

export interface FamilyOptions {
  /** Names of the numbers that a reader may choose, in the order to give them in. */
  readonly sizes?: readonly string[];
  readonly anyDtype?: boolean;
}

/** The cases of a family. */
export function family<P extends Params>(
  of: string,
  shapes: readonly (P & { readonly name: string })[],
  make: (params: P) => Work,
  { sizes: sizeNames = [], anyDtype = true }: FamilyOptions = {},
): readonly Case[] {
  const caseOf = (name: string, params: P): Case => ({
    family: of,
    name,
    params,
    anyDtype,
    make: () => make(params),
    tiny: () => caseOf(name, shrink(params)),
    resized: (sizes) => {
      if (sizes.length !== sizeNames.length || sizes.length === 0) return null;
      const chosen = Object.fromEntries(sizeNames.map((each, i) => [each, sizes[i] as number]));
      return caseOf(`${wordsOf(params)} ${sizes.join('x')}`, { ...params, ...chosen });
    },
  });
  return shapes.map(({ name, ...params }) => caseOf(name, params as unknown as P));
}

/** No size above 8: windows still fit, and heads still divide widths. */
function shrink<P extends Params>(params: P): P {
  const entries = Object.entries(params).map(([key, value]) => [
    key,
    typeof value === 'number' ? Math.min(value, 8) : value,
  ]);
  return Object.fromEntries(entries) as P;
}

/** What a case is besides its sizes: words, the names of what is true, and the axis. */
function wordsOf(params: Params): string {
  const words = Object.entries(params).flatMap(([key, value]) => {
    if (typeof value === 'string') return [value];
    if (key === 'axis') return [`axis ${value}`];
    return value === true ? [key] : [];
  });
  return words.join(' ');
}
