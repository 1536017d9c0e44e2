// Packs of 16 bytes, division by multiplication, strided offsets.
#include <numeric>
#include <random>

#include "../../../native/cuda/wg/index.h"
#include "../../../native/cuda/wg/vector.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

template <class T>
WG_KERNEL(32)
copyPacks(T* out, const T* in, int packs) {
  using P = Pack16<T>;
  for (int i = static_cast<int>(threadIdx.x); i < packs; i += 32) {
    const T* from = in + i * P::kCount;
    P p = i % 3 == 0 ? load<P>(from) : i % 3 == 1 ? loadOnce<P>(from) : loadReadOnly<P>(from);
    for (int k = 0; k < P::kCount; k++) p[k] = static_cast<T>(p[k] + T(1));
    if (i % 2) store(out + i * P::kCount, p);
    else storeOnce(out + i * P::kCount, p);
  }
}
template <class T>
void checkPacks() {
  constexpr int packs = 70, n = packs * kPackCount<T>;
  Buffer<T> in(n), out(n);
  for (int i = 0; i < n; i++) in[static_cast<size_t>(i)] = static_cast<T>(i % 100);
  CHECK_EQUAL(run({}, copyPacks<T>, out.data(), in.data(), packs), "");
  for (int i = 0; i < n; i++) CHECK_EQUAL(out[static_cast<size_t>(i)], static_cast<T>(i % 100 + 1));
}
TEST(packs_of_16_bytes) {
  checkPacks<float>();
  checkPacks<double>();
  checkPacks<uint8_t>();
  checkPacks<uint16_t>();
  checkPacks<int64_t>();
  static_assert(sizeof(Pack<float, 2>) == 8 && alignof(Pack<float, 2>) == 8 && sizeof(Pack<uint8_t, 4>) == 4);
}

#ifndef __CUDACC__
WG_KERNEL(32) unaligned(float* p) {
  if (threadIdx.x == 5) store(p + 1, load<Pack16<float>>(p + 4));
  if (threadIdx.x == 3) store(p, load<Pack16<float>>(p + 4));
}
TEST(an_unaligned_access_is_reported) {
  Buffer<float> p(16);
  const std::string message = run({}, unaligned, p.data());
  CHECK_SAYS(message, "unaligned, block (0,0,0), thread (5,0,0) at memory_test.cc:");
  CHECK_SAYS(message, "a store of 0x");
  CHECK_SAYS(message, "which is not 16-byte aligned");
}
#endif

template <class I>
WG_KERNEL(256)
divide(const I* divisors, int divisorCount, const I* n, int count, I* wrong) {
  for (int i = static_cast<int>(threadIdx.x); i < divisorCount; i += static_cast<int>(blockDim.x)) {
    const Divider<I> by(divisors[i]);
    for (int k = 0; k < count; k++) {
      const auto d = by.both(n[k]);
      if (d.quotient != n[k] / divisors[i] || d.remainder != n[k] % divisors[i]) *wrong = divisors[i];
    }
  }
}
TEST(division_by_multiplication_is_exact_below_2_to_31) {
  std::mt19937 random(7);
  std::vector<uint32_t> list;
  for (uint32_t i = 1; i < 70; i++) list.push_back(i);
  for (int k = 3; k < 31; k++)
    for (const int d : {-1, 0, 1}) list.push_back((1u << k) + static_cast<uint32_t>(d));
  for (int i = 0; i < 300; i++)
    list.push_back(std::max(1u, static_cast<uint32_t>(random() >> (1 + random() % 20))));
  list.push_back(0x7fffffffu);
  Buffer<uint32_t> divisors(list.size()), n(list.size() + 1), wrong(1);
  for (size_t i = 0; i < list.size(); i++) divisors[i] = n[i] = list[i];
  CHECK_EQUAL(run({.block = {256}}, divide<uint32_t>, divisors.data(), static_cast<int>(list.size()),
                  n.data(), static_cast<int>(n.size()), wrong.data()),
              "");
  CHECK_EQUAL(wrong[0], 0u);
}

TEST(division_by_multiplication_is_exact_below_2_to_63) {
  std::mt19937_64 random(7);
  std::vector<uint64_t> list;
  for (uint64_t i = 1; i < 40; i++) list.push_back(i);
  for (int k = 3; k < 63; k++)
    for (const uint64_t d : {~uint64_t{0}, uint64_t{0}, uint64_t{1}}) list.push_back((uint64_t{1} << k) + d);
  for (int i = 0; i < 200; i++) list.push_back(std::max(uint64_t{1}, random() >> (1 + random() % 50)));
  list.push_back(0x7fffffffffffffffu);
  Buffer<uint64_t> divisors(list.size()), n(list.size() + 1), wrong(1);
  for (size_t i = 0; i < list.size(); i++) divisors[i] = n[i] = list[i];
  CHECK_EQUAL(run({.block = {256}}, divide<uint64_t>, divisors.data(), static_cast<int>(list.size()),
                  n.data(), static_cast<int>(n.size()), wrong.data()),
              "");
  CHECK_EQUAL(wrong[0], 0u);
}

View view(std::initializer_list<int64_t> shape, std::initializer_list<int64_t> stride) {
  View v{};
  v.rank = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), v.shape);
  std::copy(stride.begin(), stride.end(), v.stride);
  return v;
}

template <class I>
WG_KERNEL(128)
walk(Offsets<2, I> offsets, int64_t* out) {
  for (I i = threadIdx.x; i < offsets.total; i += blockDim.x) {
    const auto at = offsets(i);
    out[2 * i] = at[0];
    out[2 * i + 1] = at[1];
  }
}
/// Where element i of a view lies.
int64_t offsetOf(const View& v, int64_t i) {
  int64_t at = 0;
  for (int a = v.rank - 1; a >= 0; i /= v.shape[a--]) at += i % v.shape[a] * v.stride[a];
  return at;
}
template <class I>
void checkWalk(const View& a, const View& b, int rank) {
  const View* const views[] = {&a, &b};
  const Axes<2> axes = axesOf(views);
  CHECK_EQUAL(axes.rank, rank);
  Buffer<int64_t> out(static_cast<size_t>(2 * axes.total) + 1);
  CHECK_EQUAL(run({.block = {128}}, walk<I>, axes.template offsets<I>(), out.data()), "");
  for (int64_t i = 0; i < axes.total; i++) {
    CHECK_EQUAL(out[static_cast<size_t>(2 * i)], offsetOf(a, i));
    CHECK_EQUAL(out[static_cast<size_t>(2 * i + 1)], offsetOf(b, i));
  }
}
TEST(offsets_of_strided_views) {
  const auto check = [](const View& a, const View& b, int rank) {
    checkWalk<uint32_t>(a, b, rank);
    checkWalk<uint64_t>(a, b, rank);
  };
  check(view({2, 3, 4}, {12, 4, 1}), view({2, 3, 4}, {12, 4, 1}), 1);
  check(view({2, 3, 4}, {12, 4, 1}), view({2, 3, 4}, {1, 2, 6}), 3);
  check(view({2, 3, 4}, {12, 4, 1}), view({2, 3, 4}, {0, 0, 1}), 2);
  check(view({2, 1, 4}, {4, 99, 1}), view({2, 1, 4}, {4, 7, 1}), 1);
  check(view({5}, {-2}), view({5}, {0}), 1);
  check(view({}, {}), view({}, {}), 0);
  check(view({3, 0, 2}, {0, 2, 1}), view({3, 0, 2}, {0, 2, 1}), 1);
  check(view({2, 2, 2, 2, 2, 2, 2, 2}, {1, 2, 4, 8, 16, 32, 64, 128}),
        view({2, 2, 2, 2, 2, 2, 2, 2}, {128, 64, 32, 16, 8, 4, 2, 1}), 8);
}
TEST(axes_may_follow_memory) {
  const View a = view({4, 5, 6}, {1, 4, 20}), b = view({4, 5, 6}, {1, 4, 20});
  const View* const views[] = {&a, &b};
  const Axes<2> axes = axesOf(views, Reorder::yes);
  CHECK_EQUAL(axes.rank, 1);
  CHECK(axes.dense(0) && axes.dense(1) && axes.small());
  const View big = view({70000, 70000}, {70000, 1}), one = view({70000, 70000}, {0, 0});
  const View* const pair[] = {&big, &one};
  const Axes<2> large = axesOf(pair);
  CHECK(!large.small() && large.single(1) && !large.single(0));
  bool wide = false;
  withIndex(large, [&](auto index) { wide = sizeof index == 8; });
  CHECK(wide);
}

}  // namespace
}  // namespace wg::cuda
