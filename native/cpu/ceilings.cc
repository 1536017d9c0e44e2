// Runs the loops of peak.cc on the pool and keeps the best round.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "../core/host_memory.h"
#include "backend.h"
#include "isa.h"
#include "peak.h"
#include "pool.h"

namespace wg::cpu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kRoundSeconds = 0.001;  // long against waking a thread, short against interruptions
constexpr int64_t kTimes = 4096;         // some 25 us of multiply-adds
constexpr int64_t kGroup = 256;          // floats; the loops take multiples

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What one thread works on.
struct Share {
  float* from = nullptr;
  float* to = nullptr;
  int64_t floats = 0;
  alignas(64) float sink[16] = {1.0000001f, 1e-9f};
};

/// Bytes that a pass that a pass of this kind moves, or operations of `kTimes` multiply-adds.
double pass(const PeakLoops& loops, Ceiling what, bool streaming, Share& share) {
  if (what == Ceiling::multiplyAdd) return static_cast<double>(loops.multiplyAdd(kTimes, share.sink));
  const double bytes = static_cast<double>(share.floats) * sizeof(float);
  if (what == Ceiling::read) {
    loops.read(share.from, share.floats, share.sink);
    return bytes;
  }
  (streaming ? loops.copyStreaming : loops.copy)(share.to, share.from, share.floats);
  return 2 * bytes;
}

/// The best rate of all shares together.
double best(const PeakLoops& loops, Ceiling what, bool streaming, std::vector<Share>& shares,
            double seconds) {
  Status status{};
  Stream stream{};
  stream.status = &status;
  std::vector<double> amounts(shares.size());
  const auto round = [&](int64_t passes) {
    const auto start = Clock::now();
    parallelFor(stream, static_cast<int64_t>(shares.size()), [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      amounts[at] = 0;
      for (int64_t p = 0; p < passes; p++) amounts[at] += pass(loops, what, streaming, shares[at]);
    });
    return secondsSince(start);
  };
  round(1);
  const auto passes = std::max(int64_t{1}, static_cast<int64_t>(kRoundSeconds / std::max(round(1), 1e-7)));
  double rate = 0;
  const auto start = Clock::now();
  do {
    const double took = round(passes);
    double amount = 0;
    for (const double each : amounts) amount += each;
    rate = std::max(rate, amount / took);
  } while (secondsSince(start) < seconds);
  return rate;
}

}  // namespace

double measureCeiling(Ceiling what, int64_t bytes, double seconds) {
  const PeakLoops& loops = *isa().loops();
  std::vector<Share> shares(static_cast<size_t>(threads()));
  if (what == Ceiling::multiplyAdd) return best(loops, what, false, shares, seconds);
  const int64_t arrays = what == Ceiling::copy ? 2 : 1;
  const auto floats =
      std::max(kGroup, bytes / arrays / static_cast<int64_t>(sizeof(float)) / kGroup * kGroup);
  const auto each = static_cast<size_t>(floats) * sizeof(float);
  bool enough = true;
  for (Share& share : shares) {
    share.floats = floats;
    share.from = static_cast<float*>(allocateHost(each));
    if (arrays == 2) share.to = static_cast<float*>(allocateHost(each));
    enough = enough && share.from && (arrays == 1 || share.to);
    // Pages that were never written are all the same zeros.
    if (share.from) std::memset(share.from, 0, each);
    if (share.to) std::memset(share.to, 0, each);
  }
  double rate = 0;
  if (enough) rate = best(loops, what, false, shares, seconds);
  if (enough && what == Ceiling::copy) rate = std::max(rate, best(loops, what, true, shares, seconds));
  for (const Share& share : shares) {
    if (share.from) releaseHost(share.from, each);
    if (share.to) releaseHost(share.to, each);
  }
  return rate;
}

}  // namespace wg::cpu
