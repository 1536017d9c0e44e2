// Borders that repeat what lies inside: reflected, replicated or from the other side. The gradient adds what
// the border received to where it came from, a plane of the last three axes by one thread and in order.
#include "../ops/rows/pad.h"

#include "lanes.h"

WG_PROTOTYPES(WG_PAD_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr int kAxes = 3;

/// A view as [outer..., D, H, W]; axes it lacks have size 1.
struct Planes {
  int outerRank;
  int64_t size[kAxes], step[kAxes];  // bytes
};
Planes planesOf(const View& v) {
  Planes p;
  p.outerRank = v.rank > kAxes ? v.rank - kAxes : 0;
  for (int i = 0; i < kAxes; i++) {
    const int axis = v.rank - kAxes + i;
    p.size[i] = axis < 0 ? 1 : v.shape[axis];
    p.step[i] = axis < 0 ? 0 : v.stride[axis] * itemBytes(v.dtype);
  }
  return p;
}

/// Where padded index i comes from along an axis of n elements.
int64_t origin(int32_t mode, int64_t i, int64_t before, int64_t n) {
  int64_t j = i - before;
  if (mode == 1) return j < 0 ? 0 : j >= n ? n - 1 : j;
  if (mode == 2) return j < 0 ? j + n : j >= n ? j - n : j;
  j = j < 0 ? -j : j;
  return j >= n ? 2 * (n - 1) - j : j;
}

/// Whether the border stays within one repetition, which TypeScript has checked.
bool fits(Stream& s, const View& padded, const View& x, const PadParams& q, const int64_t* before) {
  bool fit = padded.rank == x.rank && padded.dtype == x.dtype && x.rank >= 1;
  for (int i = 0; fit && i < x.rank - kAxes; i++) fit = padded.shape[i] == x.shape[i];
  if (!require(s, fit, "pad: shapes or dtypes differ")) return false;
  const Planes a = planesOf(padded), b = planesOf(x);
  for (int i = 0; i < kAxes; i++) {
    const int64_t n = b.size[i], first = before[i], last = a.size[i] - n - first;
    const int64_t most = q.mode == 0 ? n - 1 : n;
    const bool any = first != 0 || last != 0;
    fit = fit && first >= 0 && last >= 0 &&
          (!any || (n > 0 && (q.mode == 1 || (first <= most && last <= most))));
  }
  return require(s, fit, "pad: a border is wider than what it repeats");
}

template <class T>
void padRow(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t width, int64_t n,
            int64_t before, int32_t mode) {
  constexpr int64_t item = static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < before; i++)
    __builtin_memcpy(to + i * toStep, from + origin(mode, i, before, n) * fromStep, sizeof(T));
  if (toStep == item && fromStep == item) {
    __builtin_memcpy(to + before * item, from, static_cast<size_t>(n * item));
  } else {
    for (int64_t i = 0; i < n; i++)
      __builtin_memcpy(to + (before + i) * toStep, from + i * fromStep, sizeof(T));
  }
  for (int64_t i = before + n; i < width; i++)
    __builtin_memcpy(to + i * toStep, from + origin(mode, i, before, n) * fromStep, sizeof(T));
}

template <class T>
void addRow(char* to, int64_t toStep, const char* from, int64_t fromStep, int64_t width, int64_t n,
            int64_t before, int32_t mode) {
  const auto add = [&](int64_t target, int64_t i) {
    T* t = reinterpret_cast<T*>(to + target * toStep);
    *t = static_cast<T>(*t + *reinterpret_cast<const T*>(from + i * fromStep));
  };
  for (int64_t i = 0; i < before; i++) add(origin(mode, i, before, n), i);
  if (toStep == static_cast<int64_t>(sizeof(T)) && fromStep == toStep) {
    T* t = reinterpret_cast<T*>(to);
    const T* f = reinterpret_cast<const T*>(from) + before;
    for (int64_t i = 0; i < n; i++) t[i] = static_cast<T>(t[i] + f[i]);
  } else {
    for (int64_t i = 0; i < n; i++) add(i, before + i);
  }
  for (int64_t i = before + n; i < width; i++) add(origin(mode, i, before, n), i);
}

}  // namespace

void pad(Stream& s, const Out& out, const In& x, const PadParams& q) {
  const int64_t before[kAxes] = {q.beforeD, q.beforeH, q.beforeW};
  if (!fits(s, out, x, q, before) || numel(out) == 0) return;
  const Planes o = planesOf(out), p = planesOf(x);
  const Lanes<2> outer = lanesOf<2>(p.outerRank, x.shape, {laneOf(out), laneOf(x)});
  const int64_t rows = o.size[0] * o.size[1], perChunk = maxOf(1, kChunk / o.size[2]),
                item = itemBytes(x.dtype);
  parallelSweep(s, ceilDiv(outer.total * rows, perChunk), [&](int64_t c) {
    for (int64_t r = c * perChunk, end = minOf(r + perChunk, outer.total * rows); r < end; r++) {
      const int64_t d = r % rows / o.size[1], h = r % o.size[1];
      forEachRow(outer, r / rows, r / rows + 1, [&](char* const* base, const int64_t*, int64_t) {
        char* to = base[0] + d * o.step[0] + h * o.step[1];
        const char* from = base[1] + origin(q.mode, d, before[0], p.size[0]) * p.step[0] +
                           origin(q.mode, h, before[1], p.size[1]) * p.step[1];
        const int64_t n = p.size[2], w = o.size[2];
        if (item == 4) padRow<uint32_t>(to, o.step[2], from, p.step[2], w, n, before[2], q.mode);
        else if (item == 8) padRow<uint64_t>(to, o.step[2], from, p.step[2], w, n, before[2], q.mode);
        else padRow<uint8_t>(to, o.step[2], from, p.step[2], w, n, before[2], q.mode);
      });
    }
  });
}

void padGrad(Stream& s, const Out& dx, const In& dy, const PadParams& q) {
  const int64_t before[kAxes] = {q.beforeD, q.beforeH, q.beforeW};
  if (!fits(s, dy, dx, q, before) || numel(dx) == 0) return;
  const Planes o = planesOf(dy), p = planesOf(dx);
  const Lanes<2> outer = lanesOf<2>(p.outerRank, dx.shape, {laneOf(dx), laneOf(dy)});
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, o.size[0] * o.size[1] * o.size[2]));
  withNumber(s, dx.dtype, "padGrad", [&]<class T>() {
    parallelFor(s, ceilDiv(outer.total, perChunk), [&](int64_t c) {
      for (int64_t plane = c * perChunk, end = minOf(plane + perChunk, outer.total); plane < end; plane++) {
        forEachRow(outer, plane, plane + 1, [&](char* const* base, const int64_t*, int64_t) {
          for (int64_t r = 0; r < p.size[0] * p.size[1]; r++) {
            char* row = base[0] + r / p.size[1] * p.step[0] + r % p.size[1] * p.step[1];
            for (int64_t i = 0; i < p.size[2]; i++) *reinterpret_cast<T*>(row + i * p.step[2]) = T(0);
          }
          for (int64_t r = 0; r < o.size[0] * o.size[1]; r++) {
            const int64_t d = r / o.size[1], h = r % o.size[1];
            addRow<T>(base[0] + origin(q.mode, d, before[0], p.size[0]) * p.step[0] +
                          origin(q.mode, h, before[1], p.size[1]) * p.step[1],
                      p.step[2], base[1] + d * o.step[0] + h * o.step[1], o.step[2], o.size[2], p.size[2],
                      before[2], q.mode);
          }
        });
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
