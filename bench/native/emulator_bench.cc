// What the emulator's threads cost:
//   g++ -std=c++20 -O3 -DWG_EMU -fno-rtti -o emulator_bench bench/native/emulator_bench.cc \
//     $(node -p "JSON.parse(fs.readFileSync('native/sources.json')).emu.join(' ')") -ldl -pthread
#include <chrono>
#include <cstdio>
#include <vector>

#include "../../native/cuda/wg/block.h"
#include "../../native/cuda/wg/mma.h"
#include "../../native/cuda/wg/wgmma.h"
#include "../../native/emu/call.h"
#include "../../native/emu/schedule.h"

using namespace wg::cuda;
namespace emu = wg::emu;

namespace {

WG_KERNEL(256) scale(float* out, const float* x, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) out[i] = 2 * x[i];
}
WG_KERNEL(256) nothing() {}
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

WG_KERNEL(256) products(float* out, int rounds) {
  float d[4] = {};
  const uint32_t a[4] = {threadIdx.x}, b[2] = {};
  for (int i = 0; i < rounds; i++) mmaBf16(d, a, b);
  out[threadIdx.x] = d[0];
}
WG_KERNEL(128) groupProducts(float* out, int rounds) {
  WG_SHARED(unsigned char, bytes, [24576]);
  float d[64] = {};
  for (unsigned i = threadIdx.x; i < 24576; i += 128) bytes[i] = 0;
  __syncthreads();
  const uint64_t a = matrixDescriptor(bytes, 0, 1024, Swizzle::bytes128);
  const uint64_t b = matrixDescriptor(bytes + 8192, 0, 1024, Swizzle::bytes128);
  for (int i = 0; i < rounds; i++) {
    wgmmaFence();
    wgmma<WgmmaType::bf16>(d, a, b, true);
    wgmmaCommit();
    wgmmaWait<0>();
  }
  out[threadIdx.x] = d[0];
}

}  // namespace

int main() {
  constexpr int n = 1 << 14;
  std::vector<float> x(n, 1.0f), y(n);
  std::printf("%-17s %9s %9s %9s %9s %9s %9s\n", "nanoseconds", "thread", "scale", "launch", "barrier",
              "shuffle", "blockSum");
  for (const char* name :
       {"forward-greedy", "forward-lockstep", "reverse-greedy", "random-greedy", "random-lockstep"}) {
    emu::setSchedule(name);
    std::printf("%-17s %9.1f %9.1f %9.0f %9.1f %9.1f %9.1f\n", name, time(nothing, 64, 256) / n,
                time(scale, n / 256, 256, y.data(), x.data(), n) / n, time(nothing, 1, 32),
                time(barriers, 1, 256, 1000) / 256e3, time(shuffles, 1, 256, y.data(), 1000) / 256e3,
                time(sums, 1, 256, y.data(), 200) / (256 * 200));
  }
  emu::setSchedule("forward-greedy");
  std::printf("mma m16n8k16, a warp: %.0f ns\n", time(products, 1, 256, y.data(), 100) / 800);
  std::printf("wgmma m64n128k16: %.0f ns\n", time(groupProducts, 1, 128, y.data(), 50) / 50);
}
