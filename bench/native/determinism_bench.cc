// What reproducible sums cost: our kernels, whose blocks follow from the shape,
// against the plainest loops that may split and reorder as they like, in turns
// on one thread, best of all bursts. Built as memory_bench.cc is:
//   /tmp/determinism_bench [seconds a case]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "../../native/cpu/pool.h"
#include "operands.h"

using namespace wg;
using namespace wg::bench;

namespace {

using Lanes = float __attribute__((vector_size(64), aligned(4)));
constexpr int64_t kLanes = 16, kRows = 256, kColumns = 1024, kCount = kRows * kColumns;

/// Eight registers in float32 from the first to the last element.
float freeSum(const float* p, int64_t n) {
  Lanes sum[8] = {};
  for (int64_t i = 0; i + 8 * kLanes <= n; i += 8 * kLanes) {
    for (int64_t k = 0; k < 8; k++) sum[k] += *reinterpret_cast<const Lanes*>(p + i + k * kLanes);
  }
  const Lanes all = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
  float total = 0;
  for (int64_t k = 0; k < kLanes; k++) total += all[k];
  return total;
}

/// Sixteen registers of columns over all rows.
void freeColumns(float* out, const float* p) {
  for (int64_t j = 0; j < kColumns; j += 16 * kLanes) {
    Lanes sum[16] = {};
    for (int64_t i = 0; i < kRows; i++) {
      for (int64_t k = 0; k < 16; k++)
        sum[k] += *reinterpret_cast<const Lanes*>(p + i * kColumns + j + k * kLanes);
    }
    for (int64_t k = 0; k < 16; k++) *reinterpret_cast<Lanes*>(out + j + k * kLanes) = sum[k];
  }
}

double seconds(const std::function<void()>& f) {
  const double start = now();
  f();
  return now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  const double budget = argc > 1 ? std::atof(argv[1]) : 1;
  cpu::setThreads(1);
  float *a = randoms(kCount), *d = randoms(kCount);
  const auto x = view<In>(a, {kRows, kColumns});
  const auto all = view<Out>(d, {1, 1}), rows = view<Out>(d, {kRows, 1}),
             columns = view<Out>(d, {1, kColumns});
  Status status{};
  Stream s{&status, nullptr, nullptr, 0, nullptr, 0};
  const std::atomic<bool> cancelled{false};
  s.cancelled = &cancelled;
  const struct {
    const char* name;
    std::function<void()> ours, free;
  } cases[] = {
      {"sum of 1 MiB", [&] { cpu::sum(s, all, x); }, [&] { d[0] = freeSum(a, kCount); }},
      {"sums of 256 rows of 1024", [&] { cpu::sum(s, rows, x); },
       [&] {
         for (int64_t i = 0; i < kRows; i++) d[i] = freeSum(a + i * kColumns, kColumns);
       }},
      {"sums of 1024 columns of 256", [&] { cpu::sum(s, columns, x); }, [&] { freeColumns(d, a); }},
  };
  for (const auto& each : cases) {
    double ours = 1e9, theirs = 1e9;
    for (const double end = now() + budget; now() < end;) {
      ours = std::min(ours, seconds(each.ours));
      theirs = std::min(theirs, seconds(each.free));
    }
    std::printf("%-28s ours %6.2f us, free %6.2f us: %+.1f %%\n", each.name, ours * 1e6, theirs * 1e6,
                (ours / theirs - 1) * 100);
  }
  return 0;
}
