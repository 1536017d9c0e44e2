#include "../../../native/cuda/wg/block.h"

#include "../../../native/cuda/wg/atomic.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

WG_KERNEL(1024) reduce(int* out, int n) {
  const int i = static_cast<int>(threadIdx.x), at = static_cast<int>(blockIdx.x * blockDim.x) + i;
  // Twice in a row: the second may not disturb the first.
  const int sum = blockSum(i), greatest = blockReduce((i * 37) % 101, -1, Max{});
  const Pair<int, int> best = blockReducePair(
      Pair<int, int>{(i * 37) % 101, i}, Pair<int, int>{-1, -1}, [](Pair<int, int> a, Pair<int, int> b) {
        return a.first < b.first || (a.first == b.first && b.second < a.second) ? b : a;
      });
  const Scanned<int> scan = blockScan(i + 1, 0, Add{});
  out[at] = sum;
  out[n + at] = greatest;
  out[2 * n + at] = best.second;
  out[3 * n + at] = scan.before;
  out[4 * n + at] = scan.total;
  out[5 * n + at] = __syncthreads_count(i % 3 == 0) + 10000 * (__syncthreads_or(i == 7) != 0) +
                    100000 * (__syncthreads_and(i < 7) != 0);
}
TEST(block_reductions_and_scans) {
  underEverySchedule([](const char*) {
    for (const int threads : {32, 64, 96, 256, 1024}) {
      const int n = 2 * threads;
      Buffer<int> out(static_cast<size_t>(6 * n));
      CHECK_EQUAL(run({.grid = {2}, .block = {static_cast<unsigned>(threads)}}, reduce, out.data(), n), "");
      int greatest = -1, where = -1;
      for (int i = 0; i < threads; i++)
        if ((i * 37) % 101 > greatest) greatest = (i * 37) % 101, where = i;
      for (int at = 0; at < n; at++) {
        const int i = at % threads;
        const auto row = [&](int r) { return out[static_cast<size_t>(r * n + at)]; };
        CHECK_EQUAL(row(0), threads * (threads - 1) / 2);
        CHECK_EQUAL(row(1), greatest);
        CHECK_EQUAL(row(2), where);
        CHECK_EQUAL(row(3), i * (i + 1) / 2);
        CHECK_EQUAL(row(4), threads * (threads + 1) / 2);
        CHECK_EQUAL(row(5), (threads + 2) / 3 + 10000);
      }
    }
  });
}

WG_KERNEL(128) indices(int* out, dim3 expect) {
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  const unsigned t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned b = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  out[b * threads + t] =
      static_cast<int>(gridDim.x == expect.x && gridDim.z == expect.z ? b * threads + t : 0);
}
TEST(every_thread_of_a_grid_runs_once) {
  underEverySchedule([](const char*) {
    const dim3 grid{3, 5, 2}, block{5, 3, 7};
    Buffer<int> out(30 * 105, -1);
    CHECK_EQUAL(run({.grid = grid, .block = block}, indices, out.data(), grid), "");
    for (size_t i = 0; i < out.size(); i++) CHECK_EQUAL(out[i], static_cast<int>(i));
  });
}

template <bool finish>
WG_KERNEL(64)
countBlocks(uint32_t* counter, int* partial, int* out) {
  const int sum = blockSum(static_cast<int>(threadIdx.x) + static_cast<int>(blockIdx.x));
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
  if (!lastBlock(counter, gridDim.x)) return;
  int total = 0;
  for (unsigned b = threadIdx.x; b < gridDim.x; b += blockDim.x) total += partial[b];
  total = blockSum(total);
  if (threadIdx.x == 0) *out = total;
}
TEST(the_last_block_sees_what_the_others_wrote) {
  underEverySchedule([](const char*) {
    Buffer<uint32_t> counter(1);
    Buffer<int> partial(100), out(1);
    for (int round = 0; round < 2; round++) {
      CHECK_EQUAL(
          run({.grid = {100}, .block = {64}}, countBlocks<true>, counter.data(), partial.data(), out.data()),
          "");
      CHECK_EQUAL(out[0], 100 * 2016 + 64 * 4950);
      CHECK_EQUAL(counter[0], 0u);
    }
  });
}

// Blocks wait for the one with the ticket before theirs.
WG_KERNEL(32) lookBack(uint32_t* tickets, uint32_t* states, uint32_t* out) {
  WG_SHARED(uint32_t, ticket);
  if (threadIdx.x == 0) ticket = atomicAdd(tickets, 1u);
  syncBlock();
  if (threadIdx.x == 0) {
    uint32_t before = 0;
    if (ticket > 0)
      while ((before = loadAcquire(states + ticket - 1)) == 0) pausePolling();
    storeRelease(states + ticket, before + ticket + 1);
    out[ticket] = before;
  }
}
TEST(look_back_by_ticket) {
  underEverySchedule([](const char*) {
    Buffer<uint32_t> tickets(1), states(50), out(50);
    CHECK_EQUAL(run({.grid = {50}}, lookBack, tickets.data(), states.data(), out.data()), "");
    for (uint32_t b = 0; b < 50; b++) CHECK_EQUAL(out[b], b * (b + 1) / 2);
  });
}

WG_KERNEL(64) atomics(uint32_t* u, int32_t* i, uint64_t* l, float* f) {
  const auto t = static_cast<int>(threadIdx.x);
  atomicAdd(u, 2u);
  atomicOr(u + 1, 1u << (t & 31));
  atomicAnd(u + 2, ~(1u << (t & 15)));
  atomicMax(i, t);
  atomicMin(i + 1, -t);
  atomicAdd(i + 2, -1);
  atomicAdd(l, uint64_t{1} << 33);
  atomicMax(l + 1, static_cast<uint64_t>(t) << 40);
  atomicMin(reinterpret_cast<int64_t*>(l + 2), int64_t{-1} - t);
  atomicAdd(f, 0.5f);
  uint32_t seen = u[3], expected;
  do {
    expected = seen;
    seen = atomicCompareExchange(u + 3, expected, expected * 3 + 1 > 1000000 ? 1 : expected + 7);
  } while (seen != expected);
  if (t == 0) i[3] = atomicExchange(i + 4, 77);
}
TEST(atomics) {
  underEverySchedule([](const char*) {
    Buffer<uint32_t> u(4);
    Buffer<int32_t> i(5);
    Buffer<uint64_t> l(3);
    Buffer<float> f(1);
    u[2] = ~0u;
    i[4] = 5;
    CHECK_EQUAL(run({.block = {64}}, atomics, u.data(), i.data(), l.data(), f.data()), "");
    CHECK_EQUAL(u[0], 128u);
    CHECK_EQUAL(u[1], ~0u);
    CHECK_EQUAL(u[2], 0xffff0000u);
    CHECK_EQUAL(u[3], 448u);
    CHECK_EQUAL(i[0], 63);
    CHECK_EQUAL(i[1], -63);
    CHECK_EQUAL(i[2], -64);
    CHECK_EQUAL(i[3], 5);
    CHECK_EQUAL(i[4], 77);
    CHECK_EQUAL(l[0], uint64_t{64} << 33);
    CHECK_EQUAL(l[1], uint64_t{63} << 40);
    CHECK_EQUAL(static_cast<int64_t>(l[2]), int64_t{-64});
    CHECK_EQUAL(f[0], 32.0f);
  });
}

#ifndef __CUDACC__

WG_KERNEL(64) inHalfAWarp(int* out) {
  WG_SHARED(int, tile, [64]);
  tile[threadIdx.x] = 1;
  if (threadIdx.x < 16) __syncthreads();
  else out[0] = 1;
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}
WG_KERNEL(64) inOneWarp(int* out) {
  if (threadIdx.x < 32) __syncthreads();
  out[threadIdx.x] = 1;
}
TEST(a_divergent_barrier_is_reported) {
  Buffer<int> out(64);
  underEverySchedule([&](const char*) {
    const std::string message = run({.grid = {1, 2}, .block = {64}}, inHalfAWarp, out.data());
    CHECK_SAYS(message, "inHalfAWarp, block (0,");
    CHECK_SAYS(message, "divergent barrier: this thread is in __syncthreads, thread (");
    CHECK_SAYS(message, "block_test.cc:");
    const std::string stuck = run({.block = {64}}, inOneWarp, out.data());
    CHECK_SAYS(stuck, "inOneWarp, block (0,0,0), thread (");
    CHECK_SAYS(stuck, "deadlock: 32 wait in __syncthreads at block_test.cc:");
    CHECK_SAYS(stuck, "32 have ended");
  });
}

// Without the barrier a warp that runs ahead reads what is not there yet.
template <bool barrier>
WG_KERNEL(128)
reverseTile(const int* in, int* out) {
  WG_SHARED(int, tile, [128]);
  for (int round = 0; round < 2; round++) {
    tile[threadIdx.x] = in[threadIdx.x + 128u * static_cast<unsigned>(round)];
    __syncthreads();
    out[threadIdx.x + 128u * static_cast<unsigned>(round)] = tile[127 - threadIdx.x];
    if (barrier) __syncthreads();
  }
}
TEST(a_missing_barrier_shows_under_some_schedule) {
  const auto wrong = [](void (*kernel)(const int*, int*)) {
    return countSchedules([&] {
      Buffer<int> in(256), out(256);
      for (int i = 0; i < 256; i++) in[static_cast<size_t>(i)] = i;
      CHECK_EQUAL(run({.block = {128}}, kernel, in.data(), out.data()), "");
      bool bad = false;
      for (size_t i = 0; i < 256; i++) bad |= out[i] != static_cast<int>(i / 128 * 128 + 127 - i % 128);
      return bad;
    });
  };
  CHECK_EQUAL(wrong(reverseTile<true>), 0);
  CHECK(wrong(reverseTile<false>) >= 6);
}

WG_KERNEL(32) uninitialised(float* out, int* ints) {
  WG_SHARED(float, tile, [32]);
  WG_SHARED(int, scalar);
  WG_DYN_SHARED(dynamic);
  out[blockIdx.x * 32 + threadIdx.x] = tile[threadIdx.x] + reinterpret_cast<float*>(dynamic)[threadIdx.x];
  ints[blockIdx.x] = scalar;
  __syncthreads();
  tile[threadIdx.x] = 1;
  reinterpret_cast<float*>(dynamic)[threadIdx.x] = 1;
  scalar = 3;
}
TEST(shared_memory_is_poisoned_for_every_block) {
  Buffer<float> out(96);
  Buffer<int> ints(3);
  CHECK_EQUAL(run({.grid = {3}, .shared = 128}, uninitialised, out.data(), ints.data()), "");
  for (const float x : out) CHECK(x != x);
  for (const int i : ints) CHECK_EQUAL(i, -1);
}

WG_KERNEL(32) overrun(int n) {
  WG_SHARED(int, tile, [32]);
  int* p = tile;
  for (int i = 0; i < n; i++) p[i] = i;
}
WG_KERNEL(32) overrunDynamic(int n) {
  WG_DYN_SHARED(bytes);
  for (int i = 0; i < n; i++) bytes[i] = 1;
}
TEST(an_overrun_of_shared_memory_is_reported) {
  CHECK_EQUAL(run({}, overrun, 32), "");
  CHECK_EQUAL(run({.shared = 40}, overrunDynamic, 40), "");
#ifndef __SANITIZE_ADDRESS__  // which ends the process at the write
  CHECK_SAYS(run({.grid = {2}}, overrun, 33),
             "overrun, block (0,0,0): a write beyond the end of 'tile' (128 bytes");
  CHECK_SAYS(run({.shared = 40}, overrunDynamic, 41), "beyond the end of 'dynamic shared memory' (40 bytes");
  CHECK_EQUAL(run({}, overrun, 32), "");
#endif
}

WG_KERNEL(32) tooMuch() {
  WG_SHARED(char, big, [200000]);
  WG_SHARED(char, bigger, [40000]);
  big[threadIdx.x] = bigger[threadIdx.x] = 0;
}
TEST(impossible_launches_are_refused) {
  CHECK_SAYS(run({.block = {1025}}, overrun, 1), "overrun: launched with a block of 1025 threads");
  CHECK_SAYS(run({.grid = {0}}, overrun, 1), "an empty grid");
  CHECK_SAYS(run({.grid = {1, 70000}}, overrun, 1), "too large");
  CHECK_SAYS(run({.shared = 240000}, overrun, 1), "240000 bytes of shared memory");
  CHECK_SAYS(run({.grid = {3}, .cluster = {2}}, overrun, 1), "a cluster of 2 blocks");
  CHECK_SAYS(run({}, tooMuch), "240000 bytes of shared memory, with 'bigger'");
}

WG_KERNEL(32) waitsForever(uint32_t* flag) {
  while (loadAcquire(flag) == 0) pausePolling();
}
TEST(polling_for_what_never_comes_is_reported) {
  Buffer<uint32_t> flag(1);
  CHECK_SAYS(run({.grid = {2}}, waitsForever, flag.data()), "waitsForever, block (0,0,0), thread (");
  CHECK_SAYS(run({.grid = {2}}, waitsForever, flag.data()), "every thread left polls memory");
}

#endif

}  // namespace
}  // namespace wg::cuda
