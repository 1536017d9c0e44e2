// Scans along an axis of any views. Lines that lie side by side in memory take a thread each and are walked
// one element after the other; others are scanned by a team of threads, a run of elements each. Long lines,
// when there are few, are cut into chunks: their totals first, then the totals before each chunk, then the
// scan from there. A Rule says what is scanned:
//   kViews, kRun, State; neutral(); combine(before, after), which is associative;
//   read(line, i, count, states): the elements [i, i + count) of a line alone; write(line, i, count, states).
#pragma once
#include "../ops/checks.h"
#include "team.cuh"
#include "wg/index.h"
#include "wg/launch.h"
#include "wg/vector.h"

namespace wg::cuda {

/// The lines of N views along one axis; views[0] decides their order.
template <int N>
struct Lines {
  Offsets<N, uint64_t> starts;
  int64_t step[N];
  int64_t lines, length;
  int64_t chunk, chunks;
  bool across;
  bool packed[N];  ///< runs of elements may be moved as packs
  TeamShape team;  ///< of one line, when lines are not side by side
  int64_t blocks;  ///< for one chunk of each line
};

namespace detail {

/// Elements [0, count) of `step`; as packs where the host has allowed them.
template <class T, int n>
WG_DEV void readRun(const T* p, int64_t step, int count, bool packed, T (&values)[n]) {
  constexpr int kEach = static_cast<int>(sizeof(T)) * n > 16 ? kPackCount<T> : n;
  if (packed && count == n) {
    WG_UNROLL
    for (int k = 0; k < n; k += kEach) {
      const auto pack = loadOnce<Pack<T, kEach>>(p + k);
      WG_UNROLL
      for (int j = 0; j < kEach; j++) values[k + j] = pack[j];
    }
    return;
  }
  WG_UNROLL
  for (int k = 0; k < n; k++) values[k] = k < count ? p[k * step] : T(0);
}
template <class T, int n>
WG_DEV void writeRun(T* p, int64_t step, int count, bool packed, const T (&values)[n]) {
  constexpr int kEach = static_cast<int>(sizeof(T)) * n > 16 ? kPackCount<T> : n;
  if (packed && count == n) {
    WG_UNROLL
    for (int k = 0; k < n; k += kEach) {
      Pack<T, kEach> pack;
      WG_UNROLL
      for (int j = 0; j < kEach; j++) pack[j] = values[k + j];
      store(p + k, pack);
    }
    return;
  }
  WG_UNROLL
  for (int k = 0; k < n; k++)
    if (k < count) p[k * step] = values[k];
}

enum class Phase { totals, scan };

template <class Rule>
WG_KERNEL(256, 1)
scanAlong(Rule rule, Lines<Rule::kViews> l, typename Rule::State* carries, Phase phase) {
  using State = typename Rule::State;
  constexpr int kRun = Rule::kRun;
  const auto combine = [&](const State& a, const State& b) { return rule.combine(a, b); };
  const Team team(l.team.lanes, false);
  const int64_t line = team.row(), chunk = blockIdx.y;
  const bool mine = line < l.lines;
  const auto at = l.starts(static_cast<uint64_t>(mine ? line : 0));
  State carry = rule.neutral();
  if (phase == Phase::scan && l.chunks > 1 && mine) carry = carries[line * l.chunks + chunk];
  const int64_t begin = chunk * l.chunk, end = begin + l.chunk < l.length ? begin + l.chunk : l.length;
  for (int64_t base = begin; base < end; base += int64_t{team.size} * kRun) {
    const int64_t i = base + team.rank * kRun;
    const int64_t left = mine ? end - i : 0;
    const int count = left < 0 ? 0 : left < kRun ? static_cast<int>(left) : kRun;
    State states[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) states[k] = rule.neutral();
    if (count > 0) rule.read(l, at, i, count, states);
    WG_UNROLL
    for (int k = 1; k < kRun; k++) states[k] = rule.combine(states[k - 1], states[k]);
    const auto scanned = team.scan(states[kRun - 1], rule.neutral(), combine);
    if (phase == Phase::scan && count > 0) {
      const State before = rule.combine(carry, scanned.before);
      WG_UNROLL
      for (int k = 0; k < kRun; k++) states[k] = rule.combine(before, states[k]);
      rule.write(l, at, i, count, states);
    }
    carry = rule.combine(carry, scanned.total);
  }
  if (phase == Phase::totals && mine && team.rank == 0) carries[line * l.chunks + chunk] = carry;
}

template <class Rule>
WG_KERNEL(128)
scanAcross(Rule rule, Lines<Rule::kViews> l, typename Rule::State* carries, Phase phase) {
  using State = typename Rule::State;
  constexpr int kRun = Rule::kRun;
  const int64_t line = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, chunk = blockIdx.y;
  if (line >= l.lines) return;
  const auto at = l.starts(static_cast<uint64_t>(line));
  State carry = rule.neutral();
  if (phase == Phase::scan && l.chunks > 1) carry = carries[line * l.chunks + chunk];
  const int64_t begin = chunk * l.chunk, end = begin + l.chunk < l.length ? begin + l.chunk : l.length;
  for (int64_t i = begin; i < end; i += kRun) {
    const int count = end - i < kRun ? static_cast<int>(end - i) : kRun;
    State states[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) states[k] = rule.neutral();
    rule.read(l, at, i, count, states);
    WG_UNROLL
    for (int k = 0; k < kRun; k++) {
      if (k < count) carry = rule.combine(carry, states[k]);
      states[k] = carry;
    }
    if (phase == Phase::scan) rule.write(l, at, i, count, states);
  }
  if (phase == Phase::totals) carries[line * l.chunks + chunk] = carry;
}

/// Of the chunks' totals, what comes before each chunk: a warp for a line.
template <class Rule>
WG_KERNEL(256)
scanCarries(Rule rule, int64_t lines, int64_t chunks, typename Rule::State* carries) {
  using State = typename Rule::State;
  const Team team(kWarp, false);
  const int64_t line = team.row();
  State carry = rule.neutral();
  for (int64_t base = 0; base < chunks; base += kWarp) {
    const int64_t i = base + team.rank;
    const bool mine = line < lines && i < chunks;
    const State total = mine ? carries[line * chunks + i] : rule.neutral();
    const auto scanned =
        team.scan(total, rule.neutral(), [&](const State& a, const State& b) { return rule.combine(a, b); });
    if (mine) carries[line * chunks + i] = rule.combine(carry, scanned.before);
    carry = rule.combine(carry, scanned.total);
  }
}

}  // namespace detail

/// Null, or what is wrong with the shapes. The views may differ in size along the axis; views[0] says how
/// long lines are.
template <int N>
const char* planLines(const View* const (&views)[N], int32_t axis, int run, Lines<N>& l) {
  const View& first = *views[0];
  bool fits = axis >= 0 && axis < first.rank;
  for (const View* v : views) {
    fits = fits && v->rank == first.rank;
    for (int i = 0; fits && i < first.rank; i++) fits = i == axis || v->shape[i] == first.shape[i];
  }
  if (!fits) return "scan: shapes differ off the axis";
  View off[N];
  const View* each[N];
  for (int k = 0; k < N; k++) {
    off[k] = *views[k];
    off[k].rank = 0;
    for (int i = 0; i < first.rank; i++) {
      if (i == axis) continue;
      off[k].shape[off[k].rank] = views[k]->shape[i];
      off[k].stride[off[k].rank++] = views[k]->stride[i];
    }
    each[k] = &off[k];
    l.step[k] = views[k]->stride[axis];
  }
  const Axes<N> axes = axesOf<N>(each, Reorder::yes);
  l.starts = axes.template offsets<uint64_t>();
  l.lines = axes.total;
  l.length = first.shape[axis];
  l.chunk = l.length;
  l.chunks = 1;
  for (int k = 0; k < N; k++) {
    const int64_t item = itemBytes(views[k]->dtype);
    const int64_t count = item * run > 16 ? 16 / item : run;
    bool packed = l.step[k] == 1 &&
                  reinterpret_cast<uintptr_t>(views[k]->data) % static_cast<uintptr_t>(count * item) == 0;
    for (int a = 0; a < axes.rank; a++) packed = packed && axes.stride[a][k] % count == 0;
    l.packed[k] = packed;
  }
  if (l.lines == 0 || l.length == 0) return nullptr;
  const auto magnitude = [](int64_t x) { return x < 0 ? -x : x; };
  l.across = axes.rank > 0 && magnitude(axes.stride[0][0]) < magnitude(l.step[0]);
  int64_t wanted = 1, multiple = run;  // packs start where runs do
  if (l.across) {
    constexpr int64_t kThreads = 1 << 16, kShortest = 64;
    l.team = {1, true, static_cast<int>(minOf(128, wg::ceilDiv(l.lines, 32) * 32))};
    l.blocks = wg::ceilDiv(l.lines, l.team.threads);
    if (l.lines < kThreads / 2) wanted = minOf(kThreads / 2, minOf(kThreads / l.lines, l.length / kShortest));
  } else {
    constexpr int64_t kBlocks = 512, kTiles = 4;
    l.team = teamOf(l.lines, l.length, run, l.lines >= 2048 ? kWarp : 256, false);
    l.blocks = wg::ceilDiv(l.lines, l.team.rowsPerBlock());
    multiple = int64_t{l.team.lanes} * run;
    if (l.lines < kBlocks / 2) wanted = minOf(kBlocks / l.lines, l.length / (kTiles * multiple));
  }
  if (wanted < 2) return nullptr;
  l.chunk = wg::ceilDiv(wg::ceilDiv(l.length, wanted), multiple) * multiple;
  l.chunks = wg::ceilDiv(l.length, l.chunk);
  return nullptr;
}

/// Scratch for the carries of lines that are cut.
template <class Rule, int N>
size_t carryBytes(const Lines<N>& l) {
  return l.chunks == 1 ? 0 : static_cast<size_t>(l.lines * l.chunks) * sizeof(typename Rule::State);
}

template <class Rule>
void scanLines(Stream& s, const Lines<Rule::kViews>& l, const Rule& rule) {
  if (!require(s, s.scratchBytes >= carryBytes<Rule>(l), "scan: too little scratch")) return;
  auto* carries = static_cast<typename Rule::State*>(s.scratch);
  const dim3 grid(static_cast<unsigned>(l.blocks), static_cast<unsigned>(l.chunks));
  const auto run = [&](detail::Phase phase) {
    launch(s, l.across ? detail::scanAcross<Rule> : detail::scanAlong<Rule>, grid,
           dim3(static_cast<unsigned>(l.team.threads)), 0, rule, l, carries, phase);
  };
  if (l.chunks > 1) {
    run(detail::Phase::totals);
    if (failed(s)) return;
    const TeamShape team = teamOf(l.lines, kWarp, 1, kWarp, false);
    launch(s, detail::scanCarries<Rule>,
           dim3(static_cast<unsigned>(wg::ceilDiv(l.lines, team.rowsPerBlock()))),
           dim3(static_cast<unsigned>(team.threads)), 0, rule, l.lines, l.chunks, carries);
    if (failed(s)) return;
  }
  run(detail::Phase::scan);
}

}  // namespace wg::cuda
