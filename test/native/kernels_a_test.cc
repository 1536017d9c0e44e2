// Elementwise, copy, reduction, softmax, loss, index, random and optimizer kernels of every ISA this machine runs, against
// naive loops in long double. Build (KERNELS: the sources under "kernels" and "cpu" of native/sources.json, the first once per
// ISA as CMakeLists.txt does, into build/native):
//   g++ -std=c++20 -O1 -fno-builtin test/native/kernels_a_test.cc build/native/*.o -lpthread -o kernels_a_test
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../../native/core/thunk.h"

namespace wg::cpu {
namespace base {
const KernelRow* table();
}
namespace avx2 {
const KernelRow* table();
}
namespace avx512 {
const KernelRow* table();
}
void setThreads(int32_t count);
}  // namespace wg::cpu

using namespace wg;

static long passed = 0, failures = 0;
static const KernelRow* kernels;
static std::string isa;
static std::mt19937_64 rng(7);

static void check(bool ok, const std::string& what) {
  if (ok) {
    passed++;
    return;
  }
  if (++failures < 40) std::printf("FAILED [%s] %s\n", isa.c_str(), what.c_str());
}

template <class... A>
struct Packed;
static Pack<> pack() { return {}; }
template <class H, class... T>
static Pack<H, T...> pack(const H& h, const T&... t) {
  return {h, pack(t...)};
}
static int32_t lastCode;
template <class... A>
static void call(Op op, const A&... a) {
  static std::atomic<bool> cancelled{false};
  static Status status;
  status.code = 0;
  Stream s{&status, nullptr, nullptr, 0, &cancelled, 0};
  auto p = pack(a...);
  kernels[static_cast<int>(op)].run(s, &p);
  lastCode = status.code;
}

template <class T> constexpr DType dtypeOf = DType::f32;
template <> constexpr DType dtypeOf<double> = DType::f64;
template <> constexpr DType dtypeOf<int32_t> = DType::i32;
template <> constexpr DType dtypeOf<int64_t> = DType::i64;
template <> constexpr DType dtypeOf<uint8_t> = DType::u8;
template <> constexpr DType dtypeOf<bool> = DType::boolean;

/// A strided view over its own memory, with guard elements around.
template <class T>
struct Array {
  std::vector<T> memory;
  std::vector<T> before;
  View v;
  int64_t n = 1;
  T* element(int64_t i) {
    T* p = static_cast<T*>(v.data);
    for (int k = v.rank - 1; k >= 0; k--) {
      p += (i % v.shape[k]) * v.stride[k];
      i /= v.shape[k];
    }
    return p;
  }
  template <class K> K as() { K k; static_cast<View&>(k) = v; return k; }
  Operand operand() { return {v, 0, false}; }
};
/// layout 0 contiguous, 1 axes reversed in memory, 2 with gaps, 3 negative, 4 broadcast along the first axis (inputs only).
template <class T>
static Array<T> make(const std::vector<int64_t>& shape, int layout, const std::function<T()>& value) {
  Array<T> a;
  const int rank = static_cast<int>(shape.size());
  a.v = {};
  a.v.dtype = dtypeOf<T>;
  a.v.rank = rank;
  int64_t step = layout == 2 ? 2 : 1;
  int64_t low = 0, size = 1;
  for (int q = 0; q < rank; q++) {
    const int k = layout == 1 ? q : rank - 1 - q;
    a.v.shape[k] = shape[k];
    a.n *= shape[k];
    a.v.stride[k] = layout == 4 && k == 0 ? 0 : layout == 3 ? -step : step;
    if (!(layout == 4 && k == 0)) {
      if (layout == 3 && shape[k] > 0) low += step * (shape[k] - 1);
      step *= shape[k];
      if (layout == 2) step += 3;
    }
    size = step;
  }
  a.memory.resize(static_cast<size_t>(size + 64));
  for (auto& m : a.memory) m = value();
  a.v.data = a.memory.data() + 16 + low;
  a.before = a.memory;
  return a;
}
template <class T>
static Array<T> zerosLike(const std::vector<int64_t>& shape, int layout) {
  return make<T>(shape, layout, [] { return T(77); });
}
/// Memory outside the view is untouched.
template <class T>
static bool guarded(Array<T>& a) {
  std::vector<T> now = a.memory;
  for (int64_t i = 0; i < a.n; i++) *(a.before.data() + (a.element(i) - a.memory.data())) = *a.element(i);
  return std::memcmp(now.data(), a.before.data(), now.size() * sizeof(T)) == 0;
}

static double uniformIn(double a, double b) { return std::uniform_real_distribution<double>(a, b)(rng); }
template <class T>
static std::function<T()> values(double scale = 4) {
  return [scale] { return static_cast<T>(std::is_unsigned_v<T> ? std::fabs(uniformIn(-scale, scale)) : uniformIn(-scale, scale)); };
}
static const std::vector<std::vector<int64_t>> kShapes = {{}, {1}, {5}, {0}, {3, 0, 2}, {7, 3}, {2, 3, 4}, {1, 130}, {33, 65}, {3, 200}, {200, 3}, {2, 1, 3, 1, 5}, {300, 260}, {70001}, {2, 2, 2, 2, 2, 2, 2, 3}};

/// Distance in units in the last place of T at the reference.
template <class T>
static double ulps(T got, long double want) {
  const T near = static_cast<T>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e30;
  if (std::isinf(near) || std::isinf(got)) {
    if (got == near) return 0;
    const T most = std::numeric_limits<T>::max();
    return std::isinf(near) != std::isinf(got) && std::fabs(std::isinf(got) ? near : got) == most ? 1 : 1e30;
  }
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(near) ? 0 : 1e30;
  int e;
  std::frexp(near == 0 ? std::numeric_limits<T>::denorm_min() : near, &e);
  const int digits = std::numeric_limits<T>::digits, least = std::numeric_limits<T>::min_exponent - digits;
  const long double unit = std::ldexp(1.0L, std::max(e - digits, least));
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / unit);
}

struct Function {
  const char* name;
  Op op, gradOp;
  long double (*f)(long double);
  long double (*grad)(long double x, long double y);
  bool savesOutput;
};
static const Function kFunctions[] = {
    {"neg", Op::neg, Op::negGrad, [](long double x) { return -x; }, [](long double, long double) { return -1.0L; }, false},
    {"abs", Op::abs, Op::absGrad, [](long double x) { return std::fabs(x); }, [](long double x, long double) { return x > 0 ? 1.0L : x < 0 ? -1.0L : 0.0L; }, false},
    {"sign", Op::sign, Op::signGrad, [](long double x) { return x > 0 ? 1.0L : x < 0 ? -1.0L : x; }, [](long double, long double) { return 0.0L; }, false},
    {"exp", Op::exp, Op::expGrad, [](long double x) { return std::exp(x); }, [](long double, long double y) { return y; }, true},
    {"log", Op::log, Op::logGrad, [](long double x) { return std::log(x); }, [](long double x, long double) { return 1 / x; }, false},
    {"sqrt", Op::sqrt, Op::sqrtGrad, [](long double x) { return std::sqrt(x); }, [](long double, long double y) { return 1 / (2 * y); }, true},
    {"square", Op::square, Op::squareGrad, [](long double x) { return x * x; }, [](long double x, long double) { return 2 * x; }, false},
    {"reciprocal", Op::reciprocal, Op::reciprocalGrad, [](long double x) { return 1 / x; }, [](long double, long double y) { return -y * y; }, true},
    {"sin", Op::sin, Op::sinGrad, [](long double x) { return std::sin(x); }, [](long double x, long double) { return std::cos(x); }, false},
    {"cos", Op::cos, Op::cosGrad, [](long double x) { return std::cos(x); }, [](long double x, long double) { return -std::sin(x); }, false},
    {"tanh", Op::tanh, Op::tanhGrad, [](long double x) { return std::tanh(x); }, [](long double, long double y) { return 1 - y * y; }, true},
    {"sigmoid", Op::sigmoid, Op::sigmoidGrad, [](long double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }, [](long double, long double y) { return y * (1 - y); }, true},
    {"relu", Op::relu, Op::reluGrad, [](long double x) { return x <= 0 ? 0.0L : x; }, [](long double, long double y) { return y <= 0 ? 0.0L : 1.0L; }, true},
    {"erf", Op::erf, Op::erfGrad, [](long double x) { return std::erf(x); }, [](long double x, long double) { return 1.12837916709551257390L * std::exp(-x * x); }, false},
    {"floor", Op::floor, Op::floorGrad, [](long double x) { return std::floor(x); }, [](long double, long double) { return 0.0L; }, false},
};

/// ULPs over the whole range: every exponent, specials, and dense samples where the function bends.
template <class T>
static void accuracy() {
  std::vector<T> x = {0, T(-0.0), std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::denorm_min(), -std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest(), std::numeric_limits<T>::min(), T(0.625), T(1), T(-1), T(4), T(-4)};
  for (int i = 0; i < 60000; i++) {
    const int e = static_cast<int>(uniformIn(std::numeric_limits<T>::min_exponent - 24, std::numeric_limits<T>::max_exponent));
    x.push_back(static_cast<T>(std::ldexp(uniformIn(0.5, 1), e)) * (i % 2 != 0 ? T(1) : T(-1)));
  }
  const double wide = sizeof(T) == 4 ? 110 : 760;
  for (int i = 0; i < 60000; i++) x.push_back(static_cast<T>(uniformIn(-wide, wide)));
  for (int i = 0; i < 60000; i++) x.push_back(static_cast<T>(uniformIn(-7, 7)));
  const int64_t n = static_cast<int64_t>(x.size());
  auto in = make<T>({n}, 0, values<T>());
  for (int64_t i = 0; i < n; i++) *in.element(i) = x[static_cast<size_t>(i)];
  for (const Function& f : kFunctions) {
    auto out = zerosLike<T>({n}, 0);
    call(f.op, out.template as<Out>(), in.template as<In>());
    double worst = 0;
    T where = 0;
    for (int64_t i = 0; i < n; i++) {
      const double u = ulps<T>(*out.element(i), f.f(x[static_cast<size_t>(i)]));
      if (u > worst) worst = u, where = x[static_cast<size_t>(i)];
    }
    const std::string name = f.name;
    const double bound = name == "exp" ? 1.0 : name == "sin" || name == "cos" || name == "sigmoid" ? 3.0 : 2.0;
    std::printf("  %-6s %s %-10s %.2f ULP (at %.9g)\n", isa.c_str(), sizeof(T) == 4 ? "f32" : "f64", f.name, worst, static_cast<double>(where));
    check(worst <= bound, std::string("accuracy of ") + f.name);
  }
  const double specials[] = {0.0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, 1e30, -1e30, INFINITY, -INFINITY, NAN, -3, 1e-30};
  std::vector<T> a, b;
  for (double p : specials) for (double q : specials) a.push_back(static_cast<T>(p)), b.push_back(static_cast<T>(q));
  for (int i = 0; i < 50000; i++) {
    const double base = std::exp(uniformIn(-30, 30));
    a.push_back(static_cast<T>(base)), b.push_back(static_cast<T>(uniformIn(-1, 1) * wide * 0.9 / std::fabs(std::log(base) + 1e-9)));
  }
  const int64_t m = static_cast<int64_t>(a.size());
  auto av = make<T>({m}, 0, values<T>()), bv = make<T>({m}, 0, values<T>()), out = zerosLike<T>({m}, 0);
  for (int64_t i = 0; i < m; i++) *av.element(i) = a[static_cast<size_t>(i)], *bv.element(i) = b[static_cast<size_t>(i)];
  call(Op::pow, out.template as<Out>(), av.operand(), bv.operand());
  double worst = 0;
  int64_t where = 0;
  for (int64_t i = 0; i < m; i++) {
    const double u = ulps<T>(*out.element(i), std::pow(static_cast<long double>(*av.element(i)), static_cast<long double>(*bv.element(i))));
    if (u > worst) worst = u, where = i;
  }
  std::printf("  %-6s %s pow        %.2f ULP (at %.9g, %.9g)\n", isa.c_str(), sizeof(T) == 4 ? "f32" : "f64", worst, static_cast<double>(*av.element(where)), static_cast<double>(*bv.element(where)));
  check(worst <= 2, "accuracy of pow");
}

template <class T>
static bool close(T got, long double want, double tolerance) {
  return std::fabs(static_cast<long double>(got) - want) <= tolerance * (1 + std::fabs(want)) || (std::isnan(static_cast<double>(got)) && std::isnan(want));
}
template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 3e-6 : 1e-13;

template <class T>
static void elementwise() {
  for (const auto& shape : kShapes) {
    for (int layout = 0; layout < 5; layout++) {
      const int outLayout = static_cast<int>(rng() % 4);
      auto a = make<T>(shape, layout, values<T>(6)), b = make<T>(shape, static_cast<int>(rng() % 5), values<T>(6));
      auto out = zerosLike<T>(shape, outLayout);
      struct { Op op; long double (*f)(long double, long double); } ops[] = {
          {Op::add, [](long double x, long double y) { return x + y; }}, {Op::sub, [](long double x, long double y) { return x - y; }},
          {Op::mul, [](long double x, long double y) { return x * y; }}, {Op::maximum, [](long double x, long double y) { return x > y ? x : y; }},
          {Op::minimum, [](long double x, long double y) { return x < y ? x : y; }}};
      for (auto& o : ops) {
        for (int number = 0; number < 3; number++) {
          const Operand left = number == 1 ? Operand{{}, 3, true} : a.operand(), right = number == 2 ? Operand{{}, 3, true} : b.operand();
          call(o.op, out.template as<Out>(), left, right);
          bool ok = lastCode == 0;
          for (int64_t i = 0; i < a.n && ok; i++) {
            const long double want = o.f(number == 1 ? 3 : *a.element(i), number == 2 ? 3 : *b.element(i));
            if constexpr (std::is_floating_point_v<T>) ok = close(*out.element(i), want, 1e-6);
            else ok = *out.element(i) == static_cast<T>(static_cast<int64_t>(want));
          }
          check(ok && guarded(out), "binary " + std::to_string(static_cast<int>(o.op)) + " rank " + std::to_string(shape.size()));
        }
      }
      auto flag = zerosLike<uint8_t>(shape, outLayout);
      flag.v.dtype = DType::boolean;
      call(Op::lt, flag.template as<Out>(), a.operand(), b.operand());
      bool ok = lastCode == 0;
      for (int64_t i = 0; i < a.n; i++) ok = ok && *flag.element(i) == (*a.element(i) < *b.element(i));
      check(ok && guarded(flag), "lt");
      call(Op::where, out.template as<Out>(), flag.template as<In>(), a.operand(), Operand{{}, 5, true});
      ok = lastCode == 0;
      for (int64_t i = 0; i < a.n; i++) ok = ok && *out.element(i) == (*flag.element(i) ? *a.element(i) : T(5));
      check(ok && guarded(out), "where");
      call(Op::copy, out.template as<Out>(), a.template as<In>());
      ok = lastCode == 0;
      for (int64_t i = 0; i < a.n; i++) ok = ok && *out.element(i) == *a.element(i);
      check(ok && guarded(out), "copy rank " + std::to_string(shape.size()) + " layout " + std::to_string(layout));
      auto wide = zerosLike<double>(shape, outLayout);
      call(Op::copy, wide.template as<Out>(), a.template as<In>());
      for (int64_t i = 0; i < a.n; i++) ok = ok && *wide.element(i) == static_cast<double>(*a.element(i));
      check(ok && guarded(wide), "cast to float64");
      if (layout != 4) {
        auto want = a;
        want.v.data = want.memory.data() + (static_cast<T*>(a.v.data) - a.memory.data());
        call(Op::mul, a.template as<Out>(), a.operand(), a.operand());
        for (int64_t i = 0; i < a.n; i++) ok = ok && *a.element(i) == static_cast<T>(*want.element(i) * *want.element(i));
        check(ok && guarded(a), "in place");
      }
      call(Op::fill, out.template as<Out>(), 9.0);
      for (int64_t i = 0; i < out.n; i++) ok = ok && *out.element(i) == T(9);
      check(ok && guarded(out), "fill");
    }
  }
}

template <class T>
static void unaryAndGrad() {
  for (const auto& shape : kShapes) {
    for (const Function& f : kFunctions) {
      auto x = make<T>(shape, static_cast<int>(rng() % 5), [] { return static_cast<T>(uniformIn(0.1, 3)); });
      auto y = zerosLike<T>(shape, static_cast<int>(rng() % 4)), dx = zerosLike<T>(shape, static_cast<int>(rng() % 4));
      auto dy = make<T>(shape, static_cast<int>(rng() % 5), values<T>());
      call(f.op, y.template as<Out>(), x.template as<In>());
      bool ok = lastCode == 0;
      for (int64_t i = 0; i < x.n; i++) ok = ok && close(*y.element(i), f.f(*x.element(i)), kTolerance<T>);
      check(ok && guarded(y), std::string(f.name));
      call(f.gradOp, dx.template as<Out>(), (f.savesOutput ? y : x).template as<In>(), dy.template as<In>());
      ok = lastCode == 0;
      for (int64_t i = 0; i < x.n; i++) ok = ok && close(*dx.element(i), f.grad(*x.element(i), *y.element(i)) * *dy.element(i), 10 * kTolerance<T>);
      check(ok && guarded(dx), std::string(f.name) + "Grad");
    }
  }
}

template <class T>
static void reductions() {
  const std::vector<std::vector<int64_t>> shapes = {{}, {5}, {7, 3}, {2, 3, 4}, {33, 65}, {300, 260}, {3, 70000}, {300000}, {70000, 3}, {5, 40, 6, 7}, {0, 3}, {1, 1, 9}};
  for (const auto& shape : shapes) {
    const int rank = static_cast<int>(shape.size());
    for (int mask = 0; mask < (1 << rank); mask++) {
      for (int layout = 0; layout < 5; layout++) {
        auto x = make<T>(shape, layout, values<T>(100));
        auto to = shape;
        int64_t length = 1;
        for (int k = 0; k < rank; k++) if ((mask >> k & 1) != 0) length *= shape[k], to[k] = 1;
        using Sum = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
        auto sum = zerosLike<Sum>(to, static_cast<int>(rng() % 4));
        auto mean = zerosLike<T>(to, 0), top = zerosLike<T>(to, 1), low = zerosLike<T>(to, 0);
        auto place = zerosLike<int32_t>(to, 0);
        std::vector<long double> total(static_cast<size_t>(sum.n)), absolute(total);
        std::vector<T> best(total.size(), std::numeric_limits<T>::lowest()), least(total.size(), std::numeric_limits<T>::max());
        std::vector<int64_t> arg(total.size());
        for (int64_t i = 0; i < x.n; i++) {
          int64_t o = 0, rest = i, scale = 1, along = 0;
          for (int k = rank - 1; k >= 0; k--) {
            const int64_t at = rest % shape[k];
            rest /= shape[k];
            if ((mask >> k & 1) == 0) o += at * scale, scale *= shape[k];
            else along = at;
          }
          const size_t j = static_cast<size_t>(o);
          const T v = *x.element(i);
          total[j] += v, absolute[j] += std::fabs(static_cast<long double>(v));
          if (v > best[j]) best[j] = v, arg[j] = along;
          if (v < least[j]) least[j] = v;
        }
        call(Op::sum, sum.template as<Out>(), x.template as<In>());
        bool ok = lastCode == 0;
        for (int64_t i = 0; i < sum.n; i++) ok = ok && std::fabs(*sum.element(i) - total[static_cast<size_t>(i)]) <= kTolerance<T> / 4 * absolute[static_cast<size_t>(i)] + 1e-30;
        check(ok && guarded(sum), "sum rank " + std::to_string(rank) + " mask " + std::to_string(mask) + " layout " + std::to_string(layout));
        if constexpr (std::is_floating_point_v<T>) {
          call(Op::mean, mean.template as<Out>(), x.template as<In>());
          for (int64_t i = 0; i < sum.n && length > 0; i++) ok = ok && std::fabs(*mean.element(i) - total[static_cast<size_t>(i)] / length) <= kTolerance<T> / 4 * absolute[static_cast<size_t>(i)] / length + 1e-30;
          check(ok && guarded(mean), "mean");
        }
        if (length == 0) continue;
        call(Op::amax, top.template as<Out>(), x.template as<In>());
        call(Op::amin, low.template as<Out>(), x.template as<In>());
        ok = true;
        for (int64_t i = 0; i < sum.n; i++) ok = ok && *top.element(i) == best[static_cast<size_t>(i)] && *low.element(i) == least[static_cast<size_t>(i)];
        check(ok && guarded(top) && guarded(low), "amax, amin");
        if (mask != 0 && (mask & (mask - 1)) == 0) {
          call(Op::argmax, place.template as<Out>(), x.template as<In>());
          ok = lastCode == 0;
          for (int64_t i = 0; i < sum.n; i++) ok = ok && *place.element(i) == arg[static_cast<size_t>(i)];
          check(ok && guarded(place), "argmax rank " + std::to_string(rank) + " mask " + std::to_string(mask) + " layout " + std::to_string(layout));
        }
      }
    }
  }
}

template <class T>
static void rowsAndLosses() {
  for (auto shape : std::vector<std::vector<int64_t>>{{1}, {5}, {3, 10}, {4, 1000}, {2, 3, 1025}, {2, 3000}, {70, 513}, {3, 0}}) {
    for (int layout = 0; layout < 5; layout++) {
      auto x = make<T>(shape, layout, values<T>(8)), dy = make<T>(shape, static_cast<int>(rng() % 5), values<T>());
      auto y = zerosLike<T>(shape, static_cast<int>(rng() % 4)), log = zerosLike<T>(shape, static_cast<int>(rng() % 4)), dx = zerosLike<T>(shape, 0), dLog = zerosLike<T>(shape, 2);
      call(Op::softmax, y.template as<Out>(), x.template as<In>());
      call(Op::logSoftmax, log.template as<Out>(), x.template as<In>());
      call(Op::softmaxGrad, dx.template as<Out>(), y.template as<In>(), dy.template as<In>());
      call(Op::logSoftmaxGrad, dLog.template as<Out>(), log.template as<In>(), dy.template as<In>());
      const int64_t width = shape.back(), rows = width == 0 ? 0 : x.n / width;
      bool ok = lastCode == 0;
      for (int64_t r = 0; r < rows; r++) {
        long double sum = 0, dot = 0, plain = 0;
        for (int64_t i = r * width; i < (r + 1) * width; i++) sum += std::exp(static_cast<long double>(*x.element(i)));
        for (int64_t i = r * width; i < (r + 1) * width; i++) dot += std::exp(static_cast<long double>(*x.element(i))) / sum * *dy.element(i), plain += *dy.element(i);
        for (int64_t i = r * width; i < (r + 1) * width; i++) {
          const long double p = std::exp(static_cast<long double>(*x.element(i))) / sum;
          ok = ok && close(*y.element(i), p, kTolerance<T>) && close(*log.element(i), std::log(p), kTolerance<T>);
          ok = ok && close(*dx.element(i), p * (*dy.element(i) - dot), kTolerance<T>) && close(*dLog.element(i), *dy.element(i) - p * plain, 20 * kTolerance<T>);
        }
      }
      check(ok && guarded(y) && guarded(log) && guarded(dx) && guarded(dLog), "softmax width " + std::to_string(width) + " layout " + std::to_string(layout));
      if (shape.size() != 2 || width == 0) continue;
      auto losses = zerosLike<T>({rows}, 2), logSum = zerosLike<T>({rows}, 0), dLoss = make<T>({rows}, 0, values<T>());
      auto labels = make<int64_t>({rows}, 2, [&] { return static_cast<int64_t>(rng() % static_cast<uint64_t>(width)); });
      *labels.element(0) = -100;
      auto dLogits = zerosLike<T>(shape, static_cast<int>(rng() % 4));
      call(Op::crossEntropy, losses.template as<Out>(), logSum.template as<Out>(), x.template as<In>(), labels.template as<In>(), -100.0);
      ok = lastCode == 0;
      call(Op::crossEntropyGrad, dLogits.template as<Out>(), x.template as<In>(), logSum.template as<In>(), labels.template as<In>(), dLoss.template as<In>(), -100.0);
      ok = ok && lastCode == 0 && *losses.element(0) == 0;
      for (int64_t r = 0; r < rows; r++) {
        const int64_t label = *labels.element(r);
        for (int64_t i = 0; i < width; i++) {
          const long double p = *y.element(r * width + i), want = r == 0 ? 0 : (p - (i == label)) * *dLoss.element(r);
          ok = ok && close(*dLogits.element(r * width + i), want, 4 * kTolerance<T>);
          if (i == label) ok = ok && close(*losses.element(r), -static_cast<long double>(*log.element(r * width + i)), 4 * kTolerance<T>);
        }
      }
      check(ok && guarded(losses) && guarded(dLogits), "crossEntropy width " + std::to_string(width) + " layout " + std::to_string(layout));
      *labels.element(0) = width;
      call(Op::crossEntropy, losses.template as<Out>(), logSum.template as<Out>(), x.template as<In>(), labels.template as<In>(), -100.0);
      check(lastCode == static_cast<int32_t>(Code::index), "crossEntropy label out of range");
    }
  }
}

template <class T>
static void indexing() {
  for (int64_t width : {int64_t{1}, int64_t{7}, int64_t{300}, int64_t{2000}}) {
    for (int layout = 0; layout < 4; layout++) {
      auto x = make<T>({50, width}, layout, values<T>(9));
      auto at = make<int32_t>({40, 3}, static_cast<int>(rng() % 5), [] { return static_cast<int32_t>(rng() % 50); });
      auto out = zerosLike<T>({40, 3, width}, static_cast<int>(rng() % 4));
      call(Op::index, out.template as<Out>(), x.template as<In>(), at.template as<In>());
      bool ok = lastCode == 0;
      for (int64_t i = 0; i < out.n; i++) ok = ok && *out.element(i) == *x.element(*at.element(i / width) * width + i % width);
      check(ok && guarded(out), "index width " + std::to_string(width));
      std::vector<long double> want;
      for (int64_t i = 0; i < x.n; i++) want.push_back(*x.element(i));
      for (int64_t i = 0; i < out.n; i++) want[static_cast<size_t>(*at.element(i / width) * width + i % width)] += *out.element(i);
      call(Op::indexAdd, x.template as<InOut>(), at.template as<In>(), out.template as<In>());
      ok = lastCode == 0;
      for (int64_t i = 0; i < x.n; i++) ok = ok && close(*x.element(i), static_cast<long double>(static_cast<T>(want[static_cast<size_t>(i)])), 1e-5);
      check(ok && guarded(x), "indexAdd width " + std::to_string(width));
      for (int32_t bad : {-1, 50}) {
        auto before = x.memory;
        *at.element(5) = bad;
        call(Op::indexAdd, x.template as<InOut>(), at.template as<In>(), out.template as<In>());
        check(lastCode == static_cast<int32_t>(Code::index) && std::memcmp(before.data(), x.memory.data(), before.size() * sizeof(T)) == 0, "indexAdd out of range writes nothing");
        call(Op::index, out.template as<Out>(), x.template as<In>(), at.template as<In>());
        check(lastCode == static_cast<int32_t>(Code::index), "index out of range");
      }
    }
  }
}

static void philox(uint64_t seed, uint64_t counter, uint32_t* out) {
  uint32_t c[4] = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0}, k[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int r = 0; r < 10; r++) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    const uint32_t n[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1), static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    std::memcpy(c, n, sizeof c);
    k[0] += 0x9E3779B9, k[1] += 0xBB67AE85;
  }
  std::memcpy(out, c, sizeof c);
}

static void randomNumbers() {
  // Known answer of the Random123 distribution for a zero key and counter.
  uint32_t known[4];
  philox(0, 0, known);
  check(known[0] == 0x6627e8d5 && known[1] == 0xe169c58d && known[2] == 0xbc57ac4c && known[3] == 0x9b00dbd8, "Philox known answer");
  for (int64_t n : {int64_t{1}, int64_t{6}, int64_t{1023}, int64_t{100001}}) {
    auto state = make<int64_t>({2}, 0, [] { return int64_t{0}; }), used = state;
    used.v.data = used.memory.data() + 16;
    *state.element(0) = 0x123456789abcdef, *state.element(1) = 0xfffffff0;
    call(Op::rngTake, used.as<Out>(), state.as<InOut>(), static_cast<double>((n + 3) / 4));
    check(*used.element(1) == 0xfffffff0 && *state.element(1) == 0xfffffff0 + (n + 3) / 4, "rngTake");
    auto u = zerosLike<float>({n}, 2), z = zerosLike<float>({n}, 0), x = make<float>({n}, 0, [] { return 1.0f; }), d = zerosLike<float>({n}, 3);
    auto wide = zerosLike<double>({n}, 0);
    call(Op::uniform, u.as<Out>(), used.as<In>(), 0.0, 1.0);
    call(Op::uniform, wide.as<Out>(), used.as<In>(), 0.0, 1.0);
    call(Op::normal, z.as<Out>(), used.as<In>(), 0.0, 1.0);
    call(Op::dropout, d.as<Out>(), x.as<In>(), used.as<In>(), 0.25);
    bool ok = true;
    for (int64_t i = 0; i < n; i++) {
      uint32_t w[4], w2[4];
      philox(0x123456789abcdef, 0xfffffff0 + static_cast<uint64_t>(i / 4), w);
      philox(0x123456789abcdef, 0xfffffff0 + static_cast<uint64_t>(i / 2), w2);
      const float want = static_cast<float>(w[i % 4] >> 8) * 0x1p-24f;
      ok = ok && *u.element(i) == want && *d.element(i) == (want >= 0.25f ? 1.0f / 0.75f : 0.0f);
      const uint64_t bits = static_cast<uint64_t>(w2[i % 2 * 2 + 1]) << 32 | w2[i % 2 * 2];
      ok = ok && *wide.element(i) == static_cast<double>(bits >> 11) * 0x1p-53;
      const double u1 = (static_cast<double>(w[i % 4 / 2 * 2] >> 8) + 1) * 0x1p-24, u2 = static_cast<double>(w[i % 4 / 2 * 2 + 1] >> 8) * 0x1p-24;
      const double r = std::sqrt(-2 * std::log(u1)), a = 6.283185307179586 * u2;
      ok = ok && std::fabs(*z.element(i) - r * (i % 2 == 0 ? std::cos(a) : std::sin(a))) < 1e-5;
    }
    check(ok && guarded(u) && guarded(d) && guarded(z), "random numbers");
  }
}

template <class T>
static void optimizers() {
  for (int decoupled = 0; decoupled < 2; decoupled++) {
    std::vector<Array<T>> p, g, m, v;
    for (int64_t n : {int64_t{1}, int64_t{10}, int64_t{40000}}) {
      p.push_back(make<T>({n, 3}, 0, values<T>())), g.push_back(make<T>({n, 3}, static_cast<int>(rng() % 5), values<T>()));
      m.push_back(make<T>({n, 3}, 0, [] { return T(0); })), v.push_back(make<T>({n, 3}, 1, [] { return T(0); }));
    }
    auto views = [](std::vector<Array<T>>& a) { std::vector<View> o; for (auto& q : a) o.push_back(q.v); return o; };
    auto pv = views(p), gv = views(g), mv = views(m), vv = views(v);
    auto state = make<double>({1}, 0, [] { return 0.0; }), hyper = make<double>({5}, 0, [] { return 0.0; });
    const double lr = 1e-2, b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0.1;
    const double h[] = {lr, b1, b2, eps, decay};
    for (int i = 0; i < 5; i++) *hyper.element(i) = h[i];
    std::vector<std::vector<double>> wp, wm, wv;
    for (auto& q : p) { std::vector<double> w; for (int64_t i = 0; i < q.n; i++) w.push_back(*q.element(i)); wp.push_back(w), wm.push_back(std::vector<double>(w.size())), wv.push_back(std::vector<double>(w.size())); }
    bool ok = true;
    for (int step = 1; step <= 3; step++) {
      call(Op::adamStep, InOutList{pv.data(), 3}, InList{gv.data(), 3}, InOutList{mv.data(), 3}, InOutList{vv.data(), 3}, state.template as<InOut>(), hyper.template as<In>(), int32_t{decoupled});
      ok = ok && lastCode == 0 && *state.element(0) == step;
      for (size_t t = 0; t < p.size(); t++)
        for (int64_t i = 0; i < p[t].n; i++) {
          const size_t j = static_cast<size_t>(i);
          double grad = *g[t].element(i);
          if (decoupled != 0) wp[t][j] *= 1 - lr * decay;
          else grad += decay * wp[t][j];
          wm[t][j] = b1 * wm[t][j] + (1 - b1) * grad, wv[t][j] = b2 * wv[t][j] + (1 - b2) * grad * grad;
          wp[t][j] -= lr / (1 - std::pow(b1, step)) * wm[t][j] / (std::sqrt(wv[t][j]) / std::sqrt(1 - std::pow(b2, step)) + eps);
          ok = ok && close(*p[t].element(i), static_cast<long double>(wp[t][j]), 4 * kTolerance<T>);
        }
    }
    check(ok && guarded(p[2]) && guarded(v[2]), "adamStep");
    *state.element(0) = 0;
    const double sgd[] = {0.1, 0.9, 0.1, 0.01};
    for (int i = 0; i < 4; i++) *hyper.element(i) = sgd[i];
    for (int step = 0; step < 3; step++) {
      std::vector<std::vector<double>> before;
      for (size_t t = 0; t < p.size(); t++) { std::vector<double> w; for (int64_t i = 0; i < p[t].n; i++) w.push_back(*p[t].element(i)), wm[t][static_cast<size_t>(i)] = *m[t].element(i); before.push_back(w); }
      call(Op::sgdStep, InOutList{pv.data(), 3}, InList{gv.data(), 3}, InOutList{mv.data(), 3}, state.template as<InOut>(), hyper.template as<In>(), int32_t{decoupled});
      for (size_t t = 0; t < p.size(); t++)
        for (int64_t i = 0; i < p[t].n; i++) {
          const size_t j = static_cast<size_t>(i);
          const double grad = *g[t].element(i) + 0.01 * before[t][j], buffer = step == 0 ? grad : 0.9 * wm[t][j] + 0.9 * grad;
          ok = ok && close(*p[t].element(i), static_cast<long double>(before[t][j] - 0.1 * (decoupled != 0 ? grad + 0.9 * buffer : buffer)), 4 * kTolerance<T>);
        }
    }
    check(ok && lastCode == 0 && *state.element(0) == 3, "sgdStep");
    auto norm = zerosLike<T>({}, 0);
    long double total = 0;
    for (auto& q : g) for (int64_t i = 0; i < q.n; i++) total += static_cast<long double>(*q.element(i)) * *q.element(i);
    call(Op::globalNorm, norm.template as<Out>(), InList{gv.data(), 3});
    check(lastCode == 0 && close(*norm.element(0), std::sqrt(total), kTolerance<T>), "globalNorm");
    const T before = *p[2].element(7);
    call(Op::clipScale, InOutList{pv.data(), 3}, norm.template as<In>(), 1.0);
    check(lastCode == 0 && close(*p[2].element(7), static_cast<long double>(before) / (*norm.element(0) + 1e-6L), kTolerance<T>), "clipScale");
  }
}

static void corners() {
  auto x = make<float>({7}, 0, [] { return 1.0f; });
  const float in[] = {3e9f, -3e9f, NAN, INFINITY, -2.7f, 2.7f, 300.f};
  for (int i = 0; i < 7; i++) *x.element(i) = in[i];
  auto i32 = zerosLike<int32_t>({7}, 0);
  auto u8 = zerosLike<uint8_t>({7}, 0);
  call(Op::copy, i32.as<Out>(), x.as<In>());
  call(Op::copy, u8.as<Out>(), x.as<In>());
  const int32_t want[] = {2147483647, -2147483647 - 1, 0, 2147483647, -2, 2, 300};
  const uint8_t bytes[] = {255, 0, 0, 255, 0, 2, 255};
  bool ok = true;
  for (int i = 0; i < 7; i++) ok = ok && *i32.element(i) == want[i] && *u8.element(i) == bytes[i];
  check(ok, "float to int saturates, NaN to 0");
  auto a = make<int32_t>({4}, 0, [] { return 0; }), b = a, q = zerosLike<int32_t>({4}, 0);
  b.v.data = b.memory.data() + 16;
  const int32_t num[] = {7, -7, -2147483647 - 1, 5}, den[] = {2, 2, -1, 0}, quotient[] = {3, -3, -2147483647 - 1, 0};
  for (int i = 0; i < 4; i++) *a.element(i) = num[i], *b.element(i) = den[i];
  call(Op::div, q.as<Out>(), a.operand(), b.operand());
  for (int i = 0; i < 4; i++) ok = ok && *q.element(i) == quotient[i];
  check(ok && lastCode == 0, "integer division is total");
  for (int64_t n : {int64_t{3}, int64_t{5000}, int64_t{300000}}) {
    auto y = make<float>({n}, 0, values<float>());
    *y.element(n / 2) = NAN, *y.element(n - 1) = NAN;
    auto top = zerosLike<float>({1}, 0);
    auto place = zerosLike<int64_t>({1}, 0);
    auto flag = zerosLike<uint8_t>({}, 0);
    flag.v.dtype = DType::boolean;
    call(Op::amax, top.as<Out>(), y.as<In>());
    call(Op::argmax, place.as<Out>(), y.as<In>());
    call(Op::anyNonFinite, flag.as<Out>(), y.as<In>());
    check(std::isnan(*top.element(0)) && *place.element(0) == n / 2 && *flag.element(0) == 1, "NaN wins");
    for (int64_t i = 0; i < n; i++) *y.element(i) = 2;
    call(Op::argmax, place.as<Out>(), y.as<In>());
    call(Op::anyNonFinite, flag.as<Out>(), y.as<In>());
    check(*place.element(0) == 0 && *flag.element(0) == 0, "first of equals");
  }
  auto r = zerosLike<float>({2, 3}, 1);
  call(Op::arange, r.as<Out>(), 1.0, 0.5);
  ok = true;
  for (int64_t i = 0; i < 6; i++) ok = ok && *r.element(i) == 1 + 0.5f * static_cast<float>(i);
  check(ok, "arange");
  call(Op::exp, i32.as<Out>(), i32.as<In>());
  check(lastCode == static_cast<int32_t>(Code::unsupported), "exp of integers is unsupported");
  call(Op::neg, r.as<Out>(), x.as<In>());
  check(lastCode == static_cast<int32_t>(Code::bounds), "shapes that differ are refused");
}

/// Same bits for any number of threads.
static void threadsAgree() {
  auto x = make<float>({700, 1000}, 0, values<float>());
  float first[2];
  for (int t = 0; t < 2; t++) {
    cpu::setThreads(t == 0 ? 1 : 4);
    auto out = zerosLike<float>({1, 1}, 0);
    call(Op::sum, out.as<Out>(), x.as<In>());
    first[t] = *out.element(0);
  }
  check(std::memcmp(&first[0], &first[1], 4) == 0, "sum for any number of threads");
}

int main() {
  struct { const char* name; const KernelRow* (*table)(); bool runs; } isas[] = {
      {"base", cpu::base::table, true},
      {"avx2", cpu::avx2::table, __builtin_cpu_supports("avx2") != 0},
      {"avx512", cpu::avx512::table, __builtin_cpu_supports("avx512bw") != 0}};
  for (auto& i : isas) {
    if (!i.runs) continue;
    isa = i.name;
    kernels = i.table();
    accuracy<float>();
    accuracy<double>();
    elementwise<float>(), elementwise<double>(), elementwise<int32_t>(), elementwise<int64_t>(), elementwise<uint8_t>();
    unaryAndGrad<float>(), unaryAndGrad<double>();
    reductions<float>(), reductions<double>(), reductions<int32_t>(), reductions<uint8_t>();
    rowsAndLosses<float>(), rowsAndLosses<double>();
    indexing<float>(), indexing<int64_t>();
    randomNumbers();
    optimizers<float>(), optimizers<double>();
    corners();
    threadsAgree();
  }
  std::printf("%ld passed, %ld failed\n", passed, failures);
  return failures == 0 ? 0 : 1;
}
