// The gradients of a row norm's weight and bias: sums over rows of dy x̂ and of dy. Each block takes a strip
// of columns and a share of the rows; shares are as many as keep the card busy, not more, and a second kernel
// adds what they leave in a fixed order.
#include "../ops/rows/norm.h"

#include "norm.h"
#include "prototype.h"
#include "rows.cuh"

WG_CUDA_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;
/// Rows added one after the other before they join the rest: roundings do not pile up.
constexpr int kGroup = 32;

/// How rows and columns are cut. Functions of the shape.
struct Cut {
  int lanes, threads;  ///< threads over columns; of a block
  int64_t strips, share, shares;
};

template <class T>
inline constexpr int kColumns = kPackCount<T>;

Cut cutOf(int64_t rows, int64_t width, int64_t item) {
  constexpr int64_t kEnoughBlocks = 512, kLeast = 16;
  Cut c;
  c.lanes = powerOf2(wg::ceilDiv(width, 16 / item), kWarp);
  const int down = powerOf2(wg::ceilDiv(rows, 4), kThreads / c.lanes);
  c.threads = c.lanes * down < kWarp ? kWarp : c.lanes * down;
  c.strips = maxOf(1, wg::ceilDiv(width, c.lanes * (16 / item)));
  const int64_t least = kLeast * (c.threads / c.lanes);
  const int64_t wanted = maxOf(1, minOf(wg::ceilDiv(kEnoughBlocks, c.strips), rows / least));
  c.share = maxOf(1, wg::ceilDiv(rows, wanted));
  c.shares = maxOf(1, wg::ceilDiv(rows, c.share));
  return c;
}

template <class T>
struct Arguments {
  const T *x, *dy, *mean, *rstd;
  T *dWeight, *dBias;
  int64_t weightStep, biasStep;
  T* partials;  ///< [shares, 2, width], unless there is one share
};

template <class T>
struct Sums {
  T weight, bias;
};

template <class T>
WG_DEV void put(const Arguments<T>& a, int64_t i, const Sums<T>& sums) {
  a.dWeight[i * a.weightStep] = sums.weight;
  a.dBias[i * a.biasStep] = sums.bias;
}

template <class T>
WG_KERNEL(kThreads)
sumOverRows(Arguments<T> a, Rows<4> r, Cut cut) {
  constexpr int kCount = kColumns<T>;
  const int lanes = cut.lanes, down = cut.threads / lanes;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1), first = static_cast<int>(threadIdx.x) / lanes;
  const int64_t column = int64_t{blockIdx.x} * lanes * kCount + (r.packed ? lane * kCount : lane);
  const int spread = r.packed ? 1 : lanes;
  Sums<T> sums[kCount];
  WG_UNROLL
  for (int c = 0; c < kCount; c++) sums[c] = {T(0), T(0)};
  if (column < r.width) {
    // Columns beyond the last repeat it and are dropped at the end.
    const auto read = [&](const T* row, int64_t step) {
      if (r.packed) return load<Pack16<T>>(row + column);
      Pack16<T> values;
      WG_UNROLL
      for (int c = 0; c < kCount; c++)
        values[c] = row[(column + (column + c * spread < r.width ? c * spread : 0)) * step];
      return values;
    };
    const int64_t begin = blockIdx.y * cut.share;
    const int64_t end = begin + cut.share < r.rows ? begin + cut.share : r.rows;
    for (int64_t i = begin + first; i < end;) {
      Sums<T> group[kCount];
      WG_UNROLL
      for (int c = 0; c < kCount; c++) group[c] = {T(0), T(0)};
      for (int n = 0; n < kGroup && i < end; n++, i += down) {
        const auto at = r.starts(static_cast<uint64_t>(i));
        const auto x = read(a.x + at[0], r.step[0]), dy = read(a.dy + at[1], r.step[1]);
        const T mean = a.mean[at[2]], rstd = a.rstd[at[3]];
        WG_UNROLL
        for (int c = 0; c < kCount; c++) {
          group[c].weight += (x[c] - mean) * rstd * dy[c];
          group[c].bias += dy[c];
        }
      }
      WG_UNROLL
      for (int c = 0; c < kCount; c++) {
        sums[c].weight += group[c].weight;
        sums[c].bias += group[c].bias;
      }
    }
  }
  WG_SHARED(Sums<T>, all, [kColumns<T>][kThreads]);
  if (down > 1) {
    WG_UNROLL
    for (int c = 0; c < kCount; c++) all[c][threadIdx.x] = sums[c];
    for (int half = down / 2; half > 0; half /= 2) {
      syncBlock();
      if (first >= half) continue;
      WG_UNROLL
      for (int c = 0; c < kCount; c++) {
        const Sums<T>& other = all[c][threadIdx.x + static_cast<unsigned>(half * lanes)];
        sums[c].weight += other.weight;
        sums[c].bias += other.bias;
        all[c][threadIdx.x] = sums[c];
      }
    }
  }
  if (first > 0 || column >= r.width) return;
  WG_UNROLL
  for (int c = 0; c < kCount; c++) {
    const int64_t i = column + c * spread;
    if (i >= r.width) break;
    if (cut.shares == 1) {
      put(a, i, sums[c]);
    } else {
      a.partials[(int64_t{blockIdx.y} * 2) * r.width + i] = sums[c].weight;
      a.partials[(int64_t{blockIdx.y} * 2 + 1) * r.width + i] = sums[c].bias;
    }
  }
}

/// One warp's lanes take columns side by side, its block's warps the shares in turn.
template <class T>
WG_KERNEL(kThreads)
addShares(Arguments<T> a, int64_t width, int64_t shares) {
  const Team team(kThreads / kWarp, true);
  const int64_t i = team.row();
  Sums<T> sums{T(0), T(0)};
  for (int64_t k = team.rank; i < width && k < shares; k += team.size) {
    sums.weight += a.partials[k * 2 * width + i];
    sums.bias += a.partials[(k * 2 + 1) * width + i];
  }
  sums = team.reduce(sums, [](const Sums<T>& x, const Sums<T>& y) {
    return Sums<T>{x.weight + y.weight, x.bias + y.bias};
  });
  if (i < width && team.rank == 0) put(a, i, sums);
}

}  // namespace

size_t rowNormGradWeightWorkspace(const Out& dWeight, const Out&, const In& x, const In&, const In&,
                                  const In&) {
  if (x.rank < 1) return 0;
  const int64_t width = x.shape[x.rank - 1], rows = width == 0 ? 0 : numel(x) / width;
  const Cut cut = cutOf(rows, width, itemBytes(x.dtype));
  return cut.shares == 1 ? 0 : static_cast<size_t>(cut.shares * 2 * width * itemBytes(dWeight.dtype));
}

void rowNormGradWeight(Stream& s, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                       const In& rstd, const In& dy) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, dy) ||
      !sameRows(s, x, mean) || !sameRows(s, x, rstd) || !sameVector(s, x, dWeight) ||
      !sameVector(s, x, dBias))
    return;
  const Rows<4> r = rowsOf<4>({&x, &dy, &mean, &rstd}, 2);
  if (r.width == 0) return;
  const Cut cut = cutOf(r.rows, r.width, itemBytes(x.dtype));
  const size_t needed =
      cut.shares == 1 ? 0 : static_cast<size_t>(cut.shares * 2 * r.width * itemBytes(x.dtype));
  if (!require(s, s.scratchBytes >= needed, "rowNormGradWeight: too little scratch")) return;
  withFloat(s, x.dtype, "rowNormGradWeight", [&]<class T>() {
    const Arguments<T> a{static_cast<const T*>(x.data),
                         static_cast<const T*>(dy.data),
                         static_cast<const T*>(mean.data),
                         static_cast<const T*>(rstd.data),
                         static_cast<T*>(dWeight.data),
                         static_cast<T*>(dBias.data),
                         dWeight.stride[0],
                         dBias.stride[0],
                         static_cast<T*>(s.scratch)};
    launch(s, sumOverRows<T>, dim3(static_cast<unsigned>(cut.strips), static_cast<unsigned>(cut.shares)),
           dim3(static_cast<unsigned>(cut.threads)), 0, a, r, cut);
    if (cut.shares == 1 || failed(s)) return;
    launch(s, addShares<T>, dim3(static_cast<unsigned>(wg::ceilDiv(r.width, kRowsAcross))), dim3(kThreads), 0,
           a, r.width, cut.shares);
  });
}

size_t rowNormGradsWorkspace(const Out&, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                             const In& rstd, const MaybeIn&, const In& dy, const int32_t&) {
  return rowNormGradWeightWorkspace(dWeight, dBias, x, mean, rstd, dy);
}

// Two kernels: each row's own sums and the sums over rows want the threads placed differently.
void rowNormGrads(Stream& s, const Out& dx, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                  const In& rstd, const MaybeIn& weight, const In& dy, const int32_t& center) {
  rowNormGrad(s, dx, x, mean, rstd, weight, dy, center);
  if (!failed(s)) rowNormGradWeight(s, dWeight, dBias, x, mean, rstd, dy);
}

}  // namespace wg::cuda
