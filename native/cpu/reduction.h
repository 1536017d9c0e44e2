// The shape side of a reduction: which axes go, how the input is laid out along kept and reduced ones, and
// how the work is cut. Pieces depend on shapes and strides only, so sums are the same for any number of
// threads.
#pragma once
#include "simd/stream.h"
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

struct Reduction {
  Walk kept;     ///< x along the kept axes
  Walk out;      ///< out along the same axes, element for element
  Walk reduced;  ///< x along the reduced axes
  bool columns;  ///< the contiguous axis of x is kept: whole rows are folded onto each other

  /// Whether what is folded comes from memory: folds that can (`asks`) then ask for it ahead.
  bool isLarge() const { return kept.total * reduced.total * kept.item >= simd::kStreamBytes; }
};

/// Out has x's rank and size 1 along reduced axes. False, with the op failed, when the shapes do not relate
/// so.
bool planReduction(Stream& s, const View& out, const View& x, Reduction& r);

/// The strided half of foldWalk, and out of line as that is: a state's loop is compiled twice, not six times.
template <class T, class State>
[[gnu::noinline]] void foldStrided(Walk w, char* data, int64_t start, int64_t n, State& state) {
  w.data = data;
  const int last = w.rank - 1;
  if (w.stride[last] == w.item && w.shape[last] >= 64) {
    forEachRun(w, start, n, [&](const char* p, int64_t, int64_t, int64_t count) {
      state.add(reinterpret_cast<const T*>(p), count);
    });
    return;
  }
  alignas(64) T stage[kStageBytes / sizeof(T)];
  const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < n; i += block) {
    const int64_t m = minOf(block, n - i);
    gather(stage, w, start + i, m);
    state.add(stage, m);
  }
}

/// Feeds positions [start, start + n) of `w`, based at `data`, to state.add(pointer, count).
template <class T, class State>
[[gnu::noinline]] void foldWalk(const Walk& w, char* data, int64_t start, int64_t n, State& state) {
  if (w.direct) return state.add(reinterpret_cast<const T*>(data) + start, n);
  foldStrided<T>(w, data, start, n, state);
}

/// Elements of a chunk: folds are several times as fast as what kChunk is meant for.
inline constexpr int64_t kFoldChunk = 4 * kChunk;

/// Folds every output's row of x. State: add(const T*, n) and partial(); State::Partial has merge(next).
/// write(char* out, partial). A long reduction with few outputs is cut into pieces whose partials are merged
/// in order. Where State has partialOf(const T*, n, asks), it is what a fresh state makes of a contiguous
/// row.
template <class T, class State, class Write>
inline void reduceRows(Stream& s, const Reduction& r, Write write) {
  using Partial = typename State::Partial;
  constexpr int64_t kPieces = 256;
  const int64_t outputs = r.kept.total, length = r.reduced.total;
  const bool large = r.isLarge();
  const auto fresh = [large] {
    State state;
    if constexpr (requires { state.asks; }) state.asks = large;
    return state;
  };
  if (outputs < 16 && length >= 4 * kChunk) {
    const int64_t size = ceilDiv(maxOf(2 * kChunk, ceilDiv(length, kPieces)), kChunk) * kChunk;
    const int64_t pieces = ceilDiv(length, size);
    for (int64_t o = 0; o < outputs; o++) {
      Partial partial[kPieces];
      char* data = at(r.kept, o);
      parallelSweep(s, pieces, [&](int64_t piece) {
        State state = fresh();
        foldWalk<T>(r.reduced, data, piece * size, minOf(size, length - piece * size), state);
        partial[piece] = state.partial();
      });
      for (int64_t piece = 1; piece < pieces; piece++) partial[0].merge(partial[piece], piece * size);
      write(at(r.out, o), partial[0]);
    }
    return;
  }
  const int64_t perChunk = maxOf(1, kFoldChunk / maxOf(1, length));
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    for (int64_t o = c * perChunk, end = minOf(o + perChunk, outputs); o < end; o++) {
      if constexpr (requires(const T* p) { State::partialOf(p, length, large); }) {
        if (r.reduced.direct) {
          write(at(r.out, o), State::partialOf(reinterpret_cast<const T*>(at(r.kept, o)), length, large));
          continue;
        }
      }
      State state = fresh();
      foldWalk<T>(r.reduced, at(r.kept, o), 0, length, state);
      write(at(r.out, o), state.partial());
    }
  };
  if (outputs <= perChunk) chunk(0);
  else parallelSweep(s, ceilDiv(outputs, perChunk), chunk);
}

template <class T>
inline void put(char* to, T value) {
  __builtin_memcpy(to, &value, sizeof value);
}
/// An int64 as the output's integer type.
inline void putInteger(char* to, DType dtype, int64_t value) {
  if (dtype == DType::i64) put(to, value);
  else if (dtype == DType::i32) put(to, static_cast<int32_t>(value));
  else put(to, static_cast<uint8_t>(value));
}

/// The most columns folded side by side; their accumulators stay in the first-level cache.
inline constexpr int64_t kStrip = 256;

/// Folds rows of x onto each other, a strip of columns at a time, narrower where there would be few strips.
/// run(x, rows walk, columns, outPointer, outStride).
template <class Run>
inline void reduceColumns(Stream& s, const Reduction& r, Run run) {
  const int last = r.kept.rank - 1;
  const int64_t width = r.kept.shape[last], strip = width < 4 * kStrip ? kStrip / 2 : kStrip;
  const int64_t strips = ceilDiv(width, strip);
  const int64_t total = strips * (r.kept.total / width);
  const int64_t perChunk = maxOf(1, kFoldChunk / (strip * maxOf(1, r.reduced.total)));
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    for (int64_t t = c * perChunk, end = minOf(t + perChunk, total); t < end; t++) {
      const int64_t first = t / strips * width + t % strips * strip;
      run(at(r.kept, first), minOf(strip, width - t % strips * strip), at(r.out, first), r.out.stride[last]);
    }
  };
  if (total <= perChunk) chunk(0);
  else parallelSweep(s, ceilDiv(total, perChunk), chunk);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
