// Integers, and products so small that a thread can have a whole sum.
#include "core.cuh"
#include "matrix.cuh"

namespace wg::cuda::gemm {
namespace {

constexpr int kThreads = 128;

/// What elements of T are added in.
template <class T>
struct Arithmetic {
  using Sum = T;
  static WG_DEV Sum widen(T x) { return x; }
  static WG_DEV T narrow(Sum x) { return x; }
};
template <class T>
struct Halves {
  using Sum = float;
  static WG_DEV float widen(T x) { return Core<T>::widen(x); }
  static WG_DEV T narrow(float x) { return {static_cast<uint16_t>(Core<T>::narrow(x, 0))}; }
};
template <>
struct Arithmetic<F16> : Halves<F16> {};
template <>
struct Arithmetic<Bf16> : Halves<Bf16> {};

template <class T>
struct PlainProblem {
  int64_t total, k;
  T* out;
  const T *a, *b, *bias;
  int64_t aK, bK;
  Offsets<4, uint64_t> at;  ///< of out, a (0 along the columns), b (0 along the rows) and the bias
};

// One thread an element of C; neighbours share a row of A and read neighbouring columns of B.
template <class T>
WG_KERNEL(kThreads)
plain(const WG_GRID_CONSTANT PlainProblem<T> p) {
  using A = Arithmetic<T>;
  using Sum = typename A::Sum;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < p.total;
       i += int64_t{gridDim.x} * kThreads) {
    const auto at = p.at(static_cast<uint64_t>(i));
    const T *a = p.a + at[1], *b = p.b + at[2];
    Sum sum = 0;
    for (int64_t k = 0; k < p.k; k++, a += p.aK, b += p.bK)
      sum = static_cast<Sum>(sum + A::widen(*a) * A::widen(*b));
    if (p.bias != nullptr) sum = static_cast<Sum>(sum + A::widen(p.bias[at[3]]));
    p.out[at[0]] = A::narrow(sum);
  }
}

template <class T>
void run(Stream& s, const View& out, const View& a, const View& b, const View& bias) {
  const int32_t r = out.rank - 2;
  View left = a, right = b;
  left.shape[r + 1] = out.shape[r + 1];
  left.stride[r + 1] = 0;
  right.shape[r] = out.shape[r];
  right.stride[r] = 0;
  const Axes<4> axes = axesOf<4>({&out, &left, &right, bias.data ? &bias : &out});
  const PlainProblem<T> p{axes.total,
                          a.shape[r + 1],
                          static_cast<T*>(out.data),
                          static_cast<const T*>(a.data),
                          static_cast<const T*>(b.data),
                          static_cast<const T*>(bias.data),
                          a.stride[r + 1],
                          b.stride[r],
                          axes.template offsets<uint64_t>()};
  const int64_t blocks = minOf(::wg::ceilDiv(p.total, kThreads), 1 << 20);
  launch(s, plain<T>, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads), 0, p);
}

}  // namespace

void runPlain(Stream& s, const View& out, const View& a, const View& b, const View& bias) {
  if (out.dtype == DType::f16) return run<F16>(s, out, a, b, bias);
  if (out.dtype == DType::bf16) return run<Bf16>(s, out, a, b, bias);
  withNumber(s, out.dtype, "matmul", [&]<class T>() { run<T>(s, out, a, b, bias); });
}

}  // namespace wg::cuda::gemm
