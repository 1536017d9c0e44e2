// The methods of reductions, scans and order.
import type { DType } from '../core/dtype.ts';
import type { FixedSize } from './counted.ts';
import type { AxisOptions, ValuesAndIndices } from './extreme.ts';
import type { MethodsOf } from './methods.ts';
import { hang } from './methods.ts';
import { amax, amin, mean, sum } from './reduce.ts';
import type { ReduceArgument } from './reduce-shared.ts';
import * as reductions from './reductions.ts';
import type { BincountOptions, FixedBincountOptions } from './search.ts';
import type { UniqueOptions, UniqueResult } from './unique.ts';
import type { VarianceArgument } from './variance.ts';

interface Whole {
  readonly keepdim?: boolean | undefined;
}
/** What has an axis in one form and none in the other is declared by hand: types see one form only. */
type TwoFold = 'max' | 'min' | 'median' | 'nanmedian' | 'unique' | 'uniqueConsecutive' | 'bincount';

declare module '../core/tensor.ts' {
  interface Tensor<D extends DType = DType> extends Omit<MethodsOf<typeof reductions>, TwoFold> {
    sum(reduce?: ReduceArgument): Tensor;
    mean(reduce?: ReduceArgument): Tensor;
    amax(reduce?: ReduceArgument): Tensor<D>;
    amin(reduce?: ReduceArgument): Tensor<D>;
    max(reduce?: Whole): Tensor<D>;
    max(axis: number | AxisOptions): ValuesAndIndices<D>;
    min(reduce?: Whole): Tensor<D>;
    min(axis: number | AxisOptions): ValuesAndIndices<D>;
    median(reduce?: Whole): Tensor<D>;
    median(axis: number | AxisOptions): ValuesAndIndices<D>;
    nanmedian(reduce?: Whole): Tensor<D>;
    nanmedian(axis: number | AxisOptions): ValuesAndIndices<D>;
    unique(options: UniqueOptions & FixedSize): UniqueResult<D>;
    unique(): Promise<Tensor<D>>;
    unique(options: UniqueOptions): Promise<UniqueResult<D>>;
    uniqueConsecutive(options: UniqueOptions & FixedSize): UniqueResult<D>;
    uniqueConsecutive(): Promise<Tensor<D>>;
    uniqueConsecutive(options: UniqueOptions): Promise<UniqueResult<D>>;
    bincount(options: FixedBincountOptions): Tensor;
    bincount(options?: BincountOptions): Promise<Tensor>;
    var(reduce?: VarianceArgument): Tensor;
  }
}

hang({ ...reductions, sum, mean, amax, amin, var: reductions.variance });
