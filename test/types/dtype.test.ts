// What the compiler must know. The file runs nothing: it passes when it compiles, and every @ts-expect-error line would not.
import { test } from 'uvu';
import type { DType, Tensor } from '../../lib/index.ts';
import { cast, ones, sum, tensor, zeros } from '../../lib/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T => true as T;

export function literals(): void {
  holds<Same<ReturnType<typeof zeros<'int32'>>, Tensor<'int32'>>>();
  const doubles = tensor(new Float64Array(2));
  holds<Same<typeof doubles, Tensor<'float64'>>>();
  const bytes = tensor(new Uint8Array(2));
  holds<Same<typeof bytes, Tensor<'uint8'>>>();
  const wide = tensor(new BigInt64Array(2));
  holds<Same<Awaited<ReturnType<typeof wide.data>>, BigInt64Array<ArrayBuffer>>>();
  const floats = zeros([2]);
  holds<Same<typeof floats, Tensor<'float32'>>>();
  holds<Same<Awaited<ReturnType<typeof floats.data>>, Float32Array<ArrayBuffer>>>();
  const ints = cast(floats, 'int32');
  holds<Same<typeof ints, Tensor<'int32'>>>();
  holds<Same<ReturnType<typeof ints.dataSync>, Int32Array<ArrayBuffer>>>();
  const any: Tensor = ints;
  holds<Same<typeof any.dtype, DType>>();
}

export function mistakes(): void {
  // @ts-expect-error there is no such dtype
  zeros([2], { dtype: 'float8' });
  // @ts-expect-error a shape is a list
  zeros(2);
  // @ts-expect-error text is no tensor
  sum('x');
  // @ts-expect-error shapes cannot be assigned to
  ones([2]).shape = [3];
  // @ts-expect-error requiresGrad is a boolean
  tensor([1], { requiresGrad: 1 });
}

test('the type-level tests compiled', () => {});

test.run();
