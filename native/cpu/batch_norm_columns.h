// Batch normalisation where the channels of a row lie beside each other, [R, C]: what [N, C] and images of
// channels last come to. Chunks of rows find sums of their own for all channels, which are joined in order.
#pragma once
#include "moments.h"
#include "simd/stream.h"
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Rows of neighbouring channels, and the chunks they are taken in, which follow from the shape alone.
struct Columns {
  static constexpr int64_t kBlock = 128;  ///< rows whose sums are of T
  int64_t rows, channels, each, chunks;

  explicit Columns(const View& x) : rows(x.shape[0]), channels(x.shape[1]) {
    constexpr int64_t kMostChunks = 64;
    each = maxOf(ceilDiv(rows, kMostChunks), maxOf(kBlock, kChunk / maxOf(1, channels)));
    chunks = maxOf(1, ceilDiv(rows, each));
  }
  static bool lie(const View& v) { return v.shape[2] == 1 && v.shape[1] > 1 && v.stride[1] == 1; }
  /// Two sums for each channel of each chunk, and `vectors` of the channels' length.
  size_t scratch(int64_t vectors) const {
    return static_cast<size_t>((2 * chunks + vectors) * channels) * sizeof(double);
  }
  int64_t end(int64_t chunk) const { return minOf(rows, (chunk + 1) * each); }
  template <class F>
  void forEachChunk(Stream& s, F f) const {
    if (chunks == 1) f(0);
    else parallelSweep(s, chunks, f);
  }
};

template <class T>
const T* rowOf(const View& v, int64_t row) {
  return static_cast<const T*>(v.data) + row * v.stride[0];
}

/// A register of a row: kLanes channels from `at`, or fewer at the row's end.
template <class T>
struct Place {
  using V = simd::Vec<T>;
  int64_t at, lanes;
  bool streams;  ///< past the caches
  WG_SIMD V load(const T* row) const {
    return lanes == V::kLanes ? simd::load<V>(row + at) : simd::loadPart<V>(row + at, lanes);
  }
  WG_SIMD void save(T* row, V v) const {
    if (lanes < V::kLanes) simd::storePart(row + at, v, lanes);
    else if (streams) simd::storeStreaming(row + at, v);
    else simd::store(row + at, v);
  }
};

/// f(place) for the registers of a row.
template <class T, class F>
WG_SIMD void eachPlace(int64_t channels, bool streams, F f) {
  constexpr int64_t kLanes = Place<T>::V::kLanes;
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) f(Place<T>{c, kLanes, streams});
  if (c < channels) f(Place<T>{c, channels - c, streams});
}

/// Adds to first and second what f(row, load, k, a, b) adds to a and b over rows [begin, end), for kRegisters
/// registers of channels, of the last of which `lanes` count; load(p, k) reads register k at p.
template <class T, int kRegisters, class F>
WG_SIMD void addRows(int64_t begin, int64_t end, int64_t lanes, double* first, double* second, F f) {
  using V = simd::Vec<T>;
  for (int64_t block = begin; block < end; block += Columns::kBlock) {
    V a[kRegisters], b[kRegisters];
    for (int k = 0; k < kRegisters; k++) a[k] = b[k] = V(T(0));
    const auto sweep = [&](auto load) {
      for (int64_t row = block, last = minOf(block + Columns::kBlock, end); row < last; row++)
        for (int k = 0; k < kRegisters; k++) f(row, load, k, a[k], b[k]);
    };
    if (lanes == V::kLanes) sweep([](const T* p, int k) { return simd::load<V>(p + k * V::kLanes); });
    else sweep([lanes](const T* p, int) { return simd::loadPart<V>(p, lanes); });
    alignas(64) T sums[2][kRegisters * V::kLanes];
    for (int k = 0; k < kRegisters; k++) {
      simd::store(sums[0] + k * V::kLanes, a[k]);
      simd::store(sums[1] + k * V::kLanes, b[k]);
    }
    const int64_t n = (kRegisters - 1) * V::kLanes + lanes;
    for (int64_t c = 0; c < n; c++) first[c] += static_cast<double>(sums[0][c]);
    for (int64_t c = 0; c < n; c++) second[c] += static_cast<double>(sums[1][c]);
  }
}

/// f.operator()<registers>(channel, lanes) for all channels, by strips of four registers and then of one.
template <class T, class F>
WG_SIMD void eachStrip(int64_t channels, F f) {
  constexpr int64_t kLanes = simd::Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + 4 * kLanes <= channels; c += 4 * kLanes) f.template operator()<4>(c, kLanes);
  for (; c < channels; c += kLanes) f.template operator()<1>(c, minOf(kLanes, channels - c));
}

/// Mean and sum of squared deviations of each channel over rows [begin, end), reading them once: deviations
/// are from the mean of the first few rows, which differs from that of all by little beside their spread.
template <class T>
void columnMoments(const View& x, int64_t begin, int64_t end, double* mean, double* square) {
  constexpr int64_t kFew = 32;
  const int64_t channels = x.shape[1], few = minOf(end, begin + kFew);
  const double count = static_cast<double>(end - begin);
  eachStrip<T>(channels, [&]<int kRegisters>(int64_t at, int64_t lanes) {
    using V = simd::Vec<T>;
    double *const m = mean + at, *const q = square + at;
    const int64_t n = minOf(kRegisters * V::kLanes, channels - at);
    for (int64_t c = 0; c < n; c++) m[c] = q[c] = 0;
    addRows<T, kRegisters>(begin, few, lanes, m, q, [&](int64_t row, auto load, int k, V& a, V&) {
      a = a + load(rowOf<T>(x, row) + at, k);
    });
    alignas(64) T center[kRegisters * V::kLanes] = {};
    for (int64_t c = 0; c < n; c++) {
      center[c] = static_cast<T>(m[c] / static_cast<double>(few - begin));
      m[c] = q[c] = 0;
    }
    addRows<T, kRegisters>(begin, end, lanes, m, q, [&](int64_t row, auto load, int k, V& a, V& b) {
      const V d = load(rowOf<T>(x, row) + at, k) - simd::load<V>(center + k * V::kLanes);
      a = a + d;
      b = b + d * d;
    });
    for (int64_t c = 0; c < n; c++) {
      q[c] -= m[c] * m[c] / count;
      m[c] = static_cast<double>(center[c]) + m[c] / count;
    }
  });
}

/// Whether rows of `out` should go past the caches, whose lines they fill.
inline bool rowsStream(const View& out, int64_t tensors) {
  const int64_t item = itemBytes(out.dtype);
  return numel(out) * item * tensors > simd::kStreamBytes &&
         reinterpret_cast<uintptr_t>(out.data) % simd::kVecBytes == 0 &&
         out.stride[0] * item % simd::kVecBytes == 0;
}

/// y = (x - center) times + plus.
template <class T>
void normalizeColumns(Stream& s, const Columns& columns, const View& out, const View& x, const T* center,
                      const T* times, const T* plus) {
  const bool streams = rowsStream(out, 2);
  columns.forEachChunk(s, [&](int64_t chunk) {
    for (int64_t row = chunk * columns.each, end = columns.end(chunk); row < end; row++) {
      const T* from = rowOf<T>(x, row);
      T* to = const_cast<T*>(rowOf<T>(out, row));
      eachPlace<T>(columns.channels, streams, [=](const Place<T>& p) {
        p.save(to, (p.load(from) - p.load(center)) * p.load(times) + p.load(plus));
      });
    }
    if (streams) simd::endStreaming();
  });
}

/// Σ dy and Σ dy (x - center) of each channel over rows [begin, end).
template <class T>
void columnSlopes(const View& x, const View& dy, const T* center, int64_t begin, int64_t end, double* sum,
                  double* product) {
  const int64_t channels = x.shape[1];
  for (int64_t c = 0; c < channels; c++) sum[c] = product[c] = 0;
  eachStrip<T>(channels, [&]<int kRegisters>(int64_t at, int64_t lanes) {
    using V = simd::Vec<T>;
    addRows<T, kRegisters>(begin, end, lanes, sum + at, product + at,
                           [&](int64_t row, auto load, int k, V& a, V& b) {
                             const V g = load(rowOf<T>(dy, row) + at, k);
                             a = a + g;
                             b = b + (load(rowOf<T>(x, row) + at, k) - load(center + at, k)) * g;
                           });
  });
}

/// dx = times (dy - even - (x - center) tilt).
template <class T>
void slopeColumns(Stream& s, const Columns& columns, const View& dx, const View& x, const View& dy,
                  const T* center, const T* times, const T* even, const T* tilt) {
  const bool streams = rowsStream(dx, 3);
  columns.forEachChunk(s, [&](int64_t chunk) {
    for (int64_t row = chunk * columns.each, end = columns.end(chunk); row < end; row++) {
      const T *from = rowOf<T>(x, row), *slope = rowOf<T>(dy, row);
      T* to = const_cast<T*>(rowOf<T>(dx, row));
      eachPlace<T>(columns.channels, streams, [=](const Place<T>& p) {
        const auto off = p.load(slope) - p.load(even) - (p.load(from) - p.load(center)) * p.load(tilt);
        p.save(to, p.load(times) * off);
      });
    }
    if (streams) simd::endStreaming();
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
