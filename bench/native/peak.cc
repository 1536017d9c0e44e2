// Ceilings of this machine as one line of JSON: float32 multiply-adds a second, and bytes a second of reading
// and of adding two arrays into a third (with ordinary and with streaming stores, whichever is most) for
// several working sets. peak [threads]
#include <sys/mman.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float Vec __attribute__((vector_size(BYTES)));
constexpr size_t kHuge = size_t{2} << 20;
constexpr int64_t kLanes = BYTES / 4;
static volatile float sink;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void parallel(int threads, const std::function<void(int)>& f) {
  std::vector<std::thread> others;
  for (int i = 1; i < threads; i++) others.emplace_back(f, i);
  f(0);
  for (auto& t : others) t.join();
}

/// Least seconds of several rounds.
static double best(int threads, double budget, const std::function<void(int)>& f) {
  double least = 1e9;
  const double until = now() + budget;
  do {
    const double start = now();
    parallel(threads, f);
    const double took = now() - start;
    if (took < least) least = took;
  } while (now() < until);
  return least;
}

// Twelve chains hide the latency of a multiply-add.
static void multiplyAdd(int64_t times) {
  Vec a[12];
  for (int k = 0; k < 12; k++) a[k] = Vec{} + (0.5f + static_cast<float>(k));
  Vec x = Vec{} + 1.0000001f, y = Vec{} + 1e-9f;
  asm("" : "+x"(x), "+x"(y));
  for (int64_t i = 0; i < times; i++)
    for (int k = 0; k < 12; k++) a[k] = a[k] * x + y;
  float sum = 0;
  for (int k = 0; k < 12; k++) sum += a[k][0];
  sink = sum;
}

static void readAll(const float* p, int64_t n) {
  Vec sum[4] = {};
  for (int64_t i = 0; i < n; i += 4 * kLanes)
    for (int k = 0; k < 4; k++) sum[k] += *reinterpret_cast<const Vec*>(p + i + k * kLanes);
  sink = (sum[0] + sum[1] + sum[2] + sum[3])[0];
}

static void addAll(float* c, const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes)
    *reinterpret_cast<Vec*>(c + i) =
        *reinterpret_cast<const Vec*>(a + i) + *reinterpret_cast<const Vec*>(b + i);
}

static void addStreaming(float* c, const float* a, const float* b, int64_t n) {
#if defined(__AVX512F__)
  for (int64_t i = 0; i < n; i += 16)
    _mm512_stream_ps(c + i, _mm512_add_ps(_mm512_load_ps(a + i), _mm512_load_ps(b + i)));
  _mm_sfence();
#elif defined(__AVX__)
  for (int64_t i = 0; i < n; i += 8)
    _mm256_stream_ps(c + i, _mm256_add_ps(_mm256_load_ps(a + i), _mm256_load_ps(b + i)));
  _mm_sfence();
#else
  addAll(c, a, b, n);
#endif
}

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  constexpr int64_t kTimes = 1000000;
  const double fma = best(threads, 0.3, [](int) { multiplyAdd(kTimes); });
  std::printf("{\"gflops\":%.1f,\"sets\":[", static_cast<double>(threads) * 24 * kLanes * kTimes / fma / 1e9);
  const char* comma = "";
  for (const int64_t bytes : {int64_t{512} << 10, int64_t{4} << 20, int64_t{24} << 20, int64_t{384} << 20}) {
    const int64_t each = bytes / 12 / threads / 1024 * 1024;  // floats of one array of one thread
    const int64_t loops = bytes > (100 << 20) ? 1 : (int64_t{48} << 20) / bytes;
    std::vector<float*> arrays;
    for (int i = 0; i < 3 * threads; i++) {
      auto* p = static_cast<float*>(
          std::aligned_alloc(kHuge, (static_cast<size_t>(each) * 4 + kHuge - 1) / kHuge * kHuge));
      if (!p) return 1;
#ifdef MADV_HUGEPAGE
      madvise(p, static_cast<size_t>(each) * 4, MADV_HUGEPAGE);
#endif
      std::memset(p, 0, static_cast<size_t>(each) * 4);
      arrays.push_back(p);
    }
    const auto run = [&](void (*f)(float*, const float*, const float*, int64_t)) {
      const double took = best(threads, loops == 1 ? 0.4 : 0.15, [&](int t) {
        float** a = &arrays[static_cast<size_t>(3 * t)];
        for (int64_t l = 0; l < loops; l++) f(a[0], a[1], a[2], each);
      });
      return 12.0 * static_cast<double>(each * threads * loops) / took / 1e9;
    };
    double most = run(addAll);
    const double others[] = {run(addStreaming), run([](float* c, const float* a, const float* b, int64_t n) {
                               readAll(a, n), readAll(b, n), readAll(c, n);
                             })};
    for (const double rate : others) most = rate > most ? rate : most;
    std::printf("%s{\"bytes\":%lld,\"gbps\":%.1f}", comma, static_cast<long long>(bytes), most);
    comma = ",";
    for (float* p : arrays) std::free(p);
  }
  std::printf("]}\n");
}
