// The sum of a row's exponentials in one pass over it: relative to the largest element so far, and scaled
// anew when a larger one comes.
#pragma once
#include "../ops/math.h"
#include "rows.cuh"

namespace wg::cuda {

/// The larger; NaN wins.
template <class T>
WG_DEV T largest(T a, T b) {
  return b > a || b != b ? b : a;
}

template <class T>
struct Exponents {
  T top, sum;  ///< the largest element, and Σ exp(x - top): 0 when every x is minus infinity
};

/// Of the row of `team`; every thread of the block has to call it, with width 0 when it has no row.
template <class T>
WG_DEV Exponents<T> exponentsOf(const T* row, int64_t step, int64_t width, bool packed, const Team& team) {
  constexpr T kNone = -Format<T>::kInf;
  Exponents<T> e{kNone, T(0)};
  eachRun(row, step, width, packed, team, [&](const auto& values, int64_t) {
    T top = largest(e.top, values[0]);  // NaN stays
    WG_UNROLL
    for (int k = 1; k < values.kCount; k++) top = largest(top, values[k]);
    if (!(top <= e.top)) {
      e.sum *= math::exp(e.top - top);
      e.top = top;
    }
    const T shift = e.top == kNone ? T(0) : e.top;
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) e.sum += math::exp(values[k] - shift);
  });
  return team.reduce(e, [](const Exponents<T>& a, const Exponents<T>& b) {
    const T top = largest(a.top, b.top), shift = top == kNone ? T(0) : top;
    return Exponents<T>{top, a.sum * math::exp(a.top - shift) + b.sum * math::exp(b.top - shift)};
  });
}

}  // namespace wg::cuda
