// indexGet and indexPut: rows of x named by one index for each of its leading axes. indexPut checks every
// index before it writes.
#include "../ops/rows/index.h"

#include "lanes.h"

WG_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Index tensors of one shape, and the tensor whose leading axes they index.
struct Rows {
  int axes;
  bool negative;  // indices may count from the end
  Walk index[kMaxRank];
  DType type[kMaxRank];
  int64_t size[kMaxRank], step[kMaxRank];  // of the indexed axes; bytes
  int64_t total;                           // rows named
  int64_t distinct;                        // rows there are
};

/// x: [sizes..., rest...]; picked: [indices..., rest...], unless it is a number.
bool rowsOf(Stream& s, const View& x, const View* picked, const InList& indices, bool negative, Rows* r) {
  bool fits = indices.count >= 1 && indices.count <= x.rank;
  if (!require(s, fits, "index: more indices than axes")) return false;
  const View& first = indices.items[0];
  r->axes = static_cast<int>(indices.count);
  r->negative = negative;
  r->distinct = 1;
  const int64_t item = itemBytes(x.dtype);
  for (int k = 0; k < r->axes; k++) {
    const View& v = indices.items[k];
    fits = fits && isIndexType(v.dtype) && sameShape(v, first);
    r->index[k] = walkOf(v);
    r->type[k] = v.dtype;
    r->size[k] = x.shape[k];
    r->step[k] = x.stride[k] * item;
    r->distinct *= x.shape[k];
  }
  r->total = r->index[0].total;
  if (picked != nullptr) {
    fits = fits && picked->rank == first.rank + x.rank - r->axes && picked->dtype == x.dtype;
    for (int i = 0; fits && i < picked->rank; i++)
      fits = picked->shape[i] == (i < first.rank ? first.shape[i] : x.shape[r->axes + i - first.rank]);
  }
  return require(s, fits, "index: shapes or dtypes of rows, indices and result do not fit");
}

/// Where rows [start, start + n) lie, and which ones they are in row-major order. False: one is out of range.
bool locate(Stream& s, const char* name, const Rows& r, int64_t start, int64_t n, int64_t* offset,
            int64_t* number) {
  alignas(64) char stage[kIndexBlock * 8];
  int64_t index[kIndexBlock];
  for (int64_t i = 0; i < n; i++) offset[i] = number[i] = 0;
  for (int k = 0; k < r.axes; k++) {
    gather(stage, r.index[k], start, n);
    readIndices(index, stage, r.index[k].item, r.type[k], n);
    const int64_t size = r.size[k], wrap = r.negative ? size : 0;
    for (int64_t i = 0; i < n; i++) {
      const int64_t row = index[i] + (index[i] < 0 ? wrap : 0);
      if (row < 0 || row >= size) {
        fail(s, Code::index, "%s: index %lld is out of range for axis %d of size %lld", name,
             static_cast<long long>(index[i]), k, static_cast<long long>(size));
        return false;
      }
      offset[i] += row * r.step[k];
      number[i] = number[i] * size + row;
    }
  }
  return true;
}

/// The first elements of the rows of a view whose leading `axes` axes are indices.
Walk starts(const View& v, int axes) {
  const int64_t item = itemBytes(v.dtype);
  int64_t stride[kMaxRank] = {};
  for (int i = 0; i < axes; i++) stride[i] = v.stride[i] * item;
  return walkOf(v.data, item, axes, v.shape, stride);
}

struct Assign {
  template <class T>
  static T apply(T, T b) {
    return b;
  }
};
struct Add {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a + b);
  }
};

/// Rows of the inner axes of `to` and `from`, elements [begin, end).
template <class T, class Rule>
void meet(const Lanes<2>& inner, char* to, const char* from, int64_t begin, int64_t end) {
  const auto run = [](char* t, int64_t toStep, const char* f, int64_t fromStep, int64_t n) {
    constexpr int64_t item = static_cast<int64_t>(sizeof(T));
    if (toStep == item && fromStep == item) {
      T* a = reinterpret_cast<T*>(t);
      const T* b = reinterpret_cast<const T*>(f);
      for (int64_t i = 0; i < n; i++) a[i] = Rule::apply(a[i], b[i]);
      return;
    }
    for (int64_t i = 0; i < n; i++) {
      T* a = reinterpret_cast<T*>(t + i * toStep);
      *a = Rule::apply(*a, *reinterpret_cast<const T*>(f + i * fromStep));
    }
  };
  if (inner.rank == 1) {
    const int64_t t = inner.stride[0][0], f = inner.stride[1][0];
    return run(to + begin * t, t, from + begin * f, f, end - begin);
  }
  forEachRow(inner, begin, end, [&](char* const* p, const int64_t* step, int64_t n) {
    run(to + (p[0] - inner.data[0]), step[0], from + (p[1] - inner.data[1]), step[1], n);
  });
}

template <class T>
void getRows(Stream& s, const View& out, const View& x, const Rows& r, int indexRank) {
  const int rest = x.rank - r.axes;
  const Lane to = laneOf(out), from = laneOf(x);
  const Lanes<2> inner =
      lanesOf<2>(rest, x.shape + r.axes,
                 {{to.data, to.item, to.stride + indexRank}, {from.data, from.item, from.stride + r.axes}});
  const Walk start = starts(out, indexRank);
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, inner.total));
  parallelFor(s, ceilDiv(r.total, perChunk), [&](int64_t c) {
    int64_t offset[kIndexBlock], number[kIndexBlock];
    for (int64_t i = c * perChunk, end = minOf(i + perChunk, r.total); i < end; i += kIndexBlock) {
      const int64_t n = minOf(kIndexBlock, end - i);
      if (!locate(s, "index", r, i, n, offset, number)) return;
      for (int64_t k = 0; k < n; k++)
        meet<T, Assign>(inner, at(start, i + k), from.data + offset[k], 0, inner.total);
    }
  });
}

template <class T, class Rule>
void putRows(Stream& s, const View& out, const Lane& src, const Rows& r, int indexRank, const Walk& start) {
  const int rest = out.rank - r.axes;
  const Lane to = laneOf(out);
  const Lanes<2> inner =
      lanesOf<2>(rest, out.shape + r.axes,
                 {{to.data, to.item, to.stride + r.axes}, {src.data, src.item, src.stride + indexRank}});
  const int64_t width = inner.total, work = width * r.total;
  if (work == 0) return;
  // A chunk owns columns of the rows (or, of narrow rows, a share of the rows) and takes all indices in
  // order.
  constexpr int64_t kColumns = 256, kShares = 8;
  const bool single = work <= kChunk, wide = width >= 2 * kColumns;
  const int64_t chunks = single ? 1 : wide ? ceilDiv(width, kColumns) : minOf(kShares, r.distinct);
  const int64_t share = single || wide ? r.distinct : ceilDiv(r.distinct, chunks);
  parallelFor(s, chunks, [&](int64_t c) {
    const int64_t low = single || wide ? 0 : c * share, high = low + share;
    const int64_t first = !single && wide ? c * kColumns : 0;
    const int64_t last = !single && wide ? minOf(first + kColumns, width) : width;
    int64_t offset[kIndexBlock], number[kIndexBlock];
    for (int64_t i = 0; i < r.total; i += kIndexBlock) {
      const int64_t n = minOf(kIndexBlock, r.total - i);
      if (!locate(s, "indexPut", r, i, n, offset, number)) return;
      for (int64_t k = 0; k < n; k++) {
        if (number[k] >= low && number[k] < high)
          meet<T, Rule>(inner, to.data + offset[k], at(start, i + k), first, last);
      }
    }
  });
}

}  // namespace

void indexGet(Stream& s, const Out& out, const In& x, const InList& indices, const int32_t& negative) {
  Rows r;
  if (!rowsOf(s, x, &out, indices, negative != 0, &r)) return;
  const int indexRank = indices.items[0].rank;
  const int64_t item = itemBytes(x.dtype);
  if (item == 4) getRows<uint32_t>(s, out, x, r, indexRank);
  else if (item == 8) getRows<uint64_t>(s, out, x, r, indexRank);
  else getRows<uint8_t>(s, out, x, r, indexRank);
}

void indexPut(Stream& s, const InOut& out, const InList& indices, const Operand& src, const int32_t& add,
              const int32_t& negative) {
  static constexpr int64_t kStill[2 * kMaxRank] = {};
  Rows r;
  if (!rowsOf(s, out, src.isNumber ? nullptr : &src.view, indices, negative != 0, &r)) return;
  const int indexRank = indices.items[0].rank;
  const int64_t blocks = ceilDiv(r.total, kIndexBlock);
  parallelFor(s, ceilDiv(blocks, 64), [&](int64_t c) {
    int64_t offset[kIndexBlock], number[kIndexBlock];
    for (int64_t b = c * 64, end = minOf(b + 64, blocks); b < end; b++) {
      const int64_t i = b * kIndexBlock;
      if (!locate(s, "indexPut", r, i, minOf(kIndexBlock, r.total - i), offset, number)) return;
    }
  });
  if (failed(s)) return;
  alignas(8) char value[8] = {};
  Lane lane{value, 0, kStill};
  Walk start = walkOf(value, 0, 0, nullptr, nullptr);
  if (!src.isNumber) {
    lane = laneOf(src.view);
    start = starts(src.view, indexRank);
  }
  const auto run = [&]<class T, class Rule>() {
    if (src.isNumber) {
      const T number =
          out.dtype == DType::boolean ? static_cast<T>(src.number != 0) : fromDouble<T>(src.number);
      __builtin_memcpy(value, &number, sizeof number);
    }
    putRows<T, Rule>(s, out, lane, r, indexRank, start);
  };
  if (add != 0) withNumber(s, out.dtype, "indexPut", [&]<class T>() { run.template operator()<T, Add>(); });
  else withAny(s, out.dtype, "indexPut", [&]<class T>() { run.template operator()<T, Assign>(); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
