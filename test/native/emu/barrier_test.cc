// Named barriers, barriers in shared memory, clusters and their shared memory.
#include "../../../native/cuda/wg/barrier.h"

#include "../../../native/cuda/wg/async.h"
#include "../../../native/cuda/wg/cluster.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

// Warp 0 fills one of two halves while warps 1 and 2 read the other.
WG_KERNEL(96) producerAndConsumers(int* out, int rounds) {
  WG_SHARED(int, half, [2][64]);
  constexpr int kFull = 1, kEmpty = 3;  // and the numbers after them
  const int t = static_cast<int>(threadIdx.x);
  if (t < 32) {
    for (int r = 0; r < rounds; r++) {
      if (r >= 2) barrierSync(kEmpty + r % 2, 96);
      half[r % 2][t] = r * 64 + t;
      half[r % 2][t + 32] = r * 64 + t + 32;
      barrierArrive(kFull + r % 2, 96);
    }
  } else {
    for (int r = 0; r < rounds; r++) {
      barrierSync(kFull + r % 2, 96);
      out[r * 64 + t - 32] = half[r % 2][95 - t];
      if (r + 2 < rounds) barrierArrive(kEmpty + r % 2, 96);
    }
  }
}
TEST(named_barriers) {
  underEverySchedule([](const char*) {
    constexpr int rounds = 7;
    Buffer<int> out(rounds * 64);
    CHECK_EQUAL(run({.block = {96}}, producerAndConsumers, out.data(), rounds), "");
    for (int i = 0; i < rounds * 64; i++) CHECK_EQUAL(out[static_cast<size_t>(i)], i / 64 * 64 + 63 - i % 64);
  });
}

enum class Bug { none, noWait, wrongParity, releasedEarly };

// The same with barriers in shared memory and copies that arrive by themselves.
template <Bug bug>
WG_KERNEL(96)
pipeline(float* out, const float* in, int rounds) {
  constexpr int kStages = 2;
  WG_SHARED(float, stage, [kStages][128]);
  WG_SHARED(MBarrier, full, [kStages]);
  WG_SHARED(MBarrier, empty, [kStages]);
  const int t = static_cast<int>(threadIdx.x);
  if (t == 0) {
    for (int s = 0; s < kStages; s++) {
      initBarrier(full[s], 32);
      initBarrier(empty[s], 64);
    }
    fenceBarrierInit();
  }
  __syncthreads();
  if (t < 32) {
    for (int r = 0; r < rounds; r++) {
      const int s = r % kStages, phase = r / kStages & 1;
      if (bug != Bug::wrongParity) wait(empty[s], phase ^ 1);
      else wait(empty[s], phase);
      copyAsync<16>(&stage[s][4 * t], in + r * 128 + 4 * t);
      arriveAfterCopies(full[s]);
    }
  } else {
    for (int r = 0; r < rounds; r++) {
      const int s = r % kStages, phase = r / kStages & 1;
      if (bug == Bug::releasedEarly) arrive(empty[s]);
      if (bug != Bug::noWait) wait(full[s], phase);
      for (int k = 0; k < 2; k++) out[r * 128 + (t - 32) * 2 + k] = stage[s][127 - (t - 32) * 2 - k];
      if (bug != Bug::releasedEarly) arrive(empty[s]);
    }
  }
}
/// Under how many schedules the result is wrong or the launch fails.
template <Bug bug>
int wrongSchedules(std::string* message = nullptr) {
  return countSchedules([&] {
    constexpr int rounds = 9;
    Buffer<float> in(rounds * 128), out(rounds * 128);
    for (size_t i = 0; i < in.size(); i++) in[i] = static_cast<float>(i);
    const std::string failure = run({.block = {96}}, pipeline<bug>, out.data(), in.data(), rounds);
    if (message && !failure.empty()) *message = failure;
    bool wrong = !failure.empty();
    for (size_t i = 0; i < out.size(); i++) wrong |= out[i] != in[i / 128 * 128 + 127 - i % 128];
    return wrong;
  });
}
TEST(barriers_in_shared_memory) { CHECK_EQUAL(wrongSchedules<Bug::none>(), 0); }

#ifndef __CUDACC__
TEST(misuse_of_a_pipeline_shows) {
  CHECK(wrongSchedules<Bug::noWait>() >= 6);
  CHECK(wrongSchedules<Bug::releasedEarly>() >= 3);
  std::string message;
  CHECK_EQUAL(wrongSchedules<Bug::wrongParity>(&message), 12);
  CHECK_SAYS(message, "deadlock: ");
  CHECK_SAYS(message, "wait in mbarrier wait at barrier_test.cc:");
}

WG_KERNEL(64) misuse(int which) {
  WG_SHARED(MBarrier, b);
  if (which == 0 && threadIdx.x == 0) arrive(b);
  if (which == 1 && threadIdx.x == 0) {
    initBarrier(b, 1);
    expect(b, 16);
    arrive(b);
    arrive(b);
  }
  if (which == 2) barrierSync(17, 64);
  if (which == 3) barrierSync(1, 33);
  if (which == 4) barrierSync(1, threadIdx.x < 32 ? 32 : 64);
  if (which == 5 && threadIdx.x < 32) barrierArrive(2, 64);
  if (which == 6 && threadIdx.x < 32) barrierSync(2, 64);
}
TEST(misuse_of_barriers_is_reported) {
  CHECK_SAYS(run({.block = {64}}, misuse, 0), "an mbarrier that was not initialised");
  CHECK_SAYS(run({.block = {64}}, misuse, 1), "more than the 1 arrivals an mbarrier is for");
  CHECK_SAYS(run({.block = {64}}, misuse, 2), "barrierSync: there is no barrier 17");
  CHECK_SAYS(run({.block = {64}}, misuse, 3), "a barrier for 33 threads");
  CHECK_SAYS(run({.block = {64}}, misuse, 4), "deadlock: 32 wait in barrierSync");
  CHECK_SAYS(run({.block = {64}}, misuse, 5),
             "barrierArrive: the block ended with 32 of 64 threads at the barrier");
  CHECK_SAYS(run({.block = {64}}, misuse, 6), "deadlock: 32 wait in barrierSync at barrier_test.cc:");
  CHECK_EQUAL(run({.block = {64}}, misuse, 7), "");
}
#endif

// Each block writes into the next one's shared memory, then tells a barrier there.
WG_KERNEL(64) aroundTheCluster(int* out, int rounds) {
  WG_SHARED(int, mail, [64]);
  WG_SHARED(MBarrier, arrived);
  const int t = static_cast<int>(threadIdx.x), rank = clusterRank(), blocks = 4;
  if (t == 0) {
    initBarrier(arrived, 64);
    fenceBarrierInit();
  }
  clusterSync();
  for (int r = 0; r < rounds; r++) {
    const int next = (rank + 1 + r) % blocks;
    *clusterMap(&mail[63 - t], next) = static_cast<int>(blockIdx.x) * 1000 + r * 100 + t;
    arriveRemote(arrived, next);
    wait(arrived, r & 1);
    out[(static_cast<int>(blockIdx.x) * rounds + r) * 64 + t] = mail[t];
    clusterSync();
  }
}
TEST(clusters_share_memory_and_barriers) {
  underEverySchedule([](const char*) {
    constexpr int rounds = 3;
    Buffer<int> out(8 * rounds * 64);
    CHECK_EQUAL(run({.grid = {8}, .block = {64}, .cluster = {4}}, aroundTheCluster, out.data(), rounds), "");
    for (int b = 0; b < 8; b++)
      for (int r = 0; r < rounds; r++)
        for (int t = 0; t < 64; t++) {
          const int sender = b / 4 * 4 + (b % 4 + 8 - 1 - r) % 4;
          CHECK_EQUAL(out[static_cast<size_t>((b * rounds + r) * 64 + t)], sender * 1000 + r * 100 + 63 - t);
        }
  });
}

#ifndef __CUDACC__
WG_KERNEL(32) clusterMisuse(int which) {
  WG_SHARED(int, x);
  if (which == 0 && clusterRank() == 0) clusterSync();
  if (which == 1) clusterWait();
  if (which == 2) {
    clusterArrive();
    clusterArrive();
  }
  if (which == 3) *clusterMap(&x, 2) = 1;
  if (which == 4) clusterArrive();
}
TEST(misuse_of_clusters_is_reported) {
  const auto says = [](int which) { return run({.grid = {2}, .cluster = {2}}, clusterMisuse, which); };
  CHECK_SAYS(says(0), "deadlock: 32 wait in clusterWait at barrier_test.cc:");
  CHECK_SAYS(says(1), "clusterWait without a clusterArrive");
  CHECK_SAYS(says(2), "clusterArrive again without a clusterWait");
  CHECK_SAYS(says(3), "block 2 of a cluster of 2");
  CHECK_SAYS(says(4), "clusterArrive without a clusterWait");
}
#endif

}  // namespace
}  // namespace wg::cuda
