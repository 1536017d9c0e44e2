// Complex and real Fourier transforms of rows, by Stockham's passes, which need no reordering. Short rows
// stay in the shared memory of one block from load to store; long ones go through scratch, a stage of up to
// kFftStage elements at a time. Lengths with a prime factor above 13 are convolutions (Bluestein 1970). A
// real row of even length is one complex row of half the length, whose spectrum is then taken apart.
#include "../../ops/rows/fft.h"

#include "../../ops/batch.h"
#include "../prototype.h"
#include "../wg/launch.h"
#include "job.cuh"

WG_CUDA_PROTOTYPES(WG_FFT_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;
/// Short rows a block takes together: up to this many elements.
constexpr int64_t kBlockElements = 512;
constexpr int64_t kMostLanes = kThreads;
/// Long rows under way together: up to this many elements, 64 MiB of scratch.
constexpr int64_t kGroupElements = int64_t{1} << 21;

int64_t longGroup(const FftPlan& plan, int64_t rows) {
  return maxOf(1, minOf(rows, kGroupElements / plan.size));
}

/// A thread an entry of the tables.
WG_KERNEL(kThreads)
fillTables(const WG_GRID_CONSTANT FftJob job, int64_t total) {
  const int64_t twists = job.half ? job.half + 1 : 0, n = job.plan.length;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < total;
       i += static_cast<int64_t>(gridDim.x) * kThreads) {
    int64_t k = i;
    if (k < job.plan.size) {
      job.roots[k] = rootOf(k, job.plan.size);
      continue;
    }
    k -= job.plan.size;
    if (k < twists) {
      job.twist[k] = rootOf(k, job.length);
      continue;
    }
    k -= twists;
    job.chirp[k] = rootOf(k * k % (2 * n), 2 * n);
  }
}

/// `lanes` rows a block.
WG_KERNEL(kThreads)
shortRows(const WG_GRID_CONSTANT FftJob job, int64_t rows, int lanes) {
  WG_SHARED(int64_t, from, [kMostLanes]);
  WG_SHARED(int64_t, to, [kMostLanes]);
  WG_DYN_SHARED(bytes);
  Complex *a = reinterpret_cast<Complex*>(bytes), *b = a + lanes * job.plan.size;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * lanes;
  const int here = static_cast<int>(rows - first < lanes ? rows - first : lanes);
  const int size = static_cast<int>(job.plan.size), thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x), total = here * size;
  for (int lane = thread; lane < here; lane += threads) {
    from[lane] = job.x.row(static_cast<uint64_t>(first + lane))[0];
    to[lane] = job.out.row(static_cast<uint64_t>(first + lane))[0];
  }
  syncBlock();
  for (int i = thread; i < total; i += threads) a[i] = enter(job, from[i / size], i % size);
  syncBlock();
  const FftStage& stage = job.plan.stage[0];
  Complex* z = runStage(stage, job.roots, size, a, b, size, here);
  if (job.plan.bluestein) {
    for (int i = thread; i < total; i += threads) z[i] = filtered(job, z[i], i % size);
    syncBlock();
    z = runStage(stage, job.roots, size, z, z == a ? b : a, size, here);
  }
  const int64_t count = leaving(job);
  for (int64_t i = thread; i < count * here; i += threads) {
    const int lane = static_cast<int>(i / count);
    const Complex* const mine = z + lane * size;
    leave(job, to[lane], i - lane * count, [&](int64_t k) { return mine[k]; });
  }
}

enum class Source : int32_t { tensor, scratch, filtered };

/// Stage `index` of a group of long rows, which grid.y counts: a block takes kFftTile neighbouring
/// transforms.
WG_KERNEL(kThreads)
longStage(const WG_GRID_CONSTANT FftJob job, int index, Source source, int64_t firstRow, const Complex* from,
          Complex* to) {
  WG_DYN_SHARED(bytes);
  const FftStage& stage = job.plan.stage[index];
  const int size = stage.size, pitch = size + 2, threads = static_cast<int>(blockDim.x);
  Complex *const a = reinterpret_cast<Complex*>(bytes), *const b = a + kFftTile * pitch;
  const int64_t transforms = job.plan.size / size, base = static_cast<int64_t>(blockIdx.y) * job.plan.size;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kFftTile;
  const int64_t row = job.x.row(static_cast<uint64_t>(firstRow + blockIdx.y))[0];
  for (int i = static_cast<int>(threadIdx.x); i < kFftTile * size; i += threads) {
    const int lane = i % kFftTile, k = i / kFftTile;
    if (first + lane >= transforms) continue;
    const int64_t at = first + lane + transforms * k;
    Complex value;
    if (source == Source::tensor) {
      value = enter(job, row, at);
    } else {
      value = from[base + at];
      if (source == Source::filtered) value = filtered(job, value, at);
    }
    a[lane * pitch + k] = value;
  }
  syncBlock();
  const int64_t left = transforms - first;
  const int here = static_cast<int>(left < kFftTile ? left : kFftTile);
  const Complex* const z = runStage(stage, job.roots, job.plan.size, a, b, pitch, here);
  for (int i = static_cast<int>(threadIdx.x); i < kFftTile * size; i += threads) {
    // Neighbours in memory are outputs of one transform in the first stage, later those of neighbours.
    const int lane = index == 0 ? i / size : i % kFftTile, j = index == 0 ? i % size : i / kFftTile;
    if (lane >= here) continue;
    const int64_t t = first + lane, p = t / stage.step, q = t - p * stage.step;
    const Complex value = z[lane * pitch + j] * job.roots[j * p * stage.step];
    to[base + q + stage.step * (size * p + j)] = value;
  }
}

/// Writes a group of long rows.
WG_KERNEL(kThreads)
longStore(const WG_GRID_CONSTANT FftJob job, int64_t firstRow, const Complex* from) {
  const int64_t row = job.out.row(static_cast<uint64_t>(firstRow + blockIdx.y))[0], count = leaving(job);
  const Complex* const mine = from + static_cast<int64_t>(blockIdx.y) * job.plan.size;
  for (int64_t k = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; k < count;
       k += static_cast<int64_t>(gridDim.x) * kThreads)
    leave(job, row, k, [&](int64_t i) { return mine[i]; });
}

dim3 gridFor(int64_t count, int64_t rows = 1) {
  return dim3(static_cast<unsigned>(minOf(ceilDiv<int64_t>(count, kThreads), 4096)),
              static_cast<unsigned>(rows));
}

void runRows(Stream& s, const FftJob& job, int64_t rows, Complex* work) {
  const FftPlan& plan = job.plan;
  if (plan.isShort()) {
    const int64_t lanes = maxOf(1, minOf(minOf(rows, kMostLanes), kBlockElements / plan.size));
    const int64_t warps = minOf(kThreads / kWarp, ceilDiv<int64_t>(lanes * plan.size, 4 * kWarp));
    launch(s, shortRows, dim3(static_cast<unsigned>(ceilDiv<int64_t>(rows, lanes))),
           dim3(static_cast<unsigned>(warps * kWarp)),
           static_cast<size_t>(2 * lanes * plan.size) * sizeof(Complex), job, rows, static_cast<int>(lanes));
    return;
  }
  const int64_t group = longGroup(plan, rows);
  for (int64_t row = 0; row < rows; row += group) {
    const int64_t here = minOf(group, rows - row);
    Complex *from = work, *to = work + longGroup(plan, rows) * plan.size;
    const auto pass = [&](Source source) {
      for (int i = 0; i < plan.stages; i++) {
        const int size = plan.stage[i].size;
        const dim3 grid(static_cast<unsigned>(ceilDiv<int64_t>(plan.size / size, kFftTile)),
                        static_cast<unsigned>(here));
        launch(s, longStage, grid, dim3(kThreads), 2 * kFftTile * sizeof(Complex) * (size + 2), job, i,
               i == 0 ? source : Source::scratch, row, from, to);
        Complex* const held = from;
        from = to;
        to = held;
      }
    };
    pass(Source::tensor);
    if (plan.bluestein) pass(Source::filtered);
    launch(s, longStore, gridFor(leaving(job), here), dim3(kThreads), 0, job, row, from);
  }
}

FftPlan planRow(int64_t length, bool real) { return planFft(real && length % 2 == 0 ? length / 2 : length); }

int64_t tableEntries(const FftPlan& plan, int64_t half) {
  return plan.size + (half ? half + 1 : 0) + (plan.bluestein ? plan.length : 0);
}

size_t scratchFor(int64_t length, bool real, int64_t rows) {
  if (length < 1) return 0;
  const FftPlan plan = planRow(length, real);
  int64_t count = tableEntries(plan, real && length % 2 == 0 ? length / 2 : 0);
  if (plan.bluestein) count += plan.size;
  if (!plan.isShort()) count += 2 * longGroup(plan, rows) * plan.size;
  return static_cast<size_t>(count) * sizeof(Complex);
}

FftRows rowsOf(const View& v, bool pairs) {
  View batch = v;
  batch.rank -= pairs ? 2 : 1;
  const View* const views[] = {&batch};
  const int axis = batch.rank;
  return {static_cast<char*>(v.data), v.shape[axis], v.stride[axis], pairs ? v.stride[axis + 1] : 0,
          axesOf(views).offsets<uint64_t>()};
}

void transform(Stream& s, const char* op, FftKind kind, const View& out, const View& x, int64_t length,
               bool inverse, double scale) {
  if (out.dtype != DType::f32 && out.dtype != DType::f64) return unsupported(s, op, out.dtype);
  const bool real = kind != FftKind::complex;
  FftJob job{};
  job.plan = planRow(length, real);
  job.kind = kind;
  job.isFloat = out.dtype == DType::f32;
  job.inverse = inverse;
  job.length = length;
  job.half = real && length % 2 == 0 ? length / 2 : 0;
  job.scale = scale;
  job.x = rowsOf(x, kind != FftKind::real);
  job.out = rowsOf(out, kind != FftKind::inverseReal);
  const int64_t rows = batchOf(out, kind != FftKind::inverseReal ? 2 : 1);
  const int64_t entries = tableEntries(job.plan, job.half);
  job.roots = static_cast<Complex*>(s.scratch);
  job.twist = job.roots + job.plan.size;
  job.chirp = job.twist + (job.half ? job.half + 1 : 0);
  job.filter = job.roots + entries;
  Complex* const work = job.filter + (job.plan.bluestein ? job.plan.size : 0);
  launch(s, fillTables, gridFor(entries), dim3(kThreads), 0, job, entries);
  if (job.plan.bluestein) {
    FftJob filter = job;
    filter.kind = FftKind::filter;
    filter.plan.bluestein = false;
    runRows(s, filter, 1, work);
  }
  runRows(s, job, rows, work);
}

bool isComplex(const View& v) { return v.rank >= 2 && v.shape[v.rank - 1] == 2; }
bool isReal(const View& v) { return v.rank >= 1; }

/// The batches agree and the length is one there is.
bool fits(Stream& s, const View& out, int outAxes, const View& x, int xAxes, int32_t length) {
  return require(s, out.dtype == x.dtype && length >= 1 && batchOf(out, outAxes) == batchOf(x, xAxes),
                 "fft: out, x and length do not fit together");
}

}  // namespace

size_t fftWorkspace(const Out& out, const In&, const int32_t& length, const int32_t&, const double&) {
  return scratchFor(length, false, batchOf(out, 2));
}
void fft(Stream& s, const Out& out, const In& x, const int32_t& length, const int32_t& inverse,
         const double& scale) {
  if (!require(s, isComplex(out) && isComplex(x), "fft: wants pairs of numbers") ||
      !fits(s, out, 2, x, 2, length) || numel(out) == 0)
    return;
  transform(s, "fft", FftKind::complex, out, x, length, inverse != 0, scale);
}

size_t rfftWorkspace(const Out& out, const In&, const int32_t& length, const double&) {
  return scratchFor(length, true, batchOf(out, 2));
}
void rfft(Stream& s, const Out& out, const In& x, const int32_t& length, const double& scale) {
  if (!require(s, isComplex(out) && isReal(x), "rfft: wants numbers and pairs of them") ||
      !fits(s, out, 2, x, 1, length) || numel(out) == 0)
    return;
  transform(s, "rfft", FftKind::real, out, x, length, false, scale);
}

size_t irfftWorkspace(const Out&, const In& x, const int32_t& length, const double&) {
  return scratchFor(length, true, batchOf(x, 2));
}
void irfft(Stream& s, const Out& out, const In& x, const int32_t& length, const double& scale) {
  if (!require(s, isReal(out) && isComplex(x), "irfft: wants numbers and pairs of them") ||
      !fits(s, out, 1, x, 2, length) || numel(out) == 0)
    return;
  transform(s, "irfft", FftKind::inverseReal, out, x, length, false, scale);
}

}  // namespace wg::cuda
