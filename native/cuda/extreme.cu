// amax and amin over any axes, argmax and argmin along one. NaN wins, and the first of equals. The smallest
// is the largest of turned values, so that both share their kernels.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "prototype.h"
#include "reduction.cuh"

WG_CUDA_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cuda {
namespace {

/// Bytes are compared as words, which shuffles move.
template <class T>
using Key = std::conditional_t<sizeof(T) == 1, int32_t, T>;

template <class T>
WG_DEV Key<T> turn(Key<T> x, bool turned) {
  if constexpr (kIsFloat<T>) return turned ? -x : x;
  else return turned ? static_cast<Key<T>>(~x) : x;  // reverses the order of all integers
}
template <class T>
WG_DEV Key<T> lowest() {
  if constexpr (kIsFloat<T>) return -Format<T>::kInf;
  else return static_cast<Key<T>>(uint64_t{1} << (sizeof(Key<T>) * 8 - 1));
}
template <class K>
WG_DEV bool beats(K a, K b) {
  if constexpr (kIsFloat<K>) return a > b || (a != a && b == b);
  else return a > b;
}

template <class T>
struct Extreme {
  using Value = T;
  using State = Key<T>;
  bool turned;

  WG_DEV State empty() const { return lowest<T>(); }
  template <int n>
  WG_DEV void take(State& best, const T* v, T, int64_t, int64_t) const {
    WG_UNROLL
    for (int i = 0; i < n; i++) best = merge(best, turn<T>(v[i], turned));
  }
  WG_DEV State merge(State a, State b) const { return beats(b, a) ? b : a; }
  WG_DEV void finish(void* out, int64_t at, State best) const {
    static_cast<T*>(out)[at] = static_cast<T>(turn<T>(best, turned));
  }
};

template <class K>
struct Found {
  K value;
  int64_t index;
};

template <class T>
struct Place {
  using Value = T;
  using State = Found<Key<T>>;
  static constexpr int64_t kNone = INT64_MAX;
  bool turned;
  DType to;

  WG_DEV State empty() const { return {lowest<T>(), kNone}; }
  template <int n>
  WG_DEV void take(State& best, const T* v, T, int64_t first, int64_t step) const {
    // A state sees its positions in their order.
    WG_UNROLL
    for (int i = 0; i < n; i++) {
      const Key<T> key = turn<T>(v[i], turned);
      if (beats(key, best.value)) best = {key, first + i * step};
    }
  }
  WG_DEV State merge(State a, State b) const {
    if (beats(b.value, a.value)) return b;
    return beats(a.value, b.value) || a.index < b.index ? a : b;
  }
  WG_DEV void finish(void* out, int64_t at, State best) const {
    // Where nothing beats the lowest value of all, every value is that one.
    putInteger(out, to, at, best.index == kNone ? 0 : static_cast<uint64_t>(best.index));
  }
};

bool planExtreme(Stream& s, const char* name, const View& out, const View& x, Reduction& r) {
  if (!planReduction(s, out, x, r) || r.outputs == 0) return false;
  if (r.length == 0) fail(s, Code::argument, "%s: an empty axis has no extreme", name);
  return r.length != 0;
}

void extreme(Stream& s, const char* name, const View& out, const View& x, bool smallest) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "amax, amin: dtypes differ") || !planExtreme(s, name, out, x, r))
    return;
  withAny(s, x.dtype, name, [&]<class T>() { reduce(s, r, Extreme<T>{smallest}); });
}

void place(Stream& s, const char* name, const View& out, const View& x, bool smallest) {
  Reduction r;
  if (!require(s, out.dtype == DType::i32 || out.dtype == DType::i64,
               "argmax, argmin: the output is not int32 or int64"))
    return;
  if (!planExtreme(s, name, out, x, r)) return;
  if (!require(s, r.reduced.rank <= 1, "argmax, argmin: reduces more than one axis")) return;
  withAny(s, x.dtype, name, [&]<class T>() { reduce(s, r, Place<T>{smallest, out.dtype}); });
}

}  // namespace

size_t amaxWorkspace(const Out& out, const In& x) { return reductionWorkspace(out, x, 8); }
size_t aminWorkspace(const Out& out, const In& x) { return reductionWorkspace(out, x, 8); }
size_t argmaxWorkspace(const Out& out, const In& x) { return reductionWorkspace(out, x, 16); }
size_t argminWorkspace(const Out& out, const In& x) { return reductionWorkspace(out, x, 16); }

void amax(Stream& s, const Out& out, const In& x) { extreme(s, "amax", out, x, false); }
void amin(Stream& s, const Out& out, const In& x) { extreme(s, "amin", out, x, true); }

void argmax(Stream& s, const Out& out, const In& x) { place(s, "argmax", out, x, false); }
void argmin(Stream& s, const Out& out, const In& x) { place(s, "argmin", out, x, true); }

}  // namespace wg::cuda
