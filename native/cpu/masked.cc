// Elements where a condition holds: counted block by block first, so that every block knows where its own
// begin. Then the triangles of matrices.
#include "../ops/rows/masked.h"

#include "lanes.h"

WG_PROTOTYPES(WG_MASKED_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// The blocks `offsets` speaks of.
struct Blocks {
  int64_t count, size, total;
  const char* offsets;
  int64_t step;
};
bool blocksOf(Stream& s, const View& offsets, int64_t total, Blocks* b) {
  const bool fits = offsets.rank == 1 && offsets.dtype == DType::i64 && offsets.shape[0] >= 2;
  if (!require(s, fits, "masked: offsets must be int64 [blocks + 1]")) return false;
  b->count = offsets.shape[0] - 1;
  b->size = ceilDiv(total, b->count);
  b->total = total;
  b->offsets = static_cast<const char*>(offsets.data);
  b->step = offsets.stride[0] * 8;
  return true;
}
int64_t before(const Blocks& b, int64_t block) {
  int64_t v;
  __builtin_memcpy(&v, b.offsets + block * b.step, sizeof v);
  return v;
}

bool isMask(const View& v) { return v.dtype == DType::boolean || v.dtype == DType::u8; }

/// f(i) for each i in [begin, end) where x is not zero, in order.
template <class T, class F>
void forEachTrue(const Walk& x, int64_t begin, int64_t end, F f) {
  alignas(64) T stage[kStageBytes / sizeof(T)];
  const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = begin; i < end; i += block) {
    const int64_t n = minOf(block, end - i);
    gather(stage, x, i, n);
    for (int64_t k = 0; k < n; k++) {
      if (stage[k] != T(0)) f(i + k);
    }
  }
}

/// A logical position as an index of each axis.
void indexOf(const View& v, int64_t position, int64_t* index) {
  for (int k = v.rank - 1; k >= 0; k--) {
    index[k] = position % v.shape[k];
    position /= v.shape[k];
  }
}

template <class T>
T read(const char* p) {
  T v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
void selectBlocks(Stream& s, const View& out, const View& x, const View& mask, const Blocks& b, T fill) {
  const Walk from = walkOf(x), where = walkOf(mask);
  const int64_t room = out.shape[0], step = out.stride[0] * static_cast<int64_t>(sizeof(T));
  char* to = static_cast<char*>(out.data);
  parallelFor(s, b.count, [&](int64_t c) {
    alignas(64) T values[kStageBytes / sizeof(T)];
    alignas(64) uint8_t chosen[kStageBytes / sizeof(T)];
    const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
    int64_t k = before(b, c);
    for (int64_t i = c * b.size, end = minOf(i + b.size, b.total); i < end && k < room; i += block) {
      const int64_t n = minOf(block, end - i);
      gather(values, from, i, n);
      gather(chosen, where, i, n);
      for (int64_t j = 0; j < n && k < room; j++) {
        if (chosen[j] != 0) __builtin_memcpy(to + k++ * step, &values[j], sizeof(T));
      }
    }
  });
  for (int64_t k = before(b, b.count); k < room; k++) __builtin_memcpy(to + k * step, &fill, sizeof fill);
}

template <class T>
void scatterBlocks(Stream& s, const View& out, const View& mask, const View& src, const Blocks& b) {
  const Walk from = walkOf(src);
  const Lanes<2> l = lanesOf<2>(out.rank, out.shape, {laneOf(out), laneOf(mask)});
  parallelFor(s, b.count, [&](int64_t c) {
    int64_t k = before(b, c);
    const int64_t begin = c * b.size, end = minOf(begin + b.size, b.total);
    if (begin >= end) return;
    forEachRow(l, begin, end, [&](char* const* p, const int64_t* step, int64_t n) {
      for (int64_t j = 0; j < n && k < from.total; j++) {
        if (p[1][j * step[1]] == 0) continue;
        const char* value = from.direct ? from.data + k * from.item : at(from, k);
        __builtin_memcpy(p[0] + j * step[0], value, sizeof(T));
        k++;
      }
    });
  });
}

template <class T>
void keepRow(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t begin, int64_t end,
             int64_t n) {
  const T zero = T(0);
  for (int64_t j = 0; j < begin; j++) __builtin_memcpy(to + j * toStep, &zero, sizeof zero);
  for (int64_t j = begin; j < end; j++) __builtin_memcpy(to + j * toStep, from + j * fromStep, sizeof(T));
  for (int64_t j = end; j < n; j++) __builtin_memcpy(to + j * toStep, &zero, sizeof zero);
}

}  // namespace

void nonzeroCount(Stream& s, const Out& offsets, const In& x) {
  Blocks b;
  const Walk from = walkOf(x);
  if (!blocksOf(s, offsets, from.total, &b)) return;
  char* counts = static_cast<char*>(offsets.data);
  withAny(s, x.dtype, "nonzero", [&]<class T>() {
    parallelFor(s, b.count, [&](int64_t c) {
      int64_t n = 0;
      forEachTrue<T>(from, c * b.size, minOf((c + 1) * b.size, b.total), [&](int64_t) { n++; });
      __builtin_memcpy(counts + c * b.step, &n, sizeof n);
    });
  });
  int64_t sum = 0;
  for (int64_t c = 0; c <= b.count; c++) {
    const int64_t n = c < b.count ? before(b, c) : 0;
    __builtin_memcpy(counts + c * b.step, &sum, sizeof sum);
    sum += n;
  }
}

void nonzero(Stream& s, const Out& out, const In& x, const In& offsets, const double& fill) {
  Blocks b;
  const Walk from = walkOf(x);
  if (!blocksOf(s, offsets, from.total, &b)) return;
  const bool fits =
      out.rank == 2 && out.shape[1] == x.rank && (out.dtype == DType::i32 || out.dtype == DType::i64);
  if (!require(s, fits, "nonzero: out must be integers [size, rank]")) return;
  const int64_t room = out.shape[0];
  const auto run = [&]<class I>() {
    I* to = static_cast<I*>(out.data);
    withAny(s, x.dtype, "nonzero", [&]<class T>() {
      parallelFor(s, b.count, [&](int64_t c) {
        int64_t k = before(b, c);
        forEachTrue<T>(from, c * b.size, minOf((c + 1) * b.size, b.total), [&](int64_t i) {
          if (k >= room) return;
          int64_t index[kMaxRank];
          indexOf(x, i, index);
          for (int a = 0; a < x.rank; a++)
            to[k * out.stride[0] + a * out.stride[1]] = static_cast<I>(index[a]);
          k++;
        });
      });
    });
    for (int64_t k = before(b, b.count); k < room; k++) {
      for (int a = 0; a < x.rank; a++) to[k * out.stride[0] + a * out.stride[1]] = fromDouble<I>(fill);
    }
  };
  if (out.dtype == DType::i32) run.template operator()<int32_t>();
  else run.template operator()<int64_t>();
}

void maskedSelect(Stream& s, const Out& out, const In& x, const In& mask, const In& offsets,
                  const double& fill) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(x), &b)) return;
  const bool fits = out.rank == 1 && out.dtype == x.dtype && sameShape(x, mask) && isMask(mask);
  if (!require(s, fits, "maskedSelect: shapes or dtypes do not fit")) return;
  withAny(s, x.dtype, "maskedSelect", [&]<class T>() {
    const T value = x.dtype == DType::boolean ? static_cast<T>(fill != 0) : fromDouble<T>(fill);
    selectBlocks<T>(s, out, x, mask, b, value);
  });
}

void maskedScatter(Stream& s, const InOut& out, const In& mask, const In& offsets, const In& src,
                   const int32_t& strict) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(out), &b)) return;
  const bool fits = sameShape(out, mask) && isMask(mask) && out.dtype == src.dtype;
  if (!require(s, fits, "maskedScatter: shapes or dtypes do not fit")) return;
  const int64_t count = before(b, b.count), given = numel(src);
  if ((strict == 1 && given < count) || (strict == 2 && given != count)) {
    return fail(s, Code::argument, "maskedScatter: the mask holds at %lld elements, the source has %lld",
                static_cast<long long>(count), static_cast<long long>(given));
  }
  const int64_t item = itemBytes(out.dtype);
  if (item == 4) scatterBlocks<uint32_t>(s, out, mask, src, b);
  else if (item == 8) scatterBlocks<uint64_t>(s, out, mask, src, b);
  else scatterBlocks<uint8_t>(s, out, mask, src, b);
}

void triangle(Stream& s, const Out& out, const In& x, const double& diagonal, const int32_t& upper) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype && x.rank >= 2, "triangle: wants matrices"))
    return;
  const int64_t columns = x.shape[x.rank - 1], item = itemBytes(x.dtype);
  if (numel(x) == 0) return;
  // Rows are walked as elements of the other axes.
  const Lanes<2> l = lanesOf<2>(x.rank - 1, x.shape, {laneOf(out), laneOf(x)});
  const int64_t height = x.shape[x.rank - 2], perChunk = maxOf(1, kChunk / columns);
  const int64_t toStep = out.stride[x.rank - 1] * item, fromStep = x.stride[x.rank - 1] * item;
  const int64_t shift = static_cast<int64_t>(diagonal);
  parallelFor(s, ceilDiv(l.total, perChunk), [&](int64_t c) {
    int64_t row = c * perChunk;
    forEachRow(l, row, minOf(row + perChunk, l.total), [&](char* const* p, const int64_t* step, int64_t n) {
      for (int64_t i = 0; i < n; i++, row++) {
        const int64_t edge = row % height + shift + (upper != 0 ? 0 : 1);
        const int64_t at = maxOf(0, minOf(edge, columns));
        const int64_t begin = upper != 0 ? at : 0, end = upper != 0 ? columns : at;
        char* to = p[0] + i * step[0];
        const char* from = p[1] + i * step[1];
        if (item == 4) keepRow<uint32_t>(to, toStep, from, fromStep, begin, end, columns);
        else if (item == 8) keepRow<uint64_t>(to, toStep, from, fromStep, begin, end, columns);
        else keepRow<uint8_t>(to, toStep, from, fromStep, begin, end, columns);
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
