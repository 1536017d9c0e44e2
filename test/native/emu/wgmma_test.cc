// Products of warpgroups: every width, format, layout; and a pipeline with its mistakes.
#include "../../../native/cuda/wg/wgmma.h"

#include <random>

#include "../../../native/cuda/wg/math.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

using Type = WgmmaType;

/// A matrix of `rows` (of a, or columns of b) by k values in shared memory, as `matrixDescriptor` describes
/// it.
struct Layout {
  Major major;
  Swizzle swizzle;
  int bytes;  ///< a value
  uint32_t leading, stride;

  /// Byte offset of (r, k).
  WG_BOTH uint32_t operator()(uint32_t r, uint32_t k) const {
    const uint32_t wide = 16u << static_cast<int>(swizzle);  // bytes of a row of the pattern
    uint32_t at;
    if (major == Major::k) {
      const uint32_t byte = k * static_cast<uint32_t>(bytes);
      at = r % 8 * wide + r / 8 * stride + byte % wide + byte / wide * leading;
    } else {
      const uint32_t byte = r * 2;
      const uint32_t ofRows = swizzle == Swizzle::none ? stride : leading,
                     ofDepth = swizzle == Swizzle::none ? leading : stride;
      at = k % 8 * wide + k / 8 * ofDepth + byte % wide + byte / wide * ofRows;
    }
    const uint32_t mask = (1u << static_cast<int>(swizzle)) - 1;
    return at ^ (((at >> 7) & mask) << 4);
  }
};
Layout layoutOf(Type type, Major major, Swizzle swizzle, int rows) {
  const int bytes = type == Type::tf32 ? 4 : 2;
  const uint32_t wide = 16u << static_cast<int>(swizzle), eight = 8 * wide;
  const auto blocks = static_cast<uint32_t>((rows + 7) / 8);
  if (major == Major::k)
    return {major, swizzle, bytes, blocks * eight, eight};  // the two halves of k one after the other
  if (swizzle == Swizzle::none) return {major, swizzle, bytes, blocks * 128, 128};
  return {major, swizzle, bytes, 2 * eight, eight};  // both eights of k, then the next width of rows
}

WG_DEV void put(unsigned char* to, Type type, float value) {
  if (type == Type::tf32) {
    *reinterpret_cast<uint32_t*>(to) = toTf32(value);
  } else {
    const uint32_t bits = type == Type::bf16 ? packBf16(value, 0) : packF16(value, 0);
    *reinterpret_cast<uint16_t*>(to) = static_cast<uint16_t>(bits);
  }
}

template <Type type, Major majorA, Major majorB, bool registers, int n>
WG_KERNEL(128)
product(float* out, const float* a, const float* b, Layout la, Layout lb, bool add) {
  constexpr int k = type == Type::tf32 ? 8 : 16;
  WG_DYN_SHARED(bytes);
  unsigned char *sa = bytes, *sb = bytes + 32768;
  const int t = static_cast<int>(threadIdx.x);
  for (int i = t; i < 64 * k; i += 128)
    put(sa + la(static_cast<uint32_t>(i / k), static_cast<uint32_t>(i % k)), type, a[i]);
  for (int i = t; i < n * k; i += 128)
    put(sb + lb(static_cast<uint32_t>(i / k), static_cast<uint32_t>(i % k)), type, b[i]);
  fenceAsync();
  __syncthreads();
  float d[n / 2];
  for (int i = 0; i < n / 2; i++) d[i] = add ? 1000.0f : 77.0f;
  const int row = t / 32 * 16 + t % 32 / 4, q = t % 4;
  const uint64_t db = matrixDescriptor(sb, lb.leading, lb.stride, lb.swizzle);
  settleRegisters(d);
  if constexpr (registers) {
    uint32_t fa[4];
    for (int i = 0; i < 4; i++) {
      const float* p = a + (row + i % 2 * 8) * k + i / 2 * k / 2;
      fa[i] = type == Type::tf32   ? toTf32(p[q])
              : type == Type::bf16 ? packBf16(p[2 * q], p[2 * q + 1])
                                   : packF16(p[2 * q], p[2 * q + 1]);
    }
    settleRegisters(fa);
    wgmmaFence();
    wgmma<type, majorB>(d, fa, db, add);
    wgmmaCommit();
    wgmmaWait<0>();
  } else {
    wgmmaFence();
    wgmma<type, majorA, majorB>(d, matrixDescriptor(sa, la.leading, la.stride, la.swizzle), db, add);
    wgmmaCommit();
    wgmmaWait<0>();
  }
  for (int j = 0; j < n / 8; j++)
    for (int i = 0; i < 4; i++) out[(row + i / 2 * 8) * n + j * 8 + 2 * q + i % 2] = d[4 * j + i];
}

template <Type type, Major majorA, Major majorB, bool registers, int n>
void checkProduct(Swizzle swizzleA, Swizzle swizzleB, bool add) {
  constexpr int k = type == Type::tf32 ? 8 : 16;
  std::mt19937 random(n);
  Buffer<float> a(64 * k), b(n * k), out(64 * n);
  for (float& x : a) x = static_cast<float>(static_cast<int>(random() % 31)) - 15;
  for (float& x : b) x = static_cast<float>(static_cast<int>(random() % 31)) - 15;
  CHECK_EQUAL(
      run({.block = {128}, .shared = 65536 + 32768}, product<type, majorA, majorB, registers, n>, out.data(),
          a.data(), b.data(), layoutOf(type, majorA, swizzleA, 64), layoutOf(type, majorB, swizzleB, n), add),
      "");
  for (size_t r = 0; r < 64; r++)
    for (size_t c = 0; c < n; c++) {
      float sum = add ? 1000.0f : 0;
      for (size_t i = 0; i < k; i++) sum += a[r * k + i] * b[c * k + i];
      CHECK_EQUAL(out[r * n + c], sum);  // small whole numbers: exact
    }
}

template <int n>
void checkWidth() {
  checkProduct<Type::bf16, Major::k, Major::k, false, n>(Swizzle::bytes128, Swizzle::bytes128, n % 16 == 0);
  checkProduct<Type::bf16, Major::k, Major::k, true, n>(Swizzle::none, Swizzle::bytes64, n % 16 != 0);
}
template <int... i>
void checkWidths(std::integer_sequence<int, i...>) {
  (checkWidth<8 * (i + 1)>(), ...);
}
TEST(products_of_every_width) { checkWidths(std::make_integer_sequence<int, 32>()); }

template <Type type>
void checkFormat() {
  checkProduct<type, Major::k, Major::k, false, 64>(Swizzle::bytes128, Swizzle::bytes32, false);
  checkProduct<type, Major::k, Major::k, true, 24>(Swizzle::bytes128, Swizzle::bytes128, true);
}
TEST(products_of_every_format) {
  checkFormat<Type::bf16>();
  checkFormat<Type::f16>();
  checkFormat<Type::tf32>();
}
TEST(products_of_every_layout) {
  const Swizzle modes[] = {Swizzle::none, Swizzle::bytes32, Swizzle::bytes64, Swizzle::bytes128};
  for (const Swizzle a : modes)
    for (const Swizzle b : modes) {
      checkProduct<Type::f16, Major::k, Major::k, false, 64>(a, b, true);
      checkProduct<Type::f16, Major::other, Major::k, false, 64>(a, b, false);
      checkProduct<Type::bf16, Major::k, Major::other, false, 64>(a, b, false);
      checkProduct<Type::bf16, Major::other, Major::other, false, 128>(a, b, true);
      checkProduct<Type::bf16, Major::k, Major::other, true, 128>(a, b, true);
    }
}

enum class Bug { none, noWait, releasedEarly, noFence, notAll };

// Warpgroup 0 copies, warpgroup 1 multiplies: 64 x 64 of a b^T over k in steps of 64, two stages.
template <Bug bug>
WG_KERNEL(256, 1)
gemm(const WG_GRID_CONSTANT TensorMap ma, const WG_GRID_CONSTANT TensorMap mb, float* out, int steps) {
  constexpr int kStages = 2, kBytes = 64 * 128;
  WG_DYN_SHARED(bytes);
  WG_SHARED(MBarrier, full, [kStages]);
  WG_SHARED(MBarrier, empty, [kStages]);
  const int t = static_cast<int>(threadIdx.x);
  if (t == 0) {
    for (int s = 0; s < kStages; s++) {
      initBarrier(full[s], 1);
      initBarrier(empty[s], 1);
    }
    fenceBarrierInit();
  }
  __syncthreads();
  if (t < 128) {
    releaseRegisters<40>();
    if (t > 0) return;
    for (int i = 0; i < steps; i++) {
      const int s = i % kStages;
      wait(empty[s], (i / kStages & 1) ^ 1);
      arriveExpect(full[s], 2 * kBytes);
      tensorLoad(bytes + s * 2 * kBytes, ma, full[s], At{i * 64, 0});
      tensorLoad(bytes + s * 2 * kBytes + kBytes, mb, full[s], At{i * 64, 0});
    }
    return;
  }
  acquireRegisters<232>();
  float d[32];
  const int u = t - 128;
  for (int i = 0; i < steps; i++) {
    const int s = i % kStages;
    wait(full[s], i / kStages & 1);
    if (bug != Bug::noFence) wgmmaFence();
    const unsigned char* a = bytes + s * 2 * kBytes;
    for (int k = 0; k < 4; k++)
      wgmma<Type::bf16>(d, matrixDescriptor(a + k * 32, 0, 1024, Swizzle::bytes128),
                        matrixDescriptor(a + kBytes + k * 32, 0, 1024, Swizzle::bytes128), i + k > 0);
    wgmmaCommit();
    if (bug == Bug::releasedEarly && u == 0) arrive(empty[s]);
    if (bug == Bug::noWait) {
      if (i + 1 == steps) break;
    }
    wgmmaWait<0>();
    if (bug != Bug::releasedEarly && u == 0) arrive(empty[s]);
  }
  const int row = u / 32 * 16 + u % 32 / 4;
  for (int j = 0; j < 8; j++)
    for (int i = 0; i < 4; i++) out[(row + i / 2 * 8) * 64 + j * 8 + u % 4 * 2 + i % 2] = d[4 * j + i];
  if (bug == Bug::noWait) wgmmaWait<0>();
}
template <Bug bug>
int wrongSchedules(std::string* message = nullptr) {
  return countSchedules([&] {
    constexpr int steps = 5, k = steps * 64;
    Buffer<uint16_t> a(64 * k), b(64 * k);
    Buffer<float> out(64 * 64);
    std::mt19937 random(5);
    const auto bits = [&] {
      return static_cast<uint16_t>(
          __builtin_bit_cast(uint32_t, static_cast<float>(static_cast<int>(random() % 15)) - 7) >> 16);
    };
    for (uint16_t& x : a) x = bits();
    for (uint16_t& x : b) x = bits();
    TensorMap ma, mb;
    CHECK(!encode(ma, Tile{a.data(), Element::bf16, Swizzle::bytes128, 2, {k, 64}, {2, 2 * k}, {64, 64}}));
    CHECK(!encode(mb, Tile{b.data(), Element::bf16, Swizzle::bytes128, 2, {k, 64}, {2, 2 * k}, {64, 64}}));
    const std::string failure =
        run({.block = {256}, .shared = 4 * 8192}, gemm<bug>, ma, mb, out.data(), steps);
    if (message && !failure.empty()) *message = failure;
    bool wrong = !failure.empty();
    const auto value = [](uint16_t x) { return __builtin_bit_cast(float, uint32_t{x} << 16); };
    for (size_t r = 0; r < 64; r++)
      for (size_t c = 0; c < 64; c++) {
        float sum = 0;
        for (size_t i = 0; i < k; i++) sum += value(a[r * k + i]) * value(b[c * k + i]);
        wrong |= out[r * 64 + c] != sum;
      }
    return wrong;
  });
}
TEST(a_pipeline_of_tensor_copies_and_products) {
  std::string message;
  CHECK_EQUAL(wrongSchedules<Bug::none>(&message), 0);
  CHECK_EQUAL(message, "");
}

#ifndef __CUDACC__
TEST(misuse_of_products_shows) {
  std::string message;
  CHECK(wrongSchedules<Bug::noWait>() >= 6);
  CHECK(wrongSchedules<Bug::releasedEarly>() >= 3);
  CHECK_EQUAL(wrongSchedules<Bug::noFence>(&message), 12);
  CHECK_SAYS(message, "wgmma without a wgmmaFence before it");
}

WG_KERNEL(256) divergentGroup(int which) {
  WG_SHARED(unsigned char, tile, [4096]);
  float d[8];
  if (which == 0 && threadIdx.x >= 64 && threadIdx.x < 128) wgmmaCommit();
  if (which == 1 && threadIdx.x == 0) return;
  wgmmaFence();
  const uint64_t at = matrixDescriptor(tile, 0, 256, Swizzle::none);
  wgmma<Type::bf16>(d, at, which == 2 && threadIdx.x == 9 ? at + 1 : at, false);
  if (which == 3) return;
  wgmmaCommit();
  wgmmaWait<0>();
}
TEST(misuse_of_a_warpgroup_is_reported) {
  CHECK_SAYS(run({.block = {256}}, divergentGroup, 0), "divergent warpgroup: this thread is in wgmma");
  CHECK_SAYS(run({.block = {256}}, divergentGroup, 1), "deadlock: 127 wait in wgmmaFence");
  CHECK_SAYS(run({.block = {256}}, divergentGroup, 2), "descriptors or scale differ inside the warpgroup");
  CHECK_SAYS(run({.block = {256}}, divergentGroup, 3),
             "the block ended with products that nobody waited for");
  CHECK_SAYS(run({.block = {192}}, divergentGroup, 4), "the block's last 64 threads are no warpgroup");
}
#endif

}  // namespace
}  // namespace wg::cuda
