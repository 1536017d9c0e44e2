// Register tiles of the matrix kernels: MR rows by NV vectors of C stay in registers while k runs. Written
// with the compiler's vector extensions, so one text serves every ISA; only partial loads and stores need
// intrinsics.
#pragma once
#include <cstdint>
#include <cstring>

#include "simd/stream.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg::cpu {
inline namespace WG_ISA {

// yardsticks on Zen 4: 14x32 (28 accumulators, 2 columns, 1 broadcast of 32 registers) reaches 99.5 % of
// peak, as does 6x16 in AVX2; the baseline's 16 registers hold 4x2 accumulators with room for the unfused
// product.
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kTileRows = 14, kWideRows = 6;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32, kTileRows = 6, kWideRows = 2;
#else
inline constexpr int kVectorBytes = 16, kTileRows = 4, kWideRows = 2;
#endif
/// Vectors of a tile's row: two, or four when there are too few rows to hide the latency of the
/// multiply-adds.
inline constexpr int kTileVectors = 2, kWideVectors = 4;

template <class T>
struct Lanes {
  static constexpr int kCount = kVectorBytes / static_cast<int>(sizeof(T));
  typedef T Vec __attribute__((vector_size(kVectorBytes)));
  typedef T Loose __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
};

#define WG_INLINE inline __attribute__((always_inline))
/// Large functions: g++ would make copies of them for constant arguments.
#if defined(__clang__)
#define WG_SINGLE inline __attribute__((noinline))
#else
#define WG_SINGLE inline __attribute__((noinline, noclone))
#endif

template <class T>
WG_INLINE typename Lanes<T>::Vec loadVec(const T* p) {
  return *reinterpret_cast<const typename Lanes<T>::Loose*>(p);
}
template <class T>
WG_INLINE void storeVec(T* p, typename Lanes<T>::Vec v) {
  *reinterpret_cast<typename Lanes<T>::Loose*>(p) = v;
}

#if defined(__AVX512F__)
WG_INLINE Lanes<float>::Vec loadPart(const float* p, int count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
WG_INLINE Lanes<double>::Vec loadPart(const double* p, int count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), p);
}
WG_INLINE void storePart(float* p, Lanes<float>::Vec v, int count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
}
WG_INLINE void storePart(double* p, Lanes<double>::Vec v, int count) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), v);
}
/// Lanes of `mask` from memory, the others from v; addresses of other lanes need not exist.
WG_INLINE Lanes<float>::Vec mergeLoad(Lanes<float>::Vec v, const float* p, uint32_t mask) {
  return _mm512_mask_loadu_ps(v, static_cast<__mmask16>(mask), p);
}
WG_INLINE Lanes<double>::Vec mergeLoad(Lanes<double>::Vec v, const double* p, uint32_t mask) {
  return _mm512_mask_loadu_pd(v, static_cast<__mmask8>(mask), p);
}
#elif defined(__AVX2__)
alignas(32) inline constexpr int32_t kPartMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
WG_INLINE __m256i partMask(int words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kPartMask + 8 - words));
}
WG_INLINE Lanes<float>::Vec loadPart(const float* p, int count) {
  return _mm256_maskload_ps(p, partMask(count));
}
WG_INLINE Lanes<double>::Vec loadPart(const double* p, int count) {
  return _mm256_maskload_pd(p, partMask(2 * count));
}
WG_INLINE void storePart(float* p, Lanes<float>::Vec v, int count) {
  _mm256_maskstore_ps(p, partMask(count), v);
}
WG_INLINE void storePart(double* p, Lanes<double>::Vec v, int count) {
  _mm256_maskstore_pd(p, partMask(2 * count), v);
}
#else
template <class T>
WG_INLINE typename Lanes<T>::Vec loadPart(const T* p, int count) {
  typename Lanes<T>::Vec v = {};
  for (int i = 0; i < count; ++i) v[i] = p[i];
  return v;
}
template <class T>
WG_INLINE void storePart(T* p, typename Lanes<T>::Vec v, int count) {
  for (int i = 0; i < count; ++i) p[i] = v[i];
}
#endif

/// One tile's work: C[rows, cols] (+)= A[rows, k] B[k, cols], plus a bias per column or per row.
template <class T>
struct Tile {
  const T* a;
  int64_t aRow, aCol;  ///< strides; a packed panel has aRow 1 and aCol equal to the tile's rows
  const T* b;
  int64_t bRow;  ///< B's columns are contiguous and whole vectors are readable
  T* c;
  int64_t cRow;
  int64_t k;
  int cols;             ///< valid columns, at most NV vectors
  bool accumulate;      ///< add to C instead of replacing it
  const T* columnBias;  ///< whole vectors readable, or null
  const T* rowBias;     ///< or null
  int64_t rowBiasStride;
  /// What the caches are asked for while k runs. All lines of C, when k has kStepsPerRow for each of its rows
  /// (kStepsPerAsk in gemm_panel_tile.h).
  bool asksC = false;
  /// What is read after this tile: `asks` times, `askEvery` steps apart, kLinesPerRow lines that lie
  /// `askLine` apart; the next ones `askRow` further on.
  const T* ask = nullptr;
  int64_t askLine = 0, askRow = 0, asks = 0, askEvery = 0;
  /// Of tiles over panels (gemm_panel_tile.h): sums to begin with, whole vectors of the tile's rows one
  /// behind the other, or null; and where a copying tile leaves its rows of B.
  const T* begun = nullptr;
  T* copy = nullptr;
  /// Whole rows of C go past the caches; they are whole lines of memory.
  bool streams = false;
};

/// Tiles that can do that; the others' code would be for what is left over.
template <class T, int MR, int NV>
inline constexpr bool kStreamingTile = kVectorBytes == 64 &&
                                       sizeof(T) == 4 && NV == kWideVectors&& MR > kWideRows / 2;

template <class T>
using TileKernel = void (*)(const Tile<T>&);

/// Writes accumulators to C with what the tile asks to be added.
template <class T, int MR, int NV>
WG_INLINE void finish(const Tile<T>& t, typename Lanes<T>::Vec (&acc)[MR][NV]) {
  constexpr int L = Lanes<T>::kCount;
  if (t.columnBias) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      const auto bias = loadVec(t.columnBias + j * L);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) acc[i][j] += bias;
    }
  }
  if (t.rowBias) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const T bias = t.rowBias[i * t.rowBiasStride];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += bias;
    }
  }
  if constexpr (kStreamingTile<T, MR, NV>) {
    if (t.streams && t.cols == NV * L) {
      T* c = t.c;
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i, c += t.cRow) {
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) simd::storeStreaming(c + j * L, simd::Vec<T>(acc[i][j]));
      }
      return;
    }
  }
  if (t.cols == NV * L) {
    T* c = t.c;
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i, c += t.cRow) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j)
        storeVec(c + j * L, t.accumulate ? acc[i][j] + loadVec(c + j * L) : acc[i][j]);
    }
    return;
  }
  T* c = t.c;
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i, c += t.cRow) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      const int left = t.cols - j * L, count = left < 0 ? 0 : left > L ? L : left;
      if (count > 0)
        storePart(c + j * L, t.accumulate ? acc[i][j] + loadPart(c + j * L, count) : acc[i][j], count);
    }
  }
}

/// Elements of a line of the caches.
template <class T>
inline constexpr int kLine = 64 / static_cast<int>(sizeof(T));
// On Sapphire Rapids; see bench/NOTES.md.
inline constexpr int kStepsPerRow = 2;
/// Lines of a row of a tile.
inline constexpr int linesPerRow(int vectors) { return (vectors * kVectorBytes + 63) / 64; }
template <int NV>
inline constexpr int kLinesPerRow = linesPerRow(NV);

/// Runs all of k and asks on the way. Loops of their own: where there is nothing to ask for, asking would
/// cost two per cent.
template <class T, int MR, int NV, class Step>
WG_INLINE void runAsking(const Tile<T>& t, const Step& step) {
  int64_t k = t.k - t.asks * t.askEvery;
  if (t.asksC) {
    const T* c = t.c;
    for (int i = 0; i < MR; ++i, c += t.cRow) {
#pragma GCC unroll 4
      for (int x = 0; x < kLinesPerRow<NV>; ++x) __builtin_prefetch(c + x * kLine<T>, 1, 3);
      for (int n = 0; n < kStepsPerRow; ++n) step();
    }
    k -= MR * kStepsPerRow;
  }
  const T* ask = t.ask;
  for (int64_t left = t.asks; left > 0; --left, ask += t.askRow) {
#pragma GCC unroll 4
    for (int x = 0; x < kLinesPerRow<NV>; ++x) __builtin_prefetch(ask + x * t.askLine, 0, 2);
    for (int64_t n = t.askEvery; n > 0; --n) step();
  }
  if constexpr (NV == kWideVectors) {
#pragma GCC unroll 2
    for (; k > 0; --k) step();
  } else {
    for (; k > 0; --k) step();
  }
}

/// A packed: element (i, k) at a[k * MR + i].
template <class T, int MR, int NV>
void packedTile(const Tile<T>& t) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec acc[MR][NV] = {};
  const T *a = t.a, *b = t.b;
  const int64_t bRow = t.bRow;
  const auto step = [&]() __attribute__((always_inline)) {
    typename Lanes<T>::Vec column[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) column[j] = loadVec(b + j * L);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += a[i] * column[j];
    }
    a += MR;
    b += bRow;
  };
  runAsking<T, MR, NV>(t, step);
  finish<T, MR, NV>(t, acc);
}

/// The steps of tiles that read A where it lies, any strides: one base per four rows keeps the addresses in
/// few registers.
template <class T, int MR, int NV>
struct Strided {
  static constexpr int L = Lanes<T>::kCount, kBases = (MR + 3) / 4;
  typename Lanes<T>::Vec acc[MR][NV];
  const T *b, *base[kBases];
  int64_t aRow, aCol;

  /// The sums begin at `begun`, one row behind the other, or at 0.
  WG_INLINE explicit Strided(const Tile<T>& t, const T* begun = nullptr)
      : b(t.b), aRow(t.aRow), aCol(t.aCol) {
#pragma GCC unroll 4
    for (int i = 0; i < kBases; ++i) base[i] = t.a + 4 * i * aRow;
    if (begun) {
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) acc[i][j] = loadVec(begun + (i * NV + j) * L);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) acc[i][j] = typename Lanes<T>::Vec{};
    }
  }

  /// One step of k; `use` has B's row.
  template <class Use>
  WG_INLINE void step(int64_t bRow, const Use& use) {
    typename Lanes<T>::Vec column[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) column[j] = loadVec(b + j * L);
    use(column);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const T a = base[i / 4][(i % 4) * aRow];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += a * column[j];
    }
    b += bRow;
#pragma GCC unroll 4
    for (int i = 0; i < kBases; ++i) base[i] += aCol;
  }
  WG_INLINE void step(int64_t bRow) {
    step(bRow, [](auto&) {});
  }
};

/// A where it lies.
template <class T, int MR, int NV>
void stridedTile(const Tile<T>& t) {
  Strided<T, MR, NV> tile(t);
  const int64_t bRow = t.bRow;
  runAsking<T, MR, NV>(
      t, [&]() __attribute__((always_inline)) { tile.step(bRow); });
  finish<T, MR, NV>(t, tile.acc);
}

/// Kernels by rows - 1.
template <class T, int NV, int... R>
struct TileTable {
  static constexpr TileKernel<T> kRows[] = {&stridedTile<T, R, NV>...};
};
template <class T, int NV, int... R>
struct PackedTable {
  static constexpr TileKernel<T> kRows[] = {&packedTile<T, R, NV>...};
};

#if defined(__AVX512F__)
#define WG_TILE_ROWS 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
#define WG_WIDE_ROWS 1, 2, 3, 4, 5, 6
#elif defined(__AVX2__)
#define WG_TILE_ROWS 1, 2, 3, 4, 5, 6
#define WG_WIDE_ROWS 1, 2
#else
#define WG_TILE_ROWS 1, 2, 3, 4
#define WG_WIDE_ROWS 1, 2
#endif

template <class T>
inline TileKernel<T> tileKernel(int rows, int vectors) {
  if (vectors == 1) return TileTable<T, 1, WG_TILE_ROWS>::kRows[rows - 1];
  if (vectors == 2) return TileTable<T, 2, WG_TILE_ROWS>::kRows[rows - 1];
  return TileTable<T, 4, WG_WIDE_ROWS>::kRows[rows - 1];
}

/// Of up to two vectors.
template <class T>
inline TileKernel<T> packedKernel(int rows, int vectors) {
  if (vectors == 1) return PackedTable<T, 1, WG_TILE_ROWS>::kRows[rows - 1];
  return PackedTable<T, 2, WG_TILE_ROWS>::kRows[rows - 1];
}

}  // namespace WG_ISA
}  // namespace wg::cpu
