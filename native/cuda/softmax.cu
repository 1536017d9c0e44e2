// softmax, logSoftmax and logsumexp over the last axis, with gradients. Rows that fit are read once and stay
// in registers; others are read twice.
#include "../ops/rows/softmax.h"

#include "exponents.cuh"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_SOFTMAX_ROWS)

namespace wg::cuda {
namespace {

enum class Kind { plain, logarithm };

struct Plus {
  template <class T>
  WG_DEV T operator()(T a, T b) const {
    return a + b;
  }
};

template <class T, int kPack>
WG_KERNEL(kMostResidentThreads)
softmaxResident(const T* x, T* out, Rows<2> r, int lanes, Kind kind) {
  const Team team(lanes, false);
  const int64_t row = team.row();
  const int width = row < r.rows ? static_cast<int>(r.width) : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  Resident<T, kPack> v;
  v.load(x + at[0], team, width);
  T top = -Format<T>::kInf, sum = T(0);
  v.each(team, width, [&](T& e) { top = largest(top, e); });
  top = team.reduce(top, [](T a, T b) { return largest(a, b); });
  v.each(team, width, [&](T& e) {
    const T power = math::exp(e - top);
    sum += power;
    e = kind == Kind::plain ? power : e - top;
  });
  sum = team.reduce(sum, Plus{});
  if (kind == Kind::plain) {
    const T scale = T(1) / sum;
    v.each(team, width, [&](T& e) { e *= scale; });
  } else {
    const T logSum = math::log(sum);
    v.each(team, width, [&](T& e) { e -= logSum; });
  }
  v.store(out + at[1], team, width);
}

template <class T>
WG_KERNEL(512)
softmaxStreamed(const T* x, T* out, Rows<2> r, TeamShape shape, Kind kind) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row(), width = row < r.rows ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  const Exponents<T> e = exponentsOf(x + at[0], r.step[0], width, r.packed, team);
  const T top = e.top, scale = T(1) / e.sum, logSum = math::log(e.sum);
  eachRun(x + at[0], r.step[0], width, r.packed, team, [&](auto values, int64_t i) {
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) {
      const T d = values[k] - top;
      values[k] = kind == Kind::plain ? math::exp(d) * scale : d - logSum;
    }
    putRun(out + at[1], r.step[1], i, values);
  });
}

template <class T>
WG_KERNEL(512)
logsumexpRows(const T* x, T* out, Rows<2> r, TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row(), width = row < r.rows ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  const Exponents<T> e = exponentsOf(x + at[0], r.step[0], width, r.packed, team);
  // An infinite maximum (all minus infinity, or any infinity) and NaN are the result themselves.
  if (row < r.rows && team.rank == 0) out[at[1]] = e.top - e.top != T(0) ? e.top : e.top + math::log(e.sum);
}

// dx = y (dy - Σ y dy), or for the logarithm dx = dy - exp(y) Σ dy.
template <class T>
WG_DEV T slope(Kind kind, T y, T dy, T dot) {
  return kind == Kind::plain ? y * (dy - dot) : dy - math::exp(y) * dot;
}

template <class T, int kPack>
WG_KERNEL(kMostResidentThreads)
softmaxGradResident(const T* y, const T* dy, T* dx, Rows<3> r, int lanes, Kind kind) {
  const Team team(lanes, false);
  const int64_t row = team.row();
  const int width = row < r.rows ? static_cast<int>(r.width) : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  Resident<T, kPack> a, b;
  a.load(y + at[0], team, width);
  b.load(dy + at[1], team, width);
  T dot = T(0);
  b.with(a, team, width, [&](T& d, T v) { dot += kind == Kind::plain ? v * d : d; });
  dot = team.reduce(dot, Plus{});
  b.with(a, team, width, [&](T& d, T v) { d = slope(kind, v, d, dot); });
  b.store(dx + at[2], team, width);
}

template <class T>
WG_KERNEL(512)
softmaxGradStreamed(const T* y, const T* dy, T* dx, Rows<3> r, TeamShape shape, Kind kind) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row(), width = row < r.rows ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  T dot = T(0);
  eachRun(y + at[0], r.step[0], width, r.packed, team, [&](const auto& values, int64_t i) {
    auto slopes = values;
    getRun(dy + at[1], r.step[1], i, slopes);
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) dot += kind == Kind::plain ? values[k] * slopes[k] : slopes[k];
  });
  dot = team.reduce(dot, Plus{});
  eachRun(y + at[0], r.step[0], width, r.packed, team, [&](const auto& values, int64_t i) {
    auto slopes = values;
    getRun(dy + at[1], r.step[1], i, slopes);
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) slopes[k] = slope(kind, values[k], slopes[k], dot);
    putRun(dx + at[2], r.step[2], i, slopes);
  });
}

void forward(Stream& s, const char* name, const View& out, const View& x, Kind kind) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "softmax: output and input differ") ||
      numel(out) == 0)
    return;
  const Rows<2> r = rowsOf<2>({&x, &out});
  withFloat(s, x.dtype, name, [&]<class T>() {
    const T* from = static_cast<const T*>(x.data);
    T* to = static_cast<T*>(out.data);
    if (!fitsRegisters<T>(r)) {
      const TeamShape team = streamedTeam<T>(r);
      launch(s, softmaxStreamed<T>, gridOf(r.rows, team), blockOf(team), 0, from, to, r, team, kind);
      return;
    }
    const TeamShape team = residentTeam<T>(r, r.packed ? kPackCount<T> : 1);
    launch(s, r.packed ? softmaxResident<T, kPackCount<T>> : softmaxResident<T, 1>, gridOf(r.rows, team),
           blockOf(team), 0, from, to, r, team.lanes, kind);
  });
}

void backward(Stream& s, const char* name, const View& dx, const View& y, const View& dy, Kind kind) {
  const bool sound = sameShape(dx, y) && sameShape(dx, dy) && dx.dtype == y.dtype && dx.dtype == dy.dtype;
  if (!require(s, sound, "softmax gradient: operands differ") || numel(dx) == 0) return;
  const Rows<3> r = rowsOf<3>({&y, &dy, &dx});
  withFloat(s, dx.dtype, name, [&]<class T>() {
    const T *values = static_cast<const T*>(y.data), *slopes = static_cast<const T*>(dy.data);
    T* to = static_cast<T*>(dx.data);
    if (!fitsRegisters<T>(r)) {
      const TeamShape team = streamedTeam<T>(r);
      launch(s, softmaxGradStreamed<T>, gridOf(r.rows, team), blockOf(team), 0, values, slopes, to, r, team,
             kind);
      return;
    }
    const TeamShape team = residentTeam<T>(r, r.packed ? kPackCount<T> : 1);
    launch(s, r.packed ? softmaxGradResident<T, kPackCount<T>> : softmaxGradResident<T, 1>,
           gridOf(r.rows, team), blockOf(team), 0, values, slopes, to, r, team.lanes, kind);
  });
}

}  // namespace

void softmax(Stream& s, const Out& out, const In& x) { forward(s, "softmax", out, x, Kind::plain); }
void logSoftmax(Stream& s, const Out& out, const In& x) { forward(s, "logSoftmax", out, x, Kind::logarithm); }
void softmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward(s, "softmaxGrad", dx, out, dy, Kind::plain);
}
void logSoftmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward(s, "logSoftmaxGrad", dx, out, dy, Kind::logarithm);
}

void logsumexp(Stream& s, const Out& out, const In& x) {
  const int last = x.rank - 1;
  if (!require(s,
               last >= 0 && out.rank == x.rank && out.dtype == x.dtype && out.shape[last] == 1 &&
                   x.shape[last] > 0,
               "logsumexp: the output must be the input's shape with a last axis of size 1"))
    return;
  for (int i = 0; i < last; i++)
    if (!require(s, out.shape[i] == x.shape[i], "logsumexp: output and input differ")) return;
  View column = out;
  column.rank = last;
  const Rows<2> r = rowsOf<2>({&x, &column}, 1);
  if (r.rows == 0) return;
  withFloat(s, x.dtype, "logsumexp", [&]<class T>() {
    const TeamShape team = streamedTeam<T>(r);
    launch(s, logsumexpRows<T>, gridOf(r.rows, team), blockOf(team), 0, static_cast<const T*>(x.data),
           static_cast<T*>(out.data), r, team);
  });
}

}  // namespace wg::cuda
