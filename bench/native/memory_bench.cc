// Kernels that memory bounds, alone and on one thread, in bursts short enough to find a busy machine's quiet
// moments: GB/s of the bytes a call must move, best of all bursts. From the repository root, with objects of
// the built addon's avx512 kernels:
//   g++ -std=c++20 -O3 -march=native -DWG_ISA=avx512 bench/native/memory_bench.cc [object files] -o
//   /tmp/memory_bench -pthread /tmp/memory_bench [filter] [seconds a case]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "../../native/cpu/pool.h"
#include "operands.h"

using namespace wg;
using namespace wg::bench;

namespace {

struct Case {
  std::string name;
  double bytes;
  std::function<void(Stream&)> run;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string filter = argc > 1 ? argv[1] : "";
  const double budget = argc > 2 ? std::atof(argv[2]) : 0.5;
  cpu::setThreads(1);
  const int64_t n = 1 << 18;
  float *a = randoms(1 << 23), *b = randoms(1 << 23), *c = randoms(1 << 23), *d = randoms(1 << 23);
  const auto flat = view<In>(a, {n});
  const auto other = view<In>(b, {n});
  const auto to = view<Out>(c, {n});
  auto labels = view<In>(reinterpret_cast<float*>(new int32_t[4096]()), {4096});
  labels.dtype = DType::i32;
  std::vector<Case> cases;
  const auto add = [&](std::string name, double bytes, std::function<void(Stream&)> run) {
    cases.push_back({std::move(name), bytes, std::move(run)});
  };
  using Value = void (*)(Stream&, const Out&, const In&);
  const std::pair<const char*, Value> values[] = {
      {"relu", cpu::relu}, {"exp", cpu::exp},           {"log", cpu::log},
      {"tanh", cpu::tanh}, {"sigmoid", cpu::sigmoid},   {"erf", cpu::erf},
      {"gelu", cpu::gelu}, {"geluTanh", cpu::geluTanh}, {"silu", cpu::silu}};
  for (const auto& [name, f] : values) add(name, 8.0 * n, [=, f = f](Stream& s) { f(s, to, flat); });
  using Slope = void (*)(Stream&, const Out&, const In&, const In&);
  const std::pair<const char*, Slope> slopes[] = {
      {"tanhGrad", cpu::tanhGrad}, {"geluGrad", cpu::geluGrad}, {"siluGrad", cpu::siluGrad}};
  for (const auto& [name, f] : slopes) add(name, 12.0 * n, [=, f = f](Stream& s) { f(s, to, flat, other); });
  const auto matrix = view<In>(a, {256, 1024}), second = view<In>(b, {256, 1024});
  const auto out = view<Out>(c, {256, 1024});
  const auto narrow = view<In>(a, {2048, 128});
  const auto narrowOut = view<Out>(c, {2048, 128});
  add("softmax 256x1024", 8.0 * n, [=](Stream& s) { cpu::softmax(s, out, matrix); });
  add("softmax 2048x128", 8.0 * n, [=](Stream& s) { cpu::softmax(s, narrowOut, narrow); });
  add("softmaxGrad 256x1024", 12.0 * n, [=](Stream& s) { cpu::softmaxGrad(s, out, matrix, second); });
  add("logSoftmax 256x1024", 8.0 * n, [=](Stream& s) { cpu::logSoftmax(s, out, matrix); });
  add("softmaxGrad 64x1024", 12.0 * 65536, [=](Stream& s) {
    cpu::softmaxGrad(s, view<Out>(c, {64, 1024}), view<In>(a, {64, 1024}), view<In>(b, {64, 1024}));
  });
  add("logSoftmaxGrad 256x1024", 12.0 * n, [=](Stream& s) { cpu::logSoftmaxGrad(s, out, matrix, second); });
  for (const auto& [r, w] : {std::pair<int64_t, int64_t>{4096, 1024}, {128, 50304}}) {
    const auto x = view<In>(a, {r, w});
    const auto y = view<Out>(c, {r, w}), loss = view<Out>(d, {r}), logSum = view<Out>(d + r, {r});
    const auto logSumIn = view<In>(d + r, {r}), dLoss = view<In>(b, {r});
    labels.shape[0] = r;
    const std::string size = std::to_string(r) + "x" + std::to_string(w);
    const double bytes = 4.0 * static_cast<double>(r * w);
    add("softmax " + size, 2 * bytes, [=](Stream& s) { cpu::softmax(s, y, x); });
    add("crossEntropy " + size, bytes,
        [=](Stream& s) { cpu::crossEntropy(s, loss, logSum, x, labels, -100); });
    add("crossEntropyGrad " + size, 2 * bytes,
        [=](Stream& s) { cpu::crossEntropyGrad(s, y, x, logSumIn, labels, dLoss, -100); });
  }
  for (int64_t w : {768, 128, 1024}) {
    const int64_t r = (w == 1024 ? 1 << 23 : n) / w;
    const auto x = view<In>(a, {r, w}), dy = view<In>(b, {r, w});
    const auto y = view<Out>(c, {r, w}), mean = view<Out>(d, {r}), rstd = view<Out>(d + r, {r});
    const auto meanIn = view<In>(d, {r}), rstdIn = view<In>(d + r, {r});
    const auto weight = view<MaybeIn>(b, {w}), bias = view<MaybeIn>(b, {w});
    const auto dw = view<Out>(d + 2 * r, {w}), db = view<Out>(d + 2 * r + w, {w});
    const std::string size = std::to_string(r) + "x" + std::to_string(w);
    const double bytes = 4.0 * static_cast<double>(r * w);
    add("rowNorm " + size, 2 * bytes,
        [=](Stream& s) { cpu::rowNorm(s, y, mean, rstd, x, weight, bias, 1e-5, 1); });
    add("rowNormGrad " + size, 3 * bytes,
        [=](Stream& s) { cpu::rowNormGrad(s, y, x, meanIn, rstdIn, weight, dy, 1); });
    add("rowNormGradWeight " + size, 2 * bytes,
        [=](Stream& s) { cpu::rowNormGradWeight(s, dw, db, x, meanIn, rstdIn, dy); });
  }
  {
    const auto all = view<Out>(d, {1, 1}), rows = view<Out>(d, {256, 1}), columns = view<Out>(d, {1, 1024});
    add("sum", 4.0 * n, [=](Stream& s) { cpu::sum(s, all, matrix); });
    add("sum rows", 4.0 * n, [=](Stream& s) { cpu::sum(s, rows, matrix); });
    add("sum columns", 4.0 * n, [=](Stream& s) { cpu::sum(s, columns, matrix); });
    add("amax", 4.0 * n, [=](Stream& s) { cpu::amax(s, all, matrix); });
    add("variance columns", 4.0 * n, [=](Stream& s) { cpu::variance(s, columns, matrix, 1); });
    auto index = view<Out>(d, {256, 1});
    index.dtype = DType::i32;
    add("argmax rows", 4.0 * n, [=](Stream& s) { cpu::argmax(s, index, matrix); });
  }
  const auto transposed = [&](const char* name, int64_t rows, int64_t columns) {
    const auto x = view<In>(a, {columns, rows}, {1, columns});
    const auto y = view<Out>(c, {columns, rows});
    add(name, 8.0 * static_cast<double>(rows * columns), [=](Stream& s) { cpu::copy(s, y, x); });
  };
  transposed("transpose 512x512", 512, 512);
  transposed("transpose 1000x777", 1000, 777);
  transposed("transpose 128x768", 128, 768);
  transposed("transpose 2048x2048", 2048, 2048);
  {
    const auto x = view<In>(a, {8, 12, 128, 64}, {128 * 12 * 64, 64, 12 * 64, 1});
    const auto y = view<Out>(c, {8, 12, 128, 64});
    const auto rows = view<In>(a, {8192, 768});
    const auto picked = view<Out>(c, {1024, 768});
    auto ids = view<In>(d, {1024});
    ids.dtype = DType::i32;
    add("index 1024 of 8192x768", 8.0 * 1024 * 768, [=](Stream& s) {
      auto* numbers = static_cast<int32_t*>(ids.data);
      for (int32_t i = 0; i < 1024; i++) numbers[i] = i * 2777 % 8192;
      cpu::index(s, picked, rows, ids);
    });
    add("heads apart", 8.0 * 8 * 12 * 128 * 64, [=](Stream& s) { cpu::copy(s, y, x); });
    const auto nhwc = view<In>(a, {8, 56, 56, 64}, {64 * 56 * 56, 56, 1, 56 * 56});
    const auto z = view<Out>(c, {8, 56, 56, 64});
    add("nchw to nhwc", 8.0 * 8 * 56 * 56 * 64, [=](Stream& s) { cpu::copy(s, z, nhwc); });
  }
  for (const auto& [m, ch, l] : {std::array<int64_t, 3>{8, 64, 3136},
                                 {32, 64, 3136},
                                 {32, 64, 1024},
                                 {32, 512, 49},
                                 {32, 512, 16},
                                 {128, 256, 1},
                                 {12544, 64, 1}}) {
    const auto x = view<In>(a, {m, ch, l}), dy = view<In>(b, {m, ch, l});
    const auto y = view<Out>(c, {m, ch, l}), mean = view<Out>(d, {ch}), var = view<Out>(d + ch, {ch});
    const auto meanIn = view<In>(d, {ch}), varIn = view<In>(b, {ch});
    const auto weight = view<MaybeIn>(b, {ch}), bias = view<MaybeIn>(b, {ch});
    const auto dw = view<Out>(d + 2 * ch, {ch}), db = view<Out>(d + 3 * ch, {ch});
    const std::string size = std::to_string(m) + "x" + std::to_string(ch) + "x" + std::to_string(l);
    const double bytes = 4.0 * static_cast<double>(m * ch * l);
    add("batchNorm " + size, 2 * bytes,
        [=](Stream& s) { cpu::batchNorm(s, y, mean, var, x, weight, bias, 1e-5); });
    add("batchNormGrad " + size, 3 * bytes,
        [=](Stream& s) { cpu::batchNormGrad(s, y, dw, db, x, meanIn, varIn, weight, dy, 1e-5); });
  }
  const auto pool = [&](const char* name, int32_t k, int32_t stride, int32_t pad, bool max) {
    const int64_t side = 56, small = (side + 2 * pad - k) / stride + 1;
    const auto x = view<In>(a, {8, 64, side, side});
    const auto y = view<Out>(c, {8, 64, small, small});
    auto index = view<Out>(d, {8, 64, small, small});
    index.dtype = DType::i32;
    const Pool2dParams p{k, k, stride, stride, pad, pad, 1, 1, 1, 0};
    const double bytes = 4.0 * 8 * 64 * static_cast<double>(side * side + small * small * (max ? 2 : 1));
    add(std::string(name) + " pool", bytes, [=](Stream& s) {
      if (max) cpu::maxPool2d(s, y, index, x, p);
      else cpu::avgPool2d(s, y, x, p);
    });
    const auto dx = view<Out>(b, {8, 64, side, side});
    const auto dy = view<In>(c, {8, 64, small, small});
    add(std::string(name) + " pool backward", bytes, [=](Stream& s) {
      auto where = view<In>(d, {8, 64, small, small});
      where.dtype = DType::i32;
      if (max) cpu::maxPool2dGrad(s, dx, where, dy);
      else cpu::avgPool2dGrad(s, dx, dy, p);
    });
  };
  pool("max 2x2", 2, 2, 0, true);
  pool("max 3x3 stride 2", 3, 2, 1, true);
  pool("avg 2x2", 2, 2, 0, false);
  std::vector<char> scratch(64 << 20);
  for (const Case& each : cases) {
    if (each.name.find(filter) == std::string::npos) continue;
    Status status{};
    Stream s{&status, nullptr, scratch.data(), scratch.size(), nullptr, 0};
    each.run(s);
    double best = 1e9;
    for (const double until = now() + budget; now() < until;) {
      const double start = now();
      each.run(s);
      best = std::min(best, now() - start);
    }
    std::printf("%-32s %9.1f us %7.1f GB/s%s\n", each.name.c_str(), best * 1e6, each.bytes / best / 1e9,
                status.code.load() != 0 ? status.message : "");
  }
}
