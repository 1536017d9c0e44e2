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

constexpr int kHeads = 2, kQueries = 70, kKeys = 101, kDepth = 40, kWidth = 36, kLeft = 60, kRight = 8;
constexpr double kScale = 0.3;

double wave(size_t i) { return static_cast<double>((i * 7919) % 257) / 128 - 1; }
bool sees(int query, int key) { return key >= query - kLeft && key <= query + kRight; }

/// Two heads that share their keys.
template <class T>
struct Sample {
  Buffer<T> q{kHeads * kQueries * kDepth}, k{kKeys * kDepth}, v{kKeys * kWidth},
      dout{kHeads * kQueries * kWidth}, out{kHeads * kQueries * kWidth}, lse{kHeads * kQueries},
      delta{kHeads * kQueries}, dq{kHeads * kQueries * kDepth}, dk{kKeys * kDepth}, dv{kKeys * kWidth};
  std::vector<double> wantOut, wantLse, wantDq, wantDk, wantDv;

  Sample()
      : wantOut(out.size()), wantLse(lse.size()), wantDq(dq.size()), wantDk(dk.size()), wantDv(dv.size()) {
    size_t n = 0;
    for (Buffer<T>* b : {&q, &k, &v, &dout})
      for (T& x : *b) x = static_cast<T>(wave(n++));
    for (int h = 0; h < kHeads; h++)
      for (int i = 0; i < kQueries; i++) row(h, i);
  }

  void row(int h, int i) {
    const size_t r = static_cast<size_t>(h * kQueries + i);
    const auto dot = [](const T* a, const T* b, int n) {
      double sum = 0;
      for (int x = 0; x < n; x++) sum += static_cast<double>(a[x]) * static_cast<double>(b[x]);
      return sum;
    };
    std::vector<double> weight(kKeys), slope(kKeys);
    double sum = 0, shift = 0;
    for (int j = 0; j < kKeys; j++) {
      if (!sees(i, j)) continue;
      weight[static_cast<size_t>(j)] =
          std::exp(kScale * dot(q.data() + r * kDepth, k.data() + j * kDepth, kDepth));
      sum += weight[static_cast<size_t>(j)];
    }
    wantLse[r] = std::log(sum);
    for (int j = 0; j < kKeys; j++) {
      weight[static_cast<size_t>(j)] /= sum;
      slope[static_cast<size_t>(j)] = dot(dout.data() + r * kWidth, v.data() + j * kWidth, kWidth);
      shift += weight[static_cast<size_t>(j)] * slope[static_cast<size_t>(j)];
    }
    delta[r] = static_cast<T>(shift);
    for (int j = 0; j < kKeys; j++) {
      const double w = weight[static_cast<size_t>(j)];
      const double ds = w * (slope[static_cast<size_t>(j)] - shift) * kScale;
      for (int x = 0; x < kWidth; x++) {
        const size_t own = r * kWidth + static_cast<size_t>(x), other = static_cast<size_t>(j * kWidth + x);
        wantOut[own] += w * static_cast<double>(v[other]);
        wantDv[other] += w * static_cast<double>(dout[own]);
      }
      for (int x = 0; x < kDepth; x++) {
        const size_t own = r * kDepth + static_cast<size_t>(x), other = static_cast<size_t>(j * kDepth + x);
        wantDq[own] += ds * static_cast<double>(k[other]);
        wantDk[other] += ds * static_cast<double>(q[own]);
      }
    }
  }
};

template <class T>
Matrices<T> matrices(std::remove_const_t<T>* data, int rows, int columns) {
  return {data, 0, int64_t{rows} * columns, columns, 1, true, false};
}
template <class T>
Scores<T> scores() {
  Scores<T> s{};
  s.scale = T(kScale);
  s.queries = kQueries;
  s.keys = kKeys;
  s.heads = kHeads;
  s.left = kLeft;
  s.right = kRight;
  return s;
}

template <class T>
void checkClose(const char* schedule, const char* what, Buffer<T>& got, const std::vector<double>& wanted) {
  for (size_t i = 0; i < got.size(); i++) {
    if (std::fabs(static_cast<double>(got[i]) - wanted[i]) < (sizeof(T) == 4 ? 3e-5 : 1e-13)) continue;
    harness::failed(__FILE__, __LINE__,
                    std::string(schedule) + ": " + what + "[" + text(i) + "] is " + text(got[i]) + ", not " +
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
  using T = typename Tile::T;
  const int size = kept * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize;
  return {dim3(static_cast<unsigned>(blocks.perHead * blocks.chunks * blocks.heads)), dim3(Tile::kThreads),
          static_cast<size_t>(size) * sizeof(T)};
}

template <class Tile>
void checkForward(Sample<typename Tile::T>& sample) {
  using T = typename Tile::T;
  const Forward<T> p{matrices<const T>(sample.q.data(), kQueries, kDepth),
                     {sample.k.data(), 0, 0, kDepth, 1, true, false},
                     {sample.v.data(), 0, 0, kWidth, 1, true, false},
                     matrices<T>(sample.out.data(), kQueries, kWidth),
                     sample.lse.data(),
                     {0, kQueries, 1},
                     scores<T>(),
                     kDepth,
                     kWidth,
                     kHeads};
  const Blocks blocks = blocksOf<Tile>(kQueries, kWidth, kHeads);
  underEverySchedule([&](const char* schedule) {
    CHECK_EQUAL(run(shapeOf<Tile>(blocks, 1), forwardRows<Tile>, p, blocks), "");
    checkClose(schedule, "out", sample.out, sample.wantOut);
    checkClose(schedule, "lse", sample.lse, sample.wantLse);
  });
}

template <class Tile>
void checkBackward(Sample<typename Tile::T>& sample) {
  using T = typename Tile::T;
  for (size_t i = 0; i < sample.lse.size(); i++) sample.lse[i] = static_cast<T>(sample.wantLse[i]);
  const Backward<T> p{matrices<const T>(sample.q.data(), kQueries, kDepth),
                      {sample.k.data(), 0, 0, kDepth, 1, true, false},
                      {sample.v.data(), 0, 0, kWidth, 1, true, false},
                      matrices<const T>(sample.dout.data(), kQueries, kWidth),
                      matrices<T>(sample.dq.data(), kQueries, kDepth),
                      matrices<T>(sample.dk.data(), kKeys, kDepth),
                      matrices<T>(sample.dv.data(), kKeys, kWidth),
                      sample.lse.data(),
                      {0, kQueries, 1},
                      sample.delta.data(),
                      scores<T>(),
                      kDepth,
                      kWidth,
                      kHeads};
  const Blocks byQueries = blocksOf<Tile>(kQueries, kDepth, kHeads),
               byKeys = blocksOf<Tile>(kKeys, kDepth, 1);
  underEverySchedule([&](const char* schedule) {
    CHECK_EQUAL(run(shapeOf<Tile>(byQueries, 2), gradQuery<Tile>, p, byQueries), "");
    CHECK_EQUAL(run(shapeOf<Tile>(byKeys, 2), gradKey<Tile>, p, byKeys), "");
    checkClose(schedule, "dq", sample.dq, sample.wantDq);
    checkClose(schedule, "dk", sample.dk, sample.wantDk);
    checkClose(schedule, "dv", sample.dv, sample.wantDv);
  });
}

TEST(attention_whose_columns_fit_a_tile) {
  Sample<float> sample;
  checkForward<Tile<float, 4, 64, 2, false>>(sample);
  checkBackward<Tile<float, 4, 64, 2, false>>(sample);
}
TEST(attention_whose_columns_come_in_parts) {
  Sample<double> sample;
  checkForward<Tile<double, 2, 32, 2, true>>(sample);
  checkBackward<Tile<double, 2, 32, 2, true>>(sample);
}

}  // namespace
}  // namespace wg::cuda
