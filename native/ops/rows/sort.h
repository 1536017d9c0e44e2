// Rows: order along the last axis. NaN is larger than every number, -0 equals 0, equals keep their order.
// Indices are int32.
#pragma once

// clang-format off
#define WG_SORT_ROWS(X) \
  X(sort, (Out, Out, In, int32_t), "values indices x descending") \
  X(topk, (Out, Out, In, int32_t), "values indices x largest") /* in order, the best first */ \
  X(kthvalue, (Out, Out, In, double, int32_t), "values indices x k rule") /* k from 0; rule: 0 as it is, 1 the lower median or the first NaN, 2 the lower median of numbers */ \
  X(mode, (Out, Out, In), "values indices x") /* the smallest of the most frequent, at its last place */ \
  X(runs, (Out, Out, Out, Out, In, MaybeIn), "values inverse counts total x order") /* runs of equals of x [n] */ \
  X(searchsorted, (Out, In, In, MaybeIn, int32_t), "out sorted x sorter right") \
  X(histogram, (Out, In, In), "counts x range") /* equal bins over range [2]; what lies outside is left out */
// clang-format on
