// The product on tensor cores under every schedule: its copies are asynchronous and its stages used again.
#include <random>

#include "../../../native/cuda/gemm/tensor.cuh"
#include "harness.h"

namespace wg::cuda::gemm {

using namespace harness;

namespace {

template <class T>
T elementOf(float x) {
  if constexpr (sizeof(T) == 4) return x;
  else return {static_cast<uint16_t>(Core<T>::narrow(x, 0))};
}

/// Small whole numbers, so that any order of addition is exact; the space between the lines is NaN, which
/// must not be read.
template <class T>
struct Matrix2d {
  int64_t lines, along, stride;
  Buffer<T> data;
  std::vector<float> values;

  Matrix2d(int64_t lines_, int64_t along_, std::mt19937& random)
      : lines(lines_),
        along(along_),
        stride((along_ + 15) / 16 * 16),
        data(static_cast<size_t>(lines * stride)),
        values(data.size()) {
    for (size_t i = 0; i < data.size(); i++) {
      const bool inside = static_cast<int64_t>(i) % stride < along;
      values[i] = static_cast<float>(static_cast<int>(random() % 17) - 8);
      data[i] = elementOf<T>(inside ? values[i] : std::nanf(""));
    }
  }
  double at(int64_t line, int64_t i) const {
    return static_cast<double>(values[static_cast<size_t>(line * stride + i)]);
  }
};

template <class T, bool leftAlongK, bool rightAlongK>
void checkLayouts(int splits) {
  using Tile = SmallTensorTile<T>;
  constexpr int m = 70, n = 67, k = 5 * Tile::kDepth + 3;
  std::mt19937 random(5);
  Matrix2d<T> a(leftAlongK ? m : k, leftAlongK ? k : m, random),
      b(rightAlongK ? n : k, rightAlongK ? k : n, random);
  std::vector<double> wanted(m * n);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t l = 0; l < k; l++)
        sum += (leftAlongK ? a.at(i, l) : a.at(l, i)) * (rightAlongK ? b.at(j, l) : b.at(l, j));
      wanted[static_cast<size_t>(i * n + j)] = sum;
    }
  underEverySchedule([&](const char*) {
    Buffer<float> c(m * n, -1), partial(static_cast<size_t>(splits) * m * n, -1);
    TensorProblem<T> p{};
    p.m = m, p.n = n, p.k = k;
    p.a = {a.data.data(), a.stride};
    p.b = {b.data.data(), b.stride};
    p.c = {{c.data(), true}, n, 1, {nullptr, true}, 0, 0, false};
    p.batch.total = 1;
    const Cut cut{2, 2, static_cast<uint32_t>(splits), 0};
    const Shape shape{dim3(static_cast<uint32_t>(4 * splits)), dim3(Tile::kThreads), Tile::kSharedBytes};
    CHECK_EQUAL(run(shape, tensorProduct<Tile, TensorProblem<T>, leftAlongK, rightAlongK>, p, cut, int64_t{1},
                    splits > 1 ? partial.data() : nullptr),
                "");
    if (splits > 1)
      CHECK_EQUAL(run({dim3(4), dim3(256)}, sumSplits<float, TensorProblem<T>>, p, int64_t{1}, splits,
                      static_cast<const float*>(partial.data())),
                  "");
    for (size_t i = 0; i < c.size(); i++) CHECK_EQUAL(static_cast<double>(c[i]), wanted[i]);
  });
}

TEST(products_of_16_bits) {
  checkLayouts<Bf16, true, true>(1);
  checkLayouts<Bf16, true, false>(1);
  checkLayouts<F16, false, false>(1);
}
TEST(products_of_tf32) {
  checkLayouts<float, true, true>(1);
  checkLayouts<float, true, false>(1);
  checkLayouts<float, false, false>(1);
}
TEST(products_whose_k_is_split) {
  checkLayouts<Bf16, true, false>(2);
  checkLayouts<F16, true, true>(7);  // more parts than there are steps
}

}  // namespace
}  // namespace wg::cuda::gemm
