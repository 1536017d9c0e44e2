// The kernels of reductions over any axes. A Rule says what is folded:
//   Value, State; empty(); take<n>(state, values, center, first, step): n values whose positions along the
//   reduced axes are first, first + step …, `center` being the output's first value; merge(a, b);
//   finish(out, index, state).
// Rows: a team of threads for each output. Columns: each thread folds a few neighbouring columns, and a block
// joins the threads that took different rows of them. Long reductions with few outputs are cut into pieces,
// whose states a second kernel joins in their order.
#pragma once
#include "reduction.h"
#include "wg/launch.h"
#include "wg/vector.h"

namespace wg::cuda {

namespace detail {

inline constexpr int kInFlight = 4;
/// Chunks folded one after the other before they are added to the rest: roundings do not pile up.
inline constexpr int kGroup = 32;

/// Where position `i` of the reduced axes lies.
WG_DEV int64_t positionOf(const Reduction& r, int64_t i) {
  if (r.reduced.rank <= 1) return i * r.reduced.stride[0][0];
  return r.reduced(static_cast<uint64_t>(i))[0];
}

template <class Rule>
WG_DEV void finishOrKeep(const Rule& rule, const Reduction& r, int64_t output, int64_t at,
                         typename Rule::State state, typename Rule::State* partials) {
  if (r.pieces == 1) rule.finish(r.out, at, state);
  else partials[output * r.pieces + blockIdx.y] = state;
}

/// Folds whole packs [first, end) of a row whose threads are `team`.
template <class Rule>
WG_DEV typename Rule::State foldPacks(const Rule& rule, const Reduction& r, const typename Rule::Value* row,
                                      typename Rule::Value center, const Team& team, int64_t first,
                                      int64_t end) {
  using T = typename Rule::Value;
  constexpr int kCount = kPackCount<T>, kInFlight = kCount > 4 ? 2 : detail::kInFlight;
  typename Rule::State state[kInFlight];
  for (auto& s : state) s = rule.empty();
  const auto read = [&](int64_t p) { return loadOnce<Pack16<T>>(row + positionOf(r, p * kCount)); };
  int64_t p = first + team.rank;
  const int64_t stride = team.size;
  for (; p + (kInFlight - 1) * stride < end; p += kInFlight * stride) {
    Pack16<T> pack[kInFlight];
    WG_UNROLL
    for (int u = 0; u < kInFlight; u++) pack[u] = read(p + u * stride);
    WG_UNROLL
    for (int u = 0; u < kInFlight; u++)
      rule.template take<kCount>(state[u], pack[u].v, center, (p + u * stride) * kCount, 1);
  }
  for (; p < end; p += stride) {
    const Pack16<T> pack = read(p);
    rule.template take<kCount>(state[0], pack.v, center, p * kCount, 1);
  }
  WG_UNROLL
  for (int u = 1; u < kInFlight; u++) state[0] = rule.merge(state[0], state[u]);
  return state[0];
}

template <class Rule>
WG_DEV typename Rule::State foldElements(const Rule& rule, const Reduction& r,
                                         const typename Rule::Value* row, typename Rule::Value center,
                                         const Team& team, int64_t first, int64_t end) {
  using T = typename Rule::Value;
  typename Rule::State total = rule.empty();
  int64_t i = first + team.rank;
  const int64_t stride = team.size;
  while (i + (kInFlight - 1) * stride < end) {
    typename Rule::State group = rule.empty();
    for (int n = 0; n < kGroup && i + (kInFlight - 1) * stride < end; n++, i += kInFlight * stride) {
      T values[kInFlight];
      WG_UNROLL
      for (int u = 0; u < kInFlight; u++) values[u] = row[positionOf(r, i + u * stride)];
      rule.template take<kInFlight>(group, values, center, i, stride);
    }
    total = rule.merge(total, group);
  }
  for (; i < end; i += stride) rule.template take<1>(total, row + positionOf(r, i), center, i, 1);
  return total;
}

template <class Rule>
WG_KERNEL(512)
foldRows(Rule rule, Reduction r, typename Rule::State* partials) {
  using T = typename Rule::Value;
  const Team team(r.team.lanes, false);
  const int64_t output = team.row();
  typename Rule::State state = rule.empty();
  int64_t to = 0;
  if (output < r.outputs) {
    const auto at = r.kept(static_cast<uint64_t>(output));
    const T* row = static_cast<const T*>(r.x) + at[0];
    to = at[1];
    const int64_t first = blockIdx.y * r.piece;
    const int64_t end = first + r.piece < r.length ? first + r.piece : r.length;
    const T center = r.length > 0 ? *row : T(0);
    if (r.packed) {
      constexpr int kCount = kPackCount<T>;
      state = foldPacks(rule, r, row, center, team, first / kCount, end / kCount);
      const int64_t i = end / kCount * kCount + team.rank;
      for (int64_t k = i; k < end; k += team.size)
        rule.template take<1>(state, row + positionOf(r, k), center, k, 1);
    } else {
      state = foldElements(rule, r, row, center, team, first, end);
    }
  }
  state = team.reduce(state, [&](const auto& a, const auto& b) { return rule.merge(a, b); });
  if (output < r.outputs && team.rank == 0) finishOrKeep(rule, r, output, to, state, partials);
}

template <class Rule>
WG_KERNEL(256)
foldColumns(Rule rule, Reduction r, typename Rule::State* partials) {
  using T = typename Rule::Value;
  using State = typename Rule::State;
  constexpr int kCount = kColumns<T>;
  const int lanes = r.team.lanes, down = r.team.threads / lanes;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1), first = static_cast<int>(threadIdx.x) / lanes;
  const int64_t outer = blockIdx.x / r.strips, strip = blockIdx.x % r.strips;
  // Of a strip's columns a thread takes neighbours when they make a pack, else every lanes-th.
  const int64_t column = strip * lanes * kCount + (r.packed ? lane * kCount : lane);
  const int spread = r.packed ? 1 : lanes;
  State state[kCount];
  WG_UNROLL
  for (int c = 0; c < kCount; c++) state[c] = rule.empty();
  if (column < r.width) {
    const T* x = static_cast<const T*>(r.x) + r.kept(static_cast<uint64_t>(outer * r.width))[0] + column;
    const int64_t begin = blockIdx.y * r.piece;
    const int64_t end = begin + r.piece < r.length ? begin + r.piece : r.length;
    // Columns beyond the last repeat it and are dropped at the end.
    const auto read = [&](int64_t i) {
      const T* p = x + positionOf(r, i);
      if (r.packed) return loadOnce<Pack<T, kCount>>(p);
      Pack<T, kCount> values;
      WG_UNROLL
      for (int c = 0; c < kCount; c++) values[c] = p[column + c * spread < r.width ? c * spread : 0];
      return values;
    };
    Pack<T, kCount> center{};
    if (r.length > 0) center = read(0);
    int64_t i = begin + first;
    while (i + int64_t{kInFlight - 1} * down < end) {
      State group[kCount];
      WG_UNROLL
      for (int c = 0; c < kCount; c++) group[c] = rule.empty();
      for (int n = 0; n < kGroup && i + int64_t{kInFlight - 1} * down < end;
           n++, i += int64_t{kInFlight} * down) {
        Pack<T, kCount> rows[kInFlight];
        WG_UNROLL
        for (int u = 0; u < kInFlight; u++) rows[u] = read(i + int64_t{u} * down);
        WG_UNROLL
        for (int c = 0; c < kCount; c++) {
          T values[kInFlight];
          WG_UNROLL
          for (int u = 0; u < kInFlight; u++) values[u] = rows[u][c];
          rule.template take<kInFlight>(group[c], values, center[c], i, down);
        }
      }
      WG_UNROLL
      for (int c = 0; c < kCount; c++) state[c] = rule.merge(state[c], group[c]);
    }
    for (; i < end; i += down) {
      const Pack<T, kCount> row = read(i);
      WG_UNROLL
      for (int c = 0; c < kCount; c++) rule.template take<1>(state[c], &row.v[c], center[c], i, 1);
    }
  }
  WG_SHARED(State, all, [kCount][256]);
  if (down > 1) {
    WG_UNROLL
    for (int c = 0; c < kCount; c++) all[c][threadIdx.x] = state[c];
    for (int half = down / 2; half > 0; half /= 2) {
      syncBlock();
      if (first >= half) continue;
      WG_UNROLL
      for (int c = 0; c < kCount; c++) {
        state[c] = rule.merge(state[c], all[c][threadIdx.x + static_cast<unsigned>(half * lanes)]);
        all[c][threadIdx.x] = state[c];
      }
    }
  }
  if (first > 0 || column >= r.width) return;
  WG_UNROLL
  for (int c = 0; c < kCount; c++) {
    if (column + c * spread >= r.width) break;
    const int64_t output = outer * r.width + column + c * spread;
    finishOrKeep(rule, r, output, r.kept(static_cast<uint64_t>(output))[1], state[c], partials);
  }
}

/// Joins the pieces of each output.
template <class Rule>
WG_KERNEL(256)
joinPieces(Rule rule, Reduction r, const typename Rule::State* partials, int lanes) {
  const Team team(lanes, false);
  const int64_t output = team.row();
  typename Rule::State state = rule.empty();
  if (output < r.outputs) {
    for (int64_t i = team.rank; i < r.pieces; i += team.size)
      state = rule.merge(state, partials[output * r.pieces + i]);
  }
  state = team.reduce(state, [&](const auto& a, const auto& b) { return rule.merge(a, b); });
  if (output < r.outputs && team.rank == 0)
    rule.finish(r.out, r.kept(static_cast<uint64_t>(output))[1], state);
}

}  // namespace detail

template <class Rule>
void reduce(Stream& s, const Reduction& r, const Rule& rule) {
  using State = typename Rule::State;
  const size_t needed = r.pieces == 1 ? 0 : static_cast<size_t>(r.outputs * r.pieces) * sizeof(State);
  if (!require(s, s.scratchBytes >= needed, "reduction: too little scratch")) return;
  auto* partials = static_cast<State*>(s.scratch);
  const dim3 grid(static_cast<unsigned>(r.blocks), static_cast<unsigned>(r.pieces));
  const dim3 block(static_cast<unsigned>(r.team.threads));
  if (r.columns) launch(s, detail::foldColumns<Rule>, grid, block, 0, rule, r, partials);
  else launch(s, detail::foldRows<Rule>, grid, block, 0, rule, r, partials);
  if (r.pieces == 1 || failed(s)) return;
  const TeamShape team = teamOf(r.outputs, r.pieces, 4, kWarp, false);
  launch(s, detail::joinPieces<Rule>,
         dim3(static_cast<unsigned>(wg::ceilDiv(r.outputs, team.rowsPerBlock()))),
         dim3(static_cast<unsigned>(team.threads)), 0, rule, r, partials, team.lanes);
}

/// Writes an integer result as the output's type.
WG_DEV void putInteger(void* out, DType dtype, int64_t at, uint64_t value) {
  if (dtype == DType::i64) static_cast<int64_t*>(out)[at] = static_cast<int64_t>(value);
  else if (dtype == DType::i32) static_cast<int32_t*>(out)[at] = static_cast<int32_t>(value);
  else static_cast<uint8_t*>(out)[at] = static_cast<uint8_t>(value);
}

/// What sums, products and places are kept in: floats as they are or wider, integers wrap.
template <class T, class Float>
using Wide = std::conditional_t<kIsFloat<T>, Float, uint64_t>;

}  // namespace wg::cuda
