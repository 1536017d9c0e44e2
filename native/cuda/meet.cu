#include "meet.h"

#include "sort_rows.h"
#include "wg/launch.h"

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

/// keys[i]: which row of the target position i goes to.
template <class I>
WG_KERNEL(kThreads)
nameRows(std::make_signed_t<I>* keys, WG_GRID_CONSTANT const IndexSet<I> set, Offsets<1, I> still,
         int64_t base, I total, ErrorCell* cell) {
  using K = std::make_signed_t<I>;
  const I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= total) return;
  int64_t sum;
  const bool inside = locate(set, i, cell, sum);
  keys[i] = inside ? static_cast<K>(sum + still(i)[0] - base) : K(0);
}

template <class T>
WG_DEV T combine(int32_t rule, T a, T b) {
  switch (rule) {
    case kAdd:
      return static_cast<T>(a + b);
    case kMultiply:
      return static_cast<T>(a * b);
    // NaN wins over numbers.
    case kLarger:
      return b != b || a < b ? b : a;
    case kSmaller:
      return b != b || b < a ? b : a;
    default:
      return b;
  }
}

template <class T, class I>
struct Meet {
  T* target;
  const T* source;  ///< null: `number`
  T number;
  const std::make_signed_t<I>* keys;
  const int32_t* places;
  Offsets<1, I> targetRows, sourceRows;
  Offsets<2, I> inner;  ///< of target and source
  I total;
  int32_t rule;
  Gate gate;
};

/// A thread for each position (y) and column (x). The first position of those that meet one row goes through
/// them all; where the last one wins, that one works.
template <class T, class I>
WG_KERNEL(kThreads)
meetRows(Meet<T, I> a) {
  constexpr int kEach = 4;  // loads under way
  const I first = static_cast<I>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (first >= a.total || a.gate.closed()) return;
  const auto key = a.keys[first];
  const bool assign = a.rule == kAssign;
  if (assign ? first + 1 < a.total && a.keys[first + 1] == key : first > 0 && a.keys[first - 1] == key)
    return;
  T* const to = a.target + a.targetRows(static_cast<I>(key))[0];
  for (I c = blockIdx.y * blockDim.x + threadIdx.x; c < a.inner.total; c += gridDim.y * blockDim.x) {
    const auto at = a.inner(c);
    T value = assign ? T(0) : to[at[0]];
    for (I j = first;; j += kEach) {
      T next[kEach];
      int n = 0;
      WG_UNROLL
      for (int k = 0; k < kEach; k++) {
        const I i = j + static_cast<I>(k);
        if (n != k || i >= a.total || a.keys[i] != key) continue;
        n = k + 1;
        next[k] = a.source ? a.source[a.sourceRows(static_cast<I>(a.places[i]))[0] + at[1]] : a.number;
      }
      WG_UNROLL
      for (int k = 0; k < kEach; k++)
        if (k < n) value = combine(a.rule, value, next[k]);
      if (n < kEach) break;
    }
    to[at[0]] = value;
  }
}

template <class K>
struct Memory {
  K *keys, *sorted;
  int32_t* places;
  void* rest;
  size_t bytes;
};
template <class K>
Memory<K> memoryOf(void* scratch, int64_t total) {
  Room room(scratch);
  Memory<K> m;
  m.keys = room.take<K>(total);
  m.sorted = room.take<K>(total);
  m.places = room.take<int32_t>(total);
  m.rest = room.rest();
  m.bytes = room.used() + sortRowsBytes(1, total, sizeof(K));
  return m;
}

int64_t positionsOf(const Meeting& m) { return numel(leadingAxes(m.source, m.sourceRows)); }

int bitsOf(int64_t n) {
  int bits = 0;
  while (bits < 63 && int64_t{1} << bits < n) bits++;
  return bits;
}

template <class I>
void meetWith(Stream& s, const char* name, const Meeting& m, const Naming& n, ErrorCell* cell) {
  using K = std::make_signed_t<I>;
  constexpr DType kKey = sizeof(K) == 4 ? DType::i32 : DType::i64;
  const int64_t total = positionsOf(m);
  const Memory<K> memory = memoryOf<K>(s.scratch, total);
  if (!require(s, s.scratchBytes >= memory.bytes, "index: too little scratch")) return;
  const IndexSet<I> set = indexSet<I>(n.indices, n.count, n.size, n.step, n.negative, n.first);
  launch(s, nameRows<I>, gridFor(total, kThreads), blockFor(total), 0, memory.keys, set,
         axesOf<1>({&n.still}).template offsets<I>(), n.base, static_cast<I>(total), cell);
  if (numel(m.source) == 0) return;
  sortRows(s, viewOf(memory.sorted, kKey, 1, total), viewOf(memory.places, DType::i32, 1, total),
           viewOf(memory.keys, kKey, 1, total), memory.rest, {false, bitsOf(m.targets)});
  const View rows[] = {leadingAxes(m.target, m.targetRows), leadingAxes(m.source, m.sourceRows),
                       trailingAxes(m.target, m.targetRows), trailingAxes(m.source, m.sourceRows)};
  withAny(s, m.target.dtype, name, [&]<class T>() {
    Meet<T, I> a{};
    a.target = static_cast<T*>(m.target.data);
    a.source = m.isNumber ? nullptr : static_cast<const T*>(m.source.data);
    a.number = m.target.dtype == DType::boolean ? static_cast<T>(m.number != 0) : fromDouble<T>(m.number);
    a.keys = memory.sorted;
    a.places = memory.places;
    a.targetRows = axesOf<1>({&rows[0]}).template offsets<I>();
    a.sourceRows = axesOf<1>({&rows[1]}).template offsets<I>();
    a.inner = axesOf<2>({&rows[2], &rows[3]}).template offsets<I>();
    a.total = static_cast<I>(total);
    a.rule = m.rule;
    a.gate = {cell, guard(s)};
    const int64_t width = static_cast<int64_t>(a.inner.total);
    unsigned across = 1;
    while (across < kThreads && across < width) across *= 2;
    const auto down =
        static_cast<unsigned>(minOf(kThreads / across, maxOf(1, 32 / across) * ceilDiv(total, int64_t{32})));
    const auto columns = static_cast<unsigned>(minOf(ceilDiv(width, int64_t{across} * 4), 65535));
    launch(s, meetRows<T, I>, dim3(gridFor(total, down).x, columns), dim3(across, down), 0, a);
  });
}

}  // namespace

size_t meetBytes(const Meeting& m, bool smallKeys) {
  const int64_t total = positionsOf(m);
  return smallKeys ? memoryOf<int32_t>(nullptr, total).bytes : memoryOf<int64_t>(nullptr, total).bytes;
}

bool smallMeeting(const Meeting& m, const Naming& n) {
  const View rows[] = {leadingAxes(m.target, m.targetRows), leadingAxes(m.source, m.sourceRows),
                       trailingAxes(m.target, m.targetRows), trailingAxes(m.source, m.sourceRows)};
  return m.targets <= INT32_MAX && axesOf<1>({&m.target}).small() && axesOf<1>({&m.source}).small() &&
         axesOf<1>({&rows[0]}).small() && axesOf<1>({&n.still}).small() && smallIndices(n.indices, n.count);
}

void meet(Stream& s, const char* name, const Meeting& m, const Naming& n, ErrorCell* cell) {
  if (positionsOf(m) == 0) return;
  if (positionsOf(m) > INT32_MAX)
    return fail(s, Code::unsupported, "%s: has more than %d indices", name, INT32_MAX);
  if (smallMeeting(m, n)) meetWith<uint32_t>(s, name, m, n, cell);
  else meetWith<uint64_t>(s, name, m, n, cell);
}

}  // namespace wg::cuda
