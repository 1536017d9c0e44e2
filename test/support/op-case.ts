// The entry of an op in the table of tests, and its arguments: specs of tensors, alone, in lists or among options.
import type { DType, Tensor } from '../../lib/index.ts';
import { isSpec, type TensorSpec } from './random.ts';
import type { Layout } from './tensors.ts';

// biome-ignore lint/suspicious/noExplicitAny: ops and references of every argument list
export type AnyFunction = (...args: any[]) => any;

export interface OpCase {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Instead of the op's dtypes. */
  readonly dtypes?: readonly DType[];
  /** False where the value is not smooth, or the reference has no finite value there. */
  readonly grad?: boolean;
  readonly layouts?: readonly Layout[];
}

export interface Rejected {
  readonly name: string;
  readonly args: () => unknown[];
  readonly code: string;
  readonly message?: RegExp;
}

export interface OpTest {
  /**
   * False for ops that refuse float16 and bfloat16. Others are run in both where they take float32: values as near as the
   * digits allow, and gradients in the dtype of the leaf, held to those of float64 unless 'values' says that these differ.
   */
  readonly halves?: false | 'values';
  /** False for ops of labels, which refuse int8 and int16; others take them where they take int32. */
  readonly narrow?: false;
  /** Gets the arguments with NDArrays in place of tensors. */
  readonly reference: AnyFunction;
  readonly cases: readonly OpCase[];
  readonly rejects?: readonly Rejected[];
  /** Default: float32 and float64. */
  readonly dtypes?: readonly DType[];
  /** Default: the dtype under test. A list has one for each result. */
  readonly resultDtype?: (dtype: DType) => DType | readonly DType[];
  readonly differentiable?: boolean;
  /** Errors allowed in units of epsilon; see `additive`. Default 4: a polynomial and its rounding. */
  readonly ulps?: number;
  /**
   * The op adds products of its inputs: errors are relative to the sum of magnitudes, which is the reference applied to
   * absolute values, and grow at most with the square root of the number of terms (blocked sums).
   */
  readonly additive?: boolean;
  /** What errors are relative to, where neither the value nor the above says it. */
  readonly magnitude?: AnyFunction;
}

const isList = (value: unknown): value is readonly TensorSpec[] =>
  Array.isArray(value) && value.length > 0 && value.every(isSpec);

/** Applies `f` to every spec among the arguments, lists of specs included. */
export function mapSpecs<T>(args: readonly unknown[], f: (spec: TensorSpec, index: number) => T): unknown[] {
  let index = 0;
  return args.map((arg) => {
    if (isSpec(arg)) return f(arg, index++);
    if (isList(arg)) return arg.map((each) => f(each, index++));
    if (!isOptions(arg)) return arg;
    return Object.fromEntries(Object.entries(arg).map(([key, each]) => [key, isSpec(each) ? f(each, index++) : each]));
  });
}

/** An options object; tensors among its values are found too. */
const isOptions = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

export function specsOf(args: readonly unknown[]): TensorSpec[] {
  return args.flatMap((arg) =>
    isSpec(arg) ? [arg] : isList(arg) ? [...arg] : isOptions(arg) ? Object.values(arg).filter(isSpec) : [],
  );
}

export const many = <T>(result: T | readonly T[]): readonly T[] => (Array.isArray(result) ? result : [result as T]);

export const tensorsIn = (args: readonly unknown[]): Tensor[] =>
  args
    .flatMap((arg) => (isOptions(arg) ? Object.values(arg) : arg))
    .filter((arg): arg is Tensor => typeof arg === 'object' && arg !== null && 'storage' in arg);

/** The difference of one and the next number, and a size safe from overflow. */
export const halves = {
  float16: { epsilon: 2 ** -10, largest: 3e4 },
  bfloat16: { epsilon: 2 ** -7, largest: 1e30 },
} as const;
