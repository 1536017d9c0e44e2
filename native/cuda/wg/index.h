// From an element's number to where it lies: division by multiplication, and strided views whose axes are
// merged on the host.
#pragma once
#include <type_traits>

#include "../../core/view.h"
#include "base.h"

namespace wg::cuda {

template <class I>
struct Divided {
  I quotient, remainder;
};

/// Division by a number known on the host. I is uint32_t or uint64_t; dividend and divisor lie below 2^31 or
/// 2^63.
template <class I>
class Divider;

template <>
class Divider<uint32_t> {
 public:
  Divider() = default;
  explicit WG_BOTH Divider(uint32_t divisor) : divisor_(divisor) {
    // With 2^shift ≥ divisor, n (2^32 + factor) / 2^(32 + shift) is exact: Granlund and Montgomery, 1994.
    while (shift_ < 31 && (1u << shift_) < divisor) shift_++;
    factor_ = static_cast<uint32_t>(((((uint64_t{1} << shift_) - divisor) << 32) / divisor) + 1);
  }
  WG_BOTH uint32_t divisor() const { return divisor_; }
  WG_BOTH uint32_t divide(uint32_t n) const {
    return (static_cast<uint32_t>((uint64_t{n} * factor_) >> 32) + n) >> shift_;
  }
  WG_BOTH Divided<uint32_t> both(uint32_t n) const {
    const uint32_t q = divide(n);
    return {q, n - q * divisor_};
  }

 private:
  uint32_t divisor_ = 1, factor_ = 1, shift_ = 0;
};

template <>
class Divider<uint64_t> {
 public:
  Divider() = default;
  explicit WG_BOTH Divider(uint64_t divisor) : divisor_(divisor) {
    // As above: a division of 64 bits is a function call on the device, around which registers are spilled.
    while (shift_ < 63 && (uint64_t{1} << shift_) < divisor) shift_++;
    const Wide excess = (Wide{1} << shift_) - divisor;
    factor_ = static_cast<uint64_t>((excess << 64) / divisor + 1);
  }
  WG_BOTH uint64_t divisor() const { return divisor_; }
  WG_BOTH uint64_t divide(uint64_t n) const { return (high(n) + n) >> shift_; }
  WG_BOTH Divided<uint64_t> both(uint64_t n) const {
    const uint64_t q = divide(n);
    return {q, n - q * divisor_};
  }

 private:
  using Wide = unsigned __int128;
  WG_BOTH uint64_t high(uint64_t n) const {
#ifdef __CUDA_ARCH__
    return __umul64hi(n, factor_);
#else
    return static_cast<uint64_t>((Wide{n} * factor_) >> 64);
#endif
  }

  uint64_t divisor_ = 1, factor_ = 1;
  uint32_t shift_ = 0;
};

/// Where element `i` of each of N views of one shape lies, in elements. Axis 0 is the innermost.
template <int N, class I>
struct Offsets {
  using Signed = std::conditional_t<sizeof(I) == 4, int32_t, int64_t>;
  I total;
  int32_t rank;
  Divider<I> size[kMaxRank];
  Signed stride[kMaxRank][N];

  struct At {
    Signed at[N];
    WG_BOTH Signed operator[](int k) const { return at[k]; }
  };

  WG_BOTH At operator()(I i) const {
    At result;
    WG_UNROLL
    for (int k = 0; k < N; k++) result.at[k] = 0;
    WG_UNROLL
    for (int axis = 0; axis < kMaxRank; axis++) {
      if (axis == rank) break;
      const Divided<I> d = size[axis].both(i);
      i = d.quotient;
      WG_UNROLL
      for (int k = 0; k < N; k++) result.at[k] += static_cast<Signed>(d.remainder) * stride[axis][k];
    }
    return result;
  }
};

/// The axes of N views of one shape, as few as describe them all: those of size 1 dropped, those that follow
/// each other in every view merged. Axis 0 is the innermost.
template <int N>
struct Axes {
  int64_t total = 1;
  int32_t rank = 0;
  int64_t size[kMaxRank];
  int64_t stride[kMaxRank][N];

  /// Every view is one run: element i lies at i times stride[0], which is 1 or 0.
  bool dense(int view) const { return rank == 0 || (rank == 1 && stride[0][view] == 1); }
  bool single(int view) const {
    for (int a = 0; a < rank; a++)
      if (stride[a][view] != 0) return false;
    return true;
  }
  /// Whether 32 bits reach every element of every view.
  bool small() const {
    constexpr int64_t kMost = INT32_MAX;
    if (total > kMost) return false;
    for (int k = 0; k < N; k++) {
      int64_t reach = 0;
      for (int a = 0; a < rank; a++)
        reach += (size[a] - 1) * (stride[a][k] < 0 ? -stride[a][k] : stride[a][k]);
      if (reach > kMost) return false;
    }
    return true;
  }
  template <class I>
  Offsets<N, I> offsets() const {
    Offsets<N, I> o{};
    o.total = static_cast<I>(total);
    o.rank = rank;
    for (int a = 0; a < rank; a++) {
      if (size[a] > 0) o.size[a] = Divider<I>(static_cast<I>(size[a]));  // else there is no element to find
      for (int k = 0; k < N; k++) o.stride[a][k] = static_cast<typename Offsets<N, I>::Signed>(stride[a][k]);
    }
    return o;
  }
};

enum class Reorder { no, yes };

/// The axes of `views`, which have one shape. With Reorder::yes, in the order in which the first view lies in
/// memory: for kernels to which an element's number means nothing, such as elementwise ones.
template <int N>
Axes<N> axesOf(const View* const (&views)[N], Reorder reorder = Reorder::no) {
  const View& first = *views[0];
  int order[kMaxRank], rank = 0;
  Axes<N> result;
  for (int a = 0; a < first.rank; a++) result.total *= first.shape[a];
  for (int a = first.rank - 1; a >= 0; a--)
    if (first.shape[a] != 1) order[rank++] = a;
  if (reorder == Reorder::yes) {
    const auto size = [](int64_t s) { return s < 0 ? -s : s; };
    for (int i = 1; i < rank; i++)  // insertion: axes of equal stride keep their order
      for (int k = i; k > 0 && size(first.stride[order[k]]) < size(first.stride[order[k - 1]]); k--) {
        const int axis = order[k];
        order[k] = order[k - 1];
        order[k - 1] = axis;
      }
  }
  for (int i = 0; i < rank; i++) {
    const int axis = order[i];
    bool merges = result.rank > 0;
    for (int k = 0; k < N && merges; k++) {
      const int last = result.rank - 1;
      merges = views[k]->stride[axis] == result.stride[last][k] * result.size[last];
    }
    if (merges) {
      result.size[result.rank - 1] *= first.shape[axis];
      continue;
    }
    result.size[result.rank] = first.shape[axis];
    for (int k = 0; k < N; k++) result.stride[result.rank][k] = views[k]->stride[axis];
    result.rank++;
  }
  return result;
}

/// f(uint32_t()) where 32 bits reach everything, else f(uint64_t()).
template <int N, class F>
void withIndex(const Axes<N>& axes, F f) {
  if (axes.small()) f(uint32_t());
  else f(uint64_t());
}

}  // namespace wg::cuda
