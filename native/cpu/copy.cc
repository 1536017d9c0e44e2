// copy: any strides, any pair of dtypes. Equal dtypes, and those of equal bits, move bytes (whole, by rows,
// or in blocks for a transpose); different ones convert through the elementwise loop.
#include "../ops/rows/memory.h"

#include "elementwise.h"

WG_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

// The side of a transpose block: two of them, read and written, stay in the first-level cache.
constexpr int64_t kTile = 32;

/// out[i][j] = x[j][i] over bytes: rows of out are contiguous, columns of x are. Stores run along out's rows,
/// so that each line is written whole; the kTile lines of x being read stay cached.
template <class T>
void transposeTile(char* out, int64_t outStride, const char* x, int64_t xStride, int64_t rows,
                   int64_t columns) {
  if (rows == kTile && columns == kTile) {
    T block[kTile][kTile];
    for (int64_t j = 0; j < kTile; j++) {
      T line[kTile];
      __builtin_memcpy(line, x + j * xStride, sizeof line);
      for (int64_t i = 0; i < kTile; i++) block[i][j] = line[i];
    }
    for (int64_t i = 0; i < kTile; i++) __builtin_memcpy(out + i * outStride, block[i], sizeof block[i]);
    return;
  }
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
      if (item == 4) transposeTile<uint32_t>(o, a.out[along], p, a.x[last], h, w);
      else if (item == 2) transposeTile<uint16_t>(o, a.out[along], p, a.x[last], h, w);
      else if (item == 8) transposeTile<uint64_t>(o, a.out[along], p, a.x[last], h, w);
      else transposeTile<uint8_t>(o, a.out[along], p, a.x[last], h, w);
    }
  };
  const int64_t chunks = ceilDiv(tiles, perChunk);
  if (chunks == 1) run(0);
  else parallelFor(s, chunks, run);
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
  else parallelFor(s, ceilDiv(to.total, kChunk), run);
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
