// What the emulator's threads cost: sh bench/native/emulator_bench.sh
#include <chrono>
#include <cstdio>
#include <vector>

#include "../../native/cuda/wg/block.h"
#include "../../native/emu/call.h"
#include "../../native/emu/schedule.h"

using namespace wg::cuda;
namespace emu = wg::emu;

namespace {

WG_KERNEL(256) scale(float* out, const float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) out[i] = 2 * x[i];
}
WG_KERNEL(256) scaleInSteps(float* out, const float* x, int n) {
  const auto step = static_cast<int>(blockDim.x * gridDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += step) out[i] = 2 * x[i];
}
WG_KERNEL(256) barriers(int rounds) {
  for (int i = 0; i < rounds; i++) __syncthreads();
}
WG_KERNEL(256) shuffles(float* out, int rounds) {
  float v = static_cast<float>(threadIdx.x);
  for (int i = 0; i < rounds; i++) v += shuffleXor(v, 1 << (i & 3));
  out[threadIdx.x] = v;
}
WG_KERNEL(256) sums(float* out, int rounds) {
  float v = static_cast<float>(threadIdx.x);
  for (int i = 0; i < rounds; i++) v = blockSum(v) * 0.001f;
  out[threadIdx.x] = v;
}

/// Nanoseconds of the quickest of several launches.
template <class... P, class... A>
double time(void (*kernel)(P...), unsigned grid, unsigned block, A... arguments) {
  using Call = emu::KernelCall<P...>;
  Call call{{reinterpret_cast<const void*>(kernel), {grid}, {block}, {1}, 0},
            kernel,
            {static_cast<P>(arguments)...}};
  double best = 1e30;
  for (int i = 0; i < 15; i++) {
    const auto start = std::chrono::steady_clock::now();
    Call::run(&call);
    best = std::min(
        best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

int main() {
  constexpr int n = 1 << 20;
  std::vector<float> x(n, 1.0f), y(n);
  std::printf("%-20s %10s %10s %10s %10s %10s\n", "schedule", "thread", "launch", "barrier", "shuffle",
              "blockSum");
  for (const char* name :
       {"forward-greedy", "forward-lockstep", "reverse-greedy", "random-greedy", "random-lockstep"}) {
    emu::setSchedule(name);
    const double thread = time(scale, n / 256, 256, y.data(), x.data(), n) / n;
    const double launch = time(scale, 1, 32, y.data(), x.data(), 0);
    const double barrier = time(barriers, 1, 256, 1000) / 256e3,
                 shuffle = time(shuffles, 1, 256, y.data(), 1000) / 256e3,
                 sum = time(sums, 1, 256, y.data(), 200) / (256 * 200);
    std::printf("%-20s %7.1f ns %7.0f ns %7.1f ns %7.1f ns %7.1f ns\n", name, thread, launch, barrier,
                shuffle, sum);
  }
  std::printf("grid-stride loop, an element: %.2f ns\n",
              time(scaleInSteps, 8, 256, y.data(), x.data(), n) / n);
}
