// The one loop behind every elementwise kernel. An op supplies a body, a functor over elements; strides,
// broadcasting, numbers, conversion from and to the dtypes of the tensors and merging of axes are settled
// here. A body is compiled once per op and compute type: how its elements are fetched is decided when the
// kernel runs, alike for all threads.
//
// Two ways over the data. Packed: every operand lies in runs along the innermost axis, or repeats one element
// there, so a thread takes a whole pack of neighbours at once. Loose: a thread takes elements a block apart,
// each from where its strides, and dtype, put it.
#pragma once
#include <tuple>

#include "../ops/checks.h"
#include "convert.h"
#include "wg/index.h"
#include "wg/launch.h"

namespace wg::cuda {

inline constexpr int kMaxSides = 4;  // the output and up to three inputs

/// One operand as the kernel sees it.
struct Side {
  char* data;  ///< null: a number
  DType dtype;
  bool truth;                 ///< the body wants a bool
  bool native;                ///< nothing needs converting
  alignas(8) char number[8];  ///< in the body's type
};

struct Plan {
  uint32_t total;  ///< elements, or packs of them
  int32_t rank;
  bool packed;
  Divider<uint32_t> size[kMaxRank];     ///< axis 0 is the innermost
  int64_t stride[kMaxRank][kMaxSides];  ///< in elements
  Side side[kMaxSides];
};

/// An input: a view of the output's shape, or a number that stands for all its elements.
struct Source {
  const View* view;
  double number;
  DType body;  ///< what the body reads: a compute type, bool, or any dtype whose bits are merely moved
};
inline Source sourceOf(const View& v, DType body) { return {&v, 0, body}; }
inline Source sourceOf(const Operand& o, DType body) {
  return {o.isNumber ? nullptr : &o.view, o.number, body};
}

/// How a launch differs from body to body.
struct Launcher {
  void (*launch)(Stream& s, const Plan& plan, const void* body, dim3 grid);
  int pack;  ///< elements of a thread
};
inline constexpr int kElementwiseThreads = 256;

/// Plans and launches. False, with the op failed, when an input's shape differs from out's.
bool runElementwise(Stream& s, const Launcher& launcher, const void* body, const View& out, DType result,
                    const Source* inputs, int count);

namespace elementwise {

// What a body takes: F::operator()(A), (A, B) or (A, B, C).
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class F, class R, class... A>
struct Signature<R (F::*)(A...) const> {
  using Result = R;
  static constexpr int kInputs = sizeof...(A);
  template <int i>
  using Input = typename std::tuple_element<i, std::tuple<A...>>::type;
};

template <class T, int n>
struct Fetched {
  T v[n];
};

/// Where pack or element `i` of each side lies, in elements.
template <int sides>
WG_DEV void locate(const Plan& p, uint32_t i, int64_t (&at)[sides]) {
  if (p.rank == 1) {
    WG_UNROLL
    for (int k = 0; k < sides; k++) at[k] = static_cast<int64_t>(i) * p.stride[0][k];
    return;
  }
  WG_UNROLL
  for (int k = 0; k < sides; k++) at[k] = 0;
  for (int axis = 0; axis < p.rank; axis++) {
    const Divided<uint32_t> d = p.size[axis].both(i);
    i = d.quotient;
    WG_UNROLL
    for (int k = 0; k < sides; k++) at[k] += static_cast<int64_t>(d.remainder) * p.stride[axis][k];
  }
}

template <class T, int n>
WG_DEV void fetchPack(const Plan& p, int k, int64_t at, T (&x)[n]) {
  const Side& side = p.side[k];
  if (p.stride[0][k] == 0) {
    const T value =
        load<T>(side.data == nullptr ? side.number : side.data + at * static_cast<int64_t>(sizeof(T)));
    WG_UNROLL
    for (int j = 0; j < n; j++) x[j] = value;
    return;
  }
  if constexpr (__is_same(T, float)) {
    if (!side.native) {
      const auto bits = load<Pack<uint16_t, n>>(side.data + at * 2);
      WG_UNROLL
      for (int j = 0; j < n; j++)
        x[j] = fromBits<float>(side.dtype == DType::f16 ? widenHalf(bits[j]) : widenBrain(bits[j]));
      return;
    }
  }
  const auto pack = load<Pack<T, n>>(side.data + at * static_cast<int64_t>(sizeof(T)));
  WG_UNROLL
  for (int j = 0; j < n; j++) x[j] = pack[j];
}

template <class T, int n>
WG_DEV void putPack(const Plan& p, int64_t at, const T (&y)[n]) {
  const Side& side = p.side[0];
  if constexpr (__is_same(T, float)) {
    if (!side.native) {
      Pack<uint16_t, n> bits;
      WG_UNROLL
      for (int j = 0; j < n; j++) {
        const uint32_t value = bitsOf(y[j]);
        bits[j] = side.dtype == DType::f16 ? narrowHalf(value) : narrowBrain(value);
      }
      return store(side.data + at * 2, bits);
    }
  }
  Pack<T, n> pack;
  WG_UNROLL
  for (int j = 0; j < n; j++) pack[j] = y[j];
  store(side.data + at * static_cast<int64_t>(sizeof(T)), pack);
}

template <class T>
WG_DEV T fetch(const Plan& p, int k, int64_t at) {
  const Side& side = p.side[k];
  if (side.data == nullptr) return load<T>(side.number);
  if (side.native) return load<T>(side.data + at * static_cast<int64_t>(sizeof(T)));
  return loadAny<T>(side.data, side.dtype, at, side.truth);
}

template <class T>
WG_DEV void put(const Plan& p, int64_t at, T value) {
  const Side& side = p.side[0];
  if (side.native) store(side.data + at * static_cast<int64_t>(sizeof(T)), value);
  else storeAny(side.data, side.dtype, at, value);
}

template <class F, int n>
WG_KERNEL(kElementwiseThreads, 1)
kernel(const WG_GRID_CONSTANT Plan p, const WG_GRID_CONSTANT F f) {
  using S = Signature<F>;
  using R = typename S::Result;
  using A = typename S::template Input<0>;
  using B = typename S::template Input<(S::kInputs > 1 ? 1 : 0)>;
  using C = typename S::template Input<(S::kInputs > 2 ? 2 : 0)>;
  constexpr int kSides = 1 + S::kInputs;
  const uint32_t threads = gridDim.x * blockDim.x;
  // Loose elements of a thread are `threads` apart, so that neighbouring threads read neighbours.
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < p.total;
       i += p.packed ? threads : n * threads) {
    A a[n];
    [[maybe_unused]] B b[n];
    [[maybe_unused]] C c[n];
    R y[n];
    int64_t at[n][kSides] = {};
    if (p.packed) {
      locate(p, i, at[0]);
      fetchPack(p, 1, at[0][1], a);
      if constexpr (kSides > 2) fetchPack(p, 2, at[0][2], b);
      if constexpr (kSides > 3) fetchPack(p, 3, at[0][3], c);
    } else {
      WG_UNROLL
      for (int j = 0; j < n; j++) {
        const uint32_t k = i + j * threads;
        locate(p, k < p.total ? k : i, at[j]);
        a[j] = fetch<A>(p, 1, at[j][1]);
        if constexpr (kSides > 2) b[j] = fetch<B>(p, 2, at[j][2]);
        if constexpr (kSides > 3) c[j] = fetch<C>(p, 3, at[j][3]);
      }
    }
    WG_UNROLL
    for (int j = 0; j < n; j++) {
      if constexpr (kSides == 2) y[j] = f(a[j]);
      else if constexpr (kSides == 3) y[j] = f(a[j], b[j]);
      else y[j] = f(a[j], b[j], c[j]);
    }
    if (p.packed) {
      putPack(p, at[0][0], y);
    } else {
      WG_UNROLL
      for (int j = 0; j < n; j++)
        if (i + j * threads < p.total) put(p, at[j][0], y[j]);
    }
  }
}

/// Elements a thread takes: 16 bytes of the widest operand, or one where the body is long.
template <class F>
constexpr int packOf() {
  using S = Signature<F>;
  size_t widest = sizeof(typename S::Result);
  const size_t inputs[] = {sizeof(typename S::template Input<0>),
                           sizeof(typename S::template Input<(S::kInputs > 1 ? 1 : 0)>),
                           sizeof(typename S::template Input<(S::kInputs > 2 ? 2 : 0)>)};
  for (size_t bytes : inputs) widest = bytes > widest ? bytes : widest;
  if constexpr (requires { F::kLong; }) return 1;
  else return widest == 1 ? 8 : static_cast<int>(16 / widest);
}

template <class F>
void launch(Stream& s, const Plan& plan, const void* body, dim3 grid) {
  cuda::launch(s, kernel<F, packOf<F>()>, grid, dim3(kElementwiseThreads), 0, plan,
               *static_cast<const F*>(body));
}

}  // namespace elementwise

/// The body over out's elements; result is what it writes, as Source::body what it reads.
template <class F>
bool runElementwise(Stream& s, const F& body, const View& out, DType result,
                    const Source (&inputs)[elementwise::Signature<F>::kInputs]) {
  const Launcher launcher{elementwise::launch<F>, elementwise::packOf<F>()};
  return runElementwise(s, launcher, &body, out, result, inputs, elementwise::Signature<F>::kInputs);
}

}  // namespace wg::cuda
