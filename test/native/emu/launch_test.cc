// Launches as a whole: what a kernel breaks, several at a time, and which schedule they run under.
#ifndef __CUDACC__

#include <sys/mman.h>

#include <atomic>
#include <thread>

#include "../../../native/cuda/wg/block.h"
#include "harness.h"

namespace wg::cuda {

using namespace harness;

namespace {

WG_KERNEL(64) sum(int* out, int n) {
  int total = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += 64) total += i;
  total = blockSum(total);
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

WG_KERNEL(64) reachesBeyond(const int* in, int* out, int n) {
  __syncthreads();
  const int i = static_cast<int>(threadIdx.x);
  out[i] = in[i == 40 ? n : i];
}
TEST(a_fault_is_a_failed_launch) {
  constexpr size_t kPage = 4096;
  void* pages = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(static_cast<char*>(pages) + kPage, kPage, PROT_NONE);
  Buffer<int> out(64);
  underEverySchedule([&](const char*) {
    const std::string message =
        run({.block = {64}}, reachesBeyond, static_cast<const int*>(pages), out.data(), 1024);
    CHECK_SAYS(message, "reachesBeyond, block (0,0,0), thread (40,0,0): a fault at address 0x");
    CHECK_SAYS(message, "in reachesBeyond");
    CHECK_EQUAL(run({.block = {64}}, reachesBeyond, static_cast<const int*>(pages), out.data(), 1023), "");
  });
  munmap(pages, 2 * kPage);
}

int deep(volatile char* caller, int n) {
  volatile char frame[1000];
  frame[n % 1000] = *caller;
  return n == 0 ? 0 : deep(frame, n - 1) + frame[0];
}
WG_KERNEL(32) overflows(int* out, int n) {
  __syncthreads();
  volatile char c = 0;
  out[threadIdx.x] = deep(&c, n);
}
TEST(a_full_stack_is_a_failed_launch) {
  Buffer<int> out(32);
  CHECK_EQUAL(run({}, overflows, out.data(), 20), "");
  CHECK_SAYS(run({}, overflows, out.data(), 1000), "overflows, block (0,0,0), thread (");
  CHECK_SAYS(run({}, overflows, out.data(), 1000), "a fault at address 0x");
  CHECK_EQUAL(run({}, overflows, out.data(), 20), "");
}

#endif

TEST(several_host_threads_launch_at_a_time) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; k++)
    threads.emplace_back([&wrong, k] {
      for (int round = 0; round < 20; round++) {
        Buffer<int> out(3);
        const int n = 100 * k + round;
        const std::string message = run({.grid = {3}, .block = {64}}, sum, out.data(), n);
        for (const int total : out) wrong += total != n * (n - 1) / 2;
        wrong += !message.empty();
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK_EQUAL(wrong.load(), 0);
}

WG_KERNEL(64) order(int* out, int* next) {
  out[(*next)++] = static_cast<int>(blockIdx.x * 64 + threadIdx.x);
  __syncwarp();
  out[(*next)++] = static_cast<int>(blockIdx.x * 64 + threadIdx.x);
}
std::vector<int> orderUnder(const char* schedule, uint64_t seed = 1) {
  const emu::Schedule before = emu::schedule();
  CHECK(emu::setSchedule(schedule));
  emu::Schedule seeded = emu::schedule();
  seeded.seed = seed;
  emu::setSchedule(seeded);
  Buffer<int> out(512), next(1);
  CHECK_EQUAL(run({.grid = {4}, .block = {64}}, order, out.data(), next.data()), "");
  emu::setSchedule(before);
  return {out.begin(), out.end()};
}
TEST(schedules_are_what_they_are_called) {
  const std::vector<int> forward = orderUnder("forward-greedy"), lockstep = orderUnder("forward-lockstep"),
                         reverse = orderUnder("reverse-greedy"), random = orderUnder("random-greedy");
  // The last lane to arrive goes on at once; the rest of its warp follows before the next warp begins.
  CHECK_EQUAL(forward[31], 31);
  CHECK_EQUAL(forward[32], 31);
  CHECK_EQUAL(forward[33], 0);
  CHECK_EQUAL(forward[64], 32);
  CHECK_EQUAL(lockstep[33], 32);
  CHECK_EQUAL(reverse[0], 255);
  CHECK_EQUAL(reverse[32], 224);
  CHECK(random != forward && random != orderUnder("random-greedy", 2));
  CHECK(random == orderUnder("random-greedy"));
  for (const char* name : {"random-greedy", "random-lockstep", "reverse-lockstep"}) {
    std::vector<int> seen(256);
    for (const int t : orderUnder(name)) seen[static_cast<size_t>(t)]++;
    for (const int count : seen) CHECK_EQUAL(count, 2);
  }
  CHECK(!emu::setSchedule("sideways"));
}

}  // namespace
}  // namespace wg::cuda

#endif
