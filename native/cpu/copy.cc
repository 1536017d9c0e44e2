// copy: any strides, any pair of dtypes. Equal dtypes, and those of equal bits, move bytes (whole, by rows,
// or in blocks for a transpose); different ones convert through the elementwise loop.
#include "../ops/rows/memory.h"

#include "elementwise.h"
#include "simd/transpose.h"

WG_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

// The side of a tile: its lines, read and written, stay in the first-level cache until they are whole.
constexpr int64_t kTile = 64;

/// out[i][j] = x[j][i]: rows of out are contiguous, and lines of x. By blocks of a register's lanes.
template <bool kStream, class T>
[[gnu::noinline]] void transposeTile(char* out, int64_t outStride, const char* x, int64_t xStride,
                                     int64_t rows, int64_t columns) {
  constexpr int64_t kSide = simd::Vec<T>::kLanes, kItem = sizeof(T);
  for (int64_t j = 0; j < columns; j += kSide) {
    for (int64_t i = 0; i < rows; i += kSide) {
      simd::transposeBlock<kStream, T>(out + i * outStride + j * kItem, outStride,
                                       x + j * xStride + i * kItem, xStride, minOf(kSide, rows - i),
                                       minOf(kSide, columns - j));
    }
  }
}

/// The same for items narrower than a register's shuffles move.
template <class T>
void transposeNarrow(char* out, int64_t outStride, const char* x, int64_t xStride, int64_t rows,
                     int64_t columns) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) {
      __builtin_memcpy(out + i * outStride + j * static_cast<int64_t>(sizeof(T)),
                       x + j * xStride + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    }
  }
}

struct Axes {
  int rank;
  int64_t shape[kMaxRank], out[kMaxRank], x[kMaxRank];  // strides in bytes, outermost first by out's strides
};

int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

Axes axesOf(const View& out, const View& x, int64_t item) {
  Axes a;
  int order[kMaxRank], rank = 0;
  for (int i = 0; i < out.rank; i++) {
    if (out.shape[i] == 1) continue;
    int at = rank++;
    for (; at > 0 && magnitude(out.stride[order[at - 1]]) < magnitude(out.stride[i]); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  a.rank = 0;
  for (int k = 0; k < rank; k++) {
    const int64_t size = out.shape[order[k]], o = out.stride[order[k]] * item, i = x.stride[order[k]] * item;
    const int last = a.rank - 1;
    if (last >= 0 && a.out[last] == size * o && a.x[last] == size * i) {
      a.shape[last] *= size;
    } else {
      a.shape[a.rank++] = size;
    }
    a.out[a.rank - 1] = o;
    a.x[a.rank - 1] = i;
  }
  return a;
}

/// A transpose: x is contiguous along axis `along`, out along its last. The other axes are walked outside.
void transpose(Stream& s, char* out, const char* x, const Axes& a, int along, int64_t item) {
  const int last = a.rank - 1;
  const int64_t rows = a.shape[along], columns = a.shape[last];
  const int64_t rowTiles = ceilDiv(rows, kTile), columnTiles = ceilDiv(columns, kTile);
  int64_t tiles = rowTiles * columnTiles;
  for (int k = 0; k < last; k++) tiles *= k == along ? 1 : a.shape[k];
  const int64_t perChunk = kChunk / (kTile * kTile);
  // Whole registers only, each a line of its own: then nothing is read before it is written.
  bool stream = rows * columns * item >= simd::kStreamBytes && reinterpret_cast<uintptr_t>(out) % 64 == 0;
  for (int k = 0; k < last; k++) stream = stream && a.out[k] % 64 == 0;
  stream = stream && item >= 4 && rows % kTile == 0 && columns % kTile == 0;
  const auto tile = item == 4   ? (stream ? transposeTile<true, uint32_t> : transposeTile<false, uint32_t>)
                    : item == 8 ? (stream ? transposeTile<true, uint64_t> : transposeTile<false, uint64_t>)
                    : item == 2 ? transposeNarrow<uint16_t>
                                : transposeNarrow<uint8_t>;
  const auto run = [&](int64_t chunk) {
    for (int64_t t = chunk * perChunk, end = minOf(t + perChunk, tiles); t < end; t++) {
      int64_t rest = t / columnTiles;
      const int64_t j = t % columnTiles * kTile, i = rest % rowTiles * kTile;
      rest /= rowTiles;
      char* o = out + i * a.out[along] + j * a.out[last];
      const char* p = x + i * a.x[along] + j * a.x[last];
      for (int k = last - 1; k >= 0; k--) {
        if (k == along) continue;
        o += rest % a.shape[k] * a.out[k];
        p += rest % a.shape[k] * a.x[k];
        rest /= a.shape[k];
      }
      const int64_t h = minOf(kTile, rows - i), w = minOf(kTile, columns - j);
      tile(o, a.out[along], p, a.x[last], h, w);
    }
  };
  const auto chunked = [&](int64_t chunk) {
    run(chunk);
    if (stream) simd::endStreaming();
  };
  const int64_t chunks = ceilDiv(tiles, perChunk);
  if (chunks == 1) chunked(0);
  else parallelSweep(s, chunks, chunked);
}

void moveBytes(Stream& s, const View& out, const View& x) {
  const int64_t item = itemBytes(out.dtype);
  const Axes a = axesOf(out, x, item);
  const int last = a.rank - 1;
  if (a.rank >= 2 && a.out[last] == item && a.x[last] != item && a.shape[last] >= 8) {
    for (int k = 0; k < last; k++) {
      if (a.x[k] == item && a.shape[k] >= 8) {
        return transpose(s, static_cast<char*>(out.data), static_cast<const char*>(x.data), a, k, item);
      }
    }
  }
  // Logical order along out's strides: with both sides walked in it, no staging is needed.
  const Walk to = walkOf(out.data, item, a.rank, a.shape, a.out),
             from = walkOf(x.data, item, a.rank, a.shape, a.x);
  const auto run = [&](int64_t chunk) {
    const int64_t begin = chunk * kChunk, n = minOf(kChunk, to.total - begin);
    if (to.direct) return gather(to.data + begin * item, from, begin, n);
    if (from.direct) return scatter(to, from.data + begin * item, begin, n);
    alignas(64) char stage[kStageBytes];
    const int64_t block = kStageBytes / item;
    for (int64_t i = 0; i < n; i += block) {
      gather(stage, from, begin + i, minOf(block, n - i));
      scatter(to, stage, begin + i, minOf(block, n - i));
    }
  };
  if (to.total <= kChunk) run(0);
  else parallelSweep(s, ceilDiv(to.total, kChunk), run);
}

}  // namespace

void copy(Stream& s, const Out& out, const In& x) {
  if (!require(s, sameShape(out, x), "copy: shapes differ") || numel(out) == 0) return;
  const Conversion c = conversionOf(x.dtype, out.dtype);
  if (c.count == 0) return moveBytes(s, out, x);
  // The first step is the body, what is left happens as its blocks are stored.
  const Source inputs[] = {sourceOf(x)};
  runElementwise(s, out, inputs, 1, c.step[0], c.count == 1 ? out.dtype : c.first);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
