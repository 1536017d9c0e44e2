// float32 matmul against oneDNN and OpenBLAS, interleaved in one process on the same random matrices; best
// and median of the rounds. From the repository root (Debian: libdnnl-dev libopenblas-dev): g++ -std=c++20
// -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2
// -mfma -mf16c -mbmi2 -mprefer-vector-width=512 -DWG_ISA=avx512 bench/native/gemm_bench.cc
// native/cpu/{matmul,placement,pool,start_thread,threads,wide_tiles}.cc -o /tmp/gemm_bench -ldnnl -lopenblas -lgomp
// -pthread && OMP_WAIT_POLICY=passive /tmp/gemm_bench [threads] [filter]
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "../../native/cpu/kernel.h"
#include "../../native/ops/rows/matrix.h"

extern "C" void cblas_sgemm(int, int, int, int, int, int, float, const float*, int, const float*, int, float,
                            float*, int);
extern "C" void openblas_set_num_threads(int);

WG_PROTOTYPES(WG_MATRIX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
size_t matmulWorkspace(const Out&, const In&, const In&, const MaybeIn&, const MatmulParams&);
}  // namespace WG_ISA
}  // namespace wg::cpu

using namespace wg;

namespace {

struct Case {
  int m, n, k;
  const char* mode;
};

// One thread is timed by its processor time, which other work on the cores does not add to.
bool alone = true;

double now() {
  timespec t;
  clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class V>
V matrix(float* data, int rows, int cols, bool transposed) {
  V v{};
  v.data = data;
  v.dtype = DType::f32;
  v.rank = 2;
  v.shape[0] = rows;
  v.shape[1] = cols;
  v.stride[0] = transposed ? 1 : cols;
  v.stride[1] = transposed ? rows : 1;
  return v;
}

/// On huge pages when it is large, as the library's own memory is.
float* randoms(size_t count) {
  const size_t page = count * 4 < (size_t{1} << 21) ? 64 : size_t{1} << 21,
               bytes = (count * 4 + page - 1) / page * page;
  auto* p = static_cast<float*>(std::aligned_alloc(page, bytes));
  if (page > 64) madvise(p, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < count; ++i)
    p[i] = static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX) - 0.5f;
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const std::string filter = argc > 2 ? argv[2] : "";
  alone = threads == 1;
  omp_set_num_threads(threads);
  openblas_set_num_threads(threads);
  cpu::setThreads(threads);
  const std::vector<Case> cases = {
      {1024, 1024, 1024, "NN"}, {1024, 1024, 1024, "NT"}, {1024, 1024, 1024, "TN"}, {64, 64, 64, "NN"},
      {128, 128, 128, "NN"},    {256, 256, 256, "NN"},    {256, 256, 256, "NT"},    {512, 512, 512, "NN"},
      {2048, 2048, 2048, "NN"}, {64, 512, 784, "NN"},     {64, 512, 3136, "NT"},    {64, 3136, 512, "NN"},
      {512, 3136, 64, "TN"},    {128, 256, 512, "NN"},    {128, 10, 256, "NN"},     {64, 10, 512, "NT"},
      {32, 3072, 768, "NN"},    {1024, 384, 128, "NN"},   {512, 512, 32, "NN"},     {3136, 64, 576, "NN"},
      {64, 4096, 576, "NN"},    {8192, 64, 64, "NN"},     {64, 64, 8192, "NN"},     {1, 4096, 4096, "NN"},
      {1, 4096, 4096, "NT"},    {8, 4096, 4096, "NN"},    {8, 4096, 4096, "NT"},    {4096, 1, 4096, "NN"},
      {512, 128, 1024, "TN"},   {128, 512, 1024, "TN"},   {384, 128, 1024, "TN"},   {128, 128, 1024, "TN"},
      {512, 128, 2048, "TN"},   {1024, 512, 128, "NT"},   {1024, 128, 512, "NT"},   {1024, 384, 128, "NT"},
      {12, 1024, 512, "NN"}, {9, 768, 768, "NN"}, {16, 512, 512, "NN"}, {4, 8, 2, "NN"},          {4, 8, 2, "NT"},          {16, 16, 16, "NN"}};
  std::printf("%-20s %9s %9s %9s   ours/best   (GFLOP/s, best of rounds; medians in brackets)\n", "case",
              "warpgrad", "onednn", "openblas");
  for (const Case& c : cases) {
    char name[64];
    std::snprintf(name, sizeof name, "%s %dx%dx%d", c.mode, c.m, c.n, c.k);
    if (std::string(name).find(filter) == std::string::npos) continue;
    const bool ta = c.mode[0] == 'T', tb = c.mode[1] == 'T';
    float *a = randoms(size_t(c.m) * size_t(c.k)), *b = randoms(size_t(c.k) * size_t(c.n)),
          *out = randoms(size_t(c.m) * size_t(c.n));
    Status status{};
    const auto outView = matrix<Out>(out, c.m, c.n, false);
    const auto aView = matrix<In>(a, c.m, c.k, ta), bView = matrix<In>(b, c.k, c.n, tb);
    MaybeIn none{};
    none.rank = -1;
    const MatmulParams params{1};
    const size_t bytes = cpu::matmulWorkspace(outView, aView, bView, none, params);
    void* scratch = std::aligned_alloc(64, (bytes + 64) / 64 * 64);
    Stream s{&status, nullptr, scratch, bytes, nullptr, 0};
    const int lda = ta ? c.m : c.k, ldb = tb ? c.k : c.n;
    const auto run = [&](int which) {
      if (which == 0) cpu::matmul(s, outView, aView, bView, none, params);
      else if (which == 1) dnnl_sgemm(c.mode[0], c.mode[1], c.m, c.n, c.k, 1, a, lda, b, ldb, 0, out, c.n);
      else cblas_sgemm(101, ta ? 112 : 111, tb ? 112 : 111, c.m, c.n, c.k, 1, a, lda, b, ldb, 0, out, c.n);
    };
    const double flops = 2.0 * c.m * c.n * c.k;
    double best[3] = {1e9, 1e9, 1e9};
    std::vector<double> times[3];
    const double start = now();
    for (int round = 0; round < 400 && (round < 7 || now() - start < 0.5); ++round)
      for (int which = 0; which < 3; ++which) {
        const int inner = std::max(1, static_cast<int>(4e6 / flops));
        run(which);
        const double t0 = now();
        for (int i = 0; i < inner; ++i) run(which);
        const double t = (now() - t0) / inner;
        best[which] = std::min(best[which], t);
        times[which].push_back(t);
      }
    double rate[3], median[3];
    for (int w = 0; w < 3; ++w) {
      std::sort(times[w].begin(), times[w].end());
      rate[w] = flops / best[w] / 1e9;
      median[w] = flops / times[w][times[w].size() / 2] / 1e9;
    }
    std::printf("%-20s %9.1f %9.1f %9.1f   %6.3f   (%.1f %.1f %.1f) %.3f us\n", name, rate[0], rate[1],
                rate[2], rate[0] / std::max(rate[1], rate[2]), median[0], median[1], median[2],
                best[0] * 1e6);
    std::free(a);
    std::free(b);
    std::free(out);
  }
}
