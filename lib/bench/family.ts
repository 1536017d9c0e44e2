// A family of cases: named shapes that users recognise, and how to make one ready to run.

/** What a case is made from; a peer gets the same numbers under the same names. */
export type Params = Readonly<Record<string, number | string | boolean>>;

/** A case ready to run. */
export interface Work {
  /** Multiplications and additions of one call, where they are what bounds it. */
  readonly flops?: number;
  /** Bytes that one call cannot avoid to read or write. */
  readonly bytes?: number;
  /** One call; the tensors it makes are freed by the caller's scope. */
  run(): unknown;
}

export interface Case {
  readonly family: string;
  readonly name: string;
  readonly params: Params;
  /** With inputs of its size; call it in a scope, which frees them. */
  make(): Work;
  /** The same case at a size that takes no time. */
  tiny(): Case;
}

/** The cases of a family. */
export function family<P extends Params>(
  of: string,
  shapes: readonly (P & { readonly name: string })[],
  make: (params: P) => Work,
): readonly Case[] {
  const caseOf = (name: string, params: P): Case => ({
    family: of,
    name,
    params,
    make: () => make(params),
    tiny: () => caseOf(name, shrink(params)),
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
