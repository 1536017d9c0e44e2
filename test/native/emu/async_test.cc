// cp.async: copies, zero fill, groups, and what happens to kernels that do not wait.
#include "../../../native/cuda/wg/async.h"

#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

template <int bytes>
WG_KERNEL(32)
copyPieces(unsigned char* out, const unsigned char* in) {
  WG_SHARED(unsigned char, tile, [32 * 16]);
  const unsigned at = threadIdx.x * bytes;
  copyAsync<bytes>(tile + at, in + at, static_cast<int>(threadIdx.x) % (bytes + 1));
  copyAsyncCommit();
  copyAsyncWait<0>();
  for (unsigned i = 0; i < bytes; i++) out[at + i] = tile[at + i];
}
template <int bytes>
void checkPieces() {
  underEverySchedule([](const char*) {
    Buffer<unsigned char> in(512, 7), out(512, 1);
    CHECK_EQUAL(run({}, copyPieces<bytes>, out.data(), in.data()), "");
    for (int t = 0; t < 32; t++)
      for (int i = 0; i < bytes; i++)
        CHECK_EQUAL(out[static_cast<size_t>(t * bytes + i)], i < t % (bytes + 1) ? 7 : 0);
  });
}
TEST(asynchronous_copies_fill_with_zeros) {
  checkPieces<4>();
  checkPieces<8>();
  checkPieces<16>();
}

enum class Bug { none, noWait, waitTooLittle, noBarrier, reusedTooEarly };

// A ring of three stages, two in flight: each thread reads what another has copied.
template <Bug bug>
WG_KERNEL(64)
ring(float* out, const float* in, int rounds) {
  constexpr int kStages = 3;
  WG_SHARED(float, stage, [kStages][64 * 4]);
  const int t = static_cast<int>(threadIdx.x);
  const auto issue = [&](int round) {
    if (round < rounds) copyAsync<16>(&stage[round % kStages][4 * t], in + round * 256 + 4 * t);
    copyAsyncCommit();
  };
  issue(0);
  issue(1);
  for (int round = 0; round < rounds; round++) {
    if (bug == Bug::reusedTooEarly) issue(round + 2);
    if (bug == Bug::waitTooLittle) copyAsyncWait<2>();
    else if (bug != Bug::noWait) copyAsyncWait<bug == Bug::reusedTooEarly ? 2 : 1>();
    if (bug != Bug::noBarrier) __syncthreads();
    if (bug != Bug::reusedTooEarly) issue(round + 2);
    for (int k = 0; k < 4; k++) out[round * 256 + 4 * t + k] = stage[round % kStages][255 - 4 * t - k];
  }
  copyAsyncWait<0>();
}
template <Bug bug>
int wrongSchedules() {
  return countSchedules([] {
    constexpr int rounds = 9;
    Buffer<float> in(rounds * 256), out(rounds * 256);
    for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<float>(i);
    CHECK_EQUAL(run({.block = {64}}, ring<bug>, out.data(), in.data(), rounds), "");
    for (size_t i = 0; i < out.size(); i++)
      if (out[i] != in[i / 256 * 256 + 255 - i % 256]) return true;
    return false;
  });
}
TEST(a_ring_of_copies) { CHECK_EQUAL(wrongSchedules<Bug::none>(), 0); }

#ifndef __CUDACC__

TEST(a_missing_wait_shows_in_every_late_schedule) {
  CHECK_EQUAL(wrongSchedules<Bug::noWait>(), 6);
  CHECK_EQUAL(wrongSchedules<Bug::waitTooLittle>(), 6);
}
TEST(a_missing_barrier_or_an_early_reuse_of_a_stage_shows) {
  CHECK(wrongSchedules<Bug::noBarrier>() >= 3);
  CHECK(wrongSchedules<Bug::reusedTooEarly>() >= 3);
}

WG_KERNEL(32) forgets(const float* in) {
  WG_SHARED(float, tile, [128]);
  if (threadIdx.x == 4) {
    copyAsync<16>(tile, in);
    copyAsyncCommit();
  }
}
WG_KERNEL(32) skewed(const float* in, int from, int to) {
  WG_SHARED(float, tile, [128]);
  copyAsync<16>(tile + to, in + from);
  copyAsyncWait<0>();
}
WG_KERNEL(32) wrongSpace(float* in) { copyAsync<4>(in, in); }
TEST(misuse_of_copies_is_reported) {
  Buffer<float> in(256);
  underEverySchedule([&](const char*) {
    CHECK_SAYS(run({}, forgets, in.data()),
               "forgets, block (0,0,0), thread (4,0,0): the thread ended with 1 async");
    CHECK_SAYS(run({}, skewed, in.data(), 1, 0), "an asynchronous copy of 0x");
    CHECK_SAYS(run({}, skewed, in.data(), 0, 2), "an asynchronous copy to shared memory of 0x");
    CHECK_SAYS(run({}, skewed, in.data(), 0, 126), "not all in one variable of shared memory");
    CHECK_SAYS(run({}, wrongSpace, in.data()), "not all in one variable of shared memory");
  });
}

#endif

}  // namespace
}  // namespace wg::cuda
