#include "../../../native/cuda/wg/warp.h"

#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

template <class T>
WG_KERNEL(32)
shuffles(T* out) {
  const int lane = laneId();
  const T mine = static_cast<T>(lane + 1);
  out[lane] = shuffle(mine, 5);
  out[32 + lane] = shuffle(mine, lane + 1, 8);
  out[64 + lane] = shuffleUp(mine, 3);
  out[96 + lane] = shuffleUp(mine, 1, 4);
  out[128 + lane] = shuffleDown(mine, 3);
  out[160 + lane] = shuffleDown(mine, 1, 4);
  out[192 + lane] = shuffleXor(mine, 9);
}

template <class T>
void checkShuffles() {
  underEverySchedule([](const char*) {
    Buffer<T> out(224);
    CHECK_EQUAL(run({}, shuffles<T>, out.data()), "");
    for (int l = 0; l < 32; l++) {
      const auto at = [&](int row) { return static_cast<int>(out[static_cast<size_t>(row * 32 + l)]); };
      CHECK_EQUAL(at(0), 6);
      CHECK_EQUAL(at(1), (l & 24) + ((l + 1) & 7) + 1);
      CHECK_EQUAL(at(2), l >= 3 ? l - 2 : l + 1);
      CHECK_EQUAL(at(3), (l & 3) >= 1 ? l : l + 1);
      CHECK_EQUAL(at(4), l + 3 < 32 ? l + 4 : l + 1);
      CHECK_EQUAL(at(5), (l & 3) + 1 < 4 ? l + 2 : l + 1);
      CHECK_EQUAL(at(6), (l ^ 9) + 1);
    }
  });
}

TEST(shuffles_move_values_of_4_bytes) {
  checkShuffles<int32_t>();
  checkShuffles<uint32_t>();
  checkShuffles<float>();
}
TEST(shuffles_move_values_of_8_bytes) {
  checkShuffles<double>();
  checkShuffles<long long>();
}

WG_KERNEL(32) votes(uint32_t* out) {
  const int lane = laneId();
  out[lane] = ballot(lane % 3 == 0);
  out[32 + lane] =
      anyLane(lane == 31) + 2 * anyLane(lane == 32) + 4 * allLanes(lane < 32) + 8 * allLanes(lane > 0);
  out[64 + lane] = matchLanes(lane / 5);
}
TEST(votes) {
  underEverySchedule([](const char*) {
    Buffer<uint32_t> out(96);
    CHECK_EQUAL(run({}, votes, out.data()), "");
    for (uint32_t l = 0; l < 32; l++) {
      CHECK_EQUAL(out[l], 0x49249249u);
      CHECK_EQUAL(out[32 + l], 5u);
      uint32_t same = 0;
      for (uint32_t k = 0; k < 32; k++) same |= (k / 5 == l / 5 ? 1u : 0u) << k;
      CHECK_EQUAL(out[64 + l], same);
    }
  });
}

WG_KERNEL(64) reductions(float* sums, int* ints) {
  const int lane = laneId(), at = static_cast<int>(threadIdx.x);
  sums[at] = warpSum(static_cast<float>(lane));
  sums[64 + at] = warpSum(static_cast<float>(lane), 8);
  sums[128 + at] = warpScan(1.0f, Add{});
  ints[at] = warpMax((lane * 7) % 32);
  ints[64 + at] = warpMin(40 - lane);
  ints[128 + at] = reduxAdd(lane - 16);
  ints[192 + at] = reduxMax(-lane);
  ints[256 + at] = reduxMin(-lane);
}
TEST(warp_reductions_and_scans) {
  underEverySchedule([](const char*) {
    Buffer<float> sums(192);
    Buffer<int> ints(320);
    CHECK_EQUAL(run({.block = {64}}, reductions, sums.data(), ints.data()), "");
    for (size_t t = 0; t < 64; t++) {
      const auto lane = t % 32;
      CHECK_EQUAL(sums[t], 496.0f);
      CHECK_EQUAL(sums[64 + t], static_cast<float>(lane / 8 * 64 + 28));
      CHECK_EQUAL(sums[128 + t], static_cast<float>(lane + 1));
      CHECK_EQUAL(ints[t], 31);
      CHECK_EQUAL(ints[64 + t], 9);
      CHECK_EQUAL(ints[128 + t], -16);
      CHECK_EQUAL(ints[192 + t], 0);
      CHECK_EQUAL(ints[256 + t], -31);
    }
  });
}

// Two halves of a warp go different ways and meet by their own masks, one more often than the other.
WG_KERNEL(32) partialMasks(int* out) {
  const int lane = laneId();
  int sum = lane;
  if (lane < 20) {
    const uint32_t mask = (1u << 20) - 1;
    for (int i = 0; i < 5; i++) sum = shuffle(sum, (lane + 1) % 20, kWarp, mask) + 1;
    out[32 + lane] = static_cast<int>(ballot(lane % 2 == 0, mask));
  } else {
    const uint32_t mask = ~((1u << 20) - 1);
    sum = reduxAdd(lane, mask);
    __syncwarp(mask);
    out[32 + lane] = static_cast<int>(ballot(lane % 2 == 0, mask));
  }
  __syncwarp();
  out[lane] = shuffleXor(sum, 1);
}
TEST(partial_masks) {
  underEverySchedule([](const char*) {
    Buffer<int> out(64);
    CHECK_EQUAL(run({}, partialMasks, out.data()), "");
    for (int l = 0; l < 32; l++) {
      const int from = l ^ 1;
      CHECK_EQUAL(out[static_cast<size_t>(l)], from < 20 ? (from + 5) % 20 + 5 : 306);
      CHECK_EQUAL(out[static_cast<size_t>(32 + l)], l < 20 ? 0x00055555 : 0x55500000);
    }
  });
}

#ifndef __CUDACC__

// A mask may name lanes that have ended; what they would have shown is poison.
WG_KERNEL(32) endedLanes(int* out) {
  const int lane = laneId();
  if (lane >= 24) return;
  out[lane] = shuffleDown(lane, 8);
}
TEST(lanes_that_ended_are_not_waited_for) {
  underEverySchedule([](const char*) {
    Buffer<int> out(24);
    CHECK_EQUAL(run({}, endedLanes, out.data()), "");
    for (int l = 0; l < 24; l++) CHECK_EQUAL(out[static_cast<size_t>(l)], l < 16 ? l + 8 : -1);
  });
}

WG_KERNEL(32) otherOperation(int* out) {
  const int lane = laneId();
  if (lane < 7) out[lane] = shuffleXor(lane, 1);
  else out[lane] = static_cast<int>(ballot(true));
}
WG_KERNEL(32) leftOut(int* out) { out[laneId()] = shuffleXor(1, 1, 0xffu); }
WG_KERNEL(32) neverComes(int* out) {
  if (laneId() == 3) __syncthreads();
  out[laneId()] = shuffleXor(1, 1);
}
TEST(a_divergent_warp_is_reported) {
  Buffer<int> out(32);
  underEverySchedule([&](const char*) {
    const std::string message = run({}, otherOperation, out.data());
    CHECK_SAYS(message, "otherOperation, block (0,0,0), thread (");
    CHECK_SAYS(message, "divergent warp");
    CHECK_SAYS(message, "shuffleXor");
    CHECK_SAYS(message, "warp_test.cc:");
    CHECK_SAYS(run({}, leftOut, out.data()), "leaves out the calling lane");
    const std::string stuck = run({}, neverComes, out.data());
    CHECK_SAYS(stuck, "deadlock: ");
    CHECK_SAYS(stuck, "31 wait in shuffleXor at warp_test.cc:");
    CHECK_SAYS(stuck, "1 wait in __syncthreads at warp_test.cc:");
    CHECK_EQUAL(run({}, votes, reinterpret_cast<uint32_t*>(Buffer<uint32_t>(96).data())), "");
  });
}

#endif

}  // namespace
}  // namespace wg::cuda
