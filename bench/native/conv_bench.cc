// float32 convolution against oneDNN's direct kernels, interleaved in one process, random data. Ours reads
// and writes NCHW and packs the weights in every call. oneDNN runs twice: "blocked" in layouts of its choice,
// whose reorders are not timed; "plain" from and to NCHW, where reorders are timed, which is what a framework
// with plain tensors gets from it. From the repository root (Debian: libdnnl-dev): g++ -std=c++20 -O3
// -ffp-contract=fast -fno-math-errno -fno-trapping-math -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2
// -mfma -mf16c -mbmi2 -mprefer-vector-width=512 -DWG_ISA=avx512 bench/native/conv_bench.cc
// native/cpu/{conv,conv_weight,conv_depthwise,conv_winograd,conv_winograd_weight,placement,pool,start_thread,threads}.cc
// -o /tmp/conv_bench -ldnnl -lgomp -pthread && OMP_WAIT_POLICY=passive /tmp/conv_bench [threads] [filter]
// [precision]
#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "../../native/cpu/kernel.h"
#include "../../native/ops/rows/conv.h"

WG_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
size_t conv2dWorkspace(const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&);
size_t conv2dGradInputWorkspace(const Out&, const In&, const In&, const MaybeIn&, const Conv2dParams&);
size_t conv2dGradWeightWorkspace(const Out&, const In&, const In&, const Conv2dParams&);
}  // namespace WG_ISA
}  // namespace wg::cpu

using namespace wg;

namespace {

struct Case {
  const char* name;
  int n, ci, co, k, s, p, h, g;
};

// One thread is timed by its processor time, which other work on the cores does not add to.
bool alone = true;

double now() {
  timespec t;
  clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

float* randoms(size_t count) {
  auto* p = static_cast<float*>(std::aligned_alloc(64, (count * 4 + 63) / 64 * 64));
  for (size_t i = 0; i < count; ++i)
    p[i] = static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX) - 0.5f;
  return p;
}

template <class V>
V view(float* data, int a, int b, int c, int d) {
  V v{};
  v.data = data;
  v.dtype = DType::f32;
  v.rank = 4;
  const int64_t shape[] = {a, b, c, d};
  int64_t stride = 1;
  for (int i = 3; i >= 0; --i) {
    v.shape[i] = shape[i];
    v.stride[i] = stride;
    stride *= shape[i];
  }
  return v;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const std::string filter = argc > 2 ? argv[2] : "";
  const int precision = argc > 3 ? std::atoi(argv[3]) : 1;  // a Precision: 1 'highest', 2 'high'
  alone = threads == 1;
  omp_set_num_threads(threads);
  cpu::setThreads(threads);
  const Case cases[] = {{"lenet1 5x5 1-32 28 b64", 64, 1, 32, 5, 1, 2, 28, 1},
                        {"lenet2 5x5 32-64 14 b64", 64, 32, 64, 5, 1, 2, 14, 1},
                        {"lenet1 b1", 1, 1, 32, 5, 1, 2, 28, 1},
                        {"3x3 64-64 56 b1", 1, 64, 64, 3, 1, 1, 56, 1},
                        {"3x3 64-64 56 b16", 16, 64, 64, 3, 1, 1, 56, 1},
                        {"1x1 256-64 56 b1", 1, 256, 64, 1, 1, 0, 56, 1},
                        {"1x1 256-64 56 b16", 16, 256, 64, 1, 1, 0, 56, 1},
                        {"1x1 128-512 28 b4", 4, 128, 512, 1, 1, 0, 28, 1},
                        {"1x1 1024-256 14 b4", 4, 1024, 256, 1, 1, 0, 14, 1},
                        {"1x1 64-64 32 b8", 8, 64, 64, 1, 1, 0, 32, 1},
                        {"1x1 16-96 112 b1", 1, 16, 96, 1, 1, 0, 112, 1},
                        {"1x1 96-24 12 b16", 16, 96, 24, 1, 1, 0, 12, 1},
                        {"5x5 32-64 14 b16", 16, 32, 64, 5, 1, 2, 14, 1},
                        {"7x7s2 3-64 224 b16", 16, 3, 64, 7, 2, 3, 224, 1},
                        {"7x7s2 3-64 224 b1", 1, 3, 64, 7, 2, 3, 224, 1},
                        {"3x3 512-512 7 b16", 16, 512, 512, 3, 1, 1, 7, 1},
                        {"3x3 512-512 7 b1", 1, 512, 512, 3, 1, 1, 7, 1},
                        {"3x3 256-256 14 b1", 1, 256, 256, 3, 1, 1, 14, 1},
                        {"3x3s2 64-128 56 b4", 4, 64, 128, 3, 2, 1, 56, 1},
                        {"3x3s2 64-128 32 b32", 32, 64, 128, 3, 2, 1, 32, 1},
                        {"1x1s2 64-128 32 b32", 32, 64, 128, 1, 2, 0, 32, 1},
                        {"1x1s2 256-512 8 b32", 32, 256, 512, 1, 2, 0, 8, 1},
                        {"3x3 3-64 32 b32", 32, 3, 64, 3, 1, 1, 32, 1},
                        {"dw3x3 128 56 b1", 1, 128, 128, 3, 1, 1, 56, 128},
                        {"dw3x3 128 56 b16", 16, 128, 128, 3, 1, 1, 56, 128},
                        {"dw3x3 256 14 b16", 16, 256, 256, 3, 1, 1, 14, 256},
                        {"dw3x3s2 64 112 b4", 4, 64, 64, 3, 2, 1, 112, 64},
                        {"dw5x5 128 28 b16", 16, 128, 128, 5, 1, 2, 28, 128},
                        {"3x3 128-128 28 b16", 16, 128, 128, 3, 1, 1, 28, 1},
                        {"3x3 256-256 14 b16", 16, 256, 256, 3, 1, 1, 14, 1},
                        {"3x3 64-64 32 b32", 32, 64, 64, 3, 1, 1, 32, 1},
                        {"3x3 128-128 16 b32", 32, 128, 128, 3, 1, 1, 16, 1},
                        {"3x3 256-256 8 b32", 32, 256, 256, 3, 1, 1, 8, 1},
                        {"3x3 512-512 4 b32", 32, 512, 512, 3, 1, 1, 4, 1}};
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  std::printf("%-26s %-8s %9s %9s %9s   ratios to both (GFLOP/s, best of rounds; medians in brackets)\n",
              "case", "", "warpgrad", "blocked", "plain");
  for (const Case& c : cases) {
    if (std::string(c.name).find(filter) == std::string::npos) continue;
    const int o = (c.h + 2 * c.p - c.k) / c.s + 1, cg = c.ci / c.g;
    float *x = randoms(size_t(c.n * c.ci) * size_t(c.h * c.h)), *w = randoms(size_t(c.co * cg * c.k * c.k)),
          *y = randoms(size_t(c.n * c.co) * size_t(o * o));
    float *gx = randoms(size_t(c.n * c.ci) * size_t(c.h * c.h)), *gw = randoms(size_t(c.co * cg * c.k * c.k));
    const Conv2dParams params{c.s, c.s, c.p, c.p, 1, 1, c.g, precision};
    const auto xi = view<In>(x, c.n, c.ci, c.h, c.h), wi = view<In>(w, c.co, cg, c.k, c.k),
               yi = view<In>(y, c.n, c.co, o, o);
    const auto yo = view<Out>(y, c.n, c.co, o, o), xo = view<Out>(gx, c.n, c.ci, c.h, c.h),
               wo = view<Out>(gw, c.co, cg, c.k, c.k);
    MaybeIn none{};
    none.rank = -1;
    const size_t bytes = std::max({cpu::conv2dWorkspace(yo, xi, wi, none, params),
                                   cpu::conv2dGradInputWorkspace(xo, yi, wi, none, params),
                                   cpu::conv2dGradWeightWorkspace(wo, xi, yi, params)});
    void* scratch = std::aligned_alloc(64, (bytes + 64) / 64 * 64);
    Status status{};
    Stream s{&status, nullptr, scratch, bytes, nullptr, 0};

    using namespace dnnl;
    const auto f32 = memory::data_type::f32;
    const auto any = memory::format_tag::any;
    const memory::desc xd({c.n, c.ci, c.h, c.h}, f32, any), yd({c.n, c.co, o, o}, f32, any);
    const memory::desc wd = c.g > 1 ? memory::desc({c.g, c.co / c.g, cg, c.k, c.k}, f32, any)
                                    : memory::desc({c.co, c.ci, c.k, c.k}, f32, any);
    const memory::dims st{c.s, c.s}, pd{c.p, c.p};
    const auto make = [&](const memory::desc& d) {
      memory m(d, engine);
      auto* q = static_cast<float*>(m.get_data_handle());
      for (size_t i = 0; i < d.get_size() / 4; ++i)
        q[i] = static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX) - 0.5f;
      return m;
    };
    const auto alg = algorithm::convolution_direct;
    convolution_forward::primitive_desc fd({prop_kind::forward_training, alg, xd, wd, yd, st, pd, pd},
                                           engine);
    convolution_backward_data::primitive_desc dd({alg, xd, wd, yd, st, pd, pd}, engine, fd);
    convolution_backward_weights::primitive_desc bd({alg, xd, wd, yd, st, pd, pd}, engine, fd);
    convolution_forward forward(fd);
    convolution_backward_data data(dd);
    convolution_backward_weights weights(bd);
    memory fx = make(fd.src_desc()), fw = make(fd.weights_desc()), fy = make(fd.dst_desc());
    memory dx = make(dd.diff_src_desc()), dw = make(dd.weights_desc()), dy = make(dd.diff_dst_desc());
    memory bx = make(bd.src_desc()), bw = make(bd.diff_weights_desc()), by = make(bd.diff_dst_desc());
    // The same with its reorders: what `layout` differs from NCHW costs a copy each way.
    const auto nchw = memory::format_tag::nchw;
    memory px({{c.n, c.ci, c.h, c.h}, f32, nchw}, engine, x), py({{c.n, c.co, o, o}, f32, nchw}, engine, y),
        pgx({{c.n, c.ci, c.h, c.h}, f32, nchw}, engine, gx);
    const memory::desc plainW =
        c.g > 1 ? memory::desc({c.g, c.co / c.g, cg, c.k, c.k}, f32, memory::format_tag::goihw)
                : memory::desc({c.co, c.ci, c.k, c.k}, f32, memory::format_tag::oihw);
    memory pw(plainW, engine, w), pgw(plainW, engine, gw);
    const auto mover = [&](memory& from, memory& to) -> std::function<void()> {
      if (from.get_desc() == to.get_desc()) return [] {};
      return [r = reorder(from, to), &from, &to, &stream]() mutable { r.execute(stream, from, to); };
    };
    const std::function<void()> moves[3][3] = {{mover(px, fx), mover(pw, fw), mover(fy, py)},
                                               {mover(py, dy), mover(pw, dw), mover(dx, pgx)},
                                               {mover(px, bx), mover(py, by), mover(bw, pgw)}};
    std::function<void()> runs[3][3] = {
        {[&] { cpu::conv2d(s, yo, xi, wi, none, params); },
         [&] {
           forward.execute(stream, {{DNNL_ARG_SRC, fx}, {DNNL_ARG_WEIGHTS, fw}, {DNNL_ARG_DST, fy}});
           stream.wait();
         },
         {}},
        {[&] { cpu::conv2dGradInput(s, xo, yi, wi, none, params); },
         [&] {
           data.execute(stream, {{DNNL_ARG_DIFF_SRC, dx}, {DNNL_ARG_WEIGHTS, dw}, {DNNL_ARG_DIFF_DST, dy}});
           stream.wait();
         },
         {}},
        {[&] { cpu::conv2dGradWeight(s, wo, xi, yi, params); },
         [&] {
           weights.execute(stream,
                           {{DNNL_ARG_SRC, bx}, {DNNL_ARG_DIFF_WEIGHTS, bw}, {DNNL_ARG_DIFF_DST, by}});
           stream.wait();
         },
         {}}};
    for (int kind = 0; kind < 3; ++kind)
      runs[kind][2] = [&, kind] {
        moves[kind][0]();
        moves[kind][1]();
        runs[kind][1]();
        moves[kind][2]();
        stream.wait();
      };
    const char* names[] = {"forward", "dx", "dW"};
    const double flops = 2.0 * c.n * c.co * o * o * cg * c.k * c.k;
    for (int kind = 0; kind < 3; ++kind) {
      std::vector<double> times[3];
      const double start = now();
      for (int round = 0; round < 300 && (round < 5 || now() - start < 0.4); ++round)
        for (int which = 0; which < 3; ++which) {
          const int inner = std::max(1, static_cast<int>(3e6 / flops));
          const double t0 = now();
          for (int i = 0; i < inner; ++i) runs[kind][which]();
          times[which].push_back((now() - t0) / inner);
        }
      double best[3], median[3];
      for (int which = 0; which < 3; ++which) {
        std::sort(times[which].begin(), times[which].end());
        best[which] = flops / times[which][0] / 1e9;
        median[which] = flops / times[which][times[which].size() / 2] / 1e9;
      }
      std::printf("%-26s %-8s %9.1f %9.1f %9.1f   %6.3f %6.3f  (%.1f %.1f %.1f) %.3f ms\n", c.name,
                  names[kind], best[0], best[1], best[2], best[0] / best[1], best[0] / best[2], median[0],
                  median[1], median[2], times[0][0] * 1e3);
    }
    if (status.code.load() != 0) std::printf("status %d %s\n", status.code.load(), status.message);
    for (void* p : {static_cast<void*>(x), static_cast<void*>(w), static_cast<void*>(y),
                    static_cast<void*>(gx), static_cast<void*>(gw), scratch})
      std::free(p);
  }
}
