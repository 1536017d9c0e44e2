// Depthwise convolution: lanes run along a row of pixels, several rows of output share each vector of the
// source, and the source is read where it lies; padding is lanes that a masked load leaves zero, and rows
// that are skipped. An output sums its taps in the order (r, q), however the plane is cut.
#include "conv_depthwise.h"

#include "conv_depthwise_lanes.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Elements between what is read and what is asked for meanwhile: what hardware asks for ends with a page.
constexpr int64_t kAskAhead = 1024;
constexpr int64_t kAskBytes = int64_t{1} << 22;  // of an output: more than the second-level cache holds

/// Where the taps of a column of vectors lie inside the source: the same for every row.
template <class T, int Bytes, int K, int S>
struct StripMasks {
  LaneMask<T, Bytes> source[K][S], out;
  WG_INLINE StripMasks(const DepthPlane<T>& p, int64_t x0) : out(laneMask<T, Bytes>(0, p.cols - x0)) {
    constexpr int L = Strip<T, Bytes>::kCount;
    const int64_t lanes = minOf(p.cols - x0, L);
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q) {
      const int64_t at = x0 * S + p.originX + q, end = minOf(p.width - at, (lanes - 1) * S + 1);
#pragma GCC unroll 2
      for (int half = 0; half < S; ++half)
        source[q][half] = laneMask<T, Bytes>(-at - half * L, end - half * L);
    }
  }
};

template <class T, int Bytes, int S>
WG_INLINE typename Strip<T, Bytes>::Vec loadSource(const T* p, const LaneMask<T, Bytes> (&masks)[S]) {
  if constexpr (S == 1) return loadLanes<T, Bytes>(p, masks[0]);
  else
    return evenLanes(loadLanes<T, Bytes>(p, masks[0]),
                     loadLanes<T, Bytes>(p + Strip<T, Bytes>::kCount, masks[1]));
}

/// R rows of output in one column of vectors.
template <class T, int Bytes, int K, int S, int R, class Weight>
WG_INLINE void depthRows(const DepthPlane<T>& p, const StripMasks<T, Bytes, K, S>& masks,
                         const Weight (&weights)[K][K], int64_t x0, int64_t y0) {
  using Vec = typename Strip<T, Bytes>::Vec;
  T* const out = p.out + y0 * p.outY + x0;
  Vec acc[R];
#pragma GCC unroll 8
  for (int j = 0; j < R; ++j) {
    acc[j] = Vec{} + p.bias;
    if (p.accumulate) acc[j] += loadLanes<T, Bytes>(out + j * p.outY, masks.out);
  }
#pragma GCC unroll 32
  for (int i = 0; i < (R - 1) * S + K; ++i) {
    const int64_t row = y0 * S + p.originY + i;
    if (row < 0 || row >= p.height) continue;
    const T* const from = p.source + row * p.strideY + x0 * S + p.originX;
    if (S == 1 && i >= K - 1) __builtin_prefetch(from + kAskAhead, 0, 2);
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q) {
      const Vec v = loadSource<T, Bytes, S>(from + q, masks.source[q]);
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        const int r = i - j * S;
        if (r >= 0 && r < K) acc[j] += weights[r][q] * v;
      }
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < R; ++j) storeLanes<T, Bytes>(out + j * p.outY, acc[j], masks.out);
}

/// Runs strip<Bytes>(x0) over the columns: a last one of half a vector where that is enough.
template <class T, class Strips>
WG_INLINE void eachStrip(int64_t cols, Strips strips) {
  constexpr int64_t L = Lanes<T>::kCount;
  for (int64_t x = 0; x < cols; x += L) {
    if constexpr (kVectorBytes == 64)
      if (cols - x <= L / 2) return strips.template operator()<32>(x);
    strips.template operator()<kVectorBytes>(x);
  }
}

/// Runs rows<R>(y) over [y, end), as many rows at once as leave room for the weights of 3 x 3 among the
/// registers (those of larger kernels come from memory). Sevens because images have sides of 7, 14, 28, 56
/// ...
template <int K, class Rows>
WG_INLINE void eachRows(int64_t y, int64_t end, Rows rows) {
  if constexpr (kVectorBytes == 64 && K == 3) {
    if ((end - y) % 7 == 0)
      for (; y < end; y += 7) rows.template operator()<7>(y);
    for (; y + 8 <= end; y += 8) rows.template operator()<8>(y);
  }
  for (; y + 4 <= end; y += 4) rows.template operator()<4>(y);
  if (y + 2 <= end) rows.template operator()<2>(y), y += 2;
  if (y < end) rows.template operator()<1>(y);
}

template <class T, int K, int S>
void depthPlane(const DepthPlane<T>& plane) {
  // A copy nobody else can see: stores of pixels would have the compiler load its members again and again.
  const DepthPlane<T> p = plane;
  T weights[K][K];
  typename Lanes<T>::Vec spread[3][3] = {};
#pragma GCC unroll 49
  for (int i = 0; i < K * K; ++i) {
    weights[i / K][i % K] = p.weights[i];
    if (K == 3) spread[i / K % 3][i % K % 3] += p.weights[i];
  }
  eachRows<K>(
      p.row0, p.row1, [&]<int R>(int64_t y) __attribute__((always_inline)) {
        if (p.asks) askLines<true>(p.out + (y + R) * p.outY, p.outY, R, p.cols);
        eachStrip<T>(
            p.cols, [&]<int Bytes>(int64_t x0) __attribute__((always_inline)) {
              const StripMasks<T, Bytes, K, S> masks(p, x0);
              if constexpr (K == 3 && Bytes == kVectorBytes)
                depthRows<T, Bytes, K, S, R>(p, masks, spread, x0, y);
              else depthRows<T, Bytes, K, S, R>(p, masks, weights, x0, y);
            });
      });
}

// ---- the input's gradient with stride 2: rows and columns of `out` take the taps of their parity ----

/// Lanes of a and b in turn: the first (kHalf 0) or the second vector of them.
template <int kHalf, class V>
WG_INLINE V interleaved(V a, V b) {
  constexpr int L = static_cast<int>(sizeof(V) / sizeof(a[0]));
#if defined(__clang__)
  V mixed;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) mixed[i] = i % 2 == 0 ? a[(kHalf * L + i) / 2] : b[(kHalf * L + i) / 2];
  return mixed;
#else
  typedef decltype(a < b) Index;
  Index at;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) at[i] = (kHalf * L + i) / 2 + (i % 2) * L;
  return __builtin_shuffle(a, b, at);
#endif
}

template <class T>
WG_INLINE void storeSpread(T* to, typename Lanes<T>::Vec v, bool accumulate, LaneMask<T, kVectorBytes> mask) {
  if (accumulate) v += loadLanes<T, kVectorBytes>(to, mask);
  storeLanes<T, kVectorBytes>(to, v, mask);
}

/// `source` is dy and `out` is dx; originY and originX are the padding. Row u of the padded dx meets the taps
/// r of its parity, and those rows (u - r) / 2 of dy; columns likewise, two vectors of which make two of dx.
template <class T, int K>
void depthSpreadPlane(const DepthPlane<T>& plane) {
  constexpr int L = Lanes<T>::kCount, kShifts = (K + 1) / 2;
  using Vec = typename Lanes<T>::Vec;
  const DepthPlane<T> p = plane;
  T weights[K][K];
#pragma GCC unroll 49
  for (int i = 0; i < K * K; ++i) weights[i / K][i % K] = p.weights[i];
  for (int64_t t = (p.row0 + p.originY) / 2; 2 * t - p.originY < p.row1; ++t)
    for (int64_t x = p.originX / 2; 2 * x - p.originX < p.cols; x += L) {
      LaneMask<T, kVectorBytes> reach[kShifts];
#pragma GCC unroll 4
      for (int q = 0; q < kShifts; ++q) reach[q] = laneMask<T, kVectorBytes>(q - x, p.width - x + q);
      const int64_t col = 2 * x - p.originX;
#pragma GCC unroll 2
      for (int odd = 0; odd < 2; ++odd) {
        const int64_t row = 2 * t + odd - p.originY;
        if (row < p.row0 || row >= p.row1) continue;
        Vec even = Vec{} + p.bias, next = even;
#pragma GCC unroll 4
        for (int r = odd; r < K; r += 2) {
          const int64_t y = t - r / 2;
          if (y < 0 || y >= p.height) continue;
          const T* const from = p.source + y * p.strideY + x;
#pragma GCC unroll 4
          for (int q = 0; q < kShifts; ++q) {
            const Vec v = loadLanes<T, kVectorBytes>(from - q, reach[q]);
            even += weights[r][2 * q] * v;
            if (2 * q + 1 < K) next += weights[r][(2 * q + 1) % K] * v;
          }
        }
        T* const to = p.out + row * p.outY + col;
        storeSpread<T>(to, interleaved<0>(even, next), p.accumulate,
                       laneMask<T, kVectorBytes>(-col, p.cols - col));
        storeSpread<T>(to + L, interleaved<1>(even, next), p.accumulate,
                       laneMask<T, kVectorBytes>(-col - L, p.cols - col - L));
      }
    }
}

// ---- the weights' gradient: sums[r * K + q][lane] += dy[y, x] * source[y * S + originY + r, x * S + originX
// + q] ----

/// R rows of dy in one column of vectors; every vector of the source meets all of them. A line of the next
/// plane is asked for with each vector; with stride 2 there are too few of them for it to pay.
template <class T, int Bytes, int K, int S, int R>
WG_INLINE void depthWeightRows(const DepthPlane<T>& p, const StripMasks<T, Bytes, K, S>& masks,
                               typename Strip<T, Bytes>::Vec (&acc)[K][K], int64_t x0, int64_t y0) {
  using Vec = typename Strip<T, Bytes>::Vec;
  Vec dy[R];
#pragma GCC unroll 8
  for (int j = 0; j < R; ++j) {
    const T* const from = p.dy + (y0 + j) * p.outY + x0;
    if (S == 1) __builtin_prefetch(from + p.nextDy, 0, 2);
    dy[j] = loadLanes<T, Bytes>(from, masks.out);
  }
#pragma GCC unroll 32
  for (int i = 0; i < (R - 1) * S + K; ++i) {
    const int64_t row = y0 * S + p.originY + i;
    if (row < 0 || row >= p.height) continue;
    const T* const from = p.source + row * p.strideY + x0 * S + p.originX;
    if (S == 1 && i < R) __builtin_prefetch(from + p.nextSource, 0, 2);
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q) {
      const Vec v = loadSource<T, Bytes, S>(from + q, masks.source[q]);
#pragma GCC unroll 8
      for (int j = 0; j < R; ++j) {
        const int r = i - j * S;
        if (r >= 0 && r < K) acc[r][q] += dy[j] * v;
      }
    }
  }
}

template <class T, int K, int S>
void depthWeightPlane(const DepthPlane<T>& plane, T* sums) {
  constexpr int L = Lanes<T>::kCount;
  const DepthPlane<T> p = plane;
  const int64_t whole = p.cols / L * L, rest = p.cols - whole;
  eachRows<K>(
      p.row0, p.row1, [&]<int R>(int64_t y) __attribute__((always_inline)) {
        const auto strips = [&]<int Bytes>(int64_t from, int64_t to) __attribute__((always_inline)) {
          using Loose = typename Strip<T, Bytes>::Loose;
          typename Strip<T, Bytes>::Vec acc[K][K] = {};  // of these rows alone: short sums err less
          for (int64_t x = from; x < to; x += Strip<T, Bytes>::kCount)
            depthWeightRows<T, Bytes, K, S, R>(p, StripMasks<T, Bytes, K, S>(p, x), acc, x, y);
#pragma GCC unroll 25
          for (int i = 0; i < K * K; ++i) *reinterpret_cast<Loose*>(sums + i * L) += acc[i / K][i % K];
        };
        const bool half = kVectorBytes == 64 && rest > 0 && rest <= L / 2;
        if (whole > 0 || !half) strips.template operator()<kVectorBytes>(0, half ? whole : p.cols);
        if constexpr (kVectorBytes == 64)
          if (half) strips.template operator()<32>(whole, p.cols);
      });
}

using DepthKernel = void (*)(const DepthPlane<float>&);

/// The kernel for K x K taps and a stride; null when there is none.
DepthKernel depthKernel(int64_t taps, int64_t stride) {
  if (taps == 3)
    return stride == 1 ? &depthPlane<float, 3, 1> : stride == 2 ? &depthPlane<float, 3, 2> : nullptr;
  if (taps == 5)
    return stride == 1 ? &depthPlane<float, 5, 1> : stride == 2 ? &depthPlane<float, 5, 2> : nullptr;
  return taps == 7 && stride == 1 ? &depthPlane<float, 7, 1> : nullptr;
}

DepthKernel depthSpreadKernel(int64_t taps) {
  return taps == 3 ? &depthSpreadPlane<float, 3> : taps == 5 ? &depthSpreadPlane<float, 5> : nullptr;
}

DepthKernel kernelOf(const Lowered<float>& op) {
  const ConvShape& c = op.shape;
  if (op.backward && c.strideH == 2) return depthSpreadKernel(c.kernelH);
  return op.backward && c.strideH != 1 ? nullptr : depthKernel(c.kernelH, c.strideH);
}

}  // namespace

DepthWeightKernel depthWeightKernel(int64_t taps, int64_t stride) {
  if (taps == 3)
    return stride == 1   ? &depthWeightPlane<float, 3, 1>
           : stride == 2 ? &depthWeightPlane<float, 3, 2>
                         : nullptr;
  if constexpr (kVectorBytes == 64)  // the sums of 5 x 5 need 25 registers
    if (taps == 5)
      return stride == 1   ? &depthWeightPlane<float, 5, 1>
             : stride == 2 ? &depthWeightPlane<float, 5, 2>
                           : nullptr;
  return nullptr;
}

/// One channel to a group and a few filters for it, a kernel we have, rows of neighbouring pixels.
bool isDepthwise(const Lowered<float>& op) {
  const ConvShape& c = op.shape;
  return op.sourceChannels() == 1 && op.m() <= 2 && c.kernelH == c.kernelW && c.strideH == c.strideW &&
         c.dilationH == 1 && c.dilationW == 1 && op.sourceView->stride[3] == 1 &&
         op.outView->stride[3] == 1 && kernelOf(op);
}

void depthwise(Stream& s, const Lowered<float>& op) {
  constexpr double kChunk = 1 << 19;  // multiply-adds, some 10 us
  const ConvShape& c = op.shape;
  const DepthKernel kernel = kernelOf(op);
  const View &in = *op.sourceView, &to = *op.outView, &weight = *op.weightView;
  const int64_t k = c.kernelH, m = op.m(), planes = op.outer * c.images * c.groups * m;
  const int64_t rows = to.shape[2], cols = to.shape[3];
  const double ofRow = static_cast<double>(cols) * static_cast<double>(k * k),
               ofPlane = ofRow * static_cast<double>(rows);
  const int64_t cut =
      ofPlane < 2 * kChunk ? rows : evenSplit(rows, maxOf(static_cast<int64_t>(kChunk / ofRow), 8), 8);
  // Stores to lines far away wait for them, a few at a time; near ones would wait for the asking.
  const bool asks = numel(to) * static_cast<int64_t>(sizeof(float)) >= kAskBytes;
  const int64_t cuts = ceilDiv(rows, cut),
                together = ofPlane < kChunk ? static_cast<int64_t>(kChunk / ofPlane) : 1;
  parallelSweep(s, ceilDiv(planes, together) * cuts, [&](int64_t piece) {
    const int64_t row0 = piece % cuts * cut, first = piece / cuts * together;
    for (int64_t plane = first; plane < minOf(planes, first + together); ++plane) {
      const int64_t line = plane % m, group = plane / m % c.groups, image = plane / (m * c.groups) % c.images,
                    volume = plane / (m * c.groups * c.images);
      // With stride 1 the input gradient reads dy backwards, which is the kernel turned around.
      const bool turned = op.backward && c.strideH == 1;
      const float* const from = op.weight + (op.backward ? group * weight.stride[0] + line * weight.stride[1]
                                                         : (group * m + line) * weight.stride[0]);
      float weights[49];
      for (int64_t r = 0; r < k; ++r)
        for (int64_t q = 0; q < k; ++q)
          weights[turned ? k * k - 1 - (r * k + q) : r * k + q] =
              from[r * weight.stride[2] + q * weight.stride[3]];
      kernel({op.source + volume * op.sourceOuter + image * in.stride[0] + group * in.stride[1], in.stride[2],
              in.shape[2], in.shape[3],
              turned        ? c.padH - k + 1
              : op.backward ? c.padH
                            : -c.padH,
              turned        ? c.padW - k + 1
              : op.backward ? c.padW
                            : -c.padW,
              op.out + volume * op.outOuter + image * to.stride[0] + (group * m + line) * to.stride[1],
              nullptr, to.stride[2], row0, minOf(rows, row0 + cut), cols, weights,
              op.bias ? op.bias[(group * m + line) * op.biasStride] : 0.0f, op.accumulate, asks});
    }
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
