// Adding into views whose elements coincide, and the indices that repeat elements.
#include "../ops/rows/index.h"

#include "lanes.h"

WG_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

/// Axes of `v` in which elements lie apart whatever the other indices are, largest stride first; their
/// number.
int apart(const View& v, int* order) {
  int rank = 0;
  for (int i = 0; i < v.rank; i++) {
    int k = rank++;
    for (; k > 0 && magnitude(v.stride[order[k - 1]]) < magnitude(v.stride[i]); k--) order[k] = order[k - 1];
    order[k] = i;
  }
  for (int k = 0; k < rank; k++) {
    int64_t behind = 0;
    for (int j = k + 1; j < rank; j++) behind += (v.shape[order[j]] - 1) * magnitude(v.stride[order[j]]);
    if (v.shape[order[k]] > 1 && magnitude(v.stride[order[k]]) <= behind) return k;
  }
  return rank;
}

/// to[i] += from[i]; elements of `to` may coincide.
template <class T>
void addRow(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    T* t = reinterpret_cast<T*>(to + i * toStep);
    *t = static_cast<T>(*t + *reinterpret_cast<const T*>(from + i * fromStep));
  }
}

}  // namespace

void overlapAdd(Stream& s, const InOut& out, const In& x) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "overlapAdd: shapes or dtypes differ")) return;
  if (numel(out) == 0) return;
  int order[kMaxRank];
  const int free = apart(out, order);
  int64_t shape[2][kMaxRank], to[2][kMaxRank], from[2][kMaxRank];
  int count[2] = {0, 0};
  for (int i = 0; i < out.rank; i++) {
    int side = 1;
    for (int k = 0; k < free; k++) side = order[k] == i ? 0 : side;
    const int at = count[side]++;
    shape[side][at] = out.shape[i];
    to[side][at] = out.stride[i];
    from[side][at] = x.stride[i];
  }
  const Lane o = laneOf(out), i = laneOf(x);
  const Lanes<2> outer = lanesOf<2>(count[0], shape[0], {{o.data, o.item, to[0]}, {i.data, i.item, from[0]}});
  const Lanes<2> inner = lanesOf<2>(count[1], shape[1], {{o.data, o.item, to[1]}, {i.data, i.item, from[1]}});
  const int64_t perChunk = maxOf(1, kChunk / inner.total);
  withNumber(s, out.dtype, "overlapAdd", [&]<class T>() {
    parallelFor(s, ceilDiv(outer.total, perChunk), [&](int64_t c) {
      const int64_t begin = c * perChunk, end = minOf(begin + perChunk, outer.total);
      forEachRow(outer, begin, end, [&](char* const* p, const int64_t* step, int64_t n) {
        if (inner.total == 1) return addRow<T>(p[0], step[0], p[1], step[1], n);
        for (int64_t k = 0; k < n; k++) {
          const int64_t t = k * step[0] + (p[0] - inner.data[0]), f = k * step[1] + (p[1] - inner.data[1]);
          forEachRow(inner, 0, inner.total, [&](char* const* q, const int64_t* innerStep, int64_t m) {
            addRow<T>(q[0] + t, innerStep[0], q[1] + f, innerStep[1], m);
          });
        }
      });
    });
  });
}

void repeatIndices(Stream& s, const Out& out, const In& repeats) {
  const bool fits = out.rank == 1 && repeats.rank == 1 && isIndexType(repeats.dtype) &&
                    (out.dtype == DType::i32 || out.dtype == DType::i64);
  if (!require(s, fits, "repeatIndices: wants vectors of integers")) return;
  const Walk from = walkOf(repeats);
  int64_t total = 0;
  for (int64_t i = 0; i < from.total; i++) {
    const int64_t n = indexAt(from, repeats.dtype, i);
    if (n < 0) {
      return fail(s, Code::argument, "repeatInterleave: repeats must not be negative, got %lld",
                  static_cast<long long>(n));
    }
    total = n > out.shape[0] - total ? out.shape[0] + 1 : total + n;
  }
  if (total != out.shape[0]) {
    return fail(s, Code::argument, "repeatInterleave: repeats do not add up to the outputSize %lld",
                static_cast<long long>(out.shape[0]));
  }
  withInteger(s, out.dtype, "repeatIndices", [&]<class T>() {
    T* to = static_cast<T*>(out.data);
    for (int64_t i = 0; i < from.total; i++) {
      for (int64_t n = indexAt(from, repeats.dtype, i); n > 0; n--, to += out.stride[0])
        *to = static_cast<T>(i);
    }
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
