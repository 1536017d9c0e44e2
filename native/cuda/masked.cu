// Elements where a condition holds. `offsets` cuts the row-major order into equal blocks; a CUDA block works
// on each and knows from it where its elements go. Then the triangles of matrices.
#include "../ops/rows/masked.h"

#include "gate.cuh"
#include "prefix.cuh"
#include "prototype.h"
#include "views.h"
#include "wg/bits.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_MASKED_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = kPrefixThreads;

/// The blocks `offsets` speaks of.
struct Blocks {
  int64_t* offsets;
  int64_t step, count, size, total;
};
bool blocksOf(Stream& s, const View& offsets, int64_t total, Blocks* b) {
  const bool fits = offsets.rank == 1 && offsets.dtype == DType::i64 && offsets.shape[0] >= 2;
  if (!require(s, fits, "masked: offsets must be int64 [blocks + 1]")) return false;
  b->offsets = static_cast<int64_t*>(offsets.data);
  b->step = offsets.stride[0];
  b->count = offsets.shape[0] - 1;
  b->size = ceilDiv(total, b->count);
  b->total = total;
  return true;
}

bool isMask(const View& v) { return v.dtype == DType::boolean || v.dtype == DType::u8; }

/// f(position, how many true ones come before it) for each true one of the block, which all threads work on
/// together; at(position) says which are true. `before`: of the blocks ahead.
template <class At, class F>
WG_DEV void forEachTrue(const Blocks& b, int64_t before, At at, F f) {
  const int64_t first = blockIdx.x * b.size;
  const int64_t end = first + b.size < b.total ? first + b.size : b.total;
  for (int64_t i = first; i < end; i += blockDim.x) {
    const int64_t own = i + threadIdx.x;
    const bool holds = own < end && at(own);
    const uint32_t mask = ballot(holds);
    const int ahead = popCount(mask & ((1u << laneId()) - 1));
    // The scan is of whole warps: each lane's value is its warp's where it is the first lane.
    const auto scanned = blockScan(laneId() == 0 ? popCount(mask) : 0, 0, Add{});
    const int warpBefore = shuffle(scanned.before, 0);
    if (holds) f(own, before + warpBefore + ahead);
    before += scanned.total;
  }
}

template <class T, class I>
WG_KERNEL(kThreads)
countTrue(Blocks b, const T* x, Offsets<1, I> at) {
  const int64_t first = blockIdx.x * b.size;
  const int64_t end = first + b.size < b.total ? first + b.size : b.total;
  int64_t n = 0;
  for (int64_t i = first + threadIdx.x; i < end; i += blockDim.x)
    n += x[at(static_cast<I>(i))[0]] != T(0) ? 1 : 0;
  n = blockSum(n);
  if (threadIdx.x == 0) b.offsets[blockIdx.x * b.step] = n;
}

WG_KERNEL(kThreads) sumCounts(Blocks b) { prefixInPlace(b.offsets, b.step, b.count); }

/// Row k of out: the index of the k-th element that is not zero.
struct Places {
  void* out;
  bool wide;  ///< int64 and not int32
  int64_t rowStep, step, room;
  int32_t rank;
  Divider<uint64_t> size[kMaxRank];
  WG_DEV void write(int64_t row, int axis, int64_t value) const {
    const int64_t to = row * rowStep + axis * step;
    if (wide) static_cast<int64_t*>(out)[to] = value;
    else static_cast<int32_t*>(out)[to] = static_cast<int32_t>(value);
  }
};

template <class T, class I>
WG_KERNEL(kThreads)
writePlaces(Blocks b, WG_GRID_CONSTANT const Places to, const T* x, Offsets<1, I> at) {
  const int64_t before = b.offsets[blockIdx.x * b.step];
  if (before >= to.room) return;
  forEachTrue(
      b, before, [&](int64_t i) { return x[at(static_cast<I>(i))[0]] != T(0); },
      [&](int64_t i, int64_t k) {
        if (k >= to.room) return;
        uint64_t rest = static_cast<uint64_t>(i);
        for (int axis = to.rank - 1; axis >= 0; axis--) {
          const auto d = to.size[axis].both(rest);
          to.write(k, axis, static_cast<int64_t>(d.remainder));
          rest = d.quotient;
        }
      });
}

WG_KERNEL(kThreads) fillPlaces(Blocks b, WG_GRID_CONSTANT const Places to, int64_t fill) {
  const int64_t k = b.offsets[b.count * b.step] + blockIdx.x * int64_t{kThreads} + threadIdx.x;
  if (k >= to.room) return;
  for (int axis = 0; axis < to.rank; axis++) to.write(k, axis, fill);
}

/// `at`: x, mask.
template <class W, class I>
WG_KERNEL(kThreads)
selectTrue(Blocks b, W* out, int64_t step, int64_t room, const W* x, const uint8_t* mask, Offsets<2, I> at) {
  const int64_t before = b.offsets[blockIdx.x * b.step];
  if (before >= room) return;
  forEachTrue(
      b, before, [&](int64_t i) { return mask[at(static_cast<I>(i))[1]] != 0; },
      [&](int64_t i, int64_t k) {
        if (k < room) out[k * step] = x[at(static_cast<I>(i))[0]];
      });
}

template <class W>
WG_KERNEL(kThreads)
fillRest(Blocks b, W* out, int64_t step, int64_t room, W fill) {
  const int64_t k = b.offsets[b.count * b.step] + blockIdx.x * int64_t{kThreads} + threadIdx.x;
  if (k < room) out[k * step] = fill;
}

/// `at`: out, mask. Every block sees for itself whether the source suffices.
template <class W, class I>
WG_KERNEL(kThreads)
scatterTrue(Blocks b, W* out, const uint8_t* mask, Offsets<2, I> at, const W* src, Offsets<1, I> from,
            int32_t strict, Gate gate, ErrorCell* cell) {
  const int64_t given = static_cast<int64_t>(from.total), count = b.offsets[b.count * b.step];
  if ((strict == 1 && given < count) || (strict == 2 && given != count)) {
    if (threadIdx.x == 0) raise(cell, count, given);
    return;
  }
  if (gate.closed()) return;
  forEachTrue(
      b, b.offsets[blockIdx.x * b.step], [&](int64_t i) { return mask[at(static_cast<I>(i))[1]] != 0; },
      [&](int64_t i, int64_t k) {
        if (k < given) out[at(static_cast<I>(i))[0]] = src[from(static_cast<I>(k))[0]];
      });
}

/// A thread an element.
template <class W, class I>
WG_KERNEL(kThreads)
keepTriangle(W* out, const W* x, Offsets<2, I> at, Divider<I> columns, Divider<I> rows, int64_t diagonal,
             int32_t upper) {
  const I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= at.total) return;
  const auto here = at(i);
  const auto line = columns.both(i);
  const int64_t distance =
      static_cast<int64_t>(line.remainder) - static_cast<int64_t>(rows.both(line.quotient).remainder);
  out[here[0]] = (upper != 0 ? distance >= diagonal : distance <= diagonal) ? x[here[1]] : W(0);
}

template <class T>
T fillOf(DType dtype, double fill) {
  return dtype == DType::boolean ? static_cast<T>(fill != 0) : fromDouble<T>(fill);
}

}  // namespace

void nonzeroCount(Stream& s, const Out& offsets, const In& x) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(x), &b)) return;
  const Axes<1> axes = axesOf<1>({&x});
  withAny(s, x.dtype, "nonzero", [&]<class T>() {
    withIndex(axes, [&](auto i) {
      using I = decltype(i);
      launch(s, countTrue<T, I>, gridFor(b.count, 1), blockFor(b.size, kThreads), 0, b,
             static_cast<const T*>(x.data), axes.template offsets<I>());
    });
  });
  launch(s, sumCounts, 1, kThreads, 0, b);
}

void nonzero(Stream& s, const Out& out, const In& x, const In& offsets, const double& fill) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(x), &b)) return;
  const bool fits =
      out.rank == 2 && out.shape[1] == x.rank && (out.dtype == DType::i32 || out.dtype == DType::i64);
  if (!require(s, fits, "nonzero: out must be integers [size, rank]")) return;
  Places to{out.data, out.dtype == DType::i64, out.stride[0], out.stride[1], out.shape[0], x.rank, {}};
  if (to.room == 0) return;
  for (int i = 0; i < x.rank; i++)
    if (x.shape[i] > 0) to.size[i] = Divider<uint64_t>(static_cast<uint64_t>(x.shape[i]));
  const Axes<1> axes = axesOf<1>({&x});
  if (b.total > 0) {
    withAny(s, x.dtype, "nonzero", [&]<class T>() {
      withIndex(axes, [&](auto i) {
        using I = decltype(i);
        launch(s, writePlaces<T, I>, gridFor(b.count, 1), blockFor(b.size, kThreads), 0, b, to,
               static_cast<const T*>(x.data), axes.template offsets<I>());
      });
    });
  }
  launch(s, fillPlaces, gridFor(to.room, kThreads), blockFor(to.room, kThreads), 0, b, to,
         to.wide ? fromDouble<int64_t>(fill) : fromDouble<int32_t>(fill));
}

void maskedSelect(Stream& s, const Out& out, const In& x, const In& mask, const In& offsets,
                  const double& fill) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(x), &b)) return;
  const bool fits = out.rank == 1 && out.dtype == x.dtype && sameShape(x, mask) && isMask(mask);
  if (!require(s, fits, "maskedSelect: shapes or dtypes do not fit")) return;
  const int64_t room = out.shape[0];
  if (room == 0) return;
  const Axes<2> axes = axesOf<2>({&x, &mask});
  if (b.total > 0) {
    withWord(x.dtype, [&]<class W>() {
      withIndex(axes, [&](auto i) {
        using I = decltype(i);
        launch(s, selectTrue<W, I>, gridFor(b.count, 1), blockFor(b.size, kThreads), 0, b,
               static_cast<W*>(out.data), out.stride[0], room, static_cast<const W*>(x.data),
               static_cast<const uint8_t*>(mask.data), axes.template offsets<I>());
      });
    });
  }
  withAny(s, x.dtype, "maskedSelect", [&]<class T>() {
    launch(s, fillRest<T>, gridFor(room, kThreads), blockFor(room, kThreads), 0, b, static_cast<T*>(out.data),
           out.stride[0], room, fillOf<T>(x.dtype, fill));
  });
}

void maskedScatter(Stream& s, const InOut& out, const In& mask, const In& offsets, const In& src,
                   const int32_t& strict) {
  Blocks b;
  if (!blocksOf(s, offsets, numel(out), &b)) return;
  const bool fits = sameShape(out, mask) && isMask(mask) && out.dtype == src.dtype;
  if (!require(s, fits, "maskedScatter: shapes or dtypes do not fit")) return;
  ErrorCell* const cell = errorCell(
      s, Code::argument, "maskedScatter: the mask holds at %%lld elements, the source has %%lld%s", "");
  if (!cell) return;
  const Gate gate{nullptr, guard(s)};
  const Axes<2> axes = axesOf<2>({&out, &mask});
  const Axes<1> from = axesOf<1>({&src});
  withWord(out.dtype, [&]<class W>() {
    const auto run = [&](auto i) {
      using I = decltype(i);
      launch(s, scatterTrue<W, I>, gridFor(b.count, 1), blockFor(b.size, kThreads), 0, b,
             static_cast<W*>(out.data), static_cast<const uint8_t*>(mask.data), axes.template offsets<I>(),
             static_cast<const W*>(src.data), from.template offsets<I>(), strict, gate, cell);
    };
    if (axes.small() && from.small()) run(uint32_t());
    else run(uint64_t());
  });
}

void triangle(Stream& s, const Out& out, const In& x, const double& diagonal, const int32_t& upper) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype && x.rank >= 2, "triangle: wants matrices"))
    return;
  if (numel(x) == 0) return;
  const int64_t columns = x.shape[x.rank - 1], height = x.shape[x.rank - 2];
  const int64_t shift = static_cast<int64_t>(diagonal);
  const Axes<2> axes = axesOf<2>({&out, &x});
  withWord(x.dtype, [&]<class W>() {
    withIndex(axes, [&](auto i) {
      using I = decltype(i);
      launch(s, keepTriangle<W, I>, gridFor(axes.total, kThreads), blockFor(axes.total, kThreads), 0,
             static_cast<W*>(out.data), static_cast<const W*>(x.data), axes.template offsets<I>(),
             Divider<I>(static_cast<I>(columns)), Divider<I>(static_cast<I>(height)), shift, upper);
    });
  });
}

}  // namespace wg::cuda
