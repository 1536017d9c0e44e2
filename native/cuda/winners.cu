// What max pooling does with the places of its maxima, and adaptive max pooling, whose windows follow from
// the sizes alone: output o of m takes elements floor(o n / m) … ceil((o + 1) n / m) of n.
//
// Places scatter by gathering: an element of the large plane looks at the small ones that may name it. Which
// those are nobody has said, so it is measured: the least and the largest row that each row of the small
// planes names, and the same of columns. Windows make for narrow answers; whatever indices make for right
// ones.
#include "../ops/rows/pool.h"
#include "planes.cuh"
#include "prototype.h"
#include "wg/atomic.h"
#include "wg/error.h"
#include "wg/launch.h"
#include "wg/warp.h"

WG_CUDA_PROTOTYPES(WG_POOL_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

/// Of one axis: what small elements name, and who names large ones. Empty where low > high.
struct Reach {
  int32_t *low, *high;    ///< [small]
  int32_t *first, *last;  ///< [large]
  int32_t small, large;
};

WG_KERNEL(kThreads) clearReach(WG_GRID_CONSTANT const Reach rows, WG_GRID_CONSTANT const Reach columns) {
  const int32_t i = static_cast<int32_t>(blockIdx.x * kThreads + threadIdx.x);
  const auto clear = [i](const Reach& r) {
    if (i < r.small) {
      r.low[i] = INT32_MAX;
      r.high[i] = -1;
    }
    if (i < r.large) {
      r.first[i] = INT32_MAX;
      r.last[i] = -1;
    }
  };
  clear(rows);
  clear(columns);
}

/// A warp looks at 32 columns of one row of many planes.
WG_KERNEL(kThreads)
measureReach(Reach rows, Reach columns, Image<const int32_t> indices, uint32_t strips, int64_t planes,
             Divider<uint64_t> channels, Divider<uint32_t> width, int64_t area, ErrorCell* cell) {
  const uint32_t strip = blockIdx.x % strips, y = blockIdx.x / strips;
  const int32_t x = static_cast<int32_t>(strip * kWarp) + laneId();
  int32_t top = INT32_MAX, bottom = -1, left = INT32_MAX, right = -1;
  for (int64_t p = int64_t{blockIdx.y} * (blockDim.x / kWarp) + warpId(); p < planes;
       p += int64_t{gridDim.y} * (blockDim.x / kWarp)) {
    if (x >= columns.small) break;
    const auto plane = channels.both(static_cast<uint64_t>(p));
    const int64_t at = indices.data[indices.at(static_cast<int64_t>(plane.quotient),
                                               static_cast<int64_t>(plane.remainder), y, x)];
    if (at >= area || at < -1) raise(cell, at);
    if (at >= area || at < 0) continue;  // -1: a window that saw padding only
    const auto place = width.both(static_cast<uint32_t>(at));
    const int32_t row = static_cast<int32_t>(place.quotient), column = static_cast<int32_t>(place.remainder);
    top = row < top ? row : top;
    bottom = row > bottom ? row : bottom;
    left = column < left ? column : left;
    right = column > right ? column : right;
  }
  top = warpMin(top);
  bottom = warpMax(bottom);
  if (laneId() == 0) {
    atomicMin(&rows.low[y], top);
    atomicMax(&rows.high[y], bottom);
  }
  if (x < columns.small) {
    atomicMin(&columns.low[x], left);
    atomicMax(&columns.high[x], right);
  }
}

/// Turns the answer around, a block for each row and column of the small planes.
WG_KERNEL(kThreads) turnReach(WG_GRID_CONSTANT const Reach rows, WG_GRID_CONSTANT const Reach columns) {
  const bool isRow = static_cast<int32_t>(blockIdx.x) < rows.small;
  const Reach& r = isRow ? rows : columns;
  const int32_t own = static_cast<int32_t>(blockIdx.x) - (isRow ? 0 : rows.small);
  for (int32_t i = r.low[own] + static_cast<int32_t>(threadIdx.x); i <= r.high[own] && i >= 0;
       i += static_cast<int32_t>(blockDim.x)) {
    atomicMin(&r.first[i], own);
    atomicMax(&r.last[i], own);
  }
}

/// A thread an element of the large planes: the sum, or the last one, of the small ones that name it.
template <class T>
WG_KERNEL(kThreads)
collect(Image<T> large, Image<const int32_t> indices, Image<const T> small, Pixels pixels, Reach rows,
        Reach columns, bool sums) {
  Pixel p;
  if (!pixels.here(p)) return;
  const int32_t* const index = indices.data + indices.at(p.n, p.c, 0, 0);
  const T* const from = small.data + small.at(p.n, p.c, 0, 0);
  const int64_t own = p.y * columns.large + p.x;
  T value = T(0);
  for (int32_t y = rows.first[p.y]; y <= rows.last[p.y]; y++)
    for (int32_t x = columns.first[p.x]; x <= columns.last[p.x]; x++) {
      if (index[y * indices.stride[2] + x * indices.stride[3]] != own) continue;
      const T next = from[y * small.stride[2] + x * small.stride[3]];
      value = sums ? static_cast<T>(value + next) : next;
    }
  large.data[large.at(p.n, p.c, p.y, p.x)] = value;
}

template <class T>
WG_KERNEL(kThreads)
pickWinners(Image<T> out, Image<const int32_t> indices, Image<const T> in, Pixels pixels,
            Divider<uint32_t> width, int64_t area, ErrorCell* cell) {
  Pixel p;
  if (!pixels.here(p)) return;
  const int64_t at = indices.data[indices.at(p.n, p.c, p.y, p.x)];
  if (at >= area || at < -1) return raise(cell, at);
  T value = T(0);
  if (at >= 0) {
    const auto place = width.both(static_cast<uint32_t>(at));
    value = in.data[in.at(p.n, p.c, place.quotient, place.remainder)];
  }
  out.data[out.at(p.n, p.c, p.y, p.x)] = value;
}

/// One axis of an adaptive window.
struct Span {
  int64_t begin, end;
};
WG_DEV Span spanOf(int64_t o, int64_t out, int64_t in) {
  return {o * in / out, ((o + 1) * in + out - 1) / out};
}

struct Sizes {
  int64_t height, width, outHeight, outWidth;
};

/// A window has as many threads as `team` (a power of two up to 32) says; each takes its columns in turn.
template <class T>
WG_KERNEL(kThreads)
adaptiveWindows(Image<T> out, Image<int32_t> indices, Image<const T> in, Sizes sizes,
                Divider<uint64_t> outWidth, Divider<uint64_t> outHeight, Divider<uint64_t> channels,
                uint64_t total, int32_t team) {
  const uint64_t e = (uint64_t{blockIdx.x} * blockDim.x + threadIdx.x) / static_cast<uint32_t>(team);
  const uint64_t own = e < total ? e : total - 1;  // every lane takes part in the shuffles
  const auto x = outWidth.both(own), y = outHeight.both(x.quotient), c = channels.both(y.quotient);
  const int64_t n = static_cast<int64_t>(c.quotient), channel = static_cast<int64_t>(c.remainder),
                oy = static_cast<int64_t>(y.remainder), ox = static_cast<int64_t>(x.remainder);
  const Span rows = spanOf(oy, sizes.outHeight, sizes.height),
             columns = spanOf(ox, sizes.outWidth, sizes.width);
  const int32_t member = static_cast<int32_t>(threadIdx.x) & (team - 1);
  const int64_t wide = columns.end - columns.begin, area = wide * (rows.end - rows.begin);
  const T* const plane = in.data + in.at(n, channel, 0, 0);
  // NaN wins over everything, the last of several; of equals the first stays.
  T best = T(0);
  int32_t where = -1;
  const auto beats = [](T value, int32_t place, T than, int32_t thanPlace) {
    if (place < 0 || thanPlace < 0) return place >= 0;
    if (value != value) return than == than || place > thanPlace;
    return value > than || (value == than && place < thanPlace);
  };
  for (int64_t i = member; i < area; i += team) {
    const int64_t r = rows.begin + i / wide, q = columns.begin + i % wide;
    const T value = plane[r * in.stride[2] + q * in.stride[3]];
    const auto place = static_cast<int32_t>(r * sizes.width + q);
    if (!beats(value, place, best, where)) continue;
    best = value;
    where = place;
  }
  for (int32_t distance = team / 2; distance > 0; distance /= 2) {
    const auto value = static_cast<T>(shuffleXor(best, distance));
    const int32_t place = shuffleXor(where, distance);
    if (!beats(value, place, best, where)) continue;
    best = value;
    where = place;
  }
  if (e >= total || member != 0) return;
  out.data[out.at(n, channel, oy, ox)] = best;
  indices.data[indices.at(n, channel, oy, ox)] = where;
}

bool winnersFit(Stream& s, const char* name, const View& large, const View& indices, const View& small) {
  const bool fits = planesMatch(large, small) && sameShape(small, indices) && large.dtype == small.dtype &&
                    indices.dtype == DType::i32;
  if (!fits) fail(s, Code::bounds, "%s: the planes and their int32 indices do not fit together", name);
  return fits;
}

ErrorCell* outsideCell(Stream& s, const char* name, int64_t area) {
  return errorCell(s, Code::index, "%s: index %%lld is out of range for a plane of %lld elements", name,
                   static_cast<long long>(area));
}

struct Memory {
  Reach rows, columns;
  size_t bytes;
};
Memory memoryOf(void* scratch, const View& large, const View& small) {
  Room room(scratch);
  const auto reach = [&](int axis) {
    const int64_t few = axis < small.rank ? small.shape[axis] : 0,
                  many = axis < large.rank ? large.shape[axis] : 0;
    Reach r;
    r.low = room.take<int32_t>(few);
    r.high = room.take<int32_t>(few);
    r.first = room.take<int32_t>(many);
    r.last = room.take<int32_t>(many);
    r.small = static_cast<int32_t>(few);
    r.large = static_cast<int32_t>(many);
    return r;
  };
  Memory m;
  m.rows = reach(2);
  m.columns = reach(3);
  m.bytes = room.used();
  return m;
}

/// large = zeros with what small has at its places.
void scatter(Stream& s, const char* name, const View& large, const View& indices, const View& small,
             bool sums) {
  if (!winnersFit(s, name, large, indices, small)) return;
  const Memory m = memoryOf(s.scratch, large, small);
  const int64_t area = large.shape[2] * large.shape[3], planes = large.shape[0] * large.shape[1];
  const bool fits = s.scratchBytes >= m.bytes && area <= INT32_MAX && small.shape[2] <= INT32_MAX &&
                    small.shape[3] <= INT32_MAX;
  if (!require(s, fits, "pool: too little scratch or too large planes") || planes == 0) return;
  ErrorCell* const cell = outsideCell(s, name, area);
  if (!cell) return;
  const int64_t most = maxOf(maxOf(small.shape[2], small.shape[3]), maxOf(large.shape[2], large.shape[3]));
  if (most > 0) launch(s, clearReach, gridFor(most, kThreads), kThreads, 0, m.rows, m.columns);
  if (numel(small) > 0) {
    const int64_t strips = ceilDiv(small.shape[3], int64_t{kWarp}), warps = minOf(kThreads / kWarp, planes);
    // About so many planes to a warp, or the device would be busy with atomics alone.
    const int64_t down = minOf(ceilDiv(planes, warps * 16), 65535);
    launch(s, measureReach, dim3(static_cast<unsigned>(strips * small.shape[2]), static_cast<unsigned>(down)),
           dim3(static_cast<unsigned>(warps * kWarp)), 0, m.rows, m.columns, imageOf<const int32_t>(indices),
           static_cast<uint32_t>(strips), planes, Divider<uint64_t>(static_cast<uint64_t>(large.shape[1])),
           Divider<uint32_t>(static_cast<uint32_t>(maxOf(1, large.shape[3]))), area, cell);
    launch(s, turnReach, gridFor(small.shape[2] + small.shape[3], 1), 32, 0, m.rows, m.columns);
  }
  const int64_t total = numel(large);
  if (total == 0) return;
  withNumber(s, large.dtype, name, [&]<class T>() {
    launch(s, collect<T>, gridFor(total, kThreads), blockFor(total), 0, imageOf<T>(large),
           imageOf<const int32_t>(indices), imageOf<const T>(small), pixelsOf(large), m.rows, m.columns,
           sums);
  });
}

}  // namespace

size_t maxPool2dGradWorkspace(const Out& dx, const In&, const In& dy) {
  return memoryOf(nullptr, dx, dy).bytes;
}
void maxPool2dGrad(Stream& s, const Out& dx, const In& indices, const In& dy) {
  scatter(s, "maxPool2dGrad", dx, indices, dy, true);
}

size_t maxUnpool2dWorkspace(const Out& out, const In&, const In& x) {
  return memoryOf(nullptr, out, x).bytes;
}
void maxUnpool2d(Stream& s, const Out& out, const In& indices, const In& x) {
  scatter(s, "maxUnpool2d", out, indices, x, false);
}

void maxPool2dGather(Stream& s, const Out& out, const In& indices, const In& x) {
  if (!winnersFit(s, "maxPool2dGather", x, indices, out)) return;
  const int64_t area = x.shape[2] * x.shape[3], total = numel(out);
  if (!require(s, area <= INT32_MAX, "maxPool2dGather: too large planes") || total == 0) return;
  ErrorCell* const cell = outsideCell(s, "maxPool2dGather", area);
  if (!cell) return;
  withNumber(s, x.dtype, "maxPool2dGather", [&]<class T>() {
    launch(s, pickWinners<T>, gridFor(total, kThreads), blockFor(total), 0, imageOf<T>(out),
           imageOf<const int32_t>(indices), imageOf<const T>(x), pixelsOf(out),
           Divider<uint32_t>(static_cast<uint32_t>(maxOf(1, x.shape[3]))), area, cell);
  });
}

void adaptiveMaxPool2d(Stream& s, const Out& out, const Out& indices, const In& x) {
  if (!winnersFit(s, "adaptiveMaxPool2d", x, indices, out)) return;
  const int64_t height = x.shape[2], width = x.shape[3], total = numel(out);
  if (!require(s, height * width <= INT32_MAX && (height * width > 0 || total == 0),
               "adaptiveMaxPool2d: an empty or too large plane"))
    return;
  if (total == 0) return;
  const auto by = [](int64_t n) { return Divider<uint64_t>(static_cast<uint64_t>(n)); };
  const Sizes sizes{height, width, out.shape[2], out.shape[3]};
  int32_t team = 1;
  while (team < kWarp && team * 8 < height * width / (sizes.outHeight * sizes.outWidth)) team *= 2;
  withNumber(s, x.dtype, "adaptiveMaxPool2d", [&]<class T>() {
    launch(s, adaptiveWindows<T>, gridFor(total * team, kThreads), blockFor(total * team), 0, imageOf<T>(out),
           imageOf<int32_t>(indices), imageOf<const T>(x), sizes, by(sizes.outWidth), by(sizes.outHeight),
           by(x.shape[1]), static_cast<uint64_t>(total), team);
  });
}

}  // namespace wg::cuda
