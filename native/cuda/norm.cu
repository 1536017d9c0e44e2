// Layer and root-mean-square normalisation along the last axis, with the gradient of x. Rows that fit stay in
// registers from one read to the one write.
#include "../ops/rows/norm.h"

#include "norm.h"
#include "prototype.h"
#include "rows.cuh"

WG_CUDA_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cuda {
namespace {

/// Weight or bias of a row's elements: null when absent.
template <class T>
struct Vector {
  const T* data;
  int64_t step;
  bool packed;

  WG_DEV T operator[](int64_t i) const { return data[i * step]; }
};
template <class T>
Vector<T> vectorOf(const View& v) {
  if (v.data == nullptr) return {nullptr, 0, false};
  return {static_cast<const T*>(v.data), v.stride[0], v.stride[0] == 1 && aligned16(v.data)};
}
/// n elements from place i on; `otherwise` when absent.
template <class T, int n>
WG_DEV Pack<T, n> part(const Vector<T>& v, int64_t i, T otherwise) {
  Pack<T, n> values;
  if (v.data && v.packed && n > 1) return loadReadOnly<Pack<T, n>>(v.data + i);
  WG_UNROLL
  for (int k = 0; k < n; k++) values[k] = v.data ? v[i + k] : otherwise;
  return values;
}

/// A sum that every thread of a team comes to know.
template <class T>
WG_DEV T total(const Team& team, T value) {
  return team.reduce(value, [](T a, T b) { return a + b; });
}
template <class T>
struct Two {
  T first, second;
};
template <class T>
WG_DEV Two<T> total(const Team& team, Two<T> value) {
  return team.reduce(value, [](const Two<T>& a, const Two<T>& b) {
    return Two<T>{a.first + b.first, a.second + b.second};
  });
}

template <class T>
WG_DEV T rstdOf(T squares, T count, T eps) {
  return T(1) / sqrt(squares / count + eps);
}

template <class T>
struct NormArguments {
  const T* x;
  T *out, *mean, *rstd;
  Vector<T> weight, bias;
  T eps;
  bool center;
};

template <class T, int kPack>
WG_KERNEL(kMostResidentThreads)
normResident(NormArguments<T> a, Rows<4> r, int lanes) {
  const Team team(lanes, false);
  const int64_t row = team.row();
  const bool mine = row < r.rows;
  const int width = mine ? static_cast<int>(r.width) : 0;
  const auto at = r.starts(static_cast<uint64_t>(mine ? row : 0));
  const T count = static_cast<T>(r.width);
  Resident<T, kPack> v;
  v.load(a.x + at[0], team, width);
  T mean = T(0);
  if (a.center) {
    v.each(team, width, [&](T& e) { mean += e; });
    mean = total(team, mean) / count;
  }
  T squares = T(0);
  v.each(team, width, [&](T& e) {
    e -= mean;
    squares += e * e;
  });
  const T rstd = rstdOf(total(team, squares), count, a.eps);
  WG_UNROLL
  for (int p = 0; p < v.kPacks; p++) {
    const int i = v.at(team, p);
    if (i >= width) continue;
    const auto weight = part<T, kPack>(a.weight, i, T(1)), bias = part<T, kPack>(a.bias, i, T(0));
    WG_UNROLL
    for (int k = 0; k < kPack; k++) v.pack[p][k] = v.pack[p][k] * rstd * weight[k] + bias[k];
  }
  v.store(a.out + at[1], team, width);
  if (mine && team.rank == 0) {
    a.mean[at[2]] = mean;
    a.rstd[at[3]] = rstd;
  }
}

template <class T>
WG_KERNEL(512, 1)
normStreamed(NormArguments<T> a, Rows<4> r, TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row();
  const bool mine = row < r.rows;
  const int64_t width = mine ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(mine ? row : 0));
  const T* x = a.x + at[0];
  const T count = static_cast<T>(r.width);
  T mean = T(0), squares = T(0);
  if (a.center) {
    eachRun(x, r.step[0], width, r.packed, team, [&](const auto& values, int64_t) {
      WG_UNROLL
      for (int k = 0; k < values.kCount; k++) mean += values[k];
    });
    mean = total(team, mean) / count;
  }
  eachRun(x, r.step[0], width, r.packed, team, [&](const auto& values, int64_t) {
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) squares += (values[k] - mean) * (values[k] - mean);
  });
  const T rstd = rstdOf(total(team, squares), count, a.eps);
  eachRun(x, r.step[0], width, r.packed, team, [&](auto values, int64_t i) {
    constexpr int kCount = decltype(values)::kCount;
    const auto weight = part<T, kCount>(a.weight, i, T(1)), bias = part<T, kCount>(a.bias, i, T(0));
    WG_UNROLL
    for (int k = 0; k < kCount; k++) values[k] = (values[k] - mean) * rstd * weight[k] + bias[k];
    putRun(a.out + at[1], r.step[1], i, values);
  });
  if (mine && team.rank == 0) {
    a.mean[at[2]] = mean;
    a.rstd[at[3]] = rstd;
  }
}

// With x̂ = (x - mean) rstd and g = dy weight: dx = rstd (g - Σ g / n - x̂ Σ x̂ g / n).

template <class T>
struct GradArguments {
  const T *x, *dy, *mean, *rstd;
  T* dx;
  Vector<T> weight;
  bool center;
};

template <class T, int kPack>
WG_KERNEL(kMostResidentThreads)
normGradResident(GradArguments<T> a, Rows<5> r, int lanes) {
  const Team team(lanes, false);
  const int64_t row = team.row();
  const bool mine = row < r.rows;
  const int width = mine ? static_cast<int>(r.width) : 0;
  const auto at = r.starts(static_cast<uint64_t>(mine ? row : 0));
  Resident<T, kPack> x, g;
  x.load(a.x + at[0], team, width);
  g.load(a.dy + at[1], team, width);
  const T mean = mine ? a.mean[at[3]] : T(0), rstd = mine ? a.rstd[at[4]] : T(0);
  Two<T> sums{T(0), T(0)};
  WG_UNROLL
  for (int p = 0; p < x.kPacks; p++) {
    const int i = x.at(team, p);
    if (i >= width) continue;
    const auto weight = part<T, kPack>(a.weight, i, T(1));
    WG_UNROLL
    for (int k = 0; k < kPack; k++) {
      x.pack[p][k] = (x.pack[p][k] - mean) * rstd;
      g.pack[p][k] *= weight[k];
      sums.first += g.pack[p][k];
      sums.second += x.pack[p][k] * g.pack[p][k];
    }
  }
  sums = total(team, sums);
  const T even = a.center ? sums.first / static_cast<T>(r.width) : T(0);
  const T slope = sums.second / static_cast<T>(r.width);
  g.with(x, team, width, [&](T& e, T v) { e = rstd * (e - even - v * slope); });
  g.store(a.dx + at[2], team, width);
}

template <class T>
WG_KERNEL(512, 1)
normGradStreamed(GradArguments<T> a, Rows<5> r, TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row();
  const bool mine = row < r.rows;
  const int64_t width = mine ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(mine ? row : 0));
  const T mean = mine ? a.mean[at[3]] : T(0), rstd = mine ? a.rstd[at[4]] : T(0);
  // f(place, x̂, g): both passes read the same.
  const auto pass = [&](auto f) {
    eachRun(a.x + at[0], r.step[0], width, r.packed, team, [&](auto values, int64_t i) {
      constexpr int kCount = decltype(values)::kCount;
      auto g = values;
      getRun(a.dy + at[1], r.step[1], i, g);
      const auto weight = part<T, kCount>(a.weight, i, T(1));
      WG_UNROLL
      for (int k = 0; k < kCount; k++) {
        values[k] = (values[k] - mean) * rstd;
        g[k] *= weight[k];
      }
      f(i, values, g);
    });
  };
  Two<T> sums{T(0), T(0)};
  pass([&](int64_t, const auto& x, const auto& g) {
    WG_UNROLL
    for (int k = 0; k < g.kCount; k++) {
      sums.first += g[k];
      sums.second += x[k] * g[k];
    }
  });
  sums = total(team, sums);
  const T even = a.center ? sums.first / static_cast<T>(r.width) : T(0);
  const T slope = sums.second / static_cast<T>(r.width);
  pass([&](int64_t i, const auto& x, auto g) {
    WG_UNROLL
    for (int k = 0; k < g.kCount; k++) g[k] = rstd * (g[k] - even - x[k] * slope);
    putRun(a.dx + at[2], r.step[2], i, g);
  });
}

}  // namespace

void rowNorm(Stream& s, const Out& out, const Out& mean, const Out& rstd, const In& x, const MaybeIn& weight,
             const MaybeIn& bias, const double& eps, const int32_t& center) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, out) ||
      !sameRows(s, x, mean) || !sameRows(s, x, rstd) || (weight.data && !sameVector(s, x, weight)) ||
      (bias.data && !sameVector(s, x, bias)))
    return;
  const Rows<4> r = rowsOf<4>({&x, &out, &mean, &rstd}, 2);
  if (r.rows == 0) return;
  withFloat(s, x.dtype, "rowNorm", [&]<class T>() {
    const NormArguments<T> a{static_cast<const T*>(x.data), static_cast<T*>(out.data),
                             static_cast<T*>(mean.data),    static_cast<T*>(rstd.data),
                             vectorOf<T>(weight),           vectorOf<T>(bias),
                             static_cast<T>(eps),           center != 0};
    if (!fitsRegisters<T>(r)) {
      const TeamShape team = streamedTeam<T>(r);
      launch(s, normStreamed<T>, gridOf(r.rows, team), blockOf(team), 0, a, r, team);
      return;
    }
    const TeamShape team = residentTeam<T>(r, r.packed ? kPackCount<T> : 1);
    launch(s, r.packed ? normResident<T, kPackCount<T>> : normResident<T, 1>, gridOf(r.rows, team),
           blockOf(team), 0, a, r, team.lanes);
  });
}

void rowNormGrad(Stream& s, const Out& dx, const In& x, const In& mean, const In& rstd, const MaybeIn& weight,
                 const In& dy, const int32_t& center) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, dx) ||
      !sameTensor(s, x, dy) || !sameRows(s, x, mean) || !sameRows(s, x, rstd) ||
      (weight.data && !sameVector(s, x, weight)))
    return;
  const Rows<5> r = rowsOf<5>({&x, &dy, &dx, &mean, &rstd}, 3);
  if (r.rows == 0 || r.width == 0) return;
  withFloat(s, x.dtype, "rowNormGrad", [&]<class T>() {
    const GradArguments<T> a{static_cast<const T*>(x.data),
                             static_cast<const T*>(dy.data),
                             static_cast<const T*>(mean.data),
                             static_cast<const T*>(rstd.data),
                             static_cast<T*>(dx.data),
                             vectorOf<T>(weight),
                             center != 0};
    if (!fitsRegisters<T>(r)) {
      const TeamShape team = streamedTeam<T>(r);
      launch(s, normGradStreamed<T>, gridOf(r.rows, team), blockOf(team), 0, a, r, team);
      return;
    }
    const TeamShape team = residentTeam<T>(r, r.packed ? kPackCount<T> : 1);
    launch(s, r.packed ? normGradResident<T, kPackCount<T>> : normGradResident<T, 1>, gridOf(r.rows, team),
           blockOf(team), 0, a, r, team.lanes);
  });
}

}  // namespace wg::cuda
