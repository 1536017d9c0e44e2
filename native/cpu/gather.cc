// gather and scatter: out[i, j, ...] meets x[i, index[i, j, ...], ...] along one axis. scatter and
// scatterReduce check every index before they write, so a failed one leaves its output as it was; of several
// writes to one element the last in row-major order of index wins, and sums are added in that order.
#include "../ops/rows/index.h"

#include "lanes.h"

WG_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

struct Axis {
  int64_t size, step;  // of the tensor indexed; bytes
};
Axis axisOf(const View& v, int32_t axis) {
  if (v.rank == 0) return {1, 0};
  return {v.shape[axis], v.stride[axis] * itemBytes(v.dtype)};
}

bool fits(Stream& s, const View& x, const View& index, int32_t axis) {
  bool fit = x.rank == index.rank && isIndexType(index.dtype) && axis >= 0 && axis < maxOf(1, x.rank);
  for (int i = 0; fit && i < x.rank; i++) fit = i == axis || index.shape[i] <= x.shape[i];
  return require(s, fit, "gather: shapes, dtypes or axis of x and index do not fit");
}

void outside(Stream& s, const char* name, int64_t index, int32_t axis, int64_t size) {
  fail(s, Code::index, "%s: index %lld is out of range for axis %d of size %lld", name,
       static_cast<long long>(index), axis, static_cast<long long>(size));
}

/// x seen in the shape of index: its own axis stands still and is moved along by the index.
void stillAlong(int64_t* stride, const View& x, int32_t axis) {
  for (int i = 0; i < x.rank; i++) stride[i] = i == axis ? 0 : x.stride[i];
}

template <class T>
void pick(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t rowStep, const int64_t* rows,
          int64_t n) {
  for (int64_t i = 0; i < n; i++)
    __builtin_memcpy(to + i * toStep, from + i * fromStep + rows[i] * rowStep, sizeof(T));
}

// How scattered values meet what is there; NaN wins over numbers as in PyTorch.
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
struct Multiply {
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a * b);
  }
};
struct Larger {
  template <class T>
  static T apply(T a, T b) {
    return b != b || a < b ? b : a;
  }
};
struct Smaller {
  template <class T>
  static T apply(T a, T b) {
    return b != b || b < a ? b : a;
  }
};

/// Rows [low, high) of the lines it is given belong to the caller.
struct Share {
  int64_t low, high;
};

template <class T, class Rule>
void put(char* to, int64_t toStep, int64_t rowStep, const char* from, int64_t fromStep, const int64_t* rows,
         int64_t n, Share share) {
  for (int64_t i = 0; i < n; i++) {
    if (rows[i] < share.low || rows[i] >= share.high) continue;
    T* target = reinterpret_cast<T*>(to + i * toStep + rows[i] * rowStep);
    *target = Rule::apply(*target, *reinterpret_cast<const T*>(from + i * fromStep));
  }
}

bool allInside(Stream& s, const char* name, const View& index, int32_t axis, int64_t size) {
  const Lanes<1> l = lanesOf<1>(index.rank, index.shape, {laneOf(index)});
  parallelFor(s, ceilDiv(l.total, kChunk), [&](int64_t c) {
    forEachRow(l, c * kChunk, minOf((c + 1) * kChunk, l.total),
               [&](char* const* p, const int64_t* step, int64_t n) {
                 int64_t rows[kIndexBlock];
                 for (int64_t i = 0; i < n; i += kIndexBlock) {
                   const int64_t m = minOf(kIndexBlock, n - i);
                   readIndices(rows, p[0] + i * step[0], step[0], index.dtype, m);
                   const int64_t bad = firstOutside(rows, m, size);
                   if (bad >= 0) return outside(s, name, rows[bad], axis, size);
                 }
               });
  });
  return !failed(s);
}

/// The work of scatter: lines run along the axis; all that meets one element lies on one line. `outer` are
/// the axes before it, `inner` those after; lanes are out, index, src.
struct Plan {
  Lanes<3> outer, inner;
  int64_t length, step[3];  // along the axis
};
Plan planOf(const View& out, const View& index, const Lane& src, int32_t axis) {
  const int32_t at = index.rank == 0 ? 0 : axis;
  const int32_t behind = index.rank == 0 ? 0 : index.rank - at - 1;
  const Lane o = laneOf(out), x = laneOf(index);
  Plan p;
  p.outer = lanesOf<3>(at, index.shape, {o, x, src});
  const int from = index.rank == 0 ? 0 : at + 1;
  p.inner = lanesOf<3>(behind, index.shape + from,
                       {{o.data, o.item, o.stride + from},
                        {x.data, x.item, x.stride + from},
                        {src.data, src.item, src.stride + from}});
  p.length = index.rank == 0 ? 1 : index.shape[at];
  p.step[0] = 0;
  p.step[1] = index.rank == 0 ? 0 : index.stride[at] * x.item;
  p.step[2] = index.rank == 0 ? 0 : src.stride[at] * src.item;
  return p;
}

/// put<T, Rule>: a pointer, so that the walks below are compiled once.
using Put = void(char* to, int64_t toStep, int64_t rowStep, const char* from, int64_t fromStep,
                 const int64_t* rows, int64_t n, Share share);

void scatterLines(Stream& s, const Plan& p, DType indexType, const Axis& axis, Put* put) {
  const int64_t lines = p.outer.total * p.inner.total, work = lines * p.length;
  if (work == 0) return;
  const auto block = [&](char* const* q, const int64_t* step, int64_t n, Share share) {
    int64_t rows[kIndexBlock];
    for (int64_t i = 0; i < n; i += kIndexBlock) {
      const int64_t m = minOf(kIndexBlock, n - i);
      readIndices(rows, q[1] + i * step[1], step[1], indexType, m);
      put(q[0] + i * step[0], step[0], axis.step, q[2] + i * step[2], step[2], rows, m, share);
    }
  };
  // A chunk owns lines; where they are few and long it owns a share of their elements and reads the indices
  // of all. Both follow from the shape alone.
  constexpr int64_t kShares = 8;
  const int64_t shares = lines >= kShares || work <= kChunk ? 1 : minOf(kShares, axis.size);
  const int64_t perShare = ceilDiv(axis.size, shares);
  if (p.inner.total < 8) {
    const int64_t perChunk = maxOf(1, kChunk / maxOf(1, p.length * p.inner.total));
    const int64_t outerChunks = ceilDiv(p.outer.total, perChunk);
    parallelFor(s, outerChunks * shares, [&](int64_t c) {
      const Share share{c % shares * perShare, minOf((c % shares + 1) * perShare, axis.size)};
      const int64_t begin = c / shares * perChunk, end = minOf(begin + perChunk, p.outer.total);
      forEachRow(p.outer, begin, end, [&](char* const* q, const int64_t* step, int64_t n) {
        for (int64_t i = 0; i < n; i++) {
          forEachRow(p.inner, 0, p.inner.total, [&](char* const* r, const int64_t* innerStep, int64_t m) {
            for (int64_t k = 0; k < m; k++) {
              char* at[3];
              for (int j = 0; j < 3; j++)
                at[j] = q[j] + i * step[j] + (r[j] - p.inner.data[j]) + k * innerStep[j];
              block(at, p.step, p.length, share);
            }
          });
        }
      });
    });
    return;
  }
  // Rows of inner axes: the axis is walked outside of them, so that memory is touched in order.
  const int64_t width = maxOf(64, minOf(p.inner.total, kChunk / maxOf(1, p.length)));
  const int64_t innerChunks = ceilDiv(p.inner.total, width);
  parallelFor(s, p.outer.total * innerChunks, [&](int64_t c) {
    const int64_t begin = c % innerChunks * width, end = minOf(begin + width, p.inner.total);
    forEachRow(p.outer, c / innerChunks, c / innerChunks + 1, [&](char* const* q, const int64_t*, int64_t) {
      for (int64_t k = 0; k < p.length; k++) {
        forEachRow(p.inner, begin, end, [&](char* const* r, const int64_t* step, int64_t n) {
          char* at[3];
          for (int j = 0; j < 3; j++) at[j] = q[j] + (r[j] - p.inner.data[j]) + k * p.step[j];
          block(at, step, n, Share{0, axis.size});
        });
      }
    });
  });
}

/// src as a lane in the shape of index: a view, or a number standing still in `number`.
bool sourceLane(Stream& s, const View& out, const View& index, const Operand& src, char* number, Lane* lane) {
  static constexpr int64_t kStill[kMaxRank] = {};
  if (!src.isNumber) {
    *lane = laneOf(src.view);
    return require(s, src.view.dtype == out.dtype && sameShape(src.view, index),
                   "scatter: index and src must have one shape, src and out one dtype");
  }
  withAny(s, out.dtype, "scatter", [&]<class T>() {
    const T value = out.dtype == DType::boolean ? static_cast<T>(src.number != 0) : fromDouble<T>(src.number);
    __builtin_memcpy(number, &value, sizeof value);
  });
  *lane = {number, 0, kStill};
  return !failed(s);
}

}  // namespace

void gather(Stream& s, const Out& out, const In& x, const In& index, const int32_t& axis) {
  if (!fits(s, x, index, axis)) return;
  if (!require(s, sameShape(out, index) && out.dtype == x.dtype, "gather: out does not fit")) return;
  const Axis a = axisOf(x, axis);
  int64_t still[kMaxRank];
  stillAlong(still, x, axis);
  const int64_t item = itemBytes(x.dtype);
  const Lanes<3> l = lanesOf<3>(index.rank, index.shape,
                                {laneOf(out), laneOf(index), {static_cast<char*>(x.data), item, still}});
  parallelSweep(s, ceilDiv(l.total, kChunk), [&](int64_t c) {
    forEachRow(l, c * kChunk, minOf((c + 1) * kChunk, l.total),
               [&](char* const* p, const int64_t* step, int64_t n) {
                 int64_t rows[kIndexBlock];
                 for (int64_t i = 0; i < n; i += kIndexBlock) {
                   const int64_t m = minOf(kIndexBlock, n - i);
                   readIndices(rows, p[1] + i * step[1], step[1], index.dtype, m);
                   const int64_t bad = firstOutside(rows, m, a.size);
                   if (bad >= 0) return outside(s, "gather", rows[bad], axis, a.size);
                   char* to = p[0] + i * step[0];
                   const char* from = p[2] + i * step[2];
                   if (item == 4) pick<uint32_t>(to, step[0], from, step[2], a.step, rows, m);
                   else if (item == 8) pick<uint64_t>(to, step[0], from, step[2], a.step, rows, m);
                   else pick<uint8_t>(to, step[0], from, step[2], a.step, rows, m);
                 }
               });
  });
}

void scatter(Stream& s, const InOut& out, const In& index, const Operand& src, const int32_t& axis) {
  alignas(8) char number[8];
  Lane lane;
  if (!fits(s, out, index, axis) || !sourceLane(s, out, index, src, number, &lane)) return;
  const Axis a = axisOf(out, axis);
  if (!allInside(s, "scatter", index, axis, a.size)) return;
  const Plan p = planOf(out, index, lane, axis);
  const int64_t item = itemBytes(out.dtype);
  if (item == 4) scatterLines(s, p, index.dtype, a, put<uint32_t, Assign>);
  else if (item == 8) scatterLines(s, p, index.dtype, a, put<uint64_t, Assign>);
  else scatterLines(s, p, index.dtype, a, put<uint8_t, Assign>);
}

void scatterReduce(Stream& s, const InOut& out, const In& index, const Operand& src, const int32_t& axis,
                   const int32_t& rule) {
  alignas(8) char number[8];
  Lane lane;
  if (!fits(s, out, index, axis) || !sourceLane(s, out, index, src, number, &lane)) return;
  const Axis a = axisOf(out, axis);
  if (!allInside(s, rule == 0 ? "scatterAdd" : "scatterReduce", index, axis, a.size)) return;
  const Plan p = planOf(out, index, lane, axis);
  withNumber(s, out.dtype, "scatterReduce", [&]<class T>() {
    if (rule == 0) scatterLines(s, p, index.dtype, a, put<T, Add>);
    else if (rule == 1) scatterLines(s, p, index.dtype, a, put<T, Multiply>);
    else if (rule == 2) scatterLines(s, p, index.dtype, a, put<T, Larger>);
    else scatterLines(s, p, index.dtype, a, put<T, Smaller>);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
