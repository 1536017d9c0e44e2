// matmul, convolution and pooling against plain double loops over random shapes, strides and parameters, for
// every ISA the machine has and for 1, 2 and 4 threads (bitwise equal). Each ISA's kernels are built with the
// flags of native/sources.json: sh test/native/kernels_b_test.sh [rounds] [seed]
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "../../native/cpu/pool.h"
#include "../../native/ops.h"

using namespace wg;

#define WG_TEST_OPS(X)                                                                                 \
  X(matmul)                                                                                            \
  X(conv2d)                                                                                            \
  X(conv2dGradInput) X(conv2dGradWeight) X(maxPool2d) X(maxPool2dGrad) X(maxPool2dGather) X(avgPool2d) \
      X(avgPool2dGrad)

// The kernels of each ISA: the namespaces the objects really have.
#define WG_DECLARE_ISA(isa)                                                                               \
  namespace wg::cpu::isa {                                                                                \
  void matmul(Stream&, const Out&, const In&, const In&, const MaybeIn&);                                 \
  void conv2d(Stream&, const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&);            \
  void conv2dGradInput(Stream&, const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&);   \
  void conv2dGradWeight(Stream&, const Out&, const In&, const In&, const Conv2dParams&);                  \
  void maxPool2d(Stream&, const Out&, const Out&, const In&, const Pool2dParams&);                        \
  void maxPool2dGrad(Stream&, const Out&, const In&, const In&);                                          \
  void maxPool2dGather(Stream&, const Out&, const In&, const In&);                                        \
  void avgPool2d(Stream&, const Out&, const In&, const Pool2dParams&);                                    \
  void avgPool2dGrad(Stream&, const Out&, const In&, const Pool2dParams&);                                \
  size_t matmulWorkspace(const Out&, const In&, const In&, const MaybeIn&);                               \
  size_t conv2dWorkspace(const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&);          \
  size_t conv2dGradInputWorkspace(const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&); \
  size_t conv2dGradWeightWorkspace(const Out&, const In&, const In&, const Conv2dParams&);                \
  }
WG_DECLARE_ISA(base)
#ifdef __x86_64__
WG_DECLARE_ISA(avx2)
WG_DECLARE_ISA(avx512)
#endif

namespace {

struct Kernels {
  const char* name;
#define WG_POINTER(op) decltype(&cpu::base::op) op;
  WG_TEST_OPS(WG_POINTER)
  decltype(&cpu::base::matmulWorkspace) matmulWorkspace;
  decltype(&cpu::base::conv2dWorkspace) conv2dWorkspace;
  decltype(&cpu::base::conv2dGradInputWorkspace) conv2dGradInputWorkspace;
  decltype(&cpu::base::conv2dGradWeightWorkspace) conv2dGradWeightWorkspace;
};
#define WG_KERNELS(isa)                                                                                   \
  {                                                                                                       \
#isa, &cpu::isa::matmul, &cpu::isa::conv2d, &cpu::isa::conv2dGradInput, &cpu::isa::conv2dGradWeight,  \
        &cpu::isa::maxPool2d, &cpu::isa::maxPool2dGrad, &cpu::isa::maxPool2dGather, &cpu::isa::avgPool2d, \
        &cpu::isa::avgPool2dGrad, &cpu::isa::matmulWorkspace, &cpu::isa::conv2dWorkspace,                 \
        &cpu::isa::conv2dGradInputWorkspace, &cpu::isa::conv2dGradWeightWorkspace                         \
  }

int passed = 0, failures = 0;
std::mt19937_64 rng;

int64_t pick(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(rng() % static_cast<uint64_t>(high - low + 1));
}
bool chance(int percent) { return pick(1, 100) <= percent; }

void check(bool holds, const std::string& what) {
  if (holds) {
    ++passed;
  } else {
    if (++failures <= 30) std::printf("FAILED %s\n", what.c_str());
  }
}

template <class T>
constexpr DType dtypeOf() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  else if constexpr (std::is_same_v<T, double>) return DType::f64;
  else if constexpr (std::is_same_v<T, int32_t>) return DType::i32;
  else if constexpr (std::is_same_v<T, int64_t>) return DType::i64;
  else return DType::u8;
}

/// A tensor in exactly its own memory (ends at a guarded heap edge under ASan), with random order, gaps and
/// signs of strides.
template <class T>
struct Tensor {
  std::vector<int64_t> shape, stride;
  std::vector<T> memory;
  int64_t first = 0;

  Tensor(std::vector<int64_t> dims, bool strided, bool broadcast = false) : shape(dims), stride(dims.size()) {
    std::vector<size_t> order(dims.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (strided)
      for (size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[static_cast<size_t>(pick(0, static_cast<int64_t>(i) - 1))]);
    int64_t size = 1;
    for (size_t n = order.size(); n-- > 0;) {
      const size_t axis = order[n];
      if (strided && chance(30)) size *= pick(1, 2);
      stride[axis] = size;
      if (broadcast && chance(20)) stride[axis] = 0;
      else size *= shape[axis];
      if (strided && chance(20) && stride[axis] > 0 && shape[axis] > 0) {
        first += stride[axis] * (shape[axis] - 1);
        stride[axis] = -stride[axis];
      }
    }
    int64_t low = 0, high = 0;  // exact extent: anything beyond is out of bounds
    for (size_t i = 0; i < shape.size(); ++i) {
      const int64_t reach = stride[i] * (shape[i] - 1);
      if (shape[i] == 0) return;
      (reach < 0 ? low : high) += reach;
    }
    first = -low;
    memory.resize(static_cast<size_t>(high - low + 1));
    for (T& value : memory) value = random();
  }
  static T random() {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(static_cast<double>(pick(-1000, 1000)) / 500);
    else return static_cast<T>(pick(0, 20));
  }
  template <class V>
  V view() {
    V v{};
    v.data = memory.data() + first;
    v.dtype = dtypeOf<T>();
    v.rank = static_cast<int32_t>(shape.size());
    for (size_t i = 0; i < shape.size(); ++i) v.shape[i] = shape[i], v.stride[i] = stride[i];
    return v;
  }
  T& at(std::initializer_list<int64_t> index) {
    int64_t offset = first;
    size_t axis = 0;
    for (const int64_t i : index) offset += i * stride[axis++];
    return memory[static_cast<size_t>(offset)];
  }
  void poison() {
    for (T& value : memory) value = std::is_floating_point_v<T> ? static_cast<T>(NAN) : static_cast<T>(77);
  }
};

/// Runs with every thread count; the bits must not change. `bytes` of exactly sized scratch, poisoned.
template <class T, class Run>
bool everyThreadCount(Tensor<T>& out, size_t bytes, Run&& run) {
  std::vector<T> first;
  bool same = true;
  for (const int threads : {1, 2, 4}) {
    cpu::setThreads(threads);
    out.poison();
    Status status{};
    void* scratch = bytes ? std::aligned_alloc(64, (bytes + 63) / 64 * 64) : nullptr;
    if (scratch) std::memset(scratch, 0xff, bytes);
    Stream s{&status, nullptr, scratch, bytes, nullptr, threads == 4 ? 1 : 0};
    run(s);
    std::free(scratch);
    if (status.code.load() != 0) {
      std::printf("status %d: %s\n", status.code.load(), status.message);
      return false;
    }
    if (first.empty()) first = out.memory;
    else
      same = same &&
             (first.empty() || std::memcmp(first.data(), out.memory.data(), first.size() * sizeof(T)) == 0);
  }
  return same;
}

/// Sums of `depth` terms in any order: broadcast operands make equal terms, whose roundings all lean the same
/// way.
template <class T>
bool close(T got, double want, double scale, int64_t depth) {
  if constexpr (!std::is_floating_point_v<T>) return static_cast<double>(got) == want;
  const double unit = (std::is_same_v<T, float> ? 6e-8 : 1.2e-16) * static_cast<double>(depth / 2 + 16);
  return std::fabs(static_cast<double>(got) - want) <= unit * (scale + 1);
}

template <class T>
void matmulCase(const Kernels& kernels, int64_t m, int64_t n, int64_t k, std::vector<int64_t> batch,
                bool strided) {
  const auto with = [&](int64_t rows, int64_t cols) {
    std::vector<int64_t> shape = batch;
    shape.push_back(rows);
    shape.push_back(cols);
    return shape;
  };
  Tensor<T> out(with(m, n), strided), a(with(m, k), strided, strided), b(with(k, n), strided, strided),
      bias({n}, strided, strided);
  const bool biased = chance(50);
  const MaybeIn none = [] {
    MaybeIn v{};
    v.rank = -1;
    return v;
  }();
  const Out o = out.template view<Out>();
  const In x = a.template view<In>(), y = b.template view<In>();
  const MaybeIn z = biased ? bias.template view<MaybeIn>() : none;
  const std::string name = std::string(kernels.name) + " matmul " + std::to_string(m) + "x" +
                           std::to_string(n) + "x" + std::to_string(k) + (strided ? " strided" : "") +
                           (biased ? " bias" : "") + " batch " + std::to_string(batch.size()) + " dtype " +
                           std::to_string(int(dtypeOf<T>()));
  check(everyThreadCount(out, kernels.matmulWorkspace(o, x, y, z),
                         [&](Stream& s) { kernels.matmul(s, o, x, y, z); }),
        name + " (threads)");
  int64_t count = 1;
  for (const int64_t size : batch) count *= size;
  for (int64_t item = 0; item < count; ++item) {
    int64_t rest = item, oo = out.first, oa = a.first, ob = b.first;
    for (size_t axis = batch.size(); axis-- > 0; rest /= batch[axis]) {
      const int64_t i = rest % batch[axis];
      oo += i * out.stride[axis];
      oa += i * a.stride[axis];
      ob += i * b.stride[axis];
    }
    const size_t r = batch.size();
    bool good = true;
    const int64_t steps = m * n * k > 300000 ? 1 + m * n / 3000 : 1;
    for (int64_t ij = 0; ij < m * n; ij += steps) {
      const int64_t i = ij / n, j = ij % n;
      double want = biased ? static_cast<double>(bias.at({j})) : 0, scale = std::fabs(want);
      for (int64_t p = 0; p < k; ++p) {
        const double term =
            static_cast<double>(a.memory[size_t(oa + i * a.stride[r] + p * a.stride[r + 1])]) *
            static_cast<double>(b.memory[size_t(ob + p * b.stride[r] + j * b.stride[r + 1])]);
        want += term;
        scale += std::fabs(term);
      }
      if constexpr (std::is_same_v<T, uint8_t>) want = static_cast<double>(static_cast<uint64_t>(want) & 255);
      good =
          good && close(out.memory[size_t(oo + i * out.stride[r] + j * out.stride[r + 1])], want, scale, k);
    }
    if (!good) return check(false, name);
  }
  check(true, name);
}

template <class T>
void convCase(const Kernels& kernels, int64_t images, int64_t c, int64_t f, int64_t h, int64_t w, int64_t r,
              int64_t q, Conv2dParams p, bool strided) {
  const int64_t oh = (h + 2 * p.padH - p.dilationH * (r - 1) - 1) / p.strideH + 1,
                ow = (w + 2 * p.padW - p.dilationW * (q - 1) - 1) / p.strideW + 1;
  const int64_t g = p.groups;
  Tensor<T> x({images, g * c, h, w}, strided, strided), weight({g * f, c, r, q}, strided, strided),
      out({images, g * f, oh, ow}, strided), bias({g * f}, strided),
      dy({images, g * f, oh, ow}, strided, strided), dx({images, g * c, h, w}, strided),
      dWeight({g * f, c, r, q}, strided);
  char name[300];
  std::snprintf(name, sizeof name, "%s conv n%ld g%ld c%ld f%ld %ldx%ld k%ldx%ld s%d,%d p%d,%d d%d,%d%s %s",
                kernels.name, long(images), long(g), long(c), long(f), long(h), long(w), long(r), long(q),
                p.strideH, p.strideW, p.padH, p.padW, p.dilationH, p.dilationW, strided ? " strided" : "",
                sizeof(T) == 8 ? "f64" : "f32");
  const bool biased = chance(50);
  MaybeIn z{};
  z.rank = -1;
  if (biased) z = bias.template view<MaybeIn>();
  const In xv = x.template view<In>(), wv = weight.template view<In>(), dyv = dy.template view<In>();
  const Out ov = out.template view<Out>(), dxv = dx.template view<Out>(), dwv = dWeight.template view<Out>();
  check(everyThreadCount(out, kernels.conv2dWorkspace(ov, xv, wv, z, p),
                         [&](Stream& s) { kernels.conv2d(s, ov, xv, wv, z, p); }),
        std::string(name) + " threads");
  check(everyThreadCount(dx, kernels.conv2dGradInputWorkspace(dxv, dyv, wv, z, p),
                         [&](Stream& s) { kernels.conv2dGradInput(s, dxv, dyv, wv, z, p); }),
        std::string(name) + " dx threads");
  check(everyThreadCount(dWeight, kernels.conv2dGradWeightWorkspace(dwv, xv, dyv, p),
                         [&](Stream& s) { kernels.conv2dGradWeight(s, dwv, xv, dyv, p); }),
        std::string(name) + " dW threads");

  std::vector<double> wantX(size_t(images * g * c * h * w)), scaleX(wantX.size()),
      wantW(size_t(g * f * c * r * q)), scaleW(wantW.size());
  bool good = true;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t k = 0; k < g * f; ++k)
      for (int64_t y = 0; y < oh; ++y)
        for (int64_t xx = 0; xx < ow; ++xx) {
          double want = biased ? static_cast<double>(bias.at({k})) : 0, scale = std::fabs(want);
          const double d = static_cast<double>(dy.at({n, k, y, xx}));
          for (int64_t cc = 0; cc < c; ++cc)
            for (int64_t i = 0; i < r; ++i)
              for (int64_t j = 0; j < q; ++j) {
                const int64_t row = y * p.strideH - p.padH + i * p.dilationH,
                              col = xx * p.strideW - p.padW + j * p.dilationW;
                if (row < 0 || row >= h || col < 0 || col >= w) continue;
                const int64_t channel = k / f * c + cc;
                const double xval = static_cast<double>(x.at({n, channel, row, col})),
                             wval = static_cast<double>(weight.at({k, cc, i, j}));
                want += xval * wval;
                scale += std::fabs(xval * wval);
                const size_t ix = size_t(((n * g * c + channel) * h + row) * w + col),
                             iw = size_t(((k * c + cc) * r + i) * q + j);
                wantX[ix] += d * wval;
                scaleX[ix] += std::fabs(d * wval);
                wantW[iw] += d * xval;
                scaleW[iw] += std::fabs(d * xval);
              }
          good = good && close(out.at({n, k, y, xx}), want, scale, c * r * q);
        }
  check(good, name);
  good = true;
  for (int64_t i = 0; i < images * g * c * h * w; ++i)
    good = good && close(dx.at({i / w / h / (g * c), i / w / h % (g * c), i / w % h, i % w}),
                         wantX[size_t(i)], scaleX[size_t(i)], f * r * q);
  check(good, std::string(name) + " dx");
  good = true;
  for (int64_t i = 0; i < g * f * c * r * q; ++i)
    good = good && close(dWeight.at({i / q / r / c, i / q / r % c, i / q % r, i % q}), wantW[size_t(i)],
                         scaleW[size_t(i)], images * oh * ow);
  check(good, std::string(name) + " dW");
}

template <class T>
void poolCase(const Kernels& kernels, int64_t images, int64_t c, int64_t h, int64_t w, Pool2dParams p,
              bool strided) {
  const int64_t oh = (h + 2 * p.padH - p.dilationH * (p.kernelH - 1) - 1) / p.strideH + 1;
  const int64_t ow = (w + 2 * p.padW - p.dilationW * (p.kernelW - 1) - 1) / p.strideW + 1;
  char name[200];
  std::snprintf(name, sizeof name, "%s pool %ldx%ldx%ldx%ld k%d,%d s%d,%d p%d,%d d%d,%d%s", kernels.name,
                long(images), long(c), long(h), long(w), p.kernelH, p.kernelW, p.strideH, p.strideW, p.padH,
                p.padW, p.dilationH, p.dilationW, strided ? " strided" : "");
  Tensor<T> x({images, c, h, w}, strided, strided), out({images, c, oh, ow}, strided),
      dy({images, c, oh, ow}, strided, strided), dx({images, c, h, w}, strided),
      picked({images, c, oh, ow}, strided);
  Tensor<int32_t> indices({images, c, oh, ow}, strided);
  if constexpr (std::is_floating_point_v<T>)
    if (chance(30) && !x.memory.empty())
      x.memory[size_t(pick(0, int64_t(x.memory.size()) - 1))] = static_cast<T>(NAN);
  const In xv = x.template view<In>(), dyv = dy.template view<In>(), iv = indices.template view<In>();
  const Out ov = out.template view<Out>(), io = indices.template view<Out>(), dxv = dx.template view<Out>(),
            pv = picked.template view<Out>();
  check(everyThreadCount(out, 0, [&](Stream& s) { kernels.maxPool2d(s, ov, io, xv, p); }),
        std::string(name) + " threads");
  check(everyThreadCount(dx, 0, [&](Stream& s) { kernels.maxPool2dGrad(s, dxv, iv, dyv); }),
        std::string(name) + " grad threads");
  check(everyThreadCount(picked, 0, [&](Stream& s) { kernels.maxPool2dGather(s, pv, iv, xv); }),
        std::string(name) + " gather threads");
  std::vector<double> want(size_t(images * c * h * w));
  const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  bool good = true;
  for (int64_t plane = 0; plane < images * c; ++plane)
    for (int64_t y = 0; y < oh; ++y)
      for (int64_t xx = 0; xx < ow; ++xx) {
        const int64_t n = plane / c, k = plane % c;
        double best = -INFINITY;
        int64_t at = -1;
        for (int64_t i = 0; i < p.kernelH; ++i)
          for (int64_t j = 0; j < p.kernelW; ++j) {
            const int64_t row = y * p.strideH - p.padH + i * p.dilationH,
                          col = xx * p.strideW - p.padW + j * p.dilationW;
            if (row < 0 || row >= h || col < 0 || col >= w) continue;
            const double value = static_cast<double>(x.at({n, k, row, col}));
            if (at < 0 || value > best || std::isnan(value)) at = row * w + col;
            if (value > best || std::isnan(value)) best = value;
          }
        good = good && indices.at({n, k, y, xx}) == at &&
               (at < 0 || same(static_cast<double>(out.at({n, k, y, xx})), best)) &&
               (at < 0 || same(static_cast<double>(picked.at({n, k, y, xx})), best));
        if (at >= 0) want[size_t(plane * h * w + at)] += static_cast<double>(dy.at({n, k, y, xx}));
      }
  for (int64_t i = 0; i < images * c * h * w; ++i)
    good = good && close(dx.at({i / w / h / c, i / w / h % c, i / w % h, i % w}), want[size_t(i)], 50, 16);
  check(good, name);
  if constexpr (std::is_floating_point_v<T>) {
    if (p.dilationH != 1 || p.dilationW != 1) return;
    for (T& value : x.memory)
      if (std::isnan(value)) value = 1;
    check(everyThreadCount(out, 0, [&](Stream& s) { kernels.avgPool2d(s, ov, xv, p); }),
          std::string(name) + " average threads");
    check(everyThreadCount(dx, 0, [&](Stream& s) { kernels.avgPool2dGrad(s, dxv, dyv, p); }),
          std::string(name) + " average grad threads");
    std::fill(want.begin(), want.end(), 0);
    good = true;
    for (int64_t plane = 0; plane < images * c; ++plane)
      for (int64_t y = 0; y < oh; ++y)
        for (int64_t xx = 0; xx < ow; ++xx) {
          const int64_t n = plane / c, k = plane % c;
          double sum = 0, inside = 0, all = 0;
          for (int pass = 0; pass < 2; ++pass)
            for (int64_t row = y * p.strideH - p.padH;
                 row < y * p.strideH - p.padH + p.kernelH && row < h + p.padH; ++row)
              for (int64_t col = xx * p.strideW - p.padW;
                   col < xx * p.strideW - p.padW + p.kernelW && col < w + p.padW; ++col) {
                const bool in = row >= 0 && row < h && col >= 0 && col < w;
                if (pass == 0) {
                  ++all;
                  if (in) ++inside, sum += static_cast<double>(x.at({n, k, row, col}));
                } else if (in) {
                  want[size_t((plane * h + row) * w + col)] +=
                      static_cast<double>(dy.at({n, k, y, xx})) / (p.countIncludePad ? all : inside);
                }
              }
          const double by = p.countIncludePad ? all : inside;
          good = good && close(out.at({n, k, y, xx}), by > 0 ? sum / by : 0, 20, 16);
        }
    for (int64_t i = 0; i < images * c * h * w; ++i)
      good = good && close(dx.at({i / w / h / c, i / w / h % c, i / w % h, i % w}), want[size_t(i)], 50, 16);
    check(good, std::string(name) + " average");
  }
}

void randomConv(const Kernels& kernels) {
  Conv2dParams p{};
  int64_t h, w, r, q;
  for (;;) {
    h = pick(1, 20), w = pick(1, 40), r = pick(1, 5), q = pick(1, 5);
    p = {int32_t(pick(1, 4)),
         int32_t(pick(1, 4)),
         int32_t(pick(0, 6)),
         int32_t(pick(0, 6)),
         int32_t(pick(1, 4)),
         int32_t(pick(1, 4)),
         1};
    if (chance(50)) p.strideH = p.strideW = 1;
    if (chance(50)) p.dilationH = p.dilationW = 1;
    if (h + 2 * p.padH > p.dilationH * (r - 1) && w + 2 * p.padW > p.dilationW * (q - 1)) break;
  }
  int64_t c = pick(1, 9), f = pick(1, 20);
  if (chance(20)) p.groups = int32_t(pick(2, 4)), c = pick(1, 3), f = pick(1, 3);
  if (chance(10)) p.groups = int32_t(c), c = 1, f = pick(1, 2);
  const int64_t images = chance(5) ? 0 : pick(1, 4);
  const bool strided = chance(40);
  if (chance(70)) convCase<float>(kernels, images, c, f, h, w, r, q, p, strided);
  else convCase<double>(kernels, images, c, f, h, w, r, q, p, strided);
}

void randomPool(const Kernels& kernels) {
  Pool2dParams p{};
  int64_t h, w;
  for (;;) {
    h = pick(1, 20), w = pick(1, 40);
    p = {int32_t(pick(1, 4)),
         int32_t(pick(1, 4)),
         int32_t(pick(1, 4)),
         int32_t(pick(1, 4)),
         0,
         0,
         1,
         1,
         int32_t(pick(0, 1)),
         0};
    if (chance(30)) p.dilationH = int32_t(pick(1, 3)), p.dilationW = int32_t(pick(1, 3));
    p.padH = int32_t(pick(0, p.kernelH / 2));
    p.padW = int32_t(pick(0, p.kernelW / 2));
    if (h + 2 * p.padH > p.dilationH * (p.kernelH - 1) && w + 2 * p.padW > p.dilationW * (p.kernelW - 1))
      break;
  }
  const bool strided = chance(40);
  const int64_t images = pick(0, 4), c = pick(1, 5);
  if (chance(50)) poolCase<float>(kernels, images, c, h, w, p, strided);
  else if (chance(50)) poolCase<double>(kernels, images, c, h, w, p, strided);
  else poolCase<int32_t>(kernels, images, c, h, w, p, strided);
}

template <class T>
void randomMatmul(const Kernels& kernels) {
  const int64_t big = chance(15) ? 150 : chance(30) ? 60 : 17;
  std::vector<int64_t> batch;
  for (int64_t axes = chance(50) ? 0 : pick(1, 2); axes > 0; --axes)
    batch.push_back(pick(chance(5) ? 0 : 1, 5));
  matmulCase<T>(kernels, pick(chance(5) ? 0 : 1, big), pick(chance(5) ? 0 : 1, big), pick(0, big), batch,
                chance(50));
}

void all(const Kernels& kernels, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    randomMatmul<float>(kernels);
    randomMatmul<double>(kernels);
    if (i % 8 == 0)
      randomMatmul<int32_t>(kernels), randomMatmul<int64_t>(kernels), randomMatmul<uint8_t>(kernels);
    randomConv(kernels);
    randomPool(kernels);
  }
  // Shapes that take each path: blocks of k, of rows, thin, long, one column, one row, aliasing pitches.
  const int64_t shapes[][3] = {{1, 700, 1300}, {1, 513, 2000},   {700, 1, 1300},  {3, 1000, 777},
                               {8, 600, 2050}, {300, 310, 1100}, {512, 70, 520},  {33, 65, 4097},
                               {64, 64, 5000}, {600, 10, 256},   {128, 128, 128}, {257, 513, 129},
                               {14, 32, 0},    {2000, 17, 3}};
  for (const auto& d : shapes)
    for (const bool strided : {false, true}) {
      matmulCase<float>(kernels, d[0], d[1], d[2], {}, strided);
      matmulCase<double>(kernels, d[0], d[1], d[2], {}, strided);
    }
  matmulCase<float>(kernels, 40, 50, 60, {3, 7}, false);
  matmulCase<float>(kernels, 40, 50, 60, {3, 7}, true);
  const struct {
    int64_t n, c, f, h, w, r, q;
    Conv2dParams p;
  } convs[] = {{3, 1, 32, 28, 28, 5, 5, {1, 1, 2, 2, 1, 1, 1}},
               {5, 32, 64, 14, 14, 5, 5, {1, 1, 2, 2, 1, 1, 1}},
               {1, 3, 16, 60, 61, 7, 7, {2, 2, 3, 3, 1, 1, 1}},
               {2, 70, 40, 8, 8, 3, 3, {1, 1, 1, 1, 1, 1, 1}},
               {1, 2, 3, 3, 1300, 1, 3, {1, 1, 0, 1, 1, 1, 1}},
               {1, 40, 5, 30, 31, 30, 31, {1, 1, 5, 5, 1, 1, 1}},
               {1, 600, 3, 4, 4, 1, 1, {1, 1, 0, 0, 1, 1, 1}},
               {2, 1, 1, 20, 30, 3, 3, {1, 1, 1, 1, 1, 1, 12}},
               {1, 2, 2, 3, 3, 2, 2, {1, 1, 700, 700, 701, 701, 1}},
               {1, 2, 2, 3, 3, 2, 2, {900, 900, 700, 700, 601, 601, 1}},
               {1, 2, 3, 5, 5, 2, 2, {7, 5, 3, 3, 2, 3, 1}},
               {2, 4, 6, 9, 9, 3, 3, {3, 2, 0, 0, 2, 2, 2}}};
  for (const auto& d : convs)
    for (const bool strided : {false, true}) {
      convCase<float>(kernels, d.n, d.c, d.f, d.h, d.w, d.r, d.q, d.p, strided);
      if (!strided) convCase<double>(kernels, d.n, d.c, d.f, d.h, d.w, d.r, d.q, d.p, strided);
    }
  poolCase<float>(kernels, 2, 3, 5, 700, {2, 2, 2, 2, 0, 0, 1, 1, 1}, false);
  poolCase<float>(kernels, 64, 32, 28, 28, {2, 2, 2, 2, 0, 0, 1, 1, 1}, false);

  // Bad arguments fail the op and touch nothing.
  Tensor<float> a({4, 5}, false), b({6, 7}, false), out({4, 7}, false);
  MaybeIn none{};
  none.rank = -1;
  Status status{};
  Stream s{&status, nullptr, nullptr, 0, nullptr, 0};
  kernels.matmul(s, out.view<Out>(), a.view<In>(), b.view<In>(), none);
  check(status.code.load() == static_cast<int32_t>(Code::bounds), "matmul refuses inner sizes that differ");
  Tensor<float> plane({1, 1, 4, 4}, false), small({1, 1, 2, 2}, false);
  Tensor<int32_t> wrong({1, 1, 2, 2}, false);
  wrong.memory = {0, 5, 99, -7};
  Status second{};
  Stream t{&second, nullptr, nullptr, 0, nullptr, 0};
  kernels.maxPool2dGrad(t, plane.view<Out>(), wrong.view<In>(), small.view<In>());
  check(second.code.load() == static_cast<int32_t>(Code::index),
        "maxPool2dGrad refuses indices outside the plane");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 150;
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1;
  std::vector<Kernels> isas = {WG_KERNELS(base)};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isas.push_back(WG_KERNELS(avx2));
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    isas.push_back(WG_KERNELS(avx512));
#endif
  for (const Kernels& kernels : isas) {
    rng.seed(seed);
    const int before = failures;
    all(kernels, rounds);
    std::printf("%s: %s\n", kernels.name, failures == before ? "ok" : "FAILED");
  }
  std::printf("%d passed, %d failed\n", passed, failures);
  return failures != 0;
}
