// Order of the elements of a row: unsigned keys that compare as the elements do, and sorting and selecting by
// them. Keys have 8, 32 or 64 bits, so a few instantiations serve all dtypes.
#pragma once
#include "../ops/scalar.h"
#include "rows.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <int kBytes>
struct KeyOf;
template <>
struct KeyOf<1> {
  using Type = uint8_t;
};
template <>
struct KeyOf<4> {
  using Type = uint32_t;
};
template <>
struct KeyOf<8> {
  using Type = uint64_t;
};
template <class T>
using Key = typename KeyOf<static_cast<int>(sizeof(T))>::Type;

/// a < b exactly if key(a) < key(b); all NaN have the largest key, -0 that of 0.
template <class T>
inline Key<T> keyOf(T x) {
  using K = Key<T>;
  constexpr K kTop = static_cast<K>(K(1) << (sizeof(T) * 8 - 1));
  K bits;
  if constexpr (kIsFloat<T>) {
    if (x != x) return static_cast<K>(~K(0));
    x = x + T(0);  // -0 becomes 0
    __builtin_memcpy(&bits, &x, sizeof bits);
    return (bits & kTop) != 0 ? static_cast<K>(~bits) : static_cast<K>(bits | kTop);
  } else {
    __builtin_memcpy(&bits, &x, sizeof bits);
    if constexpr (static_cast<T>(-1) < T(0)) return bits ^ kTop;
    else return bits;
  }
}

/// Room for sorting n elements: keys and places, twice.
template <class T>
constexpr int64_t sortBytes(int64_t n) {
  const int64_t keys = (n * static_cast<int64_t>(sizeof(Key<T>)) + 63) / 64 * 64;
  return 2 * (keys + (n * 4 + 63) / 64 * 64);
}
template <class K>
struct SortRoom {
  K *keys, *otherKeys;
  int32_t *places, *otherPlaces;
};
template <class K>
inline SortRoom<K> sortRoom(void* memory, int64_t n) {
  const int64_t keys = (n * static_cast<int64_t>(sizeof(K)) + 63) / 64 * 64, places = (n * 4 + 63) / 64 * 64;
  char* p = static_cast<char*>(memory);
  return {reinterpret_cast<K*>(p), reinterpret_cast<K*>(p + keys), reinterpret_cast<int32_t*>(p + 2 * keys),
          reinterpret_cast<int32_t*>(p + 2 * keys + places)};
}

template <class T>
inline T elementAt(const char* row, int64_t step, int64_t i) {
  T v;
  __builtin_memcpy(&v, row + i * step, sizeof v);
  return v;
}
/// Keys and places of a row's elements [start, end); `flip` turns the order around.
template <class T>
inline void readKeys(const SortRoom<Key<T>>& room, const char* row, int64_t step, int64_t start, int64_t end,
                     Key<T> flip) {
  for (int64_t i = start; i < end; i++) {
    room.keys[i] = keyOf(elementAt<T>(row, step, i)) ^ flip;
    room.places[i] = static_cast<int32_t>(i);
  }
}

/// Stable; for short rows.
template <class K>
inline void insertionSort(K* keys, int32_t* places, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    const K key = keys[i];
    const int32_t place = places[i];
    int64_t j = i;
    for (; j > 0 && keys[j - 1] > key; j--) {
      keys[j] = keys[j - 1];
      places[j] = places[j - 1];
    }
    keys[j] = key;
    places[j] = place;
  }
}

inline constexpr int64_t kDigits = 256;      ///< of 8 bits
inline constexpr int64_t kShortRow = 40;     ///< below it insertion beats counting 256 digits
inline constexpr int64_t kSortPieces = 16;   ///< a long row is counted and moved in so many pieces
inline constexpr int64_t kLongRow = 131072;  ///< from here on a row is sorted by several threads

/// Moves a piece to where its digits' counters say.
template <class K>
inline void moveByDigit(const SortRoom<K>& room, int shift, int64_t start, int64_t end, int64_t* counter) {
  for (int64_t i = start; i < end; i++) {
    const int64_t to = counter[(room.keys[i] >> shift) & (kDigits - 1)]++;
    room.otherKeys[to] = room.keys[i];
    room.otherPlaces[to] = room.places[i];
  }
}
template <class K>
inline void swapSides(SortRoom<K>& room) {
  K* keys = room.keys;
  int32_t* places = room.places;
  room.keys = room.otherKeys;
  room.places = room.otherPlaces;
  room.otherKeys = keys;
  room.otherPlaces = places;
}

/// Stable least-significant-digit radix sort of keys and places; the result is in room.keys and room.places.
template <class K>
inline void radixSort(SortRoom<K>& room, int64_t n) {
  if (n <= kShortRow) return insertionSort(room.keys, room.places, n);
  constexpr int kPasses = static_cast<int>(sizeof(K));
  int64_t counts[kPasses][kDigits] = {};
  for (int64_t i = 0; i < n; i++) {
    for (int p = 0; p < kPasses; p++) counts[p][(room.keys[i] >> (8 * p)) & (kDigits - 1)]++;
  }
  for (int p = 0; p < kPasses; p++) {
    int64_t before = 0;
    bool one = false;  // all keys share this digit
    for (int64_t& count : counts[p]) {
      one = one || count == n;
      const int64_t own = count;
      count = before;
      before += own;
    }
    if (one) continue;
    moveByDigit(room, 8 * p, 0, n, counts[p]);
    swapSides(room);
  }
}

/// The same by several threads: pieces of the row count and move on their own, in an order that does not
/// depend on the threads. `counters` has kSortPieces rows of kDigits.
template <class K>
inline void radixSortLong(Stream& s, SortRoom<K>& room, int64_t n, int64_t (*counters)[kDigits]) {
  const int64_t piece = ceilDiv(n, kSortPieces);
  for (int shift = 0; shift < static_cast<int>(sizeof(K)) * 8; shift += 8) {
    parallelFor(s, kSortPieces, [&](int64_t k) {
      int64_t* own = counters[k];
      for (int64_t d = 0; d < kDigits; d++) own[d] = 0;
      for (int64_t i = k * piece, end = minOf(i + piece, n); i < end; i++)
        own[(room.keys[i] >> shift) & (kDigits - 1)]++;
    });
    int64_t before = 0;
    bool one = false;
    for (int64_t d = 0; d < kDigits; d++) {
      const int64_t first = before;
      for (int64_t k = 0; k < kSortPieces; k++) {
        const int64_t own = counters[k][d];
        counters[k][d] = before;
        before += own;
      }
      one = one || before - first == n;
    }
    if (one) continue;
    parallelFor(s, kSortPieces, [&](int64_t k) {
      moveByDigit(room, shift, k * piece, minOf((k + 1) * piece, n), counters[k]);
    });
    swapSides(room);
  }
}

/// The k-th smallest key of a row (from 0), and how many are smaller: digit by digit from the top, counting.
/// key(i) gives the i-th key.
template <class K, class KeyAt>
inline K selectKey(int64_t n, int64_t k, KeyAt key, int64_t& smaller) {
  K prefix = 0, mask = 0;
  smaller = 0;
  for (int shift = static_cast<int>(sizeof(K)) * 8 - 8; shift >= 0; shift -= 8) {
    int64_t counts[kDigits] = {};
    for (int64_t i = 0; i < n; i++) {
      const K own = key(i);
      if ((own & mask) == prefix) counts[(own >> shift) & (kDigits - 1)]++;
    }
    int64_t digit = 0;
    while (smaller + counts[digit] <= k) smaller += counts[digit++];
    prefix = static_cast<K>(prefix | (static_cast<K>(digit) << shift));
    mask = static_cast<K>(mask | (static_cast<K>(kDigits - 1) << shift));
  }
  return prefix;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
