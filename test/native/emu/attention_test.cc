// The kernels of attention under every schedule, against plain loops: warps that share tiles must wait for
// each other, and for their copies.
#include "../../../native/cuda/attention/forward.cuh"
#include "../../../native/cuda/attention/grad_key.cuh"
#include "../../../native/cuda/attention/grad_query.cuh"
#include "harness.h"

namespace wg::cuda {

using namespace harness;
using namespace flash;

namespace {

constexpr int kHeads = 2, kQueries = 70, kKeys = 101, kDepth = 72, kWidth = 68, kLeft = 60, kRight = 8;
constexpr double kScale = 0.3;

double wave(size_t i) { return static_cast<double>((i * 7919) % 257) / 128 - 1; }
bool sees(int query, int key) { return key >= query - kLeft && key <= query + kRight; }

/// What an operand of S holds of a number, and back.
template <class S>
S stored(double x) {
  if constexpr (sizeof(S) == 2)
    return {static_cast<uint16_t>(gemm::Core<S>::narrow(static_cast<float>(x), 0.0f))};
  else return static_cast<S>(x);
}

/// Two heads that share their keys.
template <class T, class S>
struct Sample {
  Buffer<S> q{kHeads * kQueries * kDepth}, k{kKeys * kDepth}, v{kKeys * kWidth},
      dout{kHeads * kQueries * kWidth}, out{kHeads * kQueries * kWidth}, dq{kHeads * kQueries * kDepth},
      dk{kKeys * kDepth}, dv{kKeys * kWidth};
  Buffer<T> lse{kHeads * kQueries}, delta{kHeads * kQueries};
  std::vector<double> wantOut, wantLse, wantDq, wantDk, wantDv;

  Sample()
      : wantOut(out.size()), wantLse(lse.size()), wantDq(dq.size()), wantDk(dk.size()), wantDv(dv.size()) {
    size_t n = 0;
    for (Buffer<S>* b : {&q, &k, &v, &dout})
      for (S& x : *b) x = stored<S>(wave(n++));
    for (int h = 0; h < kHeads; h++)
      for (int i = 0; i < kQueries; i++) row(h, i);
  }

  static double number(S x) { return static_cast<double>(widen(x)); }
  static double dot(const S* a, const S* b, int n) {
    double sum = 0;
    for (int x = 0; x < n; x++) sum += number(a[x]) * number(b[x]);
    return sum;
  }

  void row(int h, int i) {
    const size_t r = static_cast<size_t>(h * kQueries + i);
    double weight[kKeys] = {}, slope[kKeys] = {}, sum = 0, shift = 0;
    for (int j = 0; j < kKeys; j++) {
      if (sees(i, j))
        weight[j] = std::exp(kScale * dot(q.data() + r * kDepth, k.data() + j * kDepth, kDepth));
      sum += weight[j];
    }
    wantLse[r] = std::log(sum);
    for (int j = 0; j < kKeys; j++) {
      weight[j] /= sum;
      slope[j] = dot(dout.data() + r * kWidth, v.data() + j * kWidth, kWidth);
      shift += weight[j] * slope[j];
    }
    delta[r] = static_cast<T>(shift);
    for (int j = 0; j < kKeys; j++) {
      const double w = weight[j], ds = w * (slope[j] - shift) * kScale;
      for (int x = 0; x < kWidth; x++) {
        const size_t own = r * kWidth + static_cast<size_t>(x), other = static_cast<size_t>(j * kWidth + x);
        wantOut[own] += w * number(v[other]);
        wantDv[other] += w * number(dout[own]);
      }
      for (int x = 0; x < kDepth; x++) {
        const size_t own = r * kDepth + static_cast<size_t>(x), other = static_cast<size_t>(j * kDepth + x);
        wantDq[own] += ds * number(k[other]);
        wantDk[other] += ds * number(q[own]);
      }
    }
  }
};

template <class S>
Matrices<S> matrices(std::remove_const_t<S>* data, int rows, int columns) {
  return {data, 0, int64_t{rows} * columns, columns, 1, columns % kPackCount<std::remove_const_t<S>> == 0,
          false};
}
template <class T, class S>
Scores<T, S> scores() {
  Scores<T, S> s{};
  s.scale = T(kScale);
  s.queries = kQueries;
  s.keys = kKeys;
  s.heads = kHeads;
  s.left = kLeft;
  s.right = kRight;
  return s;
}

/// Factors of 16 bits are rounded between the products, and results too.
template <class S>
constexpr double kTolerance = sizeof(S) == 2   ? 0.06
                              : sizeof(S) == 4 ? 3e-5
                                               : 1e-13;

template <class S, class B>
void checkClose(const char* schedule, const char* what, Buffer<B>& got, const std::vector<double>& wanted) {
  for (size_t i = 0; i < got.size(); i++) {
    const double value = static_cast<double>(widen(got[i]));
    if (std::fabs(value - wanted[i]) < kTolerance<S>) continue;
    harness::failed(__FILE__, __LINE__,
                    std::string(schedule) + ": " + what + "[" + text(i) + "] is " + text(value) + ", not " +
                        text(wanted[i]));
    return;
  }
}

template <class Tile>
Blocks blocksOf(int rows, int columns, int heads) {
  return {ceilDiv(rows, Tile::kKept), Tile::kChunked ? ceilDiv(columns, Tile::kWidth) : 1, true, heads, 0};
}
template <class Tile>
Shape shapeOf(const Blocks& blocks, int kept) {
  const int size = kept * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize;
  return {dim3(static_cast<unsigned>(blocks.perHead * blocks.chunks * blocks.heads)), dim3(Tile::kThreads),
          static_cast<size_t>(size) * sizeof(typename Tile::Item)};
}

template <class Tile>
void check() {
  using T = typename Tile::T;
  using S = typename Tile::S;
  Sample<T, S> sample;
  const auto keys = [](auto matrices) {  // both heads have the same
    matrices.head = 0;
    return matrices;
  };
  const Forward<T, S> forward{matrices<const S>(sample.q.data(), kQueries, kDepth),
                              keys(matrices<const S>(sample.k.data(), kKeys, kDepth)),
                              keys(matrices<const S>(sample.v.data(), kKeys, kWidth)),
                              matrices<S>(sample.out.data(), kQueries, kWidth),
                              sample.lse.data(),
                              {0, kQueries, 1},
                              scores<T, S>(),
                              kDepth,
                              kWidth,
                              kHeads};
  const Backward<T, S> backward{forward.q,
                                forward.k,
                                forward.v,
                                matrices<const S>(sample.dout.data(), kQueries, kWidth),
                                matrices<S>(sample.dq.data(), kQueries, kDepth),
                                matrices<S>(sample.dk.data(), kKeys, kDepth),
                                matrices<S>(sample.dv.data(), kKeys, kWidth),
                                sample.lse.data(),
                                {0, kQueries, 1},
                                sample.delta.data(),
                                scores<T, S>(),
                                kDepth,
                                kWidth,
                                kHeads};
  const Blocks byQueries = blocksOf<Tile>(kQueries, kWidth, kHeads),
               byKeys = blocksOf<Tile>(kKeys, kDepth, 1);
  underEverySchedule([&](const char* schedule) {
    CHECK_EQUAL(run(shapeOf<Tile>(byQueries, 1), forwardRows<Tile>, forward, byQueries), "");
    CHECK_EQUAL(run(shapeOf<Tile>(byQueries, 2), gradQuery<Tile>, backward, byQueries), "");
    CHECK_EQUAL(run(shapeOf<Tile>(byKeys, 2), gradKey<Tile>, backward, byKeys), "");
    checkClose<S>(schedule, "out", sample.out, sample.wantOut);
    checkClose<S>(schedule, "lse", sample.lse, sample.wantLse);
    checkClose<S>(schedule, "dq", sample.dq, sample.wantDq);
    checkClose<S>(schedule, "dk", sample.dk, sample.wantDk);
    checkClose<S>(schedule, "dv", sample.dv, sample.wantDv);
  });
}

TEST(attention_in_tiles_of_floats) { check<FmaTile<float, 4, 96, 2, false>>(); }
TEST(attention_whose_columns_come_in_parts) { check<FmaTile<double, 2, 32, 2, true>>(); }
TEST(attention_on_tensor_cores) {
  check<CoreTile<Bf16, 1, 32, 128, 2, false>>();
  check<CoreTile<F16, 1, 32, 64, 2, true>>();
}

}  // namespace
}  // namespace wg::cuda
